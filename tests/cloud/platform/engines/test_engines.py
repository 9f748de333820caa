"""The engines together: started and ended as one, stepping aside for the operator's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from vendomat.cloud.platform.engines import Engines
from vendomat.cloud.platform.identity import Nkey, NkeyRole

pytestmark = pytest.mark.slow

_PROGRAM = """
import sys, time
from pathlib import Path
from vendomat.cloud.platform.engines import Engines
with Engines.open(Path(sys.argv[1])) as engines:
    print(*engines.pids.values(), flush=True)
    time.sleep(60)
"""


async def test_both_start_and_both_end(open_folder: Path) -> None:
    with Engines.open(open_folder / "both") as engines:
        assert set(engines.pids) == {"postgres", "nats"}
        pids = [pid for pid in engines.pids.values() if pid is not None]
        assert len(pids) == 2
        connection = await asyncpg.connect(engines.database_url)
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
        assert engines.nats_url.startswith("tls://127.0.0.1:")
        engines.revoke(Nkey.new(NkeyRole.USER).public)
        engines.renew()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_it_steps_aside_for_given_addresses(open_folder: Path) -> None:
    folder = open_folder / "given"
    with Engines.open(folder, "postgresql://theirs/db", "tls://theirs:4222") as engines:
        assert (engines.database_url, engines.nats_url) == ("postgresql://theirs/db", "tls://theirs:4222")
        assert engines.pids == {} and engines.postgres is None and engines.nats is None
    assert not (folder / "postgres").exists() and not (folder / "nats").exists()


def test_the_database_ends_too_when_the_wire_does_not_start(open_folder: Path) -> None:
    folder = open_folder / "broken"
    (folder / "nats" / "nats.conf.new").mkdir(parents=True)  # the settings cannot be written
    with pytest.raises(OSError, match=r"nats\.conf\.new"), Engines.open(folder):
        raise AssertionError("never reached")
    with Engines.open(folder, nats_url="tls://theirs:4222") as engines:  # the folder was left free
        assert engines.pids["postgres"] is not None


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_program_ends_the_engines_in_order(open_folder: Path, sign: signal.Signals) -> None:
    folder = open_folder / f"signalled-{sign.name}"
    program = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert program.stdout is not None
    pids = [int(text) for text in program.stdout.readline().split()]
    os.kill(program.pid, sign)
    program.communicate(timeout=60)
    assert program.returncode == (128 + sign if sign == signal.SIGTERM else -signal.SIGINT)
    assert len(pids) == 2
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert "database system is shut down" in (folder / "postgres" / "postgres.log").read_text()


def test_a_folder_named_from_where_one_stands_will_do(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(open_folder)
    with Engines.open(Path("here") / "below") as engines:
        assert None not in engines.pids.values()
