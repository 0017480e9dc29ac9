"""The work that is compared, one cell each."""

from typing import Final, NamedTuple


class Cell(NamedTuple):
    """A kind of work. ``aim`` is the lowest ratio to the reference that we want to reach; a
    unit of work takes ``requests_each``."""

    name: str
    title: str
    aim: float
    requests_each: int = 1


CELLS: Final = (
    Cell("cc_jwt", "client credentials, JWT with ES256", 2.0),
    Cell("cc_opaque", "client credentials, opaque", 2.0),
    Cell("introspect", "introspection, opaque", 3.0),
    Cell("introspect_jwt", "introspection, JWT", 3.0),
    Cell("refresh", "refresh with rotation and ID token", 3.0),
    Cell("code_flow", "code flow with PKCE, signed in", 2.5, 2),
    Cell("discovery", "discovery", 2.0),
    Cell("jwks", "JWKS", 1.5),
)
#: Servers of their own do it, with one client that keeps to FAPI 2.
FAPI2: Final = Cell("fapi2", "FAPI 2 flow: PAR, private_key_jwt, DPoP", 3.0, 3)
