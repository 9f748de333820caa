"""`vendomat audit`: the audit as a command. Exit 0 clean, 1 breached, 2 could not read.

The database is read as the user of its URL: a superuser sees every row; any other must be allowed to take the role of
the sale (`vendomat_hot`), which may read what is audited, for all merchants. Nothing is written.
"""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from vendomat.audit.model import AuditReport, Finding, Terms
from vendomat.audit.service import run_audit
from vendomat.audit.sources import AuditSources, machine_files
from vendomat.kernel import ErrorCode, Money, VendomatError

CLEAN, BREACHED, UNREADABLE = 0, 1, 2


def audit_command(  # noqa: PLR0913 (one argument per option of the command)
    *,
    database_url: Annotated[str, typer.Option(envvar="DATABASE_URL", help="PostgreSQL of the cloud.")],
    machines: Annotated[
        Path | None, typer.Option(help="Folder with the data folders of machines (cabinet.jsonl, journal.db).")
    ] = None,
    cabinet: Annotated[list[str] | None, typer.Option(help="MACHINE=FILE: a cabinet's physical log.")] = None,
    journal: Annotated[list[str] | None, typer.Option(help="MACHINE=FILE: a terminal's journal.")] = None,
    books: Annotated[list[str] | None, typer.Option(help="CHANNEL=FILE or URL: a platform's own books.")] = None,
    at_rest: Annotated[bool, typer.Option("--at-rest", help="Nothing is under way: nothing may be open.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The whole report as JSON.")] = False,
) -> None:
    """Recompute the invariants of money and motors from the evidence; exit 1 on any breach."""
    console = Console()
    try:
        cabinets, journals = machine_files(machines) if machines is not None else ({}, {})
        sources = AuditSources(
            database_url,
            cabinets | {name: Path(place) for name, place in _pairs(cabinet)},
            journals | {name: Path(place) for name, place in _pairs(journal)},
            dict(_pairs(books)),
        )
        report = asyncio.run(run_audit(sources, Terms(is_at_rest=at_rest)))
    except VendomatError as error:
        Console(stderr=True).print(error.message, markup=False, style="red")
        raise typer.Exit(UNREADABLE) from error
    if as_json:
        typer.echo(report_json(report))
    else:
        show(report, console)
    raise typer.Exit(CLEAN if report.is_clean else BREACHED)


def _pairs(texts: list[str] | None) -> list[tuple[str, str]]:
    pairs = [text.partition("=") for text in texts or []]
    wrong = next((text for text, sign, place in pairs if not (text and sign and place)), None)
    if wrong is not None:
        raise VendomatError(ErrorCode.INVALID_VALUE, f"{wrong!r} is not NAME=PLACE; nothing was audited")
    return [(name, place) for name, _, place in pairs]


def report_json(report: AuditReport) -> str:
    """The report with its verdict, as one JSON object."""
    verdict = {"is_clean": report.is_clean, "breaches": [f.name for f in report.breaches]}
    return msgspec.json.encode(verdict | dataclasses.asdict(report)).decode()


def show(report: AuditReport, console: Console) -> None:
    """The report for a person: the verdict, the figures, then each finding with its rows."""
    console.print(_checks_table(report))
    console.print(_figures_table(report))
    for finding in (*report.breaches, *report.notices):
        console.print(f"{finding.name}: {finding.title}. {finding.meaning}", markup=False, style="bold")
        console.print(_rows_table(finding))
    if report.is_clean:
        console.print("Clean: every check that could be asked found nothing.", style="green")
    else:
        console.print(f"Breached: {len(report.breaches)} checks found offences.", style="red")


def _checks_table(report: AuditReport) -> Table:
    table = Table("Check", "What it looks for", "Found", title=f"Audit at {report.at.isoformat()}")
    for finding in report.findings:
        found = "ok" if not finding.count else f"{finding.count} {finding.severity.value}"
        if finding.missing:
            found = "not checked: no " + ", ".join(finding.missing)
        style = "red" if finding.is_breach else "yellow" if finding.count else "dim" if finding.missing else None
        table.add_row(finding.name, finding.title, found, style=style)
    return table


def _figures_table(report: AuditReport) -> Table:
    figures = report.figures
    table = Table("Figure", "Value")
    for name, counts in (("orders", figures.orders), ("units", figures.unit_outcomes)):
        table.add_row(name, ", ".join(f"{count} {state}" for state, count in counts.items()) or "none")
    for totals in figures.totals:
        for field in dataclasses.fields(totals):
            if field.name.endswith("_minor"):
                amount = Money(getattr(totals, field.name), totals.currency)
                table.add_row(field.name.removesuffix("_minor").replace("_", " "), str(amount))
    table.add_row("ambiguous units", f"{figures.ambiguous} ({figures.ambiguity_rate:.4%})")
    table.add_row("of these, delivered after all", str(figures.ambiguous_later_delivered))
    table.add_row("refunds under way", f"{figures.refunds_open}, the oldest for {figures.oldest_refund_s} s")
    if figures.motor_starts is not None:
        table.add_row("motor starts, drops", f"{figures.motor_starts}, {figures.drops}")
    return table


def _rows_table(finding: Finding) -> Table:
    table = Table(*finding.rows[0], show_edge=False)
    for row in finding.rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    if finding.count > len(finding.rows):
        table.caption = f"{len(finding.rows)} of {finding.count} shown"
    return table
