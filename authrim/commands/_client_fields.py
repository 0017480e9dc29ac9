"""From the options of ``client create`` and ``client update`` to the fields of ``ClientMetadata``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from authrim.commands._options import read_jwks, scope_values
from authrim.protocol.mtls import jwk_of
from domain.client.claim_mapping import TO_CLIENT, ClaimMapping
from domain.client.metadata import ClientMetadata

#: What ``--auth-method`` takes beside the names of RFC 7591 §2: a secret, sent by either of its two methods.
EITHER_SECRET: Final = "client_secret"  # noqa: S105 - the name of a method

#: Fields that hold lists: their options may be given several times.
_LISTS: Final = frozenset(
    {
        "redirect_uris", "grant_types", "response_types", "response_modes", "scope", "audiences",
        "protected_resources", "default_acr_values", "request_uris",
        "post_logout_redirect_uris", "client_attesters", "claim_mapping",
    }
)  # fmt: skip

#: What may be said of a mapping, beside its audiences.
_PARTS: Final = frozenset({"separator", "prefix", "to"})


def fields_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The given fields, by their names in ``ClientMetadata``. Raises click.BadParameter."""
    fields: dict[str, Any] = {}
    for name in ClientMetadata.__struct_fields__:
        value = options.get(name)
        if value is None or (name in _LISTS and not value):
            continue
        fields[name] = value
    if "scope" in fields:
        fields["scope"] = scope_values(fields["scope"])
    if "token_endpoint_auth_method" in fields:
        fields |= auth_method_fields(fields["token_endpoint_auth_method"])
    if "claim_mapping" in fields:
        fields["claim_mapping"] = tuple(_read_mapping(text) for text in fields["claim_mapping"])
    if "jwks" in fields:
        fields["jwks"] = read_jwks(fields["jwks"].read_bytes())
    if options.get("certificate") is not None:
        fields["jwks"] = _jwks_of_certificate(options["certificate"])
    return fields


def auth_method_fields(method: str) -> dict[str, Any]:
    """The method as it is registered. Naming one of the two that send a secret excludes the other."""
    either = method == EITHER_SECRET
    registered = ClientMetadata().token_endpoint_auth_method if either else method
    return {"token_endpoint_auth_method": registered, "either_secret_method": either}


def _read_mapping(text: str) -> ClaimMapping:
    """``groups=https://example.com/groups|separator=,|prefix=oidc:|to=access_token|audience=https://api.example.com/``"""
    mapping, *parts = text.split("|")
    claim, equals, name = mapping.partition("=")
    given = [part.partition("=")[::2] for part in parts]
    audiences = tuple(value for key, value in given if key == "audience")
    form = {key: value for key, value in given if key != "audience"}
    if not equals or len(form) + len(audiences) < len(parts) or not form.keys() <= _PARTS:
        raise click.BadParameter(
            "write CLAIM=NAME, then |separator=TEXT, |prefix=TEXT, |to=PLACE,PLACE and |audience=URI as needed",
            param_hint="--claim-mapping",
        )
    places = tuple(form["to"].split(",")) if "to" in form else TO_CLIENT
    return ClaimMapping(claim, name, form.get("separator"), form.get("prefix", ""), places, audiences)


def _jwks_of_certificate(path: Path) -> dict[str, Any]:
    """RFC 8705 §2.2.2: a certificate is registered as a key's ``x5c``."""
    try:
        return {"keys": [jwk_of(path.read_bytes())]}
    except ValueError:
        raise click.BadParameter(
            "the file holds no certificate in PEM form", param_hint="--certificate"
        ) from None
