"""The change log of a merchant: who changed what, why, from what to what; each entry holds the hash of the one before.

An entry's content is canonical JSON (sorted keys, no spaces, UTF-8); its link is the SHA-256 of the previous link and
the content, one per line. So an entry that is changed, moved or taken away breaks every link after it, and the
merchant's head (number and link of the newest entry) shows when the newest are missing. Pure. Refuses no content:
whoever notes a change leaves secrets out of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

State = Mapping[str, object]
"""What JSON can say: names of settings and their values, never a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`actor` is the person's id. `subject` is the id of what was changed; `action` is `<what>.<done>`.

    `before` and `after` hold what differs; None where there was, or is, nothing.
    """

    merchant_id: str
    actor: str
    action: str
    subject: str
    at: datetime
    reason: str = ""
    before: State | None = None
    after: State | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry of a merchant; number 0 and no link before the first."""

    seq: int
    link: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A change in its place in the chain, as it is kept. `content` says everything; the columns are for finding it."""

    change: Change
    seq: int
    content: str
    previous: str
    link: str


def entry_after(head: Head, change: Change) -> Entry:
    """The next entry of the chain."""
    seq = head.seq + 1
    said = {
        "seq": seq,
        "at": change.at.isoformat(),
        "actor": change.actor,
        "action": change.action,
        "subject": change.subject,
        "reason": change.reason,
        "before": change.before,
        "after": change.after,
    }
    content = msgspec.json.encode(said, order="sorted").decode()
    return Entry(change, seq, content, head.link, link_of(head.link, content))


def link_of(previous: str, content: str) -> str:
    return hashlib.sha256(f"{previous}\n{content}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Kept:
    """What a row says of itself, for checking."""

    seq: int
    content: str
    previous: str
    link: str


def broken_after(head: Head, rows: Iterable[Kept]) -> tuple[Head, int | None]:
    """Follow the chain from `head` over `rows`: where it ends, and the first number that does not fit (None: whole)."""
    for row in rows:
        if row.seq != head.seq + 1 or row.previous != head.link or row.link != link_of(row.previous, row.content):
            return head, row.seq
        head = Head(row.seq, row.link)
    return head, None
