"""Read, decide, append for an administrator, who waits and may be told to try again."""

from collections.abc import Awaitable, Callable
from typing import Final, Literal, TypeVar

from authrim.core.execute import Outcome, append_of
from authrim.core.origin import Origin
from authrim.store.contract import Conflict, Store
from domain.errors import Refusal, temporarily_unavailable

A = TypeVar("A")

#: How often somebody else may be faster before the administrator is asked to come back.
ATTEMPTS: Final = 3


async def carry_out(
    store: Store,
    tenant: str,
    attempt: Callable[[], Awaitable[Outcome[A]]],
    actor: Literal["admin", "system"] = "admin",
    applied: Callable[[], int] | None = None,
) -> A | Refusal:
    """Append the outcome of ``attempt`` and give its answer, deciding anew when the state has moved.

    ``applied`` gives the position of the configuration in memory, for an ``attempt`` that ends by deciding on
    that (decisions.md 9). A claim that is taken
    is not decided again: that Conflict is raised.
    """
    metadata = Origin(tenant, actor=actor).metadata()
    for _ in range(ATTEMPTS):
        outcome = await attempt()
        # Nothing else runs between the end of ``attempt`` and this line, so it is what was decided on.
        decided_on = None if applied is None else applied()
        if not outcome.changes and not outcome.rows:
            return outcome.answer
        try:
            await store.append(append_of(outcome.changes, metadata, rows=outcome.rows, applied=decided_on))
        except Conflict as conflict:
            if conflict.what == "claim":
                raise
            continue
        return outcome.answer
    return temporarily_unavailable("Somebody else keeps changing the same thing.")
