"""A merchant on a real database, for tests: people, machines, goods and stock, with a clock that the test moves."""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import nkeys
from argon2 import PasswordHasher

from vendomat.cloud.app import Seeded, SeedPlan, seed_demo
from vendomat.cloud.merchants import MasterKey, Passwords
from vendomat.cloud.platform.database import Database
from vendomat.kernel import ManualClock, TimeOrderedIds
from vendomat.protocol import EnrolRequest, enrol_proof_text

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


class MachineKey:
    """The key a machine made itself."""

    def __init__(self, seed: bytes | None = None) -> None:
        raw = seed if seed is not None else next(_numbers).to_bytes(32, "big")
        self._pair = nkeys.from_seed(bytearray(nkeys.encode_seed(raw, nkeys.PREFIX_BYTE_USER)))
        self.public: str = self._pair.public_key.decode()
        self.key_id = self.public

    def sign(self, data: bytes) -> bytes:
        return bytes(self._pair.sign(data))

    def enrol_request(self, token: str) -> EnrolRequest:
        proof = base64.b64encode(self.sign(enrol_proof_text(token, self.public))).decode()
        return EnrolRequest(token=token, public_key=self.public, proof=proof)


def key_of(machine_id: str) -> MachineKey:
    """The key of a machine that `Shop.enrol_all` enrolled."""
    return MachineKey(hashlib.sha256(machine_id.encode()).digest())


class PlainIssuer:
    """Gives identities that a test can read."""

    def issue_user_jwt(self, public_nkey: str, machine_id: str, expires_at: datetime) -> str:
        return f"{machine_id} {public_nkey} {expires_at.isoformat()}"


@dataclass(frozen=True)
class Shop:
    database: Database
    clock: ManualClock
    ids: TimeOrderedIds
    master_key: MasterKey
    passwords: Passwords
    seeded: Seeded
    address: str

    @property
    def merchant_id(self) -> str:
        return self.seeded.merchant_id

    @property
    def machine_id(self) -> str:
        return self.seeded.machines[0].machine_id

    async def enrol_all(self) -> None:
        """Make the machines able to speak, without the ceremony."""
        for machine in self.seeded.machines:
            await self.as_hot_owner(
                "UPDATE machine SET state = 'enrolled', epoch = 1, public_key = $2 WHERE machine_id = $1",
                machine.machine_id,
                key_of(machine.machine_id).public,
            )

    async def as_merchant(self, statement: str, *values: object) -> None:
        """What the merchant's own people may write."""
        async with self.database.merchant(self.merchant_id) as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            await driver.execute(statement, *values)

    async def as_hot_owner(self, statement: str, *values: object) -> None:
        await self.database.hot.execute(statement, *values)


@asynccontextmanager
async def open_shop(url: str, *, machines: int = 2) -> AsyncIterator[Shop]:
    number = next(_numbers)
    database = await Database.open(url, hot_connections=4)
    clock = ManualClock()
    ids = TimeOrderedIds(clock)
    master_key = MasterKey(b"k" * 32)
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    try:
        seeded = await seed_demo(
            database,
            master_key,
            ids=ids,
            clock=clock,
            passwords=passwords,
            plan=SeedPlan(password=PASSWORD, machines=machines, email=f"owner{number}@vendomat.example"),
        )
        address = f"10.0.{number // 250}.{number % 250}"
        yield Shop(database, clock, ids, master_key, passwords, seeded, address)
    finally:
        passwords.close()
        await database.aclose()
