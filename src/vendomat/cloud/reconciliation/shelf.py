"""The shelf of bills: each file once, under the name of its hash, never changed and never removed.

Refuses a file whose content is not the one that was promised. Workers on several hosts share the folder.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import replace
from datetime import date
from pathlib import Path

from vendomat.cloud.payments import BillKind, BillSource, BillState, FetchedBill
from vendomat.kernel import Ids

_CHUNK_BYTES = 1 << 20


class BillShelf:
    def __init__(self, folder: Path, ids: Ids) -> None:
        self._folder = folder
        self._ids = ids

    def path_of(self, sha256: str) -> Path:
        return self._folder / sha256

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
