"""People, their sessions, and the limits for guessing passwords."""

from pydantic import Field

from authrim.settings.kinds import Count, Group, Language, Milliseconds, Seconds
from domain.units import DAY, HOUR


class SignIn(Group):
    """People, their sessions, and the limits for guessing passwords."""

    interaction_lifetime: Seconds = Field(
        default=600,
        ge=60,
        le=HOUR,
        description="The time from an authorization request to the end of sign-in and consent.",
    )
    consent_pause: Milliseconds = Field(
        default=1500,
        ge=0,
        le=10_000,
        description="How long the consent page must have been shown before it accepts an answer, so that a "
        "double click on the previous page does not give consent. Set it to 0 only if a script "
        "answers, as in a conformance suite.",
    )
    redirect_errors_at_once: bool = Field(
        default=False,
        description="Whether a client that registered itself gets an error by redirect before anybody has "
        "signed in and given it consent. If off, a page names the client's host and links to it "
        "(RFC 9700 §4.11.2). Switch it on only for a conformance suite.",
    )
    session_lifetime: Seconds = Field(
        default=43_200,
        ge=300,
        le=2_592_000,
        description="The lifetime of a browser's session, from the sign-in.",
    )
    self_registration: bool = Field(
        default=False,
        description="Whether people can create their own accounts, on a page that the sign-in page links to, "
        "and with `prompt=create`. If off, only administrators create accounts.",
    )
    sign_in_attempts_per_account: Count = Field(
        default=5,
        ge=1,
        le=1000,
        description="How many sign-ins may fail for one login from one address before further attempts must "
        "wait (twice as many from an IPv6 /56, four times from a /48, twenty times from all "
        "addresses together). A browser that has signed in to the account before has a count of "
        "its own. Also how often one authorization request may try to create an account.",
    )
    sign_in_attempts_per_address: Count = Field(
        default=50,
        ge=1,
        le=100_000,
        description="How many sign-ins may fail from one address (IPv6: one /64; four times as many from a "
        "/56, sixteen times from a /48) before further attempts must wait. Attempts to create an "
        "account, successful or not, have a separate count of the same size.",
    )
    sign_in_window_seconds: Seconds = Field(
        default=900,
        ge=10,
        le=DAY,
        description="The time window in which failed sign-ins and new accounts are counted.",
    )
    audit_sign_in_age: Seconds = Field(
        default=HOUR,
        ge=60,
        le=DAY,
        description="How long ago an auditor may have signed in. After that, the pages at `/audit` ask for the "
        "password again.",
    )
    audit_requests_per_minute: Count = Field(
        default=120,
        ge=1,
        le=10_000,
        description="How many of the pages at `/audit` one auditor may ask for per minute. Further ones get 429.",
    )
    authorize_requests_per_minute: Count = Field(
        default=120,
        ge=1,
        le=100_000,
        description="How many authorization requests one address may send per minute (IPv6: one /64; four "
        "times as many from a /56, sixteen times from a /48). Each is stored; further ones get "
        "429.",
    )
    default_locale: Language = Field(
        default="en",
        description="The language of the pages if neither the request nor the browser asks for one.",
    )
