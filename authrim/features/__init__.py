"""Every feature once, one file per area. Routing and discovery are computed from this table.

A feature that is off leaves no route and no metadata. ``docs/specs.md`` is written from the table.
"""

from typing import Any, Final

from authrim.core.parts import Core
from authrim.features.auditor import AUDITOR
from authrim.features.authorization_requests import AUTHORIZATION_REQUESTS
from authrim.features.feature import Feature, Route
from authrim.features.logout import LOGOUT
from authrim.features.mtls import MUTUAL_TLS, mtls_endpoint_aliases
from authrim.features.openid_connect import OPENID_CONNECT
from authrim.features.own import OWN
from authrim.features.own_to_a_client import OWN_TO_A_CLIENT
from authrim.features.registration import REGISTRATION
from authrim.features.responses import RESPONSES
from authrim.features.sender_constraint import SENDER_CONSTRAINT
from authrim.features.streams import STREAMS
from authrim.features.tokens import TOKENS
from authrim.features.transparency import TRANSPARENCY
from authrim.settings import Settings

__all__ = ["FEATURES", "Feature", "Route", "UnknownFeature", "enabled", "server_metadata"]

FEATURES: Final[tuple[Feature, ...]] = (
    *OPENID_CONNECT,
    *OWN_TO_A_CLIENT,
    *RESPONSES,
    *AUTHORIZATION_REQUESTS,
    *LOGOUT,
    *TOKENS,
    *REGISTRATION,
    *SENDER_CONSTRAINT,
    *MUTUAL_TLS,
    *OWN,
    *AUDITOR,
    *TRANSPARENCY,
    *STREAMS,
)


class UnknownFeature(ValueError):
    """The settings name a feature that does not exist, or that cannot be switched."""


def enabled(settings: Settings) -> tuple[Feature, ...]:
    """The features that are on: all stable ones without ``features_off``, and the drafts of ``features_on``."""
    drafts = {feature.name for feature in FEATURES if feature.is_draft}
    optional = {feature.name for feature in FEATURES if feature.optional}
    _refuse_unknown("features_on", settings.features_on, drafts)
    _refuse_unknown("features_off", settings.features_off, optional)
    on = drafts & set(settings.features_on)
    off = (drafts - on) | set(settings.features_off)
    return tuple(feature for feature in FEATURES if feature.name not in off and feature.possible(settings))


def _refuse_unknown(setting: str, names: tuple[str, ...], known: set[str]) -> None:
    for name in names:
        if name not in known:
            listed = ", ".join(sorted(known)) or "nothing"
            raise UnknownFeature(f"{setting} names {name}; it may name {listed}")


def server_metadata(core: Core) -> dict[str, Any]:
    """The authorization server metadata (RFC 8414 §2, OpenID Connect Discovery §3) of all features that are on."""
    features = enabled(core.settings)
    document: dict[str, Any] = {}
    for feature in features:
        document |= feature.metadata(core)
    grant_types = [name for feature in features for name in feature.grant_types]
    document["grant_types_supported"] = list(dict.fromkeys(grant_types))
    return document | mtls_endpoint_aliases(core, document)
