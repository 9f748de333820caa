"""A private NATS server keeps its address through kills and restarts and takes up new settings while it runs."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vendomat.cloud.platform.engines import NatsEngine, NatsTrust, Patience, trust_of
from vendomat.cloud.platform.identity import CloudIdentity, Nkey, NkeyRole
from vendomat.kernel import ErrorCode, SystemClock, VendomatError

pytestmark = pytest.mark.slow

_SUPERVISOR = """
import sys, time
from pathlib import Path
from vendomat.cloud.platform.engines import NatsEngine, trust_of
from vendomat.cloud.platform.identity import CloudIdentity
from vendomat.kernel import SystemClock
identity = CloudIdentity(Path(sys.argv[1]) / "identity", SystemClock())
engine = NatsEngine(Path(sys.argv[1]) / "nats", lambda: trust_of(identity))
engine.start()
print(engine.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def identity(open_folder: Path) -> CloudIdentity:
    return CloudIdentity(open_folder / "identity", SystemClock())


@pytest.fixture
def engine(open_folder: Path, identity: CloudIdentity) -> Iterator[NatsEngine]:
    with NatsEngine(open_folder / "nats", lambda: trust_of(identity)) as engine:
        yield engine


def test_it_comes_back_at_the_same_address_after_a_kill(engine: NatsEngine) -> None:
    url, pid = engine.url, engine.pid
    engine.kill()
    assert engine.pid is None
    assert engine.restart() == url
    assert engine.pid not in (None, pid)


def test_it_comes_back_at_the_same_address_with_its_folder_wiped(engine: NatsEngine, open_folder: Path) -> None:
    url = engine.url
    engine.kill()
    engine.destroy()
    assert not (open_folder / "nats").exists()
    assert engine.start() == url


def test_a_port_that_somebody_took_is_left_to_him(engine: NatsEngine) -> None:
    import socket

    engine.stop()
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", engine.port))
        squatter.listen()
        taken = engine.port
        engine.start()
        assert engine.port != taken


def test_its_settings_are_private_since_they_name_who_is_trusted(engine: NatsEngine, open_folder: Path) -> None:
    assert stat.S_IMODE((open_folder / "nats" / "nats.conf").stat().st_mode) == 0o600


def test_a_reload_is_confirmed_and_keeps_the_process(engine: NatsEngine, identity: CloudIdentity) -> None:
    pid = engine.pid
    identity.revoke(Nkey.new(NkeyRole.USER).public)
    engine.reload()
    assert engine.pid == pid


def test_a_reload_that_the_server_refuses_is_an_error_and_not_silence(open_folder: Path) -> None:
    first = CloudIdentity(open_folder / "first", SystemClock())
    second = CloudIdentity(open_folder / "second", SystemClock())
    trusted: list[NatsTrust] = [trust_of(first)]
    with NatsEngine(open_folder / "refusing", lambda: trusted[-1]) as engine:
        trusted.append(trust_of(second))
        with pytest.raises(VendomatError, match="not known"):
            engine.reload()


def test_an_orphan_of_a_killed_supervisor_is_ended(open_folder: Path) -> None:
    folder = open_folder / "orphaned"
    supervisor = subprocess.Popen([sys.executable, "-c", _SUPERVISOR, str(folder)], stdout=subprocess.PIPE)
    assert supervisor.stdout is not None
    orphan = int(supervisor.stdout.readline())
    supervisor.kill()
    supervisor.communicate()
    os.kill(orphan, signal.SIGSTOP)  # and it hangs, too
    identity = CloudIdentity(folder / "identity", SystemClock())
    patience = Patience(start_limit_s=10, stop_limit_s=0.2, last_resort_limit_s=0.2)
    with NatsEngine(folder / "nats", lambda: trust_of(identity), patience=patience) as engine:
        assert engine.pid not in (None, orphan)
        assert not _is_alive(orphan)


def test_a_second_supervisor_is_refused(engine: NatsEngine, open_folder: Path, identity: CloudIdentity) -> None:
    with pytest.raises(VendomatError) as refusal:
        NatsEngine(open_folder / "nats", lambda: trust_of(identity)).start()
    assert refusal.value.code is ErrorCode.CONFLICT
    assert engine.pid is not None


def test_settings_that_the_server_refuses_are_told_with_its_own_words(
    open_folder: Path, identity: CloudIdentity
) -> None:
    good = trust_of(identity)
    broken = NatsTrust("not a jwt", good.account_public, good.account_jwt, good.certificate)
    with pytest.raises(VendomatError, match="did not start"):
        NatsEngine(open_folder / "broken", lambda: broken).start()


def _is_alive(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"
