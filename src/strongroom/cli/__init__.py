"""The `strongroom` command: talks to the server like any client."""

import sys


def main() -> None:
    """Run the command with the process's arguments and exit with its code."""
    # Imported here, so that importing the package (for its `register` contract, say) costs nothing.
    from strongroom.cli.run import run  # noqa: PLC0415 - as above

    sys.exit(run(sys.argv[1:]))
