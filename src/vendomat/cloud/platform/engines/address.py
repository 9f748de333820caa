"""Where a private PostgreSQL answers, in the forms its clients want. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from vendomat.cloud.platform.engines.postgres_settings import DATABASE, OWNER, SUPERUSER


@dataclass(frozen=True)
class PostgresAddress:
    """`socket_dir` holds the socket; `password` is there when the server also listens on 127.0.0.1:`port`."""

    socket_dir: Path
    port: int
    password: str | None
    binaries: Path

    @property
    def url(self) -> str:
        """The owner's URL over the socket, for asyncpg; the owner is not a superuser."""
        return self.url_of(DATABASE)

    @property
    def superuser_url(self) -> str:
        """The superuser's URL over the socket, for tests and repairs."""
        return self.url_of(DATABASE, SUPERUSER)

    @property
    def tcp_url(self) -> str | None:
        """The owner's URL over TCP, None when the server does not listen there."""
        if self.password is None:
            return None
        return f"postgresql://{OWNER}:{self.password}@127.0.0.1:{self.port}/{DATABASE}"

    def url_of(self, database: str, user: str = OWNER) -> str:
        """The URL of any database over the socket."""
        return f"postgresql://{user}@/{database}?host={quote(str(self.socket_dir), safe='/')}&port={self.port}"

    def environment(self, user: str = OWNER, database: str = DATABASE) -> dict[str, str]:
        """Variables for psql, pg_dump, pgbench and other libpq programs (they lie in `binaries`)."""
        return {"PGHOST": str(self.socket_dir), "PGPORT": str(self.port), "PGUSER": user, "PGDATABASE": database}
