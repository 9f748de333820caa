"""What is wrong with something that was given, as pages are told it."""

from __future__ import annotations

from pydantic import BaseModel

from vendomat.kernel import Flaw, FlawCode


class FlawView(BaseModel):
    """`values` fill the reader's own words for `code`; `text` says the same in English."""

    code: FlawCode
    values: dict[str, str]
    text: str


def flaw_view(found: Flaw | None) -> FlawView | None:
    return None if found is None else FlawView(code=found.code, values=dict(found.values), text=found.text)
