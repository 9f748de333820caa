"""The drawing of the state tables: all tables are found, the page is current, and drift is seen."""

from __future__ import annotations

import importlib
from pathlib import Path

from draw_states import PAGE, collect, page, part_of, table_names

from vendomat.kernel import Moves


def test_tables_are_found_by_what_they_are_given() -> None:
    source = "A = Moves('a', S, {})\nB: Moves[S, E] = Moves('b', S, {})\nC = other('c')\nD = 3\n"
    assert table_names(source) == ["A", "B"]


def test_the_page_shows_every_move_of_every_table(repository: Path) -> None:
    drawings = collect(repository / "src" / "vendomat")
    text = page(drawings)
    assert {"order", "payment", "refund", "sale", "vend"} <= {drawing.name for drawing in drawings}
    for drawing in drawings:
        names = table_names((repository / drawing.file).read_text(encoding="utf-8"))
        tables = [getattr(importlib.import_module(drawing.module), name) for name in names]
        table = next(each for each in tables if isinstance(each, Moves) and each.name == drawing.name)
        for (state, event), moved in table.table.items():
            assert f"    {state} --> {moved}: {event}\n" in text


def test_a_heading_names_the_part_and_the_feature() -> None:
    assert part_of("vendomat.cloud.orders.model") == "cloud: orders"
    assert part_of("vendomat.kernel.steps") == "kernel"


def test_the_kept_page_is_what_the_tables_say(repository: Path) -> None:
    kept = (repository / PAGE).read_text(encoding="utf-8")
    assert kept == page(collect(repository / "src" / "vendomat")), "run `make states`"
