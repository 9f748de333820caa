"""A private NATS server as our own child process: the wire, and only the wire; it stores nothing.

Listens where it is told to, on 127.0.0.1 unless told otherwise. Refuses plaintext, and a folder that another supervisor
holds. What a killed life left is cleared at the start. The port stays the same over restarts, so that machines find it
again.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import signal
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from vendomat.cloud.platform.engines.account import Account
from vendomat.cloud.platform.engines.binaries import find_nats_server
from vendomat.cloud.platform.engines.cluster import BARE_ENVIRONMENT
from vendomat.cloud.platform.engines.folder import EngineFolder
from vendomat.cloud.platform.engines.nats_config import NatsTrust, config_text
from vendomat.cloud.platform.engines.patience import Patience
from vendomat.cloud.platform.engines.processes import ServerProcess
from vendomat.cloud.platform.identity import write_private
from vendomat.cloud.platform.settings import in_url
from vendomat.kernel import ErrorCode, VendomatError

_GREETING_LIMIT_S = 5.0
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - only where the operator says so
_RELOADED = "Reloaded server configuration"  # the server's own words
_NOT_RELOADED = "Failed to reload server configuration"


class NatsEngine:
    """`start()` gives the URL of a server that has greeted us over TLS. `trust` is asked anew at start and reload.
    `host` is where it listens; this computer reaches it there, or at 127.0.0.1 where that is everywhere."""

    def __init__(
        self,
        data_dir: Path,
        trust: Callable[[], NatsTrust],
        *,
        host: str = "127.0.0.1",
        patience: Patience | None = None,
    ) -> None:
        self._folder = EngineFolder(data_dir)
        self._trust = trust
        self._host = host
        self._own_host = "127.0.0.1" if host in _EVERYWHERE else host
        self._patience = patience or Patience(start_limit_s=20.0, stop_limit_s=5.0)
        self._config = self._folder.path / "nats.conf"
        self._server = ServerProcess(
            "nats-server",
            self._folder.path,
            log_path=self._folder.path / "nats.log",
            polite=signal.SIGTERM,
            patience=self._patience,
        )
        self._port: int | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        assert self._port is not None, "start() first"
        return self._port

    @property
    def url(self) -> str:
        """For `nats.connect(url, tls=..., tls_handshake_first=True)`."""
        return f"tls://{in_url(self._own_host)}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The server's process id, None when it does not run."""
        return self._server.pid

    def start(self) -> str:
        """Start and wait for a greeting over TLS. Raises `VendomatError` saying what to do."""
        if self.pid is not None:
            return self.url
        self._folder.lock()
        try:
            self._server.clear()
            self._port = self._folder.port("port", self._port)
            trust = self._write_config()
            command = [str(find_nats_server()), "-c", str(self._config)]
            self._server.spawn(command, Account(os.geteuid(), os.getegid(), borrowed=False), BARE_ENVIRONMENT)
            self._wait_for_greeting(trust)
        except BaseException:
            self._end()
            raise
        atexit.register(self._stop_at_exit, os.getpid())
        return self.url

    def stop(self) -> None:
        """End the server. Harmless when it does not run."""
        atexit.unregister(self._stop_at_exit)
        self._end()

    def kill(self) -> None:
        """SIGKILL to the server, as a fault would."""
        self._server.kill()

    def restart(self) -> str:
        """Stop (or clear what a kill left) and start again at the same address."""
        self.stop()
        return self.start()

    def reload(self) -> None:
        """Have the running server take up `trust` of now: revocations (it cuts those users off), a new certificate."""
        if self.pid is None:
            return
        before = self._server.log_size
        self._write_config()
        os.kill(self.pid, signal.SIGHUP)
        answer = re.compile(f"{_RELOADED}|{_NOT_RELOADED}")
        self._patience.until(
            lambda: self.pid is None or answer.search(self._server.log_text(before)) is not None,
            self._patience.start_limit_s,
        )
        if self.pid is None or _RELOADED not in self._server.log_text(before):
            raise VendomatError(
                ErrorCode.UNAVAILABLE,
                "The NATS server did not confirm its new settings; whether revocations hold is not known. Restart it. "
                f"It says:\n{self._server.log_tail()}",
            )

    def destroy(self) -> None:
        """Stop, and remove everything in `data_dir`."""
        self.stop()
        shutil.rmtree(self._folder.path, ignore_errors=True)

    def _write_config(self) -> NatsTrust:
        trust = self._trust()
        write_private(
            self._config, config_text(trust, self.port, self._folder.path / "nats.pid", host=self._host).encode()
        )
        return trust

    def _wait_for_greeting(self, trust: NatsTrust) -> None:
        context = ssl.create_default_context(cafile=str(trust.certificate.authority))
        self._patience.until(lambda: self.pid is None or self._greets(context), self._patience.start_limit_s)
        if self.pid is None or not self._greets(context):
            raise VendomatError(
                ErrorCode.UNAVAILABLE,
                f"The NATS server did not start in {self._folder.path}. It keeps no data, so none are lost. It says:\n"
                + self._server.log_tail(),
            )

    def _greets(self, context: ssl.SSLContext) -> bool:
        try:
            with (
                socket.create_connection((self._own_host, self.port), _GREETING_LIMIT_S) as raw,
                context.wrap_socket(raw, server_hostname=self._own_host) as secured,
            ):
                return secured.recv(5) == b"INFO "
        except OSError:
            return False

    def _end(self) -> None:
        self._server.stop()
        self._folder.unlock()

    def _stop_at_exit(self, starter: int) -> None:
        if os.getpid() == starter:  # a forked child of ours must not end its parent's server
            self._end()
