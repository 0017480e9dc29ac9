"""OAuth 2.0 Multiple Response Type Encoding Practices, Form Post Response Mode, RFC 9207: how an authorization
response travels back to the client.

Every answer, good or bad, carries ``iss`` (RFC 9207 §2) and takes this one way, so the redirect URI is only ever
the validated one.
"""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from authrim.web.pages import FormPostPage, Pages
from domain import redirect_uri as redirect_uris

#: RFC 9700 §4.12: a 307 would send the person's password on to the client.
SEE_OTHER: Final = 303


def authorization_response(
    pages: Pages, page_settings: Mapping[str, object], redirect_uri: str, response_mode: str,
    parameters: Mapping[str, str], error_id: str,
) -> web.Response:  # fmt: skip
    """The response in the request's own mode."""
    match response_mode:
        case "form_post":
            fields = tuple(parameters.items())
            return pages.form_post(
                FormPostPage(action=redirect_uri, fields=fields, error_id=error_id, **page_settings)  # type: ignore[arg-type]
            )
        case "fragment":
            return see_other(redirect_uris.append_fragment(redirect_uri, parameters))
        case _:
            return see_other(redirect_uris.append_parameters(redirect_uri, parameters))


def see_other(location: str) -> web.Response:
    """303 See Other. The location is built from validated parts; a control character in it is a defect."""
    return web.Response(status=SEE_OTHER, headers={"Location": location})
