"""What the private PostgreSQL is told: settings, who may log in, and the first roles. Pure text."""

from __future__ import annotations

from collections.abc import Mapping

OWNER = "vendomat"
SUPERUSER = "postgres"
DATABASE = "vendomat"

THROWN_AWAY: Mapping[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}
"""Overrides for a database that nobody wants back: a power cut or a kill of the server may cost what was committed."""


def settings(overrides: Mapping[str, str] | None = None) -> dict[str, str]:
    """Server settings for a small box (2 cores, several GiB), with `overrides` on top.

    Durability is never traded for speed here: `fsync`, `full_page_writes` and `synchronous_commit` are on.
    """
    return {
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "wal_level": "replica",  # base backups and archiving stay possible
        "max_wal_size": "2GB",
        "min_wal_size": "256MB",
        "checkpoint_timeout": "15min",
        "shared_buffers": "256MB",
        "effective_cache_size": "4GB",
        "work_mem": "16MB",
        "maintenance_work_mem": "128MB",
        "max_connections": "200",
        "max_parallel_workers_per_gather": "0",  # two cores: a report must not slow a sale
        "random_page_cost": "1.1",
        "jit": "off",
        "io_method": "sync",  # no helper processes: a faster start, and the disk is the limit anyway
        "huge_pages": "off",
        "idle_in_transaction_session_timeout": "60s",
        "log_min_messages": "warning",
        "log_checkpoints": "off",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        "timezone": "UTC",
        "log_timezone": "UTC",
    } | dict(overrides or {})


def access_rules() -> str:
    """`pg_hba.conf`: the socket lies in a folder of mode 0700, the key to it; over TCP the owner has a password."""
    return (
        "local all all trust\n"
        f"host all {OWNER} 127.0.0.1/32 scram-sha-256\n"
        "# Nobody else, and the superuser never over TCP.\n"
    )


def first_statements(password: str) -> list[str]:
    """What makes an empty cluster Vendomat's: an owner who is no superuser and cannot step over row-level security."""
    assert password and "'" not in password and "\\" not in password
    return [
        f"CREATE ROLE {OWNER} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB CREATEROLE PASSWORD '{password}'",
        f"CREATE DATABASE {DATABASE} OWNER {OWNER}",
        f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC",
    ]
