"""The benchmarks: what the system carries, measured on its real parts beside a yardstick of the same run."""

from vendomat.bench.command import bench_app
from vendomat.bench.figures import PaidVendReport, report_json
from vendomat.bench.paid_vend import PaidVendPlan, run_paid_vend

__all__ = ["PaidVendPlan", "PaidVendReport", "bench_app", "report_json", "run_paid_vend"]
