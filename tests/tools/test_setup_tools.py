"""The small tools of the set-up: the browser is found or explained, a lock is installed the second way when need be."""

from __future__ import annotations

import sys
from pathlib import Path

import ensure_browser
import install_locked
import lint
import pytest


def exit_with(code: int) -> list[str]:
    """A command that ends with `code`."""
    return [sys.executable, "-c", f"raise SystemExit({code})"]


def test_a_browser_is_found_on_the_path(tmp_path: Path) -> None:
    assert ensure_browser.find_browser(str(tmp_path)) is None
    browser = tmp_path / "chromium"
    browser.write_text("#!/bin/sh\n")
    browser.chmod(0o755)
    assert ensure_browser.find_browser(str(tmp_path)) == str(browser)


def test_a_failed_apt_is_told_and_is_not_a_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    apt = tmp_path / "apt-get"
    apt.write_text("#!/bin/sh\necho 'no network' >&2\nexit 100\n")
    apt.chmod(0o755)
    assert ensure_browser.install_through_apt(str(apt)) is False
    assert "apt-get update failed: no network" in capsys.readouterr().out


def test_the_advice_names_the_packages() -> None:
    assert "apt-get install -y chromium fonts-noto-cjk" in ensure_browser.ADVICE


def test_the_first_way_that_works_is_the_last_one_tried(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    second = [sys.executable, "-c", f"open({str(mark)!r}, 'w')"]
    assert install_locked.install([exit_with(0), second]) == 0
    assert not mark.exists()
    assert install_locked.install([exit_with(3), second]) == 0
    assert mark.exists()


def test_an_installation_that_fails_every_way_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert install_locked.install([["no-such-program-anywhere"], exit_with(3)]) == 3
    assert "failed with exit code 3" in capsys.readouterr().err


def test_every_way_demands_hashes() -> None:
    assert all("--require-hashes" in way for way in install_locked.commands(Path("requirements-dev.lock")))


def test_a_lock_that_does_not_exist_is_refused() -> None:
    assert install_locked.main(["no-such.lock"]) == 2
    assert install_locked.main([]) == 2


def test_lint_tells_failure_from_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert lint.run_check("good", exit_with(0)) is True
    assert lint.run_check("bad", [sys.executable, "-c", "print('the reason'); raise SystemExit(4)"]) is False
    said = capsys.readouterr().out
    assert "FAILED (4)" in said
    assert "the reason" in said


def test_lint_refuses_a_check_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    assert lint.main(["no such check"]) == 2
    assert "no check is called no such check" in capsys.readouterr().err
