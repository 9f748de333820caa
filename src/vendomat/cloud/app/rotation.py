"""Changing the key by which the cloud signs, while it runs.

The next key is told to machines before anything is signed by it; the switch waits until every machine has confirmed it;
the old key is retired once nothing signed by it can still be on its way. Each step is durable: run it again after any
interruption. A machine that missed it all asks over HTTPS as soon as it meets a signature that it does not know.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vendomat.cloud.machines import KeySpread, spread_of
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.engines import running_url
from vendomat.cloud.platform.identity import CommandKeys
from vendomat.cloud.platform.settings import CloudSettings
from vendomat.kernel import Clock, ErrorCode, VendomatError

LOOK_EVERY_S = 1.0
STILL_OUT_S = 30.0
"""Longer than workers need to see the switch and machines wait for an answer: nothing older is awaited."""


def keys_of(data_dir: Path) -> CommandKeys:
    """The keys of an installation. Raises `VendomatError(not_found)` when there is none."""
    path = data_dir / "identity" / "command_keys.json"
    if not path.exists():
        raise VendomatError(ErrorCode.NOT_FOUND, f"there is no cloud in {data_dir}; nothing was changed")
    return CommandKeys(path)


def database_of(settings: CloudSettings) -> str:
    """Where the running cloud keeps its rows. Raises `VendomatError(unavailable)` when it does not run."""
    url = settings.database_url or running_url(settings.data_dir / "postgres")
    if not url:
        raise VendomatError(
            ErrorCode.UNAVAILABLE, "the cloud does not run here, so no machine can confirm a key; start it first"
        )
    return url


class Rotation:
    """`say` is told each step and, while it waits, how many machines are missing."""

    def __init__(self, keys: CommandKeys, database: Database, clock: Clock, say: Callable[[str], None]) -> None:
        self._keys = keys
        self._database = database
        self._clock = clock
        self._say = say

    async def run(self, *, wait_s: float, at_once: bool = False) -> bool:
        """Go through the steps that are left. False: machines are missing after `wait_s`, and nothing was switched.

        `at_once` is for a key that somebody else has: it waits for nobody and ends the old key now.
        """
        if not self._keys.old_key_id:
            self._keys.prepare()
            self._say(f"next key: {self._keys.next_key_id}; machines are told to trust it")
            if not at_once and not await self._is_spread(wait_s):
                return False
            self._keys.switch()
            self._say(f"signing by {self._keys.key_id} now")
        if not at_once:
            self._say(f"the old key {self._keys.old_key_id} counts for {STILL_OUT_S:.0f} s more")
            await self._clock.sleep(STILL_OUT_S)
        self._keys.retire()
        self._say("the old key is retired")
        return True

    async def _is_spread(self, wait_s: float) -> bool:
        """Whether every machine trusts the next key within `wait_s`."""
        deadline = self._clock.elapsed() + wait_s
        told: KeySpread | None = None
        while True:
            async with self._database.hot.acquire() as connection:
                spread = await spread_of(connection, self._keys.next_key_id)
            if spread != told:
                told = spread
                missing = f"; missing: {', '.join(spread.missing)}" if spread.missing else ""
                self._say(f"{spread.trusting} of {spread.machines} machines have the next key{missing}")
            if spread.is_everywhere:
                return True
            if self._clock.elapsed() >= deadline:
                return False
            await self._clock.sleep(LOOK_EVERY_S)


async def rotate_key(
    settings: CloudSettings, clock: Clock, say: Callable[[str], None], *, wait_s: float, at_once: bool
) -> bool:
    """As `Rotation.run`, on the installation of `settings`."""
    keys = keys_of(settings.data_dir)
    database = await Database.open(database_of(settings))
    try:
        return await Rotation(keys, database, clock, say).run(wait_s=wait_s, at_once=at_once)
    finally:
        await database.aclose()
