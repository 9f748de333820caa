"""The shelf of bills: each file once, under the name of its hash, never changed and never removed.

What a person gives lies beside it until it proved to be a bill. Refuses a file whose content is not the one that was
promised. Workers on several hosts share the folder.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import IO

from vendomat.cloud.payments import BillError, BillKind, BillSource, BillState, FetchedBill
from vendomat.kernel import Ids

_CHUNK_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"
UNPACKED_BYTES_MAX = 2 << 30


class BillShelf:
    def __init__(self, folder: Path, ids: Ids) -> None:
        self._folder = folder
        self._ids = ids

    def path_of(self, sha256: str) -> Path:
        return self._folder / sha256

    async def take_in(self, request_id: str, chunks: AsyncIterator[bytes]) -> int:
        """Keep what a person sends for `request_id` beside the shelf; how many bytes it has."""
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True, mode=0o700)
        given, fresh = self._given(request_id), self._folder / f".{self._ids.new('bil')}"
        try:
            with fresh.open("wb") as file:
                async for chunk in chunks:
                    await asyncio.to_thread(file.write, chunk)
                await asyncio.to_thread(_sync, file)
            fresh.replace(given)
        finally:
            fresh.unlink(missing_ok=True)
        return given.stat().st_size

    @contextmanager
    def given(self, request_id: str) -> Iterator[Path]:
        """What was taken in for `request_id`, unpacked, for the length of the block. For a thread.

        Raises `BillError` when it cannot be unpacked, or is not there any more.
        """
        plain = self._folder / f".{self._ids.new('bil')}"
        try:
            _unpack(self._given(request_id), plain)
            yield plain
        finally:
            plain.unlink(missing_ok=True)

    def keep(self, plain: Path) -> tuple[str, int]:
        """Put a file that proved to be a bill onto the shelf: its hash and size. For a thread."""
        sha256 = _sha256_of(plain)
        _keep(plain, self.path_of(sha256))
        return sha256, self.path_of(sha256).stat().st_size

    def drop(self, request_id: str) -> None:
        """Nobody needs what was taken in any more."""
        self._given(request_id).unlink(missing_ok=True)

    def _given(self, request_id: str) -> Path:
        return self._folder / f".given-{request_id}"

    async def fetch(self, source: BillSource, kind: BillKind, day: date) -> FetchedBill:
        """Fetch a bill and keep it; READY means that it lies on the shelf. UNKNOWN when its hash is another."""
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True, mode=0o700)
        fresh = self._folder / f".{self._ids.new('bil')}"
        try:
            fetched = await source.fetch_bill(kind, day, fresh)
            if fetched.state is not BillState.READY:
                return fetched
            found = await asyncio.to_thread(_sha256_of, fresh)
            if found != fetched.sha256:
                return FetchedBill(BillState.UNKNOWN, error=f"the file's hash is {found}, not {fetched.sha256}")
            await asyncio.to_thread(_keep, fresh, self.path_of(found))
            return replace(fetched, size_bytes=self.path_of(found).stat().st_size)
        finally:
            fresh.unlink(missing_ok=True)


def _sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _unpack(packed: Path, plain: Path) -> None:
    """`packed` at `plain`: unpacked when it is gzip, and as it is otherwise."""
    try:
        with packed.open("rb") as raw:
            is_packed = raw.read(len(_GZIP)) == _GZIP
            raw.seek(0)
            with gzip.open(raw) if is_packed else raw as source, plain.open("wb") as file:
                while chunk := source.read(_CHUNK_BYTES):
                    if file.write(chunk) and file.tell() > UNPACKED_BYTES_MAX:
                        raise BillError(f"unpacked it is larger than {UNPACKED_BYTES_MAX} bytes")
    except FileNotFoundError as error:
        raise BillError("the file is not there any more; give it again") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BillError(f"it cannot be unpacked: {error}") from error


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _keep(fresh: Path, place: Path) -> None:
    """Under its final name, durably; a file that is there already has the same content, for that is its name."""
    fresh.chmod(0o400)
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    if not place.exists():
        fresh.replace(place)
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
