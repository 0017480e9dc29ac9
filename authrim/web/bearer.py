"""A token in the Authorization header, and nowhere else (RFC 6750 §2.1)."""

from aiohttp import hdrs, web

from domain.errors import Refusal, invalid_request


def bearer_token(request: web.Request) -> str | Refusal | None:
    """The presented token; None when the request carries no Bearer credentials at all (RFC 6750 §3.1)."""
    headers = request.headers.getall(hdrs.AUTHORIZATION, [])
    if len(headers) > 1:
        return invalid_request(
            "There is more than one Authorization header.", hint="Send one.", section="RFC 6750 §2"
        )
    scheme, _, token = headers[0].partition(" ") if headers else ("", "", "")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None
