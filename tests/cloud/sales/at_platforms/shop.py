"""One machine that sells through WeChat Pay, Alipay and Stripe, all on their real wire: a buyer, a worker, the books.

The platforms and the database last as long as a module's tests; the worker and every row are new in each. What a test
looks at is the order, its money and the platforms' books, never an answer of a provider alone.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.cloud.sales.at_platforms.door import NotifyDoor
from tests.cloud.sales.conftest import MACHINE, MERCHANT, SEED, World
from tests.cloud.sales.purchases import AT
from tests.cloud.sales.selling_stage import Stage, fact, open_stage
from tests.contracts.payments.conftest import alipay_settings, certificate_settings, stripe_settings, wechat_settings
from vendomat.audit import AuditSources, Terms, run_audit
from vendomat.cloud.merchants import Operator, PaymentAccount, Role
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.kernel import ManualClock, derive_id
from vendomat.protocol import FactKind
from vendomat.simulator.gateways import (
    CallFault,
    FaultRule,
    GatewayControl,
    GatewayServer,
    GatewaySettings,
    KeyMode,
    NoticeFault,
)
from vendomat.simulator.gateways.keys import make_key

CHANNELS = ("wechat", "alipay", "stripe")
PATIENT = {"timeout_s": 30.0}
PRICE, OTHER_PRICE = 350, 200  # of the slots A1 and A2
FIRST, SECOND = (
    Operator(MERCHANT, derive_id("opr", name), f"{name}@vendomat.example", name, Role.OWNER, "Test", "CNY")
    for name in ("one", "two")
)
_requests = itertools.count(1)


@dataclass
class House:
    """What lasts: the platforms with an account of ours on each, the database, and the notify address."""

    clock: ManualClock
    server: GatewayServer
    accounts: dict[str, PaymentAccount]
    door: NotifyDoor
    url: str
    control: GatewayControl
    database: Database
    superuser: asyncpg.Connection
    superuser_url: str


@asynccontextmanager
async def open_house(
    urls: tuple[str, str], keys: Sequence[RSAPrivateKey], *, mode: KeyMode = KeyMode.PUBLIC_KEY
) -> AsyncIterator[House]:
    """`urls` of the database, as its owner and as a superuser; `keys` for the platforms, as many as there are."""
    database_url, superuser_url = urls
    supply = iter(keys)
    clock, door = ManualClock(AT), NotifyDoor()
    settings = GatewaySettings(
        notice_first_delay_s=0.0,
        notice_timeout_s=30.0,
        alipay_refund_delay_s=2.0,
        wechat_limits_calls=False,
        fee_basis_points=0,
    )
    server = GatewayServer(settings, clock, make_key=lambda: next(supply, None) or make_key())
    await server.start()
    url = await door.open()
    wechat, stripe = server.open_wechat_account("One", mode), server.open_stripe_account("One")
    has_certificates = mode is KeyMode.CERTIFICATE
    alipay = server.open_alipay_account("One", has_certificates=has_certificates)
    of_alipay = certificate_settings(alipay) if has_certificates else alipay_settings(alipay)
    server.stripe.set_webhook(stripe.account, f"{url}/notify/{MERCHANT}/stripe")
    accounts = {
        "wechat": PaymentAccount(MERCHANT, "wechat", wechat.mchid, wechat_settings(wechat) | PATIENT),
        "alipay": PaymentAccount(MERCHANT, "alipay", alipay.app_id, of_alipay | PATIENT),
        "stripe": PaymentAccount(MERCHANT, "stripe", stripe.account, stripe_settings(stripe) | PATIENT),
    }
    database, superuser = await Database.open(database_url), await asyncpg.connect(superuser_url)
    control = GatewayControl(server.control_url)
    yield House(clock, server, accounts, door, url, control, database, superuser, superuser_url)
    await control.aclose()
    await superuser.close()
    await database.aclose()
    await door.close()
    await server.stop()


@dataclass
class Shop:
    """A worker at its three platforms; `channel` is the one that the test is about."""

    house: House
    stage: Stage
    channel: str
    folder: Path
    unheard: set[str] = field(default_factory=set)
    """Numbers at the platforms that the database has lost: the audit is shown them too."""
    facts: int = 0

    @property
    def platform(self) -> Any:
        return self.platform_of(self.channel)

    def platform_of(self, channel: str) -> Any:
        return getattr(self.house.server, channel)

    @property
    def account(self) -> str:
        return self.house.accounts[self.channel].account

    @property
    def other_channel(self) -> str:
        return CHANNELS[(CHANNELS.index(self.channel) + 1) % len(CHANNELS)]

    # the machine

    async def order(self, quantities: dict[str, int] | None = None, *, channel: str = "") -> dict[str, Any]:
        prices = {"A1": PRICE, "A2": OTHER_PRICE}
        wanted = {"A1": 1} if quantities is None else quantities
        lines = [{"slot": slot, "quantity": n, "price_minor": prices[slot]} for slot, n in wanted.items()]
        request_id = derive_id("req", next(_requests))
        asked = {"request_id": request_id, "lines": lines, "channel": channel or self.channel, "nonce": "n" * 20}
        kind, answer = await self.stage.say("order", asked)
        assert kind == "order.reply", answer
        return dict(answer)

    async def offer(self, quantities: dict[str, int] | None = None) -> str:
        """An order whose code is shown; the payment's number."""
        (offer,) = (await self.order(quantities))["offers"]
        assert offer["code_url"], offer
        return str(offer["payment_id"])

    async def offer_beside(self, channel: str) -> str:
        """A second code of the one order, on another channel; its number."""
        asked = {"order_id": await self.one("SELECT order_id FROM sale_order"), "channel": channel}
        kind, answer = await self.stage.say("channel", asked)
        assert kind == "channel.reply", answer
        return str(next(offer["payment_id"] for offer in answer["offers"] if offer["channel"] == channel))

    async def report(self, kind: FactKind, **words: object) -> None:
        """What the machine says of the newest command."""
        command = await self.house.superuser.fetchrow(
            "SELECT cmd_id, order_id, unit, u.slot FROM command JOIN vend_unit u USING (merchant_id, order_id, unit) "
            "JOIN sale_order o USING (merchant_id, order_id) ORDER BY o.created_at DESC, unit DESC"
        )
        assert command is not None, "nothing was ordered of the machine"
        self.facts += 1
        body = dict(command) | words
        await self.stage.say("facts", {"facts": [fact(kind, body, seq=self.facts)]})

    async def refuse(self) -> None:
        """The machine will not start the motor: all of the newest unit is owed."""
        await self.report(FactKind.REFUSED, reason="busy")

    async def deliver(self) -> None:
        await self.report(FactKind.OUTCOME, result="delivered")

    # the buyer

    def pay(self, number: str, *, channel: str = "", is_told: bool = False, is_late: bool = False) -> None:
        platform = self.platform_of(channel or self.channel)
        platform.pay(platform.code_of(number), "buyer-1", is_late=is_late, is_notice_lost=not is_told)

    async def bought(self, quantities: dict[str, int] | None = None) -> str:
        """An order that is paid, found by asking; the payment's number."""
        number = await self.offer(quantities)
        self.pay(number)
        await self.look()
        assert await self.state() == "paid"
        return number

    async def owed(self) -> str:
        """A payment whose goods did not come, and whose refund nobody has asked for yet; the refund's number."""
        await self.bought()
        await self.refuse()
        return str(await self.one("SELECT refund_id FROM refund WHERE state = 'requested'"))

    # time, faults, and what became of it

    async def look(self, pause_s: float = 3.0) -> None:
        await self.pass_time(pause_s)
        await self.stage.sweeps.look_up_payments()

    async def pass_time(self, seconds: float) -> None:
        await self.house.clock.advance(seconds)

    async def ask(self, pause_s: float = 5.0) -> None:
        await self.stage.sweeps.ask_refunds()
        await self.pass_time(pause_s)

    def fail(self, fault: CallFault, verb: str = "", *, count: int = 1, number: str = "", channel: str = "") -> None:
        rule = FaultRule(fault=fault, platform=channel or self.channel, verb=verb, number=number, count=count)
        self.house.server.call_faults.add(rule)

    def spoil_notices(self, fault: NoticeFault, *, kind: str = "payment", delay_s: float = 0.0) -> None:
        rule = FaultRule(fault=fault, platform=self.channel, verb=kind, delay_s=delay_s)
        self.house.server.notice_faults.add(rule)

    def notice_of(self, number: str) -> Any:
        return next(notice for notice in self.platform.notices() if notice.number == number)

    async def one(self, query: str, *values: object) -> Any:
        return await self.stage.one(query, *values)

    async def state(self) -> str:
        return str(await self.one("SELECT state FROM sale_order"))

    async def payment(self, number: str) -> str:
        return str(await self.one("SELECT state FROM payment WHERE payment_id = $1", number))

    async def refunds(self) -> list[tuple[str, int]]:
        """Our refunds of the test, oldest first: (state, minor units)."""
        rows = await self.house.superuser.fetch("SELECT state, amount_minor FROM refund ORDER BY requested_at, ordinal")
        return [(row[0], row[1]) for row in rows]

    async def commands(self) -> int:
        return int(await self.one("SELECT count(*) FROM command"))

    async def balance(self, account: str) -> int:
        query = "SELECT coalesce(sum(amount_minor), 0)::bigint FROM ledger_line WHERE account LIKE $1"
        return int(await self.one(query, account))

    def given_back(self, number: str, channel: str = "") -> list[tuple[str, int]]:
        """The refunds of `number` in the platform's own books: (state, minor units)."""
        rows = self.platform_of(channel or self.channel).books()["refunds"]
        return [(row["state"], row["amount_fen"]) for row in rows if row["number"] == number]

    async def until(self, query: str, wanted: object, sweep: Callable[[], Awaitable[object]], pause_s: float) -> None:
        """Sweep and let time pass until `query` answers `wanted`."""
        for _ in range(40):
            await sweep()
            if await self.one(query) == wanted:
                return
            await self.pass_time(pause_s)
        raise AssertionError(f"{query} stayed {await self.one(query)!r}")

    async def settle_refunds(self) -> None:
        """Ask for what is owed until the platforms have given it back."""
        query = "SELECT count(*) FROM refund WHERE state <> 'succeeded'"
        await self.until(query, 0, self.stage.sweeps.ask_refunds, pause_s=5.0)

    async def end_order(self, wanted: str = "expired") -> None:
        """The order's time is over: closed at its platforms, or found paid."""
        await self.stage.sweeps.expire_orders()
        await self.until("SELECT state FROM sale_order", wanted, self.stage.sweeps.look_up_payments, pause_s=15.0)

    async def heard(self, is_so: Callable[[], object]) -> None:
        """Let real sockets work until `is_so()`; the clock stands still."""
        for _ in range(3_000):
            if is_so():
                return
            await self.pass_time(0)
            await asyncio.sleep(0.01)
        raise AssertionError("it never came true")

    async def check(self) -> None:
        """The independent audit of the database against the platforms' own books finds nothing."""
        numbers = {row[0] for row in await self.house.superuser.fetch("SELECT payment_id FROM payment")}
        ours, books = numbers | self.unheard, {}
        for channel in CHANNELS:
            kept = self.platform_of(channel).books()
            kept |= {name: [r for r in kept[name] if r["number"] in ours] for name in ("trades", "refunds")}
            books[channel] = str(self.folder / f"{channel}.json")
            Path(books[channel]).write_bytes(msgspec.json.encode(kept))
        sources = AuditSources(self.house.superuser_url, books=books)
        report = await run_audit(sources, Terms(now=self.house.clock.now()))
        breaches = {finding.name: finding.rows for finding in report.breaches}
        assert not breaches, breaches


@asynccontextmanager
async def open_shop(house: House, channel: str, folder: Path) -> AsyncIterator[Shop]:
    """A fresh database on the lasting platforms, and one worker that follows nothing by itself: the test sweeps."""
    await sweep_out(house.superuser)
    house.server.call_faults.clear()
    house.server.notice_faults.clear()
    for name, account in house.accounts.items():
        getattr(house.server, name).set_balance(account.account, 100_000)
    async with _worker(house) as stage:
        await house.superuser.execute("UPDATE machine_live SET nonce_at = $1, seen_at = $1", house.clock.now())
        house.door.till, house.door.knocks = stage.till, []
        yield Shop(house, stage, channel, folder)
        house.door.till = None


def open_worker(shop: Shop) -> AbstractAsyncContextManager[Stage]:
    """Another worker of the same cloud, which knows nothing but the database."""
    return _worker(shop.house)


def _worker(house: House) -> AbstractAsyncContextManager[Stage]:
    world = World(house.database, house.superuser, house.superuser, CloudSettings(), house.superuser_url)
    settings, accounts = CloudSettings(public_url=house.url), list(house.accounts.values())
    return open_stage(world, clock=house.clock, accounts=accounts, is_following=False, settings=settings)


async def sweep_out(superuser: asyncpg.Connection) -> None:
    """Every row goes, and the seed of one merchant with one machine comes. Deleting few rows is cheaper than emptying
    every table's file."""
    await superuser.execute(
        "SET session_replication_role = replica; DO $$ DECLARE t text; BEGIN FOR t IN SELECT tablename FROM pg_tables "
        "WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP EXECUTE format('DELETE FROM %I', t); "
        "END LOOP; END $$; SET session_replication_role = origin"
    )
    await superuser.execute(SEED)


__all__ = ["CHANNELS", "FIRST", "MACHINE", "MERCHANT", "PRICE", "SECOND", "House", "Shop", "open_house", "open_shop"]
