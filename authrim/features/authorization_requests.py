"""How a client may send its authorization request: pushed, or signed."""

from typing import Any, Final

from authrim.authorization.pushed_endpoint import PUSH
from authrim.core.parts import Core
from authrim.crypto.jwe import CONTENT_ENCRYPTION, KEY_MANAGEMENT
from authrim.features.feature import Feature, Route
from authrim.web.overload import Urgency
from domain.client.profile import PROFILES
from domain.stream import DEFAULT_TENANT
from domain.vocabulary.features import PUSHED_REQUESTS, REQUEST_OBJECTS


def _pushed(core: Core) -> dict[str, Any]:
    return {
        "pushed_authorization_request_endpoint": core.url("/par"),
        "require_pushed_authorization_requests": core.settings.require_pushed_authorization_requests,
    }


def _signed(core: Core) -> dict[str, Any]:
    algorithms = {alg for profile in PROFILES.values() for alg in profile.signing_algorithms}
    document: dict[str, Any] = {
        "request_parameter_supported": True,
        "request_uri_parameter_supported": core.settings.request_objects_by_reference,
        "require_signed_request_object": core.settings.require_signed_request_object,
        "request_object_signing_alg_values_supported": sorted(algorithms),
    }
    if core.settings.request_objects_by_reference:
        document["require_request_uri_registration"] = True
    opening = {key.alg for key in core.key_ring.decryption_keys(DEFAULT_TENANT, core.now())}
    if opening:
        document["request_object_encryption_alg_values_supported"] = [
            alg for alg in KEY_MANAGEMENT if alg.split("+")[0] in opening
        ]
        document["request_object_encryption_enc_values_supported"] = list(CONTENT_ENCRYPTION)
    return document


AUTHORIZATION_REQUESTS: Final[tuple[Feature, ...]] = (
    Feature(
        PUSHED_REQUESTS,
        "RFC 9126",
        (Route("POST", "/par", PUSH.handle, "par", scripts=True),),
        _pushed,
        optional=True,
        urgency=Urgency.TOKEN,
    ),
    Feature(
        REQUEST_OBJECTS,
        "RFC 9101, OpenID Connect Core 1.0 §6",
        metadata=_signed,
        optional=True,
    ),
)
