"""The language of the pages: the browser's, else the one of the settings."""

import pytest

from authrim.store.contract import Store
from tests.support.running import running_server


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_the_setting_is_for_who_asks_for_nothing(store: Store) -> None:
    """The setting ``default_locale`` gives the page's language unless the browser names one."""
    async with running_server(store, default_locale="de") as server:
        for accepted, language in (("", "de"), ("sv", "de"), ("fr", "fr"), ("en", "en")):
            headers = {"Accept-Language": accepted, "Accept": "text/html"}
            async with server.http.get(server.url("/authorize"), headers=headers) as answer:
                assert f'<html lang="{language}"' in await answer.text()
