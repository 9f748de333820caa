"""What `vendomat emulate` says when it listens: where, with which keys, and how to go on. Texts only."""

from __future__ import annotations

from dataclasses import asdict

import msgspec

from vendomat.simulator.gateways.enrolment import AlipayAccount, StripeAccount, WechatAccount

Account = WechatAccount | AlipayAccount | StripeAccount

_FIRST_CALLS = {
    "wechat": "POST /v3/pay/transactions/native, signed with merchant_private_key_pem (WECHATPAY2-SHA256-RSA2048)",
    "alipay": "method=alipay.trade.precreate, signed with app_private_key_pem (RSA2)",
    "stripe": "POST /v1/checkout/sessions with `Authorization: Bearer <secret_key>`",
}


def address_of(account: Account) -> str:
    """Where the account's calls go instead of to the platform."""
    return account.gateway_url if isinstance(account, AlipayAccount) else account.base_url


def guide(platform: str, account: Account | None, control_url: str) -> str:
    """The account as JSON and how to use it, in five lines. None: accounts of a former run are there already."""
    if account is None:
        return f"The accounts of before go on; their keys were given out then. Open another one at {control_url}/\n"
    keys = msgspec.json.format(msgspec.json.encode(asdict(account)), indent=2).decode()
    lines = (
        f"Send your calls to {address_of(account)} instead of the platform, with the keys above.",
        f"Place an order: {_FIRST_CALLS[platform]}.",
        f"Pay it as the buyer: {address_of(account).split('/gateway.do')[0]}/wallet",
        f"Order faults, move the clock, send notices, change bills: {control_url}/",
        f"The same by program: JSON under {control_url}/control/, as in `curl {control_url}/control/{platform}/books`.",
    )
    how = "\n".join(f"{number}. {line}" for number, line in enumerate(lines, start=1))
    return f"{keys}\n\nNo money is moved anywhere. How to use it:\n{how}\n"
