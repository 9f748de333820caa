"""A folder has one supervisor, and remembers."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from vendomat.cloud.platform.engines.folder import EngineFolder
from vendomat.kernel import ErrorCode, VendomatError


def test_one_supervisor_at_a_time(tmp_path: Path) -> None:
    first, second = EngineFolder(tmp_path / "engine"), EngineFolder(tmp_path / "engine")
    first.lock()
    first.lock()
    with pytest.raises(VendomatError) as refusal:
        second.lock()
    assert refusal.value.code is ErrorCode.CONFLICT
    first.unlock()
    second.lock()
    second.unlock()


def test_it_remembers_privately(tmp_path: Path) -> None:
    folder = EngineFolder(tmp_path)
    assert folder.remembered("word") is None
    folder.remember("word", "first")
    folder.remember("word", "second")
    assert EngineFolder(tmp_path).remembered("word") == "second"
    assert stat.S_IMODE((tmp_path / "word").stat().st_mode) == 0o600


def test_a_port_stays_the_same_while_it_is_free(tmp_path: Path) -> None:
    folder = EngineFolder(tmp_path)
    port = folder.port("port")
    assert folder.port("port") == port
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", port))
        squatter.listen()
        assert folder.port("port") != port


def test_nonsense_in_place_of_a_port_is_replaced(tmp_path: Path) -> None:
    folder = EngineFolder(tmp_path)
    folder.remember("port", "none")
    assert 1024 <= folder.port("port") <= 65535
