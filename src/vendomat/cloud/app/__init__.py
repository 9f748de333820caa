"""The cloud put together: the program, HTTP applications, problems, the seed of a demo."""

from vendomat.cloud.app.http import MachineParts, PublicParts, build_machine_app, build_public_app
from vendomat.cloud.app.main import run_cloud
from vendomat.cloud.app.parts import MakeWriter, SalesGround, SalesParts, build_sales
from vendomat.cloud.app.rotation import Rotation, rotate_key
from vendomat.cloud.app.seed import CURRENCY, Seeded, SeededMachine, SeedPlan, load_stock, seed_demo, seed_promotions

__all__ = [
    "CURRENCY",
    "MachineParts",
    "MakeWriter",
    "PublicParts",
    "Rotation",
    "SalesGround",
    "SalesParts",
    "SeedPlan",
    "Seeded",
    "SeededMachine",
    "build_machine_app",
    "build_public_app",
    "build_sales",
    "load_stock",
    "rotate_key",
    "run_cloud",
    "seed_demo",
    "seed_promotions",
]
