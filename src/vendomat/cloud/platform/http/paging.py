"""Lists in pages: `limit` and `cursor` in; `data`, `next_cursor`, `has_more` out; newest first by `(at, id)`.

A cursor is opaque to the caller and only a place in the order: it opens nothing that the caller may not see.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

import msgspec
from pydantic import BaseModel

from vendomat.kernel import ErrorCode, VendomatError

LIMIT_DEFAULT = 50
LIMIT_MAX = 200
CURSOR_CHARACTERS_MAX = 200

Row = TypeVar("Row")
Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """One page of a list. `next_cursor` is set when `has_more`."""

    data: list[Item]
    next_cursor: str | None
    has_more: bool


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row already seen: the next page starts after it."""

    at: datetime
    id: str

    def to_text(self) -> str:
        packed = msgspec.json.encode([self.at.isoformat(), self.id])
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")

    @classmethod
    def from_text(cls, text: str) -> Cursor:
        """Raises `VendomatError(invalid_value)` for anything `to_text` did not make."""
        try:
            if len(text) > CURSOR_CHARACTERS_MAX:
                raise ValueError("too long")  # noqa: TRY301 - one answer for every bad cursor
            packed = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
            at, identifier = msgspec.json.decode(packed, type=tuple[datetime, str])
            if at.tzinfo is None or "\x00" in identifier:
                raise ValueError("not ours")  # noqa: TRY301
        except (ValueError, UnicodeError, binascii.Error, msgspec.MsgspecError) as error:
            raise VendomatError(
                ErrorCode.INVALID_VALUE, "this cursor is not one we gave; start again without a cursor"
            ) from error
        return cls(at, identifier)


def page_of(
    rows: Sequence[Row], limit: int, to_item: Callable[[Row], Item], to_cursor: Callable[[Row], Cursor]
) -> Page[Item]:
    """A page from `rows`, which were read with `limit + 1`: the extra row only says that there is more."""
    shown = rows[:limit]
    has_more = len(rows) > limit
    next_cursor = to_cursor(shown[-1]).to_text() if has_more and shown else None
    return Page(data=[to_item(row) for row in shown], next_cursor=next_cursor, has_more=has_more)
