"""The estate that every world begins with: one merchant, its machines, goods, stock and pickup codes, made once.

The real seed writes it; a copy is kept beside, so that a new world costs a few truncations. All ids are the same in
every world. Refuses to leave a row of the world before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

import nkeys
from argon2 import PasswordHasher

from vendomat.cloud.app import Seeded, SeedPlan, seed_demo
from vendomat.cloud.codes import CodeKind, Codes, NewCodes
from vendomat.cloud.members import Member, Members, NewMember
from vendomat.cloud.merchants import MasterKey, Passwords
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.identity import CommandKey
from vendomat.kernel import ManualClock, TimeOrderedIds
from vendomat.simulator.worlds.postgres import WorldPostgres
from vendomat.simulator.worlds.virtual_time import START
from vendomat.terminal.link import MachineKey

MACHINES_MAX = 4
CHANNELS = ("wechat", "alipay")
CODES_PER_MACHINE = 6
MEMBERS = ("Ann", "Bob", "Cao")
_KEPT = ("machine", "stock_slot", "stock_move", "pickup_code")
_STATIC = (
    "alembic_version", "merchant", "operator", "payment_account", "machine", "enrolment_token", "media", "product",
    "planogram_slot", "member",
)  # fmt: skip
_MONTHLY = ("stock_move", "ledger_line", "outbox", "evidence", "security_event")


@dataclass(frozen=True)
class Estate:
    """`codes` are the digits of unused pickup codes by machine."""

    seeded: Seeded
    machine_ids: tuple[str, ...]
    machine_keys: tuple[MachineKey, ...]
    codes: dict[str, tuple[str, ...]]
    members: tuple[Member, ...]
    stock: dict[str, int]
    master_key: MasterKey
    command_key: CommandKey

    @property
    def merchant_id(self) -> str:
        return self.seeded.merchant_id


def _key(number: int) -> MachineKey:
    return MachineKey(nkeys.encode_seed(number.to_bytes(32, "big"), nkeys.PREFIX_BYTE_USER))


def build_estate(postgres: WorldPostgres) -> Estate:
    """Seed the database behind `postgres`, and keep a copy of what worlds change."""
    estate = postgres.run(_seed(postgres.owner_url))
    postgres.execute("SET session_replication_role = replica")
    for (partition,) in postgres.fetch(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "JOIN pg_class p ON p.oid = i.inhparent WHERE p.relname = ANY($1) AND c.relname NOT LIKE '%default'",
        (list(_MONTHLY),),
    ):
        postgres.execute(f"INSERT INTO {_default_of(partition)} OVERRIDING SYSTEM VALUE SELECT * FROM {partition}")
        postgres.execute(f"DROP TABLE {partition}")
    for table in _KEPT:
        postgres.execute(f"CREATE UNLOGGED TABLE kept_{table} AS TABLE {table}")
    postgres.execute("SET session_replication_role = origin")
    stock = postgres.fetch("SELECT slot, on_hand FROM stock_slot WHERE machine_id = $1", (estate.machine_ids[0],))
    return replace(estate, stock={row[0]: row[1] for row in stock})


def _default_of(partition: str) -> str:
    return partition.rpartition("_")[0] + "_default"


async def _seed(owner_url: str) -> Estate:
    random = Random("estate")
    clock = ManualClock(START)
    ids = TimeOrderedIds(clock, random.getrandbits)
    master_key = MasterKey(random.randbytes(32), random.randbytes)
    database = await Database.open(owner_url, hot_connections=1)
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    plan = SeedPlan(
        password=random.randbytes(8).hex(),
        machines=MACHINES_MAX,
        accounts=[(channel, f"account_{channel}", {}) for channel in CHANNELS],
    )
    try:
        seeded = await seed_demo(database, master_key, ids=ids, clock=clock, passwords=passwords, plan=plan)
        codes = await _issue_codes(
            Codes(
                database, master_key, ids=ids, clock=clock, post_ledger=_no_posting, new_digits=_digits(random).__next__
            ),
            seeded,
        )
        about = Members(database, master_key, ids=ids, clock=clock, randomness=random.randbytes)
        members = [(await about.create(seeded.merchant_id, NewMember(name))).member for name in MEMBERS]
    finally:
        passwords.close()
        await database.aclose()
    return Estate(
        seeded=seeded,
        machine_ids=tuple(machine.machine_id for machine in seeded.machines),
        machine_keys=tuple(_key(number) for number in range(1, MACHINES_MAX + 1)),
        codes=codes,
        members=tuple(members),
        stock={},
        master_key=master_key,
        command_key=CommandKey(random.randbytes(32)),
    )


async def _issue_codes(codes: Codes, seeded: Seeded) -> dict[str, tuple[str, ...]]:
    """Gifts: prepaid ones differ only in the account that pays."""
    product_id = seeded.products[sorted(seeded.slots.values())[0]]
    issued = {}
    for machine in seeded.machines:
        new = NewCodes(machine.machine_id, product_id, CodeKind.GIFT, CODES_PER_MACHINE, timedelta(days=30))
        issued[machine.machine_id] = tuple(code.digits for code in await codes.issue(seeded.merchant_id, new))
    return issued


async def _no_posting(connection: object, codes: object) -> None:
    raise AssertionError("a gift is not posted when it is issued")


def _digits(random: Random) -> Iterator[str]:
    while True:
        yield f"{random.randrange(10**8):08d}"


def reset(postgres: WorldPostgres, estate: Estate, machines: int) -> None:
    """The estate as it was seeded, with the first `machines` enrolled."""
    postgres.forget()
    postgres.holder = None
    postgres.execute("ROLLBACK")
    postgres.execute("RESET ROLE")
    used = postgres.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' "
        "AND relname NOT LIKE 'kept_%' AND relname <> ALL($1) AND pg_relation_size(oid) > 0 ORDER BY relname",
        (list(_STATIC),),
    )
    postgres.execute("SET session_replication_role = replica")  # append-only tables refuse to be emptied otherwise
    if used:
        postgres.execute(f"TRUNCATE {', '.join(row[0] for row in used)} CASCADE")
    postgres.execute("DELETE FROM machine")
    for table in _KEPT:
        postgres.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}")
    postgres.execute(
        "UPDATE machine SET state = 'enrolled', public_key = k.public_key FROM unnest($1::text[], $2::text[]) "
        "AS k(machine_id, public_key) WHERE machine.machine_id = k.machine_id",
        (list(estate.machine_ids[:machines]), [key.key_id for key in estate.machine_keys[:machines]]),
    )
    postgres.execute("SET session_replication_role = origin")
    postgres.execute("SET ROLE vendomat_hot")
    postgres.execute("BEGIN")
    postgres.forget()
