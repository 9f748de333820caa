"""What one seed decides before its world begins: machines, times, how busy it is, how bad the weather. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random

from vendomat.cloud.platform.settings import CloudSettings
from vendomat.simulator.worlds.estate import MACHINES_MAX

SETTLE_MORE_S = 660.0
"""Beyond the settings' own times: the pauses between two tries of a refund double up to ten minutes."""


@dataclass(frozen=True)
class WorldPlan:
    """`busy_s` with faults and shoppers; then everything is mended and has `settle_s` to come to rest."""

    seed: int
    machines: int
    workers: int
    settings: CloudSettings
    busy_s: float
    shopper_pause_s: tuple[float, float]
    fault_pause_s: tuple[float, float]
    notice_loss: float
    holding: str = ""
    """The channel whose money is taken after the goods; "": none."""

    @property
    def settle_s(self) -> float:
        """L2: once faults stop, everything has ended after this."""
        s = self.settings
        payments = s.qr_s + s.late_grace_s + s.platform_expiry_margin_s
        return payments + s.silence_s + s.lease_s + s.clock_margin_s + s.deadline_s + SETTLE_MORE_S


class Chances:
    """Independent streams of chance, by name: a draw more in one changes nothing in another."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def stream(self, name: str) -> Random:
        return Random(f"{self._seed}/{name}")


def plan_world(seed: int) -> WorldPlan:
    """The world of `seed`. Times are those of production or shorter: the rules must hold for any."""
    chance = Chances(seed).stream("plan")
    settings = CloudSettings.model_construct(
        data_dir=Path(),
        heartbeat_s=5.0,
        lease_s=chance.choice((8.0, 20.0)),
        silence_s=chance.choice((5.0, 15.0)),
        deadline_s=chance.choice((5.0, 20.0, 20.0, 90.0)),
        qr_s=chance.choice((20.0, 20.0, 45.0, 120.0)),
        top_up_s=20.0,
        late_grace_s=chance.choice((5.0, 30.0)),
        platform_expiry_margin_s=30.0,
        refunds_per_payer=1,  # the second waits for the merchant's people, who are quick
        refunds_per_machine_hour=0,  # nobody is there to look at them
        goodwill_alone_minor=200,
        sweep_pause_s=chance.choice((0.5, 1.0, 1.0)),
        public_url="https://cloud.example",
    )
    return WorldPlan(
        seed=seed,
        machines=chance.choice((1, 2, 2, 3)),
        workers=chance.choice((1, 1, 2)),
        settings=settings,
        busy_s=chance.choice((60.0, 90.0, 120.0)),
        shopper_pause_s=chance.choice(((1.0, 6.0), (1.0, 6.0), (3.0, 15.0))),
        fault_pause_s=chance.choice(((1.0, 5.0), (2.0, 10.0), (5.0, 20.0))),
        notice_loss=chance.choice((0.0, 0.0, 0.0, 0.3, 1.0)),
        holding=Chances(seed).stream("holding").choice(("", "", "wechat", "alipay")),
    )


assert MACHINES_MAX >= 3, "plans ask for up to three machines"
