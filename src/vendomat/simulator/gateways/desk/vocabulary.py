"""The words the control API takes, for the page's lists: made from the code, so that no page has to be kept up."""

from __future__ import annotations

from vendomat.simulator.gateways import alipay, stripe, wechat
from vendomat.simulator.gateways.daily_bills import BillDifference, DailyBillKind
from vendomat.simulator.gateways.faults import CallFault, NoticeFault
from vendomat.simulator.gateways.notices import Guise
from vendomat.simulator.gateways.wallet import BUYERS


def vocabulary() -> dict[str, object]:
    """Lists of words by what they are for."""
    platforms = {"wechat": wechat, "alipay": alipay, "stripe": stripe}
    return {
        "call_faults": list(CallFault),
        "notice_faults": list(NoticeFault),
        "guises": list(Guise),
        "verbs": {name: platform.CALLS for name, platform in platforms.items()},
        "outcomes": {name: platform.REFUND_ENDS for name, platform in platforms.items()},
        "differences": list(BillDifference),
        "bill_kinds": list(DailyBillKind),
        "buyers": {
            payer: {language.value: name for language, name in names.items()} for payer, names in BUYERS.items()
        },
    }
