"""What a cart costs by how it is paid: a promotion may ask for a way to pay, or for a member's tier. Pure.

The first price is the one that counts however the buyer pays. A way to pay, or a tier, lets more promotions count and
takes none away, so it can only lower that price (engine.py: one more promotion never raises a total). Ways that lower
nothing are not told. Refuses to know who the buyer is: a tier counts when its member's code pays, at `tier_channel`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vendomat.pricing.engine import quote
from vendomat.pricing.model import Moment, PricedLine, Quote
from vendomat.pricing.promotion import Offer


@dataclass(frozen=True, slots=True)
class Fare:
    """What the cart costs when it is paid on `channel` by a member of `tier`; "" is any."""

    quote: Quote
    channel: str = ""
    tier: str = ""

    def fits(self, channel: str, tier: str) -> bool:
        """Whether who pays so has this price."""
        return self.channel in ("", channel) and self.tier in ("", tier)


def fares(
    lines: Sequence[PricedLine], moment: Moment, offers: Sequence[Offer], *, tier_channel: str = ""
) -> tuple[Fare, ...]:
    """The price of `lines` however they are paid, then each lower one that `offers` ask a way to pay or a tier for.

    Without a `tier_channel` no tier is priced. Raises as `quote`.
    """
    promotions = [offer.promotion for offer in offers]
    ways = [(channel, "") for channel in sorted({channel for one in promotions for channel in one.channels})]
    if tier_channel:
        ways += [(tier_channel, tier) for tier in sorted({tier for one in promotions for tier in one.tiers})]
    found = [Fare(quote(lines, replace(moment, channel="", tier=""), offers))]
    for channel, tier in ways:
        priced = quote(lines, replace(moment, channel=channel, tier=tier), offers)
        if priced.total_minor < fare_of(found, channel).quote.total_minor:
            found.append(Fare(priced, channel, tier))
    return tuple(found)


def fare_of(told: Sequence[Fare], channel: str, tier: str = "") -> Fare:
    """The least of what `fares` told for who pays so."""
    return min((fare for fare in told if fare.fits(channel, tier)), key=lambda fare: fare.quote.total_minor)
