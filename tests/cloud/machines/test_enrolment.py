"""Enrolment and renewal: the one way in, and every way that must stay shut."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable

import msgspec
import pytest

from tests.cloud.shop_stage import MachineKey, PlainIssuer, Shop
from vendomat.cloud.machines import Enrolment, MachineEvent, Machines, MachineState, NewMachine, WireAddress
from vendomat.cloud.platform.http import Throttle
from vendomat.kernel import ErrorCode, VendomatError
from vendomat.protocol import EnrolReply, RenewReply, RenewRequest, enrol_proof_text, renew_proof_text

pytestmark = pytest.mark.slow
WIRE = WireAddress("tls://127.0.0.1:4222", lambda: {"c_1": "a2V5"})


class Gate:
    """Enrolment with everything around it."""

    def __init__(self, shop: Shop, failures_max: int = 100) -> None:
        self.shop = shop
        self.revoked: list[str] = []
        self.machines = Machines(shop.database, shop.ids, shop.clock)
        self.enrolment = Enrolment(
            shop.database,
            PlainIssuer(),
            WIRE,
            shop.clock,
            throttle=Throttle(shop.clock, failures_max=failures_max, window_s=900),
            key_replaced=self._revoke,
        )
        self.token = shop.seeded.machines[0].enrolment_token

    async def _revoke(self, public_key: str) -> None:
        self.revoked.append(public_key)

    async def enrol(self, key: MachineKey, token: str | None = None) -> EnrolReply:
        return await self.enrolment.enrol(key.enrol_request(token or self.token), address=self.shop.address)

    async def new_token(self) -> str:
        return (await self.machines.issue_token(self.shop.merchant_id, self.shop.machine_id)).text

    async def renew(self, key: MachineKey, machine_id: str | None = None, *, skew_s: int = 0) -> RenewReply:
        name = machine_id or self.shop.machine_id
        at = int(self.shop.clock.now().timestamp()) + skew_s
        proof = base64.b64encode(key.sign(renew_proof_text(name, at))).decode()
        return await self.enrolment.renew(RenewRequest(machine_id=name, at=at, proof=proof), address=self.shop.address)

    async def machine(self) -> dict[str, object]:
        row = await self.shop.database.hot.fetchrow("SELECT * FROM machine WHERE machine_id = $1", self.shop.machine_id)
        return dict(row)

    async def security_events(self) -> list[str]:
        rows = await self.shop.database.hot.fetch(
            "SELECT kind FROM security_event WHERE source = $1 ORDER BY at", self.shop.address
        )
        return [row["kind"] for row in rows]


@pytest.fixture
def gate(shop: Shop) -> Gate:
    return Gate(shop)


async def refused(attempt: Awaitable[object]) -> str:
    with pytest.raises(VendomatError) as caught:
        await attempt
    assert caught.value.code is ErrorCode.ENROLMENT_REFUSED
    return caught.value.message


async def test_a_token_and_a_proof_let_the_machine_in(gate: Gate) -> None:
    key = MachineKey()
    reply = await gate.enrol(key)
    assert reply.machine_id == gate.shop.machine_id
    assert reply.merchant_id == gate.shop.merchant_id
    assert reply.epoch == 1
    assert reply.nats_url == WIRE.nats_url and reply.cloud_keys == {"c_1": "a2V5"}
    assert reply.user_jwt == f"{reply.machine_id} {key.public} 2026-01-02T00:00:00+00:00"
    machine = await gate.machine()
    assert (machine["state"], machine["public_key"], machine["epoch"]) == ("enrolled", key.public, 1)
    assert await gate.security_events() == []


async def test_the_same_machine_may_ask_again_when_the_answer_was_lost(gate: Gate) -> None:
    key = MachineKey()
    first = await gate.enrol(key)
    assert await gate.enrol(key) == first
    await gate.shop.clock.advance(601)
    await refused(gate.enrol(key))


async def test_a_used_token_lets_no_other_key_in(gate: Gate) -> None:
    key = MachineKey()
    await gate.enrol(key)
    await refused(gate.enrol(MachineKey()))
    assert (await gate.machine())["public_key"] == key.public
    assert await gate.security_events() == ["enrolment.used_token"]


async def test_of_two_machines_with_one_token_one_gets_in(gate: Gate) -> None:
    answers = await asyncio.gather(*(gate.enrol(MachineKey()) for _ in range(4)), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["EnrolReply"] + ["VendomatError"] * 3
    assert (await gate.machine())["epoch"] == 1


async def test_an_expired_token_is_refused(gate: Gate) -> None:
    await gate.shop.clock.advance(24 * 3600)
    await refused(gate.enrol(MachineKey()))
    assert (await gate.machine())["state"] == "new"


async def test_a_new_token_ends_the_old_one(gate: Gate) -> None:
    token = await gate.new_token()
    await refused(gate.enrol(MachineKey()))
    await gate.enrol(MachineKey(), token)


async def test_every_refusal_reads_the_same(gate: Gate) -> None:
    key = MachineKey()
    said = {await refused(gate.enrol(key, "an unknown token of ours"))}
    forged = msgspec.structs.replace(key.enrol_request(gate.token), proof=base64.b64encode(b"x" * 64).decode())
    said.add(await refused(gate.enrolment.enrol(forged, address=gate.shop.address)))
    await gate.shop.clock.advance(24 * 3600)
    said.add(await refused(gate.enrol(key)))
    assert len(said) == 1
    assert await gate.security_events() == [
        "enrolment.unknown_token",
        "enrolment.bad_proof",
        "enrolment.expired_token",
    ]


@pytest.mark.parametrize("proof", ["", "not base64!", base64.b64encode(b"short").decode(), "ü"])
async def test_what_is_no_proof_is_refused(gate: Gate, proof: str) -> None:
    request = msgspec.structs.replace(MachineKey().enrol_request(gate.token), proof=proof)
    await refused(gate.enrolment.enrol(request, address=gate.shop.address))


async def test_a_proof_for_another_token_or_key_is_refused(gate: Gate) -> None:
    key, thief = MachineKey(), MachineKey()
    proof = base64.b64encode(thief.sign(enrol_proof_text(gate.token, key.public))).decode()
    stolen = msgspec.structs.replace(key.enrol_request(gate.token), proof=proof)
    await refused(gate.enrolment.enrol(stolen, address=gate.shop.address))
    other = msgspec.structs.replace(key.enrol_request("another token of ours"), token=gate.token)
    await refused(gate.enrolment.enrol(other, address=gate.shop.address))


async def test_a_public_key_with_a_typing_error_is_refused(gate: Gate) -> None:
    request = MachineKey().enrol_request(gate.token)
    last = "A" if request.public_key[-1] != "A" else "B"
    broken = msgspec.structs.replace(request, public_key=request.public_key[:-1] + last)
    await refused(gate.enrolment.enrol(broken, address=gate.shop.address))


async def test_enrolling_anew_raises_the_epoch_and_revokes_the_old_key(gate: Gate) -> None:
    old, new = MachineKey(), MachineKey()
    await gate.enrol(old)
    await gate.shop.as_hot_owner(
        "UPDATE machine SET epoch = 7, boot_nonce = 'running' WHERE machine_id = $1", gate.shop.machine_id
    )
    reply = await gate.enrol(new, await gate.new_token())
    assert reply.epoch == 8
    machine = await gate.machine()
    assert (machine["public_key"], machine["epoch"], machine["boot_nonce"]) == (new.public, 8, "")
    assert gate.revoked == [old.public]


async def test_enrolling_anew_with_the_same_key_revokes_nothing(gate: Gate) -> None:
    key = MachineKey()
    await gate.enrol(key)
    await gate.enrol(key, await gate.new_token())
    assert gate.revoked == []


async def test_quarantine_outlives_a_new_enrolment_and_retirement_ends_all(gate: Gate) -> None:
    await gate.enrol(MachineKey())
    where = (gate.shop.merchant_id, gate.shop.machine_id)
    assert await gate.machines.move(*where, MachineEvent.QUARANTINE) is MachineState.QUARANTINED
    key = MachineKey()
    await gate.enrol(key, await gate.new_token())
    assert (await gate.machine())["state"] == "quarantined"
    assert await gate.machines.move(*where, MachineEvent.RELEASE) is MachineState.ENROLLED
    token = await gate.new_token()
    await gate.machines.move(*where, MachineEvent.RETIRE)
    await refused(gate.enrol(MachineKey(), token))
    await refused(gate.renew(key))
    with pytest.raises(VendomatError) as caught:
        await gate.machines.move(*where, MachineEvent.RELEASE)
    assert caught.value.code is ErrorCode.ILLEGAL_MOVE


async def test_a_machine_that_proves_its_key_gets_a_new_identity(gate: Gate) -> None:
    key = MachineKey()
    await gate.enrol(key)
    await gate.shop.clock.advance(16 * 3600)
    reply = await gate.renew(key, skew_s=300)
    assert reply.user_jwt == f"{gate.shop.machine_id} {key.public} 2026-01-02T16:00:00+00:00"


async def test_renewal_is_refused_to_anybody_else(gate: Gate) -> None:
    key = MachineKey()
    await gate.enrol(key)
    await refused(gate.renew(MachineKey()))
    await refused(gate.renew(key, skew_s=301))
    await refused(gate.renew(key, skew_s=-301))
    await refused(gate.renew(key, "mch_00000000000000000000000000"))
    await refused(gate.renew(key, gate.shop.seeded.machines[1].machine_id))
    assert await gate.security_events() == [
        "renewal.bad_proof",
        "renewal.stale",
        "renewal.stale",
        "renewal.unknown_machine",
        "renewal.unknown_machine",
    ]


async def test_the_old_key_renews_nothing_after_a_new_enrolment(gate: Gate) -> None:
    old = MachineKey()
    await gate.enrol(old)
    await gate.enrol(MachineKey(), await gate.new_token())
    await refused(gate.renew(old))


async def test_guessing_is_slowed_and_an_honest_crowd_is_not(shop: Shop) -> None:
    gate = Gate(shop, failures_max=3)
    key = MachineKey()
    await gate.enrol(key)
    for _ in range(20):
        await gate.renew(key)
    for _ in range(3):
        await refused(gate.enrol(MachineKey(), "a guessed token, wrong"))
    with pytest.raises(VendomatError) as caught:
        await gate.enrol(MachineKey(), await gate.new_token())
    assert caught.value.code is ErrorCode.RATE_LIMITED
    await shop.clock.advance(900)
    await gate.renew(key)


async def test_another_merchants_machine_gets_no_token(gate: Gate) -> None:
    with pytest.raises(VendomatError) as caught:
        await gate.machines.issue_token("mer_somebody_else", gate.shop.machine_id)
    assert caught.value.code is ErrorCode.NOT_FOUND


async def test_a_number_names_one_machine(gate: Gate) -> None:
    with pytest.raises(VendomatError) as caught:
        await gate.machines.create(gate.shop.merchant_id, NewMachine(number="SH-001", name_zh="z", name_en="e"))
    assert caught.value.code is ErrorCode.CONFLICT
    with pytest.raises(VendomatError) as caught:
        wrong = NewMachine(number="SH-900", name_zh="z", name_en="e", time_zone="Mars/Olympus")
        await gate.machines.create(gate.shop.merchant_id, wrong)
    assert caught.value.code is ErrorCode.INVALID_VALUE
