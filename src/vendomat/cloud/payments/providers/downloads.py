"""A bill's file from the platform's host onto our disk: whole and checked, or not at all.

It is written beside its place, brought to the disk, compared with the promised hash, and only then put in its place.
The address comes in an answer of the platform, so its host is compared with the one we were set up with: a foreign
host gets nothing, least of all our signature.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from vendomat.cloud.payments.providers.bills import BillState, FetchedBill
from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.transport import DownloadLimits, Transport


@dataclass(frozen=True, slots=True)
class Promise:
    """Where a bill lies, and its SHA-1 as the platform states it (empty when the platform states none)."""

    target: str
    sha1: str = ""


def target_of(url: str, hosts: Collection[str]) -> str:
    """Path and query of `url`, whose host (with its port, when written) must be one of `hosts`.

    Raises `NotKnownError` otherwise. The scheme is not looked at: the download goes over our own transport.
    """
    parts = urlsplit(url)
    if parts.netloc.lower() not in hosts:
        raise NotKnownError(f"the bill lies on {parts.netloc[:100]!r}, which is not the platform's host")
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def host_of(base_url: str) -> str:
    """Host and port of `base_url` as `target_of` compares them."""
    return urlsplit(base_url).netloc.lower()


def origin_of(base_url: str) -> str:
    """`base_url` without its path."""
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc}"


def fetch_file(
    transport: Transport,
    promise: Promise,
    *,
    headers: Mapping[str, str],
    into: Path,
    limits: DownloadLimits | None = None,
    check: Callable[[Path], None] = lambda _: None,
) -> FetchedBill:
    """Download `promise` and put it at `into`, replaced whole. READY, or `NotKnownError` and `into` is untouched.

    `check` looks at the whole file before it is put in its place, and raises `NotKnownError`.
    """
    sha1, sha256 = hashlib.sha1(usedforsecurity=False), hashlib.sha256()
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{into.name}.", suffix=".part", dir=into.parent)
    except OSError as error:
        raise NotKnownError(f"the bill cannot be kept: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:

            def keep(chunk: bytes) -> None:
                sha1.update(chunk)
                sha256.update(chunk)
                try:
                    file.write(chunk)
                except OSError as error:
                    raise NotKnownError(f"the bill cannot be kept: {error.strerror}") from error

            transport.download(promise.target, headers=headers, sink=keep, limits=limits or DownloadLimits())
            size_bytes = file.tell()
            _check_hash(sha1.hexdigest(), promise)
            file.flush()
            os.fsync(file.fileno())
        check(Path(name))
        Path(name).replace(into)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
    _sync_folder(into.parent)
    return FetchedBill(BillState.READY, sha256.hexdigest(), size_bytes)


def _check_hash(sha1: str, promise: Promise) -> None:
    if promise.sha1 and sha1 != promise.sha1.lower():
        raise NotKnownError("the file does not have the hash that was promised")


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
