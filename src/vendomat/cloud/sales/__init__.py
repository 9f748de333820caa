"""Sales: the one place where an order, its payments, stock, ledger and commands move together."""

from vendomat.cloud.sales import desk_model, model
from vendomat.cloud.sales.api import UpMessages, notice_router
from vendomat.cloud.sales.caps import RefundCaps, payers_key
from vendomat.cloud.sales.cash import CashPiece
from vendomat.cloud.sales.charges import Charges
from vendomat.cloud.sales.command_model import Need, need_of
from vendomat.cloud.sales.coupon_desk import CouponDesk
from vendomat.cloud.sales.dispatcher import Dispatcher
from vendomat.cloud.sales.facts import FactTaker, cash_word, vend_event
from vendomat.cloud.sales.goods_api import goods_router
from vendomat.cloud.sales.goods_desk import GoodsDesk
from vendomat.cloud.sales.member_api import member_router, member_throttle
from vendomat.cloud.sales.model import (
    CloseAsked,
    CommandSilent,
    DeadlinePassed,
    PaymentPaid,
    PaymentUncertain,
    VendFactSeen,
    VendSaid,
)
from vendomat.cloud.sales.new_order import NewOrder
from vendomat.cloud.sales.payout_api import wallet_payouts_router
from vendomat.cloud.sales.presence import Presence
from vendomat.cloud.sales.reach import Reach
from vendomat.cloud.sales.redeem import Redeemer
from vendomat.cloud.sales.refund_api import refunds_router
from vendomat.cloud.sales.refund_desk import Gift, HandPayment, Judgement, Onward, RefundDesk
from vendomat.cloud.sales.service import SalesDesk
from vendomat.cloud.sales.standing import StandingAlarms
from vendomat.cloud.sales.status import buyers_key
from vendomat.cloud.sales.steps import step
from vendomat.cloud.sales.tasks import Sweeps
from vendomat.cloud.sales.till import Till
from vendomat.cloud.sales.top_ups import TopUpRequest, TopUps
from vendomat.cloud.sales.use_cases import Applied, EventFor, VendApplied, VendItem, apply_vend_facts, fact_conflict
from vendomat.cloud.sales.wallet_payments import WalletPayments
from vendomat.cloud.sales.wallet_payouts import PayoutWish, WalletPayouts
from vendomat.cloud.sales.writer import WatchBatches, Writer

__all__ = [
    "Applied",
    "CashPiece",
    "Charges",
    "CloseAsked",
    "CommandSilent",
    "CouponDesk",
    "DeadlinePassed",
    "Dispatcher",
    "EventFor",
    "FactTaker",
    "Gift",
    "GoodsDesk",
    "HandPayment",
    "Judgement",
    "Need",
    "NewOrder",
    "Onward",
    "PaymentPaid",
    "PaymentUncertain",
    "PayoutWish",
    "Presence",
    "Reach",
    "Redeemer",
    "RefundCaps",
    "RefundDesk",
    "SalesDesk",
    "StandingAlarms",
    "Sweeps",
    "Till",
    "TopUpRequest",
    "TopUps",
    "UpMessages",
    "VendApplied",
    "VendFactSeen",
    "VendItem",
    "VendSaid",
    "WalletPayments",
    "WalletPayouts",
    "WatchBatches",
    "Writer",
    "apply_vend_facts",
    "buyers_key",
    "cash_word",
    "desk_model",
    "fact_conflict",
    "goods_router",
    "member_router",
    "member_throttle",
    "model",
    "need_of",
    "notice_router",
    "payers_key",
    "refunds_router",
    "step",
    "vend_event",
    "wallet_payouts_router",
]
