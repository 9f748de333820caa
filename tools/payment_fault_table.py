"""The failures of payments by number: what goes wrong, and what must come of it. Data for `draw_faults.py` and for the
tests, which run each case against every platform that is not in `NOT_AT`.

`PAYMENT_UNTESTED` gives the reason for each number that no test carries; a number with neither breaks the build.
"""

from __future__ import annotations

PROVIDERS = {"wechat": "WeChat Pay", "alipay": "Alipay", "stripe": "Stripe"}

PAYMENT_FAULTS: dict[str, list[tuple[str, str, str]]] = {
    "Notices": [
        ("PF01", "a notice comes twice or more often", "every copy is answered well; one payment, one command"),
        ("PF02", "a notice comes hours late", "asking has found the payment long before; if not, the money goes back"),
        ("PF03", "notices come out of order", "what is known never goes back: a refund means paid, paid stays paid"),
        ("PF04", "a notice never comes", "asked from 3 s after the order on, every 3 s while its code lives"),
        (
            "PF05",
            "a notice is forged, a signature probe, too old, or another account's",
            "refused and counted, nothing changes; the true one still counts",
        ),
        (
            "PF08",
            "a notice of a number that we never gave",
            "answered well and kept for a person; the bill brings it into suspense",
        ),
    ],
    "Money that does not fit": [
        ("PF06", "paid after the order was closed or had expired", "never vends; all of it goes back by itself"),
        ("PF07", "the amount is not the order's", "no vend, no refund by itself: frozen, an alarm, people decide"),
        (
            "PF13",
            "closed by us, and the platform says paid",
            "not closed: in time it buys as usual, afterwards it goes back",
        ),
        ("PF14", "two codes of one order are paid", "the first to be confirmed buys; the second goes back in full"),
    ],
    "Calls without an answer": [
        (
            "PF11",
            "the call that makes the code has no answer",
            "the same number again, and asked; never a second number",
        ),
        ("PF12", "asking has no answer, or the number is not known yet", "not known: asked again, nothing ends"),
        (
            "PF22",
            "a shown code or a face: not known whether it is paid",
            "asked, then reversed until answered; no vend",
        ),
        ("PF24", "our worker dies between the call and its commit", "the next one finds every open row and asks"),
        (
            "PF25",
            "the platform is overloaded or away",
            "the same request again (WeChat Pay: at its standby host too); off the screens, the others sell on",
        ),
        ("PF26", "the platform changes its keys; two are in force", "both are believed, a strange one is looked up"),
    ],
    "Goods": [
        ("PF09", "the machine is gone when the money comes", "fenced, and all of it goes back after the deadline"),
        ("PF10", "the machine restarts in the middle of a vend", "no second vend; money back, booked as ambiguous"),
        ("PF21", "some of several items come out", "one refund of exactly the rest, once every item's end is known"),
        (
            "PF23",
            "an open-door cooler: the buyer is refused, the door stays open, the deduction hangs",
            "no door without leave to deduct; what is taken is a debt until it is paid",
        ),
    ],
    "Refunds": [
        ("PF15", "accepted, but not through yet", "on its way, and the buyer is told so; asked until it is through"),
        ("PF16", "the call for a refund has no answer", "asked first; the same row and number again: paid back once"),
        ("PF17", "our account is too empty", "an alarm at once; the same number again, until it has been filled"),
        ("PF18", "the platform gives a refund up", "the debt stays; a person lets the next number go"),
        (
            "PF19",
            "the buyer's card cannot take it",
            "the debt and an alarm stay; people send it on to another card, or to us, or pay by hand",
        ),
        ("PF20", "the platform will never pay it back", "asked for no more; the debt stays until it is paid by hand"),
    ],
}

NOT_AT: dict[str, dict[str, str]] = {
    "PF18": {
        "alipay": "a refund that failed there is as if never asked for, and its own number may be asked for again"
    },
    "PF19": {
        "alipay": "a refund that failed there is as if never asked for",
        "stripe": "a refund that its bank sent back is a failed one: PF18",
    },
    "PF20": {
        "stripe": "no payment there becomes too old, and no account is said to be gone: a refund fails later, as PF18"
    },
    "PF22": {"stripe": "no code of a buyer's is charged there"},
    "PF23": {
        "alipay": "its orders on trust are not spoken here",
        "stripe": "it vouches for no buyer before the goods are taken",
    },
}
"""By number and platform, why the case does not exist there."""

PAYMENT_UNTESTED: dict[str, str] = {}


def providers_of(number: str) -> list[str]:
    """The channels at which case `number` exists."""
    return [channel for channel in PROVIDERS if channel not in NOT_AT.get(number, {})]
