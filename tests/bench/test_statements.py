"""The server's log becomes a pgbench script: what is the cycle's own varies, the rest stays as it was sent."""

from __future__ import annotations

import pytest

from vendomat.bench.statements import cycle_of, read_log, script_of
from vendomat.kernel import VendomatError

ORDER = "ord_01abcdefgh0123456789abcdef"
MACHINE = "mch_00000000001000000000000000"
HEAD = "2026-11-21 23:11:47.123 UTC [{pid}] vendomat@{database} "


def entry(text: str, parameters: str = "", *, pid: int = 7, database: str = "vendomat") -> str:
    head = HEAD.format(pid=pid, database=database)
    lines = [f"{head}LOG:  execute __asyncpg_stmt_1__: {text}"]
    if parameters:
        lines.append(f"{head}DETAIL:  Parameters: {parameters}")
    return "\n".join(lines)


def plain(text: str, pid: int = 7) -> str:
    return f"{HEAD.format(pid=pid, database='vendomat')}LOG:  statement: {text}"


def writing(table: str) -> str:
    return "\n".join([plain("BEGIN;"), entry(f"INSERT INTO {table} VALUES ($1)", f"$1 = '{ORDER}'"), plain("COMMIT;")])


FIVE = "\n".join(writing(table) for table in ("a", "b", "c", "d", "e"))


def test_a_log_is_read_with_its_parameters_and_further_lines() -> None:
    log = entry("SELECT $1,\n\t$2, $3", "$1 = 'it''s', $2 = NULL, $3 = '{\"a\",\"b, c\"}'")
    ((pid, statement),) = read_log(log, "vendomat")
    assert pid == 7
    assert statement.text == "SELECT $1,\n$2, $3"
    assert statement.parameters == {1: "it's", 2: None, 3: '{"a","b, c"}'}


def test_statements_of_other_databases_are_left_out() -> None:
    assert not list(read_log(entry("SELECT 1", database="elsewhere"), "vendomat"))


def test_only_transactions_that_speak_of_the_cycle_are_taken_whole() -> None:
    log = "\n".join(
        [
            plain("BEGIN;"),
            plain("BEGIN;", pid=8),
            entry("SELECT now()", pid=8),
            entry("UPDATE lonely SET a = 1"),
            entry("INSERT INTO sale VALUES ($1)", f"$1 = '{{{ORDER}}}'"),
            plain("COMMIT;"),
            plain("COMMIT;", pid=8),
            entry("SELECT 2", pid=8),
        ]
    )
    (group,) = cycle_of(list(read_log(log, "vendomat")), [ORDER])
    assert [s.text for s in group] == ["UPDATE lonely SET a = 1", "INSERT INTO sale VALUES ($1)"]


def test_the_script_varies_the_cycles_own_numbers_and_nothing_else() -> None:
    log = FIVE + "\n" + entry("SELECT $1, $2, $3", f"$1 = 'paid:{ORDER}', $2 = 'kept', $3 = '{MACHINE}'")
    cycle = cycle_of(list(read_log(log, "vendomat")), [ORDER])
    script = script_of(cycle, {ORDER: "sale"}, MACHINE)
    assert script.transactions == 6
    assert script.statements == 6
    assert script.text.count("BEGIN;") == 0  # a transaction of one statement needs none
    last = script.text.splitlines()[-1]
    assert last == (
        "SELECT (('paid:' || 'ord_01abcdefgh') || :sale::text), 'kept', ('mch_0000000000' || :machine::text);".replace(
            "('paid:' || 'ord_01abcdefgh')", "'paid:' || 'ord_01abcdefgh'"
        )
    )
    assert "\\set sale random(" in script.text
    assert "\\set machine 1000000000000000 + :client_id" in script.text


def test_a_colon_before_a_letter_is_no_variable_to_pgbench() -> None:
    log = FIVE + "\n" + entry("SELECT $1, $2", f"$1 = '{ORDER}', $2 = 'fund:wechat'")
    script = script_of(cycle_of(list(read_log(log, "vendomat")), [ORDER]), {ORDER: "sale"}, MACHINE)
    assert script.text.splitlines()[-1].endswith("('fund:' || 'wechat');")


def test_a_cycle_that_is_not_whole_is_refused() -> None:
    log = "\n".join(writing(table) for table in ("a", "b", "c", "d"))
    with pytest.raises(VendomatError, match="4 writing transactions"):
        script_of(cycle_of(list(read_log(log, "vendomat")), [ORDER]), {ORDER: "sale"}, MACHINE)
