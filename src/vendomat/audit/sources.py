"""Where the evidence lies: the database, and per machine the physical log and the journal, and the platforms' books.

Refuses nothing by itself; a source that cannot be read stops the audit, because half an audit looks like a clean one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from vendomat.kernel import ErrorCode, VendomatError

CABINET_FILE = "cabinet.jsonl"
JOURNAL_FILE = "journal.db"
ENROLMENT_FILE = "enrolment.json"
HOT_ROLE = "vendomat_hot"


@dataclass(frozen=True, slots=True)
class AuditSources:
    """`database_url`: a superuser sees every row; any other user is switched to `HOT_ROLE`, which may read the sale of
    all merchants. `cabinets` and `journals` are files by machine id; `books` is by channel a file or a URL with the
    books as JSON (`accounts`, `trades`, `refunds`)."""

    database_url: str
    cabinets: Mapping[str, Path] = field(default_factory=dict)
    journals: Mapping[str, Path] = field(default_factory=dict)
    books: Mapping[str, str] = field(default_factory=dict)


class _Enrolment(msgspec.Struct, frozen=True):
    machine_id: str


def machine_files(folder: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """The cabinets' logs and the journals of `folder`, which has one folder per machine.

    A machine's id is the one it was enrolled under; a folder without an enrolment is named by the id itself.
    """
    cabinets: dict[str, Path] = {}
    journals: dict[str, Path] = {}
    if not folder.is_dir():
        raise VendomatError(ErrorCode.NOT_FOUND, f"{folder} is not a folder of machines; nothing was audited")
    for machine in sorted(path for path in folder.iterdir() if path.is_dir()):
        if (machine / CABINET_FILE).is_file():
            cabinets[_machine_id(machine)] = machine / CABINET_FILE
        if (machine / JOURNAL_FILE).is_file():
            journals[_machine_id(machine)] = machine / JOURNAL_FILE
    return cabinets, journals


def _machine_id(folder: Path) -> str:
    enrolment = folder / ENROLMENT_FILE
    if not enrolment.exists():
        return folder.name
    try:
        return msgspec.json.decode(enrolment.read_bytes(), type=_Enrolment).machine_id
    except (OSError, msgspec.MsgspecError) as error:
        raise VendomatError(
            ErrorCode.UNAVAILABLE, f"the enrolment {enrolment} cannot be read: {error}; nothing was audited"
        ) from error
