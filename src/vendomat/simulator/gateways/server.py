"""The payment-platform emulators as one server: four ports on one loop, started and stopped as a whole."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vendomat.kernel import Clock
from vendomat.simulator.gateways.alarms import Alarms
from vendomat.simulator.gateways.alipay import GATEWAY_PATH, AlipayApi, AlipayPlatform
from vendomat.simulator.gateways.clock_control import restore_clock
from vendomat.simulator.gateways.context import Context
from vendomat.simulator.gateways.control import ControlApi, Platforms
from vendomat.simulator.gateways.enrolment import (
    Addresses,
    AlipayAccount,
    StripeAccount,
    WechatAccount,
    open_alipay_account,
    open_stripe_account,
    open_wechat_account,
)
from vendomat.simulator.gateways.faults import CallFault, FaultBook, NoticeFault
from vendomat.simulator.gateways.front import Front
from vendomat.simulator.gateways.keys import KeySource, make_key
from vendomat.simulator.gateways.listener import Listener
from vendomat.simulator.gateways.notices import NoticeEngine
from vendomat.simulator.gateways.numbers import Numbers, Randomness
from vendomat.simulator.gateways.settings import GatewaySettings
from vendomat.simulator.gateways.store import RecordStore
from vendomat.simulator.gateways.stripe import StripeApi, StripePlatform
from vendomat.simulator.gateways.wallet import Wallet
from vendomat.simulator.gateways.wechat import KeyMode, WechatApi, WechatPlatform

STORE_NAME = "gateways.sqlite3"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayPorts:
    wechat: int
    wechat_tls: int
    alipay: int
    stripe: int
    control: int


class GatewayServer:
    """`await start()` gives the ports; `await stop()` ends everything it started."""

    def __init__(
        self,
        settings: GatewaySettings,
        clock: Clock,
        *,
        randomness: Randomness = secrets.randbits,
        make_key: KeySource = make_key,
        open_store: Callable[[Path | None], RecordStore] = RecordStore,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._numbers = Numbers(randomness)
        self._make_key = make_key
        self._listeners: list[Listener] = []
        self.call_faults: FaultBook[CallFault] = FaultBook()
        self.notice_faults: FaultBook[NoticeFault] = FaultBook()
        path = settings.data_dir / STORE_NAME if settings.data_dir else None
        self._store = open_store(path)

    async def start(self) -> GatewayPorts:
        """Bind the ports, take up what a former process left, and listen."""
        settings = self._settings
        sockets = [_bound(settings.host, port) for port in self._wanted_ports()]
        self.ports = GatewayPorts(
            wechat=sockets[0].getsockname()[1],
            wechat_tls=sockets[1].getsockname()[1],
            alipay=sockets[2].getsockname()[1],
            stripe=sockets[3].getsockname()[1],
            control=sockets[4].getsockname()[1],
        )
        self._notices = NoticeEngine(settings, self._clock, self._store, self.notice_faults)
        self._alarms = Alarms(self._clock)
        restore_clock(self._clock, self._store)
        self._context = context = Context(
            settings=settings,
            clock=self._clock,
            numbers=self._numbers,
            make_key=self._make_key,
            store=self._store,
            notices=self._notices,
            alarms=self._alarms,
            call_faults=self.call_faults,
        )
        self.wechat = WechatPlatform(context)
        self.alipay = AlipayPlatform(context)
        self.stripe = StripePlatform(context, self.stripe_base_url)
        for platform in (self.wechat, self.alipay, self.stripe):
            platform.restore()
        self._notices.resume()
        (wechat, alipay, stripe), control = self._applications(context)
        self._listeners = [
            Listener(wechat, sockets[0]),
            Listener(wechat, sockets[1], self.wechat.door.context),
            Listener(alipay, sockets[2]),
            Listener(stripe, sockets[3]),
            Listener(control, sockets[4]),
        ]
        for listener in self._listeners:
            await listener.open()
        return self.ports

    async def stop(self) -> None:
        """Stop listening, drop what is under way, close the books. What was answered stays on record."""
        await asyncio.gather(*(listener.close() for listener in self._listeners))
        await self._alarms.aclose()
        await self._notices.aclose()
        self._store.close()

    @property
    def wechat_base_url(self) -> str:
        return f"http://{self._settings.host}:{self.ports.wechat}"

    @property
    def wechat_certificate_url(self) -> str:
        return f"https://{self._settings.host}:{self.ports.wechat_tls}"

    @property
    def alipay_gateway_url(self) -> str:
        return f"http://{self._settings.host}:{self.ports.alipay}{GATEWAY_PATH}"

    @property
    def stripe_base_url(self) -> str:
        return f"http://{self._settings.host}:{self.ports.stripe}"

    @property
    def control_url(self) -> str:
        return f"http://{self._settings.host}:{self.ports.control}"

    def open_wechat_account(self, name: str, mode: KeyMode = KeyMode.PUBLIC_KEY) -> WechatAccount:
        """A merchant at WeChat Pay, with everything its client needs."""
        return open_wechat_account(self.wechat, self._context, name, mode=mode, addresses=self._addresses())

    def open_alipay_account(self, name: str, *, has_certificates: bool = False) -> AlipayAccount:
        """An application at Alipay, with everything its client needs."""
        return open_alipay_account(
            self.alipay,
            self._context,
            name,
            gateway_url=self.alipay_gateway_url,
            has_certificates=has_certificates,
        )

    def open_stripe_account(self, name: str) -> StripeAccount:
        """An account at Stripe, with everything its client needs. `stripe.set_webhook` says where its events go."""
        return open_stripe_account(self.stripe, self._context, name, base_url=self.stripe_base_url)

    def _wanted_ports(self) -> tuple[int, ...]:
        settings = self._settings
        ours = settings.wechat_port, settings.wechat_tls_port, settings.alipay_port, settings.stripe_port
        return *ours, settings.control_port

    def _addresses(self) -> Addresses:
        return Addresses(
            wechat_base_url=self.wechat_base_url,
            wechat_certificate_url=self.wechat_certificate_url,
            alipay_gateway_url=self.alipay_gateway_url,
            stripe_base_url=self.stripe_base_url,
        )

    def _applications(self, context: Context) -> tuple[list[Front], ControlApi]:
        hold_s = self._settings.timeout_hold_s
        wechat = WechatApi(self.wechat, self._clock, self._numbers)
        alipay = AlipayApi(self.alipay, self._clock, self._numbers)
        platforms = Platforms(self.wechat, self.alipay, self.stripe)
        fronts = [
            Front(api, Wallet(platform, self._clock), self.call_faults, clock=self._clock, hold_s=hold_s)
            for api, platform in (
                (wechat, self.wechat),
                (alipay, self.alipay),
                (StripeApi(self.stripe, self._numbers), self.stripe),
            )
        ]
        control = ControlApi(context, platforms, notice_faults=self.notice_faults, addresses=self._addresses())
        return fronts, control


def _bound(host: str, port: int) -> socket.socket:
    # The protocol must be named: the loop sets TCP_NODELAY only on sockets that say they are TCP.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    return bound
