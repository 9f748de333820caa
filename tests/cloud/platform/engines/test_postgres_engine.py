"""A private PostgreSQL lives through kills, orphans, stale files and awkward folders, and loses nothing committed."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from vendomat.cloud.platform.engines import THROWN_AWAY, Patience, PostgresEngine
from vendomat.cloud.platform.engines.account import account_for
from vendomat.cloud.platform.engines.binaries import find_postgres
from vendomat.kernel import ErrorCode, VendomatError

pytestmark = pytest.mark.slow
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to lend the server another account")

_SUPERVISOR = """
import sys, time
from pathlib import Path
from vendomat.cloud.platform.engines import PostgresEngine
engine = PostgresEngine(Path(sys.argv[1]))
engine.start()
print(engine.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def engine(open_folder: Path) -> Iterator[PostgresEngine]:
    engine = PostgresEngine(open_folder / "postgres")
    engine.start()
    yield engine
    engine.destroy()


@pytest.fixture
def running(engine: PostgresEngine) -> PostgresEngine:
    engine.start()
    return engine


async def ask(url: str, query: str) -> object:
    connection = await asyncpg.connect(url, timeout=30)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_the_owner_owns_the_database_and_is_no_superuser(running: PostgresEngine) -> None:
    role = "SELECT (rolsuper OR rolbypassrls OR rolcreatedb) FROM pg_roles WHERE rolname = current_user"
    assert await ask(running.address.url, role) is False
    assert await ask(running.address.url, "SELECT current_user::text") == "vendomat"
    owner = "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = current_database()"
    assert await ask(running.address.url, owner) == "vendomat"
    assert await ask(running.address.superuser_url, "SHOW is_superuser") == "on"


@pytest.mark.parametrize(
    ("setting", "value"),
    [("fsync", "on"), ("full_page_writes", "on"), ("synchronous_commit", "on"), ("server_encoding", "UTF8")],
)
async def test_nothing_durable_is_traded_for_speed(running: PostgresEngine, setting: str, value: str) -> None:
    assert await ask(running.address.url, f"SHOW {setting}") == value
    assert await ask(running.address.url, "SHOW listen_addresses") == ""


async def test_a_killed_server_comes_back_with_what_was_committed(running: PostgresEngine) -> None:
    await ask(running.address.url, "CREATE TABLE kept_one AS SELECT 7 AS number")
    held_open = await asyncpg.connect(running.address.url)
    backends = running.pids
    running.kill()
    assert running.pid is None
    running.restart()
    assert await ask(running.address.url, "SELECT number FROM kept_one") == 7
    assert not set(backends) & set(running.pids)
    held_open.terminate()


def test_a_socket_with_a_long_path_stays_where_clients_look_for_it(open_folder: Path) -> None:
    with PostgresEngine(open_folder / ("long" * 30)) as long_one:
        url = long_one.address.url
        assert str(long_one.storage) not in url, "the path was meant to be too long for a socket"
        long_one.kill()
        assert long_one.start().url == url
        assert long_one.restart().url == url


def test_a_warm_start_is_quick(running: PostgresEngine) -> None:
    running.stop()
    before = time.monotonic()
    running.start()
    assert time.monotonic() - before < 10  # 0.05 s on an idle machine


async def test_an_orphan_of_a_killed_supervisor_is_ended_and_its_commits_are_kept(engine: PostgresEngine) -> None:
    engine.stop()
    folder = engine.storage
    supervisor = subprocess.Popen([sys.executable, "-c", _SUPERVISOR, str(folder)], stdout=subprocess.PIPE)
    assert supervisor.stdout is not None
    orphan = int(supervisor.stdout.readline())
    await ask(engine.address.url, "CREATE TABLE kept_two AS SELECT 8 AS number")
    supervisor.kill()
    supervisor.communicate()
    assert Path(f"/proc/{orphan}").exists(), "the server was meant to outlive its supervisor"
    engine.start()
    assert orphan not in engine.pids
    assert await ask(engine.address.url, "SELECT number FROM kept_two") == 8


def test_a_frozen_orphan_is_ended_too(engine: PostgresEngine) -> None:
    engine.stop()
    impatient = PostgresEngine(engine.storage, patience=Patience(stop_limit_s=0.3, last_resort_limit_s=0.3))
    supervisor = subprocess.Popen([sys.executable, "-c", _SUPERVISOR, str(engine.storage)], stdout=subprocess.PIPE)
    assert supervisor.stdout is not None
    orphan = int(supervisor.stdout.readline())
    supervisor.kill()
    supervisor.communicate()
    os.kill(orphan, signal.SIGSTOP)
    impatient.start()
    assert orphan not in impatient.pids
    impatient.stop()


@pytest.mark.parametrize("is_zombie", [False, True])
def test_a_pid_file_that_names_another_process_does_not_hinder_and_does_not_kill(
    engine: PostgresEngine, is_zombie: bool
) -> None:
    engine.start()
    account = account_for(engine.storage / "data")
    text = (engine.storage / "data" / "postmaster.pid").read_text()
    engine.stop()
    command = ["true"] if is_zombie else ["sleep", "30"]
    bystander = subprocess.Popen(command, **account.spawn_arguments())
    if is_zombie:
        os.waitid(os.P_PID, bystander.pid, os.WEXITED | os.WNOWAIT)
    _, _, rest = text.partition("\n")
    stale = engine.storage / "data" / "postmaster.pid"
    stale.write_text(f"{bystander.pid}\n{rest}")
    account.own(stale)
    engine.start()
    assert engine.pid is not None
    assert is_zombie or bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_a_torn_pid_file_does_not_hinder(engine: PostgresEngine) -> None:
    engine.stop()
    (engine.storage / "data" / "postmaster.pid").write_bytes(b"")
    engine.start()
    assert engine.pid is not None


def test_a_second_supervisor_is_refused_and_harms_nothing(running: PostgresEngine) -> None:
    with pytest.raises(VendomatError) as refusal:
        PostgresEngine(running.storage).start()
    assert refusal.value.code is ErrorCode.CONFLICT
    assert str(os.getpid()) in refusal.value.message
    assert running.pid is not None


async def test_a_database_of_its_own_can_be_made_and_removed(running: PostgresEngine) -> None:
    url = running.create_database("extra_one")
    assert await ask(url, "SELECT current_database()::text") == "extra_one"
    running.drop_database("extra_one")
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await ask(url, "SELECT 1")
    with pytest.raises(AssertionError):
        running.create_database('x"; DROP DATABASE vendomat; --')


def test_a_setting_that_the_server_refuses_is_told_with_its_own_words(engine: PostgresEngine) -> None:
    engine.stop()
    with pytest.raises(VendomatError, match="no_such_setting"):
        PostgresEngine(engine.storage, overrides={"no_such_setting": "1"}).start()
    engine.start()  # the folder is free again


async def test_over_tcp_only_the_owner_with_its_password(engine: PostgresEngine) -> None:
    engine.stop()
    with PostgresEngine(engine.storage, tcp=True) as listening:
        address = listening.address
        assert address.tcp_url is not None and address.password is not None
        assert await ask(address.tcp_url, "SELECT current_user::text") == "vendomat"
        with pytest.raises(asyncpg.InvalidPasswordError):
            await ask(address.tcp_url.replace(address.password, "guess"), "SELECT 1")
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
            await ask(address.tcp_url.replace("vendomat:", "postgres:"), "SELECT 1")
        port = address.port
    with PostgresEngine(engine.storage, tcp=True) as again:
        assert again.address.port == port


def test_the_first_start_clears_half_a_cluster(open_folder: Path) -> None:
    half = open_folder / "half" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with PostgresEngine(open_folder / "half") as engine:
        assert engine.pid is not None
    assert not half.exists()


async def test_a_path_too_long_for_a_socket_gets_a_short_one(open_folder: Path) -> None:
    deep = open_folder / ("deep" * 20) / ("down" * 10)
    with PostgresEngine(deep) as engine:
        socket_dir = engine.address.socket_dir
        assert not socket_dir.is_relative_to(deep)
        assert stat.S_IMODE(socket_dir.stat().st_mode) == 0o700
        assert await ask(engine.address.url, "SELECT 1") == 1
    assert not socket_dir.exists()


@as_root
async def test_root_lends_an_account_and_opens_no_folder_of_others(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    engine = PostgresEngine(closed / "postgres")
    engine.start()
    place = engine.storage
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert not place.is_relative_to(closed)
    assert Path(f"/proc/{engine.pid}").stat().st_uid != 0
    assert await ask(engine.address.url, "SELECT 1") == 1
    engine.destroy()
    assert not place.exists()


@as_root
def test_a_database_that_is_gone_is_never_read_as_empty(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    folder.mkdir()
    (folder / "location").write_text("/nowhere/at/all\n")
    with pytest.raises(VendomatError, match="restore a backup"):
        PostgresEngine(folder).start()


@as_root
async def test_a_destroyed_server_leaves_nothing_and_waits_for_nobody(open_folder: Path) -> None:
    engine = PostgresEngine(open_folder / "destroyed", overrides=THROWN_AWAY)
    engine.start()
    client = await asyncpg.connect(engine.address.url)
    assert await client.fetchval("SHOW fsync") == "off"
    storage, backends = engine.storage, engine.pids
    assert len(backends) > 1
    engine.destroy()
    assert not any(Path(f"/proc/{pid}").exists() for pid in backends)
    assert not storage.exists() and not (open_folder / "destroyed").exists()
    client.terminate()


def test_an_ordinary_user_needs_no_other_account(open_folder: Path) -> None:
    folder = open_folder / "ordinary"
    folder.mkdir()
    nobody = 65534
    os.chown(folder, nobody, nobody)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(nobody, nobody, nobody)
            os.setresuid(nobody, nobody, nobody)
            with PostgresEngine(folder / "postgres") as engine:
                engine.kill()
                engine.restart()
                os.write(writer, f"server of {Path(f'/proc/{engine.pid}').stat().st_uid}".encode())
        except BaseException as error:
            os.write(writer, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as said:
        assert said.read() == f"server of {nobody}"


@as_root
def test_an_ordinary_user_cannot_take_over_the_data_of_another(engine: PostgresEngine) -> None:
    with pytest.raises(VendomatError, match="belong to user"):
        account_for(engine.storage / "data", us=54321)


def test_a_forked_child_that_ends_leaves_the_server_alone(open_folder: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from vendomat.cloud.platform.engines import PostgresEngine\n"
        "engine = PostgresEngine(Path(sys.argv[1])); engine.start()\n"
        "child = os.fork()\n"
        "if child == 0: sys.exit(0)\n"
        "os.waitpid(child, 0); print(engine.pid is not None); print(engine.pid)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(open_folder / "forked")], capture_output=True, text=True, check=True
    )
    alive, pid = done.stdout.split()
    assert alive == "True"
    assert not Path(f"/proc/{pid}").exists(), "the end of the program ends the server"


def test_a_copy_of_the_programs_runs_by_itself(tmp_path: Path) -> None:
    copy = find_postgres().copy_into(tmp_path)
    for program in ("postgres", "initdb", "psql"):
        done = subprocess.run([copy.program(program), "--version"], capture_output=True, text=True, check=True)
        assert str(copy.major) in done.stdout
    assert copy.sample_file.exists()
    assert find_postgres().copy_into(tmp_path) == copy


async def test_many_connections_at_once(running: PostgresEngine) -> None:
    answers = await asyncio.gather(*(ask(running.address.url, "SELECT 1") for _ in range(100)))
    assert answers == [1] * 100
