"""A cloud worker for the recovery benchmark: the real one, on a payment platform with a fixed latency and parallelism.

The platform is a stub of this process: it knows every number, takes every close and every refund, and lets so many
calls through at once. Not reachable from any production entry.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from vendomat.cloud.app import run_cloud
from vendomat.cloud.payments import (
    CallThreads,
    Cancelled,
    CancelState,
    Notice,
    NoticeAnswer,
    NoticeRefusedError,
    Provider,
    Refunded,
    RefundRequest,
    RefundState,
    Started,
    StartRequest,
    StartState,
    TakesNoCodes,
    Trade,
    TradeState,
)
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.kernel import Clock

LATENCY = "VENDOMAT_BENCH_PLATFORM_LATENCY_S"
AT_ONCE = "VENDOMAT_BENCH_PLATFORM_AT_ONCE"


class StubPlatform(TakesNoCodes):
    """One account; `latency_s` for each call, `at_once` of them side by side."""

    channel = "wechat"

    def __init__(self, account: str, *, latency_s: float, at_once: int) -> None:
        self.account = account
        self._latency_s = latency_s
        self._places = asyncio.Semaphore(at_once)

    async def _take_time(self) -> None:
        async with self._places:
            await asyncio.sleep(self._latency_s)

    async def start(self, request: StartRequest) -> Started:
        await self._take_time()
        return Started(StartState.STARTED, code_url=f"weixin://wxpay/bizpayurl?pr={request.number[-9:]}")

    async def look_up(self, number: str) -> Trade:
        await self._take_time()
        return Trade(TradeState.NOT_PAID, number)

    async def cancel(self, number: str) -> Cancelled:
        await self._take_time()
        return Cancelled(CancelState.CLOSED)

    async def refund(self, request: RefundRequest) -> Refunded:
        await self._take_time()
        return Refunded(RefundState.SUCCEEDED, request.refund_number, amount=request.amount)

    async def look_up_refund(self, request: RefundRequest) -> Refunded:
        return await self.refund(request)

    async def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        raise NoticeRefusedError("this platform sends none")

    def answer_notice(self, *, accepted: bool) -> NoticeAnswer:
        return NoticeAnswer(401, b"", "text/plain")

    async def aclose(self) -> None:
        return


def open_stub(channel: str, settings: Mapping[str, object], *, clock: Clock, threads: CallThreads) -> Provider:
    """Fits the cloud's `open_provider`."""
    return StubPlatform(str(settings["mchid"]), latency_s=float(os.environ[LATENCY]), at_once=int(os.environ[AT_ONCE]))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m vendomat.bench.recovery_worker", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--https-port", type=int, required=True)
    given = parser.parse_args()
    settings = CloudSettings(data_dir=given.data, http_port=given.http_port, https_port=given.https_port)
    run_cloud(settings, open_provider=open_stub)


if __name__ == "__main__":
    main()
