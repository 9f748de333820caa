"""The books of profit sharing: rules over calls and a given time.

The documents leave open which of its codes the platform answers with here; the checks are the published ones: from a
minute to thirty days after the payment, at most fifty sharings of fifty shares, a ceiling over all of them together,
and never more than is left. What is not shared in thirty days becomes the merchant's by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from vendomat.simulator.gateways.numbers import Numbers
from vendomat.simulator.gateways.wechat.records import Order, key_of
from vendomat.simulator.gateways.wechat.refusals import Refusals, WechatRefusedError
from vendomat.simulator.gateways.wechat.sharing.records import (
    Frozen,
    Receiver,
    ShareLine,
    ShareReturn,
    ShareState,
    Sharing,
)

NOT_BEFORE, NOT_AFTER = timedelta(minutes=1), timedelta(days=30)
RETURNABLE = timedelta(days=180)
SHARES_MAX = SHARINGS_MAX = 50
CEILING_PERCENT = 30

Record = Frozen | Receiver | Sharing | ShareReturn
Money = Callable[[str, int, datetime], None]


class Pays(Protocol):
    """Money comes to, or goes from, a merchant's account; a merchant elsewhere has none here."""

    def __call__(self, mchid: str, amount_fen: int, now: datetime, *, name: str, number: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A sharing as it is called for."""

    number: str
    transaction_id: str
    lines: tuple[ShareLine, ...]
    frees_rest: bool


class SharingBook:
    """Everything about sharing of one platform's merchants."""

    def __init__(self, numbers: Numbers, delay_s: float, *, keep: Callable[[Record], None], pay: Pays) -> None:
        self._numbers = numbers
        self._delay = timedelta(seconds=delay_s)
        self._keep_record = keep
        self._pay = pay
        self._frozen: dict[str, Frozen] = {}
        self._receivers: dict[str, Receiver] = {}
        self.sharings: dict[str, Sharing] = {}
        self.returns: dict[str, ShareReturn] = {}
        self._to_close: list[str] = []
        self._to_fail = 0

    def restore(self, records: Iterable[Record]) -> None:
        for record in records:
            self._place(record)

    def _place(self, record: Record) -> None:
        if isinstance(record, Frozen):
            self._frozen[record.key] = record
        elif isinstance(record, Receiver):
            self._receivers[record.key] = record
        elif isinstance(record, Sharing):
            self.sharings[record.key] = record
        else:
            self.returns[record.key] = record

    def _keep(self, record: Record) -> None:
        self._place(record)
        self._keep_record(record)

    def close_next_shares(self, reason: str, count: int) -> None:
        """The next `count` shares do not reach their receivers."""
        self._to_close += [reason] * count

    def fail_next_returns(self, count: int) -> None:
        self._to_fail += count

    # money

    def freeze(self, order: Order, now: datetime) -> None:
        """What a payment brought is nobody's yet."""
        frozen = Frozen(
            mchid=order.terms.mchid,
            transaction_id=order.transaction_id,
            out_trade_no=order.terms.out_trade_no,
            total_fen=order.terms.total_fen,
            left_fen=order.net_fen,
            paid_at=now,
        )
        self._keep(frozen)

    def frozen_fen(self, mchid: str, now: datetime) -> int:
        """What stands on the account of `mchid` and is not at its disposal."""
        rows = [self._as_of(frozen, now) for frozen in list(self._frozen.values()) if frozen.mchid == mchid]
        return sum(frozen.frozen_fen for frozen in rows)

    def of_payment(self, mchid: str, transaction_id: str, now: datetime) -> Frozen | None:
        frozen = self._frozen.get(key_of(mchid, transaction_id))
        return self._as_of(frozen, now) if frozen else None

    def take_refund(self, order: Order, amount_fen: int, now: datetime) -> None:
        """A refund of a frozen payment takes its money from there first."""
        frozen = self.of_payment(order.terms.mchid, order.transaction_id, now)
        if frozen is not None and not frozen.is_free:
            self._keep(replace(frozen, left_fen=max(0, frozen.left_fen - amount_fen)))

    def _as_of(self, frozen: Frozen, now: datetime) -> Frozen:
        if not frozen.is_free and now >= frozen.paid_at + NOT_AFTER:
            frozen = replace(frozen, is_free=True)
            self._keep(frozen)
        return frozen

    # the merchant's calls

    def add_receiver(self, receiver: Receiver) -> None:
        self._keep(receiver)

    def share(self, mchid: str, asked: Asked, now: datetime) -> Sharing:
        """Take shares out of what is frozen; they arrive a little later. Again is as once."""
        known = self._known(mchid, asked)
        if known is not None:
            return known
        frozen = self._shareable(mchid, asked, now)
        amount_fen = sum(line.amount_fen for line in asked.lines)
        self._keep(
            replace(
                frozen,
                left_fen=frozen.left_fen - amount_fen,
                shared_fen=frozen.shared_fen + amount_fen,
                sharings=frozen.sharings + 1,
            )
        )
        return self._made(mchid, asked, now, settles_at=now + self._delay)

    def set_free(self, mchid: str, asked: Asked, now: datetime) -> Sharing:
        """The rest is the merchant's. Under a number that a sharing had, nothing happens but that sharing's answer."""
        known = self.sharings.get(key_of(mchid, asked.number))
        if known is not None:
            return known
        frozen = self._frozen_of(mchid, asked.transaction_id, now)
        self._keep(replace(frozen, is_free=True))
        return self._made(mchid, asked, now, settles_at=None)

    def _made(self, mchid: str, asked: Asked, now: datetime, *, settles_at: datetime | None) -> Sharing:
        sharing = Sharing(
            mchid=mchid,
            number=asked.number,
            transaction_id=asked.transaction_id,
            order_id=f"3008{self._numbers.digits(24)}",
            made_at=now,
            lines=asked.lines,
            frees_rest=asked.frees_rest,
            settles_at=settles_at,
            settled_at=None if settles_at else now,
        )
        self._keep(sharing)
        return sharing

    def _known(self, mchid: str, asked: Asked) -> Sharing | None:
        known = self.sharings.get(key_of(mchid, asked.number))
        same = (
            asked.transaction_id,
            asked.frees_rest,
            [(one.type, one.account, one.amount_fen) for one in asked.lines],
        )
        if known is not None and known.asked != same:
            raise WechatRefusedError(Refusals.SHARING_OTHER)
        return known

    def _frozen_of(self, mchid: str, transaction_id: str, now: datetime) -> Frozen:
        frozen = self.of_payment(mchid, transaction_id, now)
        if frozen is None:
            raise WechatRefusedError(Refusals.SHARING_NOT_FROZEN)
        return frozen

    def _shareable(self, mchid: str, asked: Asked, now: datetime) -> Frozen:
        frozen = self._frozen_of(mchid, asked.transaction_id, now)
        amount_fen = sum(line.amount_fen for line in asked.lines)
        if any(f"{mchid}/{line.type}/{line.account}" not in self._receivers for line in asked.lines):
            raise WechatRefusedError(Refusals.SHARING_UNKNOWN_RECEIVER)
        if frozen.is_free or not NOT_BEFORE <= now - frozen.paid_at < NOT_AFTER:
            raise WechatRefusedError(Refusals.SHARING_NOT_NOW)
        if (
            frozen.sharings >= SHARINGS_MAX
            or (frozen.shared_fen + amount_fen) * 100 > frozen.total_fen * CEILING_PERCENT
        ):
            raise WechatRefusedError(Refusals.SHARING_CEILING)
        if amount_fen > frozen.left_fen:
            raise WechatRefusedError(Refusals.SHARING_NOT_ENOUGH)
        return frozen

    def look_up(self, mchid: str, number: str, transaction_id: str) -> Sharing:
        sharing = self.sharings.get(key_of(mchid, number))
        if sharing is None or sharing.transaction_id != transaction_id:
            raise WechatRefusedError(Refusals.SHARING_NOT_EXISTS)
        return sharing

    def left_fen(self, mchid: str, transaction_id: str, now: datetime) -> int:
        return self._frozen_of(mchid, transaction_id, now).frozen_fen

    def take_back(self, asked: ShareReturn, now: datetime) -> ShareReturn:
        """Part of a share that came through is to come back from a merchant."""
        known = self.returns.get(asked.key)
        if known is not None:
            same = (known.sharing_number, known.return_mchid, known.amount_fen)
            if same != (asked.sharing_number, asked.return_mchid, asked.amount_fen):
                raise WechatRefusedError(Refusals.SHARING_OTHER)
            return known
        sharing = self.sharings.get(key_of(asked.mchid, asked.sharing_number))
        if sharing is None:
            raise WechatRefusedError(Refusals.SHARING_NOT_EXISTS)
        if now > sharing.made_at + RETURNABLE or asked.amount_fen > self._returnable_fen(sharing, asked.return_mchid):
            raise WechatRefusedError(Refusals.SHARING_NOT_RETURNABLE)
        made = replace(asked, return_id=f"3009{self._numbers.digits(24)}", settles_at=now + self._delay)
        self._keep(made)
        return made

    def _returnable_fen(self, sharing: Sharing, mchid: str) -> int:
        given = [one for one in sharing.lines if (one.type, one.account) == ("MERCHANT_ID", mchid)]
        got_fen = sum(one.amount_fen for one in given if one.state is ShareState.SUCCESS)
        back = [
            one for one in self.returns.values() if (one.mchid, one.sharing_number) == (sharing.mchid, sharing.number)
        ]
        return got_fen - sum(one.amount_fen for one in back if one.return_mchid == mchid and one.result != "FAILED")

    def look_up_return(self, mchid: str, number: str, sharing_number: str) -> ShareReturn:
        found = self.returns.get(key_of(mchid, number))
        if found is None or found.sharing_number != sharing_number:
            raise WechatRefusedError(Refusals.SHARING_NOT_EXISTS)
        return found

    # time

    def settle_due(self, now: datetime) -> None:
        """Let arrive, or fail, what is due by `now`."""
        for sharing in [one for one in self.sharings.values() if _is_due(one.settles_at, one.settled_at, now)]:
            self._settle(sharing, now)
        for back in [one for one in self.returns.values() if _is_due(one.settles_at, one.settled_at, now)]:
            self._settle_return(back, now)

    def _settle(self, sharing: Sharing, now: datetime) -> None:
        lines = tuple(self._arrived(sharing, line, now) for line in sharing.lines)
        self._keep(replace(sharing, lines=lines, settled_at=now))
        closed_fen = sum(line.amount_fen for line in lines if line.state is ShareState.CLOSED)
        frozen = self._frozen[key_of(sharing.mchid, sharing.transaction_id)]
        self._keep(
            replace(
                frozen,
                left_fen=frozen.left_fen + closed_fen,
                shared_fen=frozen.shared_fen - closed_fen,
                is_free=frozen.is_free or sharing.frees_rest,
            )
        )

    def _arrived(self, sharing: Sharing, line: ShareLine, now: datetime) -> ShareLine:
        if self._to_close:
            return replace(line, state=ShareState.CLOSED, fail_reason=self._to_close.pop(0))
        self._pay(sharing.mchid, -line.amount_fen, now, name="分账", number=line.detail_id)
        if line.type == "MERCHANT_ID":
            self._pay(line.account, line.amount_fen, now, name="分账", number=line.detail_id)
        return replace(line, state=ShareState.SUCCESS)

    def _settle_return(self, back: ShareReturn, now: datetime) -> None:
        if self._to_fail:
            self._to_fail -= 1
            self._keep(replace(back, result="FAILED", settled_at=now))
            return
        self._pay(back.return_mchid, -back.amount_fen, now, name="分账回退", number=back.return_id)
        self._pay(back.mchid, back.amount_fen, now, name="分账回退", number=back.return_id)
        self._keep(replace(back, result="SUCCESS", settled_at=now))


def _is_due(settles_at: datetime | None, settled_at: datetime | None, now: datetime) -> bool:
    return settles_at is not None and settled_at is None and settles_at <= now


def lines_of(rows: Sequence[tuple[str, str, int, str]], numbers: Numbers) -> tuple[ShareLine, ...]:
    """The shares of (type, account, fen, description), each with a number of its own."""
    return tuple(
        ShareLine(type=kind, account=account, amount_fen=fen, description=text, detail_id=f"3601{numbers.digits(24)}")
        for kind, account, fen, text in rows
    )
