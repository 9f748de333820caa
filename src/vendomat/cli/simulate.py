"""`vendomat simulate`: simulated worlds from a seed. Exit 0 when everything held, 1 on a violation, 2 on a mistake.

With a planted bug, 0 means that it was found and 1 that it was not: a search that misses it proves nothing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import typer

from vendomat.audit import AuditSources, Terms, machine_files, open_auditor
from vendomat.kernel import VendomatError
from vendomat.simulator.town import Judge, LeftBehind, Verdict
from vendomat.simulator.worlds import (
    Plant,
    SearchReport,
    WorldResult,
    WorldSearch,
    failure_lines,
    open_search,
    plant_named,
    report_json,
    report_lines,
    search,
)

GOOD, BROKEN, MISTAKE = 0, 1, 2


@asynccontextmanager
async def open_judge(database_url: str) -> AsyncIterator[Judge]:
    """The independent audit of worlds at rest in one database, each breach with its first offending row."""
    async with open_auditor(database_url) as auditor:

        async def judge(world: LeftBehind) -> Verdict:
            cabinets, journals = machine_files(world.machines)
            sources = AuditSources(world.database_url, cabinets, journals, dict(world.books))
            report = await auditor.audit(sources, Terms(is_at_rest=True))
            return Verdict(
                violations=sum(finding.count for finding in report.breaches),
                breaches=[f"{f.name}: {f.title} ({f.count}): {dict(f.rows[0])}" for f in report.breaches],
                not_checked=[finding.name for finding in report.findings if finding.missing],
            )

        yield judge


def run_simulation(seed: int, worlds: int, *, bug: str, as_json: bool, is_told: bool, folder: Path | None) -> int:
    """Run `worlds` worlds from `seed` on and say what they came to; the exit status."""
    try:
        plant = plant_named(bug) if bug else None
        with open_search(open_judge, folder=folder) as ready:
            if is_told:
                return _tell(ready, seed, plant)
            report = _search(ready, range(seed, seed + worlds), plant, is_quiet=as_json)
    except VendomatError as error:
        typer.echo(error.message, err=True)
        return MISTAKE
    typer.echo(report_json(report) if as_json else "\n".join(report_lines(report)))
    if plant is None:
        return GOOD if report.is_good else BROKEN
    if not as_json:
        typer.echo(_verdict(bug, report))
    return GOOD if report.broken else BROKEN


def _search(ready: WorldSearch, seeds: range, plant: Plant | None, *, is_quiet: bool) -> SearchReport:
    """Every world; with a planted bug only until it is found."""
    show = _progress(len(seeds)) if not is_quiet and sys.stderr.isatty() else _silent

    def on_world(result: WorldResult) -> bool:
        show(result)
        return plant is None or not result.offences

    if plant is None:
        return search(ready, seeds, elapsed_s=time.monotonic, on_world=on_world)
    return search(ready, seeds, plant.bug, elapsed_s=time.monotonic, on_world=on_world)


def _silent(result: WorldResult) -> None:
    """Nobody watches."""


def _progress(worlds: int) -> Callable[[WorldResult], None]:
    done = 0

    def show(result: WorldResult) -> None:
        nonlocal done
        done += 1
        verdict = "broke" if result.offences else "held"
        typer.echo(f"\r{done}/{worlds}  seed {result.seed} {verdict}  ", nl=False, err=True)
        if done == worlds or result.offences:
            typer.echo("", err=True)

    return show


def _tell(ready: WorldSearch, seed: int, plant: Plant | None) -> int:
    """One world, line by line."""
    bug = [plant.bug] if plant is not None else []
    result = ready.run(seed, *bug, echo=typer.echo)
    typer.echo(f"trace {result.digest}, {result.events} events")
    for line in failure_lines(result)[:-1] if result.offences else []:
        typer.echo(line)
    return BROKEN if result.offences else GOOD


def _verdict(bug: str, report: SearchReport) -> str:
    if report.broken:
        return f"the planted bug {bug!r} was found in world {report.worlds}"
    return f"the planted bug {bug!r} was NOT found in {report.worlds} worlds"
