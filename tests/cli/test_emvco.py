"""`vendomat emvco`: a label's code written and read back, and a wrong one told from a right one."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from vendomat.cli.emvco import emvco_app

ENCODE = ["encode", "--scheme", "sg.paynow", "--account", "01=2", "--account", "02=201912345A", "--name", "Vendomat"]
ENCODE += ["--city", "Singapore", "--country", "SG", "--currency", "SGD", "--machine", "A-17", "--amount", "3.50"]


def test_a_label_is_written_and_read_back() -> None:
    text = CliRunner().invoke(emvco_app, ENCODE).stdout.strip()
    done = CliRunner().invoke(emvco_app, ["decode", text, "--json"])
    assert done.exit_code == 0
    said = json.loads(done.stdout)
    assert (said["kind"], said["terminal"], said["amount"], said["currency"]) == ("static", "A-17", "3.50", "SGD")
    assert said["accounts"] == [{"id": "26", "scheme": "sg.paynow", "value": "0009sg.paynow010120210201912345A"}]


def test_without_json_it_is_for_people() -> None:
    text = CliRunner().invoke(emvco_app, ENCODE).stdout.strip()
    lines = CliRunner().invoke(emvco_app, ["decode", text]).stdout.splitlines()
    assert "city      Singapore" in lines


def test_a_wrong_one_says_where_and_exits_1() -> None:
    text = CliRunner().invoke(emvco_app, ENCODE).stdout.strip()
    done = CliRunner().invoke(emvco_app, ["decode", text.replace("Vendomat", "Vendonat")])
    assert done.exit_code == 1
    assert "field 63, character" in done.stderr


def test_what_cannot_be_written_exits_1() -> None:
    done = CliRunner().invoke(emvco_app, [*ENCODE, "--country", "Singapore"])
    assert (done.exit_code, done.stdout) == (1, "")
