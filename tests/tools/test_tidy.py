"""Each house rule is planted once and must be seen; a clean tree and the allowed ways must stay silent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tidy import check_tree, main

Plant = Callable[[dict[str, str]], Path]

CLEAN = {
    "src/vendomat/__init__.py": '"""All."""\n',
    "src/vendomat/cloud/__init__.py": '"""The back end."""\n',
    "src/vendomat/cloud/orders/__init__.py": (
        '"""Orders."""\n\nfrom vendomat.cloud.orders import store\n\n__all__ = ["store"]\n'
    ),
    "src/vendomat/cloud/orders/model.py": '"""The model."""\n\nprice_fen = 350\ntimeout_s = 0.5\n',
    "src/vendomat/cloud/orders/store.py": '"""The store."""\n\nimport time\nfrom vendomat.cloud.orders import model\n',
    "src/vendomat/cloud/platform/__init__.py": '"""The floor."""\n',
    "src/vendomat/cloud/platform/database.py": '"""The database."""\n',
    "src/vendomat/cloud/platform/migrations/__init__.py": '"""Migrations."""\n',
    "src/vendomat/cloud/platform/migrations/versions/__init__.py": '"""Versions."""\n',
    "src/vendomat/cloud/platform/migrations/versions/0001_first.py": '"""The first."""\n',
    "src/vendomat/cloud/sales/__init__.py": '"""Sales."""\n',
    "src/vendomat/cloud/sales/service.py": (
        '"""Sells."""\n\nfrom vendomat.cloud.orders import store\nfrom vendomat.cloud.platform.database import x\n'
    ),
    "README.md": "See docs/work/notes.md and https://example.org/home/somebody/page.\n",
}

MODEL = "src/vendomat/cloud/orders/model.py"
SERVICE = "src/vendomat/cloud/sales/service.py"
LONG_FILE = "\n".join(f"name_{n} = {n}" for n in range(401)) + "\n"
LONG_FUNCTION = "def long() -> None:\n" + "    print()\n" * 60

PLANTED = [
    ("size", MODEL, '"""A model."""\n' + LONG_FILE),
    ("size", MODEL, '"""A model."""\n\n\n' + LONG_FUNCTION),
    ("size", "tests/test_orders.py", '"""Tests."""\n' + LONG_FILE),
    ("size", "web/apps/shop/App.svelte", "<p>line</p>\n" * 401),
    ("docstring", MODEL, "price_fen = 350\n"),
    ("docstring", MODEL, ""),
    ("door", SERVICE, '"""Sells."""\n\nfrom vendomat.cloud.orders.model import price_fen\n'),
    ("door", SERVICE, '"""Sells."""\n\nfrom vendomat.cloud.orders import model\n'),
    ("door", SERVICE, '"""Sells."""\n\nimport vendomat.cloud.orders.store\n'),
    ("door", SERVICE, '"""Sells."""\n\nfrom ..orders.model import price_fen\n'),
    ("door", SERVICE, '"""Sells."""\n\n\ndef sell() -> None:\n    from vendomat.cloud.orders.model import price_fen\n'),
    ("pure", MODEL, '"""A model."""\n\nfrom datetime import datetime\n\nnow = datetime.now()\n'),
    ("pure", MODEL, '"""A model."""\n\nimport datetime\n\nnow = datetime.datetime.utcnow()\n'),
    ("pure", MODEL, '"""A model."""\n\nimport time\n'),
    ("pure", MODEL, '"""A model."""\n\nfrom random import choice\n'),
    ("pure", MODEL, '"""A model."""\n\nfrom uuid import uuid4\n'),
    ("pure", MODEL, '"""A model."""\n\nimport uuid\n\nname = uuid.uuid4()\n'),
    ("pure", MODEL, '"""A model."""\n\nimport os\n\nseed = os.urandom(8)\n'),
    ("pure", "src/vendomat/cloud/sales/wire.py", '"""Bytes."""\n\nimport secrets\n'),
    ("pure", "src/vendomat/cloud/sales/use_cases.py", '"""Cases."""\n\nimport time\n'),
    ("pure", "src/vendomat/cloud/sales/refund_steps.py", '"""Steps."""\n\nimport asyncpg\n'),
    ("pure", "src/vendomat/cloud/sales/lease_model.py", '"""A model."""\n\nfrom asyncio import sleep\n'),
    ("money", MODEL, '"""A model."""\n\nprice_fen = 3.5\n'),
    ("money", MODEL, '"""A model."""\n\nprice_fen: float = 3\n'),
    ("money", MODEL, '"""A model."""\n\n\ndef pay(amount: float) -> None: ...\n'),
    ("money", MODEL, '"""A model."""\n\nshown = float(order.amount)\n'),
    ("money", MODEL, '"""A model."""\n\nyuan = total_minor / 100\n'),
    ("money", MODEL, '"""A model."""\n\ntotal = total_minor * 0.9\n'),
    ("money", MODEL, '"""A model."""\n\nis_dear = order.price_fen > 9.9\n'),
    ("money", MODEL, '"""A model."""\n\norder = build(price_fen=3.5)\n'),
    ("locator", "tests/browser/test_page.py", 'found = page.get_by_text("Returned")\n'),
    ("name", "src/vendomat/cloud/sales/price_utils.py", '"""Prices."""\n'),
    ("name", "web/apps/shop/src/orderHandler.ts", "export {};\n"),
    ("name", "tests/helpers/prices.py", '"""Prices."""\n'),
    ("package", "src/vendomat/cloud/codes/model.py", '"""Codes."""\n'),
    ("number", "src/vendomat/cloud/platform/migrations/versions/0001_other.py", '"""Another."""\n'),
    ("place", "docs/notes.md", "Look into " + "/" + "work/main/docs.\n"),
    ("place", "docs/notes.md", "Look into " + "/" + "home/somebody/docs.\n"),
    ("place", "Makefile", "install:\n\tpip install --index-url https://" + "pypi" + ".org/simple x\n"),
    ("place", "web/package-lock.json", '{"resolved": "https://registry.' + 'npmjs.org/svelte"}\n'),
]

ALLOWED = [
    ("src/vendomat/cloud/platform/migrations/versions/0002_next.py", '"""The next."""\n'),
    (MODEL, '"""A model.\n\nLonger because the table of moves is one thing.\n"""\n' + LONG_FILE),
    (MODEL, '"""A model."""\n\nTABLE = {\n' + "".join(f"    {n}: {n},\n" for n in range(500)) + "}\n"),
    ("web/apps/shop/App.svelte", "<!-- Longer because it is one picture. -->\n" + "<p>line</p>\n" * 401),
    ("web/apps/shop/picture.png", "\n" * 500),
    (MODEL, '"""A model."""\n\nfrom datetime import datetime\n\n\ndef is_late(now: datetime) -> bool: ...\n'),
    (MODEL, '"""A model."""\n\nfrom uuid import UUID, uuid5\n'),
    (SERVICE, '"""Sells."""\n\nimport time\nfrom datetime import datetime\n\nbegan = datetime.now()\n'),
    (SERVICE, '"""Sells."""\n\nfrom vendomat.cloud.sales.inner import x\n'),
    (SERVICE, '"""Sells."""\n\nfrom .inner import x\n'),
    (MODEL, '"""A model."""\n\nhalf_fen = total_minor // 2\norder = build(price_fen=350, timeout_s=0.5)\n'),
    ("tests/test_orders.py", '"""Tests."""\n\nfrom vendomat.cloud.orders.model import price_fen\n'),
]


def test_a_clean_tree_has_no_findings(plant: Plant) -> None:
    assert check_tree(plant(CLEAN)) == []


@pytest.mark.parametrize(("rule", "path", "text"), PLANTED, ids=[f"{rule}-{n}" for n, (rule, *_) in enumerate(PLANTED)])
def test_a_planted_breach_is_seen(plant: Plant, rule: str, path: str, text: str) -> None:
    plant(CLEAN)
    findings = check_tree(plant({path: text}))
    assert {finding.rule for finding in findings} == {rule}
    assert all(path.startswith(finding.path) for finding in findings)


@pytest.mark.parametrize(("path", "text"), ALLOWED)
def test_what_is_allowed_stays_silent(plant: Plant, path: str, text: str) -> None:
    plant(CLEAN)
    assert check_tree(plant({path: text})) == []


def test_a_finding_names_rule_place_and_remedy(plant: Plant, capsys: pytest.CaptureFixture[str]) -> None:
    plant(CLEAN)
    assert main([str(plant({MODEL: '"""A model."""\n\n\nimport time\n'}))]) == 1
    said = capsys.readouterr().out
    assert f"{MODEL}:4: [pure] a deciding file imports time. Mend: take it as an argument" in said
    assert "tidy: 1 findings" in said


def test_the_command_is_content_with_a_clean_tree(plant: Plant, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(plant(CLEAN))]) == 0
    assert capsys.readouterr().out == "tidy: ok\n"


def test_the_kernel_may_tell_the_time_in_one_place_only(plant: Plant) -> None:
    kernel = {
        "src/vendomat/kernel/__init__.py": '"""K."""\n',
        "src/vendomat/kernel/clock.py": '"""C."""\nimport time\n',
    }
    plant(CLEAN)
    assert check_tree(plant(kernel)) == []
    findings = check_tree(plant({"src/vendomat/kernel/money.py": '"""M."""\nimport time\n'}))
    assert [(finding.rule, finding.path) for finding in findings] == [("pure", "src/vendomat/kernel/money.py")]
