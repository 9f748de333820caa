"""Products over HTTP: kept, found, changed by one person at a time, put away only where nothing plans them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.cloud.catalog.test_photo import picture
from tests.cloud.shop_stage import Shop
from vendomat.cloud.catalog import catalogue_for
from vendomat.cloud.platform.workbook import XLSX

pytestmark = pytest.mark.slow

PRODUCTS = "/api/v1/products"
COCOA: dict[str, Any] = {
    "sku": "cocoa-250",
    "name_zh": "热可可",
    "name_en": "Hot cocoa",
    "category": "drinks",
    "price_minor": 650,
    "barcode": "4006381333931",
    "tax_bp": 1300,
    "allergens": ["soya", "milk"],
    "energy_kcal": 180,
    "nutrition_per": "ml",
    "energy_kj": 301,
    "fat_mg": 1_500,
    "saturates_mg": 1_000,
    "carbohydrate_mg": 11_200,
    "sugars_mg": 10_400,
    "protein_mg": 3_100,
    "sodium_mg": 48,
    "age_min": 0,
    "is_perishable": True,
    "shelf_life_days": 30,
}


async def made(browser: httpx.AsyncClient, **changed: object) -> dict[str, Any]:
    answer = await browser.post(PRODUCTS, json=COCOA | changed)
    assert answer.status_code == 201, answer.text
    return dict(answer.json()) | {"etag": answer.headers["etag"]}


def quoting(etag: str) -> dict[str, str]:
    return {"If-Match": etag}


async def test_a_product_is_created_found_and_changed_by_one_at_a_time(browser: httpx.AsyncClient) -> None:
    new = await made(browser)
    assert new["data"] | {"allergens": ["soya", "milk"]} == COCOA | {"detail_zh": "", "detail_en": "", "image": ""}
    assert (new["version"], new["costs"], new["uses"], new["is_archived"]) == (1, [], [], False)
    address = f"{PRODUCTS}/{new['id']}"
    body = COCOA | {"name_en": "Cocoa"}
    changed = await browser.put(address, json=body, headers=quoting(new["etag"]))
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    stale = await browser.put(address, json=body | {"name_en": "Late"}, headers=quoting(new["etag"]))
    unquoted = await browser.put(address, json=body | {"name_en": "Blind"})
    assert (stale.status_code, stale.json()["code"]) == (412, "version_stale")
    assert (unquoted.status_code, unquoted.json()["code"]) == (428, "version_missing")
    found = await browser.get(address)
    assert found.json() == changed.json() and found.headers["etag"] == changed.headers["etag"] != new["etag"]


async def test_the_list_is_searched_filtered_and_paged(browser: httpx.AsyncClient) -> None:
    await made(browser)
    listed = (await browser.get(PRODUCTS, params={"search": "COCOA hot"})).json()
    assert [one["sku"] for one in listed["data"]] == ["cocoa-250"] and "drinks" in listed["categories"]
    by_code = (await browser.get(PRODUCTS, params={"search": COCOA["barcode"]})).json()["data"]
    in_chinese = (await browser.get(PRODUCTS, params={"search": "可可", "category": "drinks"})).json()["data"]
    assert [one["sku"] for one in by_code] == [one["sku"] for one in in_chinese] == ["cocoa-250"]
    assert (await browser.get(PRODUCTS, params={"search": "100%"})).json()["data"] == []
    skus: list[str] = []
    cursor: str | None = None
    while True:
        page = (await browser.get(PRODUCTS, params={"limit": 5} | ({"cursor": cursor} if cursor else {}))).json()
        skus += [one["sku"] for one in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(skus) == len(set(skus)) == 17 and skus[0] == "cocoa-250", "newest first"


WRONG: list[tuple[dict[str, object], str]] = [
    ({"barcode": "4006381333932"}, "barcode"),
    ({"allergens": ["kryptonite"]}, "allergens"),
    ({"price_minor": 0}, "price_minor"),
    ({"fat_mg": 900}, "saturates_mg"),
    ({"sugars_mg": 11_300}, "sugars_mg"),
    ({"sodium_mg": -1}, "sodium_mg"),
    ({"nutrition_per": "oz"}, "nutrition_per"),
    ({"nutrition_per": "g", "carbohydrate_mg": 96_000}, "nutrition_per"),
    ({"price_minor": 4.5}, "price_minor"),
    ({"image": "0" * 64 + ".png"}, "image"),
    ({"image": "../../etc/passwd"}, "image"),
    ({"owner": "me"}, "owner"),
]


async def test_what_cannot_be_is_refused_by_name(browser: httpx.AsyncClient) -> None:
    for changed, word in WRONG:
        refused = await browser.post(PRODUCTS, json=COCOA | changed)
        assert refused.status_code == 422 and word in refused.text
    assert (await browser.get(PRODUCTS, params={"search": "cocoa"})).json()["data"] == []


async def test_a_sku_or_barcode_is_one_product_s(browser: httpx.AsyncClient) -> None:
    await made(browser)
    for taken, free in (("sku", {"barcode": ""}), ("barcode", {"sku": "other"})):
        refused = await browser.post(PRODUCTS, json=COCOA | free)
        assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
        assert f"this {taken}" in refused.json()["detail"]


async def test_a_cost_holds_from_a_day_on_and_earlier_days_keep_theirs(browser: httpx.AsyncClient, shop: Shop) -> None:
    product = await made(browser)
    address = f"{PRODUCTS}/{product['id']}/costs"
    today = shop.clock.now().date()
    for first_day, minor in (("2020-01-01", 200), (f"{today.year + 1}-01-01", 260), ("2020-01-01", 210)):
        answer = await browser.put(f"{address}/{first_day}", json={"cost_minor": minor})
        assert answer.status_code == 200, answer.text
    costs = [(one["first_day"], one["cost_minor"], one["set_by_name"]) for one in answer.json()["costs"]]
    assert costs == [(f"{today.year + 1}-01-01", 260, "Demo"), ("2020-01-01", 210, "Demo")]
    (listed,) = (await browser.get(PRODUCTS, params={"search": "cocoa"})).json()["data"]
    assert listed["cost_minor"] == 210, "next year's is not today's"
    assert (await browser.put(f"{address}/2999-01-01", json={"cost_minor": 1})).status_code == 422
    told = (await browser.get("/api/v1/changes", params={"subject": product["id"]})).json()["data"][0]
    assert (told["action"], told["subject_zh"], told["subject_en"]) == (
        "product.cost_set",
        COCOA["name_zh"],
        COCOA["name_en"],
    ), "the change itself does not name it"


async def test_a_product_in_a_slot_is_not_put_away_and_one_in_none_is(browser: httpx.AsyncClient, shop: Shop) -> None:
    cola = f"{PRODUCTS}/{shop.seeded.products['cola']}"
    etag = (await browser.get(cola)).headers["etag"]
    refused = await browser.post(f"{cola}/archive", headers=quoting(etag))
    assert refused.status_code == 409 and "SH-001 A1, SH-002 A1" in refused.json()["detail"]
    product = await made(browser)
    address = f"{PRODUCTS}/{product['id']}"
    away = await browser.post(f"{address}/archive", headers=quoting(product["etag"]))
    assert away.json()["is_archived"] and away.json()["version"] == 2
    assert (await browser.get(PRODUCTS, params={"search": "cocoa"})).json()["data"] == []
    assert len((await browser.get(PRODUCTS, params={"is_archived": True})).json()["data"]) == 1
    back = await browser.post(f"{address}/restore", headers=quoting(away.headers["etag"]))
    assert not back.json()["is_archived"]


async def test_a_changed_name_is_told_to_the_machines_that_sell_it(browser: httpx.AsyncClient, shop: Shop) -> None:
    address = f"{PRODUCTS}/{shop.seeded.products['cola']}"
    before = await browser.get(address)
    body = before.json()["data"] | {"name_en": "Colder cola"}
    assert (await browser.put(address, json=body, headers=quoting(before.headers["etag"]))).status_code == 200
    async with shop.database.hot.acquire() as connection:
        told = await catalogue_for(connection, shop.merchant_id, shop.machine_id)
    assert (told.version, told.slots[0].name.en) == (3, "Colder cola")


async def test_a_picture_is_uploaded_named_and_served_as_what_it_is(
    browser: httpx.AsyncClient, machine_side: httpx.AsyncClient
) -> None:
    for number, (form, ending) in enumerate((("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "webp"))):
        sent = await browser.post("/api/v1/pictures", content=picture(form), headers={"Content-Type": "image/png"})
        assert sent.status_code == 201 and sent.json()["image"].endswith(f".{ending}"), "its content says what it is"
        product = await made(browser, image=sent.json()["image"], sku=f"p{number}", barcode="")
        for side in (browser, machine_side):
            served = await side.get(product["picture"])
            assert served.headers["x-content-type-options"] == "nosniff"
            assert served.headers["content-type"] == {"jpg": "image/jpeg"}.get(ending, f"image/{ending}")
        assert (await browser.get(product["picture"].replace(ending, "svg"))).status_code == 404


UPLOADS = [
    (b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0"/></svg>', "image/svg+xml", 201),
    (b"<html><script>alert(1)</script></html>", "image/svg+xml", 400),
    (b"{}", "application/json", 415),
    (b"GIF89a" + bytes(60), "image/png", 400),
    (bytes(2_000_001), "image/png", 413),
]


async def test_uploads_have_their_own_narrow_door(browser: httpx.AsyncClient) -> None:
    for content, media_type, status in UPLOADS:
        answer = await browser.post("/api/v1/pictures", content=content, headers={"Content-Type": media_type})
        assert answer.status_code == status, answer.text


async def test_other_paths_keep_theirs_and_strangers_have_none(
    browser: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    big = {"sku": "x" * 70_000}
    assert (await browser.post(PRODUCTS, json=big)).status_code == 413
    image = await browser.post(PRODUCTS, content=picture("PNG"), headers={"Content-Type": "image/png"})
    assert image.status_code == 415
    stranger.cookies.clear()
    for answer in (
        await stranger.get(PRODUCTS),
        await stranger.post("/api/v1/pictures", content=picture("PNG"), headers={"Content-Type": "image/png"}),
    ):
        assert answer.status_code == 401


async def test_a_file_is_tried_first_and_taken_as_a_whole_or_its_good_rows(browser: httpx.AsyncClient) -> None:
    await made(browser)
    whole = (await browser.get(f"{PRODUCTS}/file.csv")).content
    assert whole.startswith(b"\xef\xbb\xbfsku,") and whole.count(b"\n") == 18

    async def send(content: bytes, **how: bool) -> dict[str, Any]:
        answer = await browser.post(
            f"{PRODUCTS}/import", content=content, params=how, headers={"Content-Type": "text/csv"}
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    same = await send(whole, is_trial=False)
    assert (same["same"], same["rows"], same["is_done"]) == (17, [], True), "what was written changes nothing"
    rows = b"\r\n".join((b"sku,name_zh,name_en,price,barcode", b"cola,x,Cola 2,4.2,", b"new,y,New,1,4006381333931",
                         b"newer,z,Newer,1,", b"newer,z,Again,1,"))  # fmt: skip
    for how in ({"is_trial": True}, {"is_trial": False}):
        report = await send(rows, **how)
        assert [(one["number"], one["outcome"]) for one in report["rows"]] == [
            (2, "changed"), (3, "refused"), (4, "created"), (5, "refused"),
        ]  # fmt: skip
        assert "barcode" in report["rows"][1]["flaw"]["text"] and "twice" in report["rows"][3]["flaw"]["text"]
        assert not report["is_done"]
        assert (await browser.get(f"{PRODUCTS}/file.csv")).content == whole
    assert (await send(rows, is_trial=False, is_only_good=True))["is_done"]
    listed = (await browser.get(PRODUCTS, params={"search": "new"})).json()["data"]
    assert [one["sku"] for one in listed] == ["newer"]
    book = await browser.get(f"{PRODUCTS}/file.xlsx")
    assert book.headers["content-type"] == XLSX
    taken = await browser.post(f"{PRODUCTS}/import?is_trial=0", content=book.content, headers={"Content-Type": XLSX})
    assert (taken.json()["same"], taken.json()["rows"], taken.json()["is_done"]) == (18, [], True)
    wrong = await browser.post(f"{PRODUCTS}/import", content=b"{}", headers={"Content-Type": "application/json"})
    assert wrong.status_code == 415
