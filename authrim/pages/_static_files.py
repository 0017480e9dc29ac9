"""The style sheet, the logo and the scripts, served from memory under names that contain their hash.

A name changes with the content, so a browser can cache a file forever and never shows an old one.
"""

import hashlib
from pathlib import Path

from aiohttp import web

_FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".svg": "image/svg+xml", ".js": "text/javascript"}
_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    # An SVG that is opened on its own is a document: it must not load or run anything.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}


class StaticFiles:
    """All files of ``authrim/pages/static``, read once."""

    def __init__(self, prefix: str = "") -> None:
        """``prefix``: the path of the issuer, because a proxy may pass on only requests with that path."""
        self._bodies: dict[str, bytes] = {}
        self._urls: dict[str, str] = {}
        for path in sorted(_FOLDER.iterdir()):
            if path.suffix in _TYPES:
                self._bodies[path.name] = body = path.read_bytes()
                digest = hashlib.sha256(body).hexdigest()[:16]
                self._urls[path.name] = f"{prefix}/static/{path.stem}-{digest}{path.suffix}"

    def url(self, name: str) -> str:
        """The path of a file, with its hash: ``authrim.css`` → ``/static/authrim-<hash>.css``."""
        return self._urls[name]

    def routes(self) -> list[web.RouteDef]:
        """One exact route per file; no path is ever looked up on disk."""
        return [self._route(name) for name in self._bodies]

    def _route(self, name: str) -> web.RouteDef:
        body, content_type = self._bodies[name], _TYPES[Path(name).suffix]

        async def serve(_request: web.Request) -> web.Response:
            return web.Response(body=body, content_type=content_type, charset="utf-8", headers=_HEADERS)

        return web.get(self.url(name), serve, name=f"static_{Path(name).stem}")
