"""The screen's server over real HTTP: who may ask, what it answers, and the stream that never falls behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.terminal.bench import Bench
from tests.terminal.fake_cloud import COUPON_ID, GOOD_COUPON
from vendomat.pricing import Kind, Promotion
from vendomat.protocol import PromotionOffer
from vendomat.terminal.screen import ScreenServer, build_app
from vendomat.terminal.screen.snapshot import qr_svg_of

LINES = [{"slot": "A1", "quantity": 1, "price_minor": 350}]


class Page:
    """What a browser on the machine would do."""

    def __init__(self, bench: Bench, server: ScreenServer) -> None:
        self.bench = bench
        self.server = server
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=30)

    async def state(self) -> dict[str, Any]:
        answer: dict[str, Any] = (await self.http.get("/api/state")).json()
        return answer

    async def press(self, path: str, body: object, **headers: str) -> httpx.Response:
        return await self.http.post(path, json=body, headers=headers)


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    bench = Bench(tmp_path)
    await bench.start()
    server = ScreenServer()
    static = tmp_path / "static"
    static.mkdir()
    await server.start(build_app(bench.terminal, hosts=server.hosts, static=static))
    page = Page(bench, server)
    await bench.until(lambda: bool(bench.snapshot["products"]))
    yield page
    await page.http.aclose()
    bench.terminal.stream.close()
    await server.stop()
    await bench.stop()


async def test_the_snapshot_has_every_field_the_page_reads(page: Page) -> None:
    state = await page.state()
    assert set(state) == {
        *("revision", "build", "machine", "link", "screen", "out_of_order_reason", "products", "limits", "channels"),
        *("is_promoted", "price_round", "takes_coupons"),
        *("notice", "sale", "code_entry", "coupon", "idle_in_ms"),
    }
    assert set(state["machine"]) == {"id", "number", "name", "service_phone", "payee", "mm_px", "is_demo"}
    assert set(state["products"][0]) == {
        *("slot", "product_id", "name", "detail", "category", "price_minor", "currency", "image", "available", "state"),
        *("offer", "label"),
    }
    assert set(state["products"][0]["label"]) == {"allergens", "energy_kcal", "nutrition"}
    assert state["channels"][0] == {"channel": "wechat", "is_available": True}
    assert set(state["code_entry"]) == {"state", "reason", "locked_for_ms"}
    assert set(state["coupon"]) == {"id", "state", "reason", "locked_for_ms"}
    await page.press("/api/order", {"request_id": "r1", "lines": LINES, "channel": "wechat"})
    sale = (await page.bench.until_screen("paying"))["sale"]
    assert set(sale) == {
        *("order_id", "reference", "kind", "total_minor", "currency", "channel", "lines", "payment", "units"),
        *("refund", "hold", "receipt", "close_in_ms", "ways"),
    }
    assert set(sale["payment"]) == {
        *("state", "qr_svg", "wallet_url", "expires_in_ms", "expires_total_ms", "takes_codes", "charge"),
    }
    assert sale["payment"]["wallet_url"] == ""  # not a demo machine
    assert 110_000 < sale["payment"]["expires_in_ms"] <= 120_000


async def test_a_cart_is_priced_as_the_cloud_will_and_ordered_at_what_was_shown(page: Page) -> None:
    two = Promotion(promotion_id="prm_1", name="Two for one", kind=Kind.N_FOR_M, take=2, pay=1)
    offer = PromotionOffer(rule=msgspec.Raw(msgspec.json.encode(two)))
    machine = page.bench.terminal.machine
    assert machine.catalogue is not None
    machine.catalogue = msgspec.structs.replace(machine.catalogue, promotions=[offer], time_zone="UTC")
    state = await page.state()
    group = {"kind": "n_for_m", "name": "Two for one", "take": 2, "pay": 1, "value_minor": 0}
    assert (state["is_promoted"], state["products"][0]["offer"]) == (
        True,
        {"price_minor": 350, "until": "", "groups": [group]},
    )
    cart = [{"slot": "A1", "quantity": 1}, {"slot": "A2", "quantity": 1}]
    priced = (await page.press("/api/price", {"lines": cart})).json()
    off = [{"name": "Two for one", "off_minor": 350}]
    assert priced == {"list_minor": 700, "total_minor": 350, "coupon_minor": 0, "off": off, "ways": {}}
    assert (await page.press("/api/price", {"lines": [{"slot": "Z9", "quantity": 1}]})).status_code == 404
    await page.press("/api/order", {"request_id": "r1", "lines": LINES, "channel": "wechat", "shown_minor": 349})
    await page.bench.until_screen("paying")
    (order,) = page.bench.cloud.orders.values()
    assert order.shown_minor == 349


async def test_a_coupon_is_typed_counts_and_goes_with_the_order(page: Page) -> None:
    cloud, machine = page.bench.cloud, page.bench.terminal.machine
    assert machine.catalogue is not None and (await page.state())["takes_coupons"] is False
    machine.catalogue = msgspec.structs.replace(machine.catalogue, takes_coupons=True)
    assert (await page.state())["takes_coupons"] is True

    async def enter(code: str, state: str) -> None:
        assert (await page.press("/api/coupon", {"code": code})).status_code == 200
        await page.bench.until(lambda: page.bench.snapshot["coupon"]["state"] == state)

    await enter("WINTER", "refused")
    assert page.bench.snapshot["coupon"]["reason"] == "no such coupon"
    cart = {"lines": [{"slot": "A1", "quantity": 2}]}
    assert (await page.press("/api/price", cart)).json()["total_minor"] == 700
    await enter(GOOD_COUPON, "accepted")
    state = await page.state()
    assert (state["is_promoted"], state["coupon"]["id"]) == (True, COUPON_ID)
    assert (await page.press("/api/price", cart)).json() == {
        "list_minor": 700,
        "total_minor": 630,
        "coupon_minor": 70,
        "off": [{"name": "Friends", "off_minor": 70}],
        "ways": {},
    }
    assert (await page.press("/api/coupon/out", {})).status_code == 200
    assert (await page.press("/api/price", cart)).json()["total_minor"] == 700
    page.bench.scanner.show(f"COUPON:{GOOD_COUPON.lower()}")
    await page.bench.until(lambda: page.bench.snapshot["coupon"]["state"] == "accepted")
    for _ in range(5):
        page.bench.scanner.show("coupon:WINTER")  # held there: one try
    await page.bench.until(lambda: page.bench.snapshot["coupon"]["state"] == "refused")
    assert cloud.coupons == ["WINTER", GOOD_COUPON, GOOD_COUPON, "WINTER"]
    await enter(GOOD_COUPON, "accepted")
    await page.press("/api/order", {"request_id": "r1", "lines": LINES, "channel": "wechat", "shown_minor": 315})
    await page.bench.until_screen("paying")
    (order,) = cloud.orders.values()
    assert (order.coupon_id, order.shown_minor) == (COUPON_ID, 315)
    assert (await page.press("/api/coupon", {"code": GOOD_COUPON})).status_code == 409
    page.bench.scanner.show(f"coupon:{GOOD_COUPON}")  # not now
    assert len(cloud.coupons) == 5


async def test_the_buttons_do_what_they_say(page: Page) -> None:
    taken = await page.press("/api/order", {"request_id": "r1", "lines": LINES, "channel": "wechat"})
    assert (taken.status_code, taken.json()) == (200, {})
    await page.bench.until_screen("paying")
    assert (await page.press("/api/order/channel", {"channel": "alipay"})).status_code == 200
    await page.bench.until(lambda: "alipay" in next(iter(page.bench.cloud.orders.values())).channels)
    assert (await page.press("/api/awake", {})).status_code == 200
    assert (await page.press("/api/order/cancel", {})).status_code == 200
    await page.bench.until_screen("browse")
    assert (await page.press("/api/order/done", {})).status_code == 200
    assert (await page.press("/api/code", {"code": "00000000"})).status_code == 200
    await page.bench.until(lambda: page.bench.snapshot["code_entry"]["state"] == "refused")


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/api/order", {"request_id": "r", "lines": [], "channel": "wechat"}, 400, "malformed"),
        ("/api/order", {"request_id": "r", "lines": LINES, "channel": "WeChat!"}, 400, "malformed"),
        ("/api/order", {"request_id": "r", "lines": [{**LINES[0], "quantity": -1}], "channel": "x"}, 400, "malformed"),
        ("/api/order", {"request_id": "r", "lines": [{**LINES[0], "price_minor": 3.5}], "channel": "x"}, 400, None),
        ("/api/order", ["no"], 400, "malformed"),
        ("/api/code", {"code": "1234"}, 400, "malformed"),
        ("/api/coupon", {"code": "summer"}, 400, "malformed"),
        ("/api/coupon", {"code": "A" * 17}, 400, "malformed"),
        ("/api/order/channel", {"channel": "alipay"}, 409, "illegal_move"),
    ],
)
async def test_what_makes_no_sense_is_a_problem(
    page: Page, path: str, body: object, status: int, code: str | None
) -> None:
    answer = await page.press(path, body)
    assert answer.status_code == status and answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem) == {"type", "title", "status", "detail", "code"} and problem["status"] == status
    assert code is None or problem["code"] == code
    assert page.bench.cloud.orders == {}


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", ""])
async def test_another_host_name_is_misdirected(page: Page, host: str) -> None:
    assert (await page.http.get("/api/state", headers={"Host": host})).status_code == 421


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1"])
async def test_another_origin_may_not_press_or_look(page: Page, origin: str) -> None:
    body = {"request_id": "r1", "lines": LINES, "channel": "wechat"}
    assert (await page.press("/api/order", body, Origin=origin)).status_code == 403
    assert (await page.http.get("/api/state", headers={"Origin": origin})).status_code == 403
    own = f"http://localhost:{page.server.port}"
    assert (await page.press("/api/awake", {}, Origin=own)).status_code == 200
    assert page.bench.cloud.orders == {}


async def test_a_long_body_is_refused(page: Page) -> None:
    answer = await page.http.post("/api/order", content=b"[" + b" " * 17_000 + b"]")
    assert answer.status_code == 413 and answer.json()["code"] == "too_large"


async def test_there_is_no_testers_hand_on_a_real_machine(page: Page) -> None:
    assert (await page.press("/sim/fault", {"slot": "A1", "fault": "jam"})).status_code == 404


async def test_a_page_that_is_not_built_says_so(page: Page) -> None:
    assert "not built" in (await page.http.get("/")).text


async def test_pictures_that_are_not_here_are_not_found(page: Page) -> None:
    assert (await page.http.get("/media/" + "0" * 64 + ".svg")).status_code == 404
    assert (await page.http.get("/media/..%2f..%2fmachine.seed")).status_code == 404


async def test_the_stream_tells_each_change_with_a_rising_revision(page: Page) -> None:
    seen: list[dict[str, Any]] = []

    async def listen() -> None:
        async with page.http.stream("GET", "/api/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            async for line in stream.aiter_lines():
                if line.startswith("data: "):
                    seen.append(json.loads(line[6:]))

    listening = asyncio.create_task(listen())
    await page.bench.until(lambda: len(seen) >= 1)
    await page.press("/api/order", {"request_id": "r1", "lines": LINES, "channel": "wechat"})
    await page.bench.until(lambda: seen[-1]["screen"] == "paying")
    revisions = [state["revision"] for state in seen]
    assert revisions == sorted(set(revisions)) and revisions[0] > 1_000_000
    page.bench.terminal.stream.close()
    await asyncio.wait_for(listening, 30)


def test_a_qr_says_exactly_the_code() -> None:
    svg = qr_svg_of("weixin://wxpay/bizpayurl?pr=abc")
    assert svg.startswith("<svg") and "viewBox" in svg and "width=" not in svg
    assert svg != qr_svg_of("weixin://wxpay/bizpayurl?pr=abd")
