"""The commands for a database that nobody serves: `accept-restore` and `fsck`."""

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final

import typer

from strongroom.cli import screen
from strongroom.cli.arguments import Yes
from strongroom.cli.exits import Exit
from strongroom.cli.failures import CommandError, Failure, usage
from strongroom.cli.server import (
    PANEL,
    ConfigFile,
    PassphraseFD,
    PassphraseFile,
    in_words,
    load_config,
    passphrase_of,
    show_log_key,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from strongroom.bootstrap import Report, Restore

_WORD: Final = "accept"


def register(app: typer.Typer) -> None:
    """Add them to the app."""
    app.command("accept-restore", rich_help_panel=PANEL)(accept_restore)
    app.command("fsck", rich_help_panel=PANEL)(fsck)


def accept_restore(
    config: ConfigFile,
    passphrase_fd: PassphraseFD = None,
    passphrase_file: PassphraseFile = None,
    accept_rows: Annotated[
        bool,
        typer.Option(
            "--accept-rows",
            help="Also accept rows that are not those that the audit log names last.",
        ),
    ] = False,
    yes: Yes = False,
) -> None:
    """Go on from a database that was restored, offline. It is on record; read the page about it."""
    from strongroom import bootstrap

    with in_words():
        settings = load_config(config)
        secret = passphrase_of(settings, passphrase_fd, passphrase_file, new=False)
        accepted = bootstrap.accept_restore(
            settings, secret, lambda restore: _agreed(restore, yes=yes), with_rows=accept_rows
        )
    if accepted is None:
        screen.note("Nothing was changed.")
        raise typer.Exit(Exit.REFUSED)
    screen.done(f"Accepted. {accepted.destroyed} destructions were done again.")
    screen.note("The log goes on under new keys; your auditors need these beside the old ones.")
    show_log_key(accepted.vkeys)
    screen.note(f"Run it: strongroom serve --config {config}")


def fsck(
    config: ConfigFile,
    passphrase_fd: PassphraseFD = None,
    passphrase_file: PassphraseFile = None,
    progress: Annotated[
        bool, typer.Option("--progress/--no-progress", help="Show how far it is, on a terminal.")
    ] = True,
) -> None:
    """Compute everything anew and compare, offline; nothing is changed. 0: all is well; 1: not."""
    from strongroom import bootstrap
    from strongroom.bootstrap import CannotStart

    with in_words():
        settings = load_config(config)
        secret = passphrase_of(settings, passphrase_fd, passphrase_file, new=False)
    try:
        report = bootstrap.fsck(settings, secret, _bar if progress else _no_bar)
    except CannotStart as error:
        # Apart from a finding: a script must not take one for the other.
        raise CommandError(Failure(Exit.USAGE, f"{error}.")) from error
    _show(report)
    if report.findings:
        raise typer.Exit(Exit.REFUSED)


def _agreed(restore: "Restore", *, yes: bool) -> bool:
    former = restore.former
    facts = [("entries in this database", f"{restore.size:,}")]
    if former is not None:
        facts += [
            ("entries that were signed", f"{former.size:,}"),
            ("lost for good", f"{restore.lost:,}"),
        ]
    facts += [
        ("destructions to do again", f"{restore.destructions:,}"),
        ("rows that contradict the log", f"{len(restore.rows):,}"),
    ]
    screen.show_facts(tuple(facts))
    for doubt in restore.doubts:
        screen.note(f"{doubt[:1].upper()}{doubt[1:]}.")
    for row in restore.rows:
        screen.note(f"{str(row)[:1].upper()}{str(row)[1:]}.")
    if yes:
        return True
    if not sys.stdin.isatty():
        raise usage("There is no terminal to ask on.", "Use --yes if it is decided.")
    screen.note("What was changed, revoked or made since this database was copied is lost.")
    return input(f'To go on from it, type "{_WORD}": ').strip() == _WORD


def _show(report: "Report") -> None:
    for finding in report.findings:
        screen.show_lines(f"{finding}.")
    if report.more:
        screen.show_lines(f"And {report.more:,} more.")
    looked = (
        f"{report.entries:,} audit entries, {report.records:,} rows, {report.credentials:,}"
        f" credentials and {report.counts:,} counts"
    )
    if report.findings:
        screen.failed(f"{len(report.findings) + report.more:,} things are wrong in {looked}.")
        return
    screen.show_facts(
        (
            ("audit entries", f"{report.entries:,}"),
            ("of these signed", f"{report.signed:,}"),
            ("in the anchor", f"{report.anchored:,}"),
            ("rows of records", f"{report.records:,}"),
            ("rows of credentials", f"{report.credentials:,}"),
            ("counts of uses", f"{report.counts:,}"),
            ("root of the log", report.root.hex()),
        )
    )
    screen.done("All is as it must be.")


@contextmanager
def _bar(total: int) -> "Iterator[Callable[[int], None]]":
    with screen.progress(total) as advance:
        yield advance


@contextmanager
def _no_bar(total: int) -> "Iterator[Callable[[int], None]]":
    del total
    yield lambda _: None
