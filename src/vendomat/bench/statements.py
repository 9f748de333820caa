"""From a server's log to a pgbench script: exactly the SQL of one paid vend, as the server saw it. Pure.

The log (all statements, with parameters) is read for the transactions that speak of the traced cycle's own numbers;
each such number becomes a variable of the script, everything else stays as it was sent. Refuses a log in which the
cycle is not whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from vendomat.kernel import ErrorCode, VendomatError

_HEAD = re.compile(r"^\d{4}-\d\d-\d\d \S+ \S+ \[(\d+)\] (?:\S+@(\S*) )?(LOG|DETAIL|[A-Z]+): +(.*)$")
_SAID = re.compile(r"^(?:statement|execute [^:]*): (.*)$", re.DOTALL)
_PARAMETER = re.compile(r"\$(\d+) = (?:'((?:[^']|'')*)'|NULL)(?:, |$)", re.DOTALL)
_DIGITS = 16
_TAIL_MIN = 10**15


@dataclass
class Statement:
    """One statement as the server executed it; a parameter of None is NULL."""

    text: str
    parameters: dict[int, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class CycleScript:
    """A pgbench script whose one run is one cycle."""

    text: str
    statements: int
    transactions: int


def read_log(log: str, database: str) -> Iterator[tuple[int, Statement]]:
    """`(process id, statement)` of everything executed in `database`, in the order of the log."""
    entries: list[tuple[int, str, str]] = []
    for line in log.splitlines():
        head = _HEAD.match(line)
        if head is not None:
            entries.append((int(head[1]) if head[2] == database else -1, head[3], head[4]))
        elif entries:  # the log writes the further lines of a message after a tab
            pid, level, text = entries[-1]
            entries[-1] = (pid, level, f"{text}\n{line.removeprefix(chr(9))}")
    last: Statement | None = None
    for pid, level, text in entries:
        if pid < 0:
            continue
        said = _SAID.match(text) if level == "LOG" else None
        if said is not None:
            last = Statement(said[1])
            yield pid, last
        elif level == "DETAIL" and last is not None and text.lower().startswith("parameters: "):
            values = text.partition(": ")[2]
            last.parameters = {int(m[1]): _unquoted(m[2]) for m in _PARAMETER.finditer(values)}


def _unquoted(text: str | None) -> str | None:
    return None if text is None else text.replace("''", "'")


def cycle_of(statements: Sequence[tuple[int, Statement]], tokens: Sequence[str]) -> list[list[Statement]]:
    """The transactions (a lone statement is one of its own) in which any of `tokens` is spoken of, in order."""
    open_by_pid: dict[int, list[Statement]] = {}
    groups: list[list[Statement]] = []
    for pid, statement in statements:
        word = statement.text.rstrip("; \n").upper()
        if word.startswith("BEGIN"):
            open_by_pid[pid] = []
            groups.append(open_by_pid[pid])
        elif word in ("COMMIT", "ROLLBACK"):
            open_by_pid.pop(pid, None)
        elif pid in open_by_pid:
            open_by_pid[pid].append(statement)
        else:
            groups.append([statement])
    return [group for group in groups if any(_speaks_of(s, tokens) for s in group)]


def _speaks_of(statement: Statement, tokens: Sequence[str]) -> bool:
    return any(token in value for value in statement.parameters.values() if value is not None for token in tokens)


def script_of(cycle: Sequence[Sequence[Statement]], tokens: Mapping[str, str], machine_id: str) -> CycleScript:
    """The script. `tokens` is variable by traced number; each client sells at a machine of its own, counted up from
    `machine_id`. Raises `VendomatError` when the cycle has not its five writing transactions."""
    writing = [group for group in cycle if any(not s.text.lstrip().upper().startswith("SELECT") for s in group)]
    if len(writing) < 5:
        raise VendomatError(
            ErrorCode.UNAVAILABLE, f"the log shows {len(writing)} writing transactions of a cycle, not 5"
        )
    lines = [f"\\set {name} random({_TAIL_MIN}, {10 * _TAIL_MIN - 1})" for name in sorted(set(tokens.values()))]
    lines.append(f"\\set machine {int(machine_id[-_DIGITS:])} + :client_id")
    known = {token: (token[:-_DIGITS], name) for token, name in tokens.items()}
    known[machine_id] = (machine_id[:-_DIGITS], "machine")
    for group in cycle:
        bodies = [_filled(statement, known) + ";" for statement in group]
        lines += bodies if len(bodies) == 1 else ["BEGIN;", *bodies, "COMMIT;"]
    return CycleScript("\n".join(lines) + "\n", sum(len(group) for group in cycle), len(cycle))


def _filled(statement: Statement, known: Mapping[str, tuple[str, str]]) -> str:
    """The statement with its parameters in place."""

    def place(match: re.Match[str]) -> str:
        value = statement.parameters[int(match[1])]
        return "NULL" if value is None else _expression(value, known)

    return re.sub(r"\$(\d+)", place, statement.text.rstrip("; \n"))


def _expression(value: str, known: Mapping[str, tuple[str, str]]) -> str:
    """`value` as SQL: its traced numbers become variables, the rest literals."""
    parts = re.split("(" + "|".join(map(re.escape, known)) + ")", value)
    pieces: list[str] = []
    for part in parts:
        if part in known:
            head, variable = known[part]
            pieces += ([_literal(head)] if head else []) + [f":{variable}::text"]
        elif part:
            pieces.append(_literal(part))
    is_plain = len(pieces) <= 1 and "::text" not in "".join(pieces)
    return (pieces[0] if pieces else "''") if is_plain else "(" + " || ".join(pieces) + ")"


def _literal(text: str) -> str:
    """A literal in which pgbench sees no variable: a colon never stands before a letter."""
    quoted = text.replace("'", "''")
    if not re.search(r":(?=[A-Za-z_])", quoted):
        return f"'{quoted}'"
    return "(" + " || ".join(f"'{piece}'" for piece in re.split(r"(?<=:)(?=[A-Za-z_])", quoted)) + ")"
