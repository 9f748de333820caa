"""A site's statements as a chain: each names the one before, and a changed one no longer fits. Pure.

The content is canonical JSON (sorted keys, no spaces, UTF-8). A link is the SHA-256 of the previous link, the content's
hash and the hashes of the three files that were made from it, one per line; it stands in the key of the ledger's
transaction too. So a statement, its file or its place cannot be changed without changing what the owner holds and what
the ledger says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

FORMS = ("csv", "pdf_en", "pdf_zh")


@dataclass(frozen=True, slots=True)
class Sealed:
    """One statement of a chain as it is kept. `files` are the hashes of its files by form."""

    position: int
    content: str
    content_sha256: str
    files: Mapping[str, str]
    previous: str
    link: str


def canonical(content: Mapping[str, object]) -> str:
    return msgspec.json.encode(content, order="sorted").decode()


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def link_of(previous: str, content_sha256: str, files: Mapping[str, str]) -> str:
    return sha256_hex("\n".join([previous, content_sha256, *(files[form] for form in FORMS)]).encode())


def broken_at(chain: Sequence[Sealed]) -> int | None:
    """The first position that does not fit its content, its place or the one before it; None for a whole chain."""
    previous = ""
    for position, one in enumerate(chain, start=1):
        is_whole = (
            one.position == position
            and one.previous == previous
            and one.content_sha256 == sha256_hex(one.content.encode())
            and one.link == link_of(previous, one.content_sha256, one.files)
        )
        if not is_whole:
            return position
        previous = one.link
    return None
