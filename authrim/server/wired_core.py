"""The core of a process: what a server and the process of the background work both need."""

from authrim.audit.monitor.monitor import Monitor
from authrim.audit.readings import Readings
from authrim.core.clients_and_keys import Configuration
from authrim.core.execute import Executor
from authrim.core.master_proof import master_keys_of, prove_master_keys
from authrim.core.parts import Core
from authrim.core.refusals import Refusals
from authrim.core.sealed_rows import PrivateData
from authrim.core.signing_keys import ensure_keys, key_ring_of
from authrim.crypto.master import MasterKeys
from authrim.features import enabled
from authrim.metrics.catalogue import CLIENT_REFUSALS, CLIENT_TOKENS
from authrim.outside.egress import Egress
from authrim.settings import Settings
from authrim.store.opening import replica_of
from authrim.store.read_back import ReadBack
from domain.stream import DEFAULT_TENANT
from domain.vocabulary.features import CLIENT_ID_METADATA


async def make_core(settings: Settings, store: ReadBack) -> Core:
    """The core over an open store; its keys are made when there are none.

    Raises WrongMasterKeys, with nothing written, when the master keys are not those of the database.
    """
    CLIENT_TOKENS.is_on = CLIENT_REFUSALS.is_on = settings.metrics_client_ids
    master = master_keys_of(settings)
    await prove_master_keys(store, master)
    core = await read_core(settings, store, master)
    await ensure_keys(store, core.private, core.configuration, settings, DEFAULT_TENANT)
    return core


async def read_core(settings: Settings, store: ReadBack, master: MasterKeys) -> Core:
    """The core with the keys that there are. Nothing is written."""
    private = PrivateData(store, master)
    key_ring = key_ring_of(settings, private)
    features = frozenset(feature.name for feature in enabled(settings))
    configuration = Configuration(store, key_ring, documents=CLIENT_ID_METADATA in features)
    egress = Egress.from_settings(settings)
    await configuration.open()
    return Core(
        settings=settings,
        store=store,
        configuration=configuration,
        executor=Executor(store, configuration),
        key_ring=key_ring,
        master=master,
        private=private,
        refusals=Refusals(store),
        egress=egress,
        features=features,
        monitor=Monitor(store, settings.issuer),
        readings=Readings(store, replica_of(settings, store), settings.database_replica_lag),
    )
