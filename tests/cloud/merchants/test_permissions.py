"""The table of roles: what each may do, and what no one but an owner may."""

from __future__ import annotations

import pytest

from vendomat.cloud.merchants import GRANTED, Permission, Role, may
from vendomat.cloud.merchants.permissions import check_may
from vendomat.kernel import ErrorCode, VendomatError

P = Permission
LOOKS = {one for one in Permission if one.value.endswith(".read")}


def test_every_role_has_its_line_and_an_owner_has_all_but_what_is_a_guests() -> None:
    assert set(GRANTED) == set(Role)
    assert GRANTED[Role.OWNER] == set(Permission) - {P.OWN_SITES_READ}


def test_a_site_owner_sees_own_sites_and_nothing_else_and_nobody_else_has_any() -> None:
    assert GRANTED[Role.SITE_OWNER] == {P.OWN_SITES_READ}
    assert [role for role in Role if may(role, P.OWN_SITES_READ)] == [Role.SITE_OWNER]


def test_only_an_owner_decides_about_keys_limits_and_people() -> None:
    for permission in (P.KEYS_CHANGE, P.LIMIT_CHANGE, P.PEOPLE_CHANGE):
        assert [role for role in Role if may(role, permission)] == [Role.OWNER]


def test_a_reader_changes_nothing_and_sees_neither_people_nor_the_log() -> None:
    assert GRANTED[Role.READ_ONLY] == LOOKS - {P.PEOPLE_READ, P.AUDIT_READ, P.OWN_SITES_READ}


def test_who_works_at_machines_sees_no_money() -> None:
    money = {P.STATEMENT_READ, P.SITE_READ, P.KEYS_READ, P.MEMBER_READ, P.REFUND_ASK, P.WALLET_CHANGE, P.RECONCILE}
    for role in (Role.RESTOCKER, Role.TECHNICIAN):
        assert not GRANTED[role] & money


def test_finance_moves_money_and_no_machine() -> None:
    granted = GRANTED[Role.FINANCE]
    assert granted >= {P.REFUND_ASK, P.REFUND_RELEASE, P.RECONCILE, P.SITE_PAY, P.AUDIT_READ}
    assert not granted & {P.SLOT_UNLOCK, P.MACHINE_CHANGE, P.PRICE_CHANGE, P.CATALOG_CHANGE, P.CODE_ISSUE}


@pytest.mark.parametrize(
    ("change", "look"),
    [
        (P.ALARM_HANDLE, P.FLEET_READ),
        (P.SLOT_UNLOCK, P.FLEET_READ),
        (P.MACHINE_CHANGE, P.FLEET_READ),
        (P.UNIT_RESOLVE, P.ORDER_READ),
        (P.REFUND_ASK, P.ORDER_READ),
        (P.REFUND_RELEASE, P.ORDER_READ),
        (P.PAYMENT_JUDGE, P.ORDER_READ),
        (P.CLAIM_DECIDE, P.ORDER_READ),
        (P.CATALOG_CHANGE, P.CATALOG_READ),
        (P.PRICE_CHANGE, P.CATALOG_READ),
        (P.CODE_ISSUE, P.CODE_READ),
        (P.MEMBER_CHANGE, P.MEMBER_READ),
        (P.WALLET_CHANGE, P.MEMBER_READ),
        (P.SITE_CHANGE, P.SITE_READ),
        (P.SITE_PAY, P.SITE_READ),
        (P.RECONCILE, P.STATEMENT_READ),
        (P.KEYS_CHANGE, P.KEYS_READ),
        (P.PEOPLE_CHANGE, P.PEOPLE_READ),
    ],
)
def test_who_may_change_a_thing_may_see_it(change: Permission, look: Permission) -> None:
    for role in Role:
        assert not may(role, change) or may(role, look), role


def test_a_refusal_names_what_is_missing() -> None:
    check_may(Role.MANAGER, P.REFUND_ASK)
    with pytest.raises(VendomatError) as caught:
        check_may(Role.RESTOCKER, P.REFUND_ASK)
    assert caught.value.code is ErrorCode.FORBIDDEN
    assert caught.value.detail == {"permission": "refund.ask"}
