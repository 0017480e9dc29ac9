"""The descriptions of scope values on the consent page, as administrators write and read them."""

from collections.abc import Callable

from authrim.core.execute import change_state
from authrim.core.stream_state import read_state
from authrim.store.contract import Store
from domain.decision import Decision
from domain.errors import Refusal
from domain.scope_text import scope_text
from domain.scope_text.scope_text import ScopeText, ScopeTexts
from domain.stream import scope_stream


async def describe_scope(
    store: Store, tenant: str, scope: str, locale: str, text: ScopeText
) -> ScopeTexts | Refusal:
    """Describe a scope value in a language; the answer has the descriptions of all values."""
    return await _change(
        store, tenant, lambda texts, now: scope_text.decide_describe(texts, scope, locale, text, now)
    )


async def remove_scope_text(
    store: Store, tenant: str, scope: str, locale: str | None = None
) -> ScopeTexts | Refusal:
    """Remove the description in a language, or in all of them."""
    return await _change(
        store, tenant, lambda texts, now: scope_text.decide_remove(texts, scope, locale, now)
    )


async def read_scope_texts(store: Store, tenant: str) -> ScopeTexts:
    """The descriptions of all scope values."""
    return (await read_state(store, scope_stream(tenant), scope_text.fold)).state


async def _change(
    store: Store, tenant: str, decide: Callable[[ScopeTexts, int], Decision[ScopeTexts]]
) -> ScopeTexts | Refusal:
    return await change_state(store, tenant, scope_stream(tenant), scope_text.fold, decide)
