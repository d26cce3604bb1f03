"""One run of the command, from arguments to exit code. Whatever goes wrong ends in words."""

import os
from collections.abc import Sequence

from strongroom.cli import screen
from strongroom.cli.exits import Exit
from strongroom.cli.failures import CommandError


def run(arguments: Sequence[str]) -> int:
    """Run; the exit code. Never raises, except for what asks the process to end."""
    try:
        from strongroom.cli.app import build

        build()(args=list(arguments), prog_name="strongroom")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else Exit.DONE
    except CommandError as error:
        screen.failed(error.failure.what, error.failure.advice)
        return error.failure.exit
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except OSError as error:
        screen.failed(f"Cannot go on: {error.strerror or type(error).__name__}.")
        return Exit.REFUSED
    except Exception as error:  # noqa: BLE001 - a person gets words; who debugs sets the variable
        if os.environ.get("STRONGROOM_DEBUG") == "1":
            raise
        # Not the message: it may quote what was being handled.
        screen.failed(
            f"This is a mistake in strongroom: {type(error).__name__}.",
            "STRONGROOM_DEBUG=1 shows where. Please report it.",
        )
        return Exit.REFUSED
    return Exit.DONE
