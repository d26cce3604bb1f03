"""The `strongroom` command: talks to the server like any client."""

import gc
import sys
from typing import Final

_ALLOCATIONS: Final = 20_000


def main() -> None:
    """Run the command with the process's arguments and exit with its code."""
    # Nothing that an import makes is garbage: looking for some cost an eighth of the start.
    gc.set_threshold(_ALLOCATIONS, *gc.get_threshold()[1:])
    try:
        # Imported here, so that importing the package (for its `register` contract, say) costs
        # nothing, and so that Ctrl-C while it loads ends without a traceback, too.
        from strongroom.cli.run import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
