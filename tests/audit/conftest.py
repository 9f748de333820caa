"""One estate that is in order (database, journal, cabinet log, platform books), for each test as if it were the first.

`copy` is a database of the test's own; `spoilt` is the one that all share, in a transaction that ends with the test.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from tests.audit.estate import MACHINE, build_estate
from tests.cloud.conftest import database_url, postgres
from vendomat.audit import Auditor, AuditReport, AuditSources, Terms, open_auditor, run_audit
from vendomat.cloud.platform.engines import PostgresEngine

__all__ = ["database_url", "postgres"]
_ESTATE = "audit_estate"
_numbers = itertools.count()


@dataclass
class Estate:
    """One estate to spoil. `superuser` may do what no program of ours may."""

    folder: Path
    superuser: asyncpg.Connection
    superuser_url: str
    owner_url: str = ""
    ask: Callable[[AuditSources, Terms], Awaitable[AuditReport]] = run_audit

    @property
    def sources(self) -> AuditSources:
        return AuditSources(
            self.superuser_url,
            cabinets={MACHINE: self.folder / "cabinet.jsonl"},
            journals={MACHINE: self.folder / "journal.db"},
            books={name: str(self.folder / f"{name}.json") for name in ("wechat", "alipay")},
        )

    async def plant(self, sql: str) -> None:
        """Change what cannot be changed: guards, triggers and foreign keys do not see it."""
        async with self.superuser.transaction():
            await self.superuser.execute("SET LOCAL session_replication_role = replica")
            await self.superuser.execute(sql)
            await self.superuser.execute("SET LOCAL session_replication_role = origin")

    async def audit(self, *, is_at_rest: bool = True) -> AuditReport:
        return await self.ask(self.sources, Terms(is_at_rest=is_at_rest))


@pytest.fixture(scope="session")
def estate_folder(postgres: PostgresEngine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The estate's files; its rows are in the database `_ESTATE`, a template for copies."""
    folder = tmp_path_factory.mktemp("estate")
    estate = build_estate(folder)
    postgres.create_database(_ESTATE, template="vendomat_template")

    async def write() -> None:
        connection = await asyncpg.connect(postgres.address.url_of(_ESTATE, "postgres"))
        try:
            await estate.write(connection)
        finally:
            await connection.close()

    asyncio.run(write())
    return folder


@pytest.fixture
async def copy(postgres: PostgresEngine, estate_folder: Path, tmp_path: Path) -> AsyncIterator[Estate]:
    name = f"audit_copy_{next(_numbers)}"
    owner_url = postgres.create_database(name, template=_ESTATE)
    folder = tmp_path / "estate"
    shutil.copytree(estate_folder, folder)
    superuser_url = postgres.address.url_of(name, "postgres")
    superuser = await asyncpg.connect(superuser_url)
    yield Estate(folder, superuser, superuser_url, owner_url)
    await superuser.close()
    postgres.drop_database(name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def auditor(postgres: PostgresEngine, estate_folder: Path) -> AsyncIterator[Auditor]:
    name = f"audit_copy_{next(_numbers)}"
    postgres.create_database(name, template=_ESTATE)
    async with open_auditor(postgres.address.url_of(name, "postgres")) as auditor:
        yield auditor
    postgres.drop_database(name)


@pytest_asyncio.fixture(loop_scope="module")
async def spoilt(auditor: Auditor, estate_folder: Path, tmp_path: Path) -> AsyncIterator[Estate]:
    folder = tmp_path / "estate"
    shutil.copytree(estate_folder, folder)
    spoiling = auditor.connection.transaction(isolation="repeatable_read")
    await spoiling.start()
    yield Estate(folder, auditor.connection, "", ask=auditor.audit)
    await spoiling.rollback()
