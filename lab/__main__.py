"""`python -m lab`."""

import sys

try:
    from lab.cli.app import main
except ImportError as error:
    sys.exit(f"error: the virtualenv .venv is not complete: {error}\ndo: make it anew: rm -rf .venv && make up")

main()
