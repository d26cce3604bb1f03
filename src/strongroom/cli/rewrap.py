"""`strongroom rewrap`."""

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final

import typer

from strongroom.cli import arguments, files, screen
from strongroom.cli.command import command
from strongroom.cli.exits import Exit
from strongroom.cli.failures import CommandError, Failure, usage
from strongroom.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from strongroom.cli.checkpoints import Failed, State, Tally
    from strongroom.cli.records import Lines, Reader
    from strongroom.cli.rewrapping import Key, Target

_FORMATS: Final = ("lines", "json", "csv")


def register(app: typer.Typer, panel: str) -> None:
    """Add it to the app."""

    @command(app, "rewrap", panel=panel)
    def rewrap(
        at: Session,
        key: Annotated[str, typer.Argument(metavar="KEY", help="The key that all shall be under.")],
        source: arguments.Source = files.PIPE,
        out: arguments.Out = None,
        form: Annotated[
            str,
            typer.Option(
                "--format",
                metavar="lines|json|csv",
                help="A ciphertext on each line; an object on each line (JSON Lines); CSV with a"
                " header.",
            ),
        ] = "lines",
        field: Annotated[
            str,
            typer.Option(
                "--field",
                metavar="NAME",
                help="JSON: the field with the ciphertext; a.b for b in a.",
            ),
        ] = "",
        column: Annotated[
            str,
            typer.Option("--column", metavar="NAME", help="CSV: the column with the ciphertext."),
        ] = "",
        context: Annotated[
            list[str] | None,
            typer.Option(
                "--context",
                metavar="NAME=VALUE",
                help="A pair that all were encrypted with; it stays. Repeatable.",
            ),
        ] = None,
        context_field: Annotated[
            list[str] | None,
            typer.Option(
                "--context-field",
                metavar="NAME=FIELD",
                help="A pair whose value is in each record's field or column. Repeatable.",
            ),
        ] = None,
        every: Annotated[
            bool,
            typer.Option(
                "--every", help="Also those that are under the key's current version already."
            ),
        ] = False,
        errors: Annotated[
            str | None,
            typer.Option(
                "--errors",
                metavar="FILE",
                help="Where failed records are told, as JSON Lines; OUT.errors if not given.",
            ),
        ] = None,
        resume: Annotated[
            bool, typer.Option("--resume", help="Go on with a run that was interrupted.")
        ] = False,
        force: arguments.Force = False,
    ) -> None:
        """Turn the old ciphertexts of a stream of records into ones of this key.

        The plaintexts stay in the server. All else in a record stays as it is, byte for byte. A
        record that fails is left unchanged and told with its line; the exit code is then 10.
        Interrupted, even by a power cut, the same command with --resume goes on: a file
        OUT.rewrap remembers how far it was. The right to re-encrypt is needed for the old keys and
        the new one, and key.read for the new one unless --every.
        """
        at.needs("key.re-encrypt", key)
        if at.only_shows:
            raise usage("rewrap sends many requests: `strongroom re-encrypt --print-curl` has one.")
        reader = _reader(form, field, column, arguments.pairs(context_field, "--context-field"))
        pairs = arguments.pairs(context, "--context")
        arguments.only_one({"--resume": resume, "--force": force})
        if out in {None, files.PIPE} and (resume or errors):
            raise usage("--resume and --errors need --out FILE.")
        _not_onto_itself(source, out, errors)
        settings = {
            "key": key, "format": form, "field": field, "column": column, "context": pairs,
            "context_field": context_field or [], "every": every,
        }  # fmt: skip
        with _opened(source) as stream:
            target_key = _key(at, key, every=every)
            if out is None or out == files.PIPE:
                tally = _through(at, stream, reader, target_key, pairs)
            else:
                tally = _to_file(
                    at, stream, reader, target_key, pairs, settings,
                    out=out, errors=errors or out + ".errors", resume=resume, force=force,
                )  # fmt: skip
        _tell(at, tally, key, out, errors)


def _reader(form: str, field: str, column: str, contexts: dict[str, str]) -> "Reader":
    from strongroom.cli import records

    if form not in _FORMATS:
        raise usage(f"--format is one of: {', '.join(_FORMATS)}.")
    if bool(field) != (form == "json"):
        raise usage("--format json needs --field, and only it has fields.")
    if bool(column) != (form == "csv"):
        raise usage("--format csv needs --column, and only it has columns.")
    if form == "json":
        return records.json_lines(field, contexts)
    if form == "csv":
        return records.csv_rows(column, contexts)
    if contexts:
        raise usage("A line holds a ciphertext and no --context-field.")
    return records.lines()


def _not_onto_itself(source: str, out: str | None, errors: str | None) -> None:
    named = [name for name in (source, out, errors) if name is not None and name != files.PIPE]
    if len({Path(name).resolve() for name in named}) != len(named):
        raise usage("--in, --out and --errors are different files.")


@contextlib.contextmanager
def _opened(source: str) -> "Iterator[BinaryIO]":
    if source == files.PIPE:
        if sys.stdin is None:
            raise usage("Standard input is closed: there is nothing to read.")
        if sys.stdin.isatty():
            screen.note("Reading from the terminal; Ctrl-D ends.")
        yield sys.stdin.buffer
        return
    try:
        stream = Path(source).open("rb")  # noqa: SIM115 - closed below; only the opening is guarded
    except OSError as error:
        raise usage(f"{source} cannot be read: {error.strerror}.") from None
    with stream:
        yield stream


def _key(at: Session, name: str, *, every: bool) -> "Key":
    from strongroom.cli.rewrapping import Key
    from strongroom.client import keys

    if every:
        at.connect()
        return Key(name)
    view = at.ask(keys.read_key(name))
    return Key(name, bytes.fromhex(view.id), view.current_version)


class _Pipe:
    """Standard output, and standard error for what fails."""

    def __init__(self) -> None:
        from strongroom.cli.checkpoints import State

        self.state = State(settings="")

    def write(self, records: bytes, failures: "list[Failed]", state: "State") -> None:
        sys.stdout.buffer.write(records)
        for failed in failures:
            screen.note(f"Line {failed.line}: {failed.code}: {failed.detail}")
        self.state = state

    def checkpoint(self) -> None:
        sys.stdout.buffer.flush()


def _through(
    at: Session, stream: BinaryIO, reader: "Reader", key: "Key", context: dict[str, str]
) -> "Tally":
    from strongroom.cli.records import Lines

    source, target = Lines(stream), _Pipe()
    _run(at, source, reader, key, context, target, stream)
    return target.state.tally


def _to_file(
    at: Session,
    stream: BinaryIO,
    reader: "Reader",
    key: "Key",
    context: dict[str, str],
    settings: dict[str, object],
    *,
    out: str,
    errors: str,
    resume: bool,
    force: bool,
) -> "Tally":
    from strongroom.cli.checkpoints import Files, settings_digest
    from strongroom.cli.records import Lines

    target = Files(out, errors, settings_digest(settings), resume=resume, force=force)
    source = Lines(stream)
    try:
        _run(at, source, reader, key, context, target, stream)
        target.finish()
    except BaseException:
        screen.note(f"Stopped after {target.state.tally.records:,} records; --resume goes on.")
        raise
    finally:
        target.close()
    return target.state.tally


def _run(
    at: Session,
    source: "Lines",
    reader: "Reader",
    key: "Key",
    context: dict[str, str],
    target: "Target",
    stream: BinaryIO,
) -> None:
    from strongroom.cli.rewrapping import Rewrapping

    records = reader(source)
    state = target.state
    if state.offset:
        next(records, None)  # the header of CSV is needed again
        if state.offset > source.offset:
            source.go_to(state.offset - state.last_bytes)
            state.check_last(stream)
        source.offset, source.number = state.offset, state.line
    with screen.progress(_left(stream, state.offset)) as advance:
        Rewrapping(at, key, context, target).run(source, records, advance)


def _left(stream: BinaryIO, offset: int) -> int | None:
    """How much there is to read, if that is known."""
    try:
        size = os.fstat(stream.fileno()).st_size
    except OSError:
        return None
    return max(size - offset, 0) or None


def _tell(at: Session, tally: "Tally", key: str, out: str | None, errors: str | None) -> None:
    """What became of it. Raises `CommandError` when something failed."""
    if at.json and out not in {None, files.PIPE}:
        at.show_json(tally)
    noun = "record" if tally.records == 1 else "records"
    parts = [f"{tally.records:,} {noun}: {tally.rewrapped:,} rewrapped under {key}"]
    parts += [f"{tally.current:,} were already"] if tally.current else []
    parts += [f"{tally.without:,} have no ciphertext"] if tally.without else []
    parts += [f"{tally.failed:,} failed"] if tally.failed else []
    said = ", ".join(parts) + "."
    if not tally.failed:
        screen.done(said)
        return
    told = f"{errors or f'{out}.errors'} says" if out not in {None, files.PIPE} else "Above is"
    raise CommandError(
        Failure(Exit.PARTLY, said, f"They were left as they were. {told} which, and why.")
    )
