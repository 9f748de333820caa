"""The operating-system account a server runs under, and whether that account can reach a path.

PostgreSQL refuses to run as root, so root lends it an account that exists already. Nothing here adds an account or
opens a path: what cannot be reached is answered with False, and the caller moves.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from vendomat.kernel import ErrorCode, VendomatError

_LENDABLE = ("postgres", "nobody", "daemon")


class SpawnArguments(TypedDict, total=False):
    """What `subprocess` takes to start a child under another account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """A user and a group by number; `borrowed` when it is not the account we run under ourselves."""

    user_id: int
    group_id: int
    borrowed: bool

    def spawn_arguments(self) -> SpawnArguments:
        if not self.borrowed:
            return {}
        return {"user": self.user_id, "group": self.group_id, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give `path` (ours) to this account."""
        if self.borrowed:
            os.chown(path, self.user_id, self.group_id)

    def may_enter(self, folder: Path) -> bool:
        """Whether this account can change into `folder`, tried in earnest."""
        return not self.borrowed or self._succeeds('cd -- "$1"', folder)

    def may_run(self, program: Path, data_file: Path) -> bool:
        """Whether this account can run `program` and read `data_file`, tried in earnest."""
        return not self.borrowed or self._succeeds('test -r "$1" && "$2" --version', data_file, program)

    def _succeeds(self, script: str, *paths: Path) -> bool:
        finished = subprocess.run(  # noqa: PLW1510 - the exit status is the answer
            ["/bin/sh", "-c", script, "sh", *map(str, paths)],
            cwd="/",
            env={"PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self.spawn_arguments(),
        )
        return finished.returncode == 0


def account_for(existing_data: Path, wanted: str | None = None, us: int | None = None) -> Account:
    """The account to run under: our own; for root the owner of `existing_data`, else `wanted`, else a lendable one.

    Raises `VendomatError(UNAVAILABLE)` when the data belong to somebody else or root finds nobody to lend.
    """
    us = os.geteuid() if us is None else us
    owner = existing_data.stat().st_uid if existing_data.exists() else None
    if us != 0:
        if owner not in (None, us):
            raise VendomatError(
                ErrorCode.UNAVAILABLE,
                f"The data in {existing_data} belong to user {owner}, we are user {us}. Nothing was started. "
                "Start as that user (or as root), or give another data folder.",
            )
        return Account(us, os.getegid(), borrowed=False)
    names = (wanted,) if wanted else _LENDABLE
    for entry in pwd.getpwall():
        if entry.pw_uid != 0 and entry.pw_uid == owner:
            return Account(entry.pw_uid, entry.pw_gid, borrowed=True)
    by_name = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in names:
        if name in by_name and by_name[name].pw_uid != 0 and owner is None:
            return Account(by_name[name].pw_uid, by_name[name].pw_gid, borrowed=True)
    raise VendomatError(
        ErrorCode.UNAVAILABLE,
        f"PostgreSQL does not run as root, and no account of {', '.join(names)} can be lent to it "
        f"(data owner: {owner}). Nothing was started. Start Vendomat as an ordinary user, or set DATABASE_URL.",
    )
