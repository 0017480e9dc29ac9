"""The limits of new clients per minute and per hour, for all servers together (A201).

Refused requests do not count against the hour. No source can use up the hour for everybody: each has a share of it. A
source is an address with the networks around it, so that many /64s of one holder have no more (A225).
Holders of an initial access token have a separate limit per hour, which others cannot use up.
"""

from typing import Final

from authrim.core.call import Call
from authrim.core.rate_limits import GROWTH, by_network
from authrim.settings import Settings
from authrim.store.contract import Store
from domain.units import HOUR, MINUTE

#: The share of one address: a tenth of the hour, but at least this many clients.
_SHARE: Final = 10
_LEAST_SHARE: Final = 10
#: A network may use so many times as much of the hour as what is inside: a /48 less than half of it.
_SHARE_GROWTH: Final = 2


class RegistrationQuota:
    """``kind``: what leads to the new client, a registration or a document. ``is_holder``: the request has an initial
    access token."""

    def __init__(
        self, store: Store, settings: Settings, call: Call, kind: str, *, is_holder: bool = False
    ) -> None:
        self._store = store
        everybody = f"{kind}:{call.tenant}"
        self._minute = by_network(everybody, call.networks, settings.registrations_per_minute, GROWTH)
        most = settings.registrations_per_hour
        share = max(_LEAST_SHARE, most // _SHARE)
        shares = by_network(f"{everybody}:hour", call.networks, share, _SHARE_GROWTH)
        self._hour = {f"{everybody}:holders": most} if is_holder else {everybody: most, **shares}

    async def minute_is_over(self) -> bool:
        """Count one more attempt of this source, and return whether there were too many. What the inner network refuses
        does not count against the outer."""
        for key, most in self._minute.items():
            if await self._store.count(key, MINUTE) > most:
                return True
        return False

    async def hour_is_full(self) -> bool:
        """Whether this source cannot register another client now."""
        for key, most in self._hour.items():
            if await self._store.count(key, HOUR, 0) >= most:
                return True
        return False

    async def count_client(self) -> None:
        """Count one more client."""
        for key in self._hour:
            await self._store.count(key, HOUR)
