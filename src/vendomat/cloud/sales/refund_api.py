"""`/api/v1/orders/{order}/…`: ask for an order's money back, try a refund again, let a held one go, give goodwill,
record money paid by hand, have one sent to another account, decide about money that did not fit the order.

The reason is kept in the order's evidence with the operator who gave it.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from vendomat.cloud.merchants import CurrentOperator, Operator, Permission, permitted
from vendomat.cloud.orders import OrderState
from vendomat.cloud.payments import BankCard
from vendomat.cloud.platform.http import ASKED_ONCE
from vendomat.cloud.sales.model import Purchase
from vendomat.cloud.sales.refund_desk import Gift, HandPayment, Judgement, Onward, RefundDesk
from vendomat.kernel import MINOR_UNITS_MAX, ErrorCode, VendomatError

REASON_CHARACTERS_MAX = 200
REFERENCE_CHARACTERS_MAX = 100
OrderId = Annotated[str, Path(pattern=r"^ord_[0-9a-z]{26}$")]
PaymentId = Annotated[str, Path(pattern=r"^pay_[0-9a-z]{26}$")]
RefundId = Annotated[str, Path(pattern=r"^rfd_[0-9a-z]{26}$")]


class ReasonBody(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    reason: Annotated[str, Field(min_length=1, max_length=REASON_CHARACTERS_MAX)]


class GiftBody(ReasonBody):
    """`ordinal` is one more than the refunds of the payment that the page showed: sent twice, it is given once."""

    amount_minor: Annotated[int, Field(gt=0, le=MINOR_UNITS_MAX)]
    ordinal: Annotated[int, Field(ge=1, le=1000)]


class HandPaymentBody(ReasonBody):
    """`amount_minor` is typed in again: it must be exactly what is owed. `reference` says where it can be found."""

    amount_minor: Annotated[int, Field(gt=0, le=MINOR_UNITS_MAX)]
    way: Literal["cash", "bank_transfer", "wallet_transfer", "other"]
    reference: Annotated[str, Field(min_length=1, max_length=REFERENCE_CHARACTERS_MAX)]


class CardBody(BaseModel):
    """A card of the buyer's; `bank` is the platform's word for the bank and the kind of card, such as ICBC_DEBIT."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    bank: Annotated[str, Field(pattern=r"^[A-Z0-9_]{2,32}$")]
    account: Annotated[SecretStr, Field(min_length=8, max_length=32)]
    holder: Annotated[SecretStr, Field(min_length=1, max_length=60)]


class SendOnBody(ReasonBody):
    """Without a card the refund goes to the merchant's bank account, and the buyer is owed it still."""

    card: CardBody | None = None

    @property
    def onward(self) -> Onward:
        """Raises `VendomatError(invalid_value)` for an account that is no number; it is not said again."""
        if self.card is None:
            return Onward(None, self.reason)
        account = self.card.account.get_secret_value()
        if not (account.isascii() and account.isdigit()):
            raise VendomatError(ErrorCode.INVALID_VALUE, "a card's number has digits only; nothing was sent on")
        return Onward(BankCard(self.card.bank, account, self.card.holder.get_secret_value()), self.reason)


class VerdictBody(ReasonBody):
    """There is one ground on which money may be kept: the buyer has had goods for it."""

    verdict: Literal["give_back", "goods_by_hand"]

    @property
    def judgement(self) -> Judgement:
        return Judgement(self.verdict == "goods_by_hand", self.reason)


class StandingView(BaseModel):
    """How the order stands now; the whole of it is read where orders are read."""

    id: str
    state: OrderState
    version: int


def refunds_router(desk: RefundDesk, current: CurrentOperator) -> APIRouter:
    router = APIRouter(prefix="/api/v1/orders/{order_id}", tags=["refunds"])
    asking = permitted(current, Permission.REFUND_ASK, is_proven=True)
    releasing = permitted(current, Permission.REFUND_RELEASE, is_proven=True)

    @router.post("/refund", operation_id="refunds.ask", dependencies=[ASKED_ONCE])
    async def ask(order_id: OrderId, body: ReasonBody, operator: Annotated[Operator, Depends(asking)]) -> StandingView:
        return _view(await desk.ask(operator, order_id, body.reason))

    @router.post("/refunds/{refund_id}/again", operation_id="refunds.again", dependencies=[ASKED_ONCE])
    async def again(
        order_id: OrderId, refund_id: RefundId, body: ReasonBody, operator: Annotated[Operator, Depends(asking)]
    ) -> StandingView:
        return _view(await desk.try_again(operator, order_id, refund_id, body.reason))

    @router.post("/refunds/{refund_id}/release", operation_id="refunds.release", dependencies=[ASKED_ONCE])
    async def release(
        order_id: OrderId, refund_id: RefundId, body: ReasonBody, operator: Annotated[Operator, Depends(releasing)]
    ) -> StandingView:
        return _view(await desk.release(operator, order_id, refund_id, body.reason))

    @router.post("/refunds/{refund_id}/decline", operation_id="refunds.decline", dependencies=[ASKED_ONCE])
    async def decline(
        order_id: OrderId, refund_id: RefundId, body: ReasonBody, operator: Annotated[Operator, Depends(releasing)]
    ) -> StandingView:
        return _view(await desk.decline(operator, order_id, refund_id, body.reason))

    @router.post("/goodwill", operation_id="refunds.give", dependencies=[ASKED_ONCE])
    async def give(order_id: OrderId, body: GiftBody, operator: Annotated[Operator, Depends(asking)]) -> StandingView:
        return _view(await desk.give(operator, order_id, Gift(body.amount_minor, body.ordinal, body.reason)))

    @router.post("/refunds/{refund_id}/by-hand", operation_id="refunds.by_hand", dependencies=[ASKED_ONCE])
    async def by_hand(
        order_id: OrderId, refund_id: RefundId, body: HandPaymentBody, operator: Annotated[Operator, Depends(asking)]
    ) -> StandingView:
        paid = HandPayment(body.amount_minor, body.way, body.reference, body.reason)
        return _view(await desk.pay_by_hand(operator, order_id, refund_id, paid))

    @router.post("/refunds/{refund_id}/onward", operation_id="refunds.send_on", dependencies=[ASKED_ONCE])
    async def send_on(
        order_id: OrderId, refund_id: RefundId, body: SendOnBody, operator: Annotated[Operator, Depends(asking)]
    ) -> StandingView:
        return _view(await desk.send_on(operator, order_id, refund_id, body.onward))

    _add_verdicts(router, desk, current)
    return router


def _add_verdicts(router: APIRouter, desk: RefundDesk, current: CurrentOperator) -> None:
    """What becomes of money that did not fit its order."""
    judging = permitted(current, Permission.PAYMENT_JUDGE, is_proven=True)

    @router.post("/payments/{payment_id}/verdict", operation_id="payments.judge", dependencies=[ASKED_ONCE])
    async def judge(
        order_id: OrderId, payment_id: PaymentId, body: VerdictBody, operator: Annotated[Operator, Depends(judging)]
    ) -> StandingView:
        return _view(await desk.judge(operator, order_id, payment_id, body.judgement))

    @router.post("/payments/{payment_id}/verdict/agree", operation_id="payments.agree", dependencies=[ASKED_ONCE])
    async def agree(
        order_id: OrderId, payment_id: PaymentId, body: VerdictBody, operator: Annotated[Operator, Depends(judging)]
    ) -> StandingView:
        return _view(await desk.agree(operator, order_id, payment_id, body.judgement))

    @router.post("/payments/{payment_id}/verdict/decline", operation_id="payments.decline", dependencies=[ASKED_ONCE])
    async def decline_verdict(
        order_id: OrderId, payment_id: PaymentId, body: ReasonBody, operator: Annotated[Operator, Depends(judging)]
    ) -> StandingView:
        return _view(await desk.decline_verdict(operator, order_id, payment_id, body.reason))


def _view(purchase: Purchase) -> StandingView:
    return StandingView(id=purchase.order_id, state=purchase.state, version=purchase.version)
