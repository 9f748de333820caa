"""The physical truth of a simulated cabinet: an append-only file of what was filled, started and dropped.

It belongs to the hardware: a terminal that is killed finds the same world again, and an audit may read the file without
trusting the terminal. A run that was cut off by the end of the program is finished at the next opening as the motor
board would have finished it: its fate stands in its start record. A torn last line never happened.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from vendomat.terminal.drivers.cabinet.model import Fault, Warmth


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line. `what`: fill | fault | start | drop | end, of a cooler fill | release | open | take | shut | hold.

    `fate` is how many goods the run will drop.
    """

    what: str
    at: str
    slot: str = ""
    cmd_id: str = ""
    run: int = 0
    count: int = 0
    fate: int = 0
    fault: str = ""
    is_once: bool = False
    result: str = ""
    is_late: bool = False


_RECORD = msgspec.json.Decoder(Record)
MACHINE = "*"
RECORDS_MAX = 2_000
"""Newest records held in memory; the file keeps all."""


class World:
    """Stock and faults, folded from the file; every change is fsynced before it counts."""

    def __init__(self, path: Path, recorded: Callable[[Record], None] = lambda _: None) -> None:
        self.stock: dict[str, int] = {}
        self.faults: dict[str, tuple[Fault, bool]] = {}
        self.machine_faults: set[Fault] = set()
        self.warmth = Warmth()
        self.runs = 0
        self.records: deque[Record] = deque(maxlen=RECORDS_MAX)
        self._unfinished: dict[int, Record] = {}
        self._path = path
        self._recorded = recorded
        self._file = self._open()

    def _open(self) -> BinaryIO:
        data = self._path.read_bytes() if self._path.exists() else b""
        whole = data[: data.rfind(b"\n") + 1]
        for line in whole.splitlines():
            self._fold(_RECORD.decode(line))
        file = self._path.open("ab")
        if len(whole) < len(data):
            file.truncate(len(whole))
        return file

    def finish_cut_runs(self, at: str) -> None:
        """Let the board finish what it was doing when the program ended."""
        for start in list(self._unfinished.values()):
            if start.fate:
                drop = Record("drop", at, start.slot, start.cmd_id, start.run, count=start.fate, is_late=True)
                self.add(drop)
            self.add(Record("end", at, start.slot, start.cmd_id, start.run, result="cut", is_late=True))

    def add(self, record: Record) -> None:
        """Durable when this returns. Raises `OSError`."""
        self._file.write(msgspec.json.encode(record) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._fold(record)
        self._recorded(record)

    def _fold(self, record: Record) -> None:
        self.records.append(record)
        if record.what == "fill":
            self.stock[record.slot] = record.count
        elif record.what == "fault":
            self._fold_fault(record)
        elif record.what == "start":
            self.runs = max(self.runs, record.run)
            self._unfinished[record.run] = record
            if self.faults.get(record.slot, (Fault.NONE, False))[1]:
                del self.faults[record.slot]
        elif record.what == "drop":
            self.stock[record.slot] = self.stock.get(record.slot, 0) - record.count
            start = self._unfinished.get(record.run)
            if start is not None:
                rest = start.fate - record.count
                self._unfinished[record.run] = msgspec.structs.replace(start, fate=rest)
        elif record.what == "take":
            self.stock[record.slot] = self.stock.get(record.slot, 0) - record.count
        elif record.what == "end":
            self._unfinished.pop(record.run, None)

    def _fold_fault(self, record: Record) -> None:
        fault = Fault(record.fault)
        if record.slot == MACHINE:
            if record.count:
                self.machine_faults.add(fault)
            else:
                self.machine_faults.discard(fault)
            if fault is Fault.COOLING:
                self.warmth = self.warmth.switched(datetime.fromisoformat(record.at), is_cooled=not record.count)
        elif fault is Fault.NONE:
            self.faults.pop(record.slot, None)
        else:
            self.faults[record.slot] = (fault, record.is_once)

    def close(self) -> None:
        self._file.close()
