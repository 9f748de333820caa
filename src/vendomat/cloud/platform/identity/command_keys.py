"""The cloud's command keys over time: the one that signs, the one to come, and the old one that still counts.

A rotation is three steps, each a whole new file: *prepare* makes the next key, which machines are told to trust before
anything is signed by it; *switch* signs by it; *retire* ends the trust in the old one. Every worker on the folder sees
a step within a second. Refuses to switch to a key that was not prepared, and to begin again before the old key is
retired.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog

from vendomat.cloud.platform.identity.command_key import CommandKey
from vendomat.cloud.platform.identity.private_files import kept, write_private
from vendomat.kernel import Clock, ErrorCode, VendomatError

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0


class _File(msgspec.Struct, frozen=True, kw_only=True):
    """Seeds; the old key's as well, so that one file is the whole truth."""

    current: bytes
    next: bytes = b""
    old: bytes = b""


class CommandKeys:
    """Signs by the current key (fits `protocol.Signer`). Kept in `path` (0600), made there when there is none."""

    def __init__(self, path: Path, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._path = path
        self._random_bytes = random_bytes
        kept(path, lambda: msgspec.json.encode(_File(current=random_bytes(32))))
        self.refresh()

    # --- signing -----------------------------------------------------------------------------------------------------

    @property
    def key_id(self) -> str:
        return self._current.key_id

    @property
    def public_key(self) -> bytes:
        return self._current.public_key

    @property
    def public_base64(self) -> str:
        return self._current.public_base64

    def sign(self, data: bytes) -> bytes:
        return self._current.sign(data)

    def public_keys(self) -> dict[str, str]:
        """The keys that a machine shall trust now, by id, as it is told them."""
        return {key.key_id: key.public_base64 for key in (self._current, self._next, self._old) if key is not None}

    def key_ids(self) -> tuple[str, ...]:
        """The names of those keys, sorted."""
        return tuple(sorted(self.public_keys()))

    # --- following the file ------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Take up what the file says. Raises `OSError`, `msgspec.MsgspecError`; the keys stay as they were then."""
        file = msgspec.json.decode(self._path.read_bytes(), type=_File)
        self._file = file
        self._current = CommandKey(file.current)
        self._next = CommandKey(file.next) if file.next else None
        self._old = CommandKey(file.old) if file.old else None

    async def keep_fresh(self, clock: Clock) -> None:
        """Forever: follow the file, whoever changes it."""
        while True:
            await clock.sleep(LOOK_EVERY_S)
            try:
                self.refresh()
            except (OSError, msgspec.MsgspecError):
                log.exception("command_keys.unreadable")  # we go on with those we have

    # --- a rotation --------------------------------------------------------------------------------------------------

    @property
    def next_key_id(self) -> str:
        """The key that a rotation has prepared; empty when there is none."""
        return self._next.key_id if self._next is not None else ""

    @property
    def old_key_id(self) -> str:
        """The key that the last switch replaced and that still counts; empty when there is none."""
        return self._old.key_id if self._old is not None else ""

    def prepare(self) -> None:
        """Make the next key, unless there is one. Raises `VendomatError(conflict)` while an old one counts."""
        if self._old is not None:
            raise VendomatError(ErrorCode.CONFLICT, "the old command key still counts; retire it first")
        if self._next is None:
            self._keep(_File(current=self._file.current, next=self._random_bytes(32)))

    def switch(self) -> None:
        """Sign by the next key; the one before still counts. Raises `VendomatError(conflict)` when none is prepared."""
        if not self._file.next:
            raise VendomatError(ErrorCode.CONFLICT, "no next command key is prepared; nothing was switched")
        self._keep(_File(current=self._file.next, old=self._file.current))

    def retire(self) -> None:
        """End the trust in the old key; harmless when there is none."""
        if self._old is not None:
            self._keep(_File(current=self._file.current, next=self._file.next))

    def _keep(self, file: _File) -> None:
        write_private(self._path, msgspec.json.encode(file))
        self.refresh()
