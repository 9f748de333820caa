"""What an Alipay account needs, read strictly from a plain mapping (the decrypted JSON of a payment account)."""

from __future__ import annotations

import msgspec

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

    app_id: str
    seller_id: str
    private_key: str
    alipay_public_key: str = ""
    app_certificate: str = ""
    alipay_certificate: str = ""
    alipay_root_certificate: str = ""
    takes_faces: bool = False
    gateway_url: str = "https://openapi.alipay.com/gateway.do"
    bill_url: str = "https://dwbillcenter.alipay.com"
    timeout_s: float = 10.0
    notice_age_s_max: int = AGE_S_MAX

    def __post_init__(self) -> None:
        certificates = (self.app_certificate, self.alipay_certificate, self.alipay_root_certificate)
        if not (all(certificates) if any(certificates) else self.alipay_public_key):
            raise ValueError("either alipay_public_key is needed, or all three certificates")
        if any(certificates) and self.alipay_public_key:
            raise ValueError("alipay_public_key and certificates are two modes; an account has one")

    @property
    def has_certificates(self) -> bool:
        return bool(self.app_certificate)

    def __repr__(self) -> str:
        return f"AlipaySettings(app_id={self.app_id!r}, ...)"  # never a key in a log
