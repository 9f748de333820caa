"""The program as a process: enrols, sells over a real wire, survives SIGKILL, stops on SIGTERM."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.terminal.fake_cloud import SLOTS
from tests.terminal.site import MACHINE, TOKEN, CloudOnWire, Site
from vendomat.protocol import FactKind, Settings, VendResult
from vendomat.simulator.town import free_port
from vendomat.terminal.app import read_settings

pytestmark = pytest.mark.slow
LINES = [{"slot": "A1", "quantity": 1, "price_minor": 350}]


class Program:
    """`python -m vendomat.terminal` in a folder."""

    def __init__(self, folder: Path, site: Site, *, speed: float = 20.0) -> None:
        self.folder = folder
        settings = {
            "cloud_https_url": site.https_url,
            "ca_file": str(site.ca_file),
            "enrolment_token": TOKEN,
            "simulated": {"slots": dict.fromkeys(SLOTS, 50), "speed": speed},
            "is_demo": True,
            "wallet_urls": {"wechat": "http://127.0.0.1:9/wallet?code={code}"},
        }
        (folder / "terminal.json").write_text(json.dumps(settings))
        self.http = httpx.AsyncClient(timeout=30)
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> dict[str, Any]:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "vendomat.terminal", "--data", str(self.folder), stdout=asyncio.subprocess.PIPE
        )
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), 40)
        ready: dict[str, Any] = json.loads(line)
        self.url = ready["kiosk_url"].rstrip("/")
        return ready

    async def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 40)

    async def close(self) -> None:
        await self.http.aclose()
        if self.process is not None and self.process.returncode is None:
            await self.end(signal.SIGKILL)

    async def state(self) -> dict[str, Any]:
        answer: dict[str, Any] = (await self.http.get(f"{self.url}/api/state")).json()
        return answer

    async def until_it_answers(self, limit_s: float = 40.0) -> None:
        deadline = time.monotonic() + limit_s
        while True:
            try:
                await self.state()
            except httpx.TransportError:
                assert time.monotonic() < deadline, "no screen"
                await asyncio.sleep(0.03)
            else:
                return

    async def press(self, path: str, **body: object) -> httpx.Response:
        return await self.http.post(f"{self.url}{path}", json=body)

    async def until(self, condition: Callable[[dict[str, Any]], bool], limit_s: float = 40.0) -> dict[str, Any]:
        deadline = time.monotonic() + limit_s
        while not condition(state := await self.state()):
            assert time.monotonic() < deadline, f"did not come about: {json.dumps(state)[:600]}"
            await asyncio.sleep(0.03)
        return state

    def world(self, what: str) -> list[dict[str, Any]]:
        """The cabinet's own records, read from its file."""
        lines = (self.folder / "cabinet.jsonl").read_text().splitlines()
        return [record for record in map(json.loads, lines) if record["what"] == what]


@pytest.fixture
async def program(tmp_path: Path, site: Site, cloud: CloudOnWire) -> AsyncIterator[Program]:
    program = Program(tmp_path, site)
    yield program
    await program.close()


async def test_it_enrols_sells_and_stops(program: Program, cloud: CloudOnWire) -> None:
    ready = await program.start()
    assert ready["machine_id"] == MACHINE and program.process is not None and ready["pid"] == program.process.pid
    assert read_settings(program.folder).enrolment_token == ""
    await program.until(lambda state: state["link"] == "online" and bool(state["products"]))
    assert (await program.press("/api/order", request_id="r1", lines=LINES, channel="wechat")).json() == {}
    state = await program.until(lambda state: state["screen"] == "paying")
    assert state["sale"]["payment"]["wallet_url"].startswith("http://127.0.0.1:9/wallet?code=weixin%3A%2F%2F")
    cloud.cloud.pay(state["sale"]["order_id"])
    state = await program.until(lambda state: state["screen"] == "result")
    assert state["sale"]["units"][0]["outcome"] == "delivered"
    assert len(program.world("start")) == len(program.world("drop")) == 1
    assert await program.end(signal.SIGTERM) == 0


async def test_the_testers_hand_sets_faults(program: Program, cloud: CloudOnWire) -> None:
    await program.start()
    await program.until(lambda state: state["link"] == "online" and bool(state["products"]))
    assert (await program.press("/sim/fault", slot="A1", fault="jam", is_once=True)).status_code == 200
    assert (await program.press("/sim/fault", slot="A1", fault="gremlins")).status_code == 422
    assert (await program.press("/sim/fill", slot="A2", count=7)).status_code == 200
    sim = (await program.http.get(f"{program.url}/sim/state")).json()
    assert sim["faults"] == {"A1": "jam"} and sim["stock"]["A2"] == 7
    await program.press("/api/order", request_id="r1", lines=LINES, channel="wechat")
    state = await program.until(lambda state: state["screen"] == "paying")
    cloud.cloud.pay(state["sale"]["order_id"])
    state = await program.until(lambda state: state["screen"] == "result")
    assert state["sale"]["units"][0]["outcome"] == "not_delivered"
    assert state["sale"]["refund"]["state"] == "refunding"


async def test_killed_at_any_moment_it_starts_each_command_at_most_once(program: Program, cloud: CloudOnWire) -> None:
    seed = int(os.environ.get("VENDOMAT_SEED", "7"))
    chance = random.Random(seed)
    await program.start()
    for number in range(6):
        await program.until(lambda state: state["link"] == "online" and state["screen"] in ("browse", "result"))
        await program.press("/api/order", request_id=f"r{number}", lines=LINES, channel="wechat")
        state = await program.until(lambda state: state["screen"] == "paying" and state["sale"] is not None)
        order_id = state["sale"]["order_id"]
        cloud.cloud.pay(order_id)
        await asyncio.sleep(chance.uniform(0.0, 0.35))
        await program.end(signal.SIGKILL)
        await program.start()
        await _settle(cloud, order_id)
        await program.press("/sim/fault", slot="*", fault="door_open")
        await program.until(lambda state: state["screen"] in ("out_of_order", "result", "delivering"))
        await asyncio.sleep(0.7)
        await program.press("/sim/fault", slot="*", fault="door_open", is_on=False)  # a service visit opens the slots
        await program.until(lambda state: state["products"] and state["products"][0]["state"] == "ok")
    starts = [record["cmd_id"] for record in program.world("start")]
    assert len(starts) == len(set(starts)), f"seed {seed}: a motor started twice"
    dropped = {record["cmd_id"] for record in program.world("drop")}
    told = {_cmd_of(fact): fact for fact in cloud.cloud.facts.values() if fact.kind is FactKind.OUTCOME}
    for cmd_id, fact in told.items():
        if b'"delivered"' in bytes(fact.body):
            assert cmd_id in dropped, f"seed {seed}: told as delivered, yet nothing dropped"
    assert cloud.cloud.conflicts == []


async def _settle(cloud: CloudOnWire, order_id: str) -> None:
    """As the real cloud after a silence: the same command again with the newest nonce and epoch."""
    deadline = time.monotonic() + 40
    order = cloud.cloud.orders[order_id]
    epoch = cloud.cloud.epoch
    while {"pending", "started"} & set(order.outcomes):
        assert time.monotonic() < deadline, f"{order.outcomes} {cloud.cloud.results()}"
        if cloud.cloud.epoch > epoch and order.outcomes == ["pending"]:
            epoch = cloud.cloud.epoch
            await cloud.cloud.dispense_next(order_id)
        await asyncio.sleep(0.05)


def _cmd_of(fact: Any) -> str:
    return str(json.loads(bytes(fact.body))["cmd_id"])


async def test_a_journal_that_cannot_be_opened_is_said_on_the_screen_and_tried_again(
    program: Program, cloud: CloudOnWire
) -> None:
    """As with a full disk or a newer program's journal: the screen is there, takes nothing, and opens by itself."""
    await program.start()
    await program.until(lambda state: state["link"] == "online")
    await program.end(signal.SIGTERM)
    settings = json.loads((program.folder / "terminal.json").read_text()) | {"kiosk_port": free_port()}
    (program.folder / "terminal.json").write_text(json.dumps(settings))
    with sqlite3.connect(program.folder / "journal.db") as newer:
        (version,) = newer.execute("PRAGMA user_version").fetchone()
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    starting = asyncio.create_task(program.start())
    program.url = f"http://127.0.0.1:{settings['kiosk_port']}"
    try:
        await program.until_it_answers()
        state = await program.state()
        assert (state["screen"], state["out_of_order_reason"]) == ("out_of_order", "journal_fault")
        refused = await program.press("/api/order", request_id="r1", lines=LINES, channel="wechat")
        assert refused.status_code == 503 and "nothing was taken" in refused.text
        for path in ("order/cancel", "order/done", "awake"):
            assert (await program.press(f"/api/{path}")).status_code == 503
        assert not starting.done()
    finally:
        with sqlite3.connect(program.folder / "journal.db") as older:
            older.execute(f"PRAGMA user_version = {version}")
        older.close()
        await starting
    await program.until(lambda state: state["screen"] == "browse" and state["link"] == "online")


async def test_a_journal_from_elsewhere_stops_selling_until_the_cloud_has_heard(
    program: Program, cloud: CloudOnWire
) -> None:
    await program.start()
    await program.until(lambda state: state["link"] == "online")
    await program.end(signal.SIGKILL)
    for part in program.folder.glob("journal.db*"):
        if not part.name.endswith(".epoch"):
            part.unlink()
    cloud.cloud.mute.add("facts")
    await program.start()
    state = await program.until(lambda state: state["screen"] == "out_of_order")
    assert state["out_of_order_reason"] == "journal_halted"
    cloud.cloud.mute.clear()
    cloud.cloud.settings = Settings(heartbeat_s=0.3, ttl_s=0.2, lease_s=0.2, deadline_s=0.2)
    await program.end(signal.SIGKILL)
    await program.start()  # it still knows of the loss, and waits until no command of before can be open
    await program.until(lambda state: state["screen"] == "browse")
    boots = [fact for fact in cloud.cloud.facts.values() if fact.kind is FactKind.BOOT]
    assert any(b"has kept one" in bytes(fact.body) for fact in boots)
    assert VendResult.UNKNOWN not in [result for _, result, _ in cloud.cloud.results()]


async def test_a_wrong_token_ends_the_program_with_its_reason(program: Program) -> None:
    settings = json.loads((program.folder / "terminal.json").read_text()) | {"enrolment_token": "wrong-token-0000000"}
    (program.folder / "terminal.json").write_text(json.dumps(settings))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "vendomat.terminal", "--data", str(program.folder)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 1 and b"enrolment_refused" in said
