"""Alipay's bill as an archive of framed tables: opened without unpacking, read line by line.

Names and contents are GBK. Lines that begin with `#` frame each table: whose it is, where it ends, and its sums. What
is broken, encrypted, far too large or not framed so is `BillError`.
"""

from __future__ import annotations

import csv
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from vendomat.cloud.payments.providers.bill_cells import bare, csv_lines
from vendomat.cloud.payments.providers.bills import BillError, ForeignBillError
from vendomat.cloud.payments.providers.doubt import NotKnownError

ENCODING = "gb18030"
"""What GBK grew into; every GBK text is one of these."""

FILES_MAX = 100
UNPACKED_BYTES_MAX = 16 * 1024**3
SUMMARY = "汇总"
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    csv.Error,
    EOFError,
    OSError,
    RuntimeError,  # encrypted, or packed in a way this Python does not know
    ValueError,
)


@dataclass
class Table:
    """One file of the archive. `footer` is there once `rows` is through."""

    header: list[str]
    rows: Iterator[list[str]]
    footer: list[str] = field(default_factory=list)


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive at `path`. Whatever is wrong inside it becomes `BillError`, also while it is being read."""
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                entries = archive.infolist()
                if len(entries) > FILES_MAX or sum(entry.file_size for entry in entries) > UNPACKED_BYTES_MAX:
                    raise BillError("the archive is larger than a bill can be")
                yield archive
        except _DAMAGE as error:
            raise BillError(f"the archive is damaged: {error}") from error


def check_whole(path: Path) -> None:
    """Raises `NotKnownError` unless every file in the archive has the sum that is written beside it."""
    try:
        with opened(path) as archive:
            damaged = archive.testzip()
    except BillError as error:
        raise NotKnownError(error.reason) from error
    if damaged is not None:
        raise NotKnownError("a file of the archive does not have its sum")


def tables(archive: zipfile.ZipFile, seller_id: str, *, summaries: bool) -> Iterator[Table]:
    """The tables of details (a long one may come in parts), or those of the summary, each of them of `seller_id`."""
    entries = {_name_of(entry): entry for entry in archive.infolist()}
    for name in sorted(entries):
        if name.endswith(".csv") and (SUMMARY in name) is summaries:
            with io.TextIOWrapper(archive.open(entries[name]), encoding=ENCODING, newline="") as text:
                table = _table(csv_lines(text), seller_id)
                yield table
                for _ in table.rows:  # up to the end: the sum over the bytes is compared there
                    raise BillError("rows nobody read")


def _name_of(entry: zipfile.ZipInfo) -> str:
    if entry.flag_bits & 0x800:
        return entry.filename
    return entry.orig_filename.encode("cp437").decode(ENCODING)


def _table(lines: Iterator[list[str]], seller_id: str) -> Table:
    account = ""
    for line in lines:
        text = bare("".join(line))
        if not text.startswith("#"):
            break
        if text.startswith("#账号："):
            account = text
    else:
        raise BillError("the file has no table")
    if not account.startswith(f"#账号：[{seller_id}"):
        raise ForeignBillError(f"the bill is of {account[:60]!r}, not of {seller_id}")
    table = Table(line, iter(()))
    table.rows = _rows(lines, table.footer)
    return table


def _rows(lines: Iterator[list[str]], footer: list[str]) -> Iterator[list[str]]:
    for line in lines:
        if line and line[0].startswith("#"):
            footer.append(bare("".join(line)))
            break
        yield line
    footer += [bare("".join(line)) for line in lines]
    if not footer or "列表结束" not in footer[0]:
        raise BillError("the table breaks off")
    if any(text and not text.startswith("#") for text in footer):
        raise BillError("something follows after the table's end")
