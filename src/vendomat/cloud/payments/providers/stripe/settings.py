"""What a Stripe account needs, read strictly from a plain mapping (the decrypted JSON of a payment account)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from vendomat.cloud.payments.providers.fields import OPEN, OURS, SECRETS, AccountName, Open, Secret
from vendomat.cloud.payments.providers.limits import AGE_S_MAX


class StripeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the channel "stripe".

    * `account` (`acct_...`): where the money goes
    * `secret_key`: `sk_live_...`, or `rk_live_...` (restricted: products, checkout sessions and refunds to write,
      payment intents and charges to read); `..._test_...` for test mode
    * `webhook_secrets` (`whsec_...`): of the endpoint that is this channel's notify address; two while one is rolled.
      The endpoint is made in Stripe's dashboard for `checkout.session.completed`,
      `checkout.session.async_payment_succeeded`, `refund.updated` and `refund.failed`, and where money is taken after
      the goods for `payment_intent.amount_capturable_updated`, `payment_intent.succeeded` and
      `payment_intent.canceled`, too
    * `is_taken_after_goods`: a buyer's money is held first, and what was delivered is taken then. The key needs payment
      intents to write. A payment keeps the way it began with
    * `return_url`: the page a buyer's phone ends on after paying; Stripe wants one
    * `payment_method_types`: what the checkout page offers, in Stripe's names
    * `base_url`: another one for an emulator
    * `timeout_s`: for one call, all in all
    * `notice_age_s_max`: how old a notice's time stamp may be; it is made anew for each repetition
    """

    account: AccountName
    secret_key: Secret
    webhook_secrets: Annotated[tuple[str, ...], SECRETS]
    return_url: Open
    payment_method_types: Annotated[tuple[str, ...], OPEN] = ("card",)
    is_taken_after_goods: Annotated[bool, OPEN] = False
    base_url: Annotated[str, OURS] = "https://api.stripe.com"
    timeout_s: Annotated[float, OURS] = 10.0
    notice_age_s_max: Annotated[int, OURS] = AGE_S_MAX

    @property
    def is_live(self) -> bool:
        return "_live_" in self.secret_key[:8]

    @property
    def identity(self) -> tuple[str, ...]:
        """What a look-up of an open payment is about: under another one, "no such number" proves nothing."""
        return (self.account, "live" if self.is_live else "test")

    def __repr__(self) -> str:
        return f"StripeSettings(account={self.account!r}, ...)"  # never a key in a log
