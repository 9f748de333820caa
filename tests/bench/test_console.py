"""A small estate on real engines: every request of every page is answered; and no question of the API is forgotten."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from vendomat.bench import ConsolePlan, ConsoleReport, console_json, console_table, run_console
from vendomat.bench.console import Waited
from vendomat.bench.console_requests import NOT_ASKED, REQUESTS

DOCUMENT = Path(__file__).parents[2] / "web" / "packages" / "api" / "openapi.json"


def test_every_question_of_a_person_is_asked_or_said_why_not() -> None:
    paths = [f"/api/v1/{request.partition('?')[0]}" for _, request in REQUESTS]
    forgotten = set()
    for path, methods in msgspec.json.decode(DOCUMENT.read_bytes())["paths"].items():
        if methods.get("get", {}).get("security") != [{"session": []}]:
            continue
        form = re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))
        if not any(form.fullmatch(asked) for asked in paths):
            forgotten.add(methods["get"]["operationId"])
    assert forgotten == set(NOT_ASKED)


def test_what_is_slow_or_refused_is_marked_and_no_good_run() -> None:
    quick = Waited("today", "attention", False, 10.0, 299.9, 1.0, 200)
    slow, refused = (
        Waited("sales", "figures", False, 10.0, 300.1, 1.0, 200),
        Waited("sites", "sites", False, 1.0, 1.0, 1.0, 404),
    )

    def of(*waited: Waited) -> ConsoleReport:
        return ConsoleReport(12, 1, 1, 300.0, 900.0, 1.0, 1.0, 1, list(waited))

    assert of(quick).is_good and not of().is_good
    assert not of(quick, slow).is_good and "! sales: figures" in console_table(of(quick, slow))
    file, late_file = replace(slow, is_file=True), replace(slow, is_file=True, p95_ms=900.1)
    assert of(file).is_good and "f sales: figures" in console_table(of(file))
    assert not of(late_file).is_good and "! sales: figures" in console_table(of(late_file))
    assert not of(quick, refused).is_good and "sites: sites  (404)" in console_table(of(quick, refused))


@pytest.mark.slow
async def test_a_small_estate_answers_every_request(tmp_path: Path) -> None:
    plan = ConsolePlan(tmp_path / "bench", machines=24, sales=10_000, rounds=1, limit_ms=60_000)
    report = await run_console(plan)
    said = msgspec.json.decode(console_json(report))
    assert [one.request for one in report.requests if one.status != 200] == []
    assert said["is_good"] and len(said["requests"]) == len(REQUESTS)
