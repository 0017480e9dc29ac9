"""What the steps of an authorization request took in, as it is recorded (``domain/inputs.py``)."""

from domain.authorization.steps import AuthorizationFacts
from domain.inputs import AuthorizationInputs, Lifetimes, Step


def of_step(
    step: Step, facts: AuthorizationFacts, person: str | None, code_lifetime: int, lifetimes: Lifetimes
) -> AuthorizationInputs:
    """What a step took in. ``person``: who the grant is about, as far as that is known; else it is who has the
    session. ``code_lifetime`` and ``lifetimes`` are the settings'."""
    browser = facts.browser
    known = person or (browser.session.subject if browser else None)
    return AuthorizationInputs(
        facts.now,
        step,
        code_lifetime,
        session=None if browser is None or step == "sign_in" else browser.session_id,
        hint=None if facts.hinted_subject is None else facts.hinted_subject == known,
        lifetimes=None if facts.issue is None else lifetimes,
    )
