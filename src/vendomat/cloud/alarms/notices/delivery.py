"""Delivers messages: each by a process of its own, a few at a time, killed when it takes too long.

The endpoint goes to that process by its input, so it is in no list of processes and no log. An answer that did not come
is a failure: a message that arrived all the same arrives again, which is better than never.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from vendomat.cloud.alarms.notices.model import SCHEMES

AT_ONCE_MAX = 2
TIMEOUT_S = 20.0
_PROGRAM = Path(__file__).with_name("deliver.py")


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be sent; `url` is an endpoint in the form of the library that sends."""

    url: str
    title: str = ""
    text: str = ""


class Delivered(msgspec.Struct, frozen=True):
    """`reason` says why it was not sent. `wait_s`: the endpoint asks not to be asked sooner; `is_hopeless`: the same
    message will never arrive; `is_gone`: there is no such endpoint any more."""

    is_sent: bool
    scheme: str = ""
    reason: str = ""
    wait_s: int = 0
    is_hopeless: bool = False
    is_gone: bool = False


class Delivery:
    """One per worker. `is_private_allowed`: endpoints in the own network, too."""

    def __init__(self, *, is_private_allowed: bool = False, timeout_s: float = TIMEOUT_S) -> None:
        self._is_private_allowed = is_private_allowed
        self._timeout_s = timeout_s
        self._turn = asyncio.Semaphore(AT_ONCE_MAX)

    async def check(self, url: str) -> Delivered:
        """Whether `url` can be an endpoint at all; connects to nothing."""
        return await self._run(Message(url), is_check=True)

    async def send(self, message: Message) -> Delivered:
        """Send once; says how that went."""
        return await self._run(message, is_check=False)

    async def _run(self, message: Message, *, is_check: bool) -> Delivered:
        order = {
            "url": message.url,
            "title": message.title,
            "text": message.text,
            "schemes": sorted(SCHEMES),
            "is_private_allowed": self._is_private_allowed,
            "timeout_s": self._timeout_s / 2,
            "is_check": is_check,
        }
        async with self._turn:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                str(_PROGRAM),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={},
            )
            try:
                async with asyncio.timeout(self._timeout_s):
                    said, _ = await process.communicate(msgspec.json.encode(order))
            except TimeoutError:
                return Delivered(is_sent=False, reason=f"no answer within {self._timeout_s:.0f} s")
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        try:
            return msgspec.json.decode(said, type=Delivered)
        except msgspec.MsgspecError:
            return Delivered(is_sent=False, reason="the message could not be sent")
