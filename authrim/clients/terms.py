"""What clients are checked against (``domain.registration.judgement``), from the settings. All callers use the same."""

from authrim.protocol.registered_keys import weak_keys_refusal
from authrim.settings import Settings
from domain.claim.catalogue import BUILT_IN, Catalogue
from domain.registration.admission import NOBODYS, Admission, RegistrationRules
from domain.registration.judgement import Terms


def settings_rules(settings: Settings) -> RegistrationRules:
    """What clients that register themselves may have, according to the settings."""
    return RegistrationRules(
        settings.registration_scope, settings.registration_grant_types, settings.registration_profile
    )


def own_terms(settings: Settings, rules: RegistrationRules, admission: Admission = NOBODYS) -> Terms:
    """For a client that registers or updates itself, or whose document does."""
    return Terms(settings.development, settings.signing_algorithms, weak_keys_refusal, rules, admission)


def administrators_terms(
    development: bool, algorithms: tuple[str, ...] = (), catalogue: Catalogue = BUILT_IN
) -> Terms:
    """For an administrator. ``algorithms``: those that the server has keys for; empty: unknown."""
    return Terms(development, algorithms, weak_keys_refusal, catalogue=catalogue)
