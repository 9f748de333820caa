"""The rounds of the tally go on, whatever the driver makes of a connection that is cut in mid-statement."""

from __future__ import annotations

import asyncio
from typing import cast

import asyncpg
import pytest

from vendomat.cloud.platform.database import Database
from vendomat.cloud.reports.tally import PAUSE_AFTER_ERROR_S, Tally
from vendomat.kernel import ManualClock


class CutOff:
    """A database whose every connection breaks with `error`."""

    def __init__(self, error: Exception) -> None:
        self.error, self.asked, self.hot = error, 0, self

    def acquire(self) -> object:
        self.asked += 1
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress"),
        asyncpg.InterfaceError("the connection is closed"),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        ConnectionResetError(),
        TimeoutError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_round_that_breaks_is_begun_again(error: Exception) -> None:
    database, clock = CutOff(error), ManualClock()
    running = asyncio.create_task(Tally(cast(Database, database), clock).run())
    for asked in (1, 2, 3):
        await clock.advance(PAUSE_AFTER_ERROR_S if asked > 1 else 0)
        await asyncio.sleep(0)
        assert database.asked == asked and not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
