"""How custom roles are kept, and how anybody's role is read. Each function runs in the caller's transaction.

A person's row names the role: a ready one by its word, a custom one by its id; the database holds to it that the id is
one of the merchant's.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.merchants.permissions import AnyRole, CustomRole, Permission, Role, may

ROLE_JOIN = "LEFT JOIN custom_role c ON (c.merchant_id, c.role_id) = (o.merchant_id, o.custom_role_id)"
ROLE_COLUMNS = "o.role, c.name AS role_name, c.permissions AS role_permissions, c.version AS role_version"
"""What `role_of` reads; `o` is the operator."""
_ROLE = "role_id AS role, name AS role_name, permissions AS role_permissions, version AS role_version"
_KNOWN = {permission.value: permission for permission in Permission}


def role_of(row: sa.RowMapping) -> AnyRole:
    """A right that this version does not know is nobody's."""
    if row["role_name"] is None:
        return Role(row["role"])
    permissions = frozenset(_KNOWN[one] for one in row["role_permissions"] if one in _KNOWN)
    return CustomRole(row["role"], row["role_name"], permissions, row["role_version"])


async def list_roles(connection: AsyncConnection) -> list[CustomRole]:
    """The merchant's own, by name."""
    found = await connection.execute(sa.text(f"SELECT {_ROLE} FROM custom_role ORDER BY lower(name), role_id"))
    return [_custom(row) for row in found.mappings()]


async def lock_role(connection: AsyncConnection, role_id: str, *, is_given: bool = False) -> CustomRole | None:
    """Held until the transaction ends: `is_given`, so that it stays what it is; else, to be changed."""
    found = await connection.execute(
        sa.text(f"SELECT {_ROLE} FROM custom_role WHERE role_id = :role_id FOR {'SHARE' if is_given else 'UPDATE'}"),
        {"role_id": role_id},
    )
    row = found.mappings().one_or_none()
    return None if row is None else _custom(row)


async def insert_role(connection: AsyncConnection, merchant_id: str, role: CustomRole) -> None:
    await connection.execute(
        sa.text(
            "INSERT INTO custom_role (merchant_id, role_id, name, permissions, version) "
            "VALUES (:merchant_id, :role_id, :name, :permissions, :version)"
        ),
        {"merchant_id": merchant_id, **_row(role)},
    )


async def update_role(connection: AsyncConnection, role: CustomRole) -> None:
    await connection.execute(
        sa.text(
            "UPDATE custom_role SET name = :name, permissions = :permissions, version = :version "
            "WHERE role_id = :role_id"
        ),
        _row(role),
    )


async def delete_role(connection: AsyncConnection, role_id: str) -> None:
    await connection.execute(sa.text("DELETE FROM custom_role WHERE role_id = :role_id"), {"role_id": role_id})


async def names_of_holders(connection: AsyncConnection, role_id: str) -> list[str]:
    """Whoever has it, those who left too."""
    found = await connection.execute(
        sa.text("SELECT name FROM operator WHERE custom_role_id = :role_id ORDER BY name, operator_id"),
        {"role_id": role_id},
    )
    return list(found.scalars())


async def list_people_who_may(
    connection: AsyncConnection, merchant_id: str, permission: Permission
) -> list[tuple[str, str]]:
    """`(operator_id, name)` of everybody whose role has `permission`, by name."""
    found = await connection.execute(
        sa.text(
            f"SELECT o.operator_id, o.name FROM operator o {ROLE_JOIN} WHERE o.merchant_id = :merchant_id "
            "AND (o.role = ANY (CAST(:ready AS text[])) OR :permission = ANY (c.permissions)) ORDER BY o.name"
        ),
        {
            "merchant_id": merchant_id,
            "ready": [role.value for role in Role if may(role, permission)],
            "permission": permission.value,
        },
    )
    return [(row.operator_id, row.name) for row in found]


def _custom(row: sa.RowMapping) -> CustomRole:
    role = role_of(row)
    assert isinstance(role, CustomRole), "a row of their table"
    return role


def _row(role: CustomRole) -> dict[str, str | int | Sequence[str]]:
    return {
        "role_id": role.role_id,
        "name": role.name,
        "permissions": sorted(role.permissions),
        "version": role.version,
    }
