"""The links that lead a person from one of our pages to an application: one rule for every page that has some.

The addresses are those of the registration. Nothing in a request can choose them, so no link to us ends elsewhere
(RFC 9700 §4.11), and they are links: nobody is sent there without pressing one.
"""

from authrim.core.parts import Core
from authrim.pages.display import secure_link
from authrim.pages.views import BACK, NextLink
from domain.client import redirect_uri as redirect_uris
from domain.client.client import Client


def client_links(core: Core, client: Client, begins: str) -> tuple[NextLink, ...]:
    """Where the application begins a sign-in (OIDC Core §4), then its own page. ``begins``: the kind of the first."""
    development = core.settings.development
    login_uri = secure_link(client.metadata.initiate_login_uri, development)
    home = secure_link(client.metadata.client_uri, development)
    links = []
    if login_uri:
        uri = redirect_uris.append_parameters(login_uri, {"iss": core.issuer})
        links.append(NextLink(begins, uri))
    if home:
        links.append(NextLink(BACK, home))
    return tuple(links)
