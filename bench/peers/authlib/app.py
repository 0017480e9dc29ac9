"""Authlib as a peer of the benchmark: its OpenID provider for Flask, with its SQLAlchemy mixins.

From the environment: ``ISSUER``, ``DATABASE_URL``, ``CLIENT_SECRET`` of the clients ``jwt`` and ``opaque``, which are
named after the format of their access tokens, and ``KEY_FILE``, a P-256 key. Authlib stores every token, also signed
ones, and introspects both by that row.
"""

import os
import time
from pathlib import Path
from typing import Any

from authlib.common.security import generate_token
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.sqla_oauth2 import create_query_client_func, create_save_token_func
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode, OpenIDToken
from flask import Flask, Response, jsonify, session
from joserfc.jwk import ECKey, KeySet
from models import AuthorizationCode, OAuthClient, Token, User, database

ISSUER, HOUR = os.environ["ISSUER"], 3600
KEY = ECKey.import_key(
    Path(os.environ["KEY_FILE"]).read_text(), {"kid": "first", "use": "sig", "alg": "ES256"}
)
KEYS = KeySet([KEY])

app = Flask(__name__)
app.config.update(
    SECRET_KEY=os.urandom(32),
    SQLALCHEMY_DATABASE_URI=os.environ["DATABASE_URL"],
    SQLALCHEMY_ENGINE_OPTIONS={"pool_size": 10},
)
database.init_app(app)


def add_once(records: list[Any], known: Any) -> None:
    if known is None:
        database.session.add_all(records)
        database.session.commit()


def client_of(name: str) -> OAuthClient:
    client = OAuthClient(client_id=name, client_secret=os.environ["CLIENT_SECRET"], client_id_issued_at=0)
    client.set_client_metadata({
        "client_name": name,
        "redirect_uris": ["https://rp.example/cb"],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "response_types": ["code"],
        "scope": "openid offline_access api",
        "token_endpoint_auth_method": "client_secret_basic",
        "id_token_signed_response_alg": "ES256",
    })  # fmt: skip
    return client


with app.app_context():
    database.create_all()
    add_once(
        [User(id=1, login="alice"), client_of("jwt"), client_of("opaque")], database.session.get(User, 1)
    )


class SignedTokens(JWTBearerTokenGenerator):
    def get_jwks(self) -> KeySet:
        return KEYS


def random_token(*_: Any, **__: Any) -> str:
    return str(generate_token(42))


signed = SignedTokens(ISSUER, alg="ES256", expires_generator=lambda *_: HOUR)
opaque = BearerTokenGenerator(random_token, random_token, expires_generator=lambda *_: HOUR)


def tokens(*, client: OAuthClient, **facts: Any) -> dict[str, Any]:
    make = signed if client.client_id == "jwt" else opaque
    return make(client=client, **facts)


class Code(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

    def save_authorization_code(self, code: str, request: Any) -> None:
        asked = request.payload.data
        database.session.add(
            AuthorizationCode(
                code=code,
                client_id=request.client.client_id,
                redirect_uri=request.payload.redirect_uri,
                scope=request.payload.scope,
                nonce=asked.get("nonce"),
                code_challenge=asked.get("code_challenge"),
                code_challenge_method=asked.get("code_challenge_method"),
                user_id=request.user.id,
            )
        )
        database.session.commit()

    def query_authorization_code(self, code: str, client: OAuthClient) -> AuthorizationCode | None:
        found = AuthorizationCode.query.filter_by(code=code, client_id=client.client_id).first()
        return None if found is None or found.is_expired() else found

    def delete_authorization_code(self, authorization_code: AuthorizationCode) -> None:
        database.session.delete(authorization_code)
        database.session.commit()

    def authenticate_user(self, authorization_code: AuthorizationCode) -> User | None:
        return database.session.get(User, authorization_code.user_id)


class Refresh(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        found = Token.query.filter_by(refresh_token=refresh_token).first()
        return found if found is not None and found.may_refresh() else None

    def authenticate_user(self, refresh_token: Token) -> User | None:
        return database.session.get(User, refresh_token.user_id)

    def revoke_old_credential(self, refresh_token: Token) -> None:
        refresh_token.revoke()
        database.session.commit()


class _IdTokens:
    """How ID tokens are signed and what they say."""

    def resolve_client_private_key(self, _client: OAuthClient) -> ECKey:
        return KEY

    def get_client_algorithm(self, _client: OAuthClient) -> str:
        return "ES256"

    def get_encode_header(self, _client: OAuthClient) -> dict[str, str]:
        return {"alg": "ES256", "kid": "first"}

    def get_client_claims(self, client: OAuthClient) -> dict[str, Any]:
        return {"iss": ISSUER, "aud": [client.client_id], "exp": int(time.time()) + HOUR}

    def generate_user_info(self, user: User, _scope: str) -> UserInfo:
        return UserInfo(sub=str(user.id))


class IdTokenForCode(_IdTokens, OpenIDCode):
    def exists_nonce(self, nonce: str, request: Any) -> bool:
        known = AuthorizationCode.query.filter_by(client_id=request.payload.client_id, nonce=nonce)
        return known.first() is not None


class IdTokenForRefresh(_IdTokens, OpenIDToken):
    pass


class Introspection(IntrospectionEndpoint):
    def query_token(self, token_string: str, _hint: str | None) -> Token | None:
        return Token.query.filter_by(access_token=token_string).first()

    def check_permission(self, token: Token, client: OAuthClient, _request: Any) -> bool:
        return bool(token.client_id == client.client_id)

    def introspect_token(self, token: Token) -> dict[str, Any]:
        return {
            "active": True,
            "iss": ISSUER,
            "sub": str(token.user_id or token.client_id),
            "client_id": token.client_id,
            "scope": token.get_scope(),
            "token_type": token.token_type,
            "iat": token.issued_at,
            "exp": token.issued_at + token.expires_in,
        }


def save_token(token: dict[str, Any], request: Any) -> None:
    _save({name: value for name, value in token.items() if name != "id_token"}, request)


_save = create_save_token_func(database.session, Token)
server = AuthorizationServer(app, create_query_client_func(database.session, OAuthClient), save_token)
server.register_token_generator("default", tokens)
server.register_grant(grants.ClientCredentialsGrant)
server.register_grant(Code, [IdTokenForCode(), CodeChallenge(required=True)])
server.register_grant(Refresh, [IdTokenForRefresh()])
server.register_endpoint(Introspection)


@app.get("/sign-in")
def sign_in() -> str:
    """In place of a page with a password."""
    session["user"] = 1
    return "signed in"


@app.get("/authorize")
def authorize() -> Response | tuple[str, int]:
    user = database.session.get(User, session["user"]) if "user" in session else None
    if user is None:
        return "not signed in", 401
    grant = server.get_consent_grant(end_user=user)
    return server.create_authorization_response(grant=grant, grant_user=user)


@app.post("/token")
def token() -> Response:
    return server.create_token_response()


@app.post("/introspect")
def introspect() -> Response:
    return server.create_endpoint_response("introspection")


@app.get("/jwks")
def jwks() -> Response:
    return jsonify(KEYS.as_dict(private=False))


@app.get("/.well-known/openid-configuration")
def discovery() -> Response:
    """Authlib checks such a document, and leaves the route to the user."""
    return jsonify(
        issuer=ISSUER,
        authorization_endpoint=f"{ISSUER}/authorize",
        token_endpoint=f"{ISSUER}/token",
        introspection_endpoint=f"{ISSUER}/introspect",
        jwks_uri=f"{ISSUER}/jwks",
        response_types_supported=["code"],
        response_modes_supported=["query"],
        grant_types_supported=["authorization_code", "refresh_token", "client_credentials"],
        subject_types_supported=["public"],
        id_token_signing_alg_values_supported=["ES256"],
        token_endpoint_auth_methods_supported=["client_secret_basic"],
        code_challenge_methods_supported=["S256"],
        scopes_supported=["openid", "offline_access", "api"],
    )
