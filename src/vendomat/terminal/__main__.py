"""`python -m vendomat.terminal --data DIR`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vendomat.terminal.app import main

parser = argparse.ArgumentParser(prog="python -m vendomat.terminal", description="The program on one machine.")
parser.add_argument("--data", type=Path, required=True, help="folder with terminal.json; all state is kept there")
sys.exit(main(parser.parse_args().data))
