"""`vendomat simulate`, as somebody types it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from vendomat.cli.main import app

runner = CliRunner()


def test_a_bug_that_is_not_there_is_refused_with_those_that_are() -> None:
    answer = runner.invoke(app, ["simulate", "--plant", "gremlin"])
    assert answer.exit_code == 2
    assert "gremlin" in answer.output and "disk-lies" in answer.output and "G6" in answer.output


@pytest.mark.parametrize("arguments", [["--worlds", "0"], ["--seed", "-1"], ["--worlds", "many"]])
def test_senseless_numbers_are_refused(arguments: list[str]) -> None:
    assert runner.invoke(app, ["simulate", *arguments]).exit_code == 2


@pytest.mark.slow
def test_worlds_that_hold_are_told_in_figures() -> None:
    answer = runner.invoke(app, ["simulate", "--seed", "4", "--worlds", "2", "--json"])
    assert answer.exit_code == 0, answer.output
    report = json.loads(answer.stdout.splitlines()[-1])  # a root account is told where its database lies
    assert (report["first_seed"], report["worlds"], report["violations"]) == (4, 2, [])
    assert report["machine_s"] > 60 and report["worlds_per_hour"] > 0 and report["faults"]


@pytest.mark.slow
def test_a_planted_bug_is_found_and_its_story_told() -> None:
    answer = runner.invoke(app, ["simulate", "--plant", "disk-lies", "--worlds", "5"])
    assert answer.exit_code == 0, answer.output
    assert "the planted bug 'disk-lies' was found in world" in answer.stdout
    assert "the last of its trace" in answer.stdout and "I7" in answer.stdout


@pytest.mark.slow
def test_a_world_that_breaks_makes_the_telling_fail() -> None:
    answer = runner.invoke(app, ["simulate", "--plant", "disk-lies", "--seed", "1", "--tell"])
    assert answer.exit_code == 1, answer.output
    assert "seed 1 broke at" in answer.stdout
