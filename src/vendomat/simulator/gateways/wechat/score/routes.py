"""Service orders over HTTP: which call a path is, and what it does. It neither signs nor checks a signature."""

from __future__ import annotations

import re
from typing import Protocol
from urllib.parse import parse_qs, unquote

from vendomat.simulator.gateways.asgi import Exchange
from vendomat.simulator.gateways.wechat.records import Merchant
from vendomat.simulator.gateways.wechat.refusals import Refusals, WechatRefusedError
from vendomat.simulator.gateways.wechat.score import wire
from vendomat.simulator.gateways.wechat.score.records import Service
from vendomat.simulator.gateways.wechat.score.verbs import ScoreVerbs

PATH = "/v3/payscore/serviceorder"
PERMISSIONS = "/v3/payscore/permissions"
OF_BUYER = re.compile(rf"{PERMISSIONS}/openid/([^/]+)(/terminate)?")
CHANGES = ("complete", "cancel", "modify", "sync")


class _Owned(Protocol):
    appid: str
    service_id: str


def score_route(method: str, path: str) -> tuple[str, str] | int | None:
    """Verb and number of a service call, a bare status, or None when the path is none of these."""
    if path == PATH:
        verbs = {"POST": "service_create", "GET": "service_query"}
        return (verbs[method], "") if method in verbs else 405
    if path == PERMISSIONS:
        return ("permission_ask", "") if method == "POST" else 405
    if found := OF_BUYER.fullmatch(path):
        verb, only = ("permission_end", "POST") if found[2] else ("permission_query", "GET")
        return (verb, unquote(found[1])) if method == only else 405
    parts = path.split("/")
    if not path.startswith(f"{PATH}/") or len(parts) != 6 or parts[5] not in CHANGES:
        return None
    return (f"service_{parts[5]}", unquote(parts[4])) if method == "POST" else 405


class ScoreApi:
    """The calls, by verb."""

    def __init__(self, platform: ScoreVerbs) -> None:
        self._platform = platform

    def do(self, merchant: Merchant, verb: str, number: str, exchange: Exchange) -> object:
        """What the call of `verb` answers. Raises `WechatRefusedError`."""
        if verb.startswith("permission_"):
            return self._permission(merchant, verb, number, exchange)
        if verb == "service_create":
            terms = wire.read_create(exchange.body, merchant.mchid)
            _check_owner(merchant, terms.appid, terms.service_id)
            return wire.order_answer(self._platform.create_service(terms))
        if verb == "service_query":
            query = {name: values[0] for name, values in parse_qs(exchange.raw_query).items()}
            _check_owner(merchant, query.get("appid", ""), query.get("service_id", ""))
            return wire.order_answer(self._platform.look_up_service(merchant.mchid, query.get("out_order_no", "")))
        return wire.order_answer(self._platform.keep_service(self._changed(merchant, verb, number, exchange.body)))

    def _permission(self, merchant: Merchant, verb: str, openid: str, exchange: Exchange) -> object:
        if verb == "permission_ask":
            asked = wire.read_permission(exchange.body)
            _check_owner(merchant, asked.appid, asked.service_id)
            return {"apply_permissions_token": self._platform.ask_permission(merchant.mchid, asked.notify_url)}
        if verb == "permission_query":
            query = {name: values[0] for name, values in parse_qs(exchange.raw_query).items()}
            _check_owner(merchant, query.get("appid", ""), query.get("service_id", ""))
            permission = self._platform.score.permission_of(merchant.mchid, openid)
            return wire.permission_answer(permission, merchant.appid, merchant.service_id)
        ended = wire.read_cancel(exchange.body)
        _check_owner(merchant, ended.appid, ended.service_id)
        permission = self._platform.score.permission_of(merchant.mchid, openid)
        if permission.is_open:
            self._platform.permit(merchant.mchid, permission.payer, "", is_open=False)
        return None

    def _changed(self, merchant: Merchant, verb: str, number: str, body: bytes) -> Service:
        book, now = self._platform.score, self._platform.service_time()
        service = book.look_up(merchant.mchid, number, now)
        if verb == "service_complete":
            owner, bill, ended_at = wire.read_complete(body, now, service.agreed_at)
            _check_owner(merchant, owner.appid, owner.service_id)
            return book.complete(service, bill, ended_at, now)
        if verb == "service_cancel":
            asked = wire.read_cancel(body)
            _check_owner(merchant, asked.appid, asked.service_id)
            return book.cancel(service)
        if verb == "service_modify":
            owner, bill = wire.read_modify(body)
            _check_owner(merchant, owner.appid, owner.service_id)
            return book.modify(service, bill)
        owner, paid_at = wire.read_sync(body)
        _check_owner(merchant, owner.appid, owner.service_id)
        return book.settle_otherwise(service, paid_at)


def _check_owner(merchant: Merchant, appid: str, service_id: str) -> None:
    if appid != merchant.appid:
        raise WechatRefusedError(Refusals.APPID_MISMATCH)
    if not merchant.service_id or service_id != merchant.service_id:
        raise WechatRefusedError(Refusals.SERVICE_NOT_GRANTED)
