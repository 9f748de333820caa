"""A town: real engines, a real cloud, real terminals and emulated payment platforms, each a process of its own."""

from vendomat.simulator.town.chaos import Chaos, Strike
from vendomat.simulator.town.demo import run_demo
from vendomat.simulator.town.processes import Child, free_port
from vendomat.simulator.town.sales_run import (
    Judge,
    LeftBehind,
    SalesPlan,
    SalesReport,
    Say,
    Verdict,
    report_json,
    report_lines,
    run_sales,
)
from vendomat.simulator.town.town import Town, TownMachine, TownPlan

__all__ = [
    "Chaos",
    "Child",
    "Judge",
    "LeftBehind",
    "SalesPlan",
    "SalesReport",
    "Say",
    "Strike",
    "Town",
    "TownMachine",
    "TownPlan",
    "Verdict",
    "free_port",
    "report_json",
    "report_lines",
    "run_demo",
    "run_sales",
]
