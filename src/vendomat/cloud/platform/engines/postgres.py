"""A private PostgreSQL as our own child process, in a folder of ours.

Refuses: to run as root, to trade durability for speed, to touch a server or a folder that is not its own. It survives a
kill of itself or of its supervisor: whatever an earlier life left (a stale pid file, a running orphan, a half-made
cluster) is identified by its folder and cleared before the start. It listens on a socket in a private folder, and on
127.0.0.1 only when asked.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from vendomat.cloud.platform.engines.account import Account, account_for
from vendomat.cloud.platform.engines.address import PostgresAddress
from vendomat.cloud.platform.engines.binaries import PostgresBinaries, find_postgres
from vendomat.cloud.platform.engines.folder import EngineFolder, sync_folder
from vendomat.cloud.platform.engines.patience import Patience
from vendomat.cloud.platform.engines.postgres_settings import (
    DATABASE,
    OWNER,
    SUPERUSER,
    access_rules,
    first_statements,
    settings,
)
from vendomat.cloud.platform.engines.processes import ServerProcess
from vendomat.kernel import ErrorCode, VendomatError

_log = structlog.get_logger("engines")

_SOCKET_PATH_BYTES_MAX = 107
_NO_PROCESS = 2**31 - 2  # above any process id Linux gives
_STILL_ATTACHED = "pre-existing shared memory block"
_SOCKET_PORT = 5432


class PostgresEngine:
    """`start()` gives the address of a server that has answered a query; `stop()` ends it in order.

    `data_dir` becomes ours alone. As root the server runs as `run_as` (or an account that exists for such use); where
    that account cannot reach `data_dir`, the cluster lives in a folder of the system's choice, named in
    `data_dir/location`.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        tcp: bool = False,
        overrides: Mapping[str, str] | None = None,
        run_as: str | None = None,
        patience: Patience | None = None,
        new_secret: Callable[[], str] = secrets.token_hex,
    ) -> None:
        self._folder = EngineFolder(data_dir)
        self._tcp = tcp
        self._overrides = dict(overrides or {})
        self._run_as = run_as
        self._patience = patience or Patience()
        self._new_secret = new_secret
        self._server: ServerProcess | None = None
        self._address: PostgresAddress | None = None
        self._socket_dir_elsewhere: Path | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def address(self) -> PostgresAddress:
        assert self._address is not None, "start() first"
        return self._address

    @property
    def pid(self) -> int | None:
        """The server's process id, None when it does not run."""
        return self._server.pid if self._server is not None else None

    @property
    def pids(self) -> list[int]:
        """All processes of the server now."""
        return self._server.pids if self._server is not None else []

    @property
    def storage(self) -> Path:
        """Where the cluster lies: `data_dir`, or the folder named in `data_dir/location`."""
        return Path(self._folder.remembered("location") or self._folder.path)

    def start(self) -> PostgresAddress:
        """Start, recover if needed, wait for a real query to succeed. Raises `VendomatError` saying what to do."""
        if self.pid is not None:
            return self.address
        self._folder.lock()
        try:
            self._start_locked()
        except BaseException:
            self._end()
            raise
        atexit.register(self._stop_at_exit, os.getpid())
        return self.address

    def stop(self) -> None:
        """End the server in order (open transactions are rolled back). Harmless when it does not run."""
        atexit.unregister(self._stop_at_exit)
        self._end()

    def kill(self) -> None:
        """SIGKILL to the server, as a fault would; `start` or `restart` recovers."""
        if self._server is not None:
            self._server.kill()

    def restart(self) -> PostgresAddress:
        """Stop (or clear what a kill left) and start again at the same address."""
        self.stop()
        return self.start()

    def create_database(self, name: str, template: str = "template0") -> str:
        """Make a database owned by the owner, from `template`; returns its URL for asyncpg."""
        self._query(f'CREATE DATABASE "{_plain(name)}" OWNER {OWNER} TEMPLATE "{_plain(template)}"')
        return self.address.url_of(name)

    def drop_database(self, name: str) -> None:
        """Remove a database with all connections to it."""
        self._query(f'DROP DATABASE IF EXISTS "{_plain(name)}" WITH (FORCE)')

    def destroy(self) -> None:
        """Stop, and remove the cluster and everything else in `data_dir`. There is no way back."""
        self.stop()
        shutil.rmtree(self.storage, ignore_errors=True)
        shutil.rmtree(self._folder.path, ignore_errors=True)

    def _start_locked(self) -> None:
        account = account_for(self.storage / "data", self._run_as)
        storage = self._reachable_storage(account)
        data = storage / "data"
        binaries = find_postgres()
        if not account.may_run(binaries.program("postgres"), binaries.sample_file):
            binaries = binaries.copy_into(storage)
        if not data.exists():
            self._make_cluster(data, account, binaries)
        _check_version(data, binaries)
        self._server = ServerProcess(
            "postgres", data, self._folder.path / "postgres.log", signal.SIGINT, self._patience
        )
        self._server.clear()
        _disarm_stale_pid_file(data)
        socket_dir = self._make_socket_dir(storage, account)
        port = self._folder.port("port") if self._tcp else _SOCKET_PORT
        self._address = PostgresAddress(
            socket_dir=socket_dir,
            port=port,
            password=self._folder.remembered("password") if self._tcp else None,
            binaries=binaries.program("psql").parent,
        )
        self._launch(data, account, binaries)

    def _launch(self, data: Path, account: Account, binaries: PostgresBinaries) -> None:
        """Start until it answers. Backends of a killed server may hold its memory for a moment: then once more."""
        assert self._server is not None
        server, address = self._server, self.address
        options = settings(self._overrides) | {
            "listen_addresses": "127.0.0.1" if self._tcp else "",
            "port": str(address.port),
            "unix_socket_directories": str(address.socket_dir),
            "unix_socket_permissions": "0700",
        }
        command = [str(binaries.program("postgres")), "-D", str(data)]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        deadline = self._patience.elapsed() + self._patience.start_limit_s
        while True:
            server.spawn(command, account, _environment())
            left_s = deadline - self._patience.elapsed()
            ended = lambda: server.pid is None  # noqa: E731
            self._patience.until(lambda: ended() or _says_ready(data), left_s)
            if not ended() and self._patience.until(lambda: ended() or self._answers(), left_s) and not ended():
                return
            again = ended() and _STILL_ATTACHED in server.log_tail() and self._patience.elapsed() < deadline
            if not again:
                break
            self._patience.pause(0.1)
        raise VendomatError(
            ErrorCode.UNAVAILABLE,
            f"PostgreSQL did not start in {data}. Nothing was lost: it says why below, and the data are untouched.\n"
            + server.log_tail(),
        )

    def _answers(self) -> bool:
        try:
            self._query("SELECT 1")
        except VendomatError:
            return False
        return True

    def _query(self, statement: str) -> None:
        """Run one statement as superuser with the wheel's own client."""
        finished = subprocess.run(
            [str(self.address.binaries / "psql"), "-XAtqw", "-v", "ON_ERROR_STOP=1", "-d", SUPERUSER, "-c", statement],
            env=_environment() | self.address.environment(user=SUPERUSER),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode != 0:
            raise VendomatError(
                ErrorCode.UNAVAILABLE,
                f"PostgreSQL refused a statement; nothing was changed: {finished.stderr.strip()}",
            )

    def _reachable_storage(self, account: Account) -> Path:
        """The folder of the cluster, chosen once: ours if the account gets there, else a new one near the system's data."""
        if self._folder.remembered("location") is not None:
            return self.storage
        own = self._folder.path
        if account.borrowed:
            own.chmod(0o711)
        if account.may_enter(own):
            return own
        temporary = Path(tempfile.gettempdir()).resolve()
        bases = (temporary,) if own.resolve().is_relative_to(temporary) else (Path("/var/lib"), Path("/var/tmp"))  # noqa: S108
        for base in bases:
            if base.is_dir() and os.access(base, os.W_OK) and account.may_enter(base):
                chosen = Path(tempfile.mkdtemp(prefix="vendomat-", dir=base))
                chosen.chmod(0o711)
                self._folder.remember("location", str(chosen))
                _log.warning(
                    "the account of PostgreSQL cannot reach the data folder; the database is kept elsewhere",
                    data_folder=str(own),
                    database_folder=str(chosen),
                )
                return chosen
        raise VendomatError(
            ErrorCode.UNAVAILABLE,
            f"PostgreSQL cannot run as root, and the account lent to it cannot enter {own} or {bases}. Nothing was "
            "started. Give a data folder that others may pass through, or start as an ordinary user.",
        )

    def _make_cluster(self, data: Path, account: Account, binaries: PostgresBinaries) -> None:
        """initdb and the first roles in a folder beside, renamed when whole: a kill on the way leaves no half cluster."""
        fresh = data.with_name("data.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        account.own(fresh)
        password = self._folder.remembered("password") or self._new_secret()
        self._folder.remember("password", password)
        initdb = [str(binaries.program("initdb")), "-D", str(fresh), "-U", SUPERUSER, "--encoding=UTF8", "--auth=trust"]
        initdb += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        _run_once(initdb, account)
        single = [
            str(binaries.program("postgres")),
            "--single",
            "-D",
            str(fresh),
            "-c",
            "log_checkpoints=off",
            SUPERUSER,
        ]
        _run_once(single, account, "".join(line + "\n" for line in first_statements(password)))
        rules = fresh / "pg_hba.conf"
        rules.write_text(access_rules(), encoding="utf-8")
        fresh.rename(data)
        sync_folder(data)
        sync_folder(data.parent)

    def _make_socket_dir(self, storage: Path, account: Account) -> Path:
        """A folder of mode 0700 for the socket, made anew; in the system's temporary folder when the path is too long."""
        socket_dir = storage / "run"
        if len(os.fsencode(socket_dir / f".s.PGSQL.{65535}.lock")) > _SOCKET_PATH_BYTES_MAX:
            socket_dir = Path(tempfile.mkdtemp(prefix="vendomat-pg-"))
            self._socket_dir_elsewhere = socket_dir
        else:
            shutil.rmtree(socket_dir, ignore_errors=True)
            socket_dir.mkdir(mode=0o700)
        account.own(socket_dir)
        return socket_dir

    def _end(self) -> None:
        if self._server is not None:
            self._server.stop()
        if self._socket_dir_elsewhere is not None:
            shutil.rmtree(self._socket_dir_elsewhere, ignore_errors=True)
            self._socket_dir_elsewhere = None
        self._folder.unlock()

    def _stop_at_exit(self, starter: int) -> None:
        if os.getpid() == starter:  # a forked child of ours must not end its parent's server
            self._end()


def _environment() -> dict[str, str]:
    """A bare environment: no setting of the caller's reaches the server or its clients by accident."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _run_once(command: list[str], account: Account, text: str = "") -> None:
    finished = subprocess.run(
        command,
        cwd="/",
        env=_environment(),
        input=text,
        capture_output=True,
        text=True,
        check=False,
        **account.spawn_arguments(),
    )
    said = (finished.stdout + finished.stderr).strip()
    if finished.returncode != 0 or "ERROR:" in said:
        raise VendomatError(
            ErrorCode.UNAVAILABLE,
            f"The database could not be set up; nothing was kept. {Path(command[0]).name} says:\n{said}",
        )


def _check_version(data: Path, binaries: PostgresBinaries) -> None:
    version = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    if version != str(binaries.major):
        raise VendomatError(
            ErrorCode.UNAVAILABLE,
            f"The data in {data} are of PostgreSQL {version}, the programs of {binaries.major}. Nothing was started or "
            "changed. Restore a backup into a new data folder, or install the older programs.",
        )


def _disarm_stale_pid_file(data: Path) -> None:
    """Let the server see that the process named in `postmaster.pid` is dead, even as a zombie or with its number reused.

    Called when no server of ours works in `data`. Only the number is replaced: the file also names the shared memory,
    by which the server still finds backends that outlived it.
    """
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    number, newline, rest = pid_file.read_text(encoding="utf-8").partition("\n")
    if number.strip().isdecimal():
        pid_file.write_text(f"{_NO_PROCESS}{newline}{rest}", encoding="utf-8")
    else:
        pid_file.unlink()  # torn by a power cut: nothing can live on from before it


def _says_ready(data: Path) -> bool:
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready" and int(lines[0]) != _NO_PROCESS


def _plain(name: str) -> str:
    assert name and name.replace("_", "a").isalnum(), f"not a plain database name: {name!r}"
    return name


__all__ = ["DATABASE", "PostgresEngine"]
