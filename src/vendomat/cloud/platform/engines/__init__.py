"""Private engines: PostgreSQL as our own child process. See `PostgresEngine`."""

from vendomat.cloud.platform.engines.address import PostgresAddress
from vendomat.cloud.platform.engines.postgres import PostgresEngine

__all__ = ["PostgresAddress", "PostgresEngine"]
