"""`strongroom audit export`: the log in a format of others, or whole for `strongroom-verify`."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final

import typer

from strongroom.cli import arguments, files, screen
from strongroom.cli.audit import Action, Key, Outcome, Request, Since, Source, Until, Who
from strongroom.cli.command import command
from strongroom.cli.exits import Exit
from strongroom.cli.failures import CommandError, Failure, usage
from strongroom.cli.folders import fill
from strongroom.cli.session import Session
from strongroom.domain import limits

if TYPE_CHECKING:
    from strongroom.cli.audit import Look
    from strongroom.domain import asks
    from strongroom.export.entry import Entry
    from strongroom.export.formats import Format

_PART: Final = ".part"
_MODE: Final = 0o600  # it says who did what


def register(app: typer.Typer) -> None:
    """Add it to the app."""

    @command(app, "export")
    def export(
        at: Session,
        format_: Annotated[
            str,
            typer.Option("--format", metavar="NAME", help="jsonl, csv, cloudtrail, ocsf or cef."),
        ] = "",
        folder: Annotated[
            str | None,
            typer.Option(
                "--folder",
                metavar="DIR",
                help="The whole log, for `strongroom-verify folder`: checkpoint, hashes, entries.",
            ),
        ] = None,
        since: Since = "",
        until: Until = "",
        principal: Who = "",
        key: Key = "",
        action: Action = "",
        outcome: Outcome = "",
        source: Source = "",
        request: Request = "",
        page_token: arguments.PageToken = "",
        out: arguments.Out = None,
        force: arguments.Force = False,
    ) -> None:
        """Export audit entries, oldest first, as lines of a format; or the whole log to a folder.

        With --format, the entries of the namespace that match all conditions, up to now. Each is
        checked against its hash. What was cut off is gone on with by the --page-token that is told.

        With --folder, all entries of all namespaces, which is for auditors of the first one. It can
        be repeated: what is there already is not fetched again.
        """
        from strongroom.client import calls

        conditions = (since, until, principal, key, action, outcome, source, request)
        if folder is not None:
            if format_ or any(conditions) or page_token or out is not None:
                raise usage("--folder exports the whole log: it goes with no other option.")
            fill(at, Path(folder))
            return
        chosen = _format(format_)
        at.needs("audit.read")
        target = _Target(out, resumed=bool(page_token), force=force)
        look = partial(
            calls.read_audit, since=since, until=until, principal=principal, key=key,
            action=action, outcome=outcome, source=source, request=request,
            limit=limits.PAGE_ITEMS_MAX,
        )  # fmt: skip
        _export(at, look, chosen, page_token, target)


def _export(
    at: Session, look: "Look", chosen: "Format", page_token: str, target: "_Target"
) -> None:
    count, token = 0, page_token
    page = at.ask(look(page_token=token))  # before there is a file
    # What is asked now is in the log, too: without an end there would always be more.
    end = page.tree_size
    begun = _position(page_token)
    try:
        with target.opened() as stream, screen.progress(end - begun - 1) as advance:
            if not page_token:
                stream.write(chosen.header)
            while True:
                for event in page.events:
                    if event.position < end:
                        stream.write(chosen.line(_entry(event)))
                        count += 1
                stream.flush()
                token = page.next_page_token
                advance(min(_position(token), end - 1) - begun)
                begun = _position(token)
                if begun + 1 >= end:
                    break
                page = at.ask(look(page_token=token))
    except BaseException as error:
        if token != page_token and not isinstance(error, BrokenPipeError):
            target.say_how_to_go_on(token)
        raise
    target.finish()
    screen.done(f"{count:,} {'entry' if count == 1 else 'entries'} exported.")


class _Target:
    """Where the lines go: standard output, or a file that is there when it is whole."""

    def __init__(self, out: str | None, *, resumed: bool, force: bool) -> None:
        files.check_free(out, force=force)
        self._out = None if out in {None, files.PIPE} else Path(str(out))
        self._resumed = resumed
        self._force = force

    @property
    def _draft(self) -> Path | None:
        return None if self._out is None else self._out.with_name(self._out.name + _PART)

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """The stream. Raises `CommandError` when it cannot be written."""
        draft = self._draft
        if draft is None:
            sys.stdout.flush()
            yield sys.stdout.buffer
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        # Without a token it begins anew, whatever an earlier run has left.
        flags |= os.O_APPEND if self._resumed else os.O_TRUNC
        try:
            with os.fdopen(os.open(draft, flags, _MODE), "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise CommandError(
                Failure(Exit.REFUSED, f"{draft} cannot be written: {error.strerror}.")
            ) from None

    def finish(self) -> None:
        """The file is whole."""
        if self._out is not None and self._draft is not None:
            files.put(self._draft, self._out, force=self._force)

    def say_how_to_go_on(self, token: str) -> None:
        """The lines up to that token have been written."""
        where = "" if self._draft is None else f" {self._draft} has what came before."
        screen.note(f"To go on: the same command with --page-token {token}.{where}")


def _format(name: str) -> "Format":
    from strongroom.export.formats import FORMATS

    if name not in FORMATS:
        raise usage(f"--format is one of: {', '.join(FORMATS)}; or give --folder.")
    return FORMATS[name]


def _entry(view: "asks.EventView") -> "Entry":
    """The entry as it was hashed. Raises the refusal for one that is not what its hash is of."""
    import msgspec

    from strongroom.domain.events import FORMAT, Event, Outcome, canonical
    from strongroom.export.entry import Entry
    from strongroom.tlog.merkle import leaf_hash

    said = {
        name: getattr(view, name)
        for name in Event.__struct_fields__
        if name not in {"format", "outcome"}
    }
    # The server says all of an entry but its format. Its hash says that nothing else is amiss.
    for format_ in range(FORMAT, 0, -1):
        try:
            body = canonical(Event(format=format_, outcome=Outcome(view.outcome), **said))
        except (ValueError, msgspec.MsgspecError):
            break
        if leaf_hash(body).hex() == view.leaf_hash:
            return Entry.read(view.position, bytes.fromhex(view.leaf_hash), body)
    raise CommandError(
        Failure(
            Exit.REFUSED,
            f"Entry {view.position} is not what its hash is of.",
            "It was altered on its way, or this program is older than the server.",
        )
    )


def _position(token: str) -> int:
    try:
        return int(token or -1)
    except ValueError:
        return -1
