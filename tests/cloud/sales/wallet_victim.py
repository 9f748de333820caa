"""A process that pays one order from a wallet and kills itself before or after the commit of it.

`python -m tests.cloud.sales.wallet_victim DATABASE_URL before|after ORDER CODE`
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any

from nacl.signing import VerifyKey

from tests.cloud.sales.conftest import MACHINE, MERCHANT
from tests.cloud.sales.purchases import AT
from tests.cloud.sales.selling_stage import MASTER
from vendomat.cloud.machines import DirectoryEntry, MachineState
from vendomat.cloud.members import members_key
from vendomat.cloud.platform.database import Database, KeptConnection
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.cloud.sales import WalletPayments, Writer
from vendomat.kernel import ManualClock, TimeOrderedIds, derive_id
from vendomat.protocol import ScanRequest


class VictimConnection(KeptConnection):
    moment = ""

    async def execute(self, query: str, *args: Any, **options: Any) -> Any:
        if query == "COMMIT;" and self.moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = await super().execute(query, *args, **options)
        if query == "COMMIT;" and self.moment == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return answer


async def main(url: str, moment: str, order_id: str, code: str) -> None:
    VictimConnection.moment = moment
    database = await Database.open(url, connection_class=VictimConnection)
    settings, clock = CloudSettings(), ManualClock(AT)
    ids = TimeOrderedIds(clock)
    payments = WalletPayments(
        database,
        Writer(database, settings, ids),
        member_key=members_key(MASTER),
        settings=settings,
        clock=clock,
        ids=ids,
    )
    machine = DirectoryEntry(MACHINE, MERCHANT, "U", MachineState.ENROLLED, VerifyKey(bytes(32)))
    request = ScanRequest(order_id=order_id, scan_id=derive_id("scn", 1), code=code)
    await payments.pay(machine, request)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
