"""The limits of new clients per minute and per hour, for all servers together (A201).

Refused requests do not count against the hour. No source can use up the hour for everybody: each has a share of it.
Holders of an initial access token have a separate limit per hour, which others cannot use up.
"""

from typing import Final

from authrim.core.call import Call
from authrim.settings import Settings
from authrim.store.contract import Store
from domain.units import HOUR, MINUTE

#: The share of one source: a tenth of the hour, but at least this many clients.
_SHARE: Final = 10
_LEAST_SHARE: Final = 10


class RegistrationQuota:
    """``kind``: what leads to the new client, a registration or a document. ``is_holder``: the request has an initial
    access token."""

    def __init__(
        self, store: Store, settings: Settings, call: Call, kind: str, *, is_holder: bool = False
    ) -> None:
        self._store = store
        self._settings = settings
        self._minute = f"{kind}:{call.tenant}:{call.address}"
        everybody = f"{kind}:{call.tenant}"
        most = settings.registrations_per_hour
        share = max(_LEAST_SHARE, most // _SHARE)
        self._hour = (
            {f"{everybody}:holders": most}
            if is_holder
            else {everybody: most, f"{everybody}:hour:{call.address}": share}
        )

    async def minute_is_over(self) -> bool:
        """Count one more attempt of this source, and return whether there were too many."""
        tries = await self._store.count(self._minute, MINUTE)
        return tries > self._settings.registrations_per_minute

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
