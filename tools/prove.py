"""Runs the long proofs for some hours and prints one page of figures; exit status 1 when anything did not hold.

Two lanes run side by side. One searches simulated worlds without end. The other checks the model, looks for every
planted bug, kills real processes at every named boundary, and then lets chaos loose on whole towns, again and again.
Each part is a command of its own, as anybody would type it; this only counts. Seeds rise from one given seed, so a page
can be made again from what it says.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENDOMAT = [sys.executable, "-m", "vendomat.cli"]
WORLDS_AT_ONCE = 100
SALES_AT_ONCE = 1000
PART_S_MAX = 3600
Report = dict[str, Any]


@dataclass
class Figures:
    """What was counted so far. `failures` say what to run again to see it again."""

    worlds: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    units: Counter[str] = field(default_factory=Counter)
    towns: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    plants: dict[str, int] = field(default_factory=dict)
    matrix: Counter[str] = field(default_factory=Counter)
    model: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


class Proof:
    """`until_s` is a moment of `time.monotonic`; no part is begun after it."""

    def __init__(self, until_s: float, seed: int) -> None:
        self._until_s = until_s
        self._seed = seed
        self.figures = Figures()

    def _is_over(self) -> bool:
        return time.monotonic() >= self._until_s

    # --- lanes -------------------------------------------------------------------------------------------------------

    def search_worlds(self) -> None:
        """Worlds until the time is over."""
        seed = self._seed
        while not self._is_over():
            self.count_worlds(self.ask([*VENDOMAT, "simulate", *_seeds(seed, WORLDS_AT_ONCE), "--json"]))
            seed += WORLDS_AT_ONCE

    def break_things(self) -> None:
        """The model once, every planted bug once, then kills and chaos by turns until the time is over."""
        self._check_model()
        self._find_plants()
        turn = 0
        while not self._is_over():
            seed = self._seed + turn
            self.count_matrix(self.ask([sys.executable, "tools/kill_everywhere.py", f"--seed={seed}"]))
            if self._is_over():
                break
            selling = ["demo", f"--sales={SALES_AT_ONCE}", "--chaos", "--json", f"--seed={seed}"]
            self.count_town(self.ask([*VENDOMAT, *selling]))
            turn += 1

    # --- parts -------------------------------------------------------------------------------------------------------

    def _check_model(self) -> None:
        command = [sys.executable, "-m", "vendomat.simulator.model_check", "--wider"]
        done = self._run(command)
        self.figures.model = [line for line in done.stdout.splitlines() if " states, " in line]
        if done.returncode or not self.figures.model:
            self._fail(command, "something else was found than must be, or nothing was searched")

    def _find_plants(self) -> None:
        listed = self._run([*VENDOMAT, "simulate", "--plant", "?"])
        bugs = [line.split()[0] for line in listed.stderr.splitlines() if line.startswith("  ")]
        if not bugs:
            self._fail([*VENDOMAT, "simulate", "--plant", "?"], "no bug is listed, so none was looked for")
        for bug in bugs:
            command = [*VENDOMAT, "simulate", "--plant", bug, *_seeds(self._seed, 200), "--json"]
            found = self.ask(command)
            if found:
                self.figures.plants[bug] = int(found["worlds"]) if found["violations"] else 0

    def count_worlds(self, report: Report) -> None:
        if not report:
            return
        figures = self.figures
        figures.faults.update(report["faults"])
        figures.units.update(report["units"])
        for name in ("worlds", "wall_s", "virtual_s", "machine_s", "events", "motor_starts"):
            figures.worlds[name] += report[name]
        figures.worlds["violations"] += len(report["violations"])

    def count_matrix(self, report: Report) -> None:
        if not report:
            return
        self.figures.matrix.update({"runs": 1, "kills": len(report["killed"]), "violations": report["violations"]})
        self.figures.matrix["not reached"] += len(report["not_reached"])

    def count_town(self, report: Report) -> None:
        if not report:
            return
        self.figures.kills.update(report["kills"])
        for name in ("sales", "seconds", "violations", "still_open", "ambiguous_units"):
            self.figures.towns[name] += report[name]
        self.figures.towns["units"] += sum(report["units"].values())
        self.figures.towns["runs"] += 1

    # --- commands ----------------------------------------------------------------------------------------------------

    def ask(self, command: list[str]) -> Report:
        """What the command reports; empty, and a failure, when it reports nothing."""
        done = self._run(command)
        try:
            report: Report = json.loads(done.stdout)
        except ValueError:
            self._fail(command, (done.stderr or "no report").strip().splitlines()[-1])
            return {}
        if done.returncode and "--plant" not in command:
            self._fail(command, str(report.get("violations")))
        if done.returncode and "--plant" in command:
            self._fail(command, "the planted bug was not found")
        return report

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PART_S_MAX)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 1, "", f"not done after {PART_S_MAX} s")

    def _fail(self, command: list[str], what: str) -> None:
        said = " ".join("python" if word == sys.executable else word for word in command)
        self.figures.failures.append(f"`{said}`: {what[:300]}")
        print(f"prove: FAILED {self.figures.failures[-1]}", file=sys.stderr, flush=True)


def _seeds(first: int, worlds: int) -> list[str]:
    return ["--seed", str(first), "--worlds", str(worlds)]


# --- the page --------------------------------------------------------------------------------------------------------


def page(figures: Figures, hours: float, seed: int, commit: str) -> str:
    """The figures as Markdown."""
    worlds, towns, matrix = figures.worlds, figures.towns, figures.matrix
    wall_s = max(worlds["wall_s"], 1e-9)
    found = sum(1 for tries in figures.plants.values() if tries)
    rows = [
        ("run", f"{hours:.2f} h on commit {commit}, seeds from {seed}"),
        ("worlds", f"{worlds['worlds']:,} ({worlds['worlds'] / wall_s * 3600:,.0f}/h on one core)"),
        (
            "simulated",
            f"{worlds['machine_s'] / 3600:,.1f} machine-hours, {worlds['events']:,} events, "
            f"{worlds['motor_starts']:,} motor starts",
        ),
        (
            "simulated time to wall time",
            f"{worlds['virtual_s'] / wall_s:,.0f}×; of machines {worlds['machine_s'] / wall_s:,.0f}×",
        ),
        ("violations in worlds", f"{worlds['violations']}"),
        ("faults in worlds", f"{figures.faults.total():,}: {_counts(figures.faults)}"),
        ("units in worlds", _counts(figures.units)),
        ("ambiguous in worlds", _share(figures.units["unknown"], figures.units.total())),
        (
            "planted bugs",
            f"{found} of {len(figures.plants)} found; in world {_counts(Counter(figures.plants), is_sorted=False)}",
        ),
        (
            "kills at named boundaries",
            f"{matrix['kills']:,} in {matrix['runs']} runs, {matrix['violations']} violations, "
            f"{matrix['not reached']} not reached",
        ),
        (
            "towns under chaos",
            f"{towns['runs']} × {SALES_AT_ONCE} sales in {towns['seconds']:,.0f} s, "
            f"{towns['violations']} violations, {towns['still_open']} left open",
        ),
        ("strikes in towns", _counts(figures.kills)),
        ("ambiguous in towns", _share(towns["ambiguous_units"], towns["units"])),
    ]
    lines = ["| what | figure |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]
    lines += ["", *(f"* model: {line}" for line in figures.model)]
    lines += [f"* FAILED {failure}" for failure in figures.failures] or ["* nothing failed"]
    return "\n".join(lines) + "\n"


def _counts(counts: Counter[str], *, is_sorted: bool = True) -> str:
    pairs = counts.most_common() if is_sorted else counts.items()
    return ", ".join(f"{count:,} {name}" for name, count in pairs) or "none"


def _share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,} units ({part / whole:.2%})" if whole else "none"


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def main(arguments: list[str]) -> int:
    """The command: `prove.py --hours H [--seed S]`."""
    parser = argparse.ArgumentParser(prog="prove", description="Run the long proofs and print one page of figures.")
    parser.add_argument("--hours", type=float, required=True, help="no part is begun later than this")
    parser.add_argument("--seed", type=int, default=1_000_000, help="the first seed; others rise from it")
    given = parser.parse_args(arguments)
    if not 0 < given.hours <= 24 * 31:
        parser.error(f"--hours is {given.hours}; give a time between 0 and a month")
    began_s = time.monotonic()
    proof = Proof(began_s + given.hours * 3600, given.seed)
    with ThreadPoolExecutor(2) as lanes:
        for lane in [lanes.submit(proof.search_worlds), lanes.submit(proof.break_things)]:
            lane.result()
    sys.stdout.write(page(proof.figures, (time.monotonic() - began_s) / 3600, given.seed, _commit()))
    return 1 if proof.figures.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
