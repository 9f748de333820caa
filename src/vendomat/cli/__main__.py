"""`python -m vendomat.cli`: the same as `vendomat`."""

from vendomat.cli.main import main

main()
