"""`python -m tests.faults.next_version cloud|terminal …`: our programs as a newer version, which says more.

Every body it sends, and every fact it writes, carries fields that nobody knows today; everything is signed as ever.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import msgspec

from vendomat.cloud.app import run_cloud
from vendomat.cloud.platform.connection import Handle, Wire
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.protocol import Envelope, seal
from vendomat.terminal.app import main as run_terminal
from vendomat.terminal.journal import Journal, JournalPort
from vendomat.terminal.link import Down
from vendomat.terminal.link import Wire as TerminalWire
from vendomat.terminal.loop import Ports

NEWS = {"of_the_next_version": {"colour": "红", "list": [1, 2.5, None]}}


def saying_more(body: bytes) -> msgspec.Raw:
    """The same body with fields that are not known today."""
    said = msgspec.json.decode(body)
    assert isinstance(said, dict)
    return msgspec.Raw(msgspec.json.encode(said | NEWS))


class NextWire(Wire):
    """Adds to every command and every reply, and signs it anew."""

    def _more(self, data: bytes) -> bytes:
        envelope = msgspec.json.decode(data, type=Envelope)
        return seal(
            saying_more(bytes(envelope.body)),
            kind=envelope.kind,
            machine=envelope.machine,
            epoch=envelope.epoch,
            seq=envelope.seq,
            signer=self._identity.command_key,
        )

    async def ask(self, machine_id: str, kind: str, data: bytes, *, timeout_s: float) -> bytes | None:
        return await super().ask(machine_id, kind, self._more(data), timeout_s=timeout_s)

    async def tell(self, machine_id: str, kind: str, data: bytes) -> None:
        await super().tell(machine_id, kind, self._more(data))

    async def serve(self, handle: Handle, *others: Any, **named: Any) -> None:
        async def handle_and_add(machine_id: str, kind: str, data: bytes) -> bytes | None:
            reply = await handle(machine_id, kind, data)
            return None if reply is None else self._more(reply)

        await super().serve(handle_and_add, *others, **named)


class _NextTerminalWire:
    """Adds to every request and every answer of the machine."""

    def __init__(self, inner: TerminalWire) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def request(self, kind: str, body: object, reply_type: type[Any], *, timeout_s: float) -> Any:
        more = saying_more(msgspec.json.encode(body))
        return await self._inner.request(kind, more, reply_type, timeout_s=timeout_s)

    async def run(self, down: Down, changed: Callable[[bool], None]) -> None:
        async def answer(envelope: Envelope) -> object | None:
            body = await cast(Awaitable[object | None], down(envelope))
            return None if body is None else saying_more(msgspec.json.encode(body))

        await self._inner.run(answer, changed)


class _NextBook:
    """Adds to every fact it appends."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    def append(self, kind: Any, body: bytes, *others: Any, **named: Any) -> Any:
        return self._journal.append(kind, bytes(saying_more(body)), *others, **named)


class _NextJournal:
    def __init__(self, inner: JournalPort) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def run(self, call: Callable[[Any], Any]) -> Any:
        return await self._inner.run(lambda journal: call(_NextBook(journal)))


def _refit(ports: Ports) -> Ports:
    return dataclasses.replace(
        ports,
        journal=cast(JournalPort, _NextJournal(ports.journal)),
        wire=cast(TerminalWire, _NextTerminalWire(ports.wire)),
    )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=["cloud", "terminal"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--http-port", type=int, default=0)
    parser.add_argument("--https-port", type=int, default=0)
    given = parser.parse_args()
    if given.part == "terminal":
        return run_terminal(given.data, _refit)
    settings = CloudSettings(data_dir=given.data, http_port=given.http_port, https_port=given.https_port)
    run_cloud(settings, open_wire=NextWire.open)
    return 0


if __name__ == "__main__":
    sys.exit(main())
