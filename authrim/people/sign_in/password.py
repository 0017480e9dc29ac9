"""Is this the person's password? Slowly for who guesses, and with the same answer for every wrong one.

Attempts are counted before the password is looked at, in the store and so for all nodes together: guesses sent
in parallel are counted like guesses sent in turn (A183). A browser that has signed in to the account before has a count
of its own, which nobody else can fill. For others the tight count is per login *and* address; the wide ones are per
login and per address alone. An address counts with the IPv6 networks around it, so that many /64s are no way around.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from authrim.core.call import Call
from authrim.core.execute import append_of
from authrim.core.parts import Core
from authrim.core.rate_limits import GROWTH, by_network
from authrim.core.sealed_rows import SUBJECT
from authrim.crypto.passwords import PasswordsBusy
from authrim.crypto.sealing import login_hmacs
from authrim.metrics.catalogue import SIGN_INS
from authrim.people.checks_under_way import Check, ChecksUnderWay
from authrim.people.claims import PASSWORD
from authrim.people.new_account import find_by_hashes
from authrim.people.part import PEOPLE
from authrim.people.sign_in.counters import counters_of
from authrim.people.sign_in.known_browsers import known_as
from authrim.store.contract import Conflict
from domain.errors import Refusal
from domain.liveness import ACTIVE
from domain.person.account import NO_ACCOUNT, Account
from domain.stream import account_stream
from domain.vocabulary.text import LONGEST_LOGIN
from projections.tables import row_key

#: From all addresses together a login may be tried this many times as often as from one.
ELSEWHERE: Final = 20

TOO_MANY: Final = Refusal(
    "access_denied",
    "There were too many failed sign-ins.",
    hint="Wait, then try again.",
    reason="too_many_attempts",
    status=429,
)


class Attempt(msgspec.Struct, frozen=True):
    """What was typed; ``networks``: hashes of the address and the networks around it; ``kept``: what the browser keeps
    from earlier sign-ins."""

    login: str
    password: str
    networks: tuple[str, ...]
    kept: str = ""

    def __repr__(self) -> str:
        return "Attempt()"


class PasswordMatch(msgspec.Struct, frozen=True):
    """The password was right, and the account active. The answer holds while ``password_set_at`` does: a
    sign-in must not outlive the password that it was made with."""

    subject: str
    password_set_at: int | None


class SignInRefusal(msgspec.Struct, frozen=True):
    """The sign-in is refused. ``reason`` is for the log. ``retry_after`` is in seconds, after too many attempts."""

    reason: str
    subject: str | None = None
    retry_after: int = 0


async def check_password(call: Call, attempt: Attempt) -> PasswordMatch | SignInRefusal:
    """Count the attempt, then check it. Raises PasswordsBusy."""
    # Its length first: what is too long is nobody's login, and is counted as one that all such attempts share (A217).
    is_one = len(attempt.login) <= LONGEST_LOGIN
    hashes = login_hmacs(call.core.master, call.tenant, attempt.login) if is_one else ()
    known = known_as(call.core.master, call.tenant, hashes, attempt.kept, call.core.now())
    limits = _limits(call, hashes[0] if hashes else "", attempt.networks, known)
    # Who is known is no stranger to the queue either; others share it with the widest network around them.
    source = None if known else attempt.networks[-1]
    checks = call.parts[PEOPLE].checks

    async def count(check: Check) -> PasswordMatch | SignInRefusal | None:
        """Count the attempt and check it; None when it is one too many."""
        if await too_many(call.core, limits):
            check.is_refused = True
            return None
        return await _check(call, attempt, hashes, limits, source, check)

    with checks.under_way(limits) as check:
        checked = await count(check)
    if checked is None and check.beside:
        checked = await _count_again(checks, limits, count, check)
    answer = checked or SignInRefusal(
        "too_many_attempts", retry_after=call.core.settings.sign_in_window_seconds
    )
    SIGN_INS.add("password", "accepted" if isinstance(answer, PasswordMatch) else answer.reason)
    return answer


async def _count_again(
    checks: ChecksUnderWay, limits: Collection[str],
    count: Callable[[Check], Awaitable[PasswordMatch | SignInRefusal | None]], first: Check,
) -> PasswordMatch | SignInRefusal | None:  # fmt: skip
    """Count an attempt that was refused beside others, until it is not one too many or its turn is used up."""
    refused = first
    async with checks.turn(limits) as turn:
        while turn is not None and await turn.may_recount(refused.beside):
            with checks.under_way(limits) as check:
                checked = await count(check)
            if checked is not None:
                return checked
            refused = check
    return None


async def _check(
    call: Call, attempt: Attempt, hashes: tuple[str, ...], limits: dict[str, int],
    source: str | None, check: Check,
) -> PasswordMatch | SignInRefusal:  # fmt: skip
    """Look at a password whose attempt has been counted."""
    subject = await find_by_hashes(call.core.store, call.tenant, hashes)
    account, version = await _account(call.core, call.tenant, subject)
    stored = await _right_hash(call, subject, attempt.password, source)
    if subject is None or stored is None:
        return SignInRefusal("login_unknown" if subject is None else "password_wrong", subject)
    await _take_back(call.core, limits)  # a right password was no guess
    check.was_right = True
    if account.status != ACTIVE:
        return SignInRefusal("account_not_active", subject)
    await _renew_hash(call, subject, version, attempt.password, stored)
    return PasswordMatch(subject, account.password_set_at)


async def _renew_hash(call: Call, subject: str, version: int, password: str, stored: str) -> None:
    """A hash that was made with other costs than today's is made again, while the password is at hand. When the account
    has moved meanwhile, or the threads are busy, the next sign-in does it."""
    passwords = call.parts[PEOPLE].passwords
    if not passwords.needs_rehash(stored):
        return
    with suppress(PasswordsBusy, Conflict):
        renewed = {PASSWORD: (await passwords.hash(password)).encode()}
        rows = await call.core.private.more_rows(call.tenant, SUBJECT, subject, renewed)
        expects = ((account_stream(call.tenant, subject), version),)
        await call.core.store.append(append_of((), call.metadata(), rows=rows, expects=expects))


async def _account(core: Core, tenant: str, subject: str | None) -> tuple[Account, int]:
    """The account and its version, read before its password so that a change in between shows; looked for as long when
    there is none (A182)."""
    found = await core.store.find("account", row_key(tenant, subject or ""))
    if found.row is None:
        return NO_ACCOUNT, 0
    return msgspec.json.decode(found.row["document"], type=Account), found.row["version"]


async def _right_hash(call: Call, subject: str | None, password: str, source: str | None) -> str | None:
    """The account's hash, when it is of this password. Compared with a dummy that takes as long where there is none
    (A182)."""
    stored = await call.core.private.open(call.tenant, SUBJECT, subject, PASSWORD) if subject else None
    if stored is None:
        await call.parts[PEOPLE].passwords.verify_dummy(password, source)
        return None
    kept = stored.decode()
    return kept if await call.parts[PEOPLE].passwords.verify(kept, password, source) else None


def _limits(call: Call, hashed: str, networks: Sequence[str], known: str | None) -> dict[str, int]:
    """The counters of an attempt, and how far each may go within the window, the widest last."""
    settings, kind = call.core.settings, f"sign-in:{call.tenant}"
    of_login = counters_of(call.tenant, hashed)
    of_account = settings.sign_in_attempts_per_account
    if known is not None:
        return {f"{of_login}:browser:{known}": of_account}
    return {
        **by_network(of_login, networks, of_account, 2),
        **by_network(kind, networks, settings.sign_in_attempts_per_address, GROWTH),
        of_login: of_account * ELSEWHERE,
    }


async def too_many(core: Core, limits: dict[str, int]) -> bool:
    """Count one more attempt; whether it is one too many.

    What one counter refuses is not counted by the next: else one address could use up the login's own count,
    and lock the person out everywhere (A183). Nor is it counted by itself: nothing was guessed, and many right
    passwords at once would add up to a refusal that lasts.
    """
    window = core.settings.sign_in_window_seconds
    counted: list[str] = []
    for key, limit in limits.items():
        counted.append(key)
        if await core.store.count(key, window) > limit:
            await _take_back(core, counted)
            return True
    return False


async def _take_back(core: Core, counters: Iterable[str]) -> None:
    """Count an attempt no longer: nothing was guessed by it."""
    window = core.settings.sign_in_window_seconds
    await asyncio.gather(*(core.store.count(key, window, -1) for key in counters))
