"""How long a terminal takes from its start until its screen is served, with a long memory and with a short one.

The real program in its own process, on a journal of so many facts that wait for the cloud, three intents without an
outcome, and a cloud that does not answer; beside it, in the same run, a Python that only imports what every such
program needs. Rounds are interleaved. Refuses to count a start that lost a fact or left an intent open.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

import msgspec

from vendomat.kernel import derive_id
from vendomat.protocol import EnrolReply, FactKind, VendFact
from vendomat.terminal.journal import COMMANDS_MAX, Journal
from vendomat.terminal.link import MachineKey

YARDSTICK = "import asyncio,ssl,sqlite3"
OPEN_INTENTS = 3
BATCH_FACTS = 10_000
SLOT = "A1"


class Spent(NamedTuple):
    """Wall clock and processor time of one process."""

    seconds: float
    cpu_s: float


class StartTimes(msgspec.Struct, frozen=True):
    """Seconds; `ratio` is the median of each round's start over the yardstick of the same round.

    `cpu` is processor time of the process, its orderly stop included: what other programs on the machine do not change.
    """

    facts: int
    journal_mb: float
    median_s: float
    lowest_s: float
    highest_s: float
    ratio: float
    cpu_median_s: float
    cpu_ratio: float
    seconds: list[float]


class TerminalStartReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `vendomat bench terminal-start` says. `growth` is the large journal's median over the small one's."""

    growth: float
    cpu_growth: float
    large: StartTimes
    small: StartTimes
    yardstick: str
    yardstick_s: list[float]
    yardstick_median_s: float
    rounds: int
    cores: int


class _Machine:
    """A folder with an enrolled machine whose journal holds `facts` facts of earlier runs."""

    def __init__(self, folder: Path, facts: int) -> None:
        self.folder, self.facts = folder, facts
        self.spent: list[Spent] = []
        folder.mkdir(parents=True)
        self._key = MachineKey.load_or_create(folder / "machine.seed", os.urandom)
        settings = {"cloud_https_url": "https://127.0.0.1:9", "ca_file": "ca.pem", "simulated": {"slots": {SLOT: 5}}}
        (folder / "terminal.json").write_bytes(msgspec.json.encode(settings))
        (folder / "enrolment.json").write_bytes(msgspec.json.encode(_enrolled()))
        self._fill()

    def _opened(self) -> Journal:
        return Journal(self.folder / "journal.db", self._key.derive("journal"))

    def _fill(self) -> None:
        journal = self._opened()
        done = 0
        while done < self.facts:
            count = min(BATCH_FACTS, self.facts - done)
            with journal.batch():
                for number in range(done, done + count):
                    is_known = number >= self.facts - 2 * COMMANDS_MAX  # older ones were forgotten
                    kind = FactKind.INTENT if number % 2 == 0 else FactKind.OUTCOME
                    _append(journal, kind, number // 2, is_known=is_known)
            done += count
        journal.close()

    def open_intents(self) -> int:
        """Leave three commands without an outcome, as a power cut would; how many facts there are then."""
        journal = self._opened()
        for number in range(OPEN_INTENTS):
            _append(journal, FactKind.INTENT, 10**9 + 10 * journal.epoch + number)
        journal.forget_starts()
        count = journal.count_unacked()
        journal.close()
        return count

    def start(self) -> None:
        """One measured start, stopped again in good order."""
        before = self.open_intents()
        began, cpu = time.perf_counter(), _cpu_s()
        with subprocess.Popen(
            [sys.executable, "-m", "vendomat.terminal", "--data", str(self.folder)], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            seconds = time.perf_counter() - began
            process.send_signal(signal.SIGTERM)
        self.spent.append(Spent(seconds, _cpu_s() - cpu))
        if not line or "kiosk_url" not in json.loads(line):
            raise RuntimeError("the terminal did not come up")
        self._see(before)

    def _see(self, before: int) -> None:
        journal = self._opened()
        new = journal.count_unacked() - before
        is_open = bool(journal.open_commands())
        journal.close()
        if new < OPEN_INTENTS + 1 or is_open or journal.damage:
            raise RuntimeError(f"the start left {new} new facts, open intents: {is_open}, damage: {journal.damage!r}")

    def times(self, yardstick: list[Spent]) -> StartTimes:
        seconds = [spent.seconds for spent in self.spent]
        pairs = list(zip(self.spent, yardstick, strict=True))
        return StartTimes(
            facts=self.facts,
            journal_mb=round((self.folder / "journal.db").stat().st_size / 2**20, 1),
            median_s=round(median(seconds), 3),
            lowest_s=round(min(seconds), 3),
            highest_s=round(max(seconds), 3),
            ratio=round(median(ours.seconds / theirs.seconds for ours, theirs in pairs), 2),
            cpu_median_s=round(median(spent.cpu_s for spent in self.spent), 3),
            cpu_ratio=round(median(ours.cpu_s / theirs.cpu_s for ours, theirs in pairs), 2),
            seconds=[round(value, 3) for value in seconds],
        )


def _enrolled() -> EnrolReply:
    return EnrolReply(
        machine_id="m1",
        merchant_id=derive_id("mer", 1),
        epoch=1,
        user_jwt="e30.eyJpYXQiOjAsImV4cCI6NDAwMDAwMDAwMH0.x",
        nats_url="tls://127.0.0.1:9",
        cloud_keys={},
    )


def _append(journal: Journal, kind: FactKind, number: int, *, is_known: bool = True) -> None:
    cmd_id = derive_id("cmd", number)
    body = VendFact(cmd_id=cmd_id, order_id=derive_id("ord", number), unit=1, slot=SLOT)
    at = "2026-01-01T00:00:00+00:00"
    journal.append(kind, msgspec.json.encode(body), at, is_time_trusted=True, cmd_id=cmd_id if is_known else "")


def _cpu_s() -> float:
    """Processor time of the children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _yardstick() -> Spent:
    began, cpu = time.perf_counter(), _cpu_s()
    subprocess.run([sys.executable, "-c", YARDSTICK], check=True)
    return Spent(time.perf_counter() - began, _cpu_s() - cpu)


def run_terminal_start(
    folder: Path, *, large: int, small: int, rounds: int, say: Callable[[str], None] = lambda _: None
) -> TerminalStartReport:
    """Blocks. Raises `RuntimeError` when a start did not do what it must."""
    say(f"filling journals of {large:,} and {small:,} facts")
    machines = [_Machine(folder / "large", large), _Machine(folder / "small", small)]
    yardsticks: list[Spent] = []
    for number in range(rounds + 1):
        yardstick = _yardstick()
        for machine in machines if number % 2 else reversed(machines):
            machine.start()
        if number == 0:  # the first round warms the file cache
            for machine in machines:
                machine.spent.clear()
            continue
        yardsticks.append(yardstick)
        spent = [yardstick, *(machine.spent[-1] for machine in machines)]
        say(f"round {number}: yardstick, large, small: " + ", ".join(f"{one.seconds:.3f} s" for one in spent))
    large_times, small_times = (machine.times(yardsticks) for machine in machines)
    return TerminalStartReport(
        growth=round(large_times.median_s / small_times.median_s, 3),
        cpu_growth=round(large_times.cpu_median_s / small_times.cpu_median_s, 3),
        large=large_times,
        small=small_times,
        yardstick=f'python -c "{YARDSTICK}"',
        yardstick_s=[round(one.seconds, 3) for one in yardsticks],
        yardstick_median_s=round(median(one.seconds for one in yardsticks), 3),
        rounds=rounds,
        cores=os.cpu_count() or 0,
    )
