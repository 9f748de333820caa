"""The benchmarks: what the system carries, measured on its real parts beside a yardstick of the same run."""

from vendomat.bench.command import bench_app
from vendomat.bench.console import ConsolePlan, ConsoleReport, console_json, console_table, run_console
from vendomat.bench.figures import PaidVendReport, report_json
from vendomat.bench.monthly_report import (
    MonthlyReportPlan,
    MonthlyReportResult,
    monthly_report_json,
    run_monthly_report,
)
from vendomat.bench.notice_latency import LatencyPlan, NoticeReport, notice_json, run_notice
from vendomat.bench.paid_vend import PaidVendPlan, run_paid_vend
from vendomat.bench.reconcile import ReconcilePlan, ReconcileReport, reconcile_json, run_reconcile
from vendomat.bench.recovery import RecoveryPlan, RecoveryReport, recovery_json, run_recovery
from vendomat.bench.terminal_start import TerminalStartReport, run_terminal_start

__all__ = [
    "ConsolePlan",
    "ConsoleReport",
    "LatencyPlan",
    "MonthlyReportPlan",
    "MonthlyReportResult",
    "NoticeReport",
    "PaidVendPlan",
    "PaidVendReport",
    "ReconcilePlan",
    "ReconcileReport",
    "RecoveryPlan",
    "RecoveryReport",
    "TerminalStartReport",
    "bench_app",
    "console_json",
    "console_table",
    "monthly_report_json",
    "notice_json",
    "reconcile_json",
    "recovery_json",
    "report_json",
    "run_console",
    "run_monthly_report",
    "run_notice",
    "run_paid_vend",
    "run_reconcile",
    "run_recovery",
    "run_terminal_start",
]
