"""Who may do what: roles, permissions, and the one table that joins them. Pure.

A route of the console names the permission it needs; nothing asks for a role. Whoever may change a thing may see it. To
add a permission: name it here, give it to roles in `GRANTED`, and say it in the console's words for the page of roles.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from vendomat.kernel import ErrorCode, VendomatError


class Role(StrEnum):
    OWNER = "owner"
    MANAGER = "manager"
    FINANCE = "finance"
    RESTOCKER = "restocker"
    TECHNICIAN = "technician"
    READ_ONLY = "read_only"
    SITE_OWNER = "site_owner"  # a guest: sees what concerns their own sites, and nothing else


class Permission(StrEnum):
    """`<what>.<verb>`. What is read comes first, then what is changed."""

    FLEET_READ = "fleet.read"  # machines, slots, alarms, live events
    CATALOG_READ = "catalog.read"  # products, planograms, prices
    ORDER_READ = "order.read"  # orders with their evidence, claims, visits, what is not known
    CODE_READ = "code.read"
    MEMBER_READ = "member.read"
    STATEMENT_READ = "statement.read"  # statements, figures, bills of the platforms
    OWN_SITES_READ = "own_sites.read"  # sites that belong to oneself: machines, sales, statements
    SITE_READ = "site.read"  # sites, what is agreed with their owners, statements to them
    KEYS_READ = "keys.read"  # ways to pay, without any secret
    PEOPLE_READ = "people.read"
    AUDIT_READ = "audit.read"  # the change log

    ALARM_HANDLE = "alarm.handle"
    SLOT_UNLOCK = "slot.unlock"
    UNIT_RESOLVE = "unit.resolve"  # say what became of an ambiguous unit
    RESTOCK = "restock"
    MACHINE_CHANGE = "machine.change"  # machines, and what one of them offers
    CATALOG_CHANGE = "catalog.change"  # products and planograms
    PRICE_CHANGE = "price.change"  # prices and promotions
    CODE_ISSUE = "code.issue"  # issue and withdraw
    MEMBER_CHANGE = "member.change"
    CLAIM_DECIDE = "claim.decide"
    REFUND_ASK = "refund.ask"  # money back to a buyer; above the limit it waits for a second person
    REFUND_RELEASE = "refund.release"  # be the second person
    PAYMENT_JUDGE = "payment.judge"  # money that fits no order
    DEBT_WRITE_OFF = "debt.write_off"  # what a buyer owes and will not pay
    WALLET_CHANGE = "wallet.change"  # pay a wallet out
    SITE_CHANGE = "site.change"
    SITE_PAY = "site.pay"  # issue statements to site owners, record what they were paid
    RECONCILE = "reconcile"
    MONTH_CLOSE = "month.close"  # freeze a month's figures
    SETTINGS_CHANGE = "settings.change"  # notifications, rules, quiet hours
    KEYS_TRY = "keys.try"  # ask a platform whether the keys work
    KEYS_CHANGE = "keys.change"  # keys, and where the money goes
    LIMIT_CHANGE = "limit.change"  # how much may be at stake
    PEOPLE_CHANGE = "people.change"


P = Permission
_READ = frozenset(
    {
        P.FLEET_READ,
        P.CATALOG_READ,
        P.ORDER_READ,
        P.CODE_READ,
        P.MEMBER_READ,
        P.STATEMENT_READ,
        P.SITE_READ,
        P.KEYS_READ,
    }
)
_OF_OWNERS = frozenset({P.KEYS_CHANGE, P.LIMIT_CHANGE, P.MONTH_CLOSE, P.PEOPLE_CHANGE})

GRANTED: Mapping[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission) - {P.OWN_SITES_READ},
    Role.MANAGER: frozenset(Permission) - _OF_OWNERS - {P.OWN_SITES_READ},
    Role.FINANCE: _READ
    | {
        P.AUDIT_READ,
        P.CLAIM_DECIDE,
        P.REFUND_ASK,
        P.REFUND_RELEASE,
        P.PAYMENT_JUDGE,
        P.DEBT_WRITE_OFF,
        P.WALLET_CHANGE,
        P.SITE_PAY,
        P.RECONCILE,
        P.MONTH_CLOSE,
    },
    Role.RESTOCKER: frozenset({P.FLEET_READ, P.CATALOG_READ, P.ALARM_HANDLE, P.RESTOCK}),
    Role.TECHNICIAN: frozenset(
        {
            P.FLEET_READ,
            P.CATALOG_READ,
            P.ORDER_READ,
            P.ALARM_HANDLE,
            P.SLOT_UNLOCK,
            P.UNIT_RESOLVE,
            P.RESTOCK,
            P.MACHINE_CHANGE,
        }
    ),
    Role.READ_ONLY: _READ,
    Role.SITE_OWNER: frozenset({P.OWN_SITES_READ}),
}


def may(role: Role, permission: Permission) -> bool:
    return permission in GRANTED[role]


def check_may(role: Role, permission: Permission) -> None:
    """Raises `VendomatError(forbidden)`, which names the permission that is missing."""
    if not may(role, permission):
        raise VendomatError(
            ErrorCode.FORBIDDEN,
            f"your role may not do this (it lacks {permission.value}); nothing was done. Ask an owner",
            permission=permission.value,
        )
