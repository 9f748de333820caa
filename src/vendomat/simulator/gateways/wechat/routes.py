"""WeChat Pay over HTTP: the checks before business in the platform's order, signed answers, and faults on demand.

Signs on the event loop on purpose: the emulator is one small process of its own, never part of what it tests.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

import msgspec

from vendomat.kernel import Clock
from vendomat.simulator.gateways import keys
from vendomat.simulator.gateways.asgi import Answer, Exchange
from vendomat.simulator.gateways.daily_bills import DailyBillKind
from vendomat.simulator.gateways.faults import CallFault
from vendomat.simulator.gateways.notices import Guise
from vendomat.simulator.gateways.numbers import Numbers
from vendomat.simulator.gateways.virtual_clock import true_clock_of
from vendomat.simulator.gateways.wechat import requests, shapes, wire
from vendomat.simulator.gateways.wechat.bill_counter import DOWNLOAD_PATH
from vendomat.simulator.gateways.wechat.platform import WechatPlatform
from vendomat.simulator.gateways.wechat.rates import CallRates
from vendomat.simulator.gateways.wechat.records import KeyMode, Merchant, Order, Terms, TradeType
from vendomat.simulator.gateways.wechat.refusals import Refusals, WechatRefusedError
from vendomat.simulator.gateways.wechat.score import ScoreApi, score_route
from vendomat.simulator.gateways.wechat.sharing import VERBS as SHARING_VERBS
from vendomat.simulator.gateways.wechat.sharing import SharingApi, sharing_route
from vendomat.simulator.gateways.wechat.v2_routes import PATHS as V2_PATHS
from vendomat.simulator.gateways.wechat.v2_routes import WechatV2Api
from vendomat.simulator.gateways.wechat.v3_charges import V3Charges, check_owner

SKEW_S_MAX = 300
ORDERS = "/v3/pay/transactions"
REFUNDS = "/v3/refund/domestic/refunds"
FIXED = {
    f"{ORDERS}/native": ("POST", "create"),
    f"{ORDERS}/jsapi": ("POST", "create_jsapi"),
    f"{ORDERS}/h5": ("POST", "create_h5"),
    f"{ORDERS}/codepay": ("POST", "charge"),
    "/v3/certificates": ("GET", "certificates"),
    REFUNDS: ("POST", "refund"),
    "/v3/bill/tradebill": ("GET", "bill"),
    "/v3/bill/fundflowbill": ("GET", "fund_bill"),
    DOWNLOAD_PATH: ("GET", "bill_download"),
}
"""Paths without a number in them: method and verb."""

NUMBERED = (
    (re.compile(rf"{REFUNDS}/([^/]*)"), "GET", "refund_query"),
    (re.compile(rf"{REFUNDS}/([^/]*)/apply-abnormal-refund"), "POST", "abnormal_refund"),
    (re.compile(rf"{ORDERS}/out-trade-no/([^/]*)"), "GET", "query"),
    (re.compile(rf"{ORDERS}/out-trade-no/([^/]*)/close"), "POST", "close"),
    (re.compile(rf"{ORDERS}/out-trade-no/([^/]*)/reverse"), "POST", "reverse"),
    (re.compile(rf"{ORDERS}/id/([^/]*)"), "GET", "query_id"),
)
"""Paths with a number in them."""

SERVICE_VERBS = (
    *(f"service_{verb}" for verb in ("create", "query", "complete", "cancel", "modify", "sync")),
    *(f"permission_{verb}" for verb in ("ask", "query", "end")),
)
_BEFORE = {
    CallFault.ERROR_BEFORE: Refusals.SYSTEM_ERROR,
    CallFault.RATE_LIMITED: Refusals.RATE_LIMITED,
    CallFault.UNAVAILABLE: Refusals.UNAVAILABLE,
}
_GUISES = {CallFault.FORGED_ANSWER: Guise.FORGED, CallFault.SIGNTEST_ANSWER: Guise.SIGNTEST}


@dataclass(frozen=True, slots=True)
class Call:
    """A request that found its verb; `argument` is the number in its path."""

    verb: str
    argument: str = ""


def route(method: str, path: str) -> Call | int:
    """The call meant by `method` and `path`, or the bare status of there being none."""
    if path in FIXED:
        only, verb = FIXED[path]
        return Call(verb) if method == only else 405
    if (score := score_route(method, path)) is not None:
        return score if isinstance(score, int) else Call(*score)
    if (sharing := sharing_route(method, path)) is not None:
        return sharing if isinstance(sharing, int) else Call(*sharing)
    for form, only, verb in NUMBERED:
        if found := form.fullmatch(path):
            return Call(verb, unquote(found[1])) if method == only else 405
    return 404


class WechatApi:
    """Answers exchanges. `fault` tells an `*_after` or dressed-up fault that concerns the answer alone."""

    name = "wechat"

    def __init__(self, platform: WechatPlatform, clock: Clock, numbers: Numbers) -> None:
        self._platform = platform
        self._clock = clock
        self._true_clock = true_clock_of(clock)  # what signatures carry is compared with the merchant's own clock
        self._numbers = numbers
        self._v2 = WechatV2Api(platform, clock, numbers)
        self._charges = V3Charges(platform)
        self._score = ScoreApi(platform)
        self._sharing = SharingApi(platform)
        self._rates = CallRates(is_on=platform.limits_calls)
        self._verbs: dict[str, Callable[[Merchant, Call, Exchange], object]] = {
            "create": self._create,
            "create_jsapi": self._create_jsapi,
            "create_h5": self._create_h5,
            "charge": lambda merchant, call, exchange: self._charges.charge(merchant, exchange),
            "reverse": lambda merchant, call, exchange: self._charges.reverse(merchant, call.argument, exchange),
            "query": self._query,
            "query_id": self._query_id,
            "close": self._close,
            "refund": self._refund,
            "refund_query": self._refund_query,
            "abnormal_refund": self._abnormal_refund,
            **dict.fromkeys(SERVICE_VERBS, self._service),
            **dict.fromkeys(SHARING_VERBS, self._shared),
            "certificates": self._certificates,
            "bill": self._bill,
            "fund_bill": self._fund_bill,
        }

    def verb_of(self, exchange: Exchange) -> str:
        """The verb for matching faults; empty when the request has none."""
        if exchange.raw_path in V2_PATHS:
            return V2_PATHS[exchange.raw_path]
        call = route(exchange.method, exchange.raw_path)
        return call.verb if isinstance(call, Call) else ""

    def answer(self, exchange: Exchange, fault: CallFault | None) -> Answer:
        """Do what `exchange` asks and answer it, under `fault`."""
        if exchange.raw_path in V2_PATHS:
            return self._v2.answer(exchange, fault)
        call = route(exchange.method, exchange.raw_path)
        if isinstance(call, int):
            return Answer(call)
        try:
            merchant = self._admit(exchange, call, fault)
            if call.verb == "bill_download":
                return self._bill_file(merchant, exchange)
            result = (202, b"{}") if fault == CallFault.ACCEPTED else self._done(merchant, call, exchange, fault)
        except WechatRefusedError as error:
            refused = self._refused(error)
            if refused.status != 202:
                return refused
            result = (202, refused.body)  # "wait" is no error: it is signed
        return self._signed(exchange, merchant, result, _GUISES.get(fault, Guise.GENUINE) if fault else Guise.GENUINE)

    def _done(self, merchant: Merchant, call: Call, exchange: Exchange, fault: CallFault | None) -> tuple[int, bytes]:
        """Status and body of a call that was carried out."""
        self._rates.check(merchant.mchid, call.verb, self._clock.now())
        try:
            value = self._verbs[call.verb](merchant, call, exchange)
        except WechatRefusedError:
            self._rates.note_failure(merchant.mchid, call.verb)
            raise
        if fault == CallFault.ERROR_AFTER:
            raise WechatRefusedError(Refusals.SYSTEM_ERROR)
        return (204, b"") if value is None else (200, msgspec.json.encode(value))

    # before business

    def _admit(self, exchange: Exchange, call: Call, fault: CallFault | None) -> Merchant:
        """Who calls, after the checks in the platform's own order."""
        if fault in _BEFORE:
            raise WechatRefusedError(_BEFORE[fault])
        now = self._true_clock.now()
        is_order = exchange.raw_path.startswith(ORDERS)
        if not is_order and not exchange.headers.get("user-agent"):
            raise WechatRefusedError(Refusals.NO_USER_AGENT)
        credentials = wire.read_authorization(exchange.headers.get("authorization", ""))
        if credentials is None:
            raise WechatRefusedError(Refusals.NO_AUTHORIZATION_ORDERS if is_order else Refusals.NO_AUTHORIZATION)
        if abs(now.timestamp() - int(credentials.timestamp)) > SKEW_S_MAX:
            raise WechatRefusedError(Refusals.OLD_TIMESTAMP)
        merchant = self._platform.books_now.merchants.get(credentials.mchid)
        text = wire.request_text(
            exchange.method, exchange.target, (credentials.timestamp, credentials.nonce), exchange.body
        )
        if (
            merchant is None
            or credentials.serial_no.upper() != merchant.serial_no
            or not keys.is_signed(keys.load_public(merchant.public_key_pem), text, credentials.signature)
        ):
            raise WechatRefusedError(Refusals.WRONG_SIGNATURE)
        return merchant

    def _check_merchant(self, merchant: Merchant, mchid: str, location: str = "body") -> None:
        if not mchid:
            raise WechatRefusedError(
                Refusals.WRONG_PARAMETER, field="/mchid", issue="mchid is missing", location=location
            )
        if mchid != merchant.mchid:
            raise WechatRefusedError(Refusals.OTHER_MERCHANT)

    def _query_mchid(self, exchange: Exchange) -> str:
        return parse_qs(exchange.raw_query).get("mchid", [""])[0]

    # business

    def _create(self, merchant: Merchant, call: Call, exchange: Exchange) -> object:
        return {"code_url": self._placed(merchant, requests.read_order(exchange.body), TradeType.NATIVE).code}

    def _create_jsapi(self, merchant: Merchant, call: Call, exchange: Exchange) -> object:
        return {"prepay_id": self._placed(merchant, requests.read_jsapi_order(exchange.body), TradeType.JSAPI).code}

    def _create_h5(self, merchant: Merchant, call: Call, exchange: Exchange) -> object:
        """The page's address has the real form but for its host, which is ours: a browser can open it."""
        code = self._placed(merchant, requests.read_h5_order(exchange.body), TradeType.MWEB).code
        query = f"prepay_id={code}&package={self._numbers.digits(10)}"
        return {"h5_url": f"http://{exchange.headers['host']}/wallet/mmpayweb-bin/checkmweb?{query}"}

    def _placed(self, merchant: Merchant, terms: Terms, trade_type: TradeType) -> Order:
        check_owner(merchant, terms.mchid, terms.appid)
        return self._platform.create(terms, trade_type)

    def _query(self, merchant: Merchant, call: Call, exchange: Exchange) -> object:
        self._check_merchant(merchant, self._query_mchid(exchange), "query")
        return shapes.order_answer(self._platform.look_up(merchant.mchid, call.argument))

    def _query_id(self, merchant: Merchant, call: Call, exchange: Exchange) -> object:
        self._check_merchant(merchant, self._query_mchid(exchange), "query")
        return shapes.order_answer(self._platform.look_up(merchant.mchid, call.argument, is_transaction=True))

    def _close(self, merchant: Merchant, call: Call, exchange: Exchange) -> object:
        self._check_merchant(merchant, requests.read_close(exchange.body))
        self._platform.close(merchant.mchid, call.argument)
        return None

    def _refund(self, merchant: Merchant, call: Call, exchange: Exchange) -> object:
        asked = requests.read_refund(exchange.body)
        number = asked.transaction_id or asked.out_trade_no
        try:
            order = self._platform.look_up(merchant.mchid, number, is_transaction=bool(asked.transaction_id))
        except WechatRefusedError as error:
            if error.refusal == Refusals.ORDER_NOT_EXIST:
                raise WechatRefusedError(Refusals.REFUND_ORDER_NOT_EXISTS) from error
            raise
        refund = self._platform.refund(order, requests.to_refund(asked, order, self._clock.now()))
        return shapes.refund_answer(refund)

    def _refund_query(self, merchant: Merchant, call: Call, exchange: Exchange) -> object:
        return shapes.refund_answer(self._platform.look_up_refund(merchant.mchid, call.argument))

    def _abnormal_refund(self, merchant: Merchant, call: Call, exchange: Exchange) -> object:
        asked = requests.read_abnormal_refund(exchange.body)
        to = "商户结算银行账户"
        if asked.type == "USER_BANK_CARD":
            serial = exchange.headers.get("wechatpay-serial", "")
            account, name = (
                self._platform.seals.opened(serial, text) for text in (asked.bank_account, asked.real_name)
            )
            if not account or not name:
                raise WechatRefusedError(Refusals.UNREADABLE, field="/bank_account", issue="cannot be opened")
            to = f"{asked.bank_type}{account[-4:]}"
        refund = self._platform.send_on(merchant.mchid, call.argument, asked.out_refund_no, to=to)
        return shapes.refund_answer(refund)

    def _service(self, merchant: Merchant, call: Call, exchange: Exchange) -> object:
        return self._score.do(merchant, call.verb, call.argument, exchange)

    def _shared(self, merchant: Merchant, call: Call, exchange: Exchange) -> object:
        return self._sharing.do(merchant, call.verb, call.argument, exchange)

    def _certificates(self, merchant: Merchant, call: Call, exchange: Exchange) -> object:
        if merchant.mode != KeyMode.CERTIFICATE and merchant.public_key_percent is None:
            raise WechatRefusedError(Refusals.CERTIFICATES_NOT_USED)
        key, listed = merchant.apiv3_key.encode(), self._platform.seals.listed_pems
        return {"data": [shapes.certificate_row(pem, key, self._numbers.text(12)) for pem in listed]}

    def _bill(self, merchant: Merchant, call: Call, exchange: Exchange) -> object:
        self._check_choice(exchange, "bill_type", "ALL")
        return self._issued_bill(merchant, DailyBillKind.TRADE, exchange)

    def _fund_bill(self, merchant: Merchant, call: Call, exchange: Exchange) -> object:
        self._check_choice(exchange, "account_type", "BASIC")
        return self._issued_bill(merchant, DailyBillKind.FUND_FLOW, exchange)

    def _check_choice(self, exchange: Exchange, name: str, choice: str) -> None:
        """Only the bill that is asked for by default is made here, and never packed."""
        query = parse_qs(exchange.raw_query)
        if query.get(name, [choice]) != [choice] or "tar_type" in query:
            raise WechatRefusedError(Refusals.WRONG_PARAMETER, field=f"/{name}", issue=choice, location="query")

    def _issued_bill(self, merchant: Merchant, kind: DailyBillKind, exchange: Exchange) -> dict[str, str]:
        self._platform.advance()
        day = parse_qs(exchange.raw_query).get("bill_date", [""])[0]
        issued = self._platform.bill_counter.ask(merchant, kind, day)
        url = f"http://{exchange.headers['host']}{DOWNLOAD_PATH}?token={issued.token}"
        return {"download_url": url, "hash_type": "SHA1", "hash_value": issued.sha1}

    def _bill_file(self, merchant: Merchant, exchange: Exchange) -> Answer:
        """The file alone: the platform does not sign it."""
        token = parse_qs(exchange.raw_query).get("token", [""])[0]
        body = self._platform.bill_counter.download(merchant, token)
        return Answer(200, body, "text/plain;charset=utf-8", (self._request_id(0),))

    # answers

    def _request_id(self, internal: int) -> tuple[str, str]:
        return ("Request-ID", f"08{self._numbers.hex(38).upper()}-{internal}")

    def _signed(self, exchange: Exchange, merchant: Merchant, result: tuple[int, bytes], guise: Guise) -> Answer:
        status, body = result
        seals = self._platform.seals
        mode = seals.mode_for(exchange.headers.get("wechatpay-serial", ""), merchant)
        headers = [*seals.headers(mode, body, self._true_clock.now(), guise), self._request_id(0)]
        return Answer(status, body, "application/json; charset=utf-8" if body else "", tuple(headers))

    def _refused(self, error: WechatRefusedError) -> Answer:
        refusal = error.refusal.value
        body: dict[str, object] = {"code": refusal.code, "message": refusal.message}
        if error.field:
            body["detail"] = {"field": error.field, "value": "", "issue": error.issue, "location": error.location}
        has_id = error.refusal != Refusals.NO_AUTHORIZATION_ORDERS
        headers = (self._request_id(refusal.internal),) if has_id else ()
        return Answer(refusal.status, msgspec.json.encode(body), "application/json; charset=utf-8", headers)
