"""The directory: any worker opens a machine's envelope, and only the machine's own."""

from __future__ import annotations

import pytest

from tests.cloud.shop_stage import MachineKey, Shop
from vendomat.cloud.machines import MachineDirectory
from vendomat.kernel import ErrorCode, VendomatError
from vendomat.protocol import OrderRef, read_body, seal

pytestmark = pytest.mark.slow
REF = OrderRef(order_id="ord_00000000000000000000000000")


async def set_key(shop: Shop, key: MachineKey, state: str = "enrolled") -> None:
    await shop.as_hot_owner(
        "UPDATE machine SET public_key = $2, state = $3 WHERE machine_id = $1", shop.machine_id, key.public, state
    )


def message(shop: Shop, key: MachineKey) -> bytes:
    return seal(REF, kind="order_status", machine=shop.machine_id, epoch=1, seq=1, signer=key)


async def refusal(directory: MachineDirectory, machine_id: str, data: bytes) -> ErrorCode:
    with pytest.raises(VendomatError) as caught:
        await directory.open(machine_id, data)
    return caught.value.code


async def test_a_machines_message_is_opened(shop: Shop) -> None:
    key = MachineKey()
    await set_key(shop, key)
    entry, envelope = await MachineDirectory(shop.database.hot, shop.clock).open(shop.machine_id, message(shop, key))
    assert (entry.merchant_id, entry.machine_id, entry.is_selling) == (shop.merchant_id, shop.machine_id, True)
    assert read_body(envelope, OrderRef) == REF


async def test_only_the_machines_own_key_counts(shop: Shop) -> None:
    key, thief = MachineKey(), MachineKey()
    await set_key(shop, key)
    directory = MachineDirectory(shop.database.hot, shop.clock)
    assert await refusal(directory, shop.machine_id, message(shop, thief)) is ErrorCode.BAD_SIGNATURE
    thief.key_id = key.key_id
    assert await refusal(directory, shop.machine_id, message(shop, thief)) is ErrorCode.BAD_SIGNATURE
    key.key_id = "another name"
    assert await refusal(directory, shop.machine_id, message(shop, key)) is ErrorCode.BAD_SIGNATURE
    other = shop.seeded.machines[1].machine_id
    assert await refusal(directory, other, message(shop, key)) is ErrorCode.FORBIDDEN


async def test_a_new_key_is_known_at_once_where_it_is_needed(shop: Shop) -> None:
    old, new = MachineKey(), MachineKey()
    await set_key(shop, old)
    directory = MachineDirectory(shop.database.hot, shop.clock)
    await directory.open(shop.machine_id, message(shop, old))
    await set_key(shop, new)
    await shop.clock.advance(2)
    await directory.open(shop.machine_id, message(shop, new))
    assert await refusal(directory, shop.machine_id, message(shop, old)) is ErrorCode.BAD_SIGNATURE


async def test_a_revoked_machine_is_forgotten_within_the_refresh(shop: Shop) -> None:
    key = MachineKey()
    await set_key(shop, key)
    directory = MachineDirectory(shop.database.hot, shop.clock)
    await directory.open(shop.machine_id, message(shop, key))
    await set_key(shop, key, "retired")
    await shop.clock.advance(29)
    await directory.refresh()
    await directory.open(shop.machine_id, message(shop, key))
    await shop.clock.advance(1)
    await directory.refresh()
    assert await refusal(directory, shop.machine_id, message(shop, key)) is ErrorCode.FORBIDDEN


async def test_quarantine_may_report_but_not_sell(shop: Shop) -> None:
    key = MachineKey()
    await set_key(shop, key, "quarantined")
    entry, _ = await MachineDirectory(shop.database.hot, shop.clock).open(shop.machine_id, message(shop, key))
    assert entry.is_selling is False


async def test_a_stranger_costs_one_look_a_second(shop: Shop) -> None:
    directory = MachineDirectory(shop.database.hot, shop.clock)
    assert await directory.find(shop.machine_id) is None
    await set_key(shop, MachineKey())
    assert await directory.find(shop.machine_id) is None
    await shop.clock.advance(1)
    assert await directory.find(shop.machine_id) is not None


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff\xfe", b"[" * 10_000, b"x" * 70_000])
async def test_what_is_no_envelope_is_refused(shop: Shop, data: bytes) -> None:
    await set_key(shop, MachineKey())
    directory = MachineDirectory(shop.database.hot, shop.clock)
    assert await refusal(directory, shop.machine_id, data) in (ErrorCode.MALFORMED, ErrorCode.TOO_LARGE)
