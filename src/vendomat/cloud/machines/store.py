"""How machines and enrolment tokens are kept. Each function runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from vendomat.cloud.machines.model import Band, MachineState, NewMachine
from vendomat.kernel import ErrorCode, VendomatError

MACHINE = sa.table(
    "machine",
    *map(
        sa.column,
        (
            "merchant_id",
            "machine_id",
            "number",
            "name_zh",
            "name_en",
            "site",
            "time_zone",
            "state",
            "public_key",
            "epoch",
            "boot_nonce",
            "catalogue_version",
            "created_at",
            "temperature_low_c",
            "temperature_high_c",
            "temperature_after_s",
            "model_id",
        ),
    ),
)
TOKEN = sa.table(
    "enrolment_token", *map(sa.column, ("merchant_id", "machine_id", "token_hash", "expires_at", "used_at"))
)
TAG = sa.table("machine_tag", *map(sa.column, ("merchant_id", "machine_id", "tag")))
SECURITY_EVENT = sa.table(
    "security_event", *map(sa.column, ("merchant_id", "at", "kind", "source")), sa.column("detail", sa.JSON)
)


@dataclass(frozen=True, slots=True)
class MachineRow:
    """What enrolment needs to know of a machine; the row is locked."""

    merchant_id: str
    machine_id: str
    state: MachineState
    public_key: str | None
    epoch: int


@dataclass(frozen=True, slots=True)
class TokenRow:
    merchant_id: str
    machine_id: str
    expires_at: datetime
    used_at: datetime | None


async def insert_machine(
    connection: AsyncConnection, merchant_id: str, machine_id: str, new: NewMachine, *, at: datetime
) -> None:
    await connection.execute(
        sa.insert(MACHINE).values(
            merchant_id=merchant_id,
            machine_id=machine_id,
            number=new.number,
            name_zh=new.name_zh,
            name_en=new.name_en,
            site=new.site,
            time_zone=new.time_zone,
            state=MachineState.NEW.value,
            created_at=at,
            model_id=new.model_id,
        )
    )


async def machine_exists(connection: AsyncConnection, merchant_id: str, machine_id: str) -> bool:
    found = await connection.execute(
        sa.select(sa.literal(1)).where(MACHINE.c.merchant_id == merchant_id, MACHINE.c.machine_id == machine_id)
    )
    return found.scalar() is not None


@dataclass(frozen=True, slots=True)
class Standing:
    number: str
    state: MachineState


async def standing_of(connection: AsyncConnection, merchant_id: str, machine_id: str) -> Standing | None:
    found = await connection.execute(
        sa.select(MACHINE.c.number, MACHINE.c.state).where(
            MACHINE.c.merchant_id == merchant_id, MACHINE.c.machine_id == machine_id
        )
    )
    row = found.one_or_none()
    return None if row is None else Standing(row.number, MachineState(row.state))


async def time_zone_of(connection: AsyncConnection, merchant_id: str) -> str:
    """The merchant's."""
    found = await connection.execute(
        sa.text("SELECT time_zone FROM merchant WHERE merchant_id = :id"), {"id": merchant_id}
    )
    name: str = found.scalar_one()
    return name


async def set_state(connection: AsyncConnection, row: MachineRow, state: MachineState) -> None:
    await connection.execute(
        sa.update(MACHINE)
        .where(MACHINE.c.merchant_id == row.merchant_id, MACHINE.c.machine_id == row.machine_id)
        .values(state=state.value)
    )


async def lock_band(connection: AsyncConnection, machine_id: str) -> Band | None:
    """Raises `VendomatError(not_found)`."""
    band = (MACHINE.c.temperature_low_c, MACHINE.c.temperature_high_c, MACHINE.c.temperature_after_s)
    query = sa.select(*band).where(MACHINE.c.machine_id == machine_id).with_for_update(key_share=True)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise VendomatError(ErrorCode.NOT_FOUND, "there is no such machine")
    return None if row[0] is None else Band(*row)


async def set_band(connection: AsyncConnection, merchant_id: str, machine_id: str, band: Band | None) -> None:
    said: dict[str, object] = {"temperature_low_c": None, "temperature_high_c": None}
    if band is not None:
        said = {
            "temperature_low_c": band.low_c,
            "temperature_high_c": band.high_c,
            "temperature_after_s": band.after_s,
        }
    await connection.execute(
        sa.update(MACHINE)
        .where(MACHINE.c.merchant_id == merchant_id, MACHINE.c.machine_id == machine_id)
        .values(**said)
    )


async def lock_tags(connection: AsyncConnection, machine_ids: Sequence[str]) -> dict[str, list[str]]:
    """The tags of those of `machine_ids` that are there; nobody else changes them until the transaction ends."""
    query = (
        sa.select(MACHINE.c.machine_id)
        .where(MACHINE.c.machine_id.in_(machine_ids))
        .order_by(MACHINE.c.merchant_id, MACHINE.c.machine_id)
        .with_for_update(key_share=True)
    )
    found: dict[str, list[str]] = {row.machine_id: [] for row in await connection.execute(query)}
    tags = sa.select(TAG.c.machine_id, TAG.c.tag).where(TAG.c.machine_id.in_(machine_ids)).order_by(TAG.c.tag)
    for row in await connection.execute(tags):
        found[row.machine_id].append(row.tag)
    return {machine_id: sorted(tagged) for machine_id, tagged in found.items()}


async def put_tags(connection: AsyncConnection, merchant_id: str, tags: Mapping[str, Sequence[str]]) -> None:
    """All tags of these machines. Prices may depend on them, so their screens are told anew."""
    await connection.execute(sa.delete(TAG).where(TAG.c.machine_id.in_(sorted(tags))))
    await connection.execute(
        sa.update(MACHINE)
        .where(MACHINE.c.machine_id.in_(sorted(tags)))
        .values(catalogue_version=MACHINE.c.catalogue_version + 1)
    )
    rows = [
        {"merchant_id": merchant_id, "machine_id": machine_id, "tag": tag}
        for machine_id, tagged in sorted(tags.items())
        for tag in tagged
    ]
    if rows:
        await connection.execute(sa.insert(TAG), rows)


async def replace_token(
    connection: AsyncConnection,
    merchant_id: str,
    machine_id: str,
    hashed: bytes,
    *,
    now: datetime,
    expires_at: datetime,
) -> None:
    """A new token; earlier ones of the machine that were not used end now."""
    await connection.execute(
        sa.update(TOKEN)
        .where(TOKEN.c.merchant_id == merchant_id, TOKEN.c.machine_id == machine_id, TOKEN.c.used_at.is_(None))
        .values(expires_at=now)
    )
    await connection.execute(
        sa.insert(TOKEN).values(
            merchant_id=merchant_id, machine_id=machine_id, token_hash=hashed, expires_at=expires_at
        )
    )


async def lock_token(connection: AsyncConnection, hashed: bytes) -> TokenRow | None:
    """The token by its hash; two machines with one token take turns here."""
    found = await connection.execute(
        sa.select(TOKEN.c.merchant_id, TOKEN.c.machine_id, TOKEN.c.expires_at, TOKEN.c.used_at)
        .where(TOKEN.c.token_hash == hashed)
        .with_for_update()
    )
    row = found.mappings().one_or_none()
    return None if row is None else TokenRow(**row)


async def lock_machine(connection: AsyncConnection, machine_id: str) -> MachineRow | None:
    found = await connection.execute(
        sa.select(MACHINE.c.merchant_id, MACHINE.c.machine_id, MACHINE.c.state, MACHINE.c.public_key, MACHINE.c.epoch)
        .where(MACHINE.c.machine_id == machine_id)
        .with_for_update()
    )
    row = found.mappings().one_or_none()
    if row is None:
        return None
    return MachineRow(
        row["merchant_id"], row["machine_id"], MachineState(row["state"]), row["public_key"], row["epoch"]
    )


async def find_machine(connection: AsyncConnection, machine_id: str) -> MachineRow | None:
    found = await connection.execute(
        sa.select(
            MACHINE.c.merchant_id, MACHINE.c.machine_id, MACHINE.c.state, MACHINE.c.public_key, MACHINE.c.epoch
        ).where(MACHINE.c.machine_id == machine_id)
    )
    row = found.mappings().one_or_none()
    if row is None:
        return None
    return MachineRow(
        row["merchant_id"], row["machine_id"], MachineState(row["state"]), row["public_key"], row["epoch"]
    )


async def use_token(connection: AsyncConnection, hashed: bytes, at: datetime) -> None:
    await connection.execute(sa.update(TOKEN).where(TOKEN.c.token_hash == hashed).values(used_at=at))


async def take_key(
    connection: AsyncConnection, row: MachineRow, *, public_key: str, state: MachineState, epoch: int
) -> None:
    """The machine's key from now on; the epoch is open to the first hello of the new run."""
    await connection.execute(
        sa.update(MACHINE)
        .where(MACHINE.c.merchant_id == row.merchant_id, MACHINE.c.machine_id == row.machine_id)
        .values(public_key=public_key, state=state.value, epoch=epoch, boot_nonce="")
    )


async def note_security_event(
    connection: AsyncConnection, kind: str, at: datetime, *, merchant_id: str, source: str, detail: dict[str, object]
) -> None:
    await connection.execute(
        sa.insert(SECURITY_EVENT).values(merchant_id=merchant_id, at=at, kind=kind, source=source, detail=detail)
    )
