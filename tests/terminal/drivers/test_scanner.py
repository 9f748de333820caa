"""The scanner's line, and the terminal behind it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.terminal.bench import Bench
from vendomat.terminal.drivers import SimulatedScanner, coupon_of, payment_code_of

CODE = "134567890123456789"


@pytest.mark.parametrize("line", [CODE, f"{CODE}\r\n", f" {CODE}\n", "2" * 16, "2" * 24])
def test_whole_codes(line: str) -> None:
    assert payment_code_of(line) == line.strip()


@pytest.mark.parametrize(
    "line",
    ["", "1" * 15, "1" * 25, f"{CODE}{CODE}", "weixin://wxpay/x", "1234 5678 9012 3456", "１" * 18, "1" * 17 + "x"],
)
def test_everything_else_is_nothing(line: str) -> None:
    assert payment_code_of(line) == ""


@pytest.mark.parametrize("line", ["coupon:SUMMER10", "COUPON:summer10\r\n", " Coupon:Summer10 "])
def test_a_coupon_says_that_it_is_one(line: str) -> None:
    assert (coupon_of(line), payment_code_of(line)) == ("SUMMER10", "")


@pytest.mark.parametrize(
    "line",
    ["SUMMER10", "coupon:ABC", "coupon:" + "A" * 17, "coupon: SUMMER", "xcoupon:SUMMER", CODE, "6901234567892", ""],
)
def test_what_does_not_is_none(line: str) -> None:
    assert coupon_of(line) == ""


async def test_nobody_looks_before_the_start_and_after_the_stop() -> None:
    scanner, seen = SimulatedScanner(), []
    assert not scanner.show(CODE)
    await scanner.start(seen.append)
    assert scanner.show(CODE)
    await scanner.stop()
    assert not scanner.show(CODE)
    assert seen == [CODE]


async def test_a_code_held_there_is_handed_on_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.start()
    try:
        bench.scanner.show(CODE)  # nothing is chosen yet
        order_id = await bench.order("A1")
        assert bench.snapshot["sale"]["payment"]["takes_codes"] is True
        assert bench.snapshot["sale"]["payment"]["charge"] is None
        bench.scanner.show("half a co")
        for _ in range(5):
            bench.scanner.show(CODE)
        await bench.until(lambda: bench.snapshot["sale"]["payment"]["charge"]["state"] == "charging")
        assert bench.cloud.codes == [CODE]
        bench.cloud.orders[order_id].charge = ("closed", "code_expired")
        bench.cloud.orders[order_id].version += 1
        await bench.until(lambda: bench.snapshot["sale"]["payment"]["charge"]["reason"] == "code_expired")
        bench.scanner.show(CODE)  # the same one again: it was refused
        fresh = CODE[::-1]
        bench.scanner.show(fresh)
        await bench.until(lambda: len(bench.cloud.codes) == 2)
        assert bench.cloud.codes == [CODE, fresh]
        bench.cloud.pay(order_id)
        await bench.until_screen("result")
    finally:
        await bench.stop()
    kept = [file for file in tmp_path.rglob("*") if file.is_file() and CODE.encode() in file.read_bytes()]
    assert kept == []
