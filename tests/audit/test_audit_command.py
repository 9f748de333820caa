"""The command: exit status, JSON, tables, and what it says when it cannot read."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
import typer
from typer.testing import CliRunner, Result

from tests.audit.conftest import Estate
from tests.audit.estate import MACHINE
from vendomat.audit import audit_command, machine_files
from vendomat.kernel import VendomatError

pytestmark = pytest.mark.slow

APP = typer.Typer()
APP.command()(audit_command)


async def run(copy: Estate, *options: str) -> Result:
    books = [f"--books={name}={copy.folder / name}.json" for name in ("wechat", "alipay")]
    arguments = ["--database-url", copy.owner_url, "--machines", str(copy.folder.parent), *books, *options]
    return await asyncio.to_thread(CliRunner().invoke, APP, arguments, env={"COLUMNS": "200"})


def enrol(copy: Estate) -> None:
    (copy.folder / "enrolment.json").write_bytes(msgspec.json.encode({"machine_id": MACHINE, "epoch": 1}))


async def test_a_clean_estate_exits_0(copy: Estate) -> None:
    enrol(copy)
    result = await run(copy, "--at-rest")
    assert result.exit_code == 0, result.output
    assert "Clean" in result.output
    assert "not checked" not in result.output


async def test_a_breach_exits_1_and_shows_its_rows(copy: Estate) -> None:
    enrol(copy)
    await copy.plant("UPDATE stock_slot SET on_hand = on_hand - 1")
    result = await run(copy)
    assert result.exit_code == 1
    assert "I11.on_hand" in result.output
    assert MACHINE in result.output


async def test_json_carries_the_verdict_and_every_finding(copy: Estate) -> None:
    enrol(copy)
    await copy.plant("UPDATE stock_slot SET on_hand = on_hand - 1")
    result = await run(copy, "--json", "--at-rest")
    report = msgspec.json.decode(result.stdout)
    assert result.exit_code == 1
    assert (report["is_clean"], report["breaches"]) == (False, ["I11.on_hand"])
    kept = await copy.superuser.fetch("SELECT state, count(*) FROM sale_order GROUP BY state")
    assert report["figures"]["orders"] == {row[0]: row[1] for row in kept}
    found = next(finding for finding in report["findings"] if finding["name"] == "I11.on_hand")
    assert found["count"] == len(found["rows"]) == 1


@pytest.mark.parametrize(
    "option", ["--books=wechat=/nowhere", "--cabinet=mch_1=/nowhere", "--journal=mch_1=/nowhere", "--books=wechat"]
)
async def test_what_cannot_be_read_exits_2(copy: Estate, option: str) -> None:
    result = await run(copy, option)
    assert result.exit_code == 2
    assert "nothing was audited" in " ".join(result.stderr.split())


def test_a_machine_is_known_by_its_enrolment_or_its_folder(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "journal.db").touch()
    (tmp_path / "two" / "enrolment.json").write_text('{"machine_id": "mch_9"}')
    (tmp_path / "two" / "cabinet.jsonl").touch()
    cabinets, journals = machine_files(tmp_path)
    assert cabinets == {"mch_9": tmp_path / "two" / "cabinet.jsonl"}
    assert journals == {"one": tmp_path / "one" / "journal.db", "mch_9": tmp_path / "two" / "journal.db"}
    (tmp_path / "two" / "enrolment.json").write_text("{")
    with pytest.raises(VendomatError, match="nothing was audited"):
        machine_files(tmp_path)
