"""EMVCo merchant-presented QR codes: the text of a static code on a machine, read and written. Pure.

It lives in `payments` because such a code starts a payment and nothing else; it is no channel and no provider, since it
neither confirms nor refunds anything. What is scanned is believed only when a provider's own look-up says so.
"""

from vendomat.cloud.payments.emvco.label import MachineLabel, label_code
from vendomat.cloud.payments.emvco.model import (
    CURRENCY_NUMBERS,
    MerchantAccount,
    MerchantCode,
    decode_merchant_code,
    encode_merchant_code,
)
from vendomat.cloud.payments.emvco.wire import Field

__all__ = [
    "CURRENCY_NUMBERS",
    "Field",
    "MachineLabel",
    "MerchantAccount",
    "MerchantCode",
    "decode_merchant_code",
    "encode_merchant_code",
    "label_code",
]
