"""How many new clients a minute and an hour have room for, on all servers together (A201).

Whoever is refused takes no room from others. Nobody uses up everybody's hour: one source has a share of it, and those
who hold an initial access token have an hour of their own, which no stranger can fill.
"""

from typing import Final

from authrim.core.call import Call
from authrim.settings import Settings
from authrim.store.contract import Store
from domain.units import HOUR, MINUTE

#: Of the hour, what one source may have: a tenth, and no less than these where the hour is short.
_SHARE: Final = 10
_LEAST_SHARE: Final = 10


class RegistrationQuota:
    """``kind``: what leads to a new client, a registration or a document. ``is_holder``: a token is shown."""

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
        """Count one more try from this source; whether there were too many."""
        tries = await self._store.count(self._minute, MINUTE)
        return tries > self._settings.registrations_per_minute

    async def hour_is_full(self) -> bool:
        """Whether there is no room for another client of this source now."""
        for key, most in self._hour.items():
            if await self._store.count(key, HOUR, 0) >= most:
                return True
        return False

    async def count_client(self) -> None:
        """There is one more."""
        for key in self._hour:
            await self._store.count(key, HOUR)
