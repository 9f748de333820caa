"""Where a server that runs under another account can live: its data, its socket.

Changes modes and owners of our own folders only. When the account cannot pass our parent folders, the answer is
another place, remembered and said in the log, never a wider mode on somebody else's folder.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import structlog

from vendomat.cloud.platform.engines.account import Account
from vendomat.cloud.platform.engines.folder import EngineFolder
from vendomat.kernel import ErrorCode, VendomatError

_log = structlog.get_logger("engines")

_LOCATION = "location"
_LASTING_BASES = (Path("/var/lib"), Path("/var/tmp"))  # noqa: S108 - mkdtemp makes the folder in it
_SOCKET_PATH_BYTES_MAX = 107  # of sockaddr_un, without the closing zero
_LONGEST_SOCKET_NAME = ".s.PGSQL.65535.lock"


def chosen_storage(folder: EngineFolder) -> Path:
    """Where the data lie: in `folder`, or in the place that was chosen for it."""
    return Path(folder.remembered(_LOCATION) or folder.path)


def reachable_storage(folder: EngineFolder, account: Account) -> Path:
    """A folder that `account` can enter, chosen once. Raises `VendomatError(UNAVAILABLE)` when there is none.

    What lies under the system's temporary folder gets a place there too: it is as short-lived as the original.
    """
    if folder.remembered(_LOCATION) is not None:
        return _still_there(folder)
    if account.borrowed:
        folder.path.chmod(0o711)
    if account.may_enter(folder.path):
        return folder.path
    temporary = Path(tempfile.gettempdir()).resolve()
    bases = (temporary,) if folder.path.resolve().is_relative_to(temporary) else _LASTING_BASES
    for base in bases:
        if base.is_dir() and os.access(base, os.W_OK) and account.may_enter(base):
            place = Path(tempfile.mkdtemp(prefix="vendomat-", dir=base))
            place.chmod(0o711)
            folder.remember(_LOCATION, str(place))
            _log.warning(
                "the account lent to PostgreSQL cannot reach the data folder; the database is kept elsewhere",
                data_folder=str(folder.path),
                database_folder=str(place),
            )
            return place
    raise VendomatError(
        ErrorCode.UNAVAILABLE,
        f"PostgreSQL cannot run as root, and the account lent to it can enter neither {folder.path} nor "
        f"{', '.join(map(str, bases))}. Nothing was started. Give a data folder that others may pass through, or start "
        "as an ordinary user.",
    )


def _still_there(folder: EngineFolder) -> Path:
    """The remembered place; its absence is an error and never read as an empty database."""
    place = chosen_storage(folder)
    if not place.is_dir():
        raise VendomatError(
            ErrorCode.UNAVAILABLE,
            f"The database of {folder.path} was kept in {place}, which is gone. Nothing was started. Bring that "
            f"folder back, or restore a backup; to begin with an empty database, remove {folder.path / _LOCATION}.",
        )
    return place


def make_socket_dir(storage: Path, account: Account, last: Path | None = None) -> Path:
    """A new folder of mode 0700 for the socket: `storage/run`, or a temporary one when that path is too long.

    `last` is where a former life of the same server answered: it is made anew there, so that clients find it again.
    """
    socket_dir = last or storage / "run"
    if len(os.fsencode(socket_dir / _LONGEST_SOCKET_NAME)) > _SOCKET_PATH_BYTES_MAX:
        socket_dir = Path(tempfile.mkdtemp(prefix="vendomat-pg-"))
    else:
        shutil.rmtree(socket_dir, ignore_errors=True)
        socket_dir.mkdir(mode=0o700)
    account.own(socket_dir)
    return socket_dir
