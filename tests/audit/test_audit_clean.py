"""An estate in order is found in order, with the right figures, whoever reads it."""

from __future__ import annotations

import dataclasses

import pytest

from tests.audit.conftest import Estate
from vendomat.audit import AuditSources, Source, Terms, Totals, run_audit
from vendomat.kernel import VendomatError

pytestmark = pytest.mark.slow


async def test_an_estate_in_order_has_no_breach_and_true_figures(copy: Estate) -> None:
    report = await copy.audit()
    assert [(f.name, f.rows) for f in report.breaches] == []
    assert not report.not_checked
    assert report.is_clean
    figures = report.figures
    assert figures.orders == {"expired": 2, "settled": 16}
    assert figures.unit_outcomes == {"delivered": 9, "not_delivered": 6, "unknown": 6}
    assert (figures.ambiguous, figures.ambiguous_later_delivered, figures.ambiguity_rate) == (6, 1, 6 / 21)
    assert (figures.motor_starts, figures.drops) == (20, 14)
    assert figures.totals == (Totals("CNY", 19 * 350 + 1000, 11 * 350, 10 * 350, 0, 0, 2 * 350, 3 * 350, 1000),)


async def test_the_owner_reads_as_much_as_a_superuser(copy: Estate) -> None:
    report = await run_audit(dataclasses.replace(copy.sources, database_url=copy.owner_url), Terms(is_at_rest=True))
    assert report.is_clean
    assert report.figures.orders == {"expired": 2, "settled": 16}


async def test_what_was_not_given_is_said_to_be_not_checked(copy: Estate) -> None:
    report = await run_audit(AuditSources(copy.superuser_url))
    assert report.is_clean
    missing = {source for finding in report.not_checked for source in finding.missing}
    assert missing == set(Source)


async def test_goods_that_the_cloud_declared_unknown_show_as_a_difference_of_stock(copy: Estate) -> None:
    report = await copy.audit()
    assert [(f.name, f.count) for f in report.notices] == [("I11.counted", 1)]
    assert report.notices[0].rows[0]["content"] == report.notices[0].rows[0]["on_hand"] - 2  # type: ignore[operator]


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/none", "not a url"])
async def test_a_database_that_cannot_be_read_stops_the_audit(url: str) -> None:
    with pytest.raises(VendomatError, match="nothing was audited"):
        await run_audit(AuditSources(url))


@pytest.mark.parametrize("name", ["cabinet.jsonl", "journal.db", "wechat.json"])
async def test_evidence_that_cannot_be_read_stops_the_audit(copy: Estate, name: str) -> None:
    (copy.folder / name).write_bytes(b"{nonsense\n" * 200)
    with pytest.raises(VendomatError, match="nothing was audited"):
        await copy.audit()


async def test_a_torn_last_line_of_a_cabinet_log_never_happened(copy: Estate) -> None:
    with (copy.folder / "cabinet.jsonl").open("ab") as log:
        log.write(b'{"what":"start","at":"2026-06-01T09:00:00+00:00","slot":"A1","cmd_id":"cmd_to')
    assert (await copy.audit()).is_clean


async def test_the_audit_writes_nothing(copy: Estate) -> None:
    before = {path.name: path.read_bytes() for path in copy.folder.iterdir()}
    await copy.audit()
    assert {path.name: path.read_bytes() for path in copy.folder.iterdir()} == before
    assert await copy.superuser.fetchval("SELECT count(*) FROM pg_class WHERE relname LIKE 'audit%'") == 0
