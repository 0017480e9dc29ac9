"""Errors in plain words."""

import asyncio
import builtins
import socket
import ssl

import aiohttp
import msgspec
import pytest
from structlog.testing import capture_logs

from authrim.audit.rebuild import MISSING
from authrim.crypto.jws import CannotSign
from authrim.crypto.master import UnknownMasterKey
from authrim.crypto.sealing import SealBroken
from authrim.metrics.catalogue import BACKGROUND_FAILURES
from authrim.metrics.failures import _WORDS, MEANINGS, UNFORESEEN, in_words, word_of
from authrim.outside.egress import EgressRefused
from authrim.server import background
from authrim.store import codec, contract

#: Where the classes are that have words.
_PLACES = (builtins, contract, codec, msgspec, socket, ssl, aiohttp)
_OWN = {one.__name__ for one in (SealBroken, UnknownMasterKey, CannotSign, EgressRefused)} | {MISSING}


def test_each_word_is_for_an_error_that_there_is() -> None:
    """Every name is that of a class, or what a rebuild calls an event that is missing; every word has its meaning, and
    no meaning is without its word."""
    assert {name for name in _WORDS if not any(hasattr(place, name) for place in _PLACES)} == _OWN
    assert {*_WORDS.values(), UNFORESEEN} == set(MEANINGS)


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (contract.Unavailable("a secret"), "store_unavailable"),
        (ConnectionResetError(), "connection_lost"),
        (ssl.SSLCertVerificationError(), "certificate_refused"),
        (aiohttp.ServerTimeoutError(), "timed_out"),
        (aiohttp.ServerDisconnectedError(), "connection_lost"),
        (ExceptionGroup("", [ExceptionGroup("", [TimeoutError()]), ValueError()]), "timed_out"),
        (KeyError("a secret"), UNFORESEEN),
    ],
)
def test_an_error_has_one_word(error: Exception, word: str) -> None:
    """A subclass is what its base is, and of several errors at once the first counts."""
    assert word_of(error) == word


def test_a_class_that_has_no_words_speaks_for_itself() -> None:
    """What a command says of an event that it cannot read is a sentence, and never less than was known."""
    assert in_words("UnreadableEvent") == MEANINGS["event_unreadable"]
    assert in_words("SomethingNew") == "SomethingNew"


async def test_a_failure_of_background_work_is_counted_by_its_word() -> None:
    """The label of the metric is a word of ours, also for tasks that run together; the log line has the class of the
    error, which is told in a report of the fault, and not its text."""

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())

    async def fail() -> None:
        raise PermissionError("a secret")

    label = ("not_permitted",)
    before = BACKGROUND_FAILURES.series.get(label, 0)
    with capture_logs() as lines:
        async with background.kept_running([work]):
            await asyncio.sleep(background.RESTART_SECONDS / 4)
    assert BACKGROUND_FAILURES.series[label] == before + 1
    assert [(line["event"], line["kind"]) for line in lines] == [("background.failed", "PermissionError")]
