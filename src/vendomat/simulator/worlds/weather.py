"""The weather of a world: faults, drawn from the seed, done to any part at any moment, and their end.

Each kind is one method that does it and, where it lasts, ends it after a while by itself. `stop` ends the drawing;
`clear` mends everything, so that what remains must come to rest by the programs' own doing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from random import Random

from vendomat.simulator.disk import DiskFault
from vendomat.simulator.worlds.machines import WorldMachine
from vendomat.simulator.worlds.network import Network, Way
from vendomat.simulator.worlds.platforms import Platform
from vendomat.simulator.worlds.pool import DatabaseFault, DatabaseMood
from vendomat.simulator.worlds.trace import Trace
from vendomat.simulator.worlds.workers import WorldWorker
from vendomat.terminal.drivers import Fault

_SLOT_FAULTS = (
    Fault.JAM, Fault.JAM, Fault.STUCK, Fault.MISS, Fault.DOUBLE, Fault.STALL, Fault.NO_MOTOR, Fault.NOT_HOME,
    Fault.HANG, Fault.HANG_DROP,
)  # fmt: skip
_MACHINE_FAULTS = (Fault.SENSOR_BLOCKED, Fault.DOOR_OPEN, Fault.SILENT)
_DAY_S = 86_400.0
_CLOCK_JUMPS_S = (-_DAY_S, -3_600.0, 900.0, 3_600.0, _DAY_S, -56 * 365 * _DAY_S)


class Weather:
    """Faults for one world. `pause_s` draws the time to the next one."""

    def __init__(  # noqa: PLR0913 - one argument per thing that can suffer
        self,
        *,
        machines: Mapping[str, WorldMachine],
        workers: list[WorldWorker],
        network: Network,
        platforms: dict[str, Platform],
        database: DatabaseMood,
        chance: Random,
        trace: Trace,
        pause_s: Callable[[], float],
    ) -> None:
        self._machines = list(machines.values())
        self._workers = workers
        self._network = network
        self._platforms = list(platforms.values())
        self._database = database
        self._chance = chance
        self._trace = trace
        self._pause_s = pause_s
        self._lasting: set[asyncio.Task[None]] = set()
        self._is_over = False
        self._next_database_fault: DatabaseFault | None = None
        database.draw = self._draw_database_fault
        database.hit = self._hit
        self.kinds: dict[str, tuple[float, Callable[[], Awaitable[None]]]] = {
            "power cut": (4, self._cut_power),
            "power cut in a write": (3, self._blow_fuse),
            "motor takes the power down": (3, self._sag),
            "power flickers": (1, self._flicker),
            "worker killed": (3, self._kill_worker),
            "wire lossy": (2, self._lose),
            "wire cut": (2, self._part),
            "wire half open": (2, self._half_open),
            "wire slow": (1, self._slow),
            "wire doubles": (1.5, self._double),
            "relay stalls": (3, self._stall),
            "message replayed": (3, self._replay),
            "message misled": (1, self._mislead),
            "platform down": (1.5, self._platform_down),
            "platform stutters": (3, self._platform_stutters),
            "notices lost": (2, self._lose_notices),
            "notice forged": (0.5, self._forge),
            "refunds refused": (0.7, self._short_of_money),
            "database fault": (3, self._fail_database),
            "database outage": (0.7, self._database_outage),
            "slot fault": (6, self._slot_fault),
            "machine fault": (1.5, self._machine_fault),
            "disk refuses": (1, self._refuse_disk),
            "wall clock jumps": (1, self._jump_clock),
            "cloud clock jumps": (0.7, self._jump_cloud_clock),
        }

    async def run(self) -> None:
        """Draw faults until stopped."""
        names = list(self.kinds)
        weights = [weight for weight, _ in self.kinds.values()]
        while True:
            await asyncio.sleep(self._pause_s())
            if self._is_over:
                return
            name = self._chance.choices(names, weights=weights)[0]
            self._last(self.kinds[name][1]())

    def stop(self) -> None:
        self._is_over = True

    def clear(self) -> None:
        """End every fault that lasts, and start what is down."""
        self.stop()
        for task in list(self._lasting):
            task.cancel()
        for link in self._network.links.values():
            link.heal()
        for platform in self._platforms:
            platform.mood.is_down, platform.mood.doubt, platform.mood.notice_loss = False, 0.0, 0.0
            platform.books.is_short_of_money = False
        self._database.standing, self._next_database_fault = None, None
        for machine in self._machines:
            self._mend(machine)
        for worker in self._workers:
            worker.clock.wall_offset_s = 0.0
            if worker.node is None:
                worker.start()

    def _mend(self, machine: WorldMachine) -> None:
        machine.site.clock.wall_offset_s = 0.0
        machine.sags_at = 0
        if machine.life is None:
            machine.power_on()
        else:
            machine.disk.clear()
        self._last(self._mend_cabinet(machine))

    async def _mend_cabinet(self, machine: WorldMachine) -> None:
        while (cabinet := machine.cabinet) is None:  # noqa: ASYNC110 - somebody looks in from time to time
            await asyncio.sleep(1.0)
        for fault in _MACHINE_FAULTS:
            cabinet.set_fault("*", fault, is_on=False)

    def _last(self, fault: Awaitable[None]) -> None:
        task = asyncio.ensure_future(fault)
        self._lasting.add(task)
        task.add_done_callback(self._lasting.discard)

    def _note(self, kind: str, who: str, what: str) -> None:
        self._trace.fault(kind, who, what)

    def _any_machine(self) -> WorldMachine:
        return self._chance.choice(self._machines)

    # --- power and processes -----------------------------------------------------------------------------------------

    async def _cut_power(self) -> None:
        await self._dark(self._any_machine(), self._chance.choice((0.3, 2.0, 8.0, 40.0)))

    async def _dark(self, machine: WorldMachine, for_s: float) -> None:
        if machine.life is None:
            return
        self._note("power cut", machine.label, f"is without power for {for_s:.1f} s")
        machine.cut()
        await asyncio.sleep(for_s)
        if not machine.has_power:
            machine.power_on()

    async def _blow_fuse(self) -> None:
        """The power goes at the n-th change of the disk from now, in the middle of whatever is being written."""
        machine = self._any_machine()
        if machine.life is None or machine.disk.is_pending:
            return
        number = self._chance.randrange(1, 16)
        self._note("power cut in a write", machine.label, f"will lose power at write {number} from now")
        machine.disk.cut_at(number, keep=self._chance.choice((0.0, 0.5)))
        await self._until_dark(machine)

    async def _sag(self) -> None:
        """A weak supply: the next motor's starting current takes the power down, at the n-th change of the disk."""
        machine = self._any_machine()
        if machine.life is None:
            return
        machine.sags_at = self._chance.randrange(1, 4)
        self._note("motor takes the power down", machine.label, f"at write {machine.sags_at} after its next start")
        await self._until_dark(machine)
        machine.sags_at = 0

    async def _until_dark(self, machine: WorldMachine) -> None:
        """Wait a minute at most for the power to go, and give it back."""
        life = machine.life
        for _ in range(60):
            await asyncio.sleep(1.0)
            if machine.life is not life:
                break
        if not machine.has_power:
            machine.power_on()

    async def _flicker(self) -> None:
        machine = self._any_machine()
        for _ in range(self._chance.randrange(3, 8)):
            await self._dark(machine, self._chance.uniform(0.1, 0.6))
            await asyncio.sleep(self._chance.uniform(0.0, 1.5))

    async def _kill_worker(self) -> None:
        worker = self._chance.choice(self._workers)
        if worker.node is None:
            return
        for_s = self._chance.choice((0.2, 1.0, 5.0, 20.0))
        self._note("worker killed", worker.label, f"is gone for {for_s:.1f} s")
        worker.cut()
        await asyncio.sleep(for_s)
        if not worker.is_running:
            worker.start()

    # --- the wire ----------------------------------------------------------------------------------------------------

    async def _lose(self) -> None:
        link = self._network.links[self._any_machine().site.machine_id]
        share = self._chance.choice((0.1, 0.3, 0.6))
        self._note("wire lossy", link.machine_id[-6:], f"loses {share:.0%} both ways")
        link.loss = {Way.UP: share, Way.DOWN: share}
        await asyncio.sleep(self._chance.uniform(3.0, 20.0))
        link.loss = {Way.UP: 0.0, Way.DOWN: 0.0}

    async def _part(self) -> None:
        machine = self._any_machine()
        link = self._network.links[machine.site.machine_id]
        for_s = self._chance.choice((1.0, 6.0, 20.0, 60.0))
        self._note("wire cut", machine.label, f"is off the wire for {for_s:.0f} s")
        link.is_up = False
        await asyncio.sleep(self._chance.uniform(0.0, min(for_s, 7.0)))
        link.close()
        await asyncio.sleep(for_s)
        link.is_up = True

    async def _half_open(self) -> None:
        machine = self._any_machine()
        link = self._network.links[machine.site.machine_id]
        way = self._chance.choice((Way.UP, Way.DOWN))
        self._note("wire half open", machine.label, f"nothing passes {way}")
        link.loss[way] = 1.0
        await asyncio.sleep(self._chance.uniform(2.0, 25.0))
        link.loss[way] = 0.0
        if self._chance.random() < 0.7:
            link.close()

    async def _slow(self) -> None:
        link = self._network.links[self._any_machine().site.machine_id]
        self._note("wire slow", link.machine_id[-6:], "takes 0.5 to 3 s each way, in any order")
        link.delay_s = (0.5, 3.0)
        await asyncio.sleep(self._chance.uniform(5.0, 25.0))
        link.delay_s = (0.005, 0.03)

    async def _double(self) -> None:
        link = self._network.links[self._any_machine().site.machine_id]
        self._note("wire doubles", link.machine_id[-6:], "delivers every other message twice")
        link.double = 0.5
        await asyncio.sleep(self._chance.uniform(5.0, 30.0))
        link.double = 0.0

    async def _stall(self) -> None:
        machine = self._any_machine()
        link = self._network.links[machine.site.machine_id]
        for_s = self._chance.choice((5.0, 25.0, 45.0, 90.0))
        self._note("relay stalls", machine.label, f"everything to it is held for {for_s:.0f} s")
        link.held_until_s = asyncio.get_running_loop().time() + for_s

    async def _replay(self) -> None:
        link = self._network.links[self._any_machine().site.machine_id]
        if not link.passed:
            return
        message = self._chance.choice(list(link.passed))
        delay_s = self._chance.choice((0.0, 1.0, 20.0, 60.0))
        self._note("message replayed", link.machine_id[-6:], f"{message.kind} {message.way} again in {delay_s:.0f} s")
        self._network.say_again(message, delay_s)

    async def _mislead(self) -> None:
        source, target = self._any_machine(), self._any_machine()
        commands = [m for m in self._network.links[source.site.machine_id].passed if m.kind in ("dispense", "fence")]
        if source is target or not commands:
            return
        message = self._chance.choice(commands)
        self._note("message misled", target.label, f"is given a {message.kind} of {source.label}")
        self._network.mislead(message, target.site.machine_id)

    # --- platforms ---------------------------------------------------------------------------------------------------

    async def _platform_down(self) -> None:
        platform = self._chance.choice(self._platforms)
        for_s = self._chance.choice((3.0, 15.0, 60.0))
        self._note("platform down", platform.books.channel, f"for {for_s:.0f} s")
        platform.mood.is_down = True
        await asyncio.sleep(for_s)
        platform.mood.is_down = False

    async def _platform_stutters(self) -> None:
        platform = self._chance.choice(self._platforms)
        self._note(
            "platform stutters", platform.books.channel, "half of what it is asked and of what it answers gets lost"
        )
        platform.mood.doubt = 0.5
        await asyncio.sleep(self._chance.uniform(5.0, 30.0))
        platform.mood.doubt = 0.0

    async def _lose_notices(self) -> None:
        platform = self._chance.choice(self._platforms)
        self._note("notices lost", platform.books.channel, "sends no notices")
        platform.mood.notice_loss = 1.0
        await asyncio.sleep(self._chance.uniform(5.0, 60.0))
        platform.mood.notice_loss = 0.0

    async def _forge(self) -> None:
        platform = self._chance.choice(self._platforms)
        if platform.books.trades:
            number = self._chance.choice(list(platform.books.trades))
            self._note("notice forged", platform.books.channel, f"somebody says that {number[-6:]} was paid")
            platform.forge(number)

    async def _short_of_money(self) -> None:
        platform = self._chance.choice(self._platforms)
        self._note("refunds refused", platform.books.channel, "has not enough balance to give back")
        platform.books.is_short_of_money = True
        await asyncio.sleep(self._chance.uniform(3.0, 20.0))
        platform.books.is_short_of_money = False

    # --- database ----------------------------------------------------------------------------------------------------

    def _hit(self, who: str, fault: DatabaseFault) -> None:
        if fault is self._database.standing:
            self._trace.mark(who, fault)  # one outage, met by everybody
        else:
            self._trace.fault(fault, who, "met it")

    def _draw_database_fault(self) -> DatabaseFault | None:
        fault, self._next_database_fault = self._next_database_fault, None
        return fault

    async def _fail_database(self) -> None:
        self._next_database_fault = self._chance.choice(
            (DatabaseFault.LOST_BEFORE, DatabaseFault.LOST_AFTER, DatabaseFault.LOST_AFTER, DatabaseFault.SERIALIZATION)
        )

    async def _database_outage(self) -> None:
        self._database.standing = self._chance.choice((DatabaseFault.AWAY, DatabaseFault.READ_ONLY))
        self._note("database outage", "database", self._database.standing)
        await asyncio.sleep(self._chance.uniform(1.0, 12.0))
        self._database.standing = None

    # --- the machine's body ------------------------------------------------------------------------------------------

    async def _slot_fault(self) -> None:
        machine = self._any_machine()
        if machine.life is not None and machine.life.cabinet is not None:
            slot = self._chance.choice(sorted(machine.site.slots))
            fault = self._chance.choice(_SLOT_FAULTS)
            self._note("slot fault", machine.label, f"{slot}: {fault}")
            machine.life.cabinet.set_fault(slot, fault, is_once=True)

    async def _machine_fault(self) -> None:
        machine = self._any_machine()
        life, fault = machine.life, self._chance.choice(_MACHINE_FAULTS)
        if life is None or life.cabinet is None:
            return
        self._note("machine fault", machine.label, fault)
        life.cabinet.set_fault("*", fault)
        await asyncio.sleep(self._chance.choice((0.5, 3.0, 12.0)))
        while (cabinet := machine.cabinet) is None:  # noqa: ASYNC110 - somebody looks in from time to time
            await asyncio.sleep(1.0)
        cabinet.set_fault("*", fault, is_on=False)

    async def _refuse_disk(self) -> None:
        machine = self._any_machine()
        if not machine.has_power:
            return
        machine.disk.fault = self._chance.choice((DiskFault.FULL, DiskFault.IO_ERROR, DiskFault.READ_ONLY))
        self._note("disk refuses", machine.label, machine.disk.fault)
        await asyncio.sleep(self._chance.uniform(0.5, 10.0))
        machine.disk.fault = None

    async def _jump_clock(self) -> None:
        machine = self._any_machine()
        machine.site.clock.wall_offset_s = self._chance.choice(_CLOCK_JUMPS_S)
        self._note("wall clock jumps", machine.label, f"is now {machine.site.clock.wall_offset_s:+.0f} s off")
        await asyncio.sleep(self._chance.uniform(1.0, 60.0))
        machine.site.clock.wall_offset_s = 0.0

    async def _jump_cloud_clock(self) -> None:
        """Under a worker that runs; one that starts has looked at a time server."""
        worker = self._chance.choice(self._workers)
        worker.clock.wall_offset_s = self._chance.choice((-3_600.0, 60.0, 3_600.0))
        self._note("cloud clock jumps", worker.label, f"is now {worker.clock.wall_offset_s:+.0f} s off")
        await asyncio.sleep(self._chance.uniform(1.0, 60.0))
        worker.clock.wall_offset_s = 0.0
