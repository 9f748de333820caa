"""`vendomat demo`: a small town to look at and play with, until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.status import Status
from rich.table import Table

from vendomat.simulator.town.past import DAYS
from vendomat.simulator.town.town import Town, TownPlan


async def run_demo(folder: Path, *, machines: int, console_port: int) -> None:
    """Start the town, print where everything is, and keep it up."""
    console = Console(highlight=False)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with Status("starting", console=console) as status:
        async with contextlib.AsyncExitStack() as stack:
            town = await stack.enter_async_context(
                Town.open(
                    TownPlan(folder, machines=machines, console_port=console_port, is_promoted=True, has_past=True),
                    lambda what: status.update(f"starting: {what}"),
                )
            )
            status.stop()
            console.print(_welcome(town))
            console.print(_mischief(town), markup=False, soft_wrap=True)
            await stop.wait()
            console.print("stopping …")


def _welcome(town: Town) -> Panel:
    places = Table.grid(padding=(0, 2))
    for machine in town.record.machines:
        places.add_row(f"machine {machine.number}", f"{town.kiosk_url(machine)}/")
    places.add_row("wallet, WeChat Pay", town.wallet_url("wechat"))
    places.add_row("wallet, Alipay", town.wallet_url("alipay"))
    if town.record.stripe_port:
        places.add_row("wallet, Stripe", town.wallet_url("stripe"))
    if town.record.coupon:
        places.add_row("coupon, to be typed at a kiosk", town.record.coupon)
    places.add_row("platforms' faults and clock", f"{town.control_url}/")
    places.add_row("console", town.console_url)
    places.add_row("  sign in as", f"{town.record.email}  /  {town.record.password}")
    if town.record.past_sales:
        places.add_row("sold before it began, made up", f"{town.record.past_sales:,} pieces in {DAYS} days, for cash")
    return Panel(places, title="Vendomat is selling", subtitle="Ctrl-C ends it; the next start goes on from here")


def _mischief(town: Town) -> str:
    """Commands to copy: a slot that will jam, a compressor that stops and runs again."""
    kiosk = town.kiosk_url(town.record.machines[0])
    fault = f"  curl {kiosk}/sim/fault -H 'Origin: {kiosk}' -H 'Content-Type: application/json' \\\n    -d '"
    return (
        "break something: the next sale from slot A1 jams\n"
        f"""{fault}{{"slot": "A1", "fault": "jam", "is_once": true}}'\n"""
        "break something: the cooling stops; too warm after 15 seconds, an alarm a minute later "
        '(it ends with "is_on": false)\n'
        f"""{fault}{{"slot": "*", "fault": "cooling", "is_on": true}}'"""
    )
