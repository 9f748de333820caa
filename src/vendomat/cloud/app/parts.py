"""The parts of one worker, made in the order in which they need each other.

First the ground (database, wire, clock, ids, keys), then what sells. Nothing here runs yet, and nothing here decides.
Whoever makes them hands over an exit stack, which closes them in the opposite order.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from vendomat.cloud.alarms import SecurityWatch
from vendomat.cloud.app.metrics import Metrics
from vendomat.cloud.codes import codes_key
from vendomat.cloud.coolers import DoorFacts, Visits, VisitSweeps
from vendomat.cloud.machines import MachineDirectory
from vendomat.cloud.members import Members, members_key
from vendomat.cloud.merchants import MasterKey, PaymentAccounts
from vendomat.cloud.orders import BuyerLinks
from vendomat.cloud.payments import OpenProvider, ProviderBook, open_provider
from vendomat.cloud.platform.connection import MachineWire, Wire
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.identity import CloudIdentity
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.promotions import coupons_key
from vendomat.cloud.reconciliation import BillRequests, BillShelf, Reconciler, ReconciliationJob, SecondLook
from vendomat.cloud.sales import (
    Charges,
    CouponDesk,
    Dispatcher,
    FactTaker,
    GoodsDesk,
    Presence,
    Reach,
    Redeemer,
    RefundCaps,
    RefundDesk,
    SalesDesk,
    StandingAlarms,
    Sweeps,
    Till,
    TopUps,
    UpMessages,
    WalletPayments,
    WalletPayouts,
    Writer,
    buyers_key,
    payers_key,
)
from vendomat.cloud.sharing import SharingDesk, SharingSweeps
from vendomat.kernel import Clock, Ids, SteadyClock, SystemClock, TimeOrderedIds
from vendomat.protocol import Signer

OpenDatabase = Callable[..., Awaitable[Database]]
"""The shape of `Database.open`."""

OpenWire = Callable[..., Awaitable[Wire]]
"""The shape of `Wire.open`."""


@dataclass(frozen=True)
class WorkerAddress:
    """What a worker needs to know of its surroundings, besides its settings.

    `open_provider` reaches the platforms, `open_database` and `open_wire` what their names say; `revoke` cuts a
    machine's old key off the wire; `machines_nats_url` is where machines reach the wire, unless they do as we.
    """

    database_url: str
    nats_url: str
    identity: CloudIdentity
    open_provider: OpenProvider = open_provider
    revoke: Callable[[str], None] | None = None
    open_database: OpenDatabase = Database.open
    open_wire: OpenWire = Wire.open
    machines_nats_url: str = ""


@dataclass(frozen=True, kw_only=True)
class SalesGround:
    """What selling stands on: all of its outside.

    `signer` signs commands and answers for the cloud, `key_ids` names the keys that machines shall trust now.
    """

    settings: CloudSettings
    database: Database
    wire: MachineWire
    master_key: MasterKey
    signer: Signer
    key_ids: Callable[[], tuple[str, ...]] = tuple
    open_provider: OpenProvider
    clock: Clock
    ids: Ids
    wall: Clock | None = None  # true time, for what platforms check; without it `clock` has to be true


@dataclass(frozen=True, kw_only=True)
class Ground(SalesGround):
    """What every part of a worker stands on."""

    address: WorkerAddress
    wire: Wire
    registry: CollectorRegistry
    metrics: Metrics


@dataclass(frozen=True, kw_only=True)
class SalesParts:
    """What sells: the messages machines send, the till, the sweeps that leave nothing behind, who is where."""

    messages: UpMessages
    till: Till
    sweeps: Sweeps
    directory: MachineDirectory
    watch: SecurityWatch
    refunds: RefundDesk
    goods: GoodsDesk
    top_ups: TopUps
    payouts: WalletPayouts
    members: Members
    standing: StandingAlarms
    reach: Reach
    reconciliation: ReconciliationJob
    bill_requests: BillRequests
    visit_sweeps: VisitSweeps
    sharing_sweeps: SharingSweeps

    @property
    def sharing(self) -> SharingDesk:
        return self.sharing_sweeps.desk

    @property
    def visits(self) -> Visits:
        return self.visit_sweeps.visits


async def open_ground(settings: CloudSettings, address: WorkerAddress, stack: AsyncExitStack) -> Ground:
    """Connect to the database and the wire, under a name of this worker alone."""
    wall = SystemClock()
    clock = SteadyClock(wall)
    master_key = MasterKey.load_or_create(settings.data_dir / "identity")
    database = await address.open_database(
        address.database_url, hot_connections=settings.hot_connections, stuck_s=settings.stuck_s
    )
    stack.push_async_callback(database.aclose)
    wire = await address.open_wire(address.nats_url, address.identity, wall, "w" + secrets.token_hex(6))
    stack.push_async_callback(wire.aclose)
    registry = CollectorRegistry()
    metrics = Metrics(registry, database, clock)
    return Ground(
        registry=registry,
        metrics=metrics,
        settings=settings,
        address=address,
        database=database,
        wire=wire,
        master_key=master_key,
        signer=address.identity.command_key,
        key_ids=address.identity.command_key.key_ids,
        open_provider=address.open_provider,
        clock=clock,
        wall=wall,
        ids=TimeOrderedIds(clock),
    )


MakeWriter = Callable[[Database, CloudSettings, Ids], Writer]


def build_sales(ground: SalesGround, stack: AsyncExitStack, *, make_writer: MakeWriter = Writer) -> SalesParts:
    """Put together what sells on this ground; the caller starts it. `make_writer` lets a check spoil the writer.

    Longer because it lists the parts, one after another, and decides nothing.
    """
    database, settings, clock, ids = ground.database, ground.settings, ground.clock, ground.ids
    book = _provider_book(ground)
    stack.push_async_callback(book.aclose)
    writer = make_writer(database, settings, ids)
    stack.push_async_callback(writer.aclose)
    presence = Presence(database, settings, ids)
    stack.push_async_callback(presence.aclose)
    directory = MachineDirectory(database.hot, clock)
    watch = SecurityWatch(database, ids, clock)
    reach = Reach(database, book, clock)
    caps = RefundCaps(database, settings=settings, clock=clock, key=payers_key(ground.master_key))
    till = Till(database, writer, book, settings=settings, clock=clock, watch=watch, reach=reach, caps=caps)
    facts = FactTaker(writer, clock)
    dispatcher = _dispatcher(ground, writer, directory, facts=facts, watch=watch)
    stack.push_async_callback(dispatcher.aclose)
    charges = Charges(writer=writer, till=till, book=book, settings=settings, clock=clock)
    stack.push_async_callback(charges.aclose)
    sweeps = Sweeps(
        database=database,
        writer=writer,
        till=till,
        charges=charges,
        dispatcher=dispatcher,
        settings=settings,
        clock=clock,
    )
    writer.followers += [dispatcher.follow, sweeps.follow]
    messages = UpMessages(
        database=database,
        directory=directory,
        desk=_desk(ground, writer, till, charges),
        facts=facts,
        presence=presence,
        signer=ground.signer,
        settings=settings,
        clock=clock,
        watch=watch,
        key_ids=ground.key_ids,
    )
    reconciliation, bill_requests = _reconciliation(ground, book, till)
    return SalesParts(
        messages=messages,
        till=till,
        sweeps=sweeps,
        directory=directory,
        watch=watch,
        refunds=RefundDesk(writer, till, clock, alone_minor=settings.goodwill_alone_minor),
        goods=GoodsDesk(database, writer, clock),
        top_ups=TopUps(database, writer, till, settings=settings, clock=clock, ids=ids),
        payouts=WalletPayouts(
            database, writer, settings=settings, clock=clock, ids=ids, alone_minor=settings.goodwill_alone_minor
        ),
        members=Members(database, ground.master_key, ids=ids, clock=clock),
        reach=reach,
        standing=StandingAlarms(database, ground.wire, settings=settings, clock=clock, ids=ids),
        reconciliation=reconciliation,
        bill_requests=bill_requests,
        visit_sweeps=_coolers(ground, book, dispatcher, facts),
        sharing_sweeps=_sharing(ground, book),
    )


def _coolers(ground: SalesGround, book: ProviderBook, dispatcher: Dispatcher, facts: FactTaker) -> VisitSweeps:
    """Selling from open-door coolers: the facts of doors go there."""
    database, settings, clock, ids = ground.database, ground.settings, ground.clock, ground.ids
    visits = Visits(database=database, book=book, settings=settings, clock=clock, ids=ids)
    sweeps = VisitSweeps(database=database, visits=visits, dispatcher=dispatcher, settings=settings, clock=clock)
    visits.follow = sweeps.follow
    facts.doors = DoorFacts(database, visits, settings=settings, clock=clock, ids=ids)
    return sweeps


def _sharing(ground: SalesGround, book: ProviderBook) -> SharingSweeps:
    desk = SharingDesk(ground.database, book, clock=ground.clock, ids=ground.ids)
    return SharingSweeps(ground.database, desk, clock=ground.clock, ids=ground.ids)


def _desk(ground: SalesGround, writer: Writer, till: Till, charges: Charges) -> SalesDesk:
    database, settings, clock, ids = ground.database, ground.settings, ground.clock, ground.ids
    code_key, member_key = codes_key(ground.master_key), members_key(ground.master_key)
    return SalesDesk(
        writer=writer,
        till=till,
        charges=charges,
        redeemer=Redeemer(database, writer, code_key=code_key, settings=settings, clock=clock, ids=ids),
        coupons=CouponDesk(database, key=coupons_key(ground.master_key), clock=clock, ids=ids),
        wallets=WalletPayments(database, writer, member_key=member_key, settings=settings, clock=clock, ids=ids),
        settings=settings,
        clock=clock,
        ids=ids,
        links=_buyer_links(ground),
    )


def _buyer_links(ground: SalesGround) -> BuyerLinks:
    return BuyerLinks(buyers_key(ground.master_key), ground.settings.base_url)


def _reconciliation(ground: SalesGround, book: ProviderBook, till: Till) -> tuple[ReconciliationJob, BillRequests]:
    database, clock, ids = ground.database, ground.clock, ground.ids
    shelf = BillShelf(ground.settings.bills_folder, ids)
    reconciler = Reconciler(
        database=database,
        book=book,
        shelf=shelf,
        second_look=SecondLook(database, till, clock, ids),
        clock=clock,
        ids=ids,
    )
    nightly = ReconciliationJob(database, PaymentAccounts(database, ground.master_key), reconciler, clock)
    return nightly, BillRequests(database, reconciler, shelf, clock)


def _provider_book(ground: SalesGround) -> ProviderBook:
    return ProviderBook(
        PaymentAccounts(ground.database, ground.master_key),
        ground.clock,
        threads=ground.settings.platform_threads,
        lookups_per_second=ground.settings.lookups_per_second,
        open_provider=ground.open_provider,
        wall=ground.wall or ground.clock,
    )


def _dispatcher(
    ground: SalesGround, writer: Writer, directory: MachineDirectory, *, facts: FactTaker, watch: SecurityWatch
) -> Dispatcher:
    return Dispatcher(
        database=ground.database,
        writer=writer,
        wire=ground.wire,
        directory=directory,
        facts=facts,
        signer=ground.signer,
        settings=ground.settings,
        clock=ground.clock,
        watch=watch,
        links=_buyer_links(ground),
    )
