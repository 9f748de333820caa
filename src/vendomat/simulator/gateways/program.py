"""`python -m vendomat.simulator.gateways …`: the emulators as a process of their own, ended by SIGTERM or SIGINT.

Prints one line of JSON with the ports when it listens, and on demand an account to begin with. A SIGKILL loses nothing
that was answered.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from vendomat.kernel import SystemClock
from vendomat.simulator.gateways.guide import Account, guide
from vendomat.simulator.gateways.server import GatewayServer
from vendomat.simulator.gateways.settings import GatewaySettings
from vendomat.simulator.gateways.store import RecordStore
from vendomat.simulator.gateways.views import Platform
from vendomat.simulator.gateways.virtual_clock import VirtualClock
from vendomat.simulator.gateways.wechat import KeyMode


@dataclass(frozen=True, slots=True)
class Told:
    """What to say besides the ports: an account of `platform` is opened for whoever started this."""

    platform: str = ""
    has_certificates: bool = False


def read_arguments(arguments: list[str]) -> tuple[GatewaySettings, Told]:
    """The settings given on the command line, and what to tell."""
    parser = argparse.ArgumentParser(prog="python -m vendomat.simulator.gateways", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of the books and keys; without it nothing is kept")
    parser.add_argument("--host", default=GatewaySettings().host, help="an address of this machine, as 127.0.0.2")
    parser.add_argument("--guide", choices=("wechat", "alipay", "stripe"), help="open an account there and explain")
    parser.add_argument("--certificates", action="store_true", help="that account signs with certificates")
    parser.add_argument("--wechat-port", type=int, default=0)
    parser.add_argument("--wechat-tls-port", type=int, default=0)
    parser.add_argument("--alipay-port", type=int, default=0)
    parser.add_argument("--stripe-port", type=int, default=0)
    parser.add_argument("--control-port", type=int, default=0)
    parser.add_argument("--opening-balance-fen", type=int, default=GatewaySettings().opening_balance_fen)
    parser.add_argument("--notice-first-delay", type=float, default=GatewaySettings().notice_first_delay_s)
    parser.add_argument("--refund-delay", type=float, default=GatewaySettings().refund_delay_s)
    parser.add_argument("--order-life-min", type=float, default=GatewaySettings().order_life_min_s)
    parser.add_argument("--partial-refund-gap", type=float, default=GatewaySettings().partial_refund_gap_s)
    parser.add_argument("--alipay-minute", type=float, default=GatewaySettings().alipay_minute_s)
    parser.add_argument("--fast", action="store_true", help="no artificial delays, for benchmarks")
    given = parser.parse_args(arguments)
    settings = GatewaySettings(
        data_dir=given.data,
        host=given.host,
        wechat_port=given.wechat_port,
        wechat_tls_port=given.wechat_tls_port,
        alipay_port=given.alipay_port,
        stripe_port=given.stripe_port,
        control_port=given.control_port,
        opening_balance_fen=given.opening_balance_fen,
        notice_first_delay_s=given.notice_first_delay,
        refund_delay_s=given.refund_delay,
        order_life_min_s=given.order_life_min,
        partial_refund_gap_s=given.partial_refund_gap,
        alipay_minute_s=given.alipay_minute,
    )
    told = Told(given.guide or "", given.certificates)
    return settings.without_delays() if given.fast else settings, told


async def run(
    settings: GatewaySettings, told: Told, open_store: Callable[[Path | None], RecordStore] = RecordStore
) -> None:
    """Serve until told to end."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    server = GatewayServer(settings, VirtualClock(SystemClock()), open_store=open_store)
    ports = await server.start()
    sys.stdout.write(msgspec.json.encode(asdict(ports)).decode() + "\n")
    if told.platform:
        sys.stdout.write(guide(told.platform, _account(server, told), server.control_url))
    sys.stdout.flush()
    await ended.wait()
    await server.stop()


def _account(server: GatewayServer, told: Told) -> Account | None:
    """A new account, unless a former run of these books opened one."""
    platforms: dict[str, Platform] = {"wechat": server.wechat, "alipay": server.alipay, "stripe": server.stripe}
    if platforms[told.platform].books()["accounts"]:
        return None
    if told.platform == "wechat":
        mode = KeyMode.CERTIFICATE if told.has_certificates else KeyMode.PUBLIC_KEY
        return server.open_wechat_account("Emulated shop", mode)
    if told.platform == "alipay":
        return server.open_alipay_account("Emulated shop", has_certificates=told.has_certificates)
    return server.open_stripe_account("Emulated shop")


def main(arguments: list[str], open_store: Callable[[Path | None], RecordStore] = RecordStore) -> None:
    """The program; `open_store` opens its memory over a kill."""
    settings, told = read_arguments(arguments)
    try:
        import uvloop
    except ImportError:
        asyncio.run(run(settings, told, open_store))
    else:
        uvloop.run(run(settings, told, open_store))
