"""Claims about people, defined and retired by an administrator."""

from collections.abc import Callable

from authrim.core.claim_definitions import DefinitionsRead, read_definitions
from authrim.core.execute import Change, Outcome, carry_out
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

    def decide(read: DefinitionsRead) -> Decision[Definitions]:
        return rules.decide_define(read.definitions, ClaimDefined(name, type_, scopes, read.now, label))

    return await _change(store, tenant, name, decide)


async def retire_claim(store: Store, tenant: str, name: str) -> Definition | Refusal:
    """Tell the claim to nobody any more. People's values stay until they are replaced or erased."""
    return await _change(
        store, tenant, name, lambda read: rules.decide_retire(read.definitions, name, read.now)
    )


async def list_claims(store: Store, tenant: str) -> tuple[Definition, ...]:
    """Every claim that was ever defined."""
    return tuple((await read_definitions(store, tenant)).definitions.by_name.values())


async def find_claim(store: Store, tenant: str, name: str) -> Definition | Refusal:
    """The claim of that name."""
    return (await read_definitions(store, tenant)).definitions.by_name.get(name) or rules.UNKNOWN


async def _change(
    store: Store, tenant: str, name: str, decide: Callable[[DefinitionsRead], Decision[Definitions]]
) -> Definition | Refusal:
    async def attempt() -> Outcome[Definitions]:
        read = await read_definitions(store, tenant)
        decision = decide(read)
        changes = (Change(claims_stream(tenant), read.version, decision.events),) if decision.events else ()
        return Outcome(decision.answer, changes)

    answer = await carry_out(store, tenant, attempt)
    return answer if isinstance(answer, Refusal) else answer.by_name[name]
