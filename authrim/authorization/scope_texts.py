"""The descriptions of scope values on the consent page, as administrators write and read them."""

from collections.abc import Callable

from authrim.core.execute import Change, Outcome, carry_out
from authrim.store import codec
from authrim.store.contract import Store
from domain.decision import Decision
from domain.errors import Refusal
from domain.scope_text import scope_text
from domain.scope_text.scope_text import ScopeText, ScopeTexts
from domain.stream import SCOPE, scope_stream
from domain.units import MICROSECONDS


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
    read = await store.read_stream(scope_stream(tenant))
    return scope_text.fold(codec.decode_stream(SCOPE, read))


async def _change(
    store: Store, tenant: str, decide: Callable[[ScopeTexts, int], Decision[ScopeTexts]]
) -> ScopeTexts | Refusal:
    stream = scope_stream(tenant)

    async def attempt() -> Outcome[ScopeTexts]:
        read = await store.read_stream(stream)
        texts = scope_text.fold(codec.decode_stream(SCOPE, read))
        decision = decide(texts, read.now // MICROSECONDS)
        changes = (Change(stream, read.version, decision.events),) if decision.events else ()
        return Outcome(decision.answer, changes)

    return await carry_out(store, tenant, attempt)
