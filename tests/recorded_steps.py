"""Recorded steps: what every event does in every state that a test names, kept as text beside the tests.

A step machine that is wrong by one field shows as a changed line. The recorded text is written anew by
`RECORD=1 make fast-tests`; read the difference then: each line of it is a rule that changed.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from vendomat.kernel import IllegalMoveError

FOLDER = Path(__file__).parent / "recorded" / "steps"
_Thing = TypeVar("_Thing")
_Event = TypeVar("_Event")


class Speller:
    """Values as short text.

    `names` are what long ids are called, `start` the moment that times are told from, `brief` says a type in few words.
    """

    def __init__(
        self,
        names: Mapping[str, str],
        start: datetime | None = None,
        brief: Mapping[type, Callable[[Any], str]] | None = None,
    ) -> None:
        self._names = dict(names)
        self._start = start
        self._brief = dict(brief or {})

    def spell(self, value: object) -> str:
        """The value, without fields that are as they are by default."""
        if type(value) in self._brief:
            return self._spell_plain(self._brief[type(value)](value))
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            said = [(f.name, getattr(value, f.name)) for f in dataclasses.fields(value) if _is_worth(value, f)]
            return type(value).__name__ + "(" + ", ".join(f"{n}={self.spell(v)}" for n, v in said) + ")"
        if isinstance(value, msgspec.Struct):
            said = [(name, getattr(value, name)) for name in value.__struct_fields__]
            return type(value).__name__ + "(" + ", ".join(f"{n}={self.spell(v)}" for n, v in said if v) + ")"
        if isinstance(value, Mapping):
            return "{" + ", ".join(f"{self.spell(k)}: {self.spell(v)}" for k, v in sorted(value.items())) + "}"
        if isinstance(value, (tuple, list)):
            return "[" + ", ".join(self.spell(one) for one in value) + "]"
        return self._spell_plain(value)

    def _spell_plain(self, value: object) -> str:
        if isinstance(value, datetime) and self._start is not None:
            return f"+{(value - self._start).total_seconds():g}s"
        if isinstance(value, timedelta):
            return f"{value.total_seconds():g}s"
        text = str(value.value if isinstance(value, Enum) else value)
        for name, short in self._names.items():
            text = text.replace(name, short)
        return text if text else "''"

    def difference(self, before: object, after: object, path: str = "") -> list[str]:
        """The fields that differ, one line each."""
        if before == after:
            return []
        if type(before) is type(after) and dataclasses.is_dataclass(before) and not isinstance(before, type):
            pairs = [(f.name, getattr(before, f.name), getattr(after, f.name)) for f in dataclasses.fields(before)]
            return [line for name, b, a in pairs for line in self.difference(b, a, f"{path}.{name}" if path else name)]
        if isinstance(before, tuple) and isinstance(after, tuple) and len(before) == len(after):
            pairs = [(str(n), b, a) for n, (b, a) in enumerate(zip(before, after, strict=True), start=1)]
            return [line for name, b, a in pairs for line in self.difference(b, a, f"{path}[{name}]")]
        return [f"{path}: {self.spell(before)} -> {self.spell(after)}"]


def _is_worth(value: object, field: dataclasses.Field[object]) -> bool:
    return bool(getattr(value, field.name) != field.default)


def told(
    states: Mapping[str, _Thing],
    events: Mapping[str, _Event],
    step: Callable[[_Thing, _Event], tuple[_Thing, Iterable[object]]],
    speller: Speller,
) -> str:
    """Every state, and what every event does in it; events that do the same there stand together."""
    parts = []
    for name, thing in states.items():
        alike: dict[tuple[str, ...], list[str]] = {}
        for said, event in events.items():
            alike.setdefault(_done(thing, event, step, speller), []).append(said)
        lines = [f"## {name}"]
        for found, said_alike in alike.items():
            lines += ["; ".join(said_alike), *("    " + line for line in found)]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _done(
    thing: _Thing, event: _Event, step: Callable[[_Thing, _Event], tuple[_Thing, Iterable[object]]], speller: Speller
) -> tuple[str, ...]:
    try:
        after, effects = step(thing, event)
    except IllegalMoveError as refusal:
        return (f"refused: {refusal.message}",)
    found = speller.difference(thing, after) + ["=> " + speller.spell(effect) for effect in effects]
    return tuple(found) or ("nothing",)


def check_recorded(name: str, text: str) -> None:
    """`text` is what is recorded as `name`; with RECORD=1 in the environment it becomes so."""
    path = FOLDER / f"{name}.txt"
    if os.environ.get("RECORD"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    recorded, now = path.read_text(encoding="utf-8").split("\n"), text.split("\n")
    pairs = zip(recorded, now, strict=False)
    first = next((n for n, (before, after) in enumerate(pairs) if before != after), min(len(recorded), len(now)))
    assert recorded == now, (
        f"{path.name}, line {first + 1}: a step does something else than recorded; if it is meant, run with RECORD=1 "
        f"and read the difference\n  recorded: {recorded[first : first + 1]}\n  now:      {now[first : first + 1]}"
    )
