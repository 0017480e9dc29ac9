"""The options that describe a client, shared by ``client create`` and ``client update``.

An option is named after its field of RFC 7591 §2; one that is not given is not in what the command receives.
"""

from pathlib import Path
from typing import Final

import click

from authrim.commands._client_fields import EITHER_SECRET
from authrim.commands._options import Decorator, with_options
from authrim.crypto.key_pair import SIGNING_ALGORITHMS
from domain.client.profile import ID_TOKEN_CLAIMS, PROFILES
from domain.client.subject_type import SUBJECT_TYPES
from domain.registration.encryption import CONTENT_ENCRYPTION, DEFAULT_ENC, KEY_MANAGEMENT
from domain.registration.policy import APPLICATION_TYPES, GRANT_TYPES
from domain.resource.resource import ACCESS_TOKEN_FORMATS
from domain.vocabulary.response_mode import RESPONSE_MODES
from domain.vocabulary.response_type import RESPONSE_TYPES

_METHODS: Final = tuple(
    sorted({EITHER_SECRET, *(name for profile in PROFILES.values() for name in profile.client_auth_methods)})
)
_ALGORITHM: Final = click.Choice(SIGNING_ALGORITHMS)
_SECONDS: Final = click.IntRange(min=0)

_OPTIONS: Final[tuple[Decorator, ...]] = (
    click.option("--name", "client_name", help="The name that people see when they are asked for consent."),
    click.option(
        "--redirect-uri",
        "redirect_uris",
        multiple=True,
        help="An address that responses may go to; repeatable.",
    ),
    click.option(
        "--plain-http/--no-plain-http",
        "plain_http_redirect_uris",
        default=None,
        help="Whether its redirect URIs may be http, for an intranet without TLS. Anybody in between can read.",
    ),
    click.option(
        "--grant-type", "grant_types", multiple=True, type=click.Choice(GRANT_TYPES), help="Repeatable."
    ),
    click.option(
        "--response-type",
        "response_types",
        multiple=True,
        type=click.Choice(RESPONSE_TYPES),
        help="A response type that the client may request; repeatable.",
    ),
    click.option(
        "--response-mode",
        "response_modes",
        multiple=True,
        type=click.Choice(RESPONSE_MODES),
        help="A response mode that the client may request; repeatable. Default: any.",
    ),
    click.option(
        "--auth-method",
        "token_endpoint_auth_method",
        type=click.Choice(_METHODS),
        help="How the client authenticates. client_secret: with its secret in the header or in the form.",
    ),
    click.option(
        "--public", "token_endpoint_auth_method", flag_value="none", help="The same as --auth-method none."
    ),
    click.option(
        "--auth-signing-alg",
        "token_endpoint_auth_signing_alg",
        type=_ALGORITHM,
        help="The algorithm that the client signs assertions with.",
    ),
    click.option(
        "--scope",
        multiple=True,
        help="The scope values that the client may request; repeatable, or separated by spaces.",
    ),
    click.option(
        "--audience", "audiences", multiple=True, help="A resource that tokens may be issued for; repeatable."
    ),
    click.option("--default-audience", help="The audience of a token when the request names no resource."),
    click.option(
        "--profile", type=click.Choice(tuple(PROFILES)), help="The profile that the client must meet."
    ),
    click.option(
        "--application-type",
        type=click.Choice(APPLICATION_TYPES),
        help="The type of application; decides which redirect URIs are allowed.",
    ),
    click.option(
        "--jwks",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A file with the client's public keys (a JWK Set).",
    ),
    click.option("--jwks-uri", help="The address of the client's public keys, instead of --jwks."),
    click.option(
        "--subject-type",
        type=click.Choice(SUBJECT_TYPES),
        help="pairwise: the client sees a pseudonym that is specific to its sector.",
    ),
    click.option(
        "--sector-identifier-uri",
        help="A document that lists the redirect URIs of all clients of the sector.",
    ),
    click.option(
        "--certificate",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="The client's certificate (PEM), registered as its only key; for self_signed_tls_client_auth.",
    ),
    click.option(
        "--tls-client-auth-subject-dn",
        help="The subject of the client's certificate, in the form of RFC 4514.",
    ),
    click.option("--tls-client-auth-san-dns", help="Alternatively, the DNS name in the certificate."),
    click.option("--tls-client-auth-san-uri", help="Alternatively, the URI in the certificate."),
    click.option("--tls-client-auth-san-ip", help="Alternatively, the IP address in the certificate."),
    click.option("--tls-client-auth-san-email", help="Alternatively, the email address in the certificate."),
    click.option(
        "--attester",
        "client_attesters",
        multiple=True,
        help="An attester of the client's instances, by its name in client_attesters; repeatable.",
    ),
    click.option(
        "--dpop-bound/--not-dpop-bound",
        "dpop_bound_access_tokens",
        default=None,
        help="Whether its access tokens must be bound to a DPoP key (RFC 9449).",
    ),
    click.option(
        "--certificate-bound/--not-certificate-bound",
        "tls_client_certificate_bound_access_tokens",
        default=None,
        help="Whether its access tokens are bound to its certificate (RFC 8705).",
    ),
    click.option(
        "--first-party/--third-party",
        "skip_consent",
        default=None,
        help="A first-party client does not ask for consent.",
    ),
    click.option(
        "--introspect/--no-introspect",
        "may_introspect",
        default=None,
        help="Whether the client may introspect tokens.",
    ),
    click.option(
        "--protected-resource",
        "protected_resources",
        multiple=True,
        help="A resource that the client serves; repeatable.",
    ),
    click.option(
        "--access-token-format",
        type=click.Choice(ACCESS_TOKEN_FORMATS),
        help="The format of its access tokens. Opaque tokens need introspection.",
    ),
    click.option(
        "--access-token-alg",
        "access_token_signing_alg",
        type=_ALGORITHM,
        help="The algorithm that signs its access tokens. Default: the first of signing_algorithms.",
    ),
    click.option(
        "--id-token-alg",
        "id_token_signed_response_alg",
        type=_ALGORITHM,
        help="The algorithm that signs its ID tokens. Default: RS256 where profile and server have it, else the first.",
    ),
    click.option(
        "--id-token-claims",
        type=click.Choice(ID_TOKEN_CLAIMS),
        help="scopes: its ID tokens hold the claims of the granted scopes too; minimal: userinfo alone does.",
    ),
    click.option(
        "--claim-mapping",
        multiple=True,
        metavar="CLAIM=NAME[|PART]...",
        help="Tell it a claim under another name or in another form; repeatable. CLAIM= keeps the name. A PART is "
        "separator=TEXT (an array becomes one string), prefix=TEXT, to=PLACE,PLACE (of id_token, userinfo, "
        "access_token, introspection; default: id_token,userinfo), or audience=URI, a resource whose access tokens "
        "or introspection may hold it.",
    ),
    click.option(
        "--response-alg",
        "authorization_signed_response_alg",
        type=_ALGORITHM,
        help="The algorithm that signs its authorization responses (JARM).",
    ),
    click.option(
        "--response-encryption-alg",
        "authorization_encrypted_response_alg",
        type=click.Choice(KEY_MANAGEMENT),
        help="The algorithm that encrypts its authorization responses (JARM).",
    ),
    click.option(
        "--response-encryption-enc",
        "authorization_encrypted_response_enc",
        type=click.Choice(CONTENT_ENCRYPTION),
        help=f"What encrypts their content; without it {DEFAULT_ENC}.",
    ),
    click.option(
        "--id-token-encryption-alg",
        "id_token_encrypted_response_alg",
        type=click.Choice(KEY_MANAGEMENT),
        help="The algorithm that encrypts its ID tokens.",
    ),
    click.option(
        "--id-token-encryption-enc",
        "id_token_encrypted_response_enc",
        type=click.Choice(CONTENT_ENCRYPTION),
        help=f"What encrypts their content; without it {DEFAULT_ENC}.",
    ),
    click.option(
        "--userinfo-alg",
        "userinfo_signed_response_alg",
        type=_ALGORITHM,
        help="The algorithm that signs userinfo. Default: plain JSON.",
    ),
    click.option(
        "--userinfo-encryption-alg",
        "userinfo_encrypted_response_alg",
        type=click.Choice(KEY_MANAGEMENT),
        help="The algorithm that encrypts userinfo.",
    ),
    click.option(
        "--userinfo-encryption-enc",
        "userinfo_encrypted_response_enc",
        type=click.Choice(CONTENT_ENCRYPTION),
        help=f"What encrypts its content; without it {DEFAULT_ENC}.",
    ),
    click.option("--access-token-lifetime", type=_SECONDS, help="In seconds."),
    click.option("--refresh-token-lifetime", type=_SECONDS, help="In seconds."),
    click.option(
        "--refresh-grace-seconds",
        type=_SECONDS,
        help="How long a used token returns its successor. 0: every reuse ends the grant.",
    ),
    click.option(
        "--default-max-age",
        type=_SECONDS,
        help="The age of a sign-in, in seconds, after which people sign in again.",
    ),
    click.option(
        "--acr-value",
        "default_acr_values",
        multiple=True,
        help="A default authentication context class; repeatable.",
    ),
    click.option(
        "--require-pushed-requests/--any-requests",
        "require_pushed_authorization_requests",
        default=None,
        help="Whether the client must push its requests (RFC 9126).",
    ),
    click.option(
        "--require-signed-requests/--unsigned-requests",
        "require_signed_request_object",
        default=None,
        help="Whether the client must sign its requests (RFC 9101).",
    ),
    click.option(
        "--request-object-alg",
        "request_object_signing_alg",
        type=_ALGORITHM,
        help="The algorithm that it signs requests with. Default: any that its profile allows.",
    ),
    click.option(
        "--request-uri",
        "request_uris",
        multiple=True,
        help="An address that request objects may be fetched from; repeatable.",
    ),
    click.option("--logo-uri", help="The address of its logo; fetched once, unless --logo gives one."),
    click.option("--client-uri", help="Its home page."),
    click.option("--policy-uri", help="Its privacy policy, linked on the consent page."),
    click.option("--initiate-login-uri", help="The https address where others may start a sign-in."),
    click.option("--tos-uri", help="Its terms of service, linked on the consent page."),
    click.option(
        "--post-logout-redirect-uri",
        "post_logout_redirect_uris",
        multiple=True,
        help="An address that browsers may return to after a logout; repeatable.",
    ),
    click.option(
        "--frontchannel-logout-uri", help="The client's page that logs people out, loaded in a frame."
    ),
    click.option(
        "--frontchannel-logout-session-required/--no-frontchannel-logout-session-required",
        default=None,
        help="Whether that page needs iss and sid.",
    ),
    click.option("--backchannel-logout-uri", help="The address that gets logout tokens."),
    click.option(
        "--backchannel-logout-session-required/--no-backchannel-logout-session-required",
        default=None,
        help="Whether logout tokens need a sid.",
    ),
)


#: For both commands, beside the fields: a file becomes a picture of ours, not a field (decisions.md 29).
logo_option: Final[Decorator] = click.option(
    "--logo", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
    help="Show this picture on the sign-in and consent pages: PNG, JPEG, GIF or WebP, at most 1 MiB.",
)  # fmt: skip


#: Gives a command the options of a client.
client_options: Final = with_options(_OPTIONS)
