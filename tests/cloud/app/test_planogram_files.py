"""The planograms of all machines as a file: given as they are sold, taken as drafts, and told row by row."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.cloud.app.test_planograms_api import Desk, desk
from vendomat.cloud.platform.workbook import XLSX

__all__ = ["desk"]
pytestmark = pytest.mark.slow

PLANOGRAMS = "/api/v1/planograms"
HEAD = "machine,slot,sku,price,capacity"


async def send(browser: httpx.AsyncClient, content: bytes, media_type: str = "text/csv", **how: bool) -> dict[str, Any]:
    answer = await browser.post(
        f"{PLANOGRAMS}/import", content=content, params=how, headers={"Content-Type": media_type}
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def file(browser: httpx.AsyncClient) -> list[str]:
    answer = await browser.get(f"{PLANOGRAMS}/file.csv")
    return str(answer.content.decode("utf-8-sig")).splitlines()


@pytest.mark.parametrize(("form", "media_type"), [("csv", "text/csv"), ("xlsx", XLSX)])
async def test_what_is_written_is_what_is_sold_and_changes_nothing(
    desk: Desk, browser: httpx.AsyncClient, form: str, media_type: str
) -> None:
    written = await browser.get(f"{PLANOGRAMS}/file.{form}")
    assert written.status_code == 200
    same = await send(browser, written.content, media_type, is_trial=False)
    assert (same["same"], same["rows"], same["is_done"]) == (24, [], True)
    assert (await desk.read())["draft"] is None and await desk.said("drafted") == []


async def test_the_machines_of_a_tag_come_as_a_file_of_their_own(desk: Desk, browser: httpx.AsyncClient) -> None:
    tagged = {"machine_ids": [desk.machines[1]], "add": ["north"], "remove": []}
    assert (await browser.post("/api/v1/machines/tags", json=tagged)).status_code == 204
    written = await browser.get(f"{PLANOGRAMS}/file.csv", params={"tag": "north"})
    numbers = {line.partition(",")[0] for line in written.content.decode("utf-8-sig").splitlines()[1:]}
    assert numbers == {"SH-002"}
    listed = (await browser.get(PLANOGRAMS, params={"tag": "north"})).json()["data"]
    assert [one["number"] for one in listed] == ["SH-002"]
    assert (await browser.get(PLANOGRAMS, params={"tag": "south"})).json()["data"] == []


async def test_a_machines_lines_become_its_draft_and_the_other_machine_keeps_its_own(
    desk: Desk, browser: httpx.AsyncClient
) -> None:
    lines = await file(browser)
    assert lines[:2] == [HEAD, "SH-001,A1,cola,4.00,8"]
    mine = [line for line in lines[2:] if line.startswith("SH-001")]
    content = "\r\n".join((HEAD, "SH-001,A1,water,4.50,6", *mine[:-1], "SH-001,D1,cola,4,5")).encode()
    trial = await send(browser, content)
    assert [(one["number"], one["outcome"]) for one in trial["rows"] if one["number"] in (2, 13)] == [
        (2, "changed"),
        (13, "created"),
    ]
    assert not trial["is_done"] and (await desk.read())["draft"] is None, "a trial keeps nothing"
    assert (await send(browser, content, is_trial=False))["is_done"]
    draft = {one["slot"]: one for one in (await desk.read())["draft"]}
    assert (draft["A1"]["product_id"], draft["A1"]["price_minor"], draft["A1"]["capacity"]) == (
        desk.products["water"],
        450,
        6,
    )
    assert "D1" in draft and "C4" not in draft, "a slot without a line is not in the draft"
    assert (await desk.read(1))["draft"] is None
    assert (await desk.told()).slots[0].price_minor == 400, "nothing is sold differently"
    (told,) = await desk.said("drafted")
    assert told["subject"] == desk.machines[0]
    assert (await send(browser, "\r\n".join(lines).encode(), is_trial=False))["is_done"]
    assert (await desk.read())["draft"] is None, "what is sold already needs no draft"


async def test_bad_lines_are_named_and_stop_their_machine_alone_by_choice(
    desk: Desk, browser: httpx.AsyncClient
) -> None:
    wrong = ("SH-009,A1,cola,4,8", "SH-001,A1,absinthe,4,8", "SH-001,A2,cola,4.555,8", "SH-001,A3,cola,4,101",
             "SH-001,A3,cola,4,8", "SH-001,a4,cola,4,8", "SH-001,B1,cola,=4,8", "SH-001,B2,cola,4,8")  # fmt: skip
    content = "\n".join((HEAD, *wrong, "SH-002,A1,cola,9,8")).encode()
    report = await send(browser, content, is_trial=False)
    words = [(one["number"], one["flaw"]["text"]) for one in report["rows"] if one["outcome"] == "refused"]
    expected = ("machine", "product", "price", "capacity", "twice", "slot", "price", "another line")
    assert [number for number, _ in words] == list(range(2, 10))
    assert all(word in problem for word, (_, problem) in zip(expected, words, strict=True)), words
    assert not report["is_done"] and (await desk.read(1))["draft"] is None
    done = await send(browser, content, is_trial=False, is_only_good=True)
    assert done["is_done"] and (await desk.read())["draft"] is None
    assert [one["price_minor"] for one in (await desk.read(1))["draft"]] == [900]


async def test_another_file_or_another_head_is_refused_as_a_whole(browser: httpx.AsyncClient) -> None:
    for content, status in ((b"sku,price\n", 422), (b"PK\x03\x04", 400), (f"{HEAD},x\n".encode(), 422)):
        refused = await browser.post(f"{PLANOGRAMS}/import", content=content, headers={"Content-Type": "text/csv"})
        assert refused.status_code == status, refused.text
