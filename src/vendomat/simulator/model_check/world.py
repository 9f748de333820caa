"""Machine, cloud, platform and wire put together: one state's successors, and what holds in it. Decides nothing itself.

A delivered message stays on the wire. Taken off it are only messages that can no longer change anything: facts that
the inbox has, words of a run older than the cloud knows, and whatever goes to a machine that is no more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from vendomat.cloud.platform.settings import CloudSettings
from vendomat.simulator.model_check import rules
from vendomat.simulator.model_check.cloud import CloudMoves
from vendomat.simulator.model_check.machine import MachineMoves
from vendomat.simulator.model_check.parts import Bounds, JointMove, Move
from vendomat.simulator.model_check.platform import PlatformMoves
from vendomat.simulator.model_check.wire import FactBook, Layout, bits_of

State = tuple[int, int, int, int]
"""(machine, cloud, platform, wire)"""

Successors = list[tuple[str, State, str]]
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class _Memo(dict[_Key, _Value]):
    """Values worked out at the first asking."""

    def __init__(self, work: Callable[[_Key], _Value]) -> None:
        super().__init__()
        self._work = work

    def __missing__(self, key: _Key) -> _Value:
        value = self[key] = self._work(key)
        return value


class VendingWorld:
    """The world of one order within `bounds`."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.layout = Layout(bounds)
        self.facts = FactBook()
        self.machines = MachineMoves(bounds, self.layout, self.facts)
        self.clouds = CloudMoves(bounds, self.layout, self.facts, CloudSettings())
        self.platforms = PlatformMoves(bounds, self.clouds)
        self._machine_local: _Memo[int, list[Move]] = _Memo(self.machines.local)
        self._cloud_local: _Memo[int, list[Move]] = _Memo(self.clouds.local)
        self._joint: _Memo[tuple[int, int], list[JointMove]] = _Memo(lambda key: self.platforms.joint(*key))
        self._machine_hears: _Memo[tuple[int, int], Move] = _Memo(lambda key: self.machines.receive(*key))
        self._cloud_hears: _Memo[tuple[int, int], list[Move]] = _Memo(lambda key: self.clouds.receive(*key))
        self._acks: _Memo[tuple[int, int], list[Move]] = _Memo(self._acks_of)
        self._blocks: _Memo[tuple[int, int], int] = _Memo(lambda key: self.machines.blocks_deadline(*key))
        self._kept_by_machine: _Memo[int, int] = _Memo(self.machines.hears)
        self._kept_by_cloud: _Memo[int, int] = _Memo(self.clouds.news_for)
        self._broken_cloud: _Memo[int, str] = _Memo(lambda key: rules.broken_cloud(self.clouds.table.values[key]))
        self._late: _Memo[tuple[int, int], str] = _Memo(lambda key: self.clouds.late_words(*key))
        self._settled: _Memo[tuple[int, int], bool] = _Memo(self._is_settled)
        self._broken: _Memo[tuple[int, int, int], str] = _Memo(lambda key: self._rules(*key))

    def start(self) -> State:
        return (self.machines.start(), self.clouds.start(), self.platforms.start(), 0)

    def successors(self, state: State) -> Successors:
        machine, cloud, platform, wire = state
        moves: Successors = []
        for move in self._machine_local[machine]:
            self._move_machine(state, move, moves)
        for move in self._cloud_local[cloud]:
            if move.guard < 0 or self._may_pass(state, move.guard):
                self._move_cloud(state, move, moves)
        for label, cloud_after, platform_after, says, broken in self._joint[cloud, platform]:
            sent, harm = self._sent(wire | says, machine, cloud_after)
            moves.append((label, (machine, cloud_after, platform_after, sent), self._counted(broken or harm)))
        self._deliver(state, moves)
        return moves

    def _deliver(self, state: State, moves: Successors) -> None:
        machine, cloud, _, wire = state
        for bit in bits_of(wire & self.layout.to_machine):
            self._move_machine(state, self._machine_hears[machine, bit], moves)
        if self.bounds.is_following_acks:
            for move in self._acks[machine, cloud]:
                self._move_machine(state, move, moves)
        for bit in bits_of(wire & self.layout.to_cloud):
            for move in self._cloud_hears[cloud, bit]:
                self._move_cloud(state, move, moves)

    def _move_machine(self, state: State, move: Move, moves: Successors) -> None:
        machine, cloud, platform, wire = state
        sent, broken = self._sent(wire | move.says, move.after, cloud)
        broken = move.broken or broken
        if move.starts >= 0:
            broken = broken or rules.broken_start(self.clouds.table.values[cloud], move.starts)
        if broken or move.after != machine or sent != wire:
            moves.append((move.label, (move.after, cloud, platform, sent), self._counted(broken)))

    def _move_cloud(self, state: State, move: Move, moves: Successors) -> None:
        machine, cloud, platform, wire = state
        sent, broken = self._sent(wire | move.says, machine, move.after)
        broken = move.broken or broken
        if broken or move.after != cloud or sent != wire:
            moves.append((move.label, (machine, move.after, platform, sent), self._counted(broken)))

    def _sent(self, wire: int, machine: int, cloud: int) -> tuple[int, str]:
        """The wire without what changes nothing any more; and what breaks if it does."""
        sent = wire & self._kept_by_machine[machine] & self._kept_by_cloud[cloud]
        if sent == wire:
            return wire, ""
        dropped = wire & ~sent & self.layout.of_facts
        return sent, self._late[cloud, dropped] if dropped else ""

    def _may_pass(self, state: State, unit: int) -> bool:
        """Whether the deadline of `unit` can pass: no command that was sent can start its motor any more."""
        blocking = self._blocks[state[0], unit]
        return blocking >= 0 and not state[3] & blocking

    def _acks_of(self, key: tuple[int, int]) -> list[Move]:
        machine, cloud = key
        inbox = self.clouds.table.values[cloud].inbox
        origins = self.facts.origins_in(inbox)
        moves = (self.machines.acknowledge(machine, unit, (epoch, seq)) for unit, epoch, seq in origins)
        return [move for move in moves if move is not None]

    # --- what holds --------------------------------------------------------------------------------------------------

    def broken(self, state: State) -> str:
        return self._broken[state[0], state[1], state[2]]

    def _rules(self, machine_number: int, cloud_number: int, platform_number: int) -> str:
        machine = self.machines.table.values[machine_number]
        cloud = self.clouds.table.values[cloud_number]
        platform = self.platforms.table.values[platform_number]
        found = [
            rules.broken_machine(machine),
            *rules.broken_together(machine, cloud, platform),
            self._broken_cloud[cloud_number],
        ]
        if self.bounds.is_following_acks:
            found.append(rules.broken_acks(machine, frozenset(self.facts.origins_in(cloud.inbox))))
        return next(filter(None, map(self._counted, found)), "")

    def _counted(self, broken: str) -> str:
        return broken if broken and broken.startswith(self.bounds.looking_for) else ""

    def is_settled(self, state: State) -> bool:
        return self._settled[state[1], state[2]]

    def _is_settled(self, key: tuple[int, int]) -> bool:
        return rules.is_settled(self.clouds.table.values[key[0]], self.platforms.table.values[key[1]])
