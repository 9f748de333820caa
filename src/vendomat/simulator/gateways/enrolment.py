"""Opening an account at the platforms: makes the merchant's keys, registers their public halves, hands over the rest.

The private keys are given out once and kept nowhere here.
"""

from __future__ import annotations

from dataclasses import dataclass

from vendomat.simulator.gateways import keys
from vendomat.simulator.gateways.alipay import AlipayPlatform, Application
from vendomat.simulator.gateways.context import Context
from vendomat.simulator.gateways.stripe import Account, StripePlatform
from vendomat.simulator.gateways.wechat import KeyMode, Merchant, WechatPlatform

SERVICE_CEILING_FEN = 20_000
"""The most that the platform agrees to vouch for in one service order of a new merchant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the platforms listen, as a client writes it. The second one asks for the merchant's certificate."""

    wechat_base_url: str
    wechat_certificate_url: str
    alipay_gateway_url: str
    stripe_base_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WechatAccount:
    """What a merchant's client needs for WeChat Pay. `mode` is `public_key` or `certificate`.

    `ca_certificate_pem` vouches for the server at `certificate_url`.
    """

    base_url: str
    certificate_url: str
    ca_certificate_pem: str
    apiv2_key: str
    mchid: str
    appid: str
    name: str
    mode: str
    merchant_private_key_pem: str
    merchant_certificate_pem: str
    merchant_serial_no: str
    apiv3_key: str
    public_key_id: str
    public_key_pem: str
    platform_certificate_pem: str
    platform_serial_no: str
    service_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlipayAccount:
    """What a merchant's client needs for Alipay."""

    gateway_url: str
    app_id: str
    seller_id: str
    name: str
    app_private_key_pem: str
    app_public_key_pem: str
    alipay_public_key_pem: str
    sign_type: str = "RSA2"
    app_certificate_pem: str = ""  # this and the next two: certificate mode
    alipay_certificate_pem: str = ""
    alipay_root_certificate_pem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeAccount:
    """What a merchant's client needs for Stripe. Where its events go is said separately, as in Stripe's dashboard."""

    base_url: str
    account: str
    name: str
    secret_key: str
    webhook_secret: str


def open_wechat_account(
    platform: WechatPlatform, context: Context, name: str, *, mode: KeyMode, addresses: Addresses
) -> WechatAccount:
    """A new merchant with an opening balance."""
    key, numbers = context.make_key(), context.numbers
    mchid = f"19{numbers.digits(8)}"
    certificate = keys.make_certificate(key, mchid, random_bits=numbers.bits(158), now=context.clock.now())
    merchant = Merchant(
        mchid=mchid,
        appid=f"wx{numbers.hex(16)}",
        name=name,
        serial_no=keys.serial_of(certificate),
        public_key_pem=keys.public_pem(key.public_key()),
        apiv3_key=numbers.text(32),
        mode=mode,
        balance_fen=context.settings.opening_balance_fen,
        apiv2_key=numbers.text(32),
        service_id=f"2002{numbers.digits(28)}",
        service_ceiling_fen=SERVICE_CEILING_FEN,
        certificate_pem=certificate,
        fee_basis_points=context.settings.fee_basis_points,
    )
    platform.register(merchant)
    return WechatAccount(
        base_url=addresses.wechat_base_url,
        certificate_url=addresses.wechat_certificate_url,
        ca_certificate_pem=platform.door.certificate_pem,
        apiv2_key=merchant.apiv2_key,
        mchid=mchid,
        appid=merchant.appid,
        name=name,
        mode=mode.value,
        merchant_private_key_pem=keys.private_pem(key),
        merchant_certificate_pem=certificate,
        merchant_serial_no=merchant.serial_no,
        apiv3_key=merchant.apiv3_key,
        public_key_id=platform.seals.public_key_id,
        public_key_pem=platform.seals.public_key_pem,
        platform_certificate_pem=platform.seals.certificate_pem,
        platform_serial_no=platform.seals.certificate_serial,
        service_id=merchant.service_id,
    )


def open_alipay_account(
    platform: AlipayPlatform, context: Context, name: str, *, gateway_url: str, has_certificates: bool = False
) -> AlipayAccount:
    """A new application with an opening balance, in certificate mode if asked for."""
    key, numbers = context.make_key(), context.numbers
    authority = platform.seals.authority
    app_id = f"2021{numbers.digits(12)}"
    application = Application(
        app_id=app_id,
        certificate_pem=authority.certify(key.public_key(), app_id) if has_certificates else "",
        seller_id=f"2088{numbers.digits(12)}",
        name=name,
        public_key_pem=keys.public_pem(key.public_key()),
        balance_fen=context.settings.opening_balance_fen,
        fee_basis_points=context.settings.fee_basis_points,
    )
    platform.register(application)
    return AlipayAccount(
        gateway_url=gateway_url,
        app_id=application.app_id,
        seller_id=application.seller_id,
        name=name,
        app_private_key_pem=keys.private_pem(key),
        app_public_key_pem=application.public_key_pem,
        alipay_public_key_pem=platform.seals.public_key_pem,
        app_certificate_pem=application.certificate_pem,
        alipay_certificate_pem=authority.file if has_certificates else "",
        alipay_root_certificate_pem=authority.root_file if has_certificates else "",
    )


def open_stripe_account(platform: StripePlatform, context: Context, name: str, *, base_url: str) -> StripeAccount:
    """A new account in test mode with an opening balance."""
    numbers = context.numbers
    account = Account(
        account=f"acct_1{numbers.text(15)}",
        name=name,
        secret_key=f"sk_test_{numbers.text(32)}",
        webhook_secrets=(f"whsec_{numbers.text(32)}",),
        balance_fen=context.settings.opening_balance_fen,
    )
    platform.register(account)
    return StripeAccount(
        base_url=base_url,
        account=account.account,
        name=name,
        secret_key=account.secret_key,
        webhook_secret=account.webhook_secrets[0],
    )
