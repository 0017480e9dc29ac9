"""Password hashing: argon2id in a bounded pool (A182, A222, F25)."""

import asyncio
import threading
from collections.abc import Iterator

import argon2
import pytest

from authrim.crypto import passwords as module
from authrim.crypto.passwords import Passwords, PasswordsBusy


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords(threads=2, waiting=2)
    yield made
    made.close()


async def test_a_password_verifies_by_its_hash(passwords: Passwords) -> None:
    """The right password is accepted, another is not, and the hash is argon2id with 19 MiB, t=2, p=1."""
    hashed = await passwords.hash("correct horse")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verify(hashed, "correct horse")
    assert not await passwords.verify(hashed, "Correct horse")
    assert argon2.PasswordHasher().verify(hashed, "correct horse")


async def test_a_password_is_the_same_from_every_keyboard(passwords: Passwords) -> None:
    """Composed and decomposed letters, and wide spaces, are one password (RFC 8265 §4.2.2)."""
    hashed = await passwords.hash("Zu\u0308rich\u00a0See")
    assert await passwords.verify(hashed, "Z\u00fcrich See")


async def test_what_is_no_hash_verifies_nothing(passwords: Passwords) -> None:
    """A damaged stored hash is a wrong password and no error."""
    assert not await passwords.verify("", "x")
    assert not await passwords.verify("$argon2id$v=19$m=19456,t=2,p=1$AAAA", "x")
    assert passwords.needs_rehash("")


async def test_a_hash_of_other_parameters_is_made_anew(passwords: Passwords) -> None:
    """A hash with weaker parameters still verifies, and says that it wants to be replaced."""
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash("x")
    assert await passwords.verify(weak, "x")
    assert passwords.needs_rehash(weak)
    assert not passwords.needs_rehash(await passwords.hash("x"))


async def test_an_unknown_account_costs_the_same_work(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A182: the dummy is verified with the very parameters of a real hash, and runs to the end."""
    worked: list[argon2.Parameters] = []
    genuine = argon2.PasswordHasher.verify

    def verify(hasher: argon2.PasswordHasher, hashed: str, password: bytes) -> bool:
        try:
            return genuine(hasher, hashed, password)
        except argon2.exceptions.VerifyMismatchError:
            worked.append(argon2.extract_parameters(hashed))
            raise

    monkeypatch.setattr(argon2.PasswordHasher, "verify", verify)
    await passwords.verify(await passwords.hash("x"), "y")
    await passwords.verify_dummy("y")
    assert len(worked) == 2
    assert worked[0] == worked[1]


async def test_a_flood_is_refused_and_then_served_again(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A222: two are served, two wait, the fifth is refused at once; then there is room again."""
    gate = threading.Event()
    monkeypatch.setattr(module, "_verify", lambda _hasher, _hash, _password: gate.wait(30))
    tasks = [asyncio.create_task(passwords.verify("", "x")) for _ in range(4)]
    await asyncio.sleep(0)
    for _ in range(3):
        with pytest.raises(PasswordsBusy):
            await passwords.verify("", "x")
    gate.set()
    assert await asyncio.gather(*tasks) == [True] * 4
    assert await passwords.verify("", "x")


async def test_a_caller_that_goes_away_makes_no_room_while_its_hash_runs(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A222: closing connections does not let more hashes start than there are threads and places."""
    gate = threading.Event()
    started = threading.Semaphore(0)

    def slow(_hasher: object, _hash: str, _password: str) -> bool:
        started.release()
        return gate.wait(30)

    monkeypatch.setattr(module, "_verify", slow)
    running = [asyncio.create_task(passwords.verify("", "x")) for _ in range(2)]
    for _ in range(2):
        await asyncio.to_thread(started.acquire)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    waiting = [asyncio.create_task(passwords.verify("", "x")) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(PasswordsBusy):
        await passwords.verify("", "x")
    gate.set()
    assert await asyncio.gather(*waiting) == [True] * 2


async def test_the_loop_runs_on_while_hashes_are_made(passwords: Passwords) -> None:
    """F25: the hashes run in threads of their own, none of them on the loop's."""
    seen: set[str] = set()
    genuine = argon2.PasswordHasher.hash

    def watched(hasher: argon2.PasswordHasher, password: bytes) -> str:
        seen.add(threading.current_thread().name)
        return genuine(hasher, password)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(argon2.PasswordHasher, "hash", watched)
        await asyncio.gather(passwords.hash("a"), passwords.hash("b"))
    assert seen
    assert all(name.startswith("passwords") for name in seen)


async def test_a183_a_flood_of_guesses_leaves_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A183, A222: one source holds half of the places, all strangers three quarters; who is known finds one
    beside them, and what is done is given back."""
    go_on = threading.Event()
    passwords = Passwords(threads=1, waiting=7)
    monkeypatch.setattr(module, "_verify", lambda *_: go_on.wait(30))
    first = [asyncio.create_task(passwords.verify("", "x", "one")) for _ in range(5)]
    second = [asyncio.create_task(passwords.verify("", "x", "two")) for _ in range(5)]
    await asyncio.sleep(0.05)
    known = [asyncio.create_task(passwords.verify("", "x")) for _ in range(3)]
    await asyncio.sleep(0.05)
    go_on.set()
    for tasks, served in ((first, 4), (second, 2), (known, 2)):
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [result for result in results if result is True] == [True] * served
    assert await passwords.verify("", "x", "one")
    passwords.close()
