"""How clients may send their authorization requests."""

from pydantic import Field

from authrim.settings.kinds import Count, Group, Seconds


class Requests(Group):
    """How clients may send their authorization requests."""

    require_pushed_authorization_requests: bool = Field(
        default=False,
        description="Whether every client must push its requests (RFC 9126). To require it of one client, "
        "register `require_pushed_authorization_requests` for it.",
    )
    pushed_request_lifetime: Seconds = Field(
        default=60,
        ge=5,
        le=600,
        description="The time between a pushed request and the browser that brings its `request_uri` (RFC "
        "9126 §2.2).",
    )
    pushed_requests_per_minute: Count = Field(
        default=6000,
        ge=1,
        le=10_000_000,
        description="How many requests one authenticated client may push per minute. Each is stored; further "
        "ones get 429. Requests of public clients are counted by address, as in "
        "`authorize_requests_per_minute`.",
    )
    require_signed_request_object: bool = Field(
        default=False,
        description="Whether every request must be a signed request object (RFC 9101). To require it of one "
        "client, register `require_signed_request_object` for it.",
    )
    request_objects_by_reference: bool = Field(
        default=False,
        description="Whether request objects may be fetched from a `request_uri` that the client has "
        "registered. The dynamic profile of OpenID Connect needs it.",
    )
    request_objects_once: bool = Field(
        default=False,
        description="Whether a request object needs `jti` and `exp` and is accepted only once. If not, it is "
        "accepted until it expires, so that a page can be reloaded.",
    )
    request_object_typ_required: bool = Field(
        default=False,
        description="Whether a request object without `typ` is refused (RFC 9101 §10.8.1). One with a wrong "
        "`typ` always is.",
    )
