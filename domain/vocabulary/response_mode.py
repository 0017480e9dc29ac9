"""How an authorization response is sent: OAuth MRT §2.1, Form Post Response Mode, and JARM §2.3, which puts the whole
response into one signed JWT."""

from typing import Final

from domain.vocabulary import response_type as response_types

QUERY: Final = "query"
FRAGMENT: Final = "fragment"
FORM_POST: Final = "form_post"

PLAIN_MODES: Final = (QUERY, FRAGMENT, FORM_POST)
JARM_MODES: Final = ("jwt", "query.jwt", "fragment.jwt", "form_post.jwt")
RESPONSE_MODES: Final = (*PLAIN_MODES, *JARM_MODES)

_SUFFIX: Final = ".jwt"
#: The response type's default mode, as a JWT (JARM §2.3.4).
JWT: Final = "jwt"


def default_for(response_type: str) -> str:
    """The default mode of a response type: the fragment if the response contains tokens (OAuth MRT §3, §5)."""
    return FRAGMENT if response_types.gives_tokens(response_type) else QUERY


def in_full(response_mode: str, response_type: str) -> str:
    """The full name of a mode: ``jwt`` is the response type's default as a JWT (JARM §2.3.4)."""
    return default_for(response_type) + _SUFFIX if response_mode == JWT else response_mode


def is_jarm(response_mode: str) -> bool:
    """Whether the response is one signed JWT."""
    return response_mode in JARM_MODES


def encoding_of(response_mode: str) -> str:
    """The member of ``PLAIN_MODES`` that carries the response or its JWT. ``response_mode`` must be a full name."""
    return response_mode.removesuffix(_SUFFIX)
