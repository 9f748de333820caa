"""A site whose owner is paid by the platform: the real cloud, the emulated WeChat Pay, and one clock that a test moves.

Whoever kills the worker does it around a call: `Mortal` stands before the real client, and dies before the platform
hears, or after it did what it was asked.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from tests.cloud.sales.conftest import MACHINE, MERCHANT, World
from tests.cloud.sales.selling_stage import CLOUD_KEY, MASTER
from tests.contracts.payments.conftest import wechat_settings
from vendomat.audit import AuditSources, run_audit
from vendomat.cloud.app import SalesGround, SalesParts, build_sales
from vendomat.cloud.commission import SiteStatements, Wish
from vendomat.cloud.merchants import Operator, PaymentAccount, PaymentAccounts, Role
from vendomat.cloud.payments import Payment, PaymentState, ReceiverKind, open_provider
from vendomat.cloud.payments import store as payment_rows
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales import EventFor, NewOrder, VendFactSeen, VendSaid, Writer
from vendomat.cloud.sales.till import PaymentCall
from vendomat.cloud.sales.vend_steps import command_number
from vendomat.cloud.sharing import AgreementWish
from vendomat.cloud.sites import Rule, Sites, Stay, Terms
from vendomat.cloud.sites import Step as Tier
from vendomat.cloud.statements import DaySums, Statements
from vendomat.kernel import ManualClock, Money, TimeOrderedIds, derive_id
from vendomat.protocol import OrderLine
from vendomat.simulator.gateways import GatewayServer

PRICE = 350
CEILING = PRICE * 30 // 100
FEE = 2  # 0.6 % of 3.50
TENTH = Terms(steps=(Tier(0, 1_000),))
OWNER = Operator(MERCHANT, derive_id("opr", 1), "o@x", "Ann", Role.OWNER, "Test", "CNY")
_numbers = itertools.count(1)


class DiedError(Exception):
    """The worker was killed here: what the platform did stands, its answer is lost."""


@dataclass
class Mortal:
    """The account's sharing. Each of `deaths` is a verb, and whether the platform has heard by then; it comes once."""

    real: Any
    deaths: list[tuple[str, bool]] = field(default_factory=list)

    def __getattr__(self, verb: str) -> Callable[..., Awaitable[object]]:
        async def call(*values: object) -> object:
            self._may_die(verb, has_heard=False)
            answer = await getattr(self.real, verb)(*values)
            self._may_die(verb, has_heard=True)
            return answer

        return call

    def _may_die(self, verb: str, *, has_heard: bool) -> None:
        if (verb, has_heard) in self.deaths:
            self.deaths.remove((verb, has_heard))
            raise DiedError(verb)


class NoWire:
    """Nobody is on the wire."""

    is_connected = False

    async def ask(self, machine_id: str, kind: str, data: bytes, *, timeout_s: float) -> bytes | None:
        return None

    async def tell(self, machine_id: str, kind: str, data: bytes) -> None:
        return


@dataclass
class SharingStage:
    """`agree`, `sell` some, `issue` the month, `settle`; then look at `owed`, `way`, `fund` and the platform."""

    world: World
    server: GatewayServer
    clock: ManualClock
    account: Any
    partner: Any
    parts: SalesParts
    writer: Writer
    sites: Sites
    statements: SiteStatements
    site_id: str
    sharing: Mortal

    # --- people ------------------------------------------------------------------------------------------------------

    async def agree(
        self, *, kind: ReceiverKind = ReceiverKind.MERCHANT, receiver: str = "", ceiling_bp: int = 3_000
    ) -> None:
        is_merchant = kind is ReceiverKind.MERCHANT
        wish = AgreementWish(kind, receiver or self.partner.mchid, "伙伴公司" if is_merchant else "", ceiling_bp)
        await self.parts.sharing.agree(OWNER, self.site_id, wish)

    async def agreed(self) -> None:
        """The platform knows the receiver."""
        await self.agree()
        await self.sweep()
        assert await self.one("SELECT state FROM site_receiver") == "added"

    async def issue(self) -> int:
        """The month that is over, stated; what it comes to."""
        await DaySums(self.world.database).run()
        following = (await self.statements.account(MERCHANT, self.site_id)).next_month
        assert following is not None
        wish = Wish(following, despite_open_days=True)
        return (await self.statements.issue(OWNER, self.site_id, wish)).total_minor

    # --- the machine and its buyers ----------------------------------------------------------------------------------

    async def sell(self, count: int = 1, *, said: VendSaid = VendSaid.DELIVERED) -> list[str]:
        """Units that were paid for at the platform and came out, or not; the payments' numbers."""
        return [await self._sell(said) for _ in range(count)]

    async def _sell(self, said: VendSaid) -> str:
        n, now = next(_numbers), self.clock.now()
        order_id, number = derive_id("ord", "shared", n), derive_id("pay", "shared", n)
        await self.writer.create(
            NewOrder(
                merchant_id=MERCHANT,
                machine_id=MACHINE,
                request_id=derive_id("req", "shared", n),
                order_id=order_id,
                origin="touch",
                lines=(OrderLine(slot="A1", quantity=1, price_minor=PRICE),),
                payment=Payment(number, "wechat", self.account.mchid, 0, PaymentState.CREATED),
                at=now,
                expires_at=now + timedelta(seconds=120),
            )
        )
        amount, expires_at = Money(PRICE, "CNY"), now + timedelta(seconds=120)
        code = await self.parts.till.start(
            PaymentCall(MERCHANT, order_id, MACHINE, number, "wechat", amount, expires_at)
        )
        self.server.wechat.pay(code, f"buyer {n}")
        async with self.world.database.hot.acquire() as connection:
            row = await payment_rows.find_payment(connection, MERCHANT, number)
        assert row is not None
        await self.parts.till.look_up(row)
        words = "delivered" if said is VendSaid.DELIVERED else "jam"
        fact = VendFactSeen(command_number(order_id, 1), MACHINE, said, words, "", f"1/{n}", now, motor_ms=900)
        await self.writer.apply(EventFor((MERCHANT, order_id), fact))
        return number

    # --- time --------------------------------------------------------------------------------------------------------

    async def pass_time(self, *, days: float = 0, seconds: float = 0) -> None:
        await self.clock.advance(days * 86_400 + seconds)

    async def until_day(self, day: date) -> None:
        """Noon in China of `day`."""
        now = self.clock.now() + timedelta(hours=8)
        hours = (day - now.date()).days * 24 + 12 - now.hour
        await self.pass_time(seconds=hours * 3_600)

    async def sweep(self) -> None:
        await self.parts.sharing_sweeps.sweep()

    async def settle(self, rounds: int = 6) -> None:
        """Until nothing is due, a few rounds later."""
        for _ in range(rounds):
            await self.sweep()
            await self.pass_time(seconds=700)

    # --- looks -------------------------------------------------------------------------------------------------------

    async def one(self, query: str, *values: object) -> Any:
        return await self.world.superuser.fetchval(query, *values)

    async def balance(self, account: str) -> int:
        return int(await self.one("SELECT coalesce(sum(amount_minor), 0) FROM ledger_line WHERE account = $1", account))

    async def owed(self) -> int:
        return -await self.balance(f"liab:site_rent:{self.site_id}")

    async def way(self) -> int:
        return -await self.balance(f"liab:site_share:{self.site_id}")

    async def fund(self) -> int:
        return await self.balance(f"asset:clearing:wechat:{self.account.mchid}")

    def partner_fen(self) -> int:
        return int(self.server.wechat.books_now.merchants[self.partner.mchid].balance_fen)

    def given_fen(self) -> int:
        """What reached receivers, by the platform's own books."""
        shared = self.server.wechat.sharing.sharings.values()
        return sum(line.amount_fen for one in shared for line in one.lines if line.state == "SUCCESS")

    def available_fen(self) -> int:
        return int(self.server.wechat.books_now.available_fen(self.account.mchid, self.clock.now()))

    async def stages(self) -> dict[tuple[str, str], int]:
        rows = await self.world.superuser.fetch(
            "SELECT duty, stage, count(*) FROM profit_share GROUP BY 1, 2 ORDER BY 1, 2"
        )
        return {(row[0], row[1]): row[2] for row in rows}

    async def alarms(self) -> list[str]:
        rows = await self.world.superuser.fetch("SELECT detail FROM alarm WHERE kind = 'site_share' ORDER BY detail")
        return [row[0] for row in rows]

    async def assert_audited(self) -> None:
        """The books of it are in order, by somebody who shares no code with them."""
        report = await run_audit(AuditSources(self.world.superuser_url))
        found = {one.name: one.rows for one in report.breaches if one.name.startswith(("I4.", "I8.share"))}
        assert found == {}


@asynccontextmanager
async def open_sharing_stage(
    world: World, server: GatewayServer, clock: ManualClock, folder: Path
) -> AsyncIterator[SharingStage]:
    """The site with its machine and its terms stands; nothing is shared yet."""
    account, partner = (server.open_wechat_account(name) for name in ("Firm", "Partner"))
    kept = wechat_settings(account) | {"shares_profit": True, "timeout_s": 10.0}
    await PaymentAccounts(world.database, MASTER).put(PaymentAccount(MERCHANT, "wechat", account.mchid, kept))
    settings, ids = CloudSettings(public_url="http://127.0.0.1:9", bills_dir=folder), TimeOrderedIds(clock)
    mortal: list[Mortal] = []

    def opened(*values: Any, **more: Any) -> Any:
        provider = open_provider(*values, **more)
        mortal.append(Mortal(provider.profit_sharing))  # type: ignore[attr-defined]
        provider.profit_sharing = mortal[-1]  # type: ignore[attr-defined]
        return provider

    async with AsyncExitStack() as stack:
        parts = build_sales(
            SalesGround(
                settings=settings,
                database=world.database,
                wire=NoWire(),  # type: ignore[arg-type]
                master_key=MASTER,
                signer=CLOUD_KEY,
                open_provider=opened,
                clock=clock,
                ids=ids,
            ),
            stack,
        )
        writer = Writer(world.database, settings, ids)
        stack.push_async_callback(writer.aclose)
        sites = Sites(world.database, clock)
        site = await sites.create(OWNER, "Lobby", "Wang", request_key="the-lobby")
        await sites.stay(OWNER, Stay(MACHINE, date(2025, 12, 1), site.site_id))
        await sites.agree(OWNER, site.site_id, Rule(date(2026, 1, 1), TENTH))
        statements = SiteStatements(world.database, Statements(world.database, clock), sites, clock)
        await parts.sharing.look(MERCHANT, site.site_id)  # opens the account
        yield SharingStage(
            world, server, clock, account, partner, parts, writer, sites, statements, site.site_id, mortal[-1]
        )
