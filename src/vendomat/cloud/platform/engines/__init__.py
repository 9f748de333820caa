"""Private engines (PostgreSQL, NATS) as our own child processes, for set-ups that bring none of their own."""

from vendomat.cloud.platform.engines.address import PostgresAddress
from vendomat.cloud.platform.engines.engines import Engines, Reach, trust_of
from vendomat.cloud.platform.engines.nats import NatsEngine
from vendomat.cloud.platform.engines.nats_config import NatsTrust
from vendomat.cloud.platform.engines.patience import Patience
from vendomat.cloud.platform.engines.postgres import PostgresEngine
from vendomat.cloud.platform.engines.postgres_settings import THROWN_AWAY
from vendomat.cloud.platform.engines.running import running_url

__all__ = [
    "THROWN_AWAY",
    "Engines",
    "NatsEngine",
    "NatsTrust",
    "Patience",
    "PostgresAddress",
    "PostgresEngine",
    "Reach",
    "running_url",
    "trust_of",
]
