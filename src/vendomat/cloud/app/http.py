"""The two HTTP applications, built from their parts: the public one for people, the machines' one over HTTPS.

Nothing here decides; it puts features together. The framework's reference pages are off, as they would load from
outside; ours is under `/reference/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import RedirectResponse
from starlette.middleware import Middleware

from vendomat.cloud.app.alarm_routers import AlarmParts, alarm_routers
from vendomat.cloud.app.console_files import ConsoleFiles
from vendomat.cloud.app.document import document_router
from vendomat.cloud.app.guards import Guards
from vendomat.cloud.app.health import Check, database_check, health_router
from vendomat.cloud.app.problems import install_problems
from vendomat.cloud.app.repeats import KeepsAnswers
from vendomat.cloud.catalog import Catalog, ProductBulk, ProductDesk, ProductImport, catalog_router, media_router
from vendomat.cloud.changes import ChangeLog, changes_router
from vendomat.cloud.claims import BuyerDesk, BuyerThrottles, ClaimDesk, buyers_router, claims_router
from vendomat.cloud.codes import Codes, PostLedger, codes_router
from vendomat.cloud.commission import SiteStatements, commission_router
from vendomat.cloud.coolers import Visits, buyer_router, buyer_throttle, visits_router
from vendomat.cloud.machine_models import ModelDesk, machine_models_router
from vendomat.cloud.machines import (
    Enrolment,
    EnrolmentDoor,
    JwtIssuer,
    KeyReplaced,
    Machines,
    WireAddress,
    enrolment_router,
    machines_router,
)
from vendomat.cloud.members import Members, Tiers, tiers_router
from vendomat.cloud.merchants import (
    Admission,
    CurrentOperator,
    FirstRun,
    MasterKey,
    OwnAccount,
    Passkeys,
    Passwords,
    People,
    Permission,
    Proofs,
    ProviderBook,
    ProviderClient,
    ProviderDesk,
    ProviderJourneys,
    Roles,
    SavedViews,
    SecondFactor,
    SignIns,
    account_provider_router,
    account_router,
    arriving_operator,
    current_operator,
    invitation_router,
    passkey_router,
    passkey_session_router,
    people_router,
    permitted,
    proof_router,
    provider_router,
    provider_session_router,
    roles_router,
    saved_views_router,
    second_factor_router,
    session_router,
    setup_router,
    site_at,
)
from vendomat.cloud.orders import BuyerLinks
from vendomat.cloud.own_sites import OwnSites, own_sites_router
from vendomat.cloud.payments import AccountDesk, accounts_router
from vendomat.cloud.planograms import (
    PlanogramDesk,
    PlanogramFiles,
    PlanogramReport,
    TemplateDesk,
    drafts_naming,
    planograms_router,
    templates_router,
)
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import KeptAnswers, PublicOrigin, Throttle
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.promotions import Coupons, Promotions, coupons_router, promotions_router
from vendomat.cloud.reconciliation import BillShelf, ReconciliationDesk, RequestDesk, reconciliation_router
from vendomat.cloud.reports import (
    AmbiguityReport,
    AttentionReport,
    CurveReport,
    EventFeeds,
    FleetReport,
    MachineTimeline,
    ObjectiveReport,
    OrderReport,
    SiteMap,
    first_steps_router,
    machine_reports_router,
    reports_router,
    site_map_router,
    stream_router,
    trust_router,
)
from vendomat.cloud.sales import (
    GoodsDesk,
    RefundDesk,
    TopUps,
    WalletPayouts,
    buyers_key,
    goods_router,
    member_router,
    member_throttle,
    refunds_router,
    wallet_payouts_router,
)
from vendomat.cloud.sharing import SharingDesk, sharing_router
from vendomat.cloud.sites import Sites, sites_router
from vendomat.cloud.statements import Statements, statements_router
from vendomat.cloud.statistics import (
    Margins,
    Months,
    Products,
    SalesFigures,
    margins_router,
    months_router,
    products_router,
    sales_figures_router,
)
from vendomat.cloud.stock import StockDesk, stock_router
from vendomat.cloud.wallets import MemberViews, WalletBook, members_router
from vendomat.kernel import Clock, Ids

CONSOLE_FOLDER = Path(__file__).parents[2] / "static" / "console"
MEMBER_FOLDER = CONSOLE_FOLDER.with_name("member")
ORDER_FOLDER = CONSOLE_FOLDER.with_name("order")
REFERENCE_FOLDER = CONSOLE_FOLDER.with_name("reference")
ENROLMENT_FAILURES_MAX = 10
ENROLMENT_WINDOW_S = 900.0
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, kw_only=True)
class PublicParts:
    """What the public application is made of. `is_secure` when people reach it by HTTPS."""

    database: Database
    master_key: MasterKey
    passwords: Passwords
    ids: Ids
    clock: Clock
    post_ledger: PostLedger
    feeds: EventFeeds
    settings: CloudSettings = field(default_factory=CloudSettings)
    heartbeat_s: float = 5.0
    is_secure: bool = False
    more_routers: Sequence[APIRouter] = ()  # payment notices, for one
    refunds: RefundDesk | None = None  # where this process sells
    goods: GoodsDesk | None = None  # where this process sells
    top_ups: TopUps | None = None  # where this process sells
    payouts: WalletPayouts | None = None  # where this process sells
    visits: Visits | None = None  # where this process sells
    sharing: SharingDesk | None = None  # where this process sells
    door: EnrolmentDoor | None = None  # where this cloud lets machines in
    first_run: FirstRun | None = None  # where this cloud may be set up
    checks: Mapping[str, Check] = field(default_factory=dict)
    metrics: APIRouter | None = None  # unless they have a port of their own
    console_folder: Path = CONSOLE_FOLDER
    member_folder: Path = MEMBER_FOLDER
    order_folder: Path = ORDER_FOLDER
    reference_folder: Path = REFERENCE_FOLDER
    lifespan: Lifespan | None = None
    wall: Clock | None = None  # true time, for what platforms check; without it `clock` has to be true


@dataclass(frozen=True, kw_only=True)
class MachineParts:
    """What the machines' application is made of."""

    database: Database
    issuer: JwtIssuer
    wire: WireAddress
    ids: Ids
    clock: Clock
    authority: bytes = b""  # what a machine with an enrolment link fetches first
    key_replaced: KeyReplaced | None = None
    lifespan: Lifespan | None = None


def build_public_app(parts: PublicParts) -> FastAPI:
    """Console API, console pages, health, metrics, and the routers given."""
    second_factor = SecondFactor(parts.database, parts.master_key, parts.clock)
    proof_life = timedelta(seconds=parts.settings.proof_s)
    sign_ins = SignIns(parts.database, parts.passwords, parts.clock, second_factor=second_factor, proof_life=proof_life)
    kept = KeptAnswers(parts.database, parts.ids, parts.clock)
    keeping = Middleware(KeepsAnswers, sign_ins=sign_ins, kept=kept, master_key=parts.master_key)
    app = _bare_app("Vendomat console API", parts.lifespan, keeping)
    current = current_operator(sign_ins)
    codes = Codes(parts.database, parts.master_key, ids=parts.ids, clock=parts.clock, post_ledger=parts.post_ledger)
    fleet = FleetReport(parts.database, parts.clock, heartbeat_s=parts.heartbeat_s)
    for router in parts.more_routers:  # first, so that a notice is not held against every other path
        app.include_router(router)
    app.include_router(session_router(sign_ins, arriving_operator(sign_ins), is_secure=parts.is_secure))
    _add_proofs(app, parts, sign_ins, second=second_factor, current=current)
    _add_people(app, parts, sign_ins, current)
    app.include_router(reports_router(fleet, OrderReport(parts.database), current))
    curves, timeline = CurveReport(parts.database, parts.clock), MachineTimeline(parts.database)
    app.include_router(machine_reports_router(curves, timeline, current))
    _include_alarms(app, parts, current)
    app.include_router(codes_router(codes, current))
    if parts.refunds is not None:
        app.include_router(refunds_router(parts.refunds, current))
    app.include_router(claims_router(ClaimDesk(parts.database, parts.refunds, parts.clock), current, parts.clock))
    buyers = BuyerDesk(parts.database, BuyerLinks(buyers_key(parts.master_key), parts.settings.base_url), parts.clock)
    app.include_router(buyers_router(buyers, BuyerThrottles(parts.clock)))
    members = Members(parts.database, parts.master_key, ids=parts.ids, clock=parts.clock)
    wallets = WalletBook(parts.database)
    tiers = Tiers(parts.database, parts.clock)
    app.include_router(tiers_router(tiers, current))
    app.include_router(members_router(members, MemberViews(wallets, tiers, parts.clock, _origin(parts)), current))
    if parts.payouts is not None:
        app.include_router(wallet_payouts_router(parts.payouts, current))
    if parts.top_ups is not None:
        app.include_router(member_router(members, wallets, parts.top_ups, member_throttle(parts.clock)))
    if parts.goods is not None:
        app.include_router(goods_router(parts.goods, current))
    if parts.visits is not None:
        app.include_router(visits_router(parts.visits, parts.database, current))
        app.include_router(buyer_router(parts.visits, parts.database, buyer_throttle(parts.clock)))
    ambiguity = AmbiguityReport(parts.database, parts.clock, parts.settings)
    app.include_router(trust_router(ambiguity, ObjectiveReport(parts.database, parts.clock), current))
    app.include_router(_reconciliation_router(parts, current))
    beginning = _beginning_routers(parts, current)
    for router in (*beginning, *_merchants_routers(parts, current), *_goods_routers(parts, current)):
        app.include_router(router)
    app.include_router(stream_router(parts.feeds, current))
    app.include_router(media_router(Catalog(parts.database, parts.ids)))
    app.include_router(health_router({"database": database_check(parts.database), **parts.checks}))
    app.include_router(document_router(app))
    if parts.metrics is not None:
        app.include_router(parts.metrics)
    _add_pages(app, parts)
    return app


def _reconciliation_router(parts: PublicParts, current: CurrentOperator) -> APIRouter:
    shelf = BillShelf(parts.settings.bills_folder, parts.ids)
    requests = RequestDesk(parts.database, shelf, parts.clock, parts.ids)
    return reconciliation_router(ReconciliationDesk(parts.database, parts.clock), requests, current)


def _add_pages(app: FastAPI, parts: PublicParts) -> None:
    @app.get("/", include_in_schema=False)
    async def home() -> RedirectResponse:
        return RedirectResponse("/console/", 307)

    app.mount("/console", ConsoleFiles(parts.console_folder), name="console")
    app.mount("/member", ConsoleFiles(parts.member_folder), name="member")
    app.mount("/order", ConsoleFiles(parts.order_folder), name="order")
    app.mount("/reference", ConsoleFiles(parts.reference_folder), name="reference")


def _beginning_routers(parts: PublicParts, current: CurrentOperator) -> list[APIRouter]:
    """From an empty cloud to a first sale."""
    routers = [first_steps_router(parts.database, current)]
    if parts.first_run is not None:
        routers.append(setup_router(parts.first_run))
    if parts.door is not None:
        machines = Machines(parts.database, parts.ids, parts.clock)
        routers.append(machines_router(machines, parts.door, current))
    return routers


def _merchants_routers(parts: PublicParts, current: CurrentOperator) -> list[APIRouter]:
    """What a merchant arranges and reads of its business: books, sites, figures, ways to pay, promotions."""
    statements, sites = Statements(parts.database, parts.clock), Sites(parts.database, parts.clock)
    return [
        statements_router(statements, current),
        sites_router(sites, current),
        site_map_router(SiteMap(parts.database, parts.clock, heartbeat_s=parts.heartbeat_s), current),
        own_sites_router(OwnSites(parts.database, parts.clock, heartbeat_s=parts.heartbeat_s), current),
        sales_figures_router(SalesFigures(parts.database, parts.clock), current),
        months_router(Months(parts.database, parts.clock), current),
        margins_router(Margins(parts.database, parts.clock), current),
        products_router(Products(parts.database, parts.clock), current),
        commission_router(SiteStatements(parts.database, statements, sites, parts.clock), current),
        accounts_router(AccountDesk(parts.database, parts.master_key, parts.clock, wall=parts.wall), current),
        promotions_router(Promotions(parts.database, parts.ids, parts.clock), current),
        coupons_router(Coupons(parts.database, parts.master_key, ids=parts.ids, clock=parts.clock), current),
        *([] if parts.sharing is None else [sharing_router(parts.sharing, current)]),
    ]


def _add_people(app: FastAPI, parts: PublicParts, sign_ins: SignIns, current: CurrentOperator) -> None:
    """Who works here, what each does about oneself, and who changed what."""
    app.include_router(roles_router(Roles(parts.database, ids=parts.ids, clock=parts.clock), current))
    people = People(parts.database, parts.passwords, ids=parts.ids, clock=parts.clock)
    app.include_router(people_router(people, current, _origin(parts)))
    app.include_router(invitation_router(people, parts.clock))
    app.include_router(account_router(OwnAccount(parts.database, parts.passwords, sign_ins, parts.clock), current))
    app.include_router(saved_views_router(SavedViews(parts.database, parts.ids), current))
    app.include_router(changes_router(ChangeLog(parts.database), permitted(current, Permission.AUDIT_READ)))


def _add_proofs(
    app: FastAPI, parts: PublicParts, sign_ins: SignIns, *, second: SecondFactor, current: CurrentOperator
) -> None:
    """How one proves who one is, beside the password."""
    passkeys = Passkeys(parts.database, site_at(parts.settings.base_url), ids=parts.ids, clock=parts.clock)
    proof_life = timedelta(seconds=parts.settings.proof_s)
    proofs = Proofs(parts.database, sign_ins, second, passkeys, clock=parts.clock, proof_life=proof_life)
    arriving = arriving_operator(sign_ins)
    for router in _provider_routers(parts, sign_ins, proofs, current):
        app.include_router(router)
    app.include_router(proof_router(proofs, arriving))
    app.include_router(passkey_router(passkeys, proofs, current, arriving))
    app.include_router(passkey_session_router(passkeys, sign_ins, arriving, parts.clock, is_secure=parts.is_secure))
    app.include_router(second_factor_router(second, proofs, current, arriving))


def _origin(parts: PublicParts) -> PublicOrigin:
    return PublicOrigin(parts.settings.public_url)


def _provider_routers(
    parts: PublicParts, sign_ins: SignIns, proofs: Proofs, current: CurrentOperator
) -> list[APIRouter]:
    """Signing in by a merchant's own identity provider."""
    client = ProviderClient(is_private_allowed=parts.settings.oidc_private)
    journeys = ProviderJourneys(
        database=parts.database,
        book=ProviderBook(parts.database, parts.master_key),
        client=client,
        admission=Admission(parts.database, parts.ids, parts.clock),
        sign_ins=sign_ins,
        proofs=proofs,
        clock=parts.clock,
        wall=parts.wall or parts.clock,
        base_url=parts.settings.base_url,
    )
    desk = ProviderDesk(parts.database, parts.master_key, client, proofs=proofs, clock=parts.clock)
    arriving = arriving_operator(sign_ins)
    return [
        provider_session_router(journeys, arriving, parts.clock, is_secure=parts.is_secure),
        account_provider_router(journeys, current, is_secure=parts.is_secure),
        provider_router(desk, journeys, current),
    ]


def _goods_routers(parts: PublicParts, current: CurrentOperator) -> list[APIRouter]:
    """What is sold, and where."""
    products = ProductDesk(parts.database, parts.ids, parts.clock, planned_in=drafts_naming)
    files = ProductImport(parts.database, products, parts.clock)
    planograms = PlanogramDesk(parts.database, parts.clock)
    report = PlanogramReport(parts.database, parts.clock, heartbeat_s=parts.heartbeat_s)
    return [
        machine_models_router(ModelDesk(parts.database, parts.ids, parts.clock), current),
        catalog_router(products, files, ProductBulk(parts.database, products), current),
        planograms_router(planograms, report, PlanogramFiles(parts.database, planograms), current),
        stock_router(StockDesk(parts.database, parts.clock), current),
        templates_router(TemplateDesk(parts.database, parts.ids, parts.clock, planograms), current),
    ]


def _include_alarms(app: FastAPI, parts: PublicParts, current: CurrentOperator) -> None:
    """What is wrong, and who is told of it."""
    alarming = AlarmParts(parts.database, parts.master_key, parts.settings, parts.clock, parts.wall or parts.clock)
    attention = AttentionReport(parts.database, parts.clock, heartbeat_s=parts.heartbeat_s)
    for router in alarm_routers(alarming, attention, current):
        app.include_router(router)


def build_machine_app(parts: MachineParts) -> FastAPI:
    """Enrolment and media for machines; served over HTTPS with the project's certificate."""
    app = _bare_app("Vendomat for machines", parts.lifespan)
    throttle = Throttle(parts.clock, failures_max=ENROLMENT_FAILURES_MAX, window_s=ENROLMENT_WINDOW_S)
    revocation = {} if parts.key_replaced is None else {"key_replaced": parts.key_replaced}
    enrolment = Enrolment(parts.database, parts.issuer, parts.wire, parts.clock, throttle=throttle, **revocation)
    app.include_router(enrolment_router(enrolment, parts.authority))
    app.include_router(media_router(Catalog(parts.database, parts.ids)))
    app.include_router(health_router({"database": database_check(parts.database)}))
    return app


def _bare_app(title: str, lifespan: Lifespan | None, *inside: Middleware) -> FastAPI:
    around = [Middleware(Guards), *inside]  # the first is asked first
    app = FastAPI(title=title, docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan, middleware=around)
    install_problems(app)
    return app
