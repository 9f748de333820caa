"""The Alipay gateway over HTTP: everything in the query or in a form, signatures both ways, faults on demand.

HTTP is always 200; what went wrong stands in the answer. Business refusals are signed, the gateway's own are not.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from vendomat.kernel import Clock
from vendomat.simulator.gateways import keys
from vendomat.simulator.gateways.alipay import shapes, wire
from vendomat.simulator.gateways.alipay.authority import certificate_sn_of
from vendomat.simulator.gateways.alipay.bill_counter import BILL_TYPES, DOWNLOAD_PATH
from vendomat.simulator.gateways.alipay.platform import AlipayPlatform
from vendomat.simulator.gateways.alipay.records import Application, RefundAsked, Terms, Trade
from vendomat.simulator.gateways.alipay.refusals import MESSAGES, AlipayRefusedError, Refusals
from vendomat.simulator.gateways.alipay.v3_routes import START, AlipayV3Api
from vendomat.simulator.gateways.asgi import Answer, Exchange
from vendomat.simulator.gateways.faults import CallFault
from vendomat.simulator.gateways.notices import Guise
from vendomat.simulator.gateways.numbers import Numbers
from vendomat.simulator.gateways.virtual_clock import true_clock_of

GATEWAY_PATH = "/gateway.do"
BILL_METHOD = "alipay.data.dataservice.bill.downloadurl.query"
VERBS = {
    BILL_METHOD: "bill",
    "alipay.trade.precreate": "create",
    "alipay.trade.pay": "charge",
    "alipay.trade.query": "query",
    "alipay.trade.cancel": "cancel",
    "alipay.trade.close": "close",
    "alipay.trade.refund": "refund",
    "alipay.trade.fastpay.refund.query": "refund_query",
    "alipay.open.app.alipaycert.download": "certificate",
    "zoloz.authentication.smilepay.initialize": "face",
    "zoloz.authentication.customer.smilepay.initialize": "face",
}
_BEFORE = {
    CallFault.ERROR_BEFORE: Refusals.UNKNOWN_ERROR,
    CallFault.ACCEPTED: Refusals.UNKNOWN_ERROR,
    CallFault.RATE_LIMITED: Refusals.CALL_LIMITED,
}
_FALSE_ANSWERS = (CallFault.FORGED_ANSWER, CallFault.SIGNTEST_ANSWER)
_SUBJECT_MAX = 256
_FORBIDDEN_IN_SUBJECT = set("/=&")

Content = Mapping[str, Any]


class AlipayApi:
    """Answers exchanges. `fault` concerns the answer alone."""

    name = "alipay"

    def __init__(self, platform: AlipayPlatform, clock: Clock, numbers: Numbers) -> None:
        self._platform = platform
        self._verbs: dict[str, Callable[[Application, Content, str], dict[str, object]]] = {
            "create": self._precreate,
            "charge": self._charge,
            "query": self._query,
            "cancel": self._cancel,
            "close": self._close,
            "refund": self._refund,
            "refund_query": self._refund_query,
            "bill": self._bill,
            "certificate": self._certificate,
            "face": self._face,
        }
        by_method = {method: self._verbs[verb] for method, verb in VERBS.items()}
        self._v3 = AlipayV3Api(platform, by_method, _BEFORE, clock=true_clock_of(clock), numbers=numbers)

    def verb_of(self, exchange: Exchange) -> str:
        """The verb for matching faults; empty when the request has none."""
        if exchange.raw_path == DOWNLOAD_PATH:
            return "bill_download"
        if exchange.raw_path.startswith(START):
            return VERBS.get(self._v3.method_of(exchange), "")
        if exchange.raw_path != GATEWAY_PATH:
            return ""
        return VERBS.get(_parameters(exchange).get("method", ""), "")

    def answer(self, exchange: Exchange, fault: CallFault | None) -> Answer:
        """Do what `exchange` asks and answer it, under `fault`."""
        if exchange.raw_path == DOWNLOAD_PATH:
            return self._bill_file(exchange, fault)
        if exchange.raw_path != GATEWAY_PATH and not exchange.raw_path.startswith(START):
            return Answer(404)
        if fault == CallFault.UNAVAILABLE:
            return Answer(502, b"<html>502 Bad Gateway</html>", "text/html")
        if exchange.raw_path.startswith(START):
            return self._v3.answer(exchange, fault)
        if exchange.method not in ("GET", "POST"):
            return Answer(405)
        parameters = _parameters(exchange)
        try:
            response = self._done(parameters, fault)
        except AlipayRefusedError as error:
            return self._refused(parameters, error)
        if parameters["method"] == BILL_METHOD:
            response["bill_download_url"] = f"http://{exchange.headers['host']}{response['bill_download_url']}"
        return self._signed(parameters, response, Guise.FORGED if fault in _FALSE_ANSWERS else Guise.GENUINE)

    def _done(self, parameters: Mapping[str, str], fault: CallFault | None) -> dict[str, object]:
        is_again = fault == CallFault.ACCEPTED and VERBS.get(parameters.get("method", "")) == "cancel"
        if fault in _BEFORE and not is_again:
            raise AlipayRefusedError(_BEFORE[fault])
        application = self._authenticate(parameters)
        if is_again:  # nothing done: the merchant shall ask again
            return {**shapes.OK, **shapes.AGAIN, "out_trade_no": _names(_content(parameters))[0]}
        verb = self._verbs[VERBS[parameters["method"]]]
        response = verb(application, _content(parameters), parameters.get("notify_url", ""))
        if fault == CallFault.ERROR_AFTER:
            raise AlipayRefusedError(Refusals.UNKNOWN_ERROR)
        return response

    # before business

    def _authenticate(self, parameters: Mapping[str, str]) -> Application:
        """The gateway's checks: the application first, its signature before anything that depends on content."""
        if not parameters.get("app_id"):
            raise AlipayRefusedError(Refusals.NO_APP_ID)
        application = self._platform.books_now.applications.get(parameters["app_id"])
        if application is None:
            raise AlipayRefusedError(Refusals.BAD_APP_ID)
        self._check_form(parameters)
        self._check_certificates(parameters, application)
        text = wire.request_text(parameters)
        if not keys.is_signed(keys.load_public(application.public_key_pem), text, parameters["sign"]):
            raise AlipayRefusedError(Refusals.BAD_SIGNATURE)
        if parameters["method"] not in VERBS:
            raise AlipayRefusedError(Refusals.BAD_METHOD)
        return application

    def _check_form(self, parameters: Mapping[str, str]) -> None:
        for name, refusal in (
            ("method", Refusals.NO_METHOD),
            ("sign_type", Refusals.NO_SIGNATURE_TYPE),
            ("sign", Refusals.NO_SIGNATURE),
            ("timestamp", Refusals.NO_TIMESTAMP),
            ("version", Refusals.NO_VERSION),
        ):
            if not parameters.get(name):
                raise AlipayRefusedError(refusal)
        if parameters["sign_type"] != "RSA2":
            raise AlipayRefusedError(Refusals.BAD_SIGNATURE_TYPE)
        if wire.read_time(parameters["timestamp"]) is None:
            raise AlipayRefusedError(Refusals.BAD_TIMESTAMP)
        if parameters.get("format", "JSON").upper() != "JSON":
            raise AlipayRefusedError(Refusals.BAD_FORMAT)
        if parameters.get("charset", "utf-8").lower() != "utf-8":
            raise AlipayRefusedError(Refusals.BAD_CHARSET)

    def _check_certificates(self, parameters: Mapping[str, str], application: Application) -> None:
        if not application.certificate_pem:
            return
        if not parameters.get("app_cert_sn"):
            raise AlipayRefusedError(Refusals.NO_CERTIFICATE)
        if parameters["app_cert_sn"] != certificate_sn_of(application.certificate_pem):
            raise AlipayRefusedError(Refusals.BAD_CERTIFICATE)
        if parameters.get("alipay_root_cert_sn") != self._platform.seals.authority.root_sn:
            raise AlipayRefusedError(Refusals.BAD_ROOT)

    # business

    def _precreate(self, application: Application, content: Content, notify_url: str) -> dict[str, object]:
        return shapes.precreate_answer(self._platform.precreate(self._terms(application, content, notify_url)))

    def _charge(self, application: Application, content: Content, notify_url: str) -> dict[str, object]:
        code, scene = _text(content, "auth_code", 64), _text(content, "scene", 32)
        if scene not in ("bar_code", "security_code") or not code:
            raise AlipayRefusedError(Refusals.INVALID_PARAMETER, "scene")
        terms = self._terms(application, {k: v for k, v in content.items() if k != "auth_code"}, notify_url)
        return shapes.charge_answer(self._platform.charge(terms, code, is_face=scene == "security_code"))

    def _face(self, application: Application, content: Content, _: str) -> dict[str, object]:
        """A session for a face device. What the device says of itself is taken as it is, if it says anything."""
        if not content:
            raise AlipayRefusedError(Refusals.INVALID_PARAMETER, "zimmetainfo")
        session, text = self._platform.initialize_face(application.app_id)
        done = {"ret_code_sub": "Z5130", "ret_message_sub": "OK", "zim_id": session, "zim_init_client_data": text}
        return {
            **shapes.OK,
            **done,
            "result": msgspec.json.encode({"zimId": session, "zimInitClientData": text}).decode(),
        }

    def _certificate(self, application: Application, content: Content, _: str) -> dict[str, object]:
        file = self._platform.seals.authority.find(_text(content, "alipay_cert_sn", 64))
        if file is None:
            raise AlipayRefusedError(Refusals.INVALID_PARAMETER, "alipay_cert_sn")
        return {**shapes.OK, "alipay_cert_content": base64.b64encode(file.encode()).decode()}

    def _terms(self, application: Application, content: Content, notify_url: str) -> Terms:
        total_fen = wire.read_yuan(content.get("total_amount"))
        subject = _text(content, "subject", _SUBJECT_MAX)
        number = _text(content, "out_trade_no", 64)
        if total_fen is None or not subject or not number or _FORBIDDEN_IN_SUBJECT & set(subject):
            raise AlipayRefusedError(Refusals.INVALID_PARAMETER)
        own = {"out_trade_no", "total_amount", "subject", "terminal_id", "body"}
        times = {"timeout_express", "qr_code_timeout_express", "time_expire"}
        rest = {name: value for name, value in content.items() if name not in own | times}
        return Terms(
            app_id=application.app_id,
            out_trade_no=number,
            subject=subject,
            total_fen=total_fen,
            notify_url=notify_url,
            terminal_id=_text(content, "terminal_id", 32),
            body=_text(content, "body", 128),
            timeout_express=_text(content, "timeout_express", 8),
            qr_code_timeout_express=_text(content, "qr_code_timeout_express", 8),
            time_expire=_text(content, "time_expire", 32),
            rest=msgspec.json.encode(rest, order="deterministic").decode(),
        )

    def _trade(self, application: Application, content: Content) -> Trade:
        return self._platform.look_up(application.app_id, *_names(content))

    def _query(self, application: Application, content: Content, _: str) -> dict[str, object]:
        return shapes.query_answer(self._trade(application, content))

    def _cancel(self, application: Application, content: Content, _: str) -> dict[str, object]:
        return shapes.cancel_answer(*self._platform.cancel(application.app_id, *_names(content)))

    def _close(self, application: Application, content: Content, _: str) -> dict[str, object]:
        return shapes.close_answer(self._platform.close(self._trade(application, content)))

    def _refund(self, application: Application, content: Content, _: str) -> dict[str, object]:
        amount_fen = wire.read_yuan(content.get("refund_amount"))
        trade = self._trade(application, content)
        request_no = _text(content, "out_request_no", 64)
        if amount_fen is None or (not request_no and amount_fen != trade.terms.total_fen):
            raise AlipayRefusedError(Refusals.INVALID_PARAMETER)
        asked = RefundAsked(request_no or trade.terms.out_trade_no, amount_fen, _text(content, "refund_reason", 256))
        refund, has_moved = self._platform.refund(trade, asked)
        return shapes.refund_answer(trade, refund, self._platform.refunded_fen(trade), has_moved=has_moved)

    def _refund_query(self, application: Application, content: Content, _: str) -> dict[str, object]:
        trade = self._trade(application, content)
        request_no = _text(content, "out_request_no", 64)
        if not request_no:
            raise AlipayRefusedError(Refusals.INVALID_PARAMETER)
        return shapes.refund_query_answer(trade, self._platform.find_refund(trade, request_no))

    def _bill(self, application: Application, content: Content, _: str) -> dict[str, object]:
        """The address without its host, which is the one the merchant called."""
        self._platform.advance()
        kind = BILL_TYPES.get(_text(content, "bill_type", 32))
        if kind is None:
            raise AlipayRefusedError(Refusals.BILL_ARGUMENTS, "bill_type")
        token = self._platform.bill_counter.ask(application, kind, _text(content, "bill_date", 15))
        return {
            **shapes.OK,
            "bill_download_url": f"{DOWNLOAD_PATH}?{urlencode({'fileType': 'csv.zip', 'token': token})}",
        }

    def _bill_file(self, exchange: Exchange, fault: CallFault | None) -> Answer:
        """The file to whoever has the address: no signature either way, and nothing for one that is over."""
        if exchange.method != "GET" or fault in (*_BEFORE, CallFault.UNAVAILABLE):
            return Answer(502 if fault else 405)
        token = dict(parse_qsl(exchange.raw_query)).get("token", "")
        bill = self._platform.bill_counter.download(token)
        return Answer(200, bill, "application/zip") if bill else Answer(404)

    # answers

    def _signed(self, parameters: Mapping[str, str], response: dict[str, object], guise: Guise) -> Answer:
        """`parameters` were admitted: their application is known."""
        application, seals = self._platform.books_now.applications[parameters["app_id"]], self._platform.seals
        text, key = wire.response_text(response), wire.response_key(parameters["method"])
        sign = seals.sign(text.encode(), application, guise)
        return Answer(200, wire.answer_body(key, text, sign, seals.certificate_sn(application)), wire.MEDIA_TYPE)

    def _refused(self, parameters: Mapping[str, str], error: AlipayRefusedError) -> Answer:
        method, refusal = parameters.get("method", ""), error.refusal.value
        response: dict[str, object] = {
            "code": refusal.code,
            "msg": MESSAGES[refusal.code],
            "sub_code": refusal.sub_code,
            "sub_msg": refusal.sub_msg + (f"：{error.detail}" if error.detail else ""),
        }
        if refusal.code == "40004":
            return self._signed(parameters, response, Guise.GENUINE)
        key = wire.response_key(method) if method in VERBS else "error_response"
        return Answer(200, wire.answer_body(key, wire.response_text(response), None), wire.MEDIA_TYPE)


def _parameters(exchange: Exchange) -> dict[str, str]:
    """Query and form together; the form's value wins."""
    pairs = parse_qsl(exchange.raw_query, keep_blank_values=True)
    content_type = exchange.headers.get("content-type", "")
    if content_type.startswith("multipart/form-data"):
        pairs += wire.read_multipart(content_type, exchange.body)
    elif content_type.startswith("application/x-www-form-urlencoded"):
        pairs += parse_qsl(exchange.body.decode("utf-8", "replace"), keep_blank_values=True)
    return dict(pairs)


def _content(parameters: Mapping[str, str]) -> Content:
    try:
        content = msgspec.json.decode(parameters.get("biz_content") or "{}")
    except msgspec.DecodeError as error:
        raise AlipayRefusedError(Refusals.BAD_PARAMETER, "biz_content") from error
    if not isinstance(content, dict):
        raise AlipayRefusedError(Refusals.BAD_PARAMETER, "biz_content")
    return content


def _text(content: Content, name: str, length_max: int) -> str:
    value = content.get(name, "")
    if not isinstance(value, str) or len(value) > length_max:
        raise AlipayRefusedError(Refusals.INVALID_PARAMETER, name)
    return value


def _names(content: Content) -> tuple[str, str]:
    """(out_trade_no, trade_no), of which at least one is given."""
    names = _text(content, "out_trade_no", 64), _text(content, "trade_no", 64)
    if not any(names):
        raise AlipayRefusedError(Refusals.INVALID_PARAMETER, "out_trade_no")
    return names
