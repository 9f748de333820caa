"""A stage for the contract suite: one provider, its real emulated platform, a buyer, and the merchant's notice door."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from vendomat.cloud.payments.providers import (
    ChargeCredential,
    Charged,
    ChargeRequest,
    Notice,
    NoticeRefusedError,
    Provider,
    RefundRequest,
    Reversed,
    StartRequest,
    Trade,
)
from vendomat.kernel import ManualClock, Money
from vendomat.simulator.gateways import CallFault, FaultRule, GatewayServer, Habits, NoticeFault

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Delivery:
    """One notice as it arrived, and what became of it."""

    headers: dict[str, str]
    body: bytes
    notice: Notice | None = None
    refusal: NoticeRefusedError | None = None


class NoticeDoor:
    """The merchant's notify address: reads each notice with the provider and answers as the provider says."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.deliveries: list[Delivery] = []

    async def open(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/notices/mer_1"

    async def close(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    @property
    def reader(self) -> Any:
        """Who reads what comes here."""
        return self.provider

    @property
    def accepted(self) -> list[Notice]:
        return [delivery.notice for delivery in self.deliveries if delivery.notice]

    @property
    def refused(self) -> list[NoticeRefusedError]:
        return [delivery.refusal for delivery in self.deliveries if delivery.refusal]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        lengths = [int(value) for name, value in headers.items() if name.lower() == "content-length"]
        delivery = await self._read(headers, await reader.readexactly(lengths[0]))
        self.deliveries.append(delivery)
        answer = self.provider.answer_notice(accepted=delivery.notice is not None)
        length = f"Content-Length: {len(answer.body)}\r\n" if answer.status != 204 else ""
        start = f"HTTP/1.1 {answer.status} -\r\nContent-Type: {answer.media_type}\r\n{length}Connection: close\r\n\r\n"
        writer.write(start.encode() + answer.body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def _read(self, headers: dict[str, str], body: bytes) -> Delivery:
        try:
            return Delivery(headers, body, notice=await self.reader.read_notice(headers, body))
        except NoticeRefusedError as refusal:
            return Delivery(headers, body, refusal=refusal)


@dataclass
class Stage:
    """What a contract test is given."""

    provider: Provider
    other: Provider
    """Another account on the same platform."""
    server: GatewayServer
    door: NoticeDoor
    notify_url: str
    clock: ManualClock
    makes_trades_at_scan: bool
    sends_refund_notices: bool
    credential: ChargeCredential = ChargeCredential.BAR_CODE

    @property
    def platform(self) -> Any:
        return getattr(self.server, self.provider.channel)

    @property
    def outlives_s(self) -> int:
        """How long after an offer's end its code may be payable by the platform's own rules."""
        return 31 * 60 if self.provider.channel == "stripe" else 60

    @property
    def no_funds(self) -> str:
        """The platform's word for a balance that is too low."""
        return "balance_insufficient" if self.provider.channel == "stripe" else "NOT_ENOUGH"

    @property
    def failed_refund(self) -> str:
        """The platform's word for a refund that does not come through."""
        return {"wechat": "CLOSED", "alipay": "FAILED", "stripe": "failed"}[self.provider.channel]

    @contextmanager
    def wrong_key(self) -> Iterator[None]:
        """The platform knows our account by another key."""
        books = self.platform.books_now
        accounts = {"wechat": "merchants", "alipay": "applications", "stripe": "accounts"}[self.provider.channel]
        rows = getattr(books, accounts)
        known, name = rows[self.provider.account], "secret_key" if accounts == "accounts" else "public_key_pem"
        other = "sk_test_of_nobody" if accounts == "accounts" else rows[self.other.account].public_key_pem
        rows[known.key] = replace(known, **{name: other})
        try:
            yield
        finally:
            rows[known.key] = known

    # the merchant

    def request(self, fen: int = 350, *, seconds: int = 120) -> StartRequest:
        return StartRequest(
            number=f"pay_{next(_numbers):026d}",
            amount=Money(fen, "CNY"),
            description="Oolong tea / 乌龙茶 500 ml",
            expires_at=self.clock.now() + timedelta(seconds=seconds),
            notify_url=self.notify_url,
            machine_id="mac_7",
        )

    async def paid(self, fen: int = 350) -> StartRequest:
        """A payment that the buyer made, and that no notice tells."""
        request = self.request(fen)
        await self.provider.start(request)
        self.pay(request.number)
        return request

    async def paid_and_told(self, fault: NoticeFault | None = None) -> StartRequest:
        """A payment that the buyer made and the platform tells, under `fault`."""
        request = self.request()
        await self.provider.start(request)
        if fault:
            self.failing_notice(fault, request.number)
        self.pay(request.number, is_notice_lost=False)
        return request

    def notices_of(self, number: str) -> list[Any]:
        """The platform's own record of its notices about a payment or refund."""
        return [notice for notice in self.platform.notices() if notice.number == number]

    def refund_of(self, request: StartRequest, fen: int | None = None) -> RefundRequest:
        return RefundRequest(
            payment_number=request.number,
            refund_number=f"ref_{next(_numbers):026d}",
            amount=request.amount if fen is None else Money(fen, "CNY"),
            payment_amount=request.amount,
            reason="not delivered",
            notify_url=self.notify_url,
        )

    def charge_request(self, fen: int = 350, *, code: str = "", seconds: int = 120) -> ChargeRequest:
        """A charge of the code that a buyer of this test's own shows now."""
        offer = self.request(fen, seconds=seconds)
        return ChargeRequest(
            number=offer.number,
            amount=offer.amount,
            description=offer.description,
            code=code or self.show_code(f"buyer of {offer.number}"),
            credential=self.credential,
            expires_at=offer.expires_at,
            notify_url=offer.notify_url,
            machine_id=offer.machine_id,
        )

    async def look_up_charge(self, number: str) -> Trade:
        return await self.provider.look_up_charge(number, self.credential)

    async def reverse(self, number: str) -> Reversed:
        return await self.provider.reverse(number, self.credential)

    async def charged(self, habits: Habits | None = None) -> tuple[ChargeRequest, Charged]:
        """A charge of a buyer with `habits`, and its answer."""
        request = self.charge_request()
        self.platform.set_habits(f"buyer of {request.number}", habits or Habits())
        return request, await self.provider.charge(request)

    # the buyer

    def show_code(self, payer: str) -> str:
        """What a scanner reads from `payer`'s phone, or a face device gives for their face."""
        if self.credential is ChargeCredential.FACE:
            account = self.platform.books_now.merchants[self.provider.account]
            token = self.platform.give_face_token(account.mchid, account.appid, "face-1")
            return str(self.platform.look_at(token.text, payer).face_code)
        return str(self.platform.show_code(payer).code)

    def confirm(self, number: str) -> None:
        self.platform.confirm(number, f"buyer of {number}")

    def decline(self, number: str) -> None:
        self.platform.decline(number, f"buyer of {number}")

    def scan(self, number: str, payer: str = "buyer-1") -> None:
        self.platform.scan(self.platform.code_of(number), payer)

    def pay(self, number: str, payer: str = "buyer-1", *, is_late: bool = False, is_notice_lost: bool = True) -> None:
        code = self.platform.code_of(number)
        self.platform.pay(code, payer, is_late=is_late, is_notice_lost=is_notice_lost)

    # the world

    def fail(self, fault: CallFault, verb: str, count: int = 1) -> None:
        self.server.call_faults.add(FaultRule(fault=fault, platform=self.provider.channel, verb=verb, count=count))

    def failing_notice(self, fault: NoticeFault, number: str) -> None:
        self.server.notice_faults.add(FaultRule(fault=fault, platform=self.provider.channel, number=number))

    @property
    def balance_fen(self) -> int:
        accounts = self.platform.books()["accounts"]
        return next(row["balance_fen"] for row in accounts if row["account"] == self.provider.account)

    def set_balance(self, fen: int) -> None:
        self.platform.set_balance(self.provider.account, fen)

    async def until(self, is_so: Callable[[], object], *, seconds: float = 30.0) -> None:
        """Let real sockets work until `is_so()`; the clock of the story stands still."""
        for _ in range(int(seconds / 0.01)):
            if is_so():
                return
            await self.clock.advance(0)  # wakes what is due at this very moment
            await asyncio.sleep(0.01)
        raise AssertionError("it never came true")

    async def pass_time(self, seconds: float) -> None:
        await self.clock.advance(seconds)
