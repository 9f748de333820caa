"""What a machine model may be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vendomat.cloud.machine_models import ModelSlot, NewModel
from vendomat.kernel import ErrorCode, VendomatError

GOOD = NewModel("S-60", (ModelSlot("A1", 8), ModelSlot("A2", 100)), maker="Fuji")


def test_a_cabinet_with_slots_is_one() -> None:
    GOOD.check()
    replace(GOOD, maker="").check()
    replace(GOOD, slots=tuple(ModelSlot(f"{row}{n}", 1) for row in "AB" for n in range(100))).check()


@pytest.mark.parametrize(
    "wrong",
    [
        replace(GOOD, name=""),
        replace(GOOD, name="n" * 81),
        replace(GOOD, maker="a\nb"),
        replace(GOOD, slots=()),
        replace(GOOD, slots=(ModelSlot("A1", 1), ModelSlot("A1", 2))),
        replace(GOOD, slots=tuple(ModelSlot(f"{row}{n}", 1) for row in "ABC" for n in range(67))),
        replace(GOOD, slots=(ModelSlot("a1", 1),)),
        replace(GOOD, slots=(ModelSlot("A1", 0),)),
        replace(GOOD, slots=(ModelSlot("A1", 101),)),
    ],
)
def test_what_is_no_cabinet_is_refused_and_named(wrong: NewModel) -> None:
    with pytest.raises(VendomatError) as refused:
        wrong.check()
    assert refused.value.code is ErrorCode.INVALID_VALUE
    assert "nothing changed" in refused.value.message
