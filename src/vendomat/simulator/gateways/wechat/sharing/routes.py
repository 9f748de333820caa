"""Profit sharing over HTTP: which call a path is, and what it does. It neither signs nor checks a signature."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote

from vendomat.simulator.gateways.asgi import Exchange
from vendomat.simulator.gateways.wechat.records import Merchant
from vendomat.simulator.gateways.wechat.refusals import Refusals, WechatRefusedError
from vendomat.simulator.gateways.wechat.sharing import wire
from vendomat.simulator.gateways.wechat.sharing.verbs import SharingVerbs

ROOT = "/v3/profitsharing"
FIXED = {
    f"{ROOT}/receivers/add": "share_receiver",
    f"{ROOT}/orders": "share",
    f"{ROOT}/orders/unfreeze": "share_free",
    f"{ROOT}/return-orders": "share_return",
}
NUMBERED = (
    (re.compile(rf"{ROOT}/orders/([^/]+)"), "share_query"),
    (re.compile(rf"{ROOT}/return-orders/([^/]+)"), "share_return_query"),
    (re.compile(rf"{ROOT}/transactions/([^/]+)/amounts"), "share_left"),
)
VERBS = (*FIXED.values(), *(verb for _, verb in NUMBERED))


def sharing_route(method: str, path: str) -> tuple[str, str] | int | None:
    """Verb and number of a sharing call, a bare status, or None when the path is none of these."""
    if path in FIXED:
        return (FIXED[path], "") if method == "POST" else 405
    for form, verb in NUMBERED:
        if found := form.fullmatch(path):
            return (verb, unquote(found[1])) if method == "GET" else 405
    return None


class SharingApi:
    """The calls, by verb."""

    def __init__(self, platform: SharingVerbs) -> None:
        self._platform = platform

    def do(self, merchant: Merchant, verb: str, number: str, exchange: Exchange) -> object:
        """What the call of `verb` answers. Raises `WechatRefusedError`."""
        if exchange.method == "GET":
            return self._asked(merchant, verb, number, exchange)
        if verb == "share_receiver":
            return self._receiver(merchant, exchange)
        book, now = self._platform.sharing, self._platform.sharing_time()
        if verb == "share_return":
            back = book.take_back(wire.read_return(exchange.body, merchant.mchid, now), now)
            return wire.return_answer(self._platform.keep_return(back))
        if verb == "share_free":
            sharing = book.set_free(merchant.mchid, wire.read_free(exchange.body), now)
        else:
            asked, appid = wire.read_sharing(exchange.body, self._platform.sharing_numbers())
            _check_owner(merchant, appid)
            sharing = book.share(merchant.mchid, asked, now)
        return wire.sharing_answer(self._platform.keep_sharing(sharing))

    def _asked(self, merchant: Merchant, verb: str, number: str, exchange: Exchange) -> object:
        self._platform.settle_sharings()
        query = {name: values[0] for name, values in parse_qs(exchange.raw_query).items()}
        book = self._platform.sharing
        if verb == "share_left":
            left_fen = book.left_fen(merchant.mchid, number, self._platform.sharing_time())
            return {"transaction_id": number, "unsplit_amount": left_fen}
        if verb == "share_query":
            return wire.sharing_answer(book.look_up(merchant.mchid, number, query.get("transaction_id", "")))
        return wire.return_answer(book.look_up_return(merchant.mchid, number, query.get("out_order_no", "")))

    def _receiver(self, merchant: Merchant, exchange: Exchange) -> object:
        receiver, appid, name = wire.read_receiver(exchange.body, merchant.mchid)
        _check_owner(merchant, appid)
        serial = exchange.headers.get("wechatpay-serial", "")
        has_name = bool(name and self._platform.opens(serial, name))
        if receiver.type == "MERCHANT_ID" and not has_name:
            raise WechatRefusedError(Refusals.UNREADABLE, field="/name", issue="cannot be opened")
        self._platform.add_receiver(receiver)
        return {"type": receiver.type, "account": receiver.account}


def _check_owner(merchant: Merchant, appid: str) -> None:
    if appid != merchant.appid:
        raise WechatRefusedError(Refusals.APPID_MISMATCH)
