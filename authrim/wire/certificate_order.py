"""What a certificate is ordered with by ACME (RFC 8555), and why there is none."""

from pathlib import Path
from typing import NamedTuple


class NoCertificate(Exception):
    """No certificate was obtained. The text says why and what to do."""


class AcmeOrder(NamedTuple):
    """What a certificate is ordered with. ``names``: the DNS names in it. ``http_port``: where the authority is
    answered (HTTP-01, RFC 8555 §8.3). ``authority``: a PEM file with the issuers of the directory's own certificate."""

    directory: str
    contact: str | None
    account_key: Path
    http_port: int
    authority: Path | None
    names: tuple[str, ...]
    certificate: Path
    key: Path
