"""Who may speak and listen where on the wire. Pure.

A machine: its own `vm.<id>.up.>`, its own `vm.<id>.down.>`, its own inbox. A worker of the cloud: every machine's other
side, its own inbox. Answers go to the subject that a request named, once and soon. Refuses ids that could act as a
wildcard or a second level, and refuses every empty list, because to the server an empty list means "everything".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from vendomat.kernel import ErrorCode, VendomatError

REPLY_TTL_S = 30
"""How long after a request its answer is let through."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Permissions:
    """Subjects a user may publish to and subscribe to; each list has at least one entry."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.publish or not self.subscribe or not all((*self.publish, *self.subscribe)):
            raise VendomatError(
                ErrorCode.INVALID_VALUE,
                "An empty list of subjects would allow all of them. No identity was issued.",
            )


def machine_permissions(machine_id: str) -> Permissions:
    """What a machine may do: speak and listen under its own id only."""
    machine = checked_id(machine_id)
    return Permissions((f"vm.{machine}.up.>",), (f"vm.{machine}.down.>", f"{machine_inbox(machine)}.>"))


def cloud_permissions(worker_id: str) -> Permissions:
    """What a worker of the cloud may do: hear every machine, command every machine, never speak as a machine."""
    return Permissions(("vm.*.down.>",), ("vm.*.up.>", f"{cloud_inbox(worker_id)}.>"))


def machine_inbox(machine_id: str) -> str:
    """The inbox prefix of a machine, for `nats.connect(inbox_prefix=...)`."""
    return f"_INBOX_{checked_id(machine_id)}"


def cloud_inbox(worker_id: str) -> str:
    """The inbox prefix of a worker; no machine id can lead to it."""
    return f"_CLOUD_{checked_id(worker_id)}"


def may_answer(machine_id: str, reply_subject: str) -> bool:
    """Whether an answer to a request of this machine may go to `reply_subject`: into its own inbox and nowhere else.

    Without this check a machine could have the cloud's answer delivered to another machine's command subject.
    """
    return reply_subject.startswith(machine_inbox(machine_id) + ".") and not set(reply_subject) & set("*> \t\r\n")


def checked_id(text: str) -> str:
    """`text` if it is a safe id (1 to 64 of `[A-Za-z0-9_-]`); else raises `VendomatError(INVALID_VALUE)`."""
    if _ID.fullmatch(text) is None:
        raise VendomatError(
            ErrorCode.INVALID_VALUE,
            f"{text!r} is no id: 1 to 64 letters, digits, '_' or '-'. No identity was issued.",
        )
    return text
