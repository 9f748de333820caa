"""A sender of notices that is killed beside a push: `python -m tests.cloud.alarms.push_victim URL before|after`.

Killed by itself with SIGKILL, before the push leaves or after the push service has taken it, and so before it is kept.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from vendomat.cloud.alarms import Delivery, NoticeSender, WebPush
from vendomat.cloud.alarms.notices.delivery import Delivered
from vendomat.cloud.alarms.notices.model import Push
from vendomat.cloud.alarms.notices.push_wire import PushKey, Subscription
from vendomat.cloud.merchants import MasterKey
from vendomat.cloud.platform.database import Database
from vendomat.kernel import ManualClock


class DoomedPush(WebPush):
    moment = ""

    async def send(self, one: Subscription, push: Push) -> Delivered:
        if self.moment == "after":
            assert (await super().send(one, push)).is_sent
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still alive")


async def main(url: str, moment: str) -> None:
    DoomedPush.moment = moment
    database, clock, master_key = await Database.open(url), ManualClock(), MasterKey(b"k" * 32)
    push = DoomedPush(PushKey.of(b"k" * 32), clock, contact="mailto:a@example", is_private_allowed=True)
    await NoticeSender(database, master_key, Delivery(), clock, push=push, console_url="http://here").once()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
