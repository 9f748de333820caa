"""Each flaw has its sentence, and pages have words for it in both languages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from vendomat.kernel import SENTENCES, ErrorCode, FlawCode, VendomatError, flaw, flaw_of, flawed

MESSAGES = Path(__file__).parents[2] / "web" / "apps" / "console" / "src" / "messages"
NAMED = re.compile(r"{(\w+)}")


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_pages_say_every_flaw_with_no_value_it_does_not_have(language: str) -> None:
    messages = json.loads((MESSAGES / f"{language}.json").read_text("utf-8"))
    said = {key.removeprefix("flaw."): text for key, text in messages.items() if key.startswith("flaw.")}
    assert set(said) == set(FlawCode) == set(SENTENCES)
    for code, text in said.items():
        assert set(NAMED.findall(text)) <= set(NAMED.findall(SENTENCES[FlawCode(code)])), code


def test_an_error_carries_its_flaw_and_another_error_is_none() -> None:
    found = flaw(FlawCode.OUT_OF_RANGE, field="price", least=1, most=9)
    error = flawed(found, ErrorCode.CONFLICT)
    assert (error.code, str(error), flaw_of(error)) == (ErrorCode.CONFLICT, "price: 1 to 9; nothing changed", found)
    with pytest.raises(KeyError):
        flaw(FlawCode.OUT_OF_RANGE, field="price")
    with pytest.raises(VendomatError, match="another"):
        flaw_of(VendomatError(ErrorCode.CONFLICT, "another thing"))
