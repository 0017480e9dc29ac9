"""The addresses of the server, and its features."""

from pydantic import Field

from authrim.settings.kinds import Background, Count, Group, Issuer, Milliseconds, Names, Networks


class Server(Group):
    """The addresses of the server, and its features."""

    issuer: Issuer = Field(
        description="The issuer identifier: the public URL that is in every token, discovery document and "
        "redirect, and from which all other URLs are made. Changing it invalidates all earlier "
        "tokens."
    )
    development: bool = Field(
        default=False,
        description="Allows plain HTTP and cookies without `Secure`. Accepted only while both `issuer` and "
        "`host` are this machine. Set by `authrim dev`; do not set it yourself.",
    )
    host: Names = Field(
        default=("127.0.0.1",),
        min_length=1,
        description="The addresses to listen on, as a list or between commas. `::` is every address of this "
        "machine, of IPv6 and of IPv4.",
    )
    port: int = Field(
        default=8080, ge=0, le=65535, description="The TCP port to listen on; 0 selects a free one."
    )
    workers: Count = Field(
        default=1,
        ge=1,
        le=256,
        description="The number of server processes on this machine. SQLite allows one.",
    )
    background: Background = Field(
        default="auto",
        description="Where the background work runs: followed projections, notices to clients, checkpoints, deleting "
        "expired rows. `process`: in a process of its own beside the server. `inside`: in the server processes. "
        "`none`: not here; `authrim background` runs elsewhere. `auto`: `process` on PostgreSQL, `inside` on SQLite.",
    )
    overload_milliseconds: Milliseconds = Field(
        default=30,
        ge=0,
        le=60_000,
        description="How long a request may wait for its turn in a process that has more to do than it can. As long as "
        "it has to wait longer, requests that there is no room for get 503 with `Retry-After`: first registrations and "
        "audit pages, then sign-ins, then tokens, then introspection. Revocation and logout are never refused. "
        "0: nothing is.",
    )
    trusted_proxies: Networks = Field(
        default=(),
        description="Networks (CIDR) of the reverse proxies whose forwarding headers are trusted. Empty: "
        "none.",
    )
    trusted_proxy_socket: bool = Field(
        default=False,
        description="Whether forwarding headers of connections through `listen_socket` are trusted. Leave it "
        "off if a proxy passes connections on without reading them.",
    )
    trusted_proxy_depth: Count = Field(
        default=1, ge=1, le=10, description="The number of proxies between a browser and this server."
    )
    features_on: Names = Field(
        default=(), description="Draft specifications to switch on, by their names in [specs.md](specs.md)."
    )
    features_off: Names = Field(
        default=(),
        description="Optional features to switch off, by their names in [specs.md](specs.md). A feature that "
        "is off has no route and no metadata.",
    )
