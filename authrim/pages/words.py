"""What a person is told of a refusal, in everyday words. Those of the protocol are for developers, folded away.

A refusal that has words for people itself brings them along (``authorization/dead_ends.py``).
"""

from typing import Final

import msgspec

from authrim.pages import texts
from authrim.pages.texts import message
from domain.errors import Refusal


class Words(msgspec.Struct, frozen=True):
    """Heading, what happened, and what to do about it; each is one of the catalogs' texts."""

    title: str
    said: str
    advice: str = ""


_BEGIN: Final = message("Begin at the application that you want to use.")
_APPLICATION: Final = Words(
    texts.NOT_ANSWERED,
    message("The application that sent you here has made a mistake. It is not your fault."),
    message("Go back to it and try again. If that does not help, tell the people who run it."),
)
_NOTHING_HERE: Final = Words(message("There is nothing here"), message("This address leads nowhere."), _BEGIN)
_NO_PAGE: Final = Words(
    message("There is nothing to see here"),
    message("This address is for applications. People have no use for it."),
    _BEGIN,
)
_FORM: Final = Words(
    message("Please try again"),
    message("This form did not come from our page, or it is out of date."),
    message("Go back, load the page again, and send it once more."),
)
_WAIT: Final = Words(
    message("Please wait a little"),
    message("There were too many requests. This server asks you to slow down."),
    message("Wait a minute, then try again."),
)
_BUSY: Final = Words(
    message("Please try again in a moment"),
    message("This server cannot answer just now. It is not your fault."),
    message("If it goes on like this, tell the people who run it."),
)
_OLD_LINK: Final = Words(
    texts.CANNOT_GO_ON, message("This link to a sign-in is old, or was used before."), texts.START_AGAIN
)
#: What happens to a form of ours on its way here is not the application's mistake.
_BY_STATUS: Final = {
    403: _FORM,
    404: _NOTHING_HERE,
    405: _NO_PAGE,
    408: _FORM,
    413: _FORM,
    415: _FORM,
    429: _WAIT,
}
#: Of a pushed request (RFC 9126 §4) that a person has had before.
_BY_REASON: Final = {
    "request_uri_unknown": _OLD_LINK,
    "request_uri_used": _OLD_LINK,
    "request_uri_expired": _OLD_LINK,
    "request_uri_of_another_browser": _OLD_LINK,
}


def words_for(refusal: Refusal) -> Words:
    """What to tell a person of a refusal that is for programs."""
    if refusal.status >= 500:
        return _BUSY
    return _BY_STATUS.get(refusal.status) or _BY_REASON.get(refusal.reason, _APPLICATION)
