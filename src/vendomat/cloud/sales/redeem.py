"""Redeeming a pickup code: verified, used up and turned into an order in one transaction.

The order is paid by the code itself and ships by the same command path as any other. A code whose product cannot be
given now stays good; a wrong code is counted, and its typist learns nothing.
"""

from __future__ import annotations

from datetime import timedelta

import asyncpg

from vendomat.cloud.codes import CodeEntry, PickupCode, enter_code, mark_redeemed
from vendomat.cloud.machines import DirectoryEntry, Sender, known_machines
from vendomat.cloud.orders import store as order_rows
from vendomat.cloud.payments import CODE_CHANNEL, Payment, PaymentState
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales.loading import load_purchases
from vendomat.cloud.sales.model import PaymentPaid
from vendomat.cloud.sales.new_order import NewOrder
from vendomat.cloud.sales.use_cases import Applied, create_orders, grace_of
from vendomat.cloud.sales.writer import Writer
from vendomat.cloud.stock import slot_holding
from vendomat.kernel import Clock, ErrorCode, Ids, VendomatError
from vendomat.protocol import OrderLine, RedeemRequest


async def check_waiting(connection: asyncpg.Connection, sender: Sender) -> None:
    """Before a try is counted: only the machine of now, and only while somebody waits there. Raises `VendomatError`."""
    machine = (await known_machines(connection, [sender.key])).get(sender.key)
    if machine is None:
        raise VendomatError(ErrorCode.FORBIDDEN, "this machine is not enrolled; nothing was accepted")
    machine.check_asking(sender, is_selling=True)


class Redeemer:
    """`code_key` is the installation's key for the codes' hashes."""

    def __init__(
        self, database: Database, writer: Writer, *, code_key: bytes, settings: CloudSettings, clock: Clock, ids: Ids
    ) -> None:
        self._database = database
        self._writer = writer
        self._code_key = code_key
        self._settings = settings
        self._clock = clock
        self._ids = ids

    async def redeem(self, machine: DirectoryEntry, sender: Sender, request: RedeemRequest) -> Applied:
        """Raises `VendomatError` (code_refused, code_locked, sold_out, …). The same request again: the same order."""
        answer = await self._database.write(lambda c: self._redeem(c, machine, sender, request))
        if isinstance(answer, Exception):  # raised after the commit: the failed try stays counted
            raise answer
        return self._writer.follow(answer)

    async def _redeem(
        self, connection: asyncpg.Connection, machine: DirectoryEntry, sender: Sender, request: RedeemRequest
    ) -> Applied | Exception:
        asked = (machine.merchant_id, machine.machine_id, request.request_id)
        known = await self._known(connection, asked)
        if known is not None:
            return known
        await check_waiting(connection, sender)
        entry = CodeEntry(machine.merchant_id, machine.machine_id, request.code, self._clock.now())
        code = await enter_code(connection, entry, key=self._code_key, ids=self._ids)
        if isinstance(code, VendomatError):  # refused, or used up meanwhile by this same request, sent twice
            return await self._known(connection, asked) or code
        slot = await slot_holding(
            connection, machine.merchant_id, machine.machine_id, code.product_id, but_not=request.closed_slots
        )
        if slot is None:
            return VendomatError(ErrorCode.SOLD_OUT, "this product is not in the machine now; the code stays good")
        order = self._order(machine, sender, request, code=code, slot=slot)
        (result,) = await create_orders(connection, [order], self._settings, self._ids)
        if isinstance(result, Applied) and not await mark_redeemed(connection, code, order.order_id, now=order.at):
            raise VendomatError(ErrorCode.CODE_REFUSED, "this code is not accepted here; nothing was used up")
        return result

    async def _known(self, connection: asyncpg.Connection, asked: tuple[str, str, str]) -> Applied | None:
        """The order that stands for the request `asked` already."""
        order_id = (await order_rows.find_by_request(connection, [asked])).get(asked)
        if order_id is None:
            return None
        key = (asked[0], order_id)
        return Applied((await load_purchases(connection, [key], is_locking=False))[key])

    def _order(
        self, machine: DirectoryEntry, sender: Sender, request: RedeemRequest, *, code: PickupCode, slot: str
    ) -> NewOrder:
        now = self._clock.now()
        payment_id = self._ids.new("pay")
        return NewOrder(
            merchant_id=machine.merchant_id,
            machine_id=machine.machine_id,
            sender=sender,
            request_id=request.request_id,
            order_id=self._ids.new("ord"),
            origin="code",
            lines=(OrderLine(slot=slot, quantity=1, price_minor=code.value.minor_units),),
            payment=Payment(payment_id, CODE_CHANNEL, code.kind, 0, PaymentState.CREATED),
            at=now,
            expires_at=now + timedelta(seconds=self._settings.qr_s),
            code_id=code.code_id,
            unit_price_minor=code.value.minor_units,
            event=PaymentPaid(
                payment_id=payment_id,
                account=code.kind,
                amount_minor=code.value.minor_units,
                currency=code.value.currency,
                transaction_id="",
                paid_at=now,
                via="code",
                grace=grace_of(self._settings),
                at=now,
            ),
        )
