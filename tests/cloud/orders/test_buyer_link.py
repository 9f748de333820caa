"""The buyer's link: opens its own order, and no text that we did not make opens any."""

from __future__ import annotations

import pytest

from vendomat.cloud.orders import BuyerLinks
from vendomat.kernel import derive_id

LINKS = BuyerLinks(b"k" * 32, "https://vend.example/")
MERCHANT, ORDER = derive_id("mer", 1), derive_id("ord", 1)
TOKEN = LINKS.token_of(MERCHANT, ORDER)


def test_a_link_opens_its_order_and_names_it_behind_the_hash() -> None:
    assert LINKS.url_of(MERCHANT, ORDER) == f"https://vend.example/order/#{TOKEN}"
    assert LINKS.order_of(TOKEN) == (MERCHANT, ORDER)


def _forged() -> list[str]:
    bodies, signature = TOKEN.rsplit(".", 1)
    other = BuyerLinks(b"x" * 32, "").token_of(MERCHANT, ORDER)
    swapped = LINKS.token_of(derive_id("mer", 2), ORDER).rsplit(".", 1)[0]
    next_order = f"{MERCHANT[4:]}.{derive_id('ord', 2)[4:]}"
    mixed = (f"{swapped}.{signature}", f"{next_order}.{signature}", f"{bodies.upper()}.{signature}")
    cut = (bodies, f"{bodies}.", f"{bodies}.{signature[:-1]}", f"{bodies}.{signature}A", f"{bodies}.é{signature[1:]}")
    return ["", ".", "..", ORDER, *cut, other, *mixed, f"{TOKEN}.", f" {TOKEN}", f"{TOKEN}\n"]


@pytest.mark.parametrize("token", _forged())
def test_no_other_text_opens_anything(token: str) -> None:
    assert LINKS.order_of(token) is None
