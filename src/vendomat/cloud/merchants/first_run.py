"""The first run: a cloud without any merchant is set up once, by whoever holds the token in its data folder.

The token is a file (0600) that is there only while nobody has set the cloud up; whoever can read it owns the cloud
anyway. Workers with folders of their own have tokens of their own, and one lock in the database: one merchant comes of
it. Once there is a merchant, every question is refused, whatever token comes with it.
"""

from __future__ import annotations

import hmac
import secrets
from pathlib import Path

import sqlalchemy as sa

from vendomat.cloud.merchants import store
from vendomat.cloud.merchants.model import Merchant, NewMerchant, NewOperator, Operator, network_of
from vendomat.cloud.merchants.service import Merchants
from vendomat.cloud.platform.database import Database
from vendomat.cloud.platform.http import Throttle
from vendomat.cloud.platform.locks import Lock
from vendomat.kernel import Clock, ErrorCode, VendomatError

TOKEN_NAME = "setup-token"  # noqa: S105 - the name of a file
FAILURES_MAX = 10
FAILURES_WINDOW_S = 900.0


class FirstRun:
    """`folder` keeps the token."""

    def __init__(self, database: Database, merchants: Merchants, folder: Path, clock: Clock) -> None:
        self._database = database
        self._merchants = merchants
        self._file = folder / TOKEN_NAME
        self._clock = clock
        self._throttle = Throttle(clock, failures_max=FAILURES_MAX, window_s=FAILURES_WINDOW_S)
        self._is_over = False

    async def is_open(self) -> bool:
        """Whether nobody has set this cloud up."""
        if not self._is_over:
            async with self._database.auth() as connection:
                found = await connection.execute(sa.text("SELECT EXISTS (SELECT FROM merchant)"))
                self._is_over = bool(found.scalar_one())
        return not self._is_over

    async def prepare(self) -> None:
        """Make the token while it is needed; the same one stays over restarts. Take it away once it is not."""
        if not await self.is_open():
            self._file.unlink(missing_ok=True)
        elif not self._file.exists():
            fresh = self._file.with_suffix(".new")
            fresh.unlink(missing_ok=True)
            fresh.touch(mode=0o600, exist_ok=False)
            fresh.write_text(secrets.token_urlsafe(24) + "\n", encoding="ascii")
            fresh.rename(self._file)

    async def check(self, token: str, *, address: str) -> None:
        """Raises `VendomatError`: conflict once the cloud is set up, rate_limited, or forbidden for a wrong token."""
        if not await self.is_open():
            raise _is_set_up()
        network = network_of(address)
        self._throttle.check(network)
        if not hmac.compare_digest(token.encode(), self._token().encode()):
            self._throttle.note_failure(network)
            async with self._database.auth() as connection:
                await store.note_security_event(
                    connection, "setup.refused", self._clock.now(), merchant_id="", source=network, detail={}
                )
            raise VendomatError(
                ErrorCode.FORBIDDEN, f"this is not the token in the file {TOKEN_NAME} of the cloud's data folder"
            )

    async def set_up(
        self, token: str, merchant: NewMerchant, owner: NewOperator, *, address: str
    ) -> tuple[Merchant, Operator]:
        """The first merchant with its owner. Raises as `check`, and invalid_value; then nothing was created."""
        await self.check(token, address=address)
        async with self._database.auth() as connection:  # two at once take turns
            await connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": Lock.FIRST_RUN})
            if not await self.is_open():
                raise _is_set_up()
            made = await self._merchants.create(merchant, owner)
        await self.prepare()
        return made

    def _token(self) -> str:
        """Nobody's guess where there is no file."""
        try:
            return self._file.read_text(encoding="ascii").strip()
        except OSError:
            return secrets.token_urlsafe(24)


def _is_set_up() -> VendomatError:
    return VendomatError(ErrorCode.CONFLICT, "this cloud is set up already; sign in, or ask its owner to invite you")
