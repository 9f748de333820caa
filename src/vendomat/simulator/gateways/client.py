"""A client of the control port, for the demo, for worlds and for tests that run the emulators as a process."""

from __future__ import annotations

from datetime import date
from typing import Any

import httpx

from vendomat.kernel import ErrorCode, VendomatError
from vendomat.simulator.gateways.daily_bills import BillDifference
from vendomat.simulator.gateways.faults import CallFault, NoticeFault


class GatewayControl:
    """`control_url` is the control port's, as `http://127.0.0.1:PORT`. `platform` is `wechat`, `alipay` or `stripe`.

    A refusal raises `VendomatError` (CONFLICT when the buyer may not pay); silence raises `VendomatError(UNAVAILABLE)`,
    and whether it happened is then not known.
    """

    def __init__(self, control_url: str) -> None:
        self._client = httpx.AsyncClient(base_url=control_url, trust_env=False, timeout=10.0)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def health(self) -> dict[str, Any]:
        return dict(await self._call("GET", "health"))

    async def open_accounts(self, name: str, *, mode: str = "public_key") -> dict[str, dict[str, Any]]:
        """A merchant on all platforms: by platform, as `WechatAccount`, `AlipayAccount`, `StripeAccount`."""
        return dict(await self._call("POST", "merchants", {"name": name, "mode": mode}))

    async def set_stripe_webhook(self, account: str, url: str) -> None:
        """Where Stripe sends the account's events, which its requests do not say."""
        await self._call("POST", "stripe/webhook", {"account": account, "url": url})

    async def clock(self) -> dict[str, Any]:
        """`now`, and by how much the platforms are `ahead_s` of the machine."""
        return dict(await self._call("GET", "clock"))

    async def advance(self, *, days: float = 0.0, hours: float = 0.0, seconds: float = 0.0) -> dict[str, Any]:
        """Move the platforms' clock ahead; what becomes due on the way has happened when this returns."""
        journey = {"days": days, "hours": hours, "seconds": seconds}
        return dict(await self._call("POST", "clock/advance", journey, timeout_s=600.0))

    async def set_portal_refund_url(self, account: str, url: str) -> None:
        """WeChat: where refunds without an address of their own are told, as XML."""
        await self._call("POST", "wechat/portal-refund-url", {"account": account, "url": url})

    async def codes(self, platform: str) -> list[dict[str, Any]]:
        """The codes a buyer can pay now, newest first."""
        return list(await self._call("GET", f"{platform}/codes"))

    async def scan(self, platform: str, *, code: str = "", number: str = "", payer: str = "buyer-1") -> dict[str, Any]:
        return dict(await self._call("POST", f"{platform}/scan", {"code": code, "number": number, "payer": payer}))

    async def refuse(
        self, platform: str, *, code: str = "", number: str = "", payer: str = "buyer-1"
    ) -> dict[str, Any]:
        return dict(await self._call("POST", f"{platform}/refuse", {"code": code, "number": number, "payer": payer}))

    async def pay(
        self,
        platform: str,
        *,
        code: str = "",
        number: str = "",
        payer: str = "buyer-1",
        late: bool = False,
        lose_network: bool = False,
    ) -> dict[str, Any]:
        """Pay a code, or the newest code of an order number. `lose_network`: money taken, notice never sent."""
        deed = {"code": code, "number": number, "payer": payer, "late": late, "lose_network": lose_network}
        return dict(await self._call("POST", f"{platform}/pay", deed))

    async def mistype_password(self, platform: str, *, number: str, payer: str = "buyer-1") -> None:
        """`payer` opens the newest code of an order number and gives a wrong password: always a CONFLICT."""
        await self._call("POST", f"{platform}/pay", {"number": number, "payer": payer, "wrong_password": True})

    async def payment_code(self, platform: str, payer: str = "buyer-1") -> str:
        """The payment code that `payer`'s wallet shows now, good for one charge."""
        return str((await self._call("POST", f"{platform}/payment-code", {"payer": payer}))["code"])

    async def set_habits(self, platform: str, payer: str = "buyer-1", **habits: int | bool) -> None:
        """How `payer`'s wallet takes charges from now on; see `Habits`."""
        await self._call("POST", f"{platform}/habits", {"payer": payer, **habits})

    async def confirm(self, platform: str, number: str, payer: str = "buyer-1") -> dict[str, Any]:
        """The right password for a charge that waits for it."""
        return dict(await self._call("POST", f"{platform}/confirm", {"number": number, "payer": payer}))

    async def decline(self, platform: str, number: str, payer: str = "buyer-1") -> dict[str, Any]:
        return dict(await self._call("POST", f"{platform}/decline", {"number": number, "payer": payer}))

    async def books(self, platform: str) -> dict[str, Any]:
        """The platform's own books: `accounts`, `trades`, `refunds`."""
        return dict(await self._call("GET", f"{platform}/books"))

    async def notices(self, platform: str) -> list[dict[str, Any]]:
        return list(await self._call("GET", f"{platform}/notices"))

    async def set_balance(self, platform: str, account: str, balance_fen: int) -> None:
        await self._call("POST", f"{platform}/balance", {"account": account, "balance_fen": balance_fen})

    async def set_fee(self, platform: str, account: str, basis_points: int) -> None:
        """What the platform keeps of payments from now on, in hundredths of a percent."""
        await self._call("POST", f"{platform}/fee", {"account": account, "basis_points": basis_points})

    async def change_bill(
        self, platform: str, difference: BillDifference, account: str, day: date, **more: str | float
    ) -> None:
        """Make the bill of `day` differ from the books; `more` as in `BillChange`."""
        change = {"difference": difference.value, "account": account, "day": day.isoformat(), **more}
        await self._call("POST", f"{platform}/bills/changes", change)

    async def clear_bill_changes(self, platform: str) -> None:
        await self._call("DELETE", f"{platform}/bills/changes")

    async def settle_next_refunds_as(self, platform: str, outcome: str, count: int = 1) -> None:
        """WeChat: SUCCESS, CLOSED, ABNORMAL. Alipay: SUCCESS, FAILED. Stripe: its refunds' words."""
        await self._call("POST", f"{platform}/refunds/outcome", {"outcome": outcome, "count": count})

    async def add_call_fault(self, fault: CallFault, **rule: str | int) -> None:
        """`platform`, `verb`, `number`, `count` narrow the rule; see `FaultRule`."""
        await self._call("POST", "faults/calls", {"fault": fault.value, **rule})

    async def add_notice_fault(self, fault: NoticeFault, **rule: str | float) -> None:
        """As `add_call_fault`, with `delay_s` for a delay."""
        await self._call("POST", "faults/notices", {"fault": fault.value, **rule})

    async def clear_faults(self) -> None:
        await self._call("DELETE", "faults")

    async def forge_notice(self, platform: str, number: str) -> str:
        """Send a forged payment notice for an unpaid order; what the merchant answered."""
        answer = await self._call("POST", f"{platform}/notices/forge", {"number": number})
        return str(answer["answer"])

    async def resend_notice(self, platform: str, notice_id: str, guise: str = "genuine") -> str:
        """Send a notice once more, outside its schedule; what the merchant answered."""
        again = {"notice_id": notice_id, "guise": guise}
        return str((await self._call("POST", f"{platform}/notices/resend", again))["answer"])

    async def rotate_wechat_certificate(self, percent: int = 100) -> str:
        """A new certificate beside the last one, signing `percent` of what certificates sign; its serial."""
        return str((await self._call("POST", "wechat/keys/rotate", {"percent": percent}))["serial_no"])

    async def move_to_public_key(self, account: str, percent: int) -> None:
        """`account` moves from certificates to the public key, which signs `percent` from now on."""
        await self._call("POST", "wechat/keys/move", {"account": account, "percent": percent})

    async def wechat_openid(self, account: str, payer: str = "buyer-1") -> str:
        """What a page inside the wallet learns of `payer`."""
        return str((await self._call("POST", "wechat/openid", {"account": account, "payer": payer}))["openid"])

    async def open_page(self, parameters: dict[str, str], payer: str = "buyer-1") -> dict[str, Any]:
        """A page inside `payer`'s wallet hands `parameters` over; the code to pay is in the answer."""
        return dict(await self._call("POST", "wechat/page", {"parameters": parameters, "payer": payer}))

    async def look_at_device(self, token: str, payer: str = "buyer-1") -> dict[str, str]:
        """`payer` looks at a face device that was given `token`: `face_code` and `openid`."""
        return dict(await self._call("POST", "wechat/face", {"token": token, "payer": payer}))

    async def agree_to_service(self, number: str, payer: str = "buyer-1") -> None:
        """`payer` agrees to a service order: the door may open."""
        await self._call("POST", "wechat/services/agree", {"number": number, "payer": payer})

    async def _call(self, method: str, path: str, body: object = None, *, timeout_s: float = 10.0) -> Any:
        try:
            answer = await self._client.request(method, f"/control/{path}", json=body, timeout=timeout_s)
        except httpx.HTTPError as error:
            raise VendomatError(
                ErrorCode.UNAVAILABLE, f"the control port does not answer {path}; it may have been done"
            ) from error
        if answer.status_code == 200:
            return answer.json()
        said = answer.json()
        code = ErrorCode.CONFLICT if answer.status_code == 409 else ErrorCode.MALFORMED
        raise VendomatError(code, f"the control port refused {path}: {said}; no money moved", said=said)
