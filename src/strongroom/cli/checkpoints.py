"""An output that grows and can be gone on with after any interruption.

Beside the output, `OUT.rewrap` says how much of input and output belongs together. It is replaced
only after that much of the output is on disk. Whoever goes on cuts off what was written later, and
does that part again: nothing is lost or there twice.
"""

import contextlib
import fcntl
import hashlib
import os
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from strongroom.cli import files
from strongroom.cli.exits import Exit
from strongroom.cli.failures import CommandError, Failure, usage

_SUFFIX: Final = ".rewrap"
_STATE_BYTES_MAX: Final = 16 * 1024


class Tally(msgspec.Struct, kw_only=True):
    """What became of the records so far."""

    records: int = 0
    rewrapped: int = 0
    current: int = 0
    without: int = 0
    failed: int = 0


class Failed(msgspec.Struct):
    """A record that was left as it is: where it begins, and why."""

    line: int
    code: str
    detail: str


class State(msgspec.Struct, kw_only=True):
    """How far it went. `settings` and `last` are digests: of how it was done, of the last record.

    Line `line` ends at `offset` of the input.
    """

    format: int = 1
    settings: str
    offset: int = 0
    line: int = 0
    last: str = ""
    last_bytes: int = 0
    output_bytes: int = 0
    errors_bytes: int = 0
    tally: Tally = msgspec.field(default_factory=Tally)

    def ends_with(self, record: bytes) -> None:
        """The last record that is done."""
        self.last, self.last_bytes = hashlib.sha256(record).hexdigest(), len(record)

    def check_last(self, stream: BinaryIO) -> None:
        """Raises `CommandError` when the stream, here, does not go on with the last record."""
        if hashlib.sha256(stream.read(self.last_bytes)).hexdigest() != self.last:
            raise usage("The input is not the one that was begun with; nothing was done.")


def settings_digest(settings: dict[str, object]) -> str:
    """A digest of what must be the same when one goes on."""
    return hashlib.sha256(msgspec.json.encode(settings, order="sorted")).hexdigest()


class Files:
    """Output, errors and state as files."""

    def __init__(self, out: str, errors: str, settings: str, *, resume: bool, force: bool) -> None:
        self._paths = Path(out), Path(errors)
        self._state_path = Path(out + _SUFFIX)
        if resume:
            self.state = self._read_state(settings)
        else:
            if self._state_path.exists() and not force:
                raise CommandError(
                    Failure(
                        Exit.CONFLICT,
                        f"There is an unfinished run for {out}.",
                        "--resume goes on with it, --force begins anew.",
                    )
                )
            for path in self._paths:
                files.check_free(str(path), force=force)
                if force:
                    path.unlink(missing_ok=True)
            self.state = State(settings=settings)
        try:
            self._open(resume=resume)
        except OSError as error:
            raise _cannot(error) from None

    def _open(self, *, resume: bool) -> None:
        if not resume:
            self._write_state()
        self._out = self._opened(self._paths[0], self.state.output_bytes)
        try:
            self._errors = self._opened(self._paths[1], self.state.errors_bytes)
        except BaseException:
            self._out.close()
            raise

    def _opened(self, path: Path, size: int) -> BinaryIO:
        # A link is not followed: the file that is cut must be the one that we made.
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        stream = os.fdopen(os.open(path, flags, 0o666), "r+b")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(stream.fileno()).st_size < size:
                raise usage(f"{path} is shorter than it was; it cannot be gone on with.")
            stream.truncate(size)
            stream.seek(size)
        except BlockingIOError:
            stream.close()
            raise CommandError(
                Failure(Exit.CONFLICT, f"Another run is writing to {path}.")
            ) from None
        except BaseException:
            stream.close()
            raise
        return stream

    def _read_state(self, settings: str) -> State:
        advice = "Without --resume, it begins."
        try:
            with self._state_path.open("rb") as stream:
                state = msgspec.json.decode(stream.read(_STATE_BYTES_MAX), type=State, strict=True)
        except FileNotFoundError:
            raise usage(f"There is no unfinished run for {self._paths[0]}.", advice) from None
        except (OSError, msgspec.MsgspecError):
            raise usage(f"{self._state_path} cannot be read; --force begins anew.") from None
        if state.format != 1 or state.settings != settings:
            raise usage(
                "The unfinished run was begun with other options; it cannot be gone on with these.",
                "Give those that it was begun with, or --force to begin anew.",
            )
        return state

    def write(self, records: bytes, failures: list[Failed], state: State) -> None:
        """Records, and those among them that were left as they are. `state` holds with them."""
        told = b"".join(msgspec.json.encode(failed) + b"\n" for failed in failures)
        try:
            self._out.write(records)
            self._errors.write(told)
        except OSError as error:
            raise _cannot(error) from None
        # In one step, and last: whatever interrupts this, no state is ahead of the output.
        self.state = msgspec.structs.replace(
            state,
            output_bytes=self.state.output_bytes + len(records),
            errors_bytes=self.state.errors_bytes + len(told),
        )

    def checkpoint(self) -> None:
        """What was written is on disk, and `state`, which belongs to it, too."""
        try:
            self._flush()
            self._write_state()
        except OSError as error:
            raise _cannot(error) from None

    def finish(self) -> None:
        """All is on disk; there is nothing to go on with. Without errors, their file goes, too."""
        try:
            self._flush()
            if self.state.errors_bytes == 0:
                self._paths[1].unlink()
            self._state_path.unlink()
            _sync_directory(self._state_path.parent)
        except OSError as error:
            raise _cannot(error) from None

    def close(self) -> None:
        """End it here. What has not been acknowledged may be lost."""
        for stream in (self._out, self._errors):
            with contextlib.suppress(OSError):  # a full disk was told before
                stream.close()

    def _flush(self) -> None:
        for stream in (self._out, self._errors):
            stream.flush()
            os.fsync(stream.fileno())

    def _write_state(self) -> None:
        draft = self._state_path.with_name(self._state_path.name + ".new")
        with draft.open("wb") as stream:
            stream.write(msgspec.json.encode(self.state))
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(self._state_path)
        _sync_directory(self._state_path.parent)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cannot(error: OSError) -> CommandError:
    return CommandError(
        Failure(
            Exit.REFUSED, f"{error.filename or 'The output'} cannot be written: {error.strerror}."
        )
    )
