"""What a WeChat Pay account needs, read strictly from a plain mapping (the decrypted JSON of a payment account)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from vendomat.cloud.payments.providers.fields import OPEN, OURS, PEMS, AccountName, Open, Pem, Secret, SecretPem


class WeChatSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the channel "wechat".

    * `mchid`, `appid`: the merchant and the application the money goes to
    * `private_key`: PEM of the merchant's API key; `serial_no`: serial of its certificate, hex
    * `apiv3_key`: 32 characters; decrypts notices and platform certificates
    * `public_key_id` (`PUB_KEY_ID_...`) and `public_key` (PEM): public-key mode, the recommended one
    * `platform_certificates`: PEM texts, known beforehand. Without a public key they are fetched and renewed from the
      platform (certificate mode); with one, a certificate that nobody told us of is fetched when something is signed
      by it, which happens while a merchant moves from the one to the other
    * `payer_client_ip`: this cloud's public address; with it the machine is named to the platform as the device
    * `base_url`: the platform's host; another one for an emulator. `standby_url`: the host that is asked when the first
      does not answer; the platform's own second host unless `base_url` is another than its first
    * `apiv2_key` (32 characters) and `certificate` (the merchant's, PEM, for `private_key`): with both, codes that
      buyers show can be charged; `v2_sign_type` signs those calls
    * `code_pay`: by which version payment codes are charged; `v3` needs neither of the two, and is not given to every
      merchant. `store_id`: the store the platform knows these machines under, for v3
    * `takes_faces`: faces can be charged, through the platform's own devices; needs the two of v2. `face_url`: the host
      that gives these devices their tokens
    * `service_id`: the service the platform has agreed on for goods that are paid after they were taken
    * `shares_profit`: the account may share the money of its payments with others
    * `certificate_url`: the host that asks for the certificate, if it is not `base_url`; `ca_certificate`: PEM of who
      vouches for it, if it is nobody the system knows
    * `timeout_s`: for one call, all in all
    """

    mchid: AccountName
    appid: Open
    private_key: SecretPem
    serial_no: Open
    apiv3_key: Secret
    public_key_id: Open = ""
    public_key: Pem = ""
    platform_certificates: Annotated[tuple[str, ...], PEMS] = ()
    payer_client_ip: Annotated[str, OURS] = ""
    apiv2_key: Secret = ""
    certificate: Pem = ""
    v2_sign_type: Annotated[Literal["HMAC-SHA256", "MD5"], OPEN] = "HMAC-SHA256"
    code_pay: Annotated[Literal["v2", "v3"], OPEN] = "v2"
    store_id: Open = ""
    takes_faces: Annotated[bool, OPEN] = False
    face_url: Annotated[str, OURS] = "https://payapp.weixin.qq.com"
    service_id: Open = ""
    shares_profit: Annotated[bool, OPEN] = False
    certificate_url: Annotated[str, OURS] = ""
    ca_certificate: Annotated[str, OURS] = ""
    base_url: Annotated[str, OURS] = "https://api.mch.weixin.qq.com"
    standby_url: Annotated[str, OURS] = ""
    timeout_s: Annotated[float, OURS] = 10.0

    @property
    def identity(self) -> tuple[str, ...]:
        """What a look-up of an open payment is about: under another one, "no such number" proves nothing."""
        return (self.mchid, self.appid)

    def __repr__(self) -> str:
        return f"WeChatSettings(mchid={self.mchid!r}, ...)"  # never a key in a log
