"""Who may do what: roles, permissions, and the one table that joins them. Pure.

A route of the console names the permission it needs; nothing asks for a role. Whoever may change a thing may see it. To
add a permission: name it here, with what it needs in `NEEDS`, give it to roles in `GRANTED`, and say it in the
console's words for the page of roles. A merchant's custom role is a named set of permissions, and asked as any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from vendomat.kernel import ErrorCode, VendomatError


class Role(StrEnum):
    """The ready roles."""

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

BASE = frozenset({P.FLEET_READ, P.CATALOG_READ})
"""What everybody sees who works for a merchant: each page speaks of machines and products."""
NEEDS: Mapping[Permission, Permission] = {
    P.ALARM_HANDLE: P.FLEET_READ,
    P.SLOT_UNLOCK: P.FLEET_READ,
    P.UNIT_RESOLVE: P.ORDER_READ,
    P.RESTOCK: P.FLEET_READ,
    P.MACHINE_CHANGE: P.FLEET_READ,
    P.CATALOG_CHANGE: P.CATALOG_READ,
    P.PRICE_CHANGE: P.CATALOG_READ,
    P.CODE_ISSUE: P.CODE_READ,
    P.MEMBER_CHANGE: P.MEMBER_READ,
    P.CLAIM_DECIDE: P.ORDER_READ,
    P.REFUND_ASK: P.ORDER_READ,
    P.REFUND_RELEASE: P.ORDER_READ,
    P.PAYMENT_JUDGE: P.ORDER_READ,
    P.DEBT_WRITE_OFF: P.ORDER_READ,
    P.WALLET_CHANGE: P.MEMBER_READ,
    P.SITE_CHANGE: P.SITE_READ,
    P.SITE_PAY: P.SITE_READ,
    P.RECONCILE: P.STATEMENT_READ,
    P.MONTH_CLOSE: P.STATEMENT_READ,
    P.SETTINGS_CHANGE: P.FLEET_READ,
    P.KEYS_TRY: P.KEYS_READ,
    P.KEYS_CHANGE: P.KEYS_READ,
    P.LIMIT_CHANGE: P.ORDER_READ,
    P.PEOPLE_CHANGE: P.PEOPLE_READ,
}
"""By what is changed: what has to be seen for it."""


@dataclass(frozen=True, slots=True)
class CustomRole:
    """A role that a merchant made. `version` counts its changes."""

    role_id: str
    name: str
    permissions: frozenset[Permission]
    version: int = 1


AnyRole = Role | CustomRole


def key_of(role: AnyRole) -> str:
    """What names it in the database and to the API: a ready role's own word, or the id of a custom one."""
    return role.role_id if isinstance(role, CustomRole) else role.value


def name_of(role: AnyRole) -> str:
    """What the merchant calls it; a ready role is called in the reader's language."""
    return role.name if isinstance(role, CustomRole) else ""


def permissions_of(role: AnyRole) -> frozenset[Permission]:
    return role.permissions if isinstance(role, CustomRole) else GRANTED[role]


def may(role: AnyRole, permission: Permission) -> bool:
    return permission in permissions_of(role)


def completed(permissions: Iterable[Permission]) -> frozenset[Permission]:
    """With what everybody sees and what these need. Raises `VendomatError(invalid_value)` for what is a guest's."""
    chosen = frozenset(permissions)
    if P.OWN_SITES_READ in chosen:
        raise VendomatError(
            ErrorCode.INVALID_VALUE,
            "own_sites.read belongs to site owners, who are guests; take site.read. Nothing changed",
        )
    return chosen | BASE | {NEEDS[one] for one in chosen if one in NEEDS}


def check_may_handle(by: AnyRole, other: AnyRole) -> None:
    """Whether one with the role `by` may give `other`, take it away, or change whoever has it: an owner any, and nobody
    one that may do what they may not themselves. Who sees all sites may show some to their owner.

    Raises `VendomatError(forbidden)` with what is `lacking`.
    """
    own = permissions_of(by) | ({P.OWN_SITES_READ} if may(by, P.SITE_READ) else set())
    if by is Role.OWNER or (other is not Role.OWNER and permissions_of(other) <= own):
        return
    lacking = sorted(permissions_of(other) - own)
    raise VendomatError(
        ErrorCode.FORBIDDEN,
        "nobody gives or takes rights that they do not have themselves "
        f"({', '.join(lacking) or 'an owner is changed by owners'}); nothing changed. Ask an owner",
        lacking=lacking,
    )


def check_may(role: AnyRole, permission: Permission) -> None:
    """Raises `VendomatError(forbidden)`, which names the permission that is missing."""
    if not may(role, permission):
        raise VendomatError(
            ErrorCode.FORBIDDEN,
            f"your role may not do this (it lacks {permission.value}); nothing was done. Ask an owner",
            permission=permission.value,
        )
