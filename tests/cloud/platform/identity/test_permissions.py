"""The subjects of machines and workers; ids that could reach further are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vendomat.cloud.platform.identity.permissions import (
    Permissions,
    cloud_inbox,
    cloud_permissions,
    machine_inbox,
    machine_permissions,
    may_answer,
)
from vendomat.kernel import VendomatError

safe_ids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)


def test_a_machine_has_its_own_subjects_and_no_others() -> None:
    permissions = machine_permissions("m-1")
    assert permissions.publish == ("vm.m-1.up.>",)
    assert permissions.subscribe == ("vm.m-1.down.>", "_INBOX_m-1.>")


def test_a_worker_hears_machines_and_commands_them_but_never_speaks_as_one() -> None:
    permissions = cloud_permissions("w1")
    assert permissions.publish == ("vm.*.down.>",)
    assert permissions.subscribe == ("vm.*.up.>", "_CLOUD_w1.>")


@pytest.mark.parametrize("text", ["", "*", ">", "a.b", "a b", "a*", "ü", "m\n", "a" * 65, "a/b", "$SYS"])
def test_an_id_that_could_reach_further_is_refused(text: str) -> None:
    for issue in (machine_permissions, cloud_permissions):
        with pytest.raises(VendomatError):
            issue(text)


@pytest.mark.parametrize(("publish", "subscribe"), [((), ("a",)), (("a",), ()), ((), ()), (("",), ("a",))])
def test_an_empty_list_is_refused_because_it_means_everything(
    publish: tuple[str, ...], subscribe: tuple[str, ...]
) -> None:
    with pytest.raises(VendomatError, match="allow all"):
        Permissions(publish, subscribe)


@given(safe_ids, safe_ids)
def test_no_machine_shares_a_subject_or_an_inbox_with_another_or_with_the_cloud(one: str, other: str) -> None:
    assert machine_inbox(one) != cloud_inbox(other)
    if one != other:
        first, second = machine_permissions(one), machine_permissions(other)
        assert not {*first.publish, *first.subscribe} & {*second.publish, *second.subscribe}


@pytest.mark.parametrize(
    ("reply", "is_own"),
    [
        ("_INBOX_m1.abc.1", True),
        ("_INBOX_m1.", True),
        ("_INBOX_m1", False),
        ("_INBOX_m12.abc", False),
        ("_INBOX_m2.abc", False),
        ("vm.m2.down.dispense", False),
        ("vm.m1.down.dispense", False),
        ("_INBOX_m1.>", False),
        ("_INBOX_m1.* ", False),
        ("", False),
    ],
)
def test_an_answer_goes_into_the_asking_machines_inbox_only(reply: str, is_own: bool) -> None:
    assert may_answer("m1", reply) is is_own
