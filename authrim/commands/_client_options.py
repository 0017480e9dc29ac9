"""The options that describe a client, shared by ``client create`` and ``client update``.

An option is named after its field of RFC 7591 §2; one that is not given is not in what the command receives.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click

from authrim.crypto import strict_json
from authrim.crypto.key_pair import SIGNING_ALGORITHMS
from authrim.protocol.mtls import jwk_of
from domain.client.metadata import ClientMetadata
from domain.client.profile import PROFILES
from domain.client.subject_type import SUBJECT_TYPES
from domain.registration.encryption import CONTENT_ENCRYPTION, DEFAULT_ENC, KEY_MANAGEMENT
from domain.registration.policy import ACCESS_TOKEN_FORMATS, APPLICATION_TYPES, GRANT_TYPES
from domain.vocabulary.response_mode import RESPONSE_MODES
from domain.vocabulary.response_type import RESPONSE_TYPES

#: Fields that hold lists: their options may be given several times.
_LISTS: Final = frozenset(
    {
        "redirect_uris", "grant_types", "response_types", "response_modes", "scope", "audiences",
        "protected_resources", "default_acr_values", "request_uris",
        "post_logout_redirect_uris", "client_attesters",
    }
)  # fmt: skip

_METHODS: Final = tuple(
    sorted({name for profile in PROFILES.values() for name in profile.client_auth_methods})
)
_ALGORITHM: Final = click.Choice(SIGNING_ALGORITHMS)
_SECONDS: Final = click.IntRange(min=0)

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_OPTIONS: Final[tuple[Decorator, ...]] = (
    click.option("--name", "client_name", help="The name that people see when they are asked for consent."),
    click.option("--redirect-uri", "redirect_uris", multiple=True, help="Where answers may go; repeatable."),
    click.option(
        "--grant-type", "grant_types", multiple=True, type=click.Choice(GRANT_TYPES), help="Repeatable."
    ),
    click.option(
        "--response-type",
        "response_types",
        multiple=True,
        type=click.Choice(RESPONSE_TYPES),
        help="What the authorization endpoint may answer with; repeatable.",
    ),
    click.option(
        "--response-mode",
        "response_modes",
        multiple=True,
        type=click.Choice(RESPONSE_MODES),
        help="Without: any.",
    ),
    click.option(
        "--auth-method",
        "token_endpoint_auth_method",
        type=click.Choice(_METHODS),
        help="How it authenticates.",
    ),
    click.option(
        "--public", "token_endpoint_auth_method", flag_value="none", help="The same as --auth-method none."
    ),
    click.option(
        "--auth-signing-alg",
        "token_endpoint_auth_signing_alg",
        type=_ALGORITHM,
        help="What it signs assertions with.",
    ),
    click.option("--scope", multiple=True, help="What may be asked for; repeatable, or in one text."),
    click.option("--audience", "audiences", multiple=True, help="A resource tokens may be for; repeatable."),
    click.option("--default-audience", help="Whom a token is for when the request names no resource."),
    click.option("--profile", type=click.Choice(tuple(PROFILES)), help="The rules the client is held to."),
    click.option(
        "--application-type", type=click.Choice(APPLICATION_TYPES), help="Which redirect URIs it may have."
    ),
    click.option(
        "--jwks", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A file of public keys."
    ),
    click.option("--jwks-uri", help="Where its public keys are published, instead of --jwks."),
    click.option(
        "--subject-type",
        type=click.Choice(SUBJECT_TYPES),
        help="pairwise: people have a pseudonym for its sector.",
    ),
    click.option(
        "--sector-identifier-uri", help="A document that lists the redirect URIs of its whole sector."
    ),
    click.option(
        "--certificate",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Its certificate (PEM), as the one key of its jwks: for self_signed_tls_client_auth.",
    ),
    click.option(
        "--tls-client-auth-subject-dn", help="The subject of its certificate, as RFC 4514 writes it."
    ),
    click.option("--tls-client-auth-san-dns", help="Or the host name in its certificate."),
    click.option("--tls-client-auth-san-uri", help="Or the URI in its certificate."),
    click.option("--tls-client-auth-san-ip", help="Or the address in its certificate."),
    click.option("--tls-client-auth-san-email", help="Or the mail address in its certificate."),
    click.option(
        "--attester",
        "client_attesters",
        multiple=True,
        help="Who may vouch for its instances, by the name in client_attesters; repeatable.",
    ),
    click.option(
        "--dpop-bound/--not-dpop-bound",
        "dpop_bound_access_tokens",
        default=None,
        help="Its tokens are bound to a key that it proves (RFC 9449).",
    ),
    click.option(
        "--certificate-bound/--not-certificate-bound",
        "tls_client_certificate_bound_access_tokens",
        default=None,
        help="Bind its access tokens to the certificate it shows.",
    ),
    click.option(
        "--first-party/--third-party", "skip_consent", default=None, help="Ask people for no consent, or do."
    ),
    click.option(
        "--introspect/--no-introspect", "may_introspect", default=None, help="May introspect tokens."
    ),
    click.option(
        "--protected-resource", "protected_resources", multiple=True, help="A resource the client is."
    ),
    click.option(
        "--access-token-format",
        type=click.Choice(ACCESS_TOKEN_FORMATS),
        help="Opaque ones need introspection.",
    ),
    click.option(
        "--access-token-alg",
        "access_token_signing_alg",
        type=_ALGORITHM,
        help="What signs its access tokens.",
    ),
    click.option(
        "--id-token-alg", "id_token_signed_response_alg", type=_ALGORITHM, help="What signs its ID tokens."
    ),
    click.option(
        "--response-alg",
        "authorization_signed_response_alg",
        type=_ALGORITHM,
        help="What signs its authorization responses in a .jwt response mode (JARM).",
    ),
    click.option(
        "--response-encryption-alg",
        "authorization_encrypted_response_alg",
        type=click.Choice(KEY_MANAGEMENT),
        help="Encrypt those responses to a key of its own with this.",
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
        help="Encrypt its ID tokens to a key of its own with this.",
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
        help="What signs userinfo; without: plain JSON.",
    ),
    click.option(
        "--userinfo-encryption-alg",
        "userinfo_encrypted_response_alg",
        type=click.Choice(KEY_MANAGEMENT),
        help="Encrypt userinfo to a key of its own with this.",
    ),
    click.option(
        "--userinfo-encryption-enc",
        "userinfo_encrypted_response_enc",
        type=click.Choice(CONTENT_ENCRYPTION),
        help=f"What encrypts its content; without it {DEFAULT_ENC}.",
    ),
    click.option("--access-token-lifetime", type=_SECONDS, help="In seconds."),
    click.option("--refresh-token-lifetime", type=_SECONDS, help="In seconds."),
    click.option("--refresh-grace-seconds", type=_SECONDS, help="0: any second use is taken for theft."),
    click.option("--default-max-age", type=_SECONDS, help="Seconds after which people sign in again."),
    click.option(
        "--acr-value", "default_acr_values", multiple=True, help="A wanted context of sign-in; repeatable."
    ),
    click.option(
        "--require-pushed-requests/--any-requests",
        "require_pushed_authorization_requests",
        default=None,
        help="Takes pushed requests only (RFC 9126), or any.",
    ),
    click.option(
        "--require-signed-requests/--unsigned-requests",
        "require_signed_request_object",
        default=None,
        help="Takes signed requests only (RFC 9101), or others too.",
    ),
    click.option(
        "--request-object-alg",
        "request_object_signing_alg",
        type=_ALGORITHM,
        help="What it signs its requests with; without: any that its profile allows.",
    ),
    click.option(
        "--request-uri", "request_uris", multiple=True, help="Where a signed request may be; repeatable."
    ),
    click.option("--logo-uri", help="Where its logo is published; fetched once, unless --logo gives one."),
    click.option("--client-uri", help="Its home page."),
    click.option("--policy-uri", help="Its privacy policy, linked on the consent page."),
    click.option("--initiate-login-uri", help="Where somebody else may begin its sign-in; https."),
    click.option("--tos-uri", help="Its terms of service, linked on the consent page."),
    click.option(
        "--post-logout-redirect-uri",
        "post_logout_redirect_uris",
        multiple=True,
        help="Where browsers may go after a logout; repeatable.",
    ),
    click.option(
        "--frontchannel-logout-uri", help="A page of its own that logs people out, shown in a frame."
    ),
    click.option(
        "--frontchannel-logout-session-required/--no-frontchannel-logout-session-required",
        default=None,
        help="It needs iss and sid there.",
    ),
    click.option("--backchannel-logout-uri", help="Where the server tells it of logouts."),
    click.option(
        "--backchannel-logout-session-required/--no-backchannel-logout-session-required",
        default=None,
        help="It needs the sid there.",
    ),
)


#: For both commands, beside the fields: a file becomes a picture of ours, not a field (decisions.md 29).
logo_option: Final[Decorator] = click.option(
    "--logo", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
    help="Show this picture on the sign-in and consent pages: PNG, JPEG, GIF or WebP, at most 1 MiB.",
)  # fmt: skip


def client_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a client."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def fields_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that were given, as ``ClientMetadata`` has them. Raises click.BadParameter."""
    fields: dict[str, Any] = {}
    for name in ClientMetadata.__struct_fields__:
        value = options.get(name)
        if value is None or (name in _LISTS and not value):
            continue
        fields[name] = value
    if "scope" in fields:
        fields["scope"] = tuple(dict.fromkeys(" ".join(fields["scope"]).split()))
    if "jwks" in fields:
        fields["jwks"] = _read_jwks(fields["jwks"])
    if options.get("certificate") is not None:
        fields["jwks"] = _jwks_of_certificate(options["certificate"])
    return fields


def _jwks_of_certificate(path: Path) -> dict[str, Any]:
    """RFC 8705 §2.2.2: a certificate is registered as a key's ``x5c``."""
    try:
        return {"keys": [jwk_of(path.read_bytes())]}
    except ValueError:
        raise click.BadParameter(
            "the file holds no certificate in PEM form", param_hint="--certificate"
        ) from None


def _read_jwks(path: Path) -> dict[str, Any]:
    """A key set as RFC 7517 §5 has it. A syntax error is reported without what stands there."""
    try:
        jwks = strict_json.loads(path.read_bytes())
    except strict_json.JsonRefused as refused:
        raise click.BadParameter(f"the file is {refused}", param_hint="--jwks") from None
    if not isinstance(jwks, dict):
        raise click.BadParameter('the file is not a key set: {"keys": […]}', param_hint="--jwks")
    return jwks
