"""The background work that one process does for all. A server that has another process for it does not import it.

Every background task is in the list of ``shared_work``, and nowhere else. A task runs until it is cancelled, waits for
a store that is away, and leaves it to another process where only one at a time may be at it.
"""

from authrim.audit.follow import follow_all
from authrim.clients.keys import ClientKeys
from authrim.core import fan_out
from authrim.core.outbox import Kind, Outbox
from authrim.core.parts import Core
from authrim.core.retention import prune_until_cancelled
from authrim.core.standing_still import end_standing_still_until_cancelled
from authrim.people.logout.notices import LogoutNotices, fan_out_until_cancelled
from authrim.server.background import Work
from authrim.siem.follower import SinkFollower
from authrim.siem.sinks import sinks_of
from authrim.signals.push import push_until_cancelled
from authrim.transparency.background import sign_until_cancelled
from authrim.webhooks.delivery import WebhookDeliveries
from authrim.webhooks.fan_out import WebhookSource
from domain.stream import DEFAULT_TENANT
from domain.vocabulary.features import BACKCHANNEL_LOGOUT, SHARED_SIGNALS


def shared_work(core: Core, keys: ClientKeys) -> list[Work]:
    """The background work: it may be done by any process, and need not be done by each."""
    works: list[Work] = [
        lambda: follow_all(core.store),
        core.monitor.follow,
        core.monitor.follow_samples,
        lambda: prune_until_cancelled(core),
        lambda: end_standing_still_until_cancelled(core.store),
        lambda: sign_until_cancelled(core),
    ]
    if BACKCHANNEL_LOGOUT in core.features:
        works.append(lambda: fan_out_until_cancelled(core))
    webhooks = WebhookSource(core.store, DEFAULT_TENANT)
    works.append(lambda: fan_out.fan_out_until_cancelled(core.store, webhooks))
    for sink in sinks_of(core.settings):
        works.append(SinkFollower(core.store, sink, core.issuer).follow)
    outbox = Outbox(core.store.outbox, _kinds(core, keys), core.settings.egress_timeout_seconds)
    works.append(outbox.deliver_until_cancelled)
    if SHARED_SIGNALS in core.features:
        works.append(lambda: push_until_cancelled(core))
    return works


def _kinds(core: Core, keys: ClientKeys) -> list[Kind]:
    """The kinds of delivery."""
    kinds: list[Kind] = [WebhookDeliveries(core)]
    if BACKCHANNEL_LOGOUT in core.features:
        kinds.append(LogoutNotices(core, keys))
    return kinds
