"""The command from outside: what it offers, how it ends, and that it loads no more than it needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import typer

from vendomat.cli.main import app


def vendomat(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "NATS_URL"}}
    command = [sys.executable, "-m", "vendomat.cli", *arguments]
    wide = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    return subprocess.run(
        command, env=plain | wide | environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_help_names_every_command() -> None:
    done = vendomat("--help")
    assert done.returncode == 0
    assert {"cloud", "enrol", "terminal", "migrate", "demo", "audit", "rotate-key"} <= set(done.stdout.split())


def test_the_audits_options_reach_it() -> None:
    done = vendomat("audit", "--help")
    assert done.returncode == 0
    assert {"--database-url", "--journal", "--at-rest"} <= set(done.stdout.split())


def test_an_audit_of_nothing_is_no_clean_audit() -> None:
    assert vendomat("audit").returncode == 2


def test_an_audit_that_cannot_read_says_so() -> None:
    done = vendomat("audit", "--json", "--database-url", "postgresql://127.0.0.1:1/none")
    assert done.returncode == 2
    assert "nothing was audited" in " ".join(done.stderr.split())
    assert done.stdout == ""


def test_migrate_wants_to_be_told_which_database() -> None:
    done = vendomat("migrate")
    assert done.returncode == 2
    assert "DATABASE_URL" in done.stderr


@pytest.mark.parametrize("heavy", ["asyncpg", "fastapi", "sqlalchemy", "apsw", "vendomat.audit", "vendomat.simulator"])
def test_the_command_itself_loads_no_part(heavy: str) -> None:
    code = f"import sys, vendomat.cli; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


@pytest.mark.slow
def test_the_emulators_run_until_told_to_end() -> None:
    command = [sys.executable, "-m", "vendomat.cli", "emulate", "stripe"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as emulators:
        assert emulators.stdout is not None
        ports = json.loads(emulators.stdout.readline())
        with urllib.request.urlopen(f"http://127.0.0.1:{ports['control']}/control/health", timeout=30) as health:
            assert json.load(health)["status"] == "ok"
        with urllib.request.urlopen(f"http://127.0.0.1:{ports['stripe']}/wallet", timeout=30) as page:
            assert "Stripe" in page.read().decode()
        emulators.terminate()
        assert emulators.wait(timeout=60) == 0


@pytest.mark.parametrize("name", ["cloud", "demo", "migrate", "audit", "bench"])
def test_a_command_accepts_its_own_defaults(name: str) -> None:
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    with command.make_context(name, []) as context:
        assert context.command is command


def test_enrol_asks_for_the_link_and_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vendomat.cli", "enrol", "--data", str(tmp_path / "machine")]
    done = subprocess.run(command, input="half a link\n", capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "scan the machine's enrolment code" in done.stdout
    assert "not a whole enrolment link" in " ".join(done.stderr.replace("│", " ").split())
    assert not (tmp_path / "machine").exists()
