"""Settings of the payment-platform emulators: ports, the platforms' own times, and what a test may shorten.

The defaults are the platforms' documented values; nothing here weakens a signature check.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """Ports of 0 mean "any free one". Without `data_dir` the books live in memory and end with the process."""

    data_dir: Path | None = None
    host: str = "127.0.0.1"
    wechat_port: int = 0
    wechat_tls_port: int = 0
    alipay_port: int = 0
    stripe_port: int = 0
    control_port: int = 0

    opening_balance_fen: int = 100_000
    fee_basis_points: int = 60
    """What a platform keeps of a payment of a new account, in hundredths of a percent."""
    wechat_bill_token_life_s: float = 300.0
    alipay_bill_token_life_s: float = 30.0
    notice_first_delay_s: float = 0.5
    notice_timeout_s: float = 5.0
    refund_delay_s: float = 2.0
    alipay_refund_delay_s: float = 0.0
    timeout_hold_s: float = 30.0
    """How long a call under a time-out fault is left without an answer before its connection is dropped."""

    order_life_min_s: float = 60.0
    """WeChat raises a shorter `time_expire` to this."""
    code_life_s: float = 7_200.0
    wechat_face_token_life_s: float = 3_600.0
    wechat_sharing_delay_s: float = 2.0
    wechat_collection_delay_s: float = 2.0
    """When a completed service order is first collected, and how long after a vain try it is tried again."""
    wechat_collection_retry_s: float = 21_600.0
    wechat_page_life_s: float = 300.0
    """How long the address of a page for a phone's browser can be opened."""
    partial_refund_gap_s: float = 60.0
    """WeChat refuses a second refund number of one order within this time."""
    wechat_limits_calls: bool = True
    """Whether more refund calls in a second than WeChat allows are refused. Not for a clock that stands still."""
    alipay_minute_s: float = 60.0
    """How long Alipay's unit `m` lasts, so that a test may expire `1m` in a second."""
    alipay_cancel_voids_unscanned: bool = False
    """Whether cancel ends a code nobody scanned. The documents are silent; the safe reading is that it does not."""

    def without_delays(self) -> GatewaySettings:
        """The same wire with no artificial waiting and no limits on calls, for benchmarks."""
        fast = replace(self, notice_first_delay_s=0.0, refund_delay_s=0.0, alipay_refund_delay_s=0.0)
        return replace(fast, wechat_limits_calls=False)
