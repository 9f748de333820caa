"""The control port: opens accounts, plays the buyer, orders faults, shows the platforms' own books. JSON, and a page.

It shares no key with the product and takes no call that a real platform would take.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import msgspec

from vendomat.kernel import VendomatError
from vendomat.simulator.gateways.alipay import AlipayPlatform, Application
from vendomat.simulator.gateways.asgi import Answer, Exchange, Receive, Scope, Send, read_exchange, send_answer
from vendomat.simulator.gateways.bill_control import MakesBills, bill_routes
from vendomat.simulator.gateways.buyer_control import buyer_routes
from vendomat.simulator.gateways.clock_control import clock_routes
from vendomat.simulator.gateways.context import Context
from vendomat.simulator.gateways.desk import DeskPages, is_from_another_site
from vendomat.simulator.gateways.enrolment import (
    Addresses,
    open_alipay_account,
    open_stripe_account,
    open_wechat_account,
)
from vendomat.simulator.gateways.fault_control import fault_routes
from vendomat.simulator.gateways.faults import FaultBook, NoticeFault
from vendomat.simulator.gateways.keys import serial_of
from vendomat.simulator.gateways.notice_control import notice_routes
from vendomat.simulator.gateways.stripe import StripePlatform
from vendomat.simulator.gateways.views import BuyerRefusedError, Platform
from vendomat.simulator.gateways.wechat import KeyMode, Merchant, WechatPlatform, wechat_routes


class _NewAccounts(msgspec.Struct):
    """`mode` is how WeChat and Alipay sign; `platforms` empty means all."""

    name: str = "Vendomat demo"
    mode: KeyMode = KeyMode.PUBLIC_KEY
    platforms: list[str] = []


class _WechatMerchant(msgspec.Struct):
    mchid: str
    appid: str
    apiv3_key: str
    certificate_pem: str
    name: str = ""
    mode: KeyMode = KeyMode.PUBLIC_KEY
    apiv2_key: str = ""


class _AlipayApplication(msgspec.Struct):
    app_id: str
    seller_id: str
    public_key_pem: str = ""
    certificate_pem: str = ""
    name: str = ""


class _FaceSeen(msgspec.Struct):
    session: str
    payer: str = "buyer-1"


class _Webhook(msgspec.Struct):
    account: str
    url: str


class _Balance(msgspec.Struct):
    account: str
    balance_fen: int


class _Outcome(msgspec.Struct):
    outcome: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Platforms:
    wechat: WechatPlatform
    alipay: AlipayPlatform
    stripe: StripePlatform


class ControlApi:
    """The ASGI application of the control port."""

    def __init__(
        self,
        context: Context,
        platforms: Platforms,
        *,
        notice_faults: FaultBook[NoticeFault],
        addresses: Addresses,
    ) -> None:
        self._context = context
        self._wechat, self._alipay, self._stripe = platforms.wechat, platforms.alipay, platforms.stripe
        self._platforms: Mapping[str, WechatPlatform | AlipayPlatform | StripePlatform] = {
            "wechat": self._wechat,
            "alipay": self._alipay,
            "stripe": self._stripe,
        }
        self._addresses = addresses
        self._pages = DeskPages(addresses)
        self._routes: dict[tuple[str, str], Callable[[bytes], object]] = {
            ("GET", "health"): lambda _: {"status": "ok", "now": context.clock.now()},
            ("POST", "merchants"): self._open_accounts,
            ("POST", "wechat/merchants"): self._register_wechat,
            ("POST", "alipay/applications"): self._register_alipay,
            ("POST", "alipay/face"): self._look,
            ("POST", "alipay/keys/rotate"): lambda _: {"alipay_cert_sn": self._alipay.seals.authority.rotate()},
            ("POST", "stripe/webhook"): self._set_webhook,
            ("POST", "wechat/portal-refund-url"): self._set_portal_refund_url,
        }
        self._routes |= fault_routes(context.call_faults, notice_faults)
        self._routes |= clock_routes(context.clock, context.notices, context.store)
        self._routes |= wechat_routes(self._wechat)
        for name, platform in self._platforms.items():
            self._routes |= self._platform_routes(name, platform)
            self._routes |= buyer_routes(name, platform) | notice_routes(name, platform, context.notices)
            if isinstance(platform, MakesBills):
                self._routes |= bill_routes(name, platform)

    def _platform_routes(self, name: str, platform: Platform) -> dict[tuple[str, str], Callable[[bytes], object]]:
        return {
            ("GET", f"{name}/books"): lambda _: platform.books(),
            ("POST", f"{name}/balance"): lambda body: self._set_balance(platform, body),
            ("POST", f"{name}/refunds/outcome"): lambda body: self._set_outcome(platform, body),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = await read_exchange(scope, receive)
        if exchange is not None:
            await send_answer(send, await self._answer(exchange))

    async def _answer(self, exchange: Exchange) -> Answer:
        if is_from_another_site(exchange):
            return Answer.of_json(403, {"error": "forbidden", "message": "another site's page may not do this"})
        if (page := self._pages.answer(exchange)) is not None:
            return page
        _, prefix, path = [*exchange.raw_path.split("/", 2), "", ""][:3]
        if prefix != "control":
            return Answer.of_json(404, {"error": "not_found", "message": "the control port answers under /control/"})
        try:
            act = self._routes.get((exchange.method, path))
            if act is None:
                return Answer.of_json(404, {"error": "not_found", "message": f"no {exchange.method} /control/{path}"})
            done = act(exchange.body)
            return Answer.of_json(200, await done if isinstance(done, Awaitable) else done)
        except BuyerRefusedError as error:
            return Answer.of_json(409, {"error": error.reason, "message": "the platform does not let the buyer pay"})
        except VendomatError as error:
            return Answer.of_json(400, {"error": error.code, "message": error.message})
        except (msgspec.DecodeError, ValueError, KeyError) as error:
            return Answer.of_json(400, {"error": "malformed", "message": str(error)})

    # accounts

    def _open_accounts(self, body: bytes) -> dict[str, object]:
        asked = msgspec.json.decode(body or b"{}", type=_NewAccounts)
        opened: dict[str, object] = {}
        if not asked.platforms or "wechat" in asked.platforms:
            opened["wechat"] = open_wechat_account(
                self._wechat,
                self._context,
                asked.name,
                mode=asked.mode,
                addresses=self._addresses,
            )
        if not asked.platforms or "alipay" in asked.platforms:
            opened["alipay"] = open_alipay_account(
                self._alipay,
                self._context,
                asked.name,
                gateway_url=self._addresses.alipay_gateway_url,
                has_certificates=asked.mode is KeyMode.CERTIFICATE,
            )
        if not asked.platforms or "stripe" in asked.platforms:
            opened["stripe"] = open_stripe_account(
                self._stripe, self._context, asked.name, base_url=self._addresses.stripe_base_url
            )
        return opened

    def _set_webhook(self, body: bytes) -> dict[str, str]:
        asked = msgspec.json.decode(body, type=_Webhook)
        self._stripe.set_webhook(asked.account, asked.url)
        return {"status": "ok"}

    def _set_portal_refund_url(self, body: bytes) -> dict[str, str]:
        asked = msgspec.json.decode(body, type=_Webhook)
        self._wechat.set_portal_refund_url(asked.account, asked.url)
        return {"status": "ok"}

    def _register_wechat(self, body: bytes) -> dict[str, str]:
        asked = msgspec.json.decode(body, type=_WechatMerchant)
        if len(asked.apiv3_key.encode()) != 32:
            raise ValueError("apiv3_key must have 32 bytes")
        self._wechat.register(
            Merchant(
                mchid=asked.mchid,
                appid=asked.appid,
                name=asked.name or asked.mchid,
                serial_no=serial_of(asked.certificate_pem),
                public_key_pem=asked.certificate_pem,
                apiv3_key=asked.apiv3_key,
                mode=asked.mode,
                balance_fen=self._context.settings.opening_balance_fen,
                apiv2_key=asked.apiv2_key,
                certificate_pem=asked.certificate_pem,
                fee_basis_points=self._context.settings.fee_basis_points,
            )
        )
        seals = self._wechat.seals
        return {
            "base_url": self._addresses.wechat_base_url,
            "certificate_url": self._addresses.wechat_certificate_url,
            "ca_certificate_pem": self._wechat.door.certificate_pem,
            "public_key_id": seals.public_key_id,
            "public_key_pem": seals.public_key_pem,
            "platform_serial_no": seals.certificate_serial,
            "platform_certificate_pem": seals.certificate_pem,
        }

    def _register_alipay(self, body: bytes) -> dict[str, str]:
        asked = msgspec.json.decode(body, type=_AlipayApplication)
        self._alipay.register(
            Application(
                app_id=asked.app_id,
                seller_id=asked.seller_id,
                name=asked.name or asked.app_id,
                public_key_pem=asked.certificate_pem or asked.public_key_pem,
                certificate_pem=asked.certificate_pem,
                balance_fen=self._context.settings.opening_balance_fen,
                fee_basis_points=self._context.settings.fee_basis_points,
            )
        )
        told = {
            "gateway_url": self._addresses.alipay_gateway_url,
            "alipay_public_key_pem": self._alipay.seals.public_key_pem,
        }
        if asked.certificate_pem:
            authority = self._alipay.seals.authority
            told |= {"alipay_certificate_pem": authority.file, "alipay_root_certificate_pem": authority.root_file}
        return told

    def _look(self, body: bytes) -> dict[str, str]:
        asked = msgspec.json.decode(body, type=_FaceSeen)
        return {"token": self._alipay.look(asked.session, asked.payer)}

    def _set_balance(self, platform: Platform, body: bytes) -> dict[str, str]:
        asked = msgspec.json.decode(body, type=_Balance)
        platform.set_balance(asked.account, asked.balance_fen)
        return {"status": "ok"}

    def _set_outcome(self, platform: Platform, body: bytes) -> dict[str, str]:
        asked = msgspec.json.decode(body, type=_Outcome)
        platform.settle_next_refunds_as(asked.outcome, asked.count)
        return {"status": "ok"}
