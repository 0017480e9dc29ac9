"""Where the server itself connects to, by its settings: syslog receivers, witnesses, the collector of traces."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from authrim.doctor.check import Check
from authrim.doctor.examined import Examined, port_of
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.outside_client import reach, why
from authrim.outside.egress import Egress
from authrim.siem.sinks import syslog_context
from authrim.transparency.witnesses import UnusableWitness, witnesses_of

SYSLOG: Final = Problem(
    "outgoing.syslog",
    "fault",
    "The syslog receiver cannot be reached, so a SIEM gets no records.",
    "Correct siem_syslog, let the firewall pass it, or name the receiver's authority in siem_ca_file.",
)
WITNESS_KEY: Final = Problem(
    "outgoing.witness_key",
    "fault",
    "A witness in the settings has a key that cannot be used. The server will not start.",
    "Copy the line of the witness again from its operator.",
)
WITNESS: Final = Problem(
    "outgoing.witness",
    "warning",
    "A witness cannot be reached, so its cosignatures will be missing.",
    "Look at its address and the firewall; a witness in a private network belongs in egress_allow.",
)
COLLECTOR: Final = Problem(
    "outgoing.collector",
    "warning",
    "The collector of traces cannot be reached, so traces are lost.",
    "Start the collector, correct trace_export, or let the firewall pass it.",
)


async def _examine(examined: Examined) -> Sequence[Finding]:
    return [*await _syslog(examined), *await _witnesses(examined), *await _collector(examined)]


async def _collector(examined: Examined) -> list[Finding]:
    if examined.settings.trace_export is None:
        return []
    url = urlsplit(examined.settings.trace_export)
    try:
        await reach(url.hostname or "", port_of(url))
    except OSError as failed:
        return [COLLECTOR.found(f"{url.netloc.rpartition('@')[2]}: {why(failed)}")]
    return []


async def _syslog(examined: Examined) -> list[Finding]:
    settings = examined.settings
    if settings.siem_syslog is None:
        return []
    host, _, port = settings.siem_syslog.rpartition(":")
    try:
        await reach(host.strip("[]"), int(port), syslog_context(settings))
    except OSError as failed:
        return [SYSLOG.found(f"{settings.siem_syslog}: {why(failed)}")]
    return []


async def _witnesses(examined: Examined) -> list[Finding]:
    settings, found = examined.settings, []
    try:
        witnesses = witnesses_of(settings.witnesses)
    except UnusableWitness as unusable:
        return [WITNESS_KEY.found(str(unusable))]
    egress = Egress.from_settings(settings)
    try:
        for witness in witnesses:
            url = urlsplit(witness.url)
            if not egress.permits(witness.url):
                found.append(WITNESS.found(f"{url.netloc}: its address is not permitted"))
                continue
            try:
                await reach(url.hostname or "", port_of(url))
            except OSError as failed:
                found.append(WITNESS.found(f"{url.netloc}: {why(failed)}"))
    finally:
        await egress.close()
    return found


CHECK: Final = Check(
    "outgoing",
    "Can the server reach whom its settings name?",
    (SYSLOG, WITNESS_KEY, WITNESS, COLLECTOR),
    _examine,
)
