"""Every route of the console: which permission it names, who is refused, and that nobody reaches another merchant.

A route that names no permission turns this red, and so does one whose ids are not tried with another merchant's eyes:
then say in `BODIES` what it is sent, or in `NO_IDS` why its path holds no id of a merchant's.

Longer because what each route is sent stands beside the rules by which all of them are tried.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.routing import APIRoute

from tests.cloud.claims.conftest import HOST, PASSWORD, Counter, _no_ledger, counter
from tests.cloud.one_key_each import ONE_KEY_EACH
from tests.cloud.sales.conftest import MACHINE, MERCHANT, PRODUCT, world
from tests.cloud.sales.selling_stage import MASTER, Stage
from vendomat.cloud.app import PublicParts, build_public_app
from vendomat.cloud.app.document import dependencies_of, needs_proof, routes_of
from vendomat.cloud.coolers import Visits
from vendomat.cloud.machines import EnrolmentDoor
from vendomat.cloud.merchants import (
    CustomRole,
    Merchants,
    NewMerchant,
    NewOperator,
    Passwords,
    Permission,
    Permitted,
    Role,
    may,
)
from vendomat.cloud.merchants.permissions import completed
from vendomat.cloud.reports import EventFeeds
from vendomat.cloud.sales import GoodsDesk
from vendomat.cloud.sharing import SharingDesk
from vendomat.kernel import TimeOrderedIds, derive_id

__all__ = ["counter", "world"]
pytestmark = pytest.mark.slow

OPEN = {
    "document.get",
    "health.get",
    "session.create",
    "session.get",
    "session.proof",
    "session.prove",
    "session.begin_passkey",
    "session.create_by_passkey",
    "session.begin_proof",
    "session.doors",
    "session.begin_provider",
    "session.create_by_provider",
    "session.leave_provider",
    "session.begin_provider_proof",
    "account.identity",
    "account.link_identity",
    "account.unlink_identity",
    "passkeys.list",
    "passkeys.begin",
    "passkeys.add",
    "passkeys.remove",
    "session.delete",
    "roles.list",
    "invitation.look",
    "invitation.accept",
    "account.password",
    "account.sessions",
    "account.end_others",
    "account.end_session",
    "saved_views.list",
    "saved_views.put",
    "saved_views.remove",
    "account.second_factor",
    "account.begin_second_factor",
    "account.confirm_second_factor",
    "account.end_second_factor",
    "account.renew_recovery",
}
"""Asked by nobody in particular, or by anybody about themselves."""
PROVEN = {
    *(
        "people.invite",
        "people.invite_again",
        "people.change",
        "people.deactivate",
        "people.require_second_factor",
        "roles.create",
        "roles.change",
        "roles.remove",
        "account.begin_second_factor",
        "account.renew_recovery",
    ),
    *("passkeys.begin", "passkeys.add", "passkeys.remove"),
    *("provider.put", "provider.try", "account.link_identity", "account.unlink_identity"),
    *("refunds.ask", "refunds.again", "refunds.release", "refunds.decline", "refunds.give", "refunds.by_hand"),
    *("refunds.send_on", "payments.judge", "payments.agree", "payments.decline", "claims.grant"),
    *("wallet_payouts.ask", "wallet_payouts.agree", "wallet_payouts.decline", "visits.write_off", "visits.cooler"),
    *("payment_accounts.put", "payment_accounts.activate", "payment_accounts.deactivate"),
    *("site_sharing.agree", "site_sharing.stop", "site_sharing.take_back", "shares.give_up"),
    *("products.set_price", "planograms.publish", "planograms.publish_many", "promotions.activate", "coupons.issue"),
    "slots.unlock",
    "machines.link",
}
"""What a stolen session shall not do: each asks for a fresh proof."""
OF_BUYERS = re.compile(r"/api/v1/(order|member)(/|$)")
"""Opened by a link or a machine's code, not by a role."""
NO_IDS = {
    "payment_accounts.put": "the channel is a name",
    "payment_accounts.activate": "the channel is a name",
    "payment_accounts.deactivate": "the channel is a name",
    "payment_accounts.try": "the channel is a name",
    "statements.get": "the period is a date",
    "statements.rows": "the period is a date",
    "statements.csv": "the period is a date",
    "statements.pdf": "the period is a date",
    "statements.rows_csv": "the period is a date",
    "alarm_rules.put": "the kind is a name",
    "month_closes.get": "the month is a date",
    "month_closes.close": "the month is a date",
    "sales_figures.file": "the form is a kind of file",
    "margins.file": "the form is a word",
    "products.file": "the form is a kind of file",
    "planograms.file": "the form is a kind of file",
    "product_ranking.file": "the form is a word",
    "reconciliation.set_fee": "a contract of one's own with a platform",
}
NEVER_MADE = {
    *("site_statements.csv", "site_statements.pdf", "site_statements.verify"),
    *("own_sites.statement", "own_sites.csv", "own_sites.pdf", "own_sites.verify"),
}
"""A statement that nobody issued here, and its files: its own merchant finds none either."""
ENDLESS = {"events.stream"}
WHY = {"reason": "why"}
MONTH = "2026-05"
SLOTS = [{"slot": "A1", "product_id": PRODUCT, "price_minor": 1, "capacity": 1}]
GOODS = {"sku": "s", "name_zh": "z", "name_en": "e", "price_minor": 1}
IDS = {
    "merchant_id": derive_id("mer", 1),
    "order_id": derive_id("ord", 1),
    "payment_id": derive_id("pay", 1),
    "refund_id": "rfd_" + "1" * 26,
    "machine_id": MACHINE,
    "slot": "A1",
    "unit": "1",
    "channel": "wechat",
    "account": "ours",
    "day": "2026-05-01",
    "first_day": "2026-05-01",
    "month": MONTH,
    "period": MONTH,
    "form": "csv",
    "sha256": "a" * 64,
    "item_id": "rci_" + "1" * 26,
    "visit_id": "vis_" + "1" * 26,
    "alarm_id": "alm_" + "1" * 26,
    "payout_id": "wpo_" + "1" * 26,
    "code_id": "cod_" + "1" * 26,
    "site_id": "sit_" + "1" * 26,
    "member_id": "mbr_" + "1" * 26,
    "operator_id": "opr_" + "1" * 26,
    "promotion_id": "prm_" + "1" * 26,
    "batch_id": "cpb_" + "1" * 26,
    "position": "1",
    "share_id": "shr_" + "1" * 26,
    "product_id": PRODUCT,
    "template_id": "tpl_" + "1" * 26,
    "model_id": "mdl_" + "1" * 26,
    "passkey_id": "psk_" + "1" * 26,
    "channel_id": "ntc_" + "1" * 26,
    "browser_id": "ntc_" + "1" * 26,
    "kind": "vend_failed",
    "view_id": "svw_" + "1" * 26,
    "role_id": "rol_" + "1" * 26,
}
BODIES: dict[str, Any] = {
    "units.resolve": WHY | {"finding": "came_out"},
    "slots.unlock": WHY,
    "alarms.acknowledge_all": {"alarm_ids": ["alm_" + "1" * 26]},
    "alarms.assign": {"operator_id": ""},
    "alarms.snooze": {"until": None},
    "alarms.comment": {"text": "why"},
    "alarm_rules.put": {},
    "notification_channels.update": {"name": "n"},
    "refunds.ask": WHY,
    "refunds.again": WHY,
    "refunds.release": WHY,
    "refunds.decline": WHY,
    "refunds.give": WHY | {"amount_minor": 1, "ordinal": 2},
    "refunds.by_hand": WHY | {"amount_minor": 350, "way": "cash", "reference": "r"},
    "refunds.send_on": WHY,
    "payments.judge": WHY | {"verdict": "give_back"},
    "payments.agree": WHY | {"verdict": "give_back"},
    "payments.decline": WHY,
    "wallet_payouts.ask": WHY | {"amount_minor": 1},
    "visits.write_off": WHY,
    "visits.cooler": {"ceiling_minor": 100, "is_active": True},
    "claims.grant": WHY,
    "claims.decline": WHY,
    "reconciliation.resolve": WHY | {"state": "explained"},
    "machines.climate": {"band": None},
    "stock.handle": {"deed": "count", "slots": [{"slot": "A1", "quantity": 1}]},
    "machine_channels.put": {"is_offered": False},
    "site_statements.issue": {"month": MONTH},
    "site_statements.pay": {"amount_minor": 1, "paid_on": "2026-05-02", "reference": "r"},
    "sites.change": {"name": "n", "owner": "o"},
    "sites.stay": {"first_day": "2026-05-01"},
    "sites.agree": {},
    "site_sharing.agree": {"kind": "person", "receiver": "o1"},
    "site_sharing.plan": {"position": 1},
    "site_sharing.take_back": {"amount_minor": 1},
    "promotions.change": {"name": "n", "kind": "percent", "basis_points": 100, "version": 1},
    "promotions.activate": {"version": 1},
    "promotions.end": {"version": 1},
    "coupons.issue": {},
    "members.give_tier": {"tier": ""},
    "products.change": GOODS,
    "products.set_cost": {"cost_minor": 1},
    "products.set_price": {"price_minor": 1, "machines": [{"machine_id": MACHINE, "edit": 1}]},
    "planograms.save_draft": {"slots": SLOTS},
    "planograms.publish": {"counts": {}},
    "planogram_templates.change": {"name": "n", "slots": SLOTS},
    "planogram_templates.apply": {"machines": [{"machine_id": MACHINE, "edit": 1}]},
    "machine_models.change": {"name": "n", "slots": [{"slot": "A1", "capacity": 1}]},
    "machine_models.create_from": {"name": "m"},
    "people.change": {"name": "n", "role": "manager"},
    "roles.change": {"name": "n", "permissions": []},
}
QUERIES = {"own_sites.sales": {"first": "2026-05-01", "last": "2026-05-31"}}
ESTATE = f"""
INSERT INTO alarm (merchant_id, alarm_id, machine_id, kind, severity, state, raised_at)
    VALUES ('{MERCHANT}', '{IDS["alarm_id"]}', '{MACHINE}', 'k', 'warning', 'raised', now());
INSERT INTO cooler VALUES ('{MERCHANT}', '{MACHINE}', 100, true);
INSERT INTO cooler_visit (merchant_id, visit_id, machine_id, request_id, channel, account, currency, ceiling_minor,
    created_at, agree_by, state, next_try_at) VALUES ('{MERCHANT}', '{IDS["visit_id"]}', '{MACHINE}', 'r', 'wechat',
    'ours', 'CNY', 100, now(), now(), 'ended', now());
INSERT INTO recon_day (merchant_id, channel, account, day) VALUES ('{MERCHANT}', 'wechat', 'ours', '2026-05-01');
INSERT INTO recon_item (merchant_id, channel, account, day, item_id, subject, class, fix, state, run, found_at)
    VALUES ('{MERCHANT}', 'wechat', 'ours', '2026-05-01', '{IDS["item_id"]}', 's', 'long', 'review', 'open', 1, now());
INSERT INTO site VALUES ('{MERCHANT}', '{IDS["site_id"]}', 'Lobby', 'Wang', now());
INSERT INTO site_rule VALUES ('{MERCHANT}', '{IDS["site_id"]}', '2026-05-01', '[]', 0, 0, 0);
INSERT INTO member (merchant_id, member_id, name, key_hash, created_at)
    VALUES ('{MERCHANT}', '{IDS["member_id"]}', 'Li', 'k', now());
INSERT INTO wallet (merchant_id, member_id, currency) VALUES ('{MERCHANT}', '{IDS["member_id"]}', 'CNY');
INSERT INTO wallet_payout (merchant_id, payout_id, member_id, amount_minor, by_hand_minor, currency, state, hand_way,
    hand_reference, reason, asked_by, asked_at) VALUES ('{MERCHANT}', '{IDS["payout_id"]}', '{IDS["member_id"]}', 1, 0,
    'CNY', 'asked', '', '', 'r', 'o', now());
INSERT INTO pickup_code (merchant_id, code_id, machine_id, code_hash, kind, product_id, value_minor, currency, state,
    issued_at, expires_at) VALUES ('{MERCHANT}', '{IDS["code_id"]}', '{MACHINE}', 'x', 'gift', '{PRODUCT}', 1, 'CNY',
    'issued', now(), now());
INSERT INTO promotion (merchant_id, promotion_id, name, rule, state, created_at, changed_at, changed_by)
    VALUES ('{MERCHANT}', '{IDS["promotion_id"]}', 'n', '{{}}', 'draft', now(), now(), 'o');
INSERT INTO coupon_batch (merchant_id, batch_id, promotion_id, count, uses_each, created_at, created_by)
    VALUES ('{MERCHANT}', '{IDS["batch_id"]}', '{IDS["promotion_id"]}', 1, 1, now(), 'o');
INSERT INTO planogram_template VALUES ('{MERCHANT}', '{IDS["template_id"]}', 'n', '[]', 1, now(), 'o');
INSERT INTO machine_model
    VALUES ('{MERCHANT}', '{IDS["model_id"]}', 'm', 'n', 'spiral', true, '[]', 1, now());
INSERT INTO operator (merchant_id, operator_id, email, name, role, password_hash, created_at)
    VALUES ('{MERCHANT}', '{IDS["operator_id"]}', 'li@vendomat.example', 'Li', 'finance', 'h', now());
INSERT INTO custom_role VALUES ('{MERCHANT}', '{IDS["role_id"]}', 'Clerk', '{{}}', 1);
"""
CLERK = CustomRole("rol_" + "2" * 26, "Second", completed([Permission.REFUND_RELEASE, Permission.AUDIT_READ]))
"""A custom role beside the ready ones, for whoever tries each of them."""
CLERKS = f"""
INSERT INTO custom_role VALUES ('{MERCHANT}', '{CLERK.role_id}', '{CLERK.name}',
    '{{{",".join(sorted(CLERK.permissions))}}}', 1)
"""


@pytest.fixture
async def whole_app(counter: Counter) -> AsyncIterator[FastAPI]:
    """The public application with every router that a selling worker has."""
    stage: Stage = counter.stage
    database, clock = stage.world.database, stage.clock
    ids, passwords = TimeOrderedIds(clock), Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    yield build_public_app(
        PublicParts(
            database=database,
            master_key=MASTER,
            passwords=passwords,
            ids=ids,
            clock=clock,
            post_ledger=_no_ledger,
            feeds=EventFeeds(database, clock),
            refunds=stage.refunds,
            goods=GoodsDesk(database, stage.writer, clock),
            top_ups=stage.top_ups,
            payouts=stage.payouts,
            visits=Visits(database=database, book=stage.book, settings=stage.settings, clock=clock, ids=ids),
            sharing=SharingDesk(database, stage.book, clock=clock, ids=ids),
            door=EnrolmentDoor("https://127.0.0.1:8443", b"authority"),
        )
    )
    passwords.close()


def _routes(app: FastAPI) -> list[APIRoute]:
    """Those of the console."""
    return [one for one in routes_of(app) if one.path.startswith("/api/v1/") and not OF_BUYERS.match(one.path)]


def _permission_of(route: APIRoute) -> Permission | None:
    found = [one.permission for one in dependencies_of(route.dependant) if isinstance(one, Permitted)]
    return found[0] if found else None


async def _ask(client: httpx.AsyncClient, route: APIRoute, body: object = None) -> httpx.Response:
    (method,) = route.methods
    asked = QUERIES.get(str(route.operation_id))
    return await client.request(method, route.path.format(**IDS), json=body, params=asked)


async def _signed_in(app: FastAPI, email: str, address: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, client=(address, 1), raise_app_exceptions=False)
    client = httpx.AsyncClient(transport=transport, base_url=HOST, headers={"Origin": HOST}, event_hooks=ONE_KEY_EACH)
    assert (await client.post("/api/v1/session", json={"email": email, "password": PASSWORD})).status_code == 200
    return client


async def _site_owner(
    counter: Counter, app: FastAPI, merchants: Merchants, email: str, site_ids: list[str]
) -> httpx.AsyncClient:
    """The browser of somebody to whom these sites belong; those that are missing are made."""
    guest = NewOperator(email=email, name="g", password=PASSWORD, role=Role.SITE_OWNER)
    operator = await merchants.add_operator(MERCHANT, guest)
    for site_id in site_ids:
        await counter.stage.world.superuser.execute(
            f"INSERT INTO site VALUES ('{MERCHANT}', '{site_id}', 'Hall', 'Li', now()) ON CONFLICT DO NOTHING"
        )
        await counter.stage.world.superuser.execute(
            f"INSERT INTO site_owner VALUES ('{MERCHANT}', '{operator.operator_id}', '{site_id}')"
        )
    return await _signed_in(app, email, f"10.8.4.{len(email)}")


@pytest.fixture
def merchants(counter: Counter, whole_app: FastAPI) -> Merchants:
    clock = counter.stage.clock
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    return Merchants(counter.stage.world.database, passwords, TimeOrderedIds(clock), clock)


async def test_every_route_names_its_permission(whole_app: FastAPI) -> None:
    routes = _routes(whole_app)
    assert len(routes) > 70
    named = {route.operation_id or route.path: _permission_of(route) for route in routes}
    assert {name for name, permission in named.items() if permission is None} == OPEN
    for name, permission in {
        "payment_accounts.put": Permission.KEYS_CHANGE,
        "refunds.release": Permission.REFUND_RELEASE,
        "slots.unlock": Permission.SLOT_UNLOCK,
        "changes.list": Permission.AUDIT_READ,
        "codes.issue": Permission.CODE_ISSUE,
    }.items():
        assert named[name] is permission


async def test_what_a_stolen_session_shall_not_do_asks_for_a_fresh_proof(
    counter: Counter, whole_app: FastAPI, merchants: Merchants
) -> None:
    owner = NewOperator(email="owner@proofs.example", name="o", password=PASSWORD, role=Role.OWNER)
    await merchants.add_operator(MERCHANT, owner)
    client = await _signed_in(whole_app, owner.email, "10.8.2.1")
    asking = [route for route in _routes(whole_app) if route.operation_id not in ENDLESS]
    assert {str(route.operation_id) for route in asking if needs_proof(route)} == PROVEN
    for is_old in (False, True):
        if is_old:
            await counter.stage.clock.advance(901)
        for route in asking:
            if route.operation_id in PROVEN or (is_old and route.methods == {"GET"}):
                answer = await _ask(client, route, BODIES.get(str(route.operation_id)))
                is_wanted = answer.status_code == 403 and answer.json()["code"] == "proof_required"
                assert is_wanted is (is_old and route.operation_id in PROVEN), (route.operation_id, answer.text)
    await client.aclose()


async def test_every_role_is_refused_exactly_what_it_lacks(
    counter: Counter, whole_app: FastAPI, merchants: Merchants
) -> None:
    await counter.stage.world.superuser.execute(CLERKS)
    for number, role in enumerate((*Role, CLERK)):
        email = f"{number}@roles.example"
        await merchants.add_operator(MERCHANT, NewOperator(email=email, name="n", password=PASSWORD, role=role))
        client = await _signed_in(whole_app, email, f"10.8.0.{number}")
        for route in _routes(whole_app):
            permission = _permission_of(route)
            if permission is None or (route.operation_id in ENDLESS and may(role, permission)):
                continue
            answer = await _ask(client, route)
            is_refused = answer.status_code == 403 and answer.json()["code"] == "forbidden"
            assert is_refused is not may(role, permission), (role, route.operation_id, answer.text)
            assert answer.status_code not in (401, 500), (role, route.operation_id, answer.text)


async def test_nothing_of_another_merchant_is_found_by_its_id(
    counter: Counter, whole_app: FastAPI, merchants: Merchants
) -> None:
    await counter.stage.world.superuser.execute(ESTATE)
    token = await counter.sell(1, "delivered")
    async with counter.visitor() as buyer:
        await counter.say(buyer, token)
    await merchants.create(NewMerchant("Other", "Other"), NewOperator("x@other.example", "x", PASSWORD))
    other = await _signed_in(whole_app, "x@other.example", "10.8.1.1")
    own = await _signed_in(whole_app, "manager@vendomat.example", "10.8.1.2")
    guest, neighbour = [
        await _site_owner(counter, whole_app, merchants, f"{name}@sites.example", sites)
        for name, sites in (("guest", [IDS["site_id"]]), ("neighbour", ["sit_" + "2" * 26]))
    ]
    routes = [one for one in _routes(whole_app) if "{" in one.path and one.operation_id not in {*NO_IDS, *OPEN}]
    assert len(routes) > 40
    wrong = []
    for client, route in itertools.product((other, own, guest, neighbour), routes):
        if client is own and route.methods != {"GET"}:
            continue  # that the id is one is seen by looking
        if (client in (guest, neighbour)) is not (_permission_of(route) is Permission.OWN_SITES_READ):
            continue  # a right of the others
        answer = await _ask(client, route, BODIES.get(str(route.operation_id)))
        is_right = answer.status_code == 404 if client in (other, neighbour) else answer.status_code < 400
        if not is_right and (client in (other, neighbour) or route.operation_id not in NEVER_MADE):
            wrong.append((client is own, route.operation_id, answer.status_code, answer.text))
    assert wrong == [], "\n".join(map(str, wrong))
    for client in (other, own, guest, neighbour):
        await client.aclose()
