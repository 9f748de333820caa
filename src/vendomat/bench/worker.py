"""A cloud worker for the benchmark's second variant: the real one, but for a payment platform that answers at once.

Only the call that starts a payment is left out. Notices are verified and opened by the real provider, against the
public key given in `VENDOMAT_BENCH_PLATFORM_KEY` instead of the account's own. Not reachable from any production entry.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from vendomat.bench.platform_notice import PLATFORM_KEY, PLATFORM_KEY_ID
from vendomat.cloud.app import run_cloud
from vendomat.cloud.payments import (
    CallThreads,
    Provider,
    Started,
    StartRequest,
    StartState,
    WeChatPayProvider,
    WeChatSettings,
)
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.kernel import Clock


class AtOncePlatform(WeChatPayProvider):
    """WeChat Pay whose codes exist without a call."""

    async def start(self, request: StartRequest) -> Started:
        return Started(StartState.STARTED, code_url=f"weixin://wxpay/bizpayurl?pr={request.number[-9:]}")


def open_at_once(channel: str, settings: Mapping[str, object], *, clock: Clock, threads: CallThreads) -> Provider:
    """Fits the cloud's `open_provider`."""
    assert channel == AtOncePlatform.channel
    keys = {"public_key": os.environ[PLATFORM_KEY], "public_key_id": PLATFORM_KEY_ID}
    read = msgspec.convert(dict(settings) | keys, WeChatSettings)
    return AtOncePlatform(read, clock=clock, threads=threads, is_owner_of_threads=False)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m vendomat.bench.worker", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--https-port", type=int, required=True)
    given = parser.parse_args()
    settings = CloudSettings(data_dir=given.data, http_port=given.http_port, https_port=given.https_port)
    run_cloud(settings, open_provider=open_at_once)


if __name__ == "__main__":
    main()
