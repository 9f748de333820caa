"""The code on a machine's label: a static EMVCo code made of what an operator knows about the machine. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from vendomat.cloud.payments.emvco.model import ACCOUNT_TEMPLATES, CURRENCY_NUMBERS, MerchantCode
from vendomat.cloud.payments.emvco.wire import Field, refusal, write_fields
from vendomat.kernel import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineLabel:
    """What a label says.

    * `account_id` 26 to 51, `scheme` (as `sg.paynow`) and `account` (the scheme's own fields): where the money goes
    * `name` of the merchant (at most 25 characters) and `city` (15), ASCII; `country` in two letters
    * `category`: 5814 for food and drink, 5999 for anything else
    * `machine`: what a buyer can read on the cabinet; becomes the terminal label
    * `amount`: only for a machine where everything costs the same; it must be of `currency`
    """

    scheme: str
    account: tuple[Field, ...]
    name: str
    city: str
    country: str
    currency: str
    machine: str
    category: str = "5814"
    account_id: str = "26"
    amount: Money | None = None


def label_code(label: MachineLabel) -> MerchantCode:
    """The static code of `label`. Raises `VendomatError` naming the field that cannot be written."""
    if label.account_id not in ACCOUNT_TEMPLATES:
        raise refusal(label.account_id, 0, "an account stands in a field from 26 to 51")
    if label.currency not in CURRENCY_NUMBERS:
        raise refusal("53", 0, f"{label.currency!r} is not a currency we know")
    if label.amount is not None and label.amount.currency != label.currency:
        raise refusal("54", 0, f"{label.amount} is not in {label.currency}")
    if label.amount is not None and label.amount.minor_units < 1:
        raise refusal("54", 0, f"{label.amount} cannot be asked for")
    amount = [Field("54", label.amount.to_decimal_text())] if label.amount is not None else []
    return MerchantCode(
        (
            Field("00", "01"),
            Field("01", "11"),
            Field(label.account_id, write_fields((Field("00", label.scheme), *label.account))),
            Field("52", label.category),
            Field("53", CURRENCY_NUMBERS[label.currency]),
            *amount,
            Field("58", label.country),
            Field("59", label.name),
            Field("60", label.city),
            Field("62", write_fields((Field("07", label.machine),))),
        )
    )
