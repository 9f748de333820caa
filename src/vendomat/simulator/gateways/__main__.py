"""`python -m vendomat.simulator.gateways`: see `program`."""

import sys

from vendomat.simulator.gateways.program import main

main(sys.argv[1:])
