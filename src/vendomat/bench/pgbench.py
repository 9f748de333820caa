"""The yardstick: the server's own load program running the SQL of one cycle, with no Python in between."""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass
from pathlib import Path

from vendomat.cloud.platform.engines import PostgresEngine
from vendomat.kernel import ErrorCode, VendomatError

THREADS = 2
_SPEED = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)


@dataclass(frozen=True)
class Yardstick:
    """pgbench on `database` of our server, in the role of the hot path, with prepared statements as the cloud's."""

    postgres: PostgresEngine
    database: str
    script: Path
    clients: int

    def arguments(self, seconds: float) -> list[str]:
        clients = ["-c", str(self.clients), "-j", str(min(THREADS, self.clients))]
        return ["-n", "-M", "prepared", *clients, "-T", str(max(1, round(seconds))), "-f", str(self.script)]

    async def run(self, seconds: float) -> float:
        """Cycles a second. Raises `VendomatError` when a single transaction failed."""
        process = await asyncio.create_subprocess_exec(
            str(self.postgres.address.binaries / "pgbench"),
            *self.arguments(seconds),
            env={
                **os.environ,
                **self.postgres.address.environment(database=self.database),
                "PGOPTIONS": "-c role=vendomat_hot -c jit=off",
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, error = await process.communicate()
        found = _SPEED.search(out.decode())
        if process.returncode != 0 or found is None or b"aborted" in error:
            raise VendomatError(ErrorCode.UNAVAILABLE, f"pgbench failed: {error.decode()[-800:]}")
        return float(found[1])
