"""All who read the log and are waited for, before contents leave it."""

from authrim.commands._administering import Office
from authrim.core.log_readers import LogReader, message_reader, sink_reader
from authrim.siem.sinks import sink_names
from authrim.webhooks.log_reader import webhook_reader


async def log_readers(office: Office) -> tuple[LogReader, ...]:
    """Those of the settings and of the log, the cheapest to ask first."""
    store, settings, tenant = office.store, office.settings, office.tenant
    readers = [sink_reader(store.outbox, name) for name in sink_names(settings)]
    readers += [message_reader(store.outbox), webhook_reader(store, tenant)]
    if settings.shared_signals:
        # What a receiver is told needs what a server knows, which no other command has to import.
        from authrim.server.wired_core import read_core
        from authrim.signals.log_reader import signal_reader

        readers.append(signal_reader(await read_core(settings, store, office.master), tenant))
    return tuple(readers)
