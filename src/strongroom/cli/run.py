"""One run of the command, from arguments to exit code. Whatever goes wrong ends in words."""

import io
import os
import sys
from collections.abc import Sequence

from strongroom.cli import screen
from strongroom.cli.exits import Exit
from strongroom.cli.failures import CommandError


def run(arguments: Sequence[str]) -> int:
    """Run; the exit code. Never raises, unless STRONGROOM_DEBUG asks for it."""
    _ready_streams()
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        return screen.abandoned()
    except OSError as error:
        screen.abandoned()  # a full disk, perhaps: no second try at exit
        screen.failed(f"The output cannot be written: {error.strerror or type(error).__name__}.")
        return Exit.REFUSED
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return code


def _run(arguments: Sequence[str]) -> int:
    import typer

    from strongroom.cli.app import build

    try:
        # Not standalone: typer's own last words would repeat what was typed, a token perhaps.
        code = build()(args=list(arguments), prog_name="strongroom", standalone_mode=False)
    except CommandError as error:
        screen.failed(error.failure.what, error.failure.advice)
        return error.failure.exit
    except typer.TyperException as error:
        return _misused(error)
    except SystemExit as end:
        # How rich and typer treat a broken pipe; only what it came of tells.
        if isinstance(end.__context__, BrokenPipeError):
            return screen.abandoned()
        return end.code if isinstance(end.code, int) else Exit.DONE
    except (OSError, KeyboardInterrupt):
        raise
    except Exception as error:
        if os.environ.get("STRONGROOM_DEBUG") == "1":
            raise
        # Not the message: it may quote what was being handled.
        screen.failed(
            f"This is a mistake in strongroom: {type(error).__name__}.",
            "STRONGROOM_DEBUG=1 shows where. Please report it.",
        )
        return Exit.REFUSED
    return code if isinstance(code, int) else Exit.DONE


def _misused(error: Exception) -> Exit:
    """Say what typer says of a command line, without what may have been a secret in it."""
    what = error.format_message() if hasattr(error, "format_message") else ""
    if what.startswith("Got unexpected extra argument"):
        what = "There are more arguments than this command takes."
    what = what.replace("Value error, ", "")  # pydantic's word for it, which helps nobody
    context = getattr(error, "ctx", None)
    # Without any words, the help has been shown already.
    if what:
        screen.failed(what, f"To see how it goes: {context.command_path} --help" if context else "")
    return Exit.USAGE


def _ready_streams() -> None:
    """Make standard streams that are closed, or that cannot show every character, do."""
    # Closed on purpose (`>&-`) or by whatever started us: not a reason to fail.
    if sys.stdout is None:
        sys.stdout = _nowhere()
    if sys.stderr is None:
        sys.stderr = _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _nowhere() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.FileIO(os.devnull, "w"), encoding="utf-8")
