"""Claims about people, defined and retired by an administrator."""

from collections.abc import Callable

from authrim.core.execute import change_state
from authrim.core.stream_state import read_state
from authrim.store.contract import Store
from domain.claim import definitions as rules
from domain.claim.definitions import Definition, Definitions
from domain.claim.events import ClaimDefined
from domain.decision import Decision
from domain.errors import Refusal
from domain.stream import claims_stream


async def define_claim(
    store: Store, tenant: str, name: str, type_: str, scopes: tuple[str, ...], label: str = ""
) -> Definition | Refusal:
    """Define a claim that these scopes release; running servers know it at once. ``label``: what people read of it."""

    return await _change(
        store,
        tenant,
        name,
        lambda known, now: rules.decide_define(known, ClaimDefined(name, type_, scopes, now, label)),
    )


async def retire_claim(store: Store, tenant: str, name: str) -> Definition | Refusal:
    """Tell the claim to nobody any more. People's values stay until they are replaced or erased."""
    return await _change(store, tenant, name, lambda known, now: rules.decide_retire(known, name, now))


async def list_claims(store: Store, tenant: str) -> tuple[Definition, ...]:
    """Every claim that was ever defined."""
    return tuple((await _read(store, tenant)).by_name.values())


async def find_claim(store: Store, tenant: str, name: str) -> Definition | Refusal:
    """The claim of that name."""
    return (await _read(store, tenant)).by_name.get(name) or rules.UNKNOWN


async def _read(store: Store, tenant: str) -> Definitions:
    return (await read_state(store, claims_stream(tenant), rules.fold)).state


async def _change(
    store: Store, tenant: str, name: str, decide: Callable[[Definitions, int], Decision[Definitions]]
) -> Definition | Refusal:
    changed = await change_state(store, tenant, claims_stream(tenant), rules.fold, decide)
    return changed if isinstance(changed, Refusal) else changed.by_name[name]
