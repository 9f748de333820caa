"""`vendomat bench …`: the benchmarks as commands. Parses, runs, prints; progress goes to standard error."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec
import typer

from vendomat.bench.console import ConsolePlan, console_json, console_table, run_console
from vendomat.bench.figures import report_json
from vendomat.bench.monthly_report import MonthlyReportPlan, monthly_report_json, run_monthly_report
from vendomat.bench.notice_latency import LatencyPlan, notice_json, run_notice
from vendomat.bench.paid_vend import PaidVendPlan, run_paid_vend
from vendomat.bench.reconcile import ReconcilePlan, reconcile_json, run_reconcile
from vendomat.bench.recovery import RecoveryPlan, recovery_json, run_recovery
from vendomat.bench.terminal_start import run_terminal_start

bench_app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@bench_app.callback()
def bench() -> None:
    """Measure the system on its real parts, beside a yardstick of the same run."""


@bench_app.command()
def paid_vend(
    *,
    seconds: Annotated[float, typer.Option(min=1, help="Measured time of each run, after its warm-up.")] = 15.0,
    rounds: Annotated[int, typer.Option(min=1, help="Each: pgbench, with the platform, pgbench, without it.")] = 5,
    terminals: Annotated[int, typer.Option(min=1, max=128, help="Machines, and clients of pgbench.")] = 64,
    workers: Annotated[int, typer.Option(min=1, max=8, help="Workers of the cloud.")] = 1,
    keep: Annotated[Path | None, typer.Option(help="Empty folder for logs and the pgbench script; kept.")] = None,
) -> None:
    """Paid vends a second, with and without the platform's call, against pgbench with the same SQL; one JSON object."""
    folder = _folder_for(keep)
    plan = PaidVendPlan(folder, seconds=seconds, rounds=rounds, terminals=terminals, workers=workers)
    report = asyncio.run(run_paid_vend(plan, lambda text: typer.echo(text, err=True)))
    typer.echo(report_json(report))
    _end(folder, keep, is_good=report.is_good)


@bench_app.command()
def notice(
    *,
    seconds: Annotated[float, typer.Option(min=1, help="Measured time of each run, after its warm-up.")] = 20.0,
    rounds: Annotated[int, typer.Option(min=1, help="Each: the most that can be sold, half of it, the wire.")] = 3,
    open_payments: Annotated[int, typer.Option(min=1, help="That wait at once when notices are lost.")] = 500,
    keep: Annotated[Path | None, typer.Option(help="Empty folder for logs; kept.")] = None,
) -> None:
    """From a paid notice to the command at the machine, at half load; and with all notices lost. One JSON object."""
    folder = _folder_for(keep)
    plan = LatencyPlan(folder, seconds=seconds, rounds=rounds, open_payments=open_payments)
    report = asyncio.run(run_notice(plan, lambda text: typer.echo(text, err=True)))
    typer.echo(notice_json(report))
    _end(folder, keep, is_good=report.is_good)


@bench_app.command()
def recovery(
    *,
    orders: Annotated[int, typer.Option(min=4, help="Orders in flight when the cloud is killed.")] = 10_000,
    rounds: Annotated[int, typer.Option(min=1)] = 1,
    latency_s: Annotated[float, typer.Option(min=0.0, help="Of each call to the platform.")] = 0.02,
    at_once: Annotated[int, typer.Option(min=1, help="Calls the platform takes side by side.")] = 16,
    keep: Annotated[Path | None, typer.Option(help="Empty folder for logs; kept.")] = None,
) -> None:
    """Seconds until a killed cloud has settled all that was in flight, against its database and platform alone."""
    folder = _folder_for(keep)
    plan = RecoveryPlan(folder, orders=orders, latency_s=latency_s, at_once=at_once, rounds=rounds)
    report = asyncio.run(run_recovery(plan, lambda text: typer.echo(text, err=True)))
    typer.echo(recovery_json(report))
    _end(folder, keep, is_good=report.is_good)


@bench_app.command()
def reconcile(
    *,
    rows: Annotated[int, typer.Option(min=1_000, help="Rows of the bill, refunds among them.")] = 1_000_000,
    keep: Annotated[Path | None, typer.Option(help="Empty folder for the bill; kept.")] = None,
) -> None:
    """Seconds to reconcile a day with its bill, against a plain COPY of the same file; one JSON object."""
    folder = _folder_for(keep)
    report = asyncio.run(run_reconcile(ReconcilePlan(folder, rows=rows), lambda text: typer.echo(text, err=True)))
    typer.echo(reconcile_json(report))
    _end(folder, keep, is_good=report.is_good)


@bench_app.command()
def monthly_report(
    *,
    sales: Annotated[int, typer.Option(min=1_000, help="Sales of the year, spread evenly.")] = 1_000_000,
    months: Annotated[int, typer.Option(min=1, max=12, help="Months that are reported and compared.")] = 3,
    keep: Annotated[Path | None, typer.Option(help="Empty folder for the server; kept.")] = None,
) -> None:
    """Milliseconds of a month's report from the sums, against the same report from all rows; one JSON object."""
    folder = _folder_for(keep)
    plan = MonthlyReportPlan(folder, sales=sales, months=months)
    result = asyncio.run(run_monthly_report(plan, lambda text: typer.echo(text, err=True)))
    typer.echo(monthly_report_json(result))
    _end(folder, keep, is_good=result.is_good)


@bench_app.command()
def console(
    *,
    machines: Annotated[int, typer.Option(min=12, help="Machines of one merchant.")] = 5_000,
    sales: Annotated[int, typer.Option(min=10_000, help="Sales of the last 365 days.")] = 1_000_000,
    rounds: Annotated[int, typer.Option(min=1, help="How often each request is asked.")] = 20,
    limit_ms: Annotated[float, typer.Option(min=1, help="What is longer at its 95th percentile is marked.")] = 300.0,
    file_limit_ms: Annotated[float, typer.Option(min=1, help="The same for files.")] = 3_000.0,
    keep: Annotated[Path | None, typer.Option(help="Empty folder for the cloud's data and logs; kept.")] = None,
) -> None:
    """Milliseconds of every request that the console's pages make, with a large merchant; one JSON object."""
    folder = _folder_for(keep)
    plan = ConsolePlan(
        folder, machines=machines, sales=sales, rounds=rounds, limit_ms=limit_ms, file_limit_ms=file_limit_ms
    )
    report = asyncio.run(run_console(plan, lambda text: typer.echo(text, err=True)))
    typer.echo(console_table(report), err=True)
    typer.echo(console_json(report))
    _end(folder, keep, is_good=report.is_good)


@bench_app.command()
def terminal_start(
    *,
    facts: Annotated[int, typer.Option(min=1, help="Facts that wait in the large journal.")] = 1_000_000,
    small: Annotated[int, typer.Option(min=1, help="Facts that wait in the small one.")] = 1_000,
    rounds: Annotated[int, typer.Option(min=1, help="Each: the yardstick, and one start on each journal.")] = 5,
) -> None:
    """A terminal's cold start with a long and a short memory, against a Python that only imports; one JSON object."""
    folder = _folder_for(None)
    report = run_terminal_start(
        folder, large=facts, small=small, rounds=rounds, say=lambda text: typer.echo(text, err=True)
    )
    typer.echo(msgspec.json.format(msgspec.json.encode(report)).decode())
    _end(folder, None, is_good=True)


def _folder_for(keep: Path | None) -> Path:
    """A new one where none is kept. The database's account may pass through it, so that nothing of the run lies
    elsewhere."""
    if keep is not None:
        return keep
    folder = Path(tempfile.mkdtemp(prefix="vendomat-bench-"))
    folder.chmod(0o711)
    return folder


def _end(folder: Path, keep: Path | None, *, is_good: bool) -> NoReturn:
    """What was no good can be looked at; the rest goes, if it is not kept."""
    if keep is None and is_good:
        shutil.rmtree(folder)
    raise typer.Exit(0 if is_good else 1)
