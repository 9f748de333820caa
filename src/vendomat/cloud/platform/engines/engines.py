"""The engines of one installation together: PostgreSQL, NATS, and the identity they share.

Steps aside for what the operator already runs: a given `database_url` or `nats_url` is used as it is, and the matching
engine is not started. Ends what it started, in order, also on SIGTERM.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

from vendomat.cloud.platform.engines.nats import NatsEngine
from vendomat.cloud.platform.engines.nats_config import NatsTrust
from vendomat.cloud.platform.engines.postgres import PostgresEngine
from vendomat.cloud.platform.identity import OWN_NAMES, CloudIdentity
from vendomat.kernel import Clock, SystemClock


@dataclass(frozen=True, slots=True)
class Reach:
    """Where the wire listens, and the names that its certificate vouches for."""

    host: str = "127.0.0.1"
    names: Sequence[str] = OWN_NAMES


class Engines:
    """Made by `Engines.open`. `postgres` and `nats` are None where an engine of the operator's is used."""

    def __init__(
        self,
        identity: CloudIdentity,
        *,
        postgres: PostgresEngine | None,
        nats: NatsEngine | None,
        database_url: str,
        nats_url: str,
    ) -> None:
        self.identity = identity
        self.postgres = postgres
        self.nats = nats
        self.database_url = database_url
        self.nats_url = nats_url

    @property
    def pids(self) -> dict[str, int | None]:
        """Process ids of the engines that are ours, by name."""
        owned = {"postgres": self.postgres, "nats": self.nats}
        return {name: engine.pid for name, engine in owned.items() if engine is not None}

    def revoke(self, public_nkey: str) -> None:
        """Cut a machine's key off: its identities are void from now on, and the running server drops its connection."""
        self.identity.revoke(public_nkey)
        if self.nats is not None:
            self.nats.reload()

    def renew(self) -> None:
        """Renew the certificate of the wire if it is due. Call it daily; harmless at any time."""
        if self.nats is not None:
            self.nats.reload()

    @classmethod
    @contextmanager
    def open(  # noqa: PLR0913 - the settings of both engines
        cls,
        data_dir: Path,
        database_url: str | None = None,
        nats_url: str | None = None,
        *,
        clock: Clock | None = None,
        tcp: bool = False,
        overrides: Mapping[str, str] | None = None,
        reach: Reach | None = None,
    ) -> Iterator[Engines]:
        """Start what is not given, below `data_dir` (`identity/`, `postgres/`, `nats/`); end it when left.

        `reach` says who reaches the wire: this computer alone, unless it says otherwise. `tcp` opens PostgreSQL on
        127.0.0.1 too; `overrides` are settings of it on top of ours. SIGTERM becomes
        `SystemExit` here, unless the program handles it.
        """
        data_dir = data_dir.resolve()  # the engines run elsewhere: no path of theirs may depend on where we stand
        identity = CloudIdentity(data_dir / "identity", clock or SystemClock())
        postgres = PostgresEngine(data_dir / "postgres", tcp=tcp, overrides=overrides) if database_url is None else None
        there = reach or Reach()
        trust = partial(trust_of, identity, there.names)
        nats = NatsEngine(data_dir / "nats", trust, host=there.host) if nats_url is None else None
        with _sigterm_as_exit():
            try:
                database = database_url if postgres is None else postgres.start().url
                wire = nats_url if nats is None else nats.start()
                assert database is not None and wire is not None
                yield cls(identity, postgres=postgres, nats=nats, database_url=database, nats_url=wire)
            finally:
                try:
                    if nats is not None:
                        nats.stop()
                finally:
                    if postgres is not None:
                        postgres.stop()


def trust_of(identity: CloudIdentity, names: Sequence[str] = OWN_NAMES) -> NatsTrust:
    """What a NATS server must be told to serve this identity under these names, as of now."""
    return NatsTrust(
        operator_jwt=identity.operator_jwt(),
        account_public=identity.account_public,
        account_jwt=identity.account_jwt(),
        certificate=identity.server_certificate("nats", names),
    )


@contextmanager
def _sigterm_as_exit() -> Iterator[None]:
    """Let SIGTERM unwind the stack. Only where nobody else has decided about it, and only in the main thread."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
