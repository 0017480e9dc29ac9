"""Where the server is, for its users and for itself."""

from pydantic import BaseModel, Field

from authrim.settings.kinds import Count, Issuer, Names, Networks


class Server(BaseModel):
    """Where the server is, for its users and for itself."""

    issuer: Issuer = Field(
        description="The issuer identifier: the public URL that every token, discovery document and redirect "
        "names, and that all other URLs are made from. Changing it makes every token of before invalid."
    )
    development: bool = Field(
        default=False,
        description="Allows plain HTTP and cookies without `Secure`. Accepted only while both `issuer` and "
        "`host` are this machine itself. `authrim dev` sets it; nothing else should.",
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="The address to listen on.")
    port: int = Field(
        default=8080, ge=0, le=65535, description="The TCP port to listen on; 0 takes a free one."
    )
    workers: Count = Field(
        default=1, ge=1, le=256, description="Server processes on this machine. SQLite allows one."
    )
    trusted_proxies: Networks = Field(
        default=(),
        description="Networks (CIDR) of the reverse proxies whose forwarding headers are believed. Empty "
        "believes nobody.",
    )
    trusted_proxy_socket: bool = Field(
        default=False,
        description="What comes by `listen_socket` comes from one of those proxies too, so its forwarding headers are "
        "believed. Leave it off where a proxy passes connections on without reading them.",
    )
    trusted_proxy_depth: Count = Field(
        default=1, ge=1, le=10, description="How many proxies stand between a browser and this server."
    )
    features_on: Names = Field(
        default=(), description="Draft specifications to switch on, by their name in [specs.md](specs.md)."
    )
    features_off: Names = Field(
        default=(),
        description="Optional features to switch off, by their name in [specs.md](specs.md). What is off has no "
        "route and no metadata.",
    )
