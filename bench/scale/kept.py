"""The cluster with the large logs: a throw-away one, or one in a folder that is kept for the next run."""

import asyncio
import json
import pickle
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg2

from bench.scale.log import Size
from bench.scale.sample import samples
from bench.scale.stamp import Sample
from bench.scale.write import refresh, write
from tests import postgres_cluster
from tests.postgres_cluster import Cluster
from tests.support.ports import free_port

_NOTE: Final = "scale.json"
_SAMPLES: Final = "samples.pickle"
#: While rows are copied: no checkpoint and no vacuum in between.
_BULK: Final = {"max_wal_size": "32GB", "checkpoint_timeout": "1h", "autovacuum": "off"}


class Logs:
    """The large logs of a cluster: one database for each number of events."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._note = Path(cluster.folder) / _NOTE
        self._databases: dict[str, str] = json.loads(self._note.read_text()) if self._note.exists() else {}
        self._samples: Mapping[str, Sample] = {}

    def dsn(self, events: int) -> str:
        """The address of the log with about so many events. It is made when it is not there yet."""
        known = self._databases.pop(str(events), "")
        name = known or self.cluster.new_database()
        dsn, make = self.cluster.dsn(name), refresh if known else write
        try:
            with self._bulk():
                _told(f"{events:,} events: ", make(dsn, self._read_samples(), Size.of(events)))
        except BaseException:  # half a log is none
            self._keep_note()
            self.cluster.drop_database(name)
            raise
        self._databases[str(events)] = name
        self._keep_note()
        return dsn

    def _keep_note(self) -> None:
        self._note.write_text(json.dumps(self._databases))

    def _read_samples(self) -> Mapping[str, Sample]:
        """The samples that every log of this cluster is made of: their keys are in all of them."""
        file = Path(self.cluster.folder) / _SAMPLES
        if not self._samples:
            if not file.exists():
                file.write_bytes(pickle.dumps(asyncio.run(samples(self.cluster))))
            self._samples = pickle.loads(file.read_bytes())  # our own file, in a folder of ours
        return self._samples

    @contextmanager
    def _bulk(self) -> Iterator[None]:
        for name, value in _BULK.items():
            self.cluster.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        self.cluster.execute("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            self.cluster.execute("ALTER SYSTEM RESET ALL")
            self.cluster.execute("SELECT pg_reload_conf()")


def _told(what: str, work: Any) -> None:
    began, used = time.monotonic(), time.process_time()
    position = asyncio.run(work)
    print(
        f"{what}the log ends at {position:,}, after {time.monotonic() - began:.0f} s"
        f" ({time.process_time() - used:.0f} s of this process)",
        file=sys.stderr, flush=True,
    )  # fmt: skip


@contextmanager
def logs(folder: Path | None) -> Iterator[Logs]:
    """A running cluster for large logs. ``folder``: where it is, or is made, and stays."""
    if folder is None:
        cluster = postgres_cluster.start()
        try:
            yield Logs(cluster)
        finally:
            postgres_cluster.stop(cluster)
        return
    if (folder / "data").is_dir():
        cluster = Cluster(str(folder), free_port())
        cluster.control("start")
    else:
        folder.mkdir(parents=True, exist_ok=True)
        cluster = postgres_cluster.start(folder=folder)
    try:
        yield Logs(cluster)
    finally:
        cluster.control("stop", "-m", "fast")


def sizes_of(dsn: str) -> dict[str, int]:
    """The bytes of each table with its indexes."""
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class"
            " WHERE relnamespace = 'authrim'::regnamespace AND relkind = 'r' ORDER BY 2 DESC"
        )
        return dict(cursor.fetchall())
