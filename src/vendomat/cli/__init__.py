"""The command `vendomat`: one sub-command per program. Each imports only what it needs."""

from vendomat.cli.main import main

__all__ = ["main"]
