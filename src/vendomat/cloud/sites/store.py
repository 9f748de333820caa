"""How sites, stays and rules are kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import asyncpg

from vendomat.cloud.sites.model import Coordinates, Opening, Rule, Site, Stay, Step, Terms


async def put_site(connection: asyncpg.Connection, merchant_id: str, site: Site, at: datetime) -> None:
    await connection.execute(
        "INSERT INTO site (merchant_id, site_id, name, owner, created_at, address, opening, latitude, longitude) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (merchant_id, site_id) DO UPDATE SET "
        "name = excluded.name, owner = excluded.owner, address = excluded.address, opening = excluded.opening, "
        "latitude = excluded.latitude, longitude = excluded.longitude",
        merchant_id,
        site.site_id,
        site.name,
        site.owner,
        at,
        site.address,
        kept_of(site.opening),
        *((None, None) if site.coordinates is None else (site.coordinates.latitude, site.coordinates.longitude)),
    )


async def find_site(
    connection: asyncpg.Connection, merchant_id: str, site_id: str, *, is_locking: bool = False
) -> Site | None:
    row = await connection.fetchrow(
        "SELECT site_id, name, owner, address, opening, latitude, longitude FROM site WHERE merchant_id = $1 AND site_id = $2"
        + (" FOR UPDATE" if is_locking else ""),
        merchant_id,
        site_id,
    )
    if row is None:
        return None
    said = {name: row[name] for name in ("site_id", "name", "owner", "address")}
    place = None if row["latitude"] is None else Coordinates(row["latitude"], row["longitude"])
    return Site(**said, opening=opening_of(row["opening"]), coordinates=place)


def kept_of(opening: Sequence[Opening | None]) -> list[list[int] | None]:
    """Opening hours as their row has them."""
    return [None if one is None else [one.from_minute, one.until_minute] for one in opening]


def opening_of(kept: Sequence[Sequence[int] | None] | None) -> tuple[Opening | None, ...]:
    """Opening hours from their row; none for a machine that stands nowhere."""
    return tuple(None if one is None else Opening(*one) for one in kept or ())


async def list_sites(connection: asyncpg.Connection, merchant_id: str) -> list[asyncpg.Record]:
    """Sites by name, with what is owed to each and how many machines stand there on `today` of the merchant."""
    rows: list[asyncpg.Record] = await connection.fetch(
        "WITH here AS MATERIALIZED (SELECT site_id, count(*) AS machines FROM (SELECT DISTINCT ON (k.machine_id) k.site_id "
        "FROM site_machine k JOIN merchant m USING (merchant_id) WHERE k.merchant_id = $1 "
        "AND k.first_day <= (now() AT TIME ZONE m.time_zone)::date ORDER BY k.machine_id, k.first_day DESC) c GROUP BY 1) "
        "SELECT s.site_id, s.name, s.owner, s.address, coalesce(h.machines, 0) AS machines, "
        "(SELECT -coalesce(sum(l.amount_minor), 0) FROM ledger_line l WHERE l.merchant_id = s.merchant_id "
        "AND l.account = 'liab:site_rent:' || s.site_id)::bigint AS owed_minor "
        "FROM site s LEFT JOIN here h USING (site_id) WHERE s.merchant_id = $1 ORDER BY s.name, s.site_id",
        merchant_id,
    )
    return rows


async def put_stay(connection: asyncpg.Connection, merchant_id: str, stay: Stay) -> None:
    await connection.execute(
        "INSERT INTO site_machine (merchant_id, machine_id, first_day, site_id) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT (merchant_id, machine_id, first_day) DO UPDATE SET site_id = excluded.site_id",
        merchant_id,
        stay.machine_id,
        stay.first_day,
        stay.site_id,
    )


async def stays_of(connection: asyncpg.Connection, merchant_id: str, site_id: str) -> list[Stay]:
    """Every stay of each machine that ever stood at the site."""
    rows = await connection.fetch(
        "SELECT machine_id, first_day, site_id FROM site_machine WHERE merchant_id = $1 AND machine_id IN "
        "(SELECT machine_id FROM site_machine WHERE merchant_id = $1 AND site_id = $2) ORDER BY machine_id, first_day",
        merchant_id,
        site_id,
    )
    return [Stay(**dict(row)) for row in rows]


async def put_rule(connection: asyncpg.Connection, merchant_id: str, site_id: str, rule: Rule) -> None:
    terms = rule.terms
    await connection.execute(
        "INSERT INTO site_rule (merchant_id, site_id, first_day, steps, per_unit_minor, fixed_minor, minimum_minor) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (merchant_id, site_id, first_day) DO UPDATE SET "
        "steps = excluded.steps, per_unit_minor = excluded.per_unit_minor, fixed_minor = excluded.fixed_minor, "
        "minimum_minor = excluded.minimum_minor",
        merchant_id,
        site_id,
        rule.first_day,
        [[step.from_minor, step.basis_points] for step in terms.steps],
        terms.per_unit_minor,
        terms.fixed_minor,
        terms.minimum_minor,
    )


async def rules_of(connection: asyncpg.Connection, merchant_id: str, site_id: str) -> list[Rule]:
    rows = await connection.fetch(
        "SELECT * FROM site_rule WHERE merchant_id = $1 AND site_id = $2 ORDER BY first_day", merchant_id, site_id
    )
    return [_rule(row) for row in rows]


def _rule(row: asyncpg.Record) -> Rule:
    steps = tuple(Step(start, share) for start, share in row["steps"])
    first_day: date = row["first_day"]
    return Rule(first_day, Terms(steps, row["per_unit_minor"], row["fixed_minor"], row["minimum_minor"]))
