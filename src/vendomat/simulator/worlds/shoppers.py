"""Shoppers of a world: people who choose, pay, pay late or twice, change their mind, walk away, or type a code.

They act on the terminal's desk as the kiosk page does, and look at nothing but the screen. A machine that dies under
their hands is left; a code that was photographed may still be paid.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from random import Random

from vendomat.kernel import VendomatError
from vendomat.protocol import OrderLine
from vendomat.simulator.worlds.estate import CHANNELS
from vendomat.simulator.worlds.machines import WorldMachine
from vendomat.simulator.worlds.members import MembersAbout
from vendomat.simulator.worlds.platform_books import RefusedError
from vendomat.simulator.worlds.platforms import Platform
from vendomat.simulator.worlds.trace import Trace
from vendomat.terminal.loop import Terminal
from vendomat.terminal.sale import Screen, code_url_of

LOOK_S = 0.5
CODE_PATIENCE_S = 15.0
GOODS_PATIENCE_S = 60.0


class Deed(StrEnum):
    PAYS = "pays"
    PAYS_SLOWLY = "pays at the last moment"
    PAYS_LATE = "pays after the code's end"
    PAYS_TWICE = "pays with both apps"
    CANCELS = "cancels"
    CANCELS_AND_PAYS = "cancels and pays at once"
    LEAVES = "walks away"
    SHOWS_MEMBER_CODE = "shows a member code"
    TYPES_CODE = "types a pickup code"
    TYPES_WRONG_CODE = "types a wrong code"


_WEIGHTS = {
    Deed.PAYS: 10,
    Deed.PAYS_SLOWLY: 2,
    Deed.PAYS_LATE: 2,
    Deed.PAYS_TWICE: 2,
    Deed.CANCELS: 1,
    Deed.CANCELS_AND_PAYS: 1,
    Deed.LEAVES: 1,
    Deed.SHOWS_MEMBER_CODE: 4,
    Deed.TYPES_CODE: 2,
    Deed.TYPES_WRONG_CODE: 0.5,
}


class Shoppers:
    """The people in front of one machine, one after another, until `close`."""

    def __init__(  # noqa: PLR0913 - named parts, put together in one place
        self,
        machine: WorldMachine,
        platforms: dict[str, Platform],
        *,
        codes: Sequence[str],
        members: MembersAbout,
        chance: Random,
        trace: Trace,
        pause_s: Callable[[], float],
    ) -> None:
        self._machine = machine
        self._platforms = platforms
        self._codes = list(codes)
        self._members = members
        self._chance = chance
        self._trace = trace
        self._pause_s = pause_s
        self._people = 0
        self._later: set[asyncio.Task[None]] = set()
        self.is_open = True
        self.deeds: Counter[Deed] = Counter()

    async def run(self) -> None:
        """Until closed. Payments that are on their way come nevertheless."""
        while self.is_open:
            await asyncio.sleep(self._pause_s())
            terminal = self._machine.terminal
            if self.is_open and terminal is not None:
                self._people += 1
                await self._visit(terminal, f"{self._machine.label}/{self._people}")

    # --- one visit ---------------------------------------------------------------------------------------------------

    async def _visit(self, terminal: Terminal, name: str) -> None:
        deed = self._chance.choices(list(_WEIGHTS), weights=list(_WEIGHTS.values()))[0]
        if terminal.selling.sale.screen is Screen.RESULT:
            self._press(terminal.done)
        if deed in (Deed.TYPES_CODE, Deed.TYPES_WRONG_CODE):
            if await self._type_code(terminal, name, deed):
                await self._wait_for_goods(terminal)
            return
        lines = self._choose(terminal)
        if not lines or terminal.selling.sale.screen is not Screen.BROWSE:
            return
        channel = self._chance.choice(CHANNELS)
        self.deeds[deed] += 1
        wanted = ", ".join(f"{line.quantity} × {line.slot}" for line in lines)
        self._trace.note(name, f"chooses {wanted} with {channel} and {deed}")
        if not self._press(lambda: terminal.order(name, lines, channel)):
            return
        if await self._wait_for_code(terminal, channel):
            await self._perform(terminal, name, deed, channel)

    def _choose(self, terminal: Terminal) -> list[OrderLine]:
        catalogue = terminal.machine.catalogue
        if catalogue is None:
            return []
        offered = [slot for slot in catalogue.slots if terminal.machine.available(slot.slot) > 0]
        if not offered:
            return []
        kinds = self._chance.choice((1, 1, 1, 2))
        chosen = self._chance.sample(offered, min(kinds, len(offered)))
        return [
            OrderLine(
                slot=slot.slot,
                quantity=min(self._chance.choice((1, 1, 2)), terminal.machine.available(slot.slot)),
                price_minor=slot.price_minor,
            )
            for slot in chosen
        ]

    async def _perform(self, terminal: Terminal, name: str, deed: Deed, channel: str) -> None:
        code = self._code_on(terminal, channel)
        if deed is Deed.PAYS:
            await asyncio.sleep(self._chance.uniform(0.5, 6.0))
            self._pay(channel, code, name)
        elif deed is Deed.PAYS_TWICE:
            await self._pay_both(terminal, name, (channel, code))
        elif deed is Deed.SHOWS_MEMBER_CODE:
            await self._show_codes(terminal, name, (channel, code))
        elif deed is Deed.PAYS_SLOWLY:
            await self._until_end(terminal, name, (channel, code), early_s=self._chance.uniform(0.0, 3.0))
        elif deed is Deed.PAYS_LATE:
            self._spawn(self._until_end(terminal, name, (channel, code), early_s=-self._chance.uniform(0.5, 9.0)))
            return
        elif deed in (Deed.CANCELS, Deed.CANCELS_AND_PAYS):
            await asyncio.sleep(self._chance.uniform(0.5, 5.0))
            self._press(terminal.cancel)
            if deed is Deed.CANCELS_AND_PAYS:
                await asyncio.sleep(self._chance.choice((0.0, 0.05, 0.3)))
                self._pay(channel, code, name)
        else:
            return
        await self._wait_for_goods(terminal)

    async def _pay_both(self, terminal: Terminal, name: str, first: tuple[str, str]) -> None:
        """Two phones: one shows the first code, the other is shown the second, and both are paid."""
        other = next(channel for channel in CHANNELS if channel != first[0])
        second = ""
        if self._press(lambda: terminal.choose_channel(other)) and await self._wait_for_code(terminal, other):
            second = self._code_on(terminal, other)
        self._pay(*first, name)
        await asyncio.sleep(self._chance.choice((0.0, 0.1, 0.5, 2.0)))
        self._pay(other, second, name)

    async def _show_codes(self, terminal: Terminal, name: str, offer: tuple[str, str]) -> None:
        """One member's code, or two members' at once; now and then the code on the screen is paid, too."""
        for _ in range(self._chance.choice((1, 1, 1, 2))):
            digits = await self._members.show()
            self._press(partial(terminal.selling.see_line, digits))
            await asyncio.sleep(self._chance.choice((0.0, 0.2, 1.0)))
        if self._chance.random() < 0.3:
            self._pay(*offer, name)

    async def _until_end(self, terminal: Terminal, name: str, offer: tuple[str, str], *, early_s: float) -> None:
        sale = terminal.selling.sale
        await asyncio.sleep(max(0.0, sale.expires_at_s - terminal.selling.now_s() - early_s))
        self._pay(*offer, name, is_late=early_s < 0)

    async def _type_code(self, terminal: Terminal, name: str, deed: Deed) -> bool:
        digits = f"{self._chance.randrange(10**8):08d}"
        if deed is Deed.TYPES_CODE and self._codes:
            digits = self._chance.choice(self._codes)  # a used one, too
        self.deeds[deed] += 1
        self._trace.note(name, deed)
        return self._press(lambda: terminal.enter_code(digits))

    # --- hands and eyes ----------------------------------------------------------------------------------------------

    def _press(self, button: Callable[[], None]) -> bool:
        """Press a button of the machine that lives now; False when it has no meaning, or no power."""
        life = self._machine.life
        if life is None:
            return False
        try:
            life.node.run(button)
        except VendomatError:
            return False
        return True

    def _pay(self, channel: str, code: str, name: str, *, is_late: bool = False) -> None:
        if not code:
            return
        try:
            self._platforms[channel].pay(code, name, is_late=is_late)
        except RefusedError as refusal:
            self._trace.note(name, f"could not pay with {channel}: {refusal}")

    def _code_on(self, terminal: Terminal, channel: str) -> str:
        order = terminal.selling.sale.order
        return "" if order is None else code_url_of(order, channel)

    def _is_there(self, terminal: Terminal) -> bool:
        return self._machine.terminal is terminal

    async def _wait_for_code(self, terminal: Terminal, channel: str) -> bool:
        for _ in range(int(CODE_PATIENCE_S / LOOK_S)):
            if not self._is_there(terminal):
                return False
            if terminal.selling.sale.screen is Screen.PAYING and self._code_on(terminal, channel):
                return True
            if terminal.selling.sale.screen is Screen.BROWSE and terminal.selling.sale.attempt is None:
                return False
            await asyncio.sleep(LOOK_S)
        return False

    async def _wait_for_goods(self, terminal: Terminal) -> None:
        for _ in range(int(GOODS_PATIENCE_S / LOOK_S)):
            await asyncio.sleep(LOOK_S)
            if not self._is_there(terminal) or terminal.selling.sale.screen in (Screen.BROWSE, Screen.OUT_OF_ORDER):
                return
            if terminal.selling.sale.screen is Screen.RESULT:
                self._press(terminal.done)
                return

    def _spawn(self, work: object) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)  # type: ignore[arg-type]
        self._later.add(task)
        task.add_done_callback(self._later.discard)
