"""`/api/v1/members/{id}/payout` and `/api/v1/wallet-payouts/{id}/…`: a member leaves, and what is stored goes back."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.platform.http import ASKED_ONCE
from vendomat.cloud.sales.wallet_payouts import Outlook, PayoutWish, WalletPayouts
from vendomat.cloud.wallets import Payout, PayoutState
from vendomat.kernel import MINOR_UNITS_MAX

MemberId = Annotated[str, Path(pattern=r"^mbr_[0-9a-z]{26}$")]
PayoutId = Annotated[str, Path(pattern=r"^wpo_[0-9a-z]{26}$")]


class WalletPayoutBody(BaseModel):
    """`amount_minor` is all that is stored, typed in again. `way` and `reference` are of the rest by hand."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    amount_minor: Annotated[int, Field(gt=0, le=MINOR_UNITS_MAX, strict=True)]
    way: Literal["", "cash", "bank_transfer", "wallet_transfer", "other"] = ""
    reference: Annotated[str, Field(max_length=100)] = ""
    reason: Annotated[str, Field(min_length=1, max_length=200)]


class WalletPayoutView(BaseModel):
    """`state` is asked (a second person has to agree), done or declined."""

    id: str
    amount_minor: int
    by_hand_minor: int
    currency: str
    state: PayoutState
    hand_way: Literal["", "cash", "bank_transfer", "wallet_transfer", "other"]
    hand_reference: str
    reason: str
    asked_by: str
    asked_at: datetime
    decided_by: str
    decided_at: datetime | None


class PartView(BaseModel):
    order_id: str
    channel: str
    amount_minor: int


class OutlookView(BaseModel):
    """What would go back now: by which top-ups, the newest first, and how much by hand; and the pay-outs so far."""

    balance_minor: int
    is_blocked: bool
    parts: list[PartView]
    by_hand_minor: int
    payouts: list[WalletPayoutView]


def wallet_payouts_router(desk: WalletPayouts, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["members"])
    reading = permitted(current, Permission.MEMBER_READ)
    paying = permitted(current, Permission.WALLET_CHANGE, is_proven=True)

    @router.get("/members/{member_id}/payout", operation_id="wallet_payouts.look")
    async def look(member_id: MemberId, operator: Annotated[Operator, Depends(reading)]) -> OutlookView:
        return _outlook(await desk.look(operator.merchant_id, member_id))

    @router.post("/members/{member_id}/payout", operation_id="wallet_payouts.ask", dependencies=[ASKED_ONCE])
    async def ask(
        member_id: MemberId, body: WalletPayoutBody, operator: Annotated[Operator, Depends(paying)]
    ) -> WalletPayoutView:
        wish = PayoutWish(body.amount_minor, body.way, body.reference, body.reason)
        return _view(await desk.ask(operator, member_id, wish))

    @router.post("/wallet-payouts/{payout_id}/agree", operation_id="wallet_payouts.agree", dependencies=[ASKED_ONCE])
    async def agree(payout_id: PayoutId, operator: Annotated[Operator, Depends(paying)]) -> WalletPayoutView:
        return _view(await desk.agree(operator, payout_id))

    @router.post(
        "/wallet-payouts/{payout_id}/decline", operation_id="wallet_payouts.decline", dependencies=[ASKED_ONCE]
    )
    async def decline(payout_id: PayoutId, operator: Annotated[Operator, Depends(paying)]) -> WalletPayoutView:
        return _view(await desk.decline(operator, payout_id))

    return router


def _outlook(found: Outlook) -> OutlookView:
    parts = [
        PartView(order_id=p.order_id, channel=p.channel, amount_minor=p.amount_minor) for p in found.division.parts
    ]
    return OutlookView(
        balance_minor=found.wallet.balance_minor if found.wallet else 0,
        is_blocked=found.wallet is not None and found.wallet.is_blocked,
        parts=parts,
        by_hand_minor=found.division.by_hand_minor,
        payouts=[_view(one) for one in found.payouts],
    )


def _view(one: Payout) -> WalletPayoutView:
    return WalletPayoutView.model_validate({**asdict(one), "id": one.payout_id})
