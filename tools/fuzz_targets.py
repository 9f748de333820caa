"""What `make fuzz` feeds: the parsers that read what platforms, machines and strangers send, ours and the emulators'.

A target may raise the words in which it refuses, and nothing else. It reads bytes and does no I/O.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO

import msgspec

from vendomat.cloud.payments.emvco import decode_merchant_code
from vendomat.cloud.payments.providers import BillError
from vendomat.cloud.payments.providers.alipay import wire as alipay
from vendomat.cloud.payments.providers.bill_cells import csv_lines, fen_of, moment_of
from vendomat.cloud.payments.providers.doubt import NotKnownError
from vendomat.cloud.payments.providers.stripe import wire as stripe
from vendomat.cloud.payments.providers.wechat import v2_wire
from vendomat.cloud.payments.providers.wechat import wire as wechat
from vendomat.kernel import VendomatError
from vendomat.protocol import unseal
from vendomat.simulator.gateways.alipay import wire as emulated_alipay
from vendomat.simulator.gateways.stripe import wire as emulated_stripe
from vendomat.simulator.gateways.stripe.refusals import StripeRefusedError
from vendomat.simulator.gateways.wechat import requests as emulated_requests
from vendomat.simulator.gateways.wechat import v2_wire as emulated_v2
from vendomat.simulator.gateways.wechat import wire as emulated_wechat
from vendomat.simulator.gateways.wechat.refusals import WechatRefusedError

_ACCOUNT = wechat.Account("1900000001", "wx1")


@dataclass(frozen=True, slots=True)
class Target:
    """`read` refuses by one of `refusals`; `seeds` are inputs that it takes."""

    read: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    refusals: tuple[type[Exception], ...] = (NotKnownError,)

    def feed(self, data: bytes) -> None:
        try:
            self.read(data)
        except self.refusals:
            return


def _wechat_notice(data: bytes) -> object:
    for read in (lambda: wechat.trade_of(data, _ACCOUNT), lambda: wechat.refund_of_notice(data, mchid="1900000001")):
        try:
            read()
        except NotKnownError:
            continue
    return wechat.decode(data, wechat.NoticeEnvelope)


def _wechat_xml(data: bytes) -> object:
    fields = v2_wire.read_xml(data)
    v2_wire.read_reverse(fields)
    return v2_wire.read_trade(fields, "pay_1234567890", mchid="1900000001", appid="wx1")


def _alipay_notice(data: bytes) -> object:
    fields = alipay.read_form(data)
    alipay.notice_text(fields, has_certificates=True)
    alipay.moment_of(fields.get("notify_time", ""))
    return alipay.trade_of_notice(fields, app_id="2021")


def _stripe_event(data: bytes) -> object:
    event = stripe.decode(data, stripe.Event)
    try:
        return stripe.trade_told(event, account="acct_1")
    except NotKnownError:
        return stripe.refund_told(stripe.of_kind(event.data.object, stripe.Refund, "refund"))


def _bill(data: bytes) -> object:
    cells = [cell for line in csv_lines(StringIO(data.decode("utf-8", "replace"))) for cell in line]
    for cell in cells[:50]:
        for read in (fen_of, moment_of):
            try:
                read(cell)
            except BillError:
                continue
    return cells


def _envelope(data: bytes) -> object:
    return unseal(data, verify=lambda *_: True, machine="mch_1")


def _emulated_wechat(data: bytes) -> object:
    text = data.decode("latin-1")
    emulated_wechat.read_authorization(text)
    emulated_v2.read_xml(data.decode("utf-8", "replace"))
    for read in (emulated_requests.read_order, emulated_requests.read_charge, emulated_requests.read_refund):
        try:
            read(data)
        except WechatRefusedError:
            continue
    return emulated_requests.read_close(data)


def _emulated_alipay(data: bytes) -> object:
    kind, _, body = data.partition(b"\n")
    text = body.decode("utf-8", "replace")
    emulated_alipay.read_yuan(text)
    emulated_alipay.read_time(text)
    emulated_alipay.read_duration(text, 60.0)
    return emulated_alipay.read_multipart(f"multipart/form-data; boundary={kind.decode('latin-1')}", body)


def _emulated_stripe(data: bytes) -> object:
    form = emulated_stripe.read_form(data.decode("utf-8", "replace"))
    emulated_stripe.mapped(form, "metadata")
    emulated_stripe.listed(form, "expand")
    return emulated_stripe.integer(form, "amount")


_TRADE = {
    "appid": "wx1",
    "mchid": "1900000001",
    "out_trade_no": "pay_1234567890",
    "transaction_id": "4200000000000000000000000001",
    "trade_state": "SUCCESS",
    "success_time": "2026-01-01T08:00:10+08:00",
    "amount": {"total": 350, "currency": "CNY"},
}
_SESSION = {"id": "cs_1", "object": "checkout.session", "status": "complete", "payment_status": "paid"}
_EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "checkout.session.completed",
    "created": 1,
    "livemode": False,
    "data": {"object": _SESSION | {"amount_total": 350, "currency": "cny", "client_reference_id": "pay_1234567890"}},
}
_XML = b"<xml><return_code><![CDATA[SUCCESS]]></return_code><total_fee>350</total_fee></xml>"
_ORDER = b'{"appid":"wx1","mchid":"19","description":"t","out_trade_no":"pay_123456","amount":{"total":1}}'
_encode = msgspec.json.encode

TARGETS = {
    "wechat-notice": Target(_wechat_notice, (_encode(_TRADE), b'{"id":"1","resource":{"ciphertext":""}}')),
    "wechat-xml": Target(_wechat_xml, (_XML, b'<!DOCTYPE x [<!ENTITY a "b">]><xml>&a;</xml>')),
    "alipay-notice": Target(
        _alipay_notice,
        (b"notify_time=2026-01-01+08%3A00%3A12&trade_status=TRADE_SUCCESS&out_trade_no=pay_1&total_amount=3.50",),
    ),
    "stripe-event": Target(_stripe_event, (_encode(_EVENT),)),
    "stripe-signature": Target(lambda data: stripe.signed_at(data.decode("latin-1")), (b"t=1,v1=00,v0=",)),
    "bill-cells": Target(_bill, (b"`2026-01-01 08:00:00,`3.50\r\n", b'"a\nb",1\n'), (BillError,)),
    "merchant-code": Target(
        lambda data: decode_merchant_code(data.decode("utf-8", "replace")),
        (b"00020101021152045814530315654043.505802CN5904Shop6008Shenzhen6304AAAA",),
        (VendomatError,),
    ),
    "machine-envelope": Target(_envelope, (b'{"v":1,"kind":"hello","machine":"mch_1","body":{}}',), (VendomatError,)),
    "emulated-wechat": Target(_emulated_wechat, (_ORDER, _XML), (WechatRefusedError,)),
    "emulated-alipay": Target(
        _emulated_alipay, (b'b\n--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\n', b"b\n2h"), ()
    ),
    "emulated-stripe": Target(_emulated_stripe, (b"amount=350&metadata[a]=b&expand[]=c",), (StripeRefusedError,)),
}
