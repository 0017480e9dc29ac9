"""People, their sessions, and what slows down somebody who guesses."""

from pydantic import BaseModel, Field

from authrim.settings.kinds import Count, Language, Milliseconds, Seconds
from domain.units import DAY, HOUR


class SignIn(BaseModel):
    """People, their sessions, and what slows down somebody who guesses."""

    interaction_lifetime: Seconds = Field(
        default=600,
        ge=60,
        le=HOUR,
        description="From an authorization request to the end of sign-in and consent.",
    )
    consent_pause: Milliseconds = Field(
        default=1500,
        ge=0,
        le=10_000,
        description="How long the consent page must have been there before it takes an answer, so that a double click "
        "on the page before agrees to nothing. 0 only where a script answers, as in a conformance suite.",
    )
    redirect_errors_at_once: bool = Field(
        default=False,
        description="Whether a client that registered itself gets an error by redirect before anybody has signed in "
        "and allowed it something. Off: a page names its host and leads on by a link (RFC 9700 §4.11.2). On only for a "
        "conformance suite.",
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
        description="Failed sign-ins for one login from one address before the next tries must wait (twice as many "
        "from an IPv6 /56, four times from a /48, twenty times from everywhere), and from a browser that has "
        "signed in to the account before, which is counted by itself; and how often one authorization request may "
        "ask for a new account.",
    )
    sign_in_attempts_per_address: Count = Field(
        default=50,
        ge=1,
        le=100_000,
        description="Failed sign-ins from one address (IPv6: one /64; four times as many from a /56, sixteen times "
        "from a /48) before its next tries must wait; and, counted on their own, new accounts that are asked for "
        "from there, made or not.",
    )
    sign_in_window_seconds: Seconds = Field(
        default=900,
        ge=10,
        le=DAY,
        description="The window that failed sign-ins and new accounts are counted in.",
    )
    authorize_requests_per_minute: Count = Field(
        default=120,
        ge=1,
        le=100_000,
        description="Authorization requests from one address in a minute (IPv6: one /64; four times as many from a "
        "/56, sixteen times from a /48). Each is kept; more get 429.",
    )
    default_locale: Language = Field(
        default="en",
        description="The language of the pages where neither the request nor the browser asks for one.",
    )
