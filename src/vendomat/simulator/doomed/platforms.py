"""The payment-platform emulators, whose memory tells a trap when it is about to keep something and when it has."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from vendomat.simulator.doomed.trap import Trap
from vendomat.simulator.gateways import Change, RecordStore, main

_NAMES = {
    "wechat_order": "trade",
    "alipay_trade": "trade",
    "wechat_refund": "refund",
    "alipay_refund": "refund",
    "notice": "notice",
}


class DoomedStore(RecordStore):
    """Keeps records as ever."""

    def __init__(self, path: Path | None) -> None:
        super().__init__(path)
        assert path is not None, "a platform without memory has nothing to lose"
        self._trap = Trap(path.parent / "trap")

    def save(self, changes: Iterable[Change]) -> None:
        kept = list(changes)
        names = sorted({_NAMES[change.kind] for change in kept if change.kind in _NAMES})
        for name in names:
            self._trap.reach(f"before record of {name}")
        super().save(kept)
        for name in names:
            self._trap.reach(f"after record of {name}")


def run_doomed_platforms(arguments: list[str]) -> None:
    """The emulators as a program; `arguments` are their own, with a folder."""
    main(arguments, DoomedStore)
