"""One cloud worker's selling parts on a real database, with a platform and a wire that remember and can fail.

Longer because the worker, the platform and the wire are one stage, and each test needs all three.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from nacl.signing import VerifyKey

from tests.cloud.sales.conftest import MACHINE, MERCHANT, World
from tests.cloud.sales.purchases import AT
from tests.cloud.shop_stage import MachineKey
from vendomat.cloud.alarms import SecurityWatch
from vendomat.cloud.machines import MachineDirectory
from vendomat.cloud.members import Member, Members, NewMember, members_key
from vendomat.cloud.merchants import MasterKey, PaymentAccount, PaymentAccounts
from vendomat.cloud.orders import BuyerLinks
from vendomat.cloud.payments import (
    AbnormalRefund,
    BankCard,
    CameBack,
    Cancelled,
    CancelState,
    ChargeCredential,
    Charged,
    ChargeRefusal,
    ChargeRequest,
    ChargeState,
    Notice,
    NoticeAnswer,
    NoticeKind,
    NoticeRefusedError,
    ProviderBook,
    Refunded,
    RefundRequest,
    RefundState,
    Reversed,
    ReverseState,
    Started,
    StartRequest,
    StartState,
    Trade,
    TradeState,
    open_provider,
)
from vendomat.cloud.platform.connection import MachineWire
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales import (
    Charges,
    CouponDesk,
    Dispatcher,
    FactTaker,
    Presence,
    Reach,
    Redeemer,
    RefundCaps,
    RefundDesk,
    SalesDesk,
    StandingAlarms,
    Sweeps,
    Till,
    TopUpRequest,
    TopUps,
    UpMessages,
    WalletPayments,
    WalletPayouts,
    Writer,
    payers_key,
)
from vendomat.kernel import Clock, ManualClock, Money, TimeOrderedIds
from vendomat.protocol import CommandReply, Envelope, Fact, FactKind, seal, unseal

ACCOUNT = "1900000001"
CODE_KEY = b"c" * 32
COUPON_KEY = b"p" * 32
MASTER = MasterKey(b"k" * 32)
BUYER_LINKS = BuyerLinks(b"b" * 32, "https://cloud.example")
CLOUD_KEY = MachineKey(b"\x07" * 32)
_seeds = itertools.count(2)  # no two workers make the same ids


class DiedError(Exception):
    """The worker was killed here: whatever the platform did stands, its answer is lost."""


@dataclass
class Platform:
    """A payment platform in memory: trades and refunds by our numbers. After `dies_after` verbs the worker dies."""

    account: str = ACCOUNT
    channel: str = "wechat"
    trades: dict[str, Trade] = field(default_factory=dict)
    amounts: dict[str, Money] = field(default_factory=dict)
    refunds: dict[str, Money] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    dies_after: set[str] = field(default_factory=set)
    given_up: set[str] = field(default_factory=set)
    """Refunds that the platform will not carry out."""
    never: set[str] = field(default_factory=set)
    """Refunds that it refuses whenever it is asked."""
    payer: str = ""
    """Who pays, in the platform's own words."""
    stranded: set[str] = field(default_factory=set)
    """Refunds that the payer's account cannot take."""
    sent_on: dict[str, BankCard | None] = field(default_factory=dict)
    sends_on_as: RefundState = RefundState.PROCESSING
    is_away: bool = False
    cancel_is_known: bool = True
    """Whether a cancel of a number without a trade is an end, as at WeChat Pay; at Alipay it is not."""
    pause: Callable[[str], Any] | None = None
    takes_codes: bool = True
    charges_as: dict[str, ChargeState] = field(default_factory=dict)  # by code; paid at once unless said otherwise
    codes: list[str] = field(default_factory=list)  # every one that ever left the cloud

    def take_money(self, number: str, minor: int | None = None, *, currency: str = "CNY") -> Trade:
        amount = self.amounts[number] if minor is None else Money(minor, currency)
        trade = Trade(
            TradeState.PAID,
            number,
            transaction_id=f"42{number[-20:]}",
            amount=amount,
            account=self.account,
            payer=self.payer,
        )
        self.trades[number] = trade
        return trade

    @property
    def refunded_minor(self) -> int:
        return sum(amount.minor_units for amount in self.refunds.values())

    async def _called(self, verb: str, number: str) -> None:
        self.calls.append((verb, number))
        if self.pause is not None:
            await self.pause(verb)

    async def _ended(self, verb: str) -> None:
        if verb in self.dies_after:
            raise DiedError(verb)

    async def start(self, request: StartRequest) -> Started:
        await self._called("start", request.number)
        if self.is_away:
            return Started(StartState.UNKNOWN, error="away")
        self.amounts[request.number] = request.amount
        self.trades.setdefault(request.number, Trade(TradeState.NOT_PAID, request.number))
        return Started(StartState.STARTED, code_url=f"weixin://wxpay/{request.number}")

    async def look_up(self, number: str) -> Trade:
        await self._called("look_up", number)
        if self.is_away:
            return Trade(TradeState.UNKNOWN, number, error="away")
        return self.trades.get(number, Trade(TradeState.NOT_FOUND, number))

    async def cancel(self, number: str) -> Cancelled:
        await self._called("cancel", number)
        if self.is_away:
            return Cancelled(CancelState.UNKNOWN, "away")
        if number not in self.trades and not self.cancel_is_known:
            return Cancelled(CancelState.UNKNOWN, "no trade yet")
        if self.trades.get(number, Trade(TradeState.NOT_FOUND, number)).state is TradeState.PAID:
            return Cancelled(CancelState.PAID)
        self.trades[number] = Trade(TradeState.CLOSED, number)
        return Cancelled(CancelState.CLOSED)

    async def charge(self, request: ChargeRequest) -> Charged:
        """`charges_as` by code: how the wallet takes it; a charge that is not refused stands from then on."""
        await self._called("charge", request.number)
        self.codes.append(request.code)
        answer = self.charges_as.get(request.code, ChargeState.PAID)
        self.amounts[request.number] = request.amount
        if answer is ChargeState.REFUSED:
            return Charged(ChargeState.REFUSED, None, ChargeRefusal.NOT_ENOUGH, "NOTENOUGH")
        if answer is not ChargeState.UNKNOWN:
            self.trades[request.number] = Trade(TradeState.NOT_PAID, request.number)
        paid = self.take_money(request.number) if answer is ChargeState.PAID else None
        await self._ended("charge")
        return Charged(ChargeState.UNKNOWN if self.is_away else answer, paid)

    async def look_up_charge(self, number: str, credential: ChargeCredential = ChargeCredential.BAR_CODE) -> Trade:
        return await self.look_up(number)

    async def reverse(self, number: str, credential: ChargeCredential = ChargeCredential.BAR_CODE) -> Reversed:
        """A paid one is given back: nothing is left of it at the platform."""
        await self._called("reverse", number)
        if self.is_away:
            return Reversed(ReverseState.UNKNOWN, "away")
        if number not in self.trades:
            return Reversed(ReverseState.NOT_FOUND, "no such order")
        self.trades[number] = Trade(TradeState.CLOSED, number)
        await self._ended("reverse")
        return Reversed(ReverseState.REVERSED)

    async def refund(self, request: RefundRequest) -> Refunded:
        await self._called("refund", request.refund_number)
        if self.is_away:
            return Refunded(RefundState.UNKNOWN, request.refund_number, error="away")
        if request.refund_number in self.never:
            return Refunded(RefundState.NEVER, request.refund_number, error="USER_ACCOUNT_ABNORMAL")
        if request.refund_number in self.given_up:
            return Refunded(RefundState.PROCESSING, request.refund_number, amount=request.amount)
        self.refunds[request.refund_number] = request.amount
        await self._ended("refund")
        return Refunded(RefundState.PROCESSING, request.refund_number, amount=request.amount)

    async def look_up_refund(self, request: RefundRequest) -> Refunded:
        await self._called("look_up_refund", request.refund_number)
        if self.is_away:
            return Refunded(RefundState.UNKNOWN, request.refund_number, error="away")
        if request.refund_number in self.stranded:
            return Refunded(RefundState.ABNORMAL, request.refund_number, "5030", request.amount)
        if request.refund_number in self.given_up:
            return Refunded(RefundState.CLOSED, request.refund_number, error="closed after 7 days")
        if request.refund_number not in self.refunds:
            return Refunded(RefundState.NOT_ACCEPTED, request.refund_number)
        to_us = self.sent_on.get(request.refund_number, ...) is None
        back = CameBack.BANK if to_us else CameBack.NO
        return Refunded(RefundState.SUCCEEDED, request.refund_number, amount=request.amount, came_back=back)

    async def send_on(self, refund: AbnormalRefund) -> Refunded:
        number = refund.request.refund_number
        await self._called("send_on", number)
        if self.sends_on_as is not RefundState.REFUSED:
            self.stranded.discard(number)
            self.sent_on[number] = refund.card
        await self._ended("send_on")
        return Refunded(self.sends_on_as, number, "5030", refund.request.amount)

    async def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        if headers.get("x-signature") != "good":
            raise NoticeRefusedError("the signature is wrong")
        said = msgspec.json.decode(body)
        return Notice(NoticeKind.PAYMENT, said["id"], trade=self.trades[said["number"]])

    def answer_notice(self, *, accepted: bool) -> NoticeAnswer:
        return NoticeAnswer(204 if accepted else 401, b"", "application/json")

    async def aclose(self) -> None:
        return


Serve = Callable[[str, Envelope], object]


@dataclass
class Line:
    """The wire: keeps what was sent; `serve` plays the machine (None: no answer), `is_open` false: nobody there."""

    key: MachineKey
    asked: list[tuple[str, Envelope]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    serve: Serve | None = None
    epoch: int = 1
    is_connected: bool = True

    async def ask(self, machine_id: str, kind: str, data: bytes, *, timeout_s: float) -> bytes | None:
        envelope = unseal(data, verify=verifier(CLOUD_KEY), machine=machine_id)
        self.asked.append((kind, envelope))
        answer = self.serve(kind, envelope) if self.serve is not None else None
        if answer is None:
            return None
        return seal(answer, kind=f"{kind}.reply", machine=machine_id, epoch=self.epoch, seq=1, signer=self.key)

    async def tell(self, machine_id: str, kind: str, data: bytes) -> None:
        self.told.append(kind)


def verifier(key: MachineKey) -> Callable[[str, bytes, bytes], bool]:
    verify_key = VerifyKey(base64.b32decode(key.public)[1:33])

    def verify(key_id: str, data: bytes, signature: bytes) -> bool:
        return key_id == key.public and bool(verify_key.verify(data, signature))

    return verify


def fact(kind: FactKind, body: Mapping[str, object], *, epoch: int = 1, seq: int = 1) -> Fact:
    return Fact(epoch=epoch, seq=seq, kind=kind, at="2026-06-01T00:00:00Z", body=msgspec.Raw(msgspec.json.encode(body)))


def reply_of(*facts: Fact) -> CommandReply:
    return CommandReply(facts=list(facts))


@dataclass
class Stage:
    """What a test of selling is given."""

    world: World
    clock: ManualClock
    platform: Platform
    line: Line
    machine: MachineKey
    settings: CloudSettings
    book: ProviderBook
    writer: Writer
    till: Till
    reach: Reach
    dispatcher: Dispatcher
    sweeps: Sweeps
    messages: UpMessages
    charges: Charges
    directory: MachineDirectory
    watch: SecurityWatch
    refunds: RefundDesk
    standing: StandingAlarms
    members: Members
    top_ups: TopUps
    payouts: WalletPayouts
    seq: int = 0

    async def say(self, kind: str, body: object, *, epoch: int = 1, key: MachineKey | None = None) -> tuple[str, Any]:
        """What the machine asks, and the cloud's verified answer: (kind, body)."""
        self.seq += 1
        data = seal(body, kind=kind, machine=MACHINE, epoch=epoch, seq=self.seq, signer=key or self.machine)
        return await self.hand_in(kind, data)

    async def hand_in(self, kind: str, data: bytes, machine_id: str = MACHINE) -> tuple[str, Any]:
        reply = await self.messages.handle(machine_id, kind, data)
        assert reply is not None
        envelope = unseal(reply, verify=verifier(CLOUD_KEY), machine=machine_id)
        return envelope.kind, msgspec.json.decode(envelope.body)

    async def breathe(self, nonce: str = "nonce-nonce-nonce-2") -> None:
        kind, _ = await self.say("heartbeat", {"nonce": nonce, "is_ready": True})
        assert kind == "heartbeat.reply"

    async def one(self, query: str, *values: object) -> Any:
        return await self.world.superuser.fetchval(query, *values)

    async def join(self, name: str = "Ann", stored_minor: int = 0) -> Member:
        """A new member with so much in the wallet, topped up as members do."""
        member = (await self.members.create(MERCHANT, NewMember(name))).member
        if stored_minor:
            asked = TopUpRequest(f"first of {name}", "wechat", stored_minor)
            number = (await self.top_ups.begin(member, asked)).payments[0].payment_id
            self.platform.take_money(number)
            await self.till.confirm_payment(MERCHANT, number)
        return member

    async def stored(self, member: Member) -> int:
        return int(await self.one("SELECT balance_minor FROM wallet WHERE member_id = $1", member.member_id) or 0)

    async def settle_down(self) -> None:
        """Let what followed the commits finish, in real time."""
        while self.dispatcher._tasks or self.charges._sending:
            await asyncio.gather(*self.dispatcher._tasks, *self.charges._sending.values())


async def _book_of(
    database: Database, clock: Clock, accounts: Sequence[PaymentAccount], platforms: Callable[..., Any] | None
) -> ProviderBook:
    kept = PaymentAccounts(database, MASTER)
    for account in accounts or (PaymentAccount(MERCHANT, "wechat", ACCOUNT, {}),):
        await kept.put(account)
    opener = platforms or open_provider
    return ProviderBook(kept, clock, threads=2, lookups_per_second=1000.0, open_provider=opener)


@asynccontextmanager
async def open_stage(
    world: World,
    *,
    is_following: bool = True,
    clock: Any = None,
    accounts: Sequence[PaymentAccount] = (),
    settings: CloudSettings | None = None,
    line: MachineWire | None = None,
    hanging: Mapping[str, Any] | None = None,
) -> AsyncIterator[Stage]:
    """`is_following` false: nothing follows a commit, as when the worker is killed right after it.

    With `accounts` the real providers speak to whoever their settings name; without, `Stage.platform` answers. So it
    does for the channels beside those in `hanging`, which name who answers there. `line` is another wire than the one
    that plays the machine.

    Longer because it puts every part of a worker together, each by its name.
    """
    clock, ids = clock or ManualClock(AT), TimeOrderedIds(ManualClock(AT), random.Random(next(_seeds)).getrandbits)
    machine, settings, database = MachineKey(b"\x05" * 32), settings or CloudSettings(), world.database
    await world.superuser.execute("UPDATE machine SET public_key = $1 WHERE machine_id = $2", machine.public, MACHINE)
    await world.superuser.execute("UPDATE machine_live SET seen_at = nonce_at")
    platform, kept_line = Platform(), Line(machine)
    is_played = hanging is not None or not accounts
    played = (lambda channel, *_, **__: (hanging or {}).get(channel, platform)) if is_played else None
    book = await _book_of(database, clock, accounts, played)
    writer = Writer(database, settings, ids)
    watch = SecurityWatch(database, ids, clock)
    reach = Reach(database, book, clock)
    caps = RefundCaps(database, settings=settings, clock=clock, key=payers_key(MASTER))
    till = Till(database, writer, book, settings=settings, clock=clock, watch=watch, reach=reach, caps=caps)
    facts, directory = FactTaker(writer, clock), MachineDirectory(database.hot, clock)
    presence = Presence(database, settings, ids)
    dispatcher = Dispatcher(
        database=database,
        writer=writer,
        wire=line or kept_line,  # type: ignore[arg-type]
        directory=directory,
        facts=facts,
        signer=CLOUD_KEY,
        settings=settings,
        clock=clock,
        watch=watch,
        links=BUYER_LINKS,
    )
    charges = Charges(writer=writer, till=till, book=book, settings=settings, clock=clock)
    sweeps = Sweeps(
        database=database,
        writer=writer,
        till=till,
        charges=charges,
        dispatcher=dispatcher,
        settings=settings,
        clock=clock,
    )
    if is_following:
        writer.followers += [dispatcher.follow, sweeps.follow]
    redeemer = Redeemer(database, writer, code_key=CODE_KEY, settings=settings, clock=clock, ids=ids)
    wallets = WalletPayments(database, writer, member_key=members_key(MASTER), settings=settings, clock=clock, ids=ids)
    desk = SalesDesk(
        writer=writer,
        till=till,
        charges=charges,
        redeemer=redeemer,
        wallets=wallets,
        coupons=CouponDesk(database, key=COUPON_KEY, clock=clock, ids=ids),
        settings=settings,
        clock=clock,
        ids=ids,
        links=BUYER_LINKS,
    )
    messages = UpMessages(
        database=database,
        directory=directory,
        desk=desk,
        facts=facts,
        presence=presence,
        signer=CLOUD_KEY,
        settings=settings,
        clock=clock,
        watch=watch,
    )
    try:
        yield Stage(
            world,
            clock,
            platform,
            kept_line,
            machine,
            settings,
            book,
            writer,
            till,
            reach,
            dispatcher,
            sweeps,
            messages,
            charges,
            directory,
            watch,
            RefundDesk(writer, till, clock, alone_minor=200),
            StandingAlarms(database, kept_line, settings=settings, clock=clock, ids=ids),  # type: ignore[arg-type]
            Members(database, MASTER, ids=ids, clock=clock),
            TopUps(database, writer, till, settings=settings, clock=clock, ids=ids),
            WalletPayouts(database, writer, settings=settings, clock=clock, ids=ids, alone_minor=200),
        )
    finally:
        await dispatcher.aclose()
        await presence.aclose()
        await writer.aclose()
        await book.aclose()
