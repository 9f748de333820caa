"""The table of roles: what each may do, and what no one but an owner may."""

from __future__ import annotations

import pytest

from vendomat.cloud.merchants import GRANTED, AnyRole, CustomRole, Permission, Role, may
from vendomat.cloud.merchants.permissions import BASE, NEEDS, check_may, check_may_handle, completed
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


def test_who_may_change_a_thing_may_see_it() -> None:
    assert set(NEEDS) == set(Permission) - LOOKS and set(NEEDS.values()) <= LOOKS
    for role in Role:
        for change, look in NEEDS.items():
            assert not may(role, change) or may(role, look), (role, change)


def test_a_custom_role_has_what_everybody_has_and_what_its_rights_need() -> None:
    assert completed([]) == BASE
    assert completed([P.REFUND_ASK]) == BASE | {P.REFUND_ASK, P.ORDER_READ}
    with pytest.raises(VendomatError) as caught:
        completed([P.OWN_SITES_READ])
    assert caught.value.code is ErrorCode.INVALID_VALUE
    assert all(GRANTED[role] >= BASE for role in Role if role is not Role.SITE_OWNER)


def _custom(*permissions: Permission) -> CustomRole:
    return CustomRole("rol_" + "1" * 26, "Clerk", completed(permissions))


PEOPLE = _custom(P.PEOPLE_CHANGE)
ALL = CustomRole("rol_" + "2" * 26, "Everything", GRANTED[Role.OWNER])


@pytest.mark.parametrize(
    ("by", "other", "lacking"),
    [
        *((Role.OWNER, role, None) for role in (*Role, ALL)),
        (PEOPLE, PEOPLE, None),
        (PEOPLE, Role.RESTOCKER, {P.ALARM_HANDLE, P.RESTOCK}),
        (PEOPLE, _custom(P.REFUND_ASK), {P.ORDER_READ, P.REFUND_ASK}),
        (PEOPLE, Role.SITE_OWNER, {P.OWN_SITES_READ}),
        (_custom(P.PEOPLE_CHANGE, P.SITE_READ), Role.SITE_OWNER, None),
        (ALL, Role.MANAGER, None),
        (ALL, ALL, None),
        (ALL, Role.OWNER, set()),
    ],
)
def test_nobody_handles_a_role_that_may_more_and_an_owners_only_owners_do(
    by: AnyRole, other: AnyRole, lacking: set[Permission] | None
) -> None:
    if lacking is None:
        check_may_handle(by, other)
        return
    with pytest.raises(VendomatError) as caught:
        check_may_handle(by, other)
    assert (caught.value.code, set(caught.value.detail["lacking"])) == (ErrorCode.FORBIDDEN, lacking)  # type: ignore[call-overload]


def test_a_refusal_names_what_is_missing() -> None:
    check_may(Role.MANAGER, P.REFUND_ASK)
    with pytest.raises(VendomatError) as caught:
        check_may(Role.RESTOCKER, P.REFUND_ASK)
    assert caught.value.code is ErrorCode.FORBIDDEN
    assert caught.value.detail == {"permission": "refund.ask"}
