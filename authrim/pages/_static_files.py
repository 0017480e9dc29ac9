"""The style sheet, the mark and the script, served from memory under names that hold their hash.

A name changes with its content, so a browser may keep the file for ever and never shows an old style.
"""

import hashlib
from pathlib import Path

from aiohttp import web

_FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".svg": "image/svg+xml", ".js": "text/javascript"}
_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    # An SVG opened on its own is a document: it may load and run nothing.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}


class StaticFiles:
    """Every file of ``authrim/pages/static``, read once."""

    def __init__(self, prefix: str = "") -> None:
        """``prefix``: the path of the issuer, which a proxy may be asked for alone."""
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
        """One exact route a file; no path is ever looked up on disk."""
        return [self._route(name) for name in self._bodies]

    def _route(self, name: str) -> web.RouteDef:
        body, content_type = self._bodies[name], _TYPES[Path(name).suffix]

        async def serve(_request: web.Request) -> web.Response:
            return web.Response(body=body, content_type=content_type, charset="utf-8", headers=_HEADERS)

        return web.get(self.url(name), serve)
