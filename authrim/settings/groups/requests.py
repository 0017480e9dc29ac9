"""How clients may send their authorization requests."""

from pydantic import BaseModel, Field

from authrim.settings.kinds import Count, Seconds


class Requests(BaseModel):
    """How clients may send their authorization requests."""

    require_pushed_authorization_requests: bool = Field(
        default=False,
        description="Every client must push its requests (RFC 9126). One client alone: register "
        "`require_pushed_authorization_requests` for it.",
    )
    pushed_request_lifetime: Seconds = Field(
        default=60,
        ge=5,
        le=600,
        description="From a pushed request to the browser that brings its `request_uri` (RFC 9126 §2.2).",
    )
    pushed_requests_per_minute: Count = Field(
        default=6000,
        ge=1,
        le=10_000_000,
        description="Pushed requests of one authenticated client in a minute, in one process. Each is kept; more get "
        "429. Those of public clients count by address, as `authorize_requests_per_minute` says.",
    )
    require_signed_request_object: bool = Field(
        default=False,
        description="Every request must be a signed request object (RFC 9101). One client alone: register "
        "`require_signed_request_object` for it.",
    )
    request_objects_by_reference: bool = Field(
        default=False,
        description="Request objects may be behind a `request_uri` that the client has registered, and are fetched "
        "from there. OpenID Connect's dynamic profile needs it.",
    )
    request_objects_once: bool = Field(
        default=False,
        description="A request object needs `jti` and `exp`, and is taken once. Without it, it is taken until it "
        "expires, so that a page can be loaded again.",
    )
    request_object_typ_required: bool = Field(
        default=False,
        description="A request object without `typ` is refused (RFC 9101 §10.8.1). With a wrong one it always is.",
    )
