"""What a program imports is not looked through for garbage; what it makes afterwards is."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref

import pytest

from vendomat.kernel import lasting


class Knot:
    """Garbage that only a collection finds: it holds itself."""

    def __init__(self) -> None:
        self.itself = self


def test_what_is_made_inside_stays_and_what_is_made_outside_goes() -> None:
    """In a process of its own: what is thawed here would be everything that the other tests left."""
    told = "from tests.kernel.test_lasting import stay_and_go; stay_and_go()"
    subprocess.run([sys.executable, "-c", told], check=True)


def stay_and_go() -> None:
    before = gc.get_freeze_count()
    with lasting():
        assert not gc.isenabled()
        kept = weakref.ref(Knot())
    assert gc.isenabled() and gc.get_freeze_count() > before
    gone = weakref.ref(Knot())
    gc.collect()
    assert kept() is not None and gone() is None
    gc.unfreeze()
    gc.collect()
    assert kept() is None


def test_a_failure_inside_leaves_the_collector_as_it_was() -> None:
    with pytest.raises(ImportError), lasting():
        raise ImportError("no such module")
    assert gc.isenabled()
    gc.disable()
    try:
        with lasting():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
