"""Passwords as argon2id hashes, computed off the event loop by at most two threads (64 MiB each).

An unknown person costs the same work as a wrong password, so the time of a refusal tells nothing.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_NOBODY = "nobody has this password"


class Passwords:
    """`hasher` holds the cost; its defaults follow RFC 9106's low-memory profile."""

    def __init__(self, hasher: PasswordHasher | None = None, *, threads: int = 2) -> None:
        self._hasher = hasher or PasswordHasher()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._hash_of_nobody = ""

    async def hash(self, password: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._hasher.hash, password)

    async def is_right(self, password: str, stored: str | None) -> bool:
        """Whether `password` belongs to the hash `stored`; None stands for an unknown person, an empty one for somebody
        without a password: never."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._verify, password, stored)

    def _verify(self, password: str, stored: str | None) -> bool:
        if not self._hash_of_nobody:
            self._hash_of_nobody = self._hasher.hash(_NOBODY)
        try:
            self._hasher.verify(stored or self._hash_of_nobody, password)
        except (VerificationError, InvalidHashError):
            return False
        return bool(stored)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
