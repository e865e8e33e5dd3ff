"""`python -m lab`."""

from lab.cli.app import main

main()
