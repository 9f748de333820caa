"""One whole picture for the kiosk page, from the sale, the catalogue and the machine's state. Pure; decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from msgspec.structs import asdict

from vendomat.pricing import Fare, Tag
from vendomat.protocol import UNITS_MAX, Catalogue, CatalogueSlot, OrderStatus, SlotState
from vendomat.terminal.sale import (
    CodeEntry,
    Sale,
    Screen,
    charge_of,
    charge_state_of,
    code_url_of,
    payment_state_of,
    refund_of,
    units_of,
)


@dataclass(frozen=True, slots=True)
class Face:
    """What never changes in a run. `wallet_urls` hold `{code}` and exist in the demo only."""

    machine_id: str
    build: str
    mm_px: float = 3.78
    is_demo: bool = False
    wallet_urls: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class View:
    """`available(slot)` is what may be sold now, `is_open(slot)` the machine's word, `image(path)` a local address."""

    face: Face
    sale: Sale
    catalogue: Catalogue | None
    revision: int
    at_s: float
    available: Callable[[str], int]
    is_open: Callable[[str], bool]
    image: Callable[[str], str]
    has_scanner: bool = False
    tags: Mapping[str, Tag] = field(default_factory=dict)
    """What promotions make of each slot's price; a slot without one has none."""
    price_round: int = 0


def snapshot_of(view: View) -> dict[str, Any]:
    """The kiosk's `Snapshot`; money in minor units, times in milliseconds from now."""
    sale, catalogue, face = view.sale, view.catalogue, view.face
    return {
        "revision": view.revision,
        "build": face.build,
        "machine": {
            "id": face.machine_id,
            "number": catalogue.machine_number if catalogue else "",
            "name": {"zh": catalogue.name.zh, "en": catalogue.name.en} if catalogue else {"zh": "", "en": ""},
            "service_phone": catalogue.service_phone if catalogue else "",
            "payee": catalogue.payee if catalogue else "",
            "mm_px": face.mm_px,
            "is_demo": face.is_demo,
        },
        "link": "online" if sale.is_online else "offline",
        "screen": sale.screen.value,
        "out_of_order_reason": sale.faults[0] if sale.screen is Screen.OUT_OF_ORDER and sale.faults else None,
        "products": [_product(view, slot) for slot in catalogue.slots] if catalogue else [],
        "is_promoted": bool(catalogue and (catalogue.promotions or sale.coupon.known)),
        "price_round": view.price_round,
        "takes_coupons": bool(catalogue and catalogue.takes_coupons),
        "limits": {"units_max": UNITS_MAX},
        "channels": _channels(sale, catalogue),
        "notice": {"code": str(sale.notice.code), "detail": sale.notice.detail} if sale.notice else None,
        "sale": _sale(view),
        "code_entry": _entry(sale.code_entry, view.at_s),
        "coupon": {"id": sale.coupon.coupon_id} | _entry(sale.coupon.entry, view.at_s),
        "idle_in_ms": _left_ms(sale.close_at_s, view.at_s) if _is_idle_shown(sale) else None,
    }


def _entry(entry: CodeEntry, at_s: float) -> dict[str, Any]:
    return {
        "state": entry.state,
        "reason": entry.reason,
        "locked_for_ms": _left_ms(entry.locked_until_s, at_s),
    }


def _is_idle_shown(sale: Sale) -> bool:
    return sale.screen is Screen.PAYING and sale.close_at_s is not None and not sale.is_cancelling


def _left_ms(until_s: float | None, at_s: float) -> int:
    return max(0, int(((until_s or 0.0) - at_s) * 1000))


def _product(view: View, slot: CatalogueSlot) -> dict[str, Any]:
    available = view.available(slot.slot)
    state = slot.state
    if not view.is_open(slot.slot):
        state = SlotState.CLOSED
    elif state is SlotState.OK and available == 0:
        state = SlotState.SOLD_OUT
    return {
        "slot": slot.slot,
        "product_id": slot.product_id,
        "name": {"zh": slot.name.zh, "en": slot.name.en},
        "detail": {"zh": slot.detail.zh, "en": slot.detail.en},
        "category": slot.category,
        "price_minor": slot.price_minor,
        "offer": _offer(view.tags.get(slot.slot), slot),
        "currency": slot.currency,
        "image": view.image(slot.image),
        "available": available if state is SlotState.OK else 0,
        "state": state.value,
        "label": asdict(slot.label) | {"nutrition": asdict(slot.label.nutrition)},
    }


def _offer(tag: Tag | None, slot: CatalogueSlot) -> dict[str, Any] | None:
    """What a promotion makes of the price, until when, and what may be had with it; null: nothing."""
    if tag is None or (tag.price_minor >= slot.price_minor and not tag.groups):
        return None
    return {
        "price_minor": tag.price_minor,
        "until": tag.until.strftime("%H:%M") if tag.until is not None else "",
        "groups": [
            {
                "kind": promotion.kind.value,
                "name": promotion.name,
                "take": promotion.group_size,
                "pay": promotion.pay,
                "value_minor": promotion.value_minor,
            }
            for promotion in tag.groups
        ],
    }


def priced_cart(told: tuple[Sequence[Fare], Mapping[str, str]], coupon_promotion: str = "") -> dict[str, Any]:
    """A cart's price for the page by any way to pay, and by each that costs less."""
    (first, *others), names = told
    return _priced(first, names, coupon_promotion) | {
        "ways": {fare.channel: _priced(fare, names, coupon_promotion) for fare in others}
    }


def _priced(fare: Fare, names: Mapping[str, str], coupon_promotion: str) -> dict[str, Any]:
    """What it comes to, what each promotion (by its name) took off, and what of that is the coupon's."""
    gifts = fare.quote.gifts()
    return {
        "list_minor": fare.quote.list_minor,
        "total_minor": fare.quote.total_minor,
        "coupon_minor": gifts.get(coupon_promotion, 0),
        "off": [
            {"name": names.get(promotion_id, ""), "off_minor": off_minor}
            for promotion_id, off_minor in sorted(gifts.items(), key=lambda gift: (-gift[1], gift[0]))
        ],
    }


def _channels(sale: Sale, catalogue: Catalogue | None) -> list[dict[str, Any]]:
    offered = catalogue.channels if catalogue else []
    return [{"channel": channel, "is_available": sale.is_online} for channel in offered]


def _sale(view: View) -> dict[str, Any] | None:
    sale, order = view.sale, view.sale.order
    if order is None or sale.screen not in (Screen.PREPARING, Screen.PAYING, Screen.DELIVERING, Screen.RESULT):
        return None
    products = {unit.slot: unit.product_id for unit in order.units}
    refund = refund_of(sale)
    return {
        "order_id": order.order_id,
        "reference": order.reference,
        "kind": "code" if order.origin == "code" else "payment",
        "total_minor": order.total_minor,
        "currency": order.currency,
        "ways": {price.channel: price.total_minor for price in order.prices},
        "channel": sale.channel,
        "lines": [
            {
                "slot": line.slot,
                "product_id": products.get(line.slot, ""),
                "quantity": line.quantity,
                "price_minor": line.price_minor,
            }
            for line in order.lines
        ],
        "payment": _payment(view, order),
        "units": [
            {
                "unit": unit.unit,
                "slot": unit.slot,
                "product_id": unit.product_id,
                "outcome": str(unit.outcome),
                "reason": unit.reason,
                "price_minor": unit.price_minor,
            }
            for unit in units_of(sale)
        ],
        "refund": None
        if refund is None
        else {"state": refund.state, "amount_minor": refund.amount_minor, "channel": refund.channel},
        "hold": None
        if order.hold is None
        else {"state": order.hold.state, "amount_minor": order.hold.amount_minor, "channel": order.hold.channel},
        "receipt": _receipt(view, order),
        "close_in_ms": _left_ms(sale.close_at_s, view.at_s)
        if sale.screen is Screen.RESULT and sale.close_at_s is not None
        else None,
    }


def _receipt(view: View, order: OrderStatus) -> dict[str, Any] | None:
    """The order's page for the buyer's own phone, once it is over; the address itself in the demo only."""
    if view.sale.screen is not Screen.RESULT or not order.link:
        return None
    return {"qr_svg": qr_svg_of(order.link), "url": order.link if view.face.is_demo else ""}


def _payment(view: View, order: OrderStatus) -> dict[str, Any]:
    sale, face = view.sale, view.face
    state = payment_state_of(sale, view.at_s)
    if sale.screen is Screen.PREPARING and state == "waiting":
        state = "starting"
    code_url = code_url_of(order, sale.channel) if state in ("waiting", "expired") else ""
    template = face.wallet_urls.get(sale.channel, "") if face.is_demo and state == "waiting" else ""
    return {
        "state": state,
        "qr_svg": qr_svg_of(code_url) if code_url else "",
        "wallet_url": template.replace("{code}", _percent(code_url)) if template else "",
        "expires_in_ms": _left_ms(sale.expires_at_s, view.at_s),
        "expires_total_ms": int(sale.expires_total_s * 1000),
        "takes_codes": view.has_scanner,
        "charge": _charge(sale),
    }


def _charge(sale: Sale) -> dict[str, Any] | None:
    """What becomes of the code that the buyer showed."""
    state, charge = charge_state_of(sale), charge_of(sale)
    if state == "none":
        return None
    is_told = charge is not None and state != "asking"
    return {
        "state": state,
        "channel": charge.channel if is_told and charge else "",
        "reason": charge.reason if is_told and charge else "",
    }


def _percent(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


@lru_cache(maxsize=16)
def qr_svg_of(text: str) -> str:
    """An SVG without size (the page gives it one), quiet zone of four modules, error correction M."""
    import segno

    svg: str = segno.make(text, error="m", micro=False).svg_inline(border=4, omitsize=True)
    return svg
