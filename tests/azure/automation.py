"""An update by the Automation API, as a program of somebody else's runs one: `python automation.py FOLDER STACK`.

It knows nothing of the lab, and no preview comes before the update.
"""

from __future__ import annotations

import sys

from pulumi import automation


def main() -> None:
    """Update the stack of a folder; the engine's output is this program's."""
    folder, stack = sys.argv[1:]
    try:
        automation.select_stack(stack, work_dir=folder).up(on_output=sys.stdout.write)
    except automation.CommandError:
        sys.exit(1)


if __name__ == "__main__":
    main()
