"""A town: real engines, a real cloud, real terminals and emulated payment platforms, each a process of its own."""

from vendomat.simulator.town.chaos import Chaos, Strike
from vendomat.simulator.town.demo import run_demo
from vendomat.simulator.town.processes import Child, free_port
from vendomat.simulator.town.rest import Judge, LeftBehind, Verdict, come_to_rest, connect, left_behind
from vendomat.simulator.town.sales_run import (
    HURRIED_CLOUD,
    HURRIED_PLATFORMS,
    SalesPlan,
    SalesReport,
    Say,
    report_json,
    report_lines,
    run_sales,
)
from vendomat.simulator.town.shopper import Shopper, Story
from vendomat.simulator.town.town import Programs, Town, TownMachine, TownPlan

__all__ = [
    "HURRIED_CLOUD",
    "HURRIED_PLATFORMS",
    "Chaos",
    "Child",
    "Judge",
    "LeftBehind",
    "Programs",
    "SalesPlan",
    "SalesReport",
    "Say",
    "Shopper",
    "Story",
    "Strike",
    "Town",
    "TownMachine",
    "TownPlan",
    "Verdict",
    "come_to_rest",
    "connect",
    "free_port",
    "left_behind",
    "report_json",
    "report_lines",
    "run_demo",
    "run_sales",
]
