"""The settings that processes started with: what is an event, and what the state is afterwards."""

import hashlib
import json
from base64 import urlsafe_b64encode

from domain.setting.events import SettingsChanged
from domain.setting.settings import NOTHING_RECORDED, decide_start, fold

FIRST = {"registration": "open", "access_token_lifetime": 600, "scopes": ["a", "b"]}
DIGEST = (
    urlsafe_b64encode(
        hashlib.sha256(json.dumps(FIRST, sort_keys=True, separators=(",", ":")).encode()).digest()
    )
    .rstrip(b"=")
    .decode()
)


def test_the_first_start_records_all() -> None:
    """A265: with nothing recorded, all settings differ. The digest is what everybody can compute from them."""
    decision = decide_start(NOTHING_RECORDED, FIRST, 7)
    assert decision.events == (SettingsChanged(DIGEST, FIRST, 7),)
    assert fold(decision.events) == FIRST


def test_the_same_settings_are_no_event() -> None:
    """A265: a restart, or another process of the same server, records nothing."""
    assert decide_start(FIRST, dict(reversed(FIRST.items())), 8).events == ()


def test_only_what_differs_is_recorded() -> None:
    """A265: a new value, a new setting, and one that the started version does not have any more."""
    later = {"registration": "off", "access_token_lifetime": 600, "dpop_nonce": "required"}
    (event,) = decide_start(FIRST, later, 9).events
    assert isinstance(event, SettingsChanged)
    assert event.changed == {"registration": "off", "dpop_nonce": "required"}
    assert event.removed == ("scopes",)
    assert fold((event,), FIRST) == later
    assert decide_start(fold((event,), FIRST), later, 10).events == ()


def test_going_back_is_a_change_too() -> None:
    """A265: a setting that is weakened for a while and put back leaves two events."""
    weak = FIRST | {"access_token_lifetime": 86400}
    there, back = decide_start(FIRST, weak, 1).events, decide_start(weak, FIRST, 2).events
    assert [len(there), len(back)] == [1, 1]
    assert fold((*there, *back), FIRST) == FIRST
