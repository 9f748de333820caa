"""Alipay's REST protocol (v3) over HTTP: the same books and verbs as the gateway's, another envelope.

Answers are signed in their headers, errors are not and say what is wrong by HTTP status. Where the documents are silent
the choice is ours: the statuses of errors, and 202 for a charge that waits for its buyer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from vendomat.kernel import Clock
from vendomat.simulator.gateways import keys
from vendomat.simulator.gateways.alipay import v3_wire
from vendomat.simulator.gateways.alipay.authority import certificate_sn_of
from vendomat.simulator.gateways.alipay.platform import AlipayPlatform
from vendomat.simulator.gateways.alipay.records import Application
from vendomat.simulator.gateways.alipay.refusals import AlipayRefusedError, Refusals
from vendomat.simulator.gateways.asgi import Answer, Exchange
from vendomat.simulator.gateways.faults import CallFault
from vendomat.simulator.gateways.notices import Guise
from vendomat.simulator.gateways.numbers import Numbers

START = "/v3/"
_STATUSES = {"20000": 500, "40005": 429, "40006": 403}
_WAITING = "10003"
Verb = Callable[[Application, Mapping[str, Any], str], dict[str, object]]
Before = Mapping[CallFault, Refusals]


class AlipayV3Api:
    """`verbs` by method, as `alipay.trade.query`; `before`: what the gateway says under which fault."""

    def __init__(
        self, platform: AlipayPlatform, verbs: Mapping[str, Verb], before: Before, *, clock: Clock, numbers: Numbers
    ) -> None:
        self._platform = platform
        self._verbs = verbs
        self._before = before
        self._clock = clock
        self._numbers = numbers

    @staticmethod
    def method_of(exchange: Exchange) -> str:
        """The gateway's name of what a path asks for."""
        return exchange.raw_path.removeprefix(START).replace("/", ".")

    def answer(self, exchange: Exchange, fault: CallFault | None) -> Answer:
        verb = self._verbs.get(self.method_of(exchange))
        if verb is None:
            return self._refused(AlipayRefusedError(Refusals.BAD_METHOD), 404)
        if exchange.method != ("GET" if exchange.raw_path.endswith("downloadurl/query") else "POST"):
            return Answer(405)
        try:
            application, made = self._done(exchange, verb, fault)
        except AlipayRefusedError as error:
            return self._refused(error, _STATUSES.get(error.refusal.value.code, 400))
        is_false = fault in (CallFault.FORGED_ANSWER, CallFault.SIGNTEST_ANSWER)
        return self._signed(application, made, Guise.FORGED if is_false else Guise.GENUINE)

    def _done(self, exchange: Exchange, verb: Verb, fault: CallFault | None) -> tuple[Application, dict[str, object]]:
        if fault is not None and fault in self._before:
            raise AlipayRefusedError(self._before[fault])
        application = self._admit(exchange)
        content = _content_of(exchange)
        made = verb(application, content, str(content.pop("notify_url", "")))
        if fault == CallFault.ERROR_AFTER:
            raise AlipayRefusedError(Refusals.UNKNOWN_ERROR)
        if "bill_download_url" in made:
            made["bill_download_url"] = f"http://{exchange.headers['host']}{made['bill_download_url']}"
        return application, made

    def _admit(self, exchange: Exchange) -> Application:
        """Who calls: the application before the signature, as in the older protocol."""
        credentials = v3_wire.read_authorization(exchange.headers.get("authorization", ""))
        if credentials is None:
            raise AlipayRefusedError(Refusals.NO_TIMESTAMP)  # which is what the real one says to none at all
        application = self._platform.books_now.applications.get(credentials.app_id)
        if application is None:
            raise AlipayRefusedError(Refusals.BAD_APP_ID)
        if abs(self._clock.now().timestamp() * 1000 - credentials.timestamp_ms) > credentials.expired_s * 1000:
            raise AlipayRefusedError(Refusals.BAD_TIMESTAMP)
        if application.certificate_pem and credentials.app_cert_sn != certificate_sn_of(application.certificate_pem):
            raise AlipayRefusedError(Refusals.BAD_CERTIFICATE if credentials.app_cert_sn else Refusals.NO_CERTIFICATE)
        text = v3_wire.request_text(credentials.text, exchange.method, exchange.target, exchange.body)
        if not keys.is_signed(keys.load_public(application.public_key_pem), text, credentials.sign):
            raise AlipayRefusedError(Refusals.BAD_SIGNATURE)
        return application

    def _signed(self, application: Application, made: Mapping[str, object], guise: Guise) -> Answer:
        status = 202 if made.get("code") == _WAITING else 200
        body = msgspec.json.encode({name: value for name, value in made.items() if name not in ("code", "msg")})
        timestamp, nonce = str(int(self._clock.now().timestamp() * 1000)), self._numbers.hex(32)
        seals = self._platform.seals
        headers = [
            ("alipay-timestamp", timestamp),
            ("alipay-nonce", nonce),
            ("alipay-signature", seals.sign(v3_wire.answer_text(timestamp, nonce, body), application, guise)),
            ("alipay-trace-id", self._numbers.hex(32)),
        ]
        if sn := seals.certificate_sn(application):
            headers.append(("alipay-sn", sn))
        return Answer(status, body, "application/json;charset=utf-8", tuple(headers))

    def _refused(self, error: AlipayRefusedError, status: int) -> Answer:
        refusal = error.refusal.value
        message = refusal.sub_msg + (f"：{error.detail}" if error.detail else "")
        said = {"code": v3_wire.error_code(refusal.sub_code), "message": message, "links": []}
        headers = (("alipay-trace-id", self._numbers.hex(32)),)
        return Answer(status, msgspec.json.encode(said), "application/json;charset=utf-8", headers)


def _content_of(exchange: Exchange) -> dict[str, Any]:
    if exchange.method == "GET":
        return dict(parse_qsl(exchange.raw_query))
    try:
        return msgspec.json.decode(exchange.body or b"{}", type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise AlipayRefusedError(Refusals.BAD_PARAMETER, "body") from error
