"""Sub-commands of `vendomat`. Parses and delegates; decides nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=True, rich_markup_mode="rich", pretty_exceptions_enable=False)

DataDir = Annotated[Path, typer.Option("--data", help="Folder that keeps everything this program must remember.")]


@app.command()
def cloud(
    data: DataDir = Path(".vendomat/cloud"),
    http_port: Annotated[int, typer.Option(help="Console, API and payment notices.")] = 8080,
    https_port: Annotated[int, typer.Option(help="Enrolment and pictures, for machines.")] = 8443,
) -> None:
    """Run the cloud: one worker, with its own PostgreSQL and NATS unless DATABASE_URL and NATS_URL are given."""
    from vendomat.cloud.app.main import run_cloud
    from vendomat.cloud.platform.settings import CloudSettings

    run_cloud(CloudSettings(data_dir=data, http_port=http_port, https_port=https_port))


@app.command()
def terminal(data: Annotated[Path, typer.Option("--data", help="Folder with terminal.json.")]) -> None:
    """Run the program of one machine."""
    from vendomat.terminal.app import main as run_terminal

    raise typer.Exit(run_terminal(data))


@app.command()
def migrate() -> None:
    """Bring the database of DATABASE_URL to the newest schema; safe to repeat."""
    import asyncio

    from vendomat.cloud.platform.database import migrate as run_migrations
    from vendomat.cloud.platform.settings import CloudSettings

    settings = CloudSettings()
    if not settings.database_url:
        raise typer.BadParameter("DATABASE_URL is not set; `vendomat cloud` migrates its own database by itself")
    asyncio.run(run_migrations(settings.database_url))


def main() -> None:
    """The console script."""
    app()
