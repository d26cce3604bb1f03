"""Input and output of `encrypt` and `decrypt`: files, pipes, terminals."""

import os
import secrets
import stat
import sys
from pathlib import Path

from strongroom.cli import screen
from strongroom.cli.exits import Exit
from strongroom.cli.failures import CommandError, Failure, usage

PIPE = "-"


def read(source: str, bytes_max: int, too_long: Failure) -> bytes:
    """All of a file or of standard input. Refuses, without reading on, what exceeds the limit."""
    try:
        if source == PIPE:
            if sys.stdin is None:
                raise usage("Standard input is closed: there is nothing to read.")
            if sys.stdin.isatty():
                screen.note("Reading from the terminal; Ctrl-D ends.")
            data = sys.stdin.buffer.read(bytes_max + 1)
        else:
            with Path(source).open("rb") as stream:
                data = stream.read(bytes_max + 1)
    except FileNotFoundError:
        raise usage(f"There is no file {source}.") from None
    except OSError as error:
        raise usage(f"{source} cannot be read: {error.strerror}.") from None
    if len(data) > bytes_max:
        raise CommandError(too_long)
    return data


def check_free(target: str | None, *, force: bool) -> None:
    """Refuse early, before a key is used, what `write` would refuse in the end."""
    if target is None or target == PIPE:
        return
    try:
        facts = os.lstat(target)
    except FileNotFoundError:
        if not Path(target).parent.is_dir():
            raise usage(f"There is no directory {Path(target).parent}.") from None
        return
    except OSError as error:
        raise usage(f"{target} cannot be written: {error.strerror}.") from None
    if not force:
        raise _exists(target)
    if not stat.S_ISREG(facts.st_mode):
        raise usage(f"{target} is not a plain file; it was not replaced.")


def write(target: str, data: bytes, *, mode: int, force: bool) -> None:
    """Write a file whole or not at all, with this mode from the first moment.

    A file that is there is replaced only with `force`; a link is replaced, never followed.
    """
    path = Path(target)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        # O_EXCL: nobody can have put a link there for us to write through.
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            if not force:
                _claim(path)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:
        raise _exists(target) from None
    except OSError as error:
        raise CommandError(
            Failure(Exit.REFUSED, f"{target} cannot be written: {error.strerror}.")
        ) from None


def put(draft: Path, target: Path, *, force: bool) -> None:
    """Give a file that is whole its name. Another of that name is replaced only with `force`."""
    try:
        if not force:
            _claim(target)
        draft.replace(target)
    except FileExistsError:
        raise _exists(str(target)) from None
    except OSError as error:
        raise CommandError(
            Failure(Exit.REFUSED, f"{target} cannot be written: {error.strerror}.")
        ) from None


def write_bytes(data: bytes) -> None:
    """Onto standard output as it is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _claim(path: Path) -> None:
    """Take the name, or raise `FileExistsError`. A rename would replace what came in between."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _exists(target: str) -> CommandError:
    return CommandError(
        Failure(Exit.CONFLICT, f"{target} exists; it was not touched.", "--force replaces it.")
    )
