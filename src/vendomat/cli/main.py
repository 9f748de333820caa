"""Sub-commands of `vendomat`. Parses and delegates; decides nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import structlog
import typer

app = typer.Typer(no_args_is_help=True, add_completion=True, rich_markup_mode="rich", pretty_exceptions_enable=False)

ELSEWHERE = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""For a command that is defined with its options in its own part, and imported only when it is called."""

DataDir = Annotated[
    Path, typer.Option("--data", resolve_path=True, help="Folder that keeps everything this program must remember.")
]


@app.command()
def cloud(
    data: DataDir = Path(".vendomat/cloud"),
    http_port: Annotated[int, typer.Option(help="Console, API and payment notices.")] = 8080,
    https_port: Annotated[int, typer.Option(help="Enrolment and pictures, for machines.")] = 8443,
) -> None:
    """Run the cloud: one worker, with its own PostgreSQL and NATS unless DATABASE_URL and NATS_URL are given."""
    from vendomat.kernel import lasting

    with lasting():
        from vendomat.cloud.app import run_cloud
        from vendomat.cloud.platform.settings import CloudSettings

    try:
        settings = CloudSettings(data_dir=data, http_port=http_port, https_port=https_port)
    except ValueError as error:
        raise typer.BadParameter(f"a setting from the environment is wrong: {error}") from error
    for one in settings.missing():
        typer.echo(one, err=True)
    run_cloud(settings)


@app.command()
def terminal(
    data: Annotated[Path, typer.Option("--data", resolve_path=True, help="Folder with terminal.json.")],
) -> None:
    """Run the program of one machine."""
    from vendomat.kernel import lasting

    with lasting():
        from vendomat.terminal.app import main as run_terminal

    raise typer.Exit(run_terminal(data))


@app.command()
def enrol(
    data: Annotated[Path, typer.Option("--data", resolve_path=True, help="The machine's folder.")],
    link: Annotated[str, typer.Argument(help="What the console shows for a machine. Left out, it is asked for.")] = "",
) -> None:
    """Make a folder the folder of one machine: whom it trusts, and the token it enrols with when it starts."""
    from vendomat.kernel import VendomatError
    from vendomat.terminal.app import join

    try:
        settings = join(data, link or typer.prompt("scan the machine's enrolment code, or paste its link"))
    except VendomatError as error:
        raise typer.BadParameter(error.message) from error
    typer.echo(f"ready to enrol at {settings.cloud_https_url}; start it with: vendomat terminal --data {data}")


@app.command()
def migrate() -> None:
    """Bring the database of DATABASE_URL to the newest schema; safe to repeat."""
    import asyncio

    from vendomat.cloud.platform.database import migrate as run_migrations
    from vendomat.cloud.platform.settings import CloudSettings

    settings = CloudSettings()
    if not settings.database_url:
        raise typer.BadParameter("DATABASE_URL is not set; `vendomat cloud` migrates its own database by itself")
    asyncio.run(run_migrations(settings.database_url))


@app.command("rotate-key")
def rotate_key(
    data: DataDir = Path(".vendomat/cloud"),
    wait: Annotated[float, typer.Option(help="Seconds to wait for machines that do not have the next key.")] = 900.0,
    at_once: Annotated[bool, typer.Option("--at-once", help="Somebody else has the key: wait for nobody.")] = False,
) -> None:
    """Change the key that signs the cloud's commands, while it runs; safe to repeat. Exit 3: machines are missing."""
    import asyncio

    from vendomat.cloud.app import rotate_key as rotate
    from vendomat.cloud.platform.settings import CloudSettings
    from vendomat.kernel import SystemClock, VendomatError

    settings = CloudSettings(data_dir=data)
    try:
        is_done = asyncio.run(rotate(settings, SystemClock(), typer.echo, wait_s=wait, at_once=at_once))
    except VendomatError as error:
        raise typer.BadParameter(error.message) from error
    if not is_done:
        typer.echo("nothing was switched; run this again later, or with --at-once")
        raise typer.Exit(3)


@app.command()
def demo(
    data: DataDir = Path(".vendomat/demo"),
    machines: Annotated[int | None, typer.Option(min=1, max=200, help="3, or 20 when --sales is given.")] = None,
    port: Annotated[int, typer.Option(help="Port of the console.")] = 8080,
    sales: Annotated[int, typer.Option(help="Sell this often head-less, audit, and end.")] = 0,
    seed: Annotated[int, typer.Option(help="With --sales: who buys what with which luck.")] = 1,
    chaos: Annotated[bool, typer.Option("--chaos", help="With --sales: kill and freeze every part at random.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --sales: the report as JSON.")] = False,
) -> None:
    """Start a whole town: cloud, machines, payment platforms. With --sales N: sell N times, check the books, end."""
    import asyncio
    import signal

    from vendomat.simulator.town import SalesPlan, SalesReport, Say, report_json, report_lines, run_demo, run_sales

    if not sales:
        asyncio.run(run_demo(data, machines=machines or 3, console_port=port))
        return

    from vendomat.cli.judge import judge

    plan = SalesPlan(data.parent / f"sales-{seed}", sales, machines=machines or 20, seed=seed, is_chaotic=chaos)

    async def sell() -> SalesReport:
        ours = asyncio.current_task()
        assert ours is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ours.cancel)
        return await run_sales(plan, Say(), judge)

    report = asyncio.run(sell())
    typer.echo(report_json(report) if as_json else "\n".join(report_lines(report)))
    raise typer.Exit(0 if report.is_good else 1)


@app.command()
def simulate(
    seed: Annotated[int, typer.Option(min=0, help="The first world's seed; the others follow.")] = 1,
    worlds: Annotated[int, typer.Option(min=1, help="How many worlds.")] = 20,
    plant: Annotated[str, typer.Option(help="Plant this bug and stop when it is found; a wrong name lists them.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
    tell: Annotated[bool, typer.Option("--tell", help="Tell the one world of SEED line by line.")] = False,
    folder: Annotated[Path | None, typer.Option(help="Where the throw-away database lies; memory if possible.")] = None,
) -> None:
    """Run real terminals and the real cloud in simulated worlds with faults, from a seed; exit 1 on a violation."""
    from vendomat.cli.simulate import run_simulation

    raise typer.Exit(run_simulation(seed, worlds, bug=plant, as_json=as_json, is_told=tell, folder=folder))


class Emulated(StrEnum):
    WECHAT = "wechat"
    ALIPAY = "alipay"
    STRIPE = "stripe"
    OIDC = "oidc"


@app.command()
def emulate(
    platform: Annotated[Emulated, typer.Argument(help="The platform that --port is for; the others take any port.")],
    port: Annotated[int, typer.Option(help="0: any free one.")] = 0,
    control_port: Annotated[int, typer.Option(help="Where accounts are opened and faults ordered. 0: any.")] = 0,
    data: Annotated[Path | None, typer.Option(help="Folder of the books and keys; without it nothing is kept.")] = None,
    host: Annotated[str, typer.Option(help="The address to listen on, as 127.0.0.2.")] = "127.0.0.1",
    tls_port: Annotated[int, typer.Option(help="WeChat Pay over TLS, for calls with a client certificate.")] = 0,
    certificates: Annotated[bool, typer.Option(help="The account opened here signs with certificates.")] = False,
) -> None:
    """Run emulated payment platforms until told to end: prints their ports, an account's keys and what to do with them.

    No money is moved anywhere. `oidc` is an emulated identity provider, where anybody signs in as anybody."""
    if platform is Emulated.OIDC:
        from vendomat.simulator.oidc import main as run_provider

        run_provider(host, port)
        return
    from vendomat.simulator.gateways import main as run_gateways

    ports = [f"--{platform}-port", str(port), "--control-port", str(control_port)]
    ports += ["--wechat-tls-port", str(tls_port), "--host", host, "--guide", platform.value]
    run_gateways([*ports, *(["--data", str(data)] if data else []), *(["--certificates"] if certificates else [])])


@app.command(context_settings=ELSEWHERE)
def audit(context: typer.Context) -> None:
    """Recompute the invariants of money and motors from the evidence; exit 1 on any breach."""
    from vendomat.audit import audit_command

    _run_elsewhere(audit_command, context)


@app.command(context_settings=ELSEWHERE)
def bench(context: typer.Context) -> None:
    """Measure the system on its real parts, beside a yardstick of the same run."""
    from vendomat.bench import bench_app

    bench_app(context.args, prog_name=context.command_path)


@app.command(context_settings=ELSEWHERE)
def emvco(context: typer.Context) -> None:
    """Read or write the static payment code (EMVCo QR) of a machine's label: decode, encode."""
    from vendomat.cli.emvco import emvco_app

    emvco_app(context.args, prog_name=context.command_path)


def _run_elsewhere(command: Callable[..., None], context: typer.Context) -> None:
    there = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
    there.command()(command)
    there(context.args, prog_name=context.command_path)


def main() -> None:
    """The console script. Logs go to standard error (programs with a folder keep their own file there)."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    app()
