"""The clients' part of a running server."""

from dataclasses import dataclass
from typing import Final

from authrim.clients.attesters import ClientAttesters
from authrim.clients.documents import ClientDocuments
from authrim.clients.keys import ClientKeys
from authrim.clients.secrets import ClientSecrets
from authrim.core.parts import Part
from authrim.protocol.client_chain import ClientChains
from authrim.protocol.software_statement import SoftwareStatements


@dataclass(frozen=True, slots=True)
class Clients:
    """The metadata documents, keys and secrets of clients, and the authorities and attesters that vouch for them."""

    documents: ClientDocuments
    keys: ClientKeys
    secrets: ClientSecrets
    chains: ClientChains
    attesters: ClientAttesters
    software_statements: SoftwareStatements


CLIENTS: Final[Part[Clients]] = Part("clients")
