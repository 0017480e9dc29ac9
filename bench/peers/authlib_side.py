"""Authlib on Flask, under gunicorn with one worker of eight threads, in PostgreSQL."""

from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bench.http_client import Client, basic
from bench.side import Launch, Paths, Side
from tests.postgres_cluster import Cluster
from tests.support.installing import python_environment
from tests.support.ports import free_port

SOURCE: Final = Path(__file__).parent / "authlib"
_SECRET: Final = "a-secret-of-the-benchmark"


class AuthlibSide(Side):
    """An OpenID provider made with Authlib, as its documentation shows. It has no PAR and no DPoP."""

    name, title = "authlib", "Authlib on Flask, PostgreSQL"
    paths = Paths("/token", "/authorize", "/introspect")

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        super().__init__(folder, free_port())
        key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        key_file = self._folder / "key.pem"
        key_file.write_bytes(key)
        database = cluster.dsn(cluster.new_database("template0"))
        self._environment = {
            "ISSUER": self.url(""), "CLIENT_SECRET": _SECRET, "KEY_FILE": str(key_file),
            "DATABASE_URL": database.replace("postgresql://", "postgresql+psycopg2://"),
            "AUTHLIB_INSECURE_TRANSPORT": "1",  # http on loopback
        }  # fmt: skip

    def launch(self) -> Launch:
        """gunicorn of the peer's own environment."""
        options = (
            "--worker-class",
            "gthread",
            "--workers",
            "1",
            "--threads",
            "8",
            "--keep-alive",
            "30",
            "--no-control-socket",
        )
        bind = ("--bind", f"{self.host}:{self._port}")
        return Launch((gunicorn(), *options, *bind, "app:app"), SOURCE, self._environment)

    def answering(self) -> list[int]:
        """The worker and the process that watches it."""
        return self.processes()

    def basic(self, form: str) -> str:
        """The credentials of the client with tokens of this form."""
        return basic(form, _SECRET)

    def client_of(self, form: str) -> str:
        """Clients are named after the form of their tokens."""
        return form

    def sign_in(self, path: str) -> Client:  # noqa: ARG002 - it does not ask on the way
        """A browser with a session."""
        client = self.client()
        assert client.request("GET", "/sign-in").status == 200
        return client


def gunicorn() -> str:
    """The program, in an environment of the pinned versions."""
    return str(python_environment(SOURCE / "requirements.txt") / "gunicorn")
