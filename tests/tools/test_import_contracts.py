"""The import contracts, tried on a small tree: whole they are kept, and one planted breach of each kind is seen."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Plant = Callable[[dict[str, str]], Path]

PACKAGES = (
    "cli bench audit simulator terminal terminal/loop terminal/sale terminal/stock terminal/link terminal/journal "
    "cloud cloud/sales cloud/orders cloud/payments cloud/stock cloud/platform pricing protocol wire kernel"
)
MODULES = {
    "kernel/clock.py": "import asyncio\n",
    "kernel/heeding.py": "import asyncio\n",
    "kernel/money.py": "",
    "protocol/messages.py": "from vendomat.kernel import money\n",
    "cloud/platform/database.py": "import asyncpg\n",
    "cloud/orders/model.py": "from vendomat.kernel import money\n",
    "cloud/orders/store.py": "from vendomat.cloud.platform import database\n",
    "cloud/sales/model.py": "from vendomat.cloud.orders import store_free_value\n",
    "cloud/sales/service.py": "from vendomat.cloud.orders import store\n",
    "terminal/link/wire.py": "import base64\n",
    "terminal/__main__.py": "import vendomat.terminal.loop\n",
}

PLANTED = {
    "a part looks up": ("The parts look down", {"kernel/money.py": "from vendomat.cloud.orders import model\n"}),
    "terminal knows cloud": ("The parts look down", {"terminal/loop/machine.py": "import vendomat.cloud.orders\n"}),
    "a part is not placed": ("The parts look down", {"gadgets/__init__.py": ""}),
    "a feature looks up": ("The cloud's features", {"cloud/stock/store.py": "from vendomat.cloud import sales\n"}),
    "brothers know each other": (
        "The cloud's features",
        {"cloud/orders/api.py": "from vendomat.cloud import payments\n"},
    ),
    "a feature is not placed": ("The cloud's features", {"cloud/gadgets/__init__.py": ""}),
    "the terminal looks up": ("The terminal's features", {"terminal/sale/terms.py": "import vendomat.terminal.loop\n"}),
    "the terminal's start is used": (
        "The terminal's features",
        {"terminal/loop/x.py": "import vendomat.terminal.__main__\n"},
    ),
    "terminal brothers": ("The terminal's features", {"terminal/stock/model.py": "import vendomat.terminal.link\n"}),
    "kernel does I/O": ("Kernel, protocol and pricing", {"kernel/money.py": "import socket\n"}),
    "protocol does I/O": ("Kernel, protocol and pricing", {"protocol/envelope.py": "from pathlib import Path\n"}),
    "a model does I/O": ("A model and a wire format", {"cloud/orders/model.py": "import asyncpg\n"}),
    "a wire does I/O": ("A model and a wire format", {"terminal/link/wire.py": "import ssl\n"}),
    "a model stores": (
        "A model and a wire format",
        {"cloud/sales/model.py": "from vendomat.cloud.orders import store\n"},
    ),
    "the audit trusts": ("The audit shares no code", {"audit/books.py": "from vendomat.cloud.orders import model\n"}),
    "siblings in a circle": (
        "No cycles between siblings",
        {
            "terminal/sale/basket.py": "import vendomat.terminal.sale.views\n",
            "terminal/sale/views.py": "import vendomat.terminal.sale.basket\n",
        },
    ),
}


def tree(changes: dict[str, str]) -> dict[str, str]:
    """A small Vendomat, with `changes` (paths inside the package) laid over it."""
    files = {f"{folder}/__init__.py": "" for folder in PACKAGES.split()} | {"__init__.py": ""} | MODULES | changes
    return {f"src/vendomat/{path}": text for path, text in files.items()}


def lint(root: Path, repository: Path) -> subprocess.CompletedProcess[str]:
    """Runs import-linter with the repository's contracts on the tree at `root`."""
    shutil.copy(repository / ".importlinter", root)
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "COLUMNS": "200"}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_a_tree_that_keeps_the_rule_passes(plant: Plant, repository: Path) -> None:
    done = lint(plant(tree({})), repository)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("case", PLANTED)
def test_a_planted_breach_is_seen(plant: Plant, repository: Path, case: str) -> None:
    contract, changes = PLANTED[case]
    done = lint(plant(tree(changes)), repository)
    broken = re.findall(r"^(.*) BROKEN", done.stdout, flags=re.MULTILINE)
    assert done.returncode == 1, done.stdout + done.stderr
    assert any(name.startswith(contract) for name in broken), done.stdout
