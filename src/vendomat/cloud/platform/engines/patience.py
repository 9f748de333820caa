"""Waiting for another process: how long, how often, on which clock. Decides nothing and starts nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """Limits for a server's life; `elapsed` and `pause` are the clock they are counted on."""

    start_limit_s: float = 120.0  # crash recovery after a power cut replays at most a few GiB of log
    stop_limit_s: float = 20.0
    last_resort_limit_s: float = 5.0  # after SIGQUIT, and again after SIGKILL
    poll_s: float = 0.004
    elapsed: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep

    def until(self, condition: Callable[[], bool], limit_s: float) -> bool:
        """Ask `condition` until it holds (True) or `limit_s` is over (False: not known, it may hold later)."""
        deadline = self.elapsed() + limit_s
        while not condition():
            if self.elapsed() >= deadline:
                return False
            self.pause(self.poll_s)
        return True
