"""Child processes that say in one line of JSON when they are ready, and can be killed and started again."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import itertools
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from vendomat.kernel import ErrorCode, VendomatError

READY_S = 60.0
STOP_S = 10.0


PORTS = range(15_000, 30_000)
"""Below those that outgoing connections are given: one of these would take the port of a process that is down."""
_tried = itertools.count(os.getpid() * 97)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now, and that this process has not been given lately."""
    for number in itertools.islice(_tried, len(PORTS)):
        port = PORTS[number % len(PORTS)]
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise VendomatError(ErrorCode.UNAVAILABLE, f"every port from {PORTS[0]} to {PORTS[-1]} is taken")


_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """Runs in the new process: a town that is killed leaves nobody behind who holds its ports and files."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Child:
    """`python -m …` with its standard error kept in `log`. `ready` is what it said when it was ready."""

    def __init__(
        self, name: str, arguments: list[str], *, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.ready: dict[str, Any] = {}
        self._arguments = arguments
        self._log = log
        self._given = dict(environment or {})
        self._environment = {**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})}
        self._process: asyncio.subprocess.Process | None = None
        self._has_spoken = False
        self._drain: asyncio.Task[None] | None = None

    def with_program(self, module: str) -> Child:
        """The same child, not started, running another module that takes the same words and options."""
        return Child(self.name, [module, *self._arguments[1:]], log=self._log, environment=self._given)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    @property
    def is_up(self) -> bool:
        """It runs, and has said that it is ready."""
        return self._has_spoken and self.pid is not None

    async def start(self) -> dict[str, Any]:
        """Start it and wait for its line. Raises `VendomatError` when it ends or stays silent."""
        self._has_spoken = False
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *self._arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=self._environment,
                start_new_session=True,  # a Ctrl-C is for the town, which ends its children in order
                preexec_fn=_die_with_parent,
            )
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(READY_S):
                line = await self._process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line:
            await self.kill()
            raise VendomatError(ErrorCode.UNAVAILABLE, f"{self.name} did not start; see {self._log}")
        self.ready = msgspec.json.decode(line)
        self._has_spoken = True
        self._drain = asyncio.create_task(self._read_on(self._process.stdout))
        return self.ready

    async def wait(self) -> None:
        """Until it has ended, whoever ended it."""
        if self._process is not None:
            await self._process.wait()

    async def stop(self) -> None:
        """End it in order; kill it when it does not end."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """SIGKILL, at once."""
        await self._end(signal.SIGKILL)

    @contextlib.asynccontextmanager
    async def frozen(self) -> AsyncIterator[None]:
        """Stopped by SIGSTOP meanwhile; afterwards it goes on as if no time had passed."""
        process = self._process
        self._signal(process, signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(process, signal.SIGCONT)

    def _signal(self, process: asyncio.subprocess.Process | None, number: signal.Signals) -> None:
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)  # by the transport it would be reaped behind the event loop's back

    async def _end(self, number: signal.Signals) -> None:
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            self._signal(process, number)
            try:
                async with asyncio.timeout(STOP_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._drain is not None:
            await self._drain
            self._drain = None

    async def _read_on(self, stream: asyncio.StreamReader) -> None:
        while await stream.readline():
            pass
