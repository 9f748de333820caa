"""A machine that comes back after a month offline. F50.

20,000 facts stand for the million; what a million cost is in docs/reliability.md.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec

from tests.terminal.bench import Bench
from vendomat.kernel import derive_id
from vendomat.protocol import FactKind, VendFact
from vendomat.terminal.journal import Journal

FACTS = 20_000
EPOCHS = 4
ROUND_TRIP_S = 0.01


def fill(bench: Bench) -> None:
    """Facts of earlier runs, as many in each, none of them acknowledged."""
    for _ in range(EPOCHS):
        journal = bench.open_journal()
        with journal.batch():
            for number in range(FACTS // EPOCHS):
                append(journal, number)
        journal.forget_starts()
        journal.close()


def append(journal: Journal, number: int) -> None:
    cmd_id = derive_id("cmd", journal.epoch, number)
    body = VendFact(cmd_id=cmd_id, order_id=derive_id("ord", cmd_id), unit=1, slot="A1", reason="fenced")
    at = "2026-01-01T00:00:00+00:00"
    journal.append(FactKind.FENCED, msgspec.json.encode(body), at, is_time_trusted=False)


async def test_f50_a_month_of_facts_is_uploaded_in_order_while_a_sale_goes_on(tmp_path: Path) -> None:
    """All are accepted in the order of their origin, duplicates harm nothing, and a sale does not wait for them."""
    bench = Bench(tmp_path)
    fill(bench)
    await bench.start(delay_s=ROUND_TRIP_S)
    order_id = await bench.order("A1")
    assert bench.terminal.machine.facts_waiting > FACTS // 2, "the upload was over before the sale began"
    bench.cloud.pay(order_id)
    await bench.until_screen("result")
    shown_at = time.monotonic()
    await bench.until(lambda: bench.cloud.orders[order_id].outcomes == ["delivered"])
    lag_s, waiting = time.monotonic() - shown_at, bench.terminal.machine.facts_waiting
    assert waiting > FACTS // 4, "the upload was over before the cloud knew: nothing was tried"
    assert lag_s < 10.0
    bench.wire.is_deaf = True
    count = len(bench.cloud.arrivals)
    await bench.until(lambda: len(bench.cloud.arrivals) > count)
    await asyncio.sleep(0.1)  # the replies to what came are lost: it comes again
    bench.wire.is_deaf = False
    await bench.until(lambda: bench.terminal.machine.facts_waiting == 0, 60.0)
    first = {}
    for number, fact in enumerate(bench.cloud.arrivals):
        first.setdefault((fact.epoch, fact.seq), number)
    old = [origin for origin in first if origin[0] <= EPOCHS]
    assert len(old) == FACTS and old == sorted(old) and bench.cloud.conflicts == []
    assert {fact.digest() for fact in bench.cloud.arrivals} == {fact.digest() for fact in bench.cloud.facts.values()}
    assert len(bench.cloud.arrivals) > len(bench.cloud.facts) and len(bench.starts) == 1
    await bench.stop()
