"""The merchant's side for these tests, written against the documents: signs, calls, verifies, receives notices."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
from alipay import DCAliPay

from vendomat.simulator.gateways import AlipayAccount, WechatAccount, keys
from vendomat.simulator.gateways.wechat import wire

CHINA = timezone(timedelta(hours=8))


class WechatMerchant:
    """Calls WeChat Pay's API as `account`; `clock` gives the UNIX time that is signed."""

    def __init__(self, account: WechatAccount, clock: Callable[[], float] = time.time) -> None:
        self.account = account
        self.clock = clock
        self.client = httpx.AsyncClient(base_url=account.base_url, trust_env=False, timeout=30)
        self._key = keys.load_private(account.merchant_private_key_pem)

    def authorization(self, method: str, target: str, body: bytes, *, timestamp: float | None = None) -> str:
        stamp, nonce = str(int(timestamp or self.clock())), "593BEC0C930BF1AFEB40B4A08C8FB242"
        signature = keys.sign(self._key, wire.request_text(method, target, (stamp, nonce), body))
        return wire.write_authorization(
            wire.Authorization(self.account.mchid, self.account.merchant_serial_no, stamp, nonce, signature)
        )

    async def call(self, method: str, target: str, body: object = None, **headers: str) -> httpx.Response:
        raw = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        sent = {"Authorization": self.authorization(method, target, raw), "Accept": "application/json"} | headers
        if raw:
            sent["Content-Type"] = "application/json"
        return await self.client.request(method, target, content=raw, headers=sent)

    def order(self, number: str = "pay_0000000001", total: int = 350, **more: Any) -> dict[str, Any]:
        return {
            "appid": self.account.appid,
            "mchid": self.account.mchid,
            "description": "冰红茶",
            "out_trade_no": number,
            "notify_url": "http://127.0.0.1:9/notify/mer_1",
            "amount": {"total": total, "currency": "CNY"},
            "scene_info": {"payer_client_ip": "127.0.0.1", "device_id": "A-17"},
        } | more

    async def create(self, number: str = "pay_0000000001", total: int = 350, **more: Any) -> httpx.Response:
        return await self.call("POST", "/v3/pay/transactions/native", self.order(number, total, **more))

    async def query(self, number: str = "pay_0000000001") -> httpx.Response:
        return await self.call("GET", f"/v3/pay/transactions/out-trade-no/{number}?mchid={self.account.mchid}")

    async def close(self, number: str = "pay_0000000001") -> httpx.Response:
        target = f"/v3/pay/transactions/out-trade-no/{number}/close"
        return await self.call("POST", target, {"mchid": self.account.mchid})

    async def refund(self, refund_number: str, refund: int, **more: Any) -> httpx.Response:
        body = {
            "out_trade_no": "pay_0000000001",
            "out_refund_no": refund_number,
            "reason": "未出货",
            "amount": {"refund": refund, "total": 350, "currency": "CNY"},
        } | more
        return await self.call("POST", "/v3/refund/domestic/refunds", body)

    async def query_refund(self, refund_number: str) -> httpx.Response:
        return await self.call("GET", f"/v3/refund/domestic/refunds/{refund_number}")

    def is_genuine(self, headers: httpx.Headers | dict[str, str], body: bytes) -> bool:
        """Whether `body` carries the signature of the platform key that its serial names."""
        account = self.account
        pem = {
            account.public_key_id: account.public_key_pem,
            account.platform_serial_no: account.platform_certificate_pem,
        }.get(headers["wechatpay-serial"])
        text = wire.answer_text(headers["wechatpay-timestamp"], headers["wechatpay-nonce"], body)
        return pem is not None and keys.is_signed(keys.load_public(pem), text, headers["wechatpay-signature"])

    def open_resource(self, body: bytes) -> dict[str, Any]:
        resource = json.loads(body)["resource"]
        plain = wire.unseal(
            self.account.apiv3_key.encode(), resource["nonce"], resource["associated_data"], resource["ciphertext"]
        )
        assert plain is not None
        return dict(json.loads(plain))


class AlipayMerchant:
    """Calls Alipay's gateway as `account`."""

    def __init__(self, account: AlipayAccount) -> None:
        self.account = account
        self.client = httpx.AsyncClient(trust_env=False, timeout=30)
        self._key = keys.load_private(account.app_private_key_pem)

    def parameters(self, method: str, content: object, **more: str) -> dict[str, str]:
        given = {
            "app_id": self.account.app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": datetime.now(UTC).astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S"),
            "version": "1.0",
            "biz_content": json.dumps(content, ensure_ascii=False),
        } | more
        if self.account.app_certificate_pem:
            given["app_cert_sn"] = DCAliPay.get_cert_sn(self.account.app_certificate_pem)
            given["alipay_root_cert_sn"] = DCAliPay.get_root_cert_sn(self.account.alipay_root_certificate_pem)
        text = "&".join(f"{name}={given[name]}" for name in sorted(given) if given[name])
        return given | {"sign": keys.sign(self._key, text.encode())}

    async def send(self, parameters: dict[str, str], *, as_form: bool = False) -> httpx.Response:
        if as_form:
            content = parameters.pop("biz_content")
            return await self.client.post(
                f"{self.account.gateway_url}?{urlencode(parameters)}", data={"biz_content": content}
            )
        return await self.client.get(f"{self.account.gateway_url}?{urlencode(parameters)}")

    async def call(self, verb: str, **content: Any) -> dict[str, Any]:
        """The response of `alipay.trade.<verb>` with the signature checked over its raw text."""
        method = f"alipay.trade.{verb}"
        more = {"notify_url": content.pop("notify_url")} if "notify_url" in content else {}
        content.setdefault("out_trade_no", "pay_0000000001")
        answer = await self.send(self.parameters(method, content, **more))
        assert self.is_genuine(answer.text, method), answer.text
        return dict(answer.json()[f"{method.replace('.', '_')}_response"])

    async def precreate(self, number: str = "pay_0000000001", **more: Any) -> dict[str, Any]:
        content = {"out_trade_no": number, "total_amount": "3.50", "subject": "冰红茶", "terminal_id": "A-17"} | more
        return await self.call("precreate", **content)

    def is_genuine(self, text: str, method: str) -> bool:
        start = text.index("{", 1)
        end = text.rindex(',"alipay_cert_sn":"' if self.account.app_certificate_pem else ',"sign":"')
        sign = json.loads(text)["sign"]
        return keys.is_signed(keys.load_public(self.account.alipay_public_key_pem), text[start:end].encode(), sign)

    def is_genuine_notice(self, body: bytes) -> bool:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
        sign = fields.pop("sign")
        fields.pop("sign_type")
        text = "&".join(f"{name}={fields[name]}" for name in sorted(fields))
        return keys.is_signed(keys.load_public(self.account.alipay_public_key_pem), text.encode(), sign)


@dataclass
class Received:
    headers: dict[str, str]
    body: bytes


@dataclass
class NoticeSink:
    """A tiny web server that keeps notices; it answers as `answers` says, the last one for ever."""

    answers: list[tuple[int, bytes]] = field(default_factory=lambda: [(200, b"success")])
    received: list[Received] = field(default_factory=list)
    url: str = ""
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/notify/mer_1"

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def wait_for(self, count: int) -> list[Received]:
        async with asyncio.timeout(60):
            while len(self.received) < count:
                await asyncio.sleep(0.005)
        return self.received

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(_header(line) for line in head[1:] if line)
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.received.append(Received(headers, body))
        status, text = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n".encode() + text)
        await writer.drain()
        writer.close()


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(": ")
    return name.lower(), value
