"""Takes a request from a budget, and tells the client what is left.

RFC 6585 §4, draft-ietf-httpapi-ratelimit-headers-10.
"""

from aiohttp import web

from authrim.core.call import Call
from authrim.core.rate_limits import RATE_LIMITS, Policy, Quota
from authrim.web.request_facts import facts_of
from domain.errors import Refusal


async def limited(
    request: web.Request, call: Call, policy: Policy, who: str, *, is_page: bool = False
) -> Refusal | None:
    """A 429 once ``who``, a client or a person, has used up the minute.

    ``is_page``: a browser shows the answer, so only a refusal says what is left. A low number in a redirect could keep
    a client from following it (§5 of the draft).
    """
    quota = await call.parts[RATE_LIMITS].take(policy, f"{call.tenant}:{who}")
    return _told(request, quota, is_page)


async def limited_by_address(
    request: web.Request, call: Call, policy: Policy, *, is_page: bool = False
) -> Refusal | None:
    """The same for the address that a request comes from, and the networks around it."""
    quota = await call.parts[RATE_LIMITS].take_of_networks(policy, call.networks)
    return _told(request, quota, is_page)


def _told(request: web.Request, quota: Quota, is_page: bool) -> Refusal | None:
    if quota.refusal is not None or not is_page:
        facts_of(request).late_headers.update(quota.fields())
    return quota.refusal
