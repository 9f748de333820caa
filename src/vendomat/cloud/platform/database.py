"""PostgreSQL: roles, migrations and the ways in.

Four doors, four roles, none of them a superuser: `hot` for the sale (all merchants, the tables it needs), `merchant`
for one merchant's people (row-level security binds it to the merchant of the transaction), `auth` for "who is it?",
`site_owner` for one person to whom sites belong (of a few tables, the rows that concern these sites).
The owner itself reads nothing: row-level security is forced and has no policy for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import asyncpg
import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from vendomat.cloud.platform.locks import Lock
from vendomat.kernel import ErrorCode, VendomatError

ROLES = ("vendomat_hot", "vendomat_merchant", "vendomat_auth", "vendomat_site_owner")
MIGRATIONS = Path(__file__).parent / "migrations"
TRIES_MAX = 4

_BROKEN_OFF = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_REFUSING = (asyncpg.InsufficientResourcesError, asyncpg.ReadOnlySQLTransactionError)
_OF_THE_CLIENT = (asyncpg.InterfaceError, asyncpg.InternalClientError)  # of a connection that was cut in mid-sentence
_OF_THE_SERVER = (
    OSError,  # a time-out is one, too
    *_OF_THE_CLIENT,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    *_REFUSING,
)
QUERY_FAILURES = (asyncpg.PostgresError, *_OF_THE_CLIENT, OSError)
"""What a loop that asks the database again and again must live through."""
_Result = TypeVar("_Result")


def is_of_the_server(error: Exception) -> bool:
    """Whether `error` is the server's state (away, full, read-only) and not what it was asked: all would meet it."""
    return isinstance(error, _OF_THE_SERVER)


def driver_url(url: str) -> str:
    """The SQLAlchemy form of a `postgresql://` URL."""
    return "postgresql+asyncpg://" + url.split("://", 1)[1]


async def ensure_roles(url: str) -> None:
    """Create the roles where they are missing and let the user of `url` take them. Needs CREATEROLE, once."""
    connection = await asyncpg.connect(url)
    try:
        # One server may be set up by several programs at once: take turns, so that no role is created twice.
        await connection.execute("SELECT pg_advisory_lock($1)", Lock.ROLES)
        for role in ROLES:
            if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
                await connection.execute(f"CREATE ROLE {role} NOLOGIN NOSUPERUSER NOBYPASSRLS")
            # Taken on purpose (SET ROLE), never inherited: the owner by itself reads no row.
            if not await connection.fetchval("SELECT pg_has_role($1, 'SET') AND NOT pg_has_role($1, 'USAGE')", role):
                await connection.execute(f"GRANT {role} TO CURRENT_USER WITH INHERIT FALSE, SET TRUE")
    finally:
        await connection.close()


async def migrate(url: str, revision: str = "head") -> None:
    """Bring the schema to the newest version (or up to `revision`); a second call only looks."""
    try:
        await ensure_roles(url)
    except asyncpg.InsufficientPrivilegeError as error:
        raise VendomatError(
            ErrorCode.UNAVAILABLE,
            f"the roles {', '.join(ROLES)} are missing and this user may not create them; nothing was changed. "
            "Run `vendomat migrate` once with DATABASE_URL of a user that has CREATEROLE",
        ) from error
    if await _revision_of(url) == newest_revision():
        return

    from alembic import command
    from alembic.config import Config

    engine = create_async_engine(driver_url(url))

    def upgrade(connection: sa.Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    try:
        async with engine.begin() as connection:
            await connection.run_sync(upgrade)
    finally:
        await engine.dispose()


def newest_revision() -> str:
    """The last of the migrations, which are numbered in their order."""
    return max(path.name for path in (MIGRATIONS / "versions").glob("[0-9]*.py")).partition("_")[0]


async def _revision_of(url: str) -> str | None:
    """What the schema has come to; None before the first migration."""
    connection = await asyncpg.connect(url)
    try:
        revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        revision = None
    finally:
        await connection.close()
    return revision


class KeptConnection(asyncpg.Connection):  # type: ignore[misc]
    """A pooled connection without the reset round trip: hot-path code leaves no session state behind."""

    async def reset(self, *, timeout: float | None = None) -> None:
        if self.is_in_transaction():
            await super().reset(timeout=timeout)


async def _use_json(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        # Text is taken for JSON already written (the job queue's library writes its own).
        encoder=lambda value: b"\x01" + (value.encode() if isinstance(value, str) else msgspec.json.encode(value)),
        decoder=lambda data: msgspec.json.decode(data[1:]),
    )


class Database:
    """The open database of one process."""

    def __init__(self, hot: asyncpg.Pool, engine: AsyncEngine, url: str, *, refusal_remembered_s: float = 30.0) -> None:
        self.hot = hot
        self.url = url
        self._engine = engine
        self._refused_at: float | None = None
        self._refusal_remembered_s = refusal_remembered_s

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        hot_connections: int = 6,
        stuck_s: float = 10.0,
        connection_class: type[KeptConnection] = KeptConnection,
    ) -> Database:
        """`stuck_s`: a hot transaction whose worker sleeps that long is ended by the server, so that it holds no row
        for ever; half of it is how long one waits for a row, three times it how long a refused write is remembered.
        """
        hot = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=hot_connections,
            connection_class=connection_class,
            init=_use_json,
            server_settings={
                "role": "vendomat_hot",
                "jit": "off",
                "application_name": "vendomat hot",
                "idle_in_transaction_session_timeout": f"{int(stuck_s * 1000)}ms",
                "lock_timeout": f"{int(stuck_s * 500)}ms",
            },
            command_timeout=30,
        )
        engine = create_async_engine(driver_url(url), pool_size=4, max_overflow=4, pool_pre_ping=True)
        return cls(hot, engine, url, refusal_remembered_s=3 * stuck_s)

    async def write(self, work: Callable[[asyncpg.Connection], Awaitable[_Result]]) -> _Result:
        """`work` in one transaction under the hot role; its result is committed.

        Begun again when the server broke it off in favour of another (deadlock, serialisation), so `work` does nothing
        outside the transaction. Raises what the last try met.
        """
        for left in range(TRIES_MAX - 1, -1, -1):
            try:
                async with self.hot.acquire() as connection, connection.transaction():
                    return await work(connection)
            except _BROKEN_OFF:
                if not left:
                    raise
            except _REFUSING:
                self._refused_at = asyncio.get_running_loop().time()
                raise
        raise AssertionError("unreachable")

    async def takes_writes(self) -> bool:
        """Whether it keeps what it is given: not read-only, not full. Raises what an attempt to ask meets.

        A full disk may still take a small row, so a write that was refused lately counts, too.
        """
        is_read_only = bool(await self.hot.fetchval("SELECT current_setting('transaction_read_only')::boolean"))
        now = asyncio.get_running_loop().time()
        return not is_read_only and (self._refused_at is None or now - self._refused_at > self._refusal_remembered_s)

    @asynccontextmanager
    async def merchant(self, merchant_id: str, *, is_snapshot: bool = False) -> AsyncIterator[AsyncConnection]:
        """One transaction that sees and writes the rows of `merchant_id` only.

        `is_snapshot`: it only reads, and all of its questions see the same moment.
        """
        async with self._engine.begin() as connection:
            if is_snapshot:
                await connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            await connection.execute(sa.text("SET LOCAL ROLE vendomat_merchant"))
            await connection.execute(
                sa.text("SELECT set_config('vendomat.merchant_id', :merchant_id, true)"), {"merchant_id": merchant_id}
            )
            yield connection

    @asynccontextmanager
    async def auth(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that may find out who somebody is: sign-in, session, enrolment token, media by hash."""
        async with self._engine.begin() as connection:
            await connection.execute(sa.text("SET LOCAL ROLE vendomat_auth"))
            yield connection

    @asynccontextmanager
    async def site_owner(self, merchant_id: str, operator_id: str) -> AsyncIterator[asyncpg.Connection]:
        """One moment of what concerns the sites that belong to this person; there is no right to anything else."""
        reading = {"isolation": "repeatable_read", "readonly": True}
        async with self.hot.acquire() as connection, connection.transaction(**reading):
            await connection.execute("SET LOCAL ROLE vendomat_site_owner")
            await connection.execute(
                "SELECT set_config('vendomat.merchant_id', $1, true), set_config('vendomat.operator_id', $2, true)",
                merchant_id,
                operator_id,
            )
            yield connection

    async def aclose(self) -> None:
        await self.hot.close()
        await self._engine.dispose()
