"""The benchmarks: what the system carries, measured on its real parts beside a yardstick of the same run."""

from vendomat.bench.command import bench_app
from vendomat.bench.figures import PaidVendReport, report_json
from vendomat.bench.paid_vend import PaidVendPlan, run_paid_vend
from vendomat.bench.terminal_start import TerminalStartReport, run_terminal_start

__all__ = [
    "PaidVendPlan",
    "PaidVendReport",
    "TerminalStartReport",
    "bench_app",
    "report_json",
    "run_paid_vend",
    "run_terminal_start",
]
