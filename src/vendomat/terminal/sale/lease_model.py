"""Leases: which nonces this run of the program made, and when, on its own elapsed clock.

A command quotes a nonce; its age decides whether the motor may start. A new run begins with no nonces, so nothing that
was sent to an earlier run can start anything. Knows no wall clock and makes no nonce itself.
"""

from __future__ import annotations

from dataclasses import dataclass

NONCES_MAX = 64


@dataclass(frozen=True, slots=True)
class Leases:
    """The newest nonces as `(nonce, made_at_s)`, oldest first."""

    made: tuple[tuple[str, float], ...] = ()

    def with_new(self, nonce: str, at_s: float) -> Leases:
        """Remember `nonce`, made at `at_s`; beyond `NONCES_MAX` the oldest is forgotten, which only refuses more."""
        return Leases((*self.made, (nonce, at_s))[-NONCES_MAX:])

    def age_s(self, nonce: str, at_s: float) -> float | None:
        """Seconds since `nonce` was made; None when this run did not make it (or forgot it)."""
        for known, made_at_s in reversed(self.made):
            if known == nonce:
                return at_s - made_at_s
        return None
