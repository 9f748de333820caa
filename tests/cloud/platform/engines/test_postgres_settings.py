"""What the private PostgreSQL is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from vendomat.cloud.platform.engines import THROWN_AWAY, PostgresAddress
from vendomat.cloud.platform.engines.postgres_settings import access_rules, first_statements, settings


def test_overrides_go_on_top_and_leave_the_rest() -> None:
    assert settings({"shared_buffers": "64MB"})["shared_buffers"] == "64MB"
    assert settings({"shared_buffers": "64MB"})["fsync"] == "on"
    assert settings()["shared_buffers"] == "256MB"


def test_durability_is_traded_only_by_name() -> None:
    assert {name: settings()[name] for name in ("fsync", "synchronous_commit", "full_page_writes")} == {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
    }
    assert settings(THROWN_AWAY)["fsync"] == "off"


def test_the_owner_cannot_step_over_row_level_security() -> None:
    create = first_statements("secret")[0]
    assert "NOSUPERUSER" in create and "NOBYPASSRLS" in create


def test_nobody_but_the_owner_comes_over_tcp() -> None:
    rules = [line.split() for line in access_rules().splitlines() if line.startswith("host")]
    assert rules == [["host", "all", "vendomat", "127.0.0.1/32", "scram-sha-256"]]


@pytest.mark.parametrize("password", ["", "a'b", "a\\b"])
def test_a_password_that_would_end_the_statement_is_refused(password: str) -> None:
    with pytest.raises(AssertionError):
        first_statements(password)


def test_an_address_in_all_its_forms() -> None:
    address = PostgresAddress(Path("/a b/run"), 5432, None, Path("/bin"))
    assert address.url == "postgresql://vendomat@/vendomat?host=/a%20b/run&port=5432"
    assert address.superuser_url.startswith("postgresql://postgres@/")
    assert address.tcp_url is None
    assert address.environment() == {
        "PGHOST": "/a b/run",
        "PGPORT": "5432",
        "PGUSER": "vendomat",
        "PGDATABASE": "vendomat",
    }
    listening = PostgresAddress(Path("/run"), 6000, "word", Path("/bin"))
    assert listening.tcp_url == "postgresql://vendomat:word@127.0.0.1:6000/vendomat"
