"""The settings by subject, one file each.

Each class is a section of ``docs/settings.md``; together they are ``Settings``.

A default is what a new installation should run with. Within its bounds the server keeps its promises.
"""

from authrim.settings.groups.acme import Acme
from authrim.settings.groups.evidence import Evidence
from authrim.settings.groups.keys import Keys
from authrim.settings.groups.log import Log
from authrim.settings.groups.metrics import Metrics
from authrim.settings.groups.output import Output
from authrim.settings.groups.outside import Outside
from authrim.settings.groups.passwords import Passwords
from authrim.settings.groups.privacy import Privacy
from authrim.settings.groups.registration import Registration
from authrim.settings.groups.reports import Reports
from authrim.settings.groups.requests import Requests
from authrim.settings.groups.server import Server
from authrim.settings.groups.siem import Siem
from authrim.settings.groups.sign_in import SignIn
from authrim.settings.groups.streams import Streams
from authrim.settings.groups.tls import Tls
from authrim.settings.groups.tokens import Tokens
from authrim.settings.groups.traces import Traces
from authrim.settings.groups.transparency import Transparency

__all__ = [
    "Acme",
    "Evidence",
    "Keys",
    "Log",
    "Metrics",
    "Output",
    "Outside",
    "Passwords",
    "Privacy",
    "Registration",
    "Reports",
    "Requests",
    "Server",
    "Siem",
    "SignIn",
    "Streams",
    "Tls",
    "Tokens",
    "Traces",
    "Transparency",
]
