"""`strongroom audit ...`: look at the log, follow it, erase what stands beside it."""

import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

import typer

from strongroom.cli import arguments, screen
from strongroom.cli.command import command
from strongroom.cli.exits import Exit
from strongroom.cli.failures import CommandError, Failure, usage
from strongroom.cli.life import confirm
from strongroom.cli.session import Session
from strongroom.client.problems import ProblemError, UnreachableError
from strongroom.domain import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from strongroom.client.call import Call
    from strongroom.client.exchange import Reply
    from strongroom.domain import asks

    Look = Callable[..., Call[asks.EventPage]]  # `read_audit` with conditions: asks for a page

app = typer.Typer(no_args_is_help=True, help="Who did what, and what was refused.")

_POLL_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 3.0
_POSITION_DIGITS_MAX: Final = 18  # as the server has it
_REQUEST_CHARACTERS: Final = 32
_OWN_REMEMBERED: Final = 1_024

Since = Annotated[
    str, typer.Option("--since", metavar="TIME", help="RFC 3339: 2026-01-31T12:00:00Z.")
]
Until = Annotated[str, typer.Option("--until", metavar="TIME", help="RFC 3339.")]
Who = Annotated[str, typer.Option("--principal", metavar="NAME", help="Whose acts.")]
Key = Annotated[str, typer.Option("--key", metavar="NAME", help="On which key.")]
Action = Annotated[str, typer.Option("--action", metavar="NAME", help="Such as key.encrypt.")]
Outcome = Annotated[str, typer.Option("--outcome", metavar="WORD", help="allowed or refused.")]
Source = Annotated[
    str, typer.Option("--source", metavar="ADDRESS", help="From which address, or token of one.")
]
Request = Annotated[str, typer.Option("--request", metavar="ID", help="Of one request.")]


@command(app, "list")
def list_(
    at: Session,
    since: Since = "",
    until: Until = "",
    principal: Who = "",
    key: Key = "",
    action: Action = "",
    outcome: Outcome = "",
    source: Source = "",
    request: Request = "",
    limit: arguments.Limit = limits.PAGE_ITEMS_DEFAULT,
    page_token: arguments.PageToken = "",
    all_pages: arguments.All = False,
) -> None:
    """List audit entries, oldest first. All conditions hold together.

    With JSON, each entry is one line. `search` shows the newest first.
    """
    from strongroom.client import calls

    look = partial(
        calls.read_audit, since=since, until=until, principal=principal, key=key, action=action,
        outcome=outcome, source=source, request=request,
    )  # fmt: skip
    _show_pages(at, look, _ended, limit, page_token, all_pages=all_pages)


@command(app, "search")
def search(
    at: Session,
    since: Since = "",
    until: Until = "",
    principal: Who = "",
    key: Key = "",
    action: Action = "",
    outcome: Outcome = "",
    source: Source = "",
    request: Request = "",
    limit: arguments.Limit = limits.PAGE_ITEMS_DEFAULT,
    page_token: arguments.PageToken = "",
    all_pages: arguments.All = False,
) -> None:
    """Search the audit log: the newest entries first. All conditions hold together.

    With JSON, each entry is one line. `list` shows the oldest first; `show` all of one entry.
    """
    from strongroom.client import calls

    look = partial(
        calls.read_audit, since=since, until=until, principal=principal, key=key, action=action,
        outcome=outcome, source=source, request=request, newest_first=True,
    )  # fmt: skip
    _show_pages(at, look, _at_the_first, limit, page_token, all_pages=all_pages)


@command(app, "show")
def show(
    at: Session,
    entry: Annotated[
        str, typer.Argument(metavar="ENTRY", help="Its position in the log, or its request's id.")
    ],
) -> None:
    """Show all of one entry: why it was decided so, what was missing, what it changed."""
    event = _found(at, entry)
    if at.json:
        at.show_json(event)
        return
    screen.show_facts(_facts(event))
    if event.erased:
        screen.note("The details that were kept beside it have been erased.")
    screen.note(f"To prove it: strongroom audit receipt {event.request}")


@command(app, "tail")
def tail(
    at: Session,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on showing new entries, until Ctrl-C.")
    ] = False,
    lines: Annotated[
        int, typer.Option("--lines", "-n", metavar="N", min=0, max=1000, help="How many old ones.")
    ] = 10,
    since: Annotated[
        str,
        typer.Option("--since", metavar="TIME", help="Look back to here and no further."),
    ] = "",
    principal: Who = "",
    key: Key = "",
    action: Action = "",
    outcome: Outcome = "",
    source: Source = "",
) -> None:
    """Show the newest audit entries, and with -f every new one as it comes.

    Each look at the log is an entry of the log, too. Those of this command are left out. With
    JSON, each entry is one line.
    """
    from strongroom.client import calls

    look = partial(
        calls.read_audit, since=since, principal=principal, key=key, action=action,
        outcome=outcome, source=source,
    )  # fmt: skip
    printer = _Printer(at)
    log = _Log(at, look)
    printer.show(log.newest(lines))
    while follow:  # until Ctrl-C
        time.sleep(_POLL_SECONDS)
        for events in log.rest():
            printer.show(events)


@command(app, "erase-details")
def erase_details(
    at: Session,
    identifiers: Annotated[
        bool,
        typer.Option(
            "--identifiers",
            help="From now on, too, the same address has another token than before.",
        ),
    ] = False,
    yes: arguments.Yes = False,
) -> None:
    """Erase what entries keep beside them: the addresses, where those are private.

    The entries stay, and so does every proof about them. There is no way back.
    """
    from strongroom.client import calls

    at.needs("audit.erase-details")
    confirm(
        at,
        "Nobody can read the addresses of any entry until now any more; there is no way back.",
        yes=yes,
    )
    answer = at.ask(calls.erase_details(identifiers=identifiers))
    if at.json:
        at.show_json(answer)
        return
    screen.show_facts(
        (
            ("details", f"erased; sealed by key {answer.details_generation} from now on"),
            ("tokens", f"made by key {answer.identifiers_generation}"),
        )
    )


def _show_pages(
    at: Session,
    look: "Look",
    ended: "Callable[[asks.EventPage], bool]",
    limit: int,
    page_token: str,
    *,
    all_pages: bool,
) -> None:
    printer = _Printer(at)
    shown = 0
    while True:
        wanted = limits.PAGE_ITEMS_MAX if all_pages else limit - shown
        page = at.ask(look(limit=wanted, page_token=page_token))
        printer.show(page.events)
        shown += len(page.events)
        page_token = page.next_page_token
        # A page can be empty and the log go on: one call looks at a bounded part of it.
        if ended(page) or (shown >= limit and not all_pages):
            break
    if not shown:
        screen.note("There is no such entry.")
    elif not ended(page):
        screen.note(
            f"There may be more: --all shows them, --page-token {page_token} the next page."
        )


def _ended(page: "asks.EventPage") -> bool:
    """Whether nothing was left to look at: the token is the last position that was."""
    try:
        return int(page.next_page_token) + 1 >= page.tree_size
    except ValueError:  # a server of another version: what has been shown is what there is
        return True


def _at_the_first(page: "asks.EventPage") -> bool:
    """The same, for who looks backwards."""
    try:
        return int(page.next_page_token) <= 0
    except ValueError:  # likewise
        return True


def _found(at: Session, entry: str) -> "asks.EventView":
    """The entry at that position, or of that request. Raises the refusal for what is not there."""
    from strongroom.client import calls

    if not entry:
        raise usage("An entry is named by its position in the log, or by its request's id.")
    digits = entry.isascii() and entry.isdigit() and len(entry) <= _POSITION_DIGITS_MAX
    if digits:
        call = calls.read_audit(limit=1, page_token=str(int(entry) - 1))
    else:
        call = calls.read_audit(limit=1, request=entry)
    for event in at.ask(call).events:
        if not digits or event.position == int(entry):
            return event
    raise CommandError(
        Failure(
            Exit.NOT_FOUND,
            f"Not found: entry {entry[:_REQUEST_CHARACTERS]}",
            "There is none in this namespace.",
        )
    )


def _facts(event: "asks.EventView") -> "list[tuple[str, str]]":
    facts = [
        ("position", str(event.position)),
        ("time", screen.neutral(event.time)),
        ("principal", event.principal or "nobody"),
        ("action", event.action),
        ("object", event.object),
        ("version", str(event.version or "")),
        ("outcome", event.outcome),
        ("reason", event.reason),
        ("missing", event.missing),
        ("policies", ", ".join(event.policies)),
    ]
    for name, value in sorted(event.details.items()):
        said = ", ".join(value) if isinstance(value, list) else str(value)
        facts.append((name.replace("_", " "), said))
    facts += [
        ("namespace", event.namespace),
        ("source", event.source),
        *((f"{name} (can be erased)", value) for name, value in sorted(event.opened.items())),
        ("token", event.token),
        ("request", event.request),
        *(("changed", record) for record in event.records),
        ("sealed", event.sealed),
        ("leaf hash", event.leaf_hash),
    ]
    return facts


class _Log:
    """The end of the log and what comes after, without the entries that reading it makes."""

    def __init__(self, at: Session, look: "Look") -> None:
        self._at = at
        self._look = look
        self._page_token = ""
        # Only the newest can still turn up: an entry is in the log before its answer arrives.
        self._own: deque[str] = deque(maxlen=_OWN_REMEMBERED)

    def newest(self, lines: int) -> "list[asks.EventView]":
        """The last entries, oldest first. What comes after them is for `rest`."""
        found: list[asks.EventView] = []
        token = ""
        while True:
            # One, for who wants none: where the log ends is wanted all the same.
            wanted = max(lines - len(found), 1)
            reply = self._at.exchange(self._look(limit=wanted, page_token=token, newest_first=True))
            self._own.append(reply.request_id)
            page = reply.answer
            if not token:
                self._page_token = str(page.tree_size - 1)
            found += page.events
            token = page.next_page_token
            if len(found) >= lines or _at_the_first(page):
                return found[:lines][::-1]

    def rest(self) -> "Iterator[list[asks.EventView]]":
        """Page by page up to the end. Waits while the server is away."""
        while True:
            reply = self._page()
            self._own.append(reply.request_id)
            self._page_token = reply.answer.next_page_token
            yield [event for event in reply.answer.events if event.request not in self._own]
            if _ended(reply.answer):
                return

    def _page(self) -> "Reply[asks.EventPage]":
        said = False
        while True:
            try:
                return self._at.exchange(
                    self._look(limit=limits.PAGE_ITEMS_MAX, page_token=self._page_token)
                )
            except (ProblemError, UnreachableError) as error:
                away = isinstance(error, UnreachableError) or error.code == "unavailable"
                if not away:
                    raise
                if not said:
                    screen.note("The server does not answer; trying again.")
                    said = True
                time.sleep(_RETRY_SECONDS)


class _Printer:
    """Entries as lines: of JSON, or in columns that get wider as the log goes on, never narrower.

    Not a table: the next entry comes when the columns of the last are on the screen already.
    """

    def __init__(self, at: Session) -> None:
        self._json = at.json
        self._widths = [1, 20, 8, 14, 12]

    def show(self, events: "list[asks.EventView]") -> None:
        """Show them at once. What refused one is on a second line, but for programs."""
        if self._json:
            import msgspec

            for event in events:
                screen.show_json_line(msgspec.to_builtins(event))
        else:
            self._show_columns(events)

    def _show_columns(self, events: "list[asks.EventView]") -> None:
        from rich.text import Text

        rows = [(_columns(event), event) for event in events]
        for columns, _ in rows:
            for index, column in enumerate(columns):
                self._widths[index] = min(40, max(self._widths[index], len(column)))
        for columns, event in rows:
            padded = [
                column.ljust(width) for column, width in zip(columns, self._widths, strict=True)
            ]
            line = Text("  ").join(
                [
                    Text(padded[0].strip().rjust(self._widths[0]), style="dim"),
                    Text(padded[1], style="dim"),
                    *map(Text, padded[2:]),
                    screen.styled(event.outcome),
                ]
            )
            if event.outcome == "refused":
                line.append(
                    f"\n{'':{self._widths[0]}}  {screen.neutral(event.reason)}", style="yellow"
                )
                line.append(f"; strongroom why {screen.neutral(event.request)}", style="dim")
            screen.show_flow(line)


def _columns(event: "asks.EventView") -> list[str]:
    version = f" v{event.version}" if event.version else ""
    return [
        str(event.position),
        screen.moment(event.time),
        screen.neutral(event.principal) or "nobody",
        screen.neutral(event.action),
        screen.neutral(event.object) + version,
    ]
