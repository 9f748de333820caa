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
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from vendomat.cloud.platform.engines.account import Account, account_for
from vendomat.cloud.platform.engines.address import PostgresAddress
from vendomat.cloud.platform.engines.binaries import PostgresBinaries, find_postgres
from vendomat.cloud.platform.engines.cluster import (
    BARE_ENVIRONMENT,
    check_version,
    disarm_stale_pid_file,
    make_cluster,
    says_ready,
)
from vendomat.cloud.platform.engines.folder import EngineFolder
from vendomat.cloud.platform.engines.patience import Patience
from vendomat.cloud.platform.engines.postgres_settings import OWNER, SUPERUSER, settings
from vendomat.cloud.platform.engines.processes import ServerProcess
from vendomat.cloud.platform.engines.quarters import chosen_storage, make_socket_dir, reachable_storage
from vendomat.kernel import ErrorCode, VendomatError

_STILL_ATTACHED = "pre-existing shared memory block"
_SOCKET_PORT = 5432  # names the socket file; no TCP port is opened by it


class PostgresEngine:
    """`start()` gives the address of a server that has answered a query; `stop()` ends it in order.

    `data_dir` becomes ours alone. As root the server runs as `run_as` (or an account that exists for such use); where
    that account cannot reach `data_dir`, the cluster lives in a folder named in `data_dir/location`.
    `overrides` are server settings on top of ours; `tcp` opens a port on 127.0.0.1 beside the socket.
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

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def address(self) -> PostgresAddress:
        """Where the server answers (or answered, after `stop` or `kill`)."""
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
        return chosen_storage(self._folder)

    def start(self) -> PostgresAddress:
        """Start, recover if needed, wait for a real query to succeed. Raises `VendomatError` saying what to do."""
        if self.pid is not None:
            return self.address
        self._folder.lock()
        try:
            self._prepare_and_launch()
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
        """Stop (or clear what a kill left) and start again."""
        self.stop()
        return self.start()

    def create_database(self, name: str, template: str = "template0") -> str:
        """Make a database that the owner owns, from `template`; returns its URL for asyncpg."""
        self._query(f'CREATE DATABASE "{_plain(name)}" OWNER {OWNER} TEMPLATE "{_plain(template)}"')
        return self.address.url_of(name)

    def drop_database(self, name: str) -> None:
        """Remove a database with all connections to it."""
        self._query(f'DROP DATABASE IF EXISTS "{_plain(name)}" WITH (FORCE)')

    def destroy(self) -> None:
        """Remove the cluster and everything else in `data_dir`. There is no way back, so nothing is ended in order."""
        atexit.unregister(self._stop_at_exit)
        self._end(in_order=False)
        shutil.rmtree(self.storage, ignore_errors=True)
        shutil.rmtree(self._folder.path, ignore_errors=True)

    def _prepare_and_launch(self) -> None:
        account = account_for(self.storage / "data", self._run_as)
        storage = reachable_storage(self._folder, account)
        data = storage / "data"
        binaries = find_postgres()
        if not account.may_run(binaries.program("postgres"), binaries.sample_file):
            binaries = binaries.copy_into(storage)
        if not data.exists():
            make_cluster(data, self._password(), account, binaries)
        check_version(data, binaries)
        log_path = self._folder.path / "postgres.log"
        self._server = ServerProcess("postgres", data, log_path=log_path, polite=signal.SIGINT, patience=self._patience)
        self._server.clear()
        disarm_stale_pid_file(data)
        self._address = PostgresAddress(
            socket_dir=make_socket_dir(storage, account, self._address.socket_dir if self._address else None),
            port=self._folder.port("port") if self._tcp else _SOCKET_PORT,
            password=self._password() if self._tcp else None,
            binaries=binaries.program("psql").parent,
        )
        self._launch(self._server, data, account, binaries)

    def _launch(self, server: ServerProcess, data: Path, account: Account, binaries: PostgresBinaries) -> None:
        """Start until it answers. Backends of a killed server may hold its memory for a moment: then once more."""
        deadline = self._patience.elapsed() + self._patience.start_limit_s
        while True:
            before = server.log_size
            server.spawn(self._command(data, binaries), account, BARE_ENVIRONMENT)
            limit_s = deadline - self._patience.elapsed()
            self._patience.until(lambda: server.pid is None or self._is_up(data), limit_s)
            if server.pid is not None and self._is_up(data):
                return
            if server.pid is not None or _STILL_ATTACHED not in server.log_text(before):
                break
            if self._patience.elapsed() >= deadline:
                break
            self._patience.pause(0.1)
        raise VendomatError(
            ErrorCode.UNAVAILABLE,
            f"PostgreSQL did not start in {data}. Its data are untouched; it says why:\n{server.log_tail()}",
        )

    def _command(self, data: Path, binaries: PostgresBinaries) -> list[str]:
        options = settings(self._overrides) | {
            "listen_addresses": "127.0.0.1" if self._tcp else "",
            "port": str(self.address.port),
            "unix_socket_directories": str(self.address.socket_dir),
            "unix_socket_permissions": "0700",
        }
        command = [str(binaries.program("postgres")), "-D", str(data)]
        return command + [part for name, value in options.items() for part in ("-c", f"{name}={value}")]

    def _is_up(self, data: Path) -> bool:
        """Whether it says so and answers a query."""
        if not says_ready(data, self.pid):
            return False
        try:
            self._query("SELECT 1")
        except VendomatError:
            return False
        return True

    def _query(self, statement: str) -> None:
        """Run one statement as superuser with the wheel's own client."""
        finished = subprocess.run(
            [str(self.address.binaries / "psql"), "-XAtqw", "-v", "ON_ERROR_STOP=1", "-c", statement],
            env={**BARE_ENVIRONMENT, **self.address.environment(user=SUPERUSER, database=SUPERUSER)},
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

    def _password(self) -> str:
        """The owner's password over TCP, made once and kept readable by us alone."""
        kept = self._folder.remembered("password")
        if kept is None:
            kept = self._new_secret()
            self._folder.remember("password", kept)
        return kept

    def _end(self, *, in_order: bool = True) -> None:
        if self._server is not None:
            self._server.stop(in_order=in_order)
        if self._address is not None and not self._address.socket_dir.is_relative_to(self.storage):
            shutil.rmtree(self._address.socket_dir, ignore_errors=True)
        self._folder.unlock()

    def _stop_at_exit(self, starter: int) -> None:
        if os.getpid() == starter:  # a forked child of ours must not end its parent's server
            self._end()


def _plain(name: str) -> str:
    assert name and name.replace("_", "a").isalnum(), f"not a plain database name: {name!r}"
    return name
