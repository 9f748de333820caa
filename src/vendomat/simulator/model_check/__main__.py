"""`python -m vendomat.simulator.model_check [--wider]`: every check in turn, with the stories; 1 on a surprise."""

from __future__ import annotations

import argparse
import sys

import typer

from vendomat.simulator.model_check import DEFENCE_IN_DEPTH, REMOVALS, WHOLE_DESIGN, WIDER, check


def main() -> int:
    """Print what each check found; whether all of it was as it must be."""
    parser = argparse.ArgumentParser(prog="model_check", description="Check every state of one order within bounds.")
    parser.add_argument("--wider", action="store_true", help="also the bounds that take a minute")
    surprises = 0
    for bounds in (*WHOLE_DESIGN, *(WIDER if parser.parse_args().wider else ())):
        result = check(bounds)
        typer.echo(result.report())
        if result.story is not None:
            surprises += 1
            typer.echo(str(result.story))
    for name, removal in {**REMOVALS, **DEFENCE_IN_DEPTH}.items():
        result = check(removal.bounds)
        typer.echo(f"\n{name}, {result.report()}")
        if result.story is not None:
            typer.echo(str(result.story))
        surprises += name in REMOVALS and result.story is None
    return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main())
