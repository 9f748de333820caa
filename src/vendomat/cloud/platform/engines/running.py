"""Finding the private PostgreSQL that another process of ours runs, for a command beside it. Starts nothing."""

from __future__ import annotations

from pathlib import Path

from vendomat.cloud.platform.engines.address import PostgresAddress
from vendomat.cloud.platform.engines.folder import EngineFolder
from vendomat.cloud.platform.engines.quarters import chosen_storage

_PORT_LINE, _SOCKET_LINE = 3, 4  # of postmaster.pid: PostgreSQL documentation, "Database File Layout"


def running_url(data_dir: Path) -> str | None:
    """The owner's URL of the server on `data_dir`, as its own note says; None when there is no such note."""
    try:
        note = (chosen_storage(EngineFolder(data_dir)) / "data" / "postmaster.pid").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    lines = note.splitlines()
    if len(lines) <= _SOCKET_LINE:
        return None  # it is just starting
    return PostgresAddress(Path(lines[_SOCKET_LINE]), int(lines[_PORT_LINE]), None, Path()).url
