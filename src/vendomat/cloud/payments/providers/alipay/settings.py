"""What an Alipay account needs, read strictly from a plain mapping (the decrypted JSON of a payment account)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from vendomat.cloud.payments.providers.fields import OPEN, OURS, AccountName, Open, Pem, SecretPem
from vendomat.cloud.payments.providers.limits import AGE_S_MAX


class AlipaySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the channel "alipay": in public-key mode with `alipay_public_key`, else with three certificates.

    * `app_id`: the application that asks; `seller_id` (`2088...`): the account the money goes to
    * `private_key`: the application's RSA key, PEM or bare base64; `alipay_public_key`: Alipay's, likewise
    * `app_certificate`, `alipay_certificate`, `alipay_root_certificate`: the three files of certificate mode, PEM
    * `takes_faces`: faces can be charged, through the platform's own devices
    * `gateway_url`: another one for the sandbox or an emulator
    * `bill_url`: the host that gives out bills; one that the gateway's own host names is taken as well
    * `timeout_s`: for one call, all in all
    * `notice_age_s_max`: how old `notify_time` may be; it is the time of sending, made anew for each repetition
    """

    app_id: AccountName
    seller_id: Open
    private_key: SecretPem
    alipay_public_key: Pem = ""
    app_certificate: Pem = ""
    alipay_certificate: Pem = ""
    alipay_root_certificate: Pem = ""
    takes_faces: Annotated[bool, OPEN] = False
    gateway_url: Annotated[str, OURS] = "https://openapi.alipay.com/gateway.do"
    bill_url: Annotated[str, OURS] = "https://dwbillcenter.alipay.com"
    timeout_s: Annotated[float, OURS] = 10.0
    notice_age_s_max: Annotated[int, OURS] = AGE_S_MAX

    def __post_init__(self) -> None:
        certificates = (self.app_certificate, self.alipay_certificate, self.alipay_root_certificate)
        if not (all(certificates) if any(certificates) else self.alipay_public_key):
            raise ValueError("either alipay_public_key is needed, or all three certificates")
        if any(certificates) and self.alipay_public_key:
            raise ValueError("alipay_public_key and certificates are two modes; an account has one")

    @property
    def has_certificates(self) -> bool:
        return bool(self.app_certificate)

    @property
    def identity(self) -> tuple[str, ...]:
        """What a look-up of an open payment is about: under another one, "no such number" proves nothing."""
        return (self.app_id, self.seller_id)

    def __repr__(self) -> str:
        return f"AlipaySettings(app_id={self.app_id!r}, ...)"  # never a key in a log
