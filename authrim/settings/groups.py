"""The settings by subject. Each class is a section of ``docs/settings.md``; together they are ``Settings``.

A default is what a new installation should run with. Within its bounds the server keeps its promises.
"""

from pathlib import Path

from pydantic import BaseModel, Field, SecretStr

from authrim.settings.kinds import (
    Algorithms,
    Bytes,
    ClientCertificates,
    Count,
    Database,
    DestinationNames,
    DpopNonce,
    EncryptionAlgorithms,
    Issuer,
    KibiBytes,
    Language,
    LogFormat,
    LogLevel,
    MasterKeyList,
    Names,
    Networks,
    ProfileName,
    RegistrationMode,
    Seconds,
    TrustedAuthorities,
)


class Server(BaseModel):
    """Where the server is, for its users and for itself."""

    issuer: Issuer = Field(
        description="The issuer identifier: the public URL that every token, discovery document and redirect "
        "names, and that all other URLs are made from. Changing it makes every token of before invalid."
    )
    development: bool = Field(
        default=False,
        description="Allows plain HTTP and cookies without `Secure`. Accepted only while both `issuer` and "
        "`host` are this machine itself. `authrim dev` sets it; nothing else should.",
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="The address to listen on.")
    port: int = Field(
        default=8080, ge=0, le=65535, description="The TCP port to listen on; 0 takes a free one."
    )
    workers: Count = Field(
        default=1, ge=1, le=256, description="Server processes on this machine. SQLite allows one."
    )
    trusted_proxies: Networks = Field(
        default=(),
        description="Networks (CIDR) of the reverse proxies whose forwarding headers are believed. Empty "
        "believes nobody.",
    )
    trusted_proxy_depth: Count = Field(
        default=1, ge=1, le=10, description="How many proxies stand between a browser and this server."
    )
    features_on: Names = Field(
        default=(), description="Draft specifications to switch on, by their name in [specs.md](specs.md)."
    )
    features_off: Names = Field(
        default=(),
        description="Optional features to switch off, by their name in [specs.md](specs.md). What is off has no "
        "route and no metadata.",
    )


class Tls(BaseModel):
    """TLS by the server itself, and what it asks of clients there (RFC 8705)."""

    tls_certificate: Path | None = Field(
        default=None,
        description="A PEM file with the server's certificate and those that issued it: the server speaks TLS "
        "1.3 and 1.2 and no plain HTTP. SIGHUP reads it anew. With a certificate for an ECDSA key it is TLS 1.3 alone.",
    )
    tls_key: Path | None = Field(
        default=None, description="A PEM file with the private key of `tls_certificate`, not encrypted."
    )
    tls_client_certificates: ClientCertificates = Field(
        default="none",
        description="`request` asks every client for a certificate, which it may refuse. Browsers then ask their "
        "users for one: where people sign in, leave it and set `mtls_port`.",
    )
    mtls_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="A second TCP port with TLS, which asks for client certificates whatever the first one does.",
    )
    mtls_url: Issuer | None = Field(
        default=None,
        description="The public URL that stands in place of `issuer` where clients are asked for certificates; the "
        "metadata names its endpoints as `mtls_endpoint_aliases` (RFC 8705 §5). Empty: at `issuer` itself.",
    )
    tls_client_anchors: Path | None = Field(
        default=None,
        description="A PEM file of the authorities that may vouch for the certificates of clients "
        "(`tls_client_auth`). Read anew when it changes. Without it no such client gets in.",
    )
    tls_client_crls: Path | None = Field(
        default=None,
        description="A PEM file with a current revocation list of each of those authorities, and of those below "
        "them. Read anew when it changes; a list that is missing or too old keeps its authority's clients out.",
    )
    client_cert_proxies: Networks = Field(
        default=(),
        description="Networks (CIDR) of the reverse proxies whose `Client-Cert` header (RFC 9440) is believed, when "
        "they also send `client_cert_secret`. Such a proxy must remove that header from what it gets.",
    )
    client_cert_secret: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="What those proxies send as `Client-Cert-Secret`: 32 characters or more that nobody can guess.",
    )
    listen_socket: Path | None = Field(
        default=None,
        description="A Unix socket to listen on beside the port, for a reverse proxy on this machine. What comes by "
        "it comes from a proxy: its `X-Forwarded-For` and `Client-Cert` are believed without a secret.",
    )


class Log(BaseModel):
    """Where the event log lives, and how much may wait for it."""

    database: Database = Field(
        default=SecretStr("authrim.db"),
        description="A file name for the embedded SQLite store, or `postgresql://user:password@host/name`.",
    )
    database_pooled: bool = Field(
        default=False,
        description="A transaction pooler (PgBouncer) stands before PostgreSQL: no statement is kept prepared.",
    )
    database_listen: Database | None = Field(
        default=None,
        description="A direct `postgresql://` address for LISTEN, past a pooler. Without it the log is polled.",
    )
    append_queue_limit: Count = Field(
        default=4096,
        ge=64,
        le=65536,
        description="Appends that may wait in one process. One more is answered 503 with `Retry-After`.",
    )
    append_wait_seconds: Seconds = Field(
        default=1,
        ge=1,
        le=30,
        description="How long an append may wait to be sent before it is answered 503.",
    )


class Keys(BaseModel):
    """The master key, the keys that tokens are signed with, and those that clients encrypt to."""

    master_keys: MasterKeyList = Field(
        default=(),
        description="32 random bytes each, as base64url without padding. The first encrypts; the others "
        "only read what was encrypted before. What a lost one encrypted is lost. The last one also makes pairwise "
        "subjects: it stays the last.",
    )
    master_key_file: Path | None = Field(
        default=None, description="A file with the master keys, one a line, instead of `master_keys`."
    )
    signing_algorithms: Algorithms = Field(
        default=("ES256", "RS256"),
        min_length=1,
        description="The algorithms that the server keeps signing keys for. The first signs access tokens. "
        "OpenID Connect Core §15.1 wants `RS256` among them.",
    )
    encryption_algorithms: EncryptionAlgorithms = Field(
        default=("RSA-OAEP-256", "ECDH-ES"),
        description="The algorithms that the server keeps keys for, so that clients can encrypt request objects to it. "
        "`ECDH-ES` stands for its key wrapping variants too. Empty: nobody can.",
    )
    jwks_cache_seconds: Seconds = Field(
        default=900,
        ge=60,
        le=86400,
        description="How long others may cache the key set. A new key is published so long before it signs.",
    )


class Tokens(BaseModel):
    """How long what is handed out is good for."""

    code_lifetime: Seconds = Field(
        default=60, ge=5, le=60, description="An authorization code, from its issue to its redemption."
    )
    access_token_lifetime: Seconds = Field(
        default=600,
        ge=30,
        le=86400,
        description="An access token. A resource server that checks a JWT by itself does not hear of a "
        "revocation: this is the longest that it goes on accepting the token.",
    )
    id_token_lifetime: Seconds = Field(default=600, ge=30, le=86400, description="An ID token.")
    refresh_token_lifetime: Seconds = Field(
        default=2_592_000,
        ge=60,
        le=31_536_000,
        description="A refresh token that is not used. Each use begins anew.",
    )
    refresh_grace_seconds: Seconds = Field(
        default=10,
        ge=0,
        le=60,
        description="How long a refresh token that was just used still answers, with the same successor, for "
        "a client that lost the answer. 0 takes any second use for theft.",
    )
    refresh_grace_count: Count = Field(
        default=64, ge=1, le=1024, description="How often it may answer so within that time."
    )
    client_attesters: Path | None = Field(
        default=None,
        description="A file with the public keys (a JWK Set) of the attesters that are trusted to vouch for instances "
        "of clients. Without it nobody is. For the feature `client_attestation`.",
    )
    dpop_nonce: DpopNonce = Field(
        default="off",
        description="Whose DPoP proofs must hold a nonce of this server (RFC 9449 §8), so that none can be made in "
        "advance: nobody's (`off`), those of clients whose profile is FAPI 2 (`profile`), or everybody's (`required`). "
        "It costs a client one more request when its nonce has become too old.",
    )


class SignIn(BaseModel):
    """People, their sessions, and what slows down somebody who guesses."""

    interaction_lifetime: Seconds = Field(
        default=600,
        ge=60,
        le=3600,
        description="From an authorization request to the end of sign-in and consent.",
    )
    session_lifetime: Seconds = Field(
        default=43_200, ge=300, le=2_592_000, description="A browser's session, from sign-in to its end."
    )
    self_registration: bool = Field(
        default=False,
        description="Whether people make their own accounts: a page for it, a link to it on the sign-in page, and "
        "`prompt=create`. Off: accounts are made by an administrator alone.",
    )
    sign_in_attempts_per_account: Count = Field(
        default=5,
        ge=1,
        le=1000,
        description="Failed sign-ins for one login before its next tries must wait; and how often one "
        "authorization request may ask for a new account.",
    )
    sign_in_attempts_per_address: Count = Field(
        default=50,
        ge=1,
        le=100_000,
        description="Failed sign-ins from one address (IPv6: one /64) before its next tries must wait; and, counted on "
        "their own, new accounts that are asked for from there, made or not.",
    )
    sign_in_window_seconds: Seconds = Field(
        default=900,
        ge=10,
        le=86400,
        description="The window that failed sign-ins and new accounts are counted in.",
    )
    authorize_requests_per_minute: Count = Field(
        default=120,
        ge=1,
        le=100_000,
        description="Authorization requests from one address in a minute. Each is kept; more get 429.",
    )
    default_locale: Language = Field(
        default="en",
        description="The language of the pages where neither the request nor the browser asks for one.",
    )


class Requests(BaseModel):
    """How clients may send their authorization requests."""

    require_pushed_authorization_requests: bool = Field(
        default=False,
        description="Every client must push its requests (RFC 9126). One client alone: register "
        "`require_pushed_authorization_requests` for it.",
    )
    pushed_request_lifetime: Seconds = Field(
        default=60,
        ge=5,
        le=600,
        description="From a pushed request to the browser that brings its `request_uri` (RFC 9126 §2.2).",
    )
    pushed_requests_per_minute: Count = Field(
        default=6000,
        ge=1,
        le=10_000_000,
        description="Pushed requests of one authenticated client in a minute, in one process. Each is kept; more get "
        "429. Those of public clients count by address, as `authorize_requests_per_minute` says.",
    )
    require_signed_request_object: bool = Field(
        default=False,
        description="Every request must be a signed request object (RFC 9101). One client alone: register "
        "`require_signed_request_object` for it.",
    )
    request_objects_by_reference: bool = Field(
        default=False,
        description="Request objects may be behind a `request_uri` that the client has registered, and are fetched "
        "from there. OpenID Connect's dynamic profile needs it.",
    )
    request_objects_once: bool = Field(
        default=False,
        description="A request object needs `jti` and `exp`, and is taken once. Without it, it is taken until it "
        "expires, so that a page can be loaded again.",
    )
    request_object_typ_required: bool = Field(
        default=False,
        description="A request object without `typ` is refused (RFC 9101 §10.8.1). With a wrong one it always is.",
    )


class Passwords(BaseModel):
    """What a password check costs (argon2id), the server and an attacker alike."""

    argon2_memory: KibiBytes = Field(
        default=19_456, ge=8192, le=4_194_304, description="The memory of one password check."
    )
    argon2_time_cost: Count = Field(default=2, ge=1, le=20, description="Passes over that memory.")
    argon2_parallelism: Count = Field(default=1, ge=1, le=16, description="Lanes of one password check.")
    password_workers: Count = Field(
        default=2, ge=1, le=64, description="Password checks that run at once in one process."
    )
    password_queue_limit: Count = Field(
        default=64, ge=1, le=4096, description="Password checks that may wait. One more is answered 503."
    )


class Registration(BaseModel):
    """Clients that register themselves (RFC 7591), and what they may have."""

    registration: RegistrationMode = Field(
        default="initial_access_token",
        description="Who may register a client at `/register`: `off` nobody, `initial_access_token` whoever was given "
        "one (`authrim registration token create`), `open` anybody who can reach the server.",
    )
    registration_scope: Names = Field(
        default=("openid", "profile", "email", "address", "phone", "offline_access"),
        description="The scope values that such a client may ask for. An initial access token may say otherwise.",
    )
    registration_grant_types: Names = Field(
        default=("authorization_code", "implicit", "refresh_token"),
        description="The grant types that such a client may use. An initial access token may say otherwise.",
    )
    registration_profile: ProfileName = Field(
        default="oidc",
        description="The rules that such a client is held to. An initial access token may say otherwise.",
    )
    registrations_per_minute: Count = Field(
        default=10, ge=1, le=100_000, description="Registrations from one address in a minute; more get 429."
    )
    registrations_per_hour: Count = Field(
        default=1000,
        ge=1,
        le=10_000_000,
        description="Registrations from everywhere in an hour; more get 429.",
    )
    registration_updates_per_minute: Count = Field(
        default=10,
        ge=1,
        le=10_000,
        description="How often one client may change its registration in a minute. Each change is learned by every "
        "server process; more get 429.",
    )
    registration_secret_lifetime: Seconds = Field(
        default=0,
        ge=0,
        le=316_224_000,
        description="How long the secret of such a client is good. An update in the second half of that time gives "
        "it a new one. 0: for ever.",
    )
    client_metadata_document_cache_seconds: Seconds = Field(
        default=3600,
        ge=1,
        le=86_400,
        description="How long the metadata document of a client that has one is good before it is fetched again.",
    )
    software_statement_issuers: Path | None = Field(
        default=None,
        description="A JSON file of the issuers whose software statements are believed, each with its key set: "
        '`{"https://federation.example": {"keys": [...]}}`. Read at the start.',
    )
    software_statement_required: bool = Field(
        default=False, description="Whether a client that registers itself must show a software statement."
    )
    registration_token_rotation: bool = Field(
        default=True,
        description="Whether each update of a registration gives out a new registration access token. A client that "
        "loses the answer needs the administrator then.",
    )


class Outside(BaseModel):
    """Addresses that clients name and the server fetches or posts to: key sets, logos, logout (A112)."""

    egress_allow: DestinationNames = Field(
        default=(),
        description="Host names, addresses and networks (CIDR) that may be reached although they are not of the "
        "public internet: an intranet's own applications. Everything private is refused without it.",
    )
    egress_ca_file: TrustedAuthorities | None = Field(
        default=None,
        description="A PEM file of certificate authorities that are trusted beside the system's when something is "
        "fetched.",
    )
    egress_timeout_seconds: Seconds = Field(
        default=5,
        ge=1,
        le=60,
        description="For one fetch as a whole, from the look-up of the name to the last byte.",
    )
    egress_max_bytes: Bytes = Field(
        default=262_144, ge=1024, le=10_485_760, description="The largest document that is fetched."
    )
    client_jwks_fresh_seconds: Seconds = Field(
        default=600,
        ge=60,
        le=86400,
        description="How long a client's key set from its `jwks_uri` is used before it is fetched again. A key "
        "that the client has taken out of it is accepted for as long.",
    )
    client_jwks_max_age_seconds: Seconds = Field(
        default=3600,
        ge=60,
        le=604_800,
        description="How long it is used at most, while the address is away.",
    )
    client_jwks_refetch_seconds: Seconds = Field(
        default=60,
        ge=60,
        le=3600,
        description="The least time between two fetches for one client because of an unknown `kid`, and after a "
        "fetch that failed.",
    )


class Output(BaseModel):
    """What the process writes about itself, on standard error."""

    log_format: LogFormat = Field(
        default="json", description="`json` is one object a line, `pretty` is for reading in a terminal."
    )
    log_level: LogLevel = Field(default="info", description="The least important line that is written.")
