"""`strongroom key ...`: the steps of a key's life, and who still uses it."""

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from strongroom.cli import arguments, key_view, screen
from strongroom.cli.command import command
from strongroom.cli.exits import Exit
from strongroom.cli.failures import CommandError, Failure
from strongroom.cli.session import Session
from strongroom.domain import limits

if TYPE_CHECKING:
    from strongroom.domain import asks, transfers


def register(app: typer.Typer) -> None:
    """Add them to `strongroom key`."""

    @command(app, "enable")
    def enable(
        at: Session, name: arguments.KeyName, key_version: arguments.OnlyVersion = None
    ) -> None:
        """Let a disabled key be used again."""
        from strongroom.client import keys

        key_view.show(at, at.ask(keys.enable_key(name, key_version=key_version)))

    @command(app, "disable")
    def disable(
        at: Session, name: arguments.KeyName, key_version: arguments.OnlyVersion = None
    ) -> None:
        """Stop every use of a key, at once and everywhere."""
        from strongroom.client import keys

        key_view.show(at, at.ask(keys.disable_key(name, key_version=key_version)))

    @command(app, "deactivate")
    def deactivate(
        at: Session, name: arguments.KeyName, key_version: arguments.OnlyVersion = None
    ) -> None:
        """End a key's active life: it only decrypts and verifies from now on, for good."""
        from strongroom.client import keys

        key_view.show(at, at.ask(keys.deactivate_key(name, key_version=key_version)))

    @command(app, "mark-compromised")
    def mark_compromised(
        at: Session,
        name: arguments.KeyName,
        key_version: arguments.OnlyVersion = None,
        yes: arguments.Yes = False,
    ) -> None:
        """Say that a key is known to others. There is no way back.

        It only decrypts and verifies from now on, for who has the right key.use-compromised.
        """
        from strongroom.client import keys

        at.needs("key.mark-compromised", name)
        confirm(
            at,
            f"From now on {_thing(name, key_version)} only decrypts and verifies, for who has the"
            " right key.use-compromised; there is no way back.",
            yes=yes,
        )
        key_view.show(at, at.ask(keys.mark_key_compromised(name, key_version=key_version)))

    @command(app, "schedule-destruction")
    def schedule_destruction(
        at: Session,
        name: arguments.KeyName,
        days: Annotated[
            int | None,
            typer.Option(
                "--days",
                metavar="N",
                min=limits.DESTRUCTION_DAYS_MIN,
                max=limits.DESTRUCTION_DAYS_MAX,
                help="How long to wait. Without it, 30, or what the namespace asks for at least.",
            ),
        ] = None,
        key_version: arguments.OnlyVersion = None,
        yes: arguments.Yes = False,
    ) -> None:
        """Stop a key now and erase its material after some days.

        Until then, `cancel-destruction` keeps it.
        """
        from strongroom.client import keys

        at.needs("key.schedule-destruction", name)
        thing = _thing(name, key_version)
        confirm(
            at,
            f"Nothing can be done with {thing} from now on; {_when(days)}, its material is erased"
            " for good.",
            yes=yes,
        )
        call = keys.schedule_key_destruction(name, days=days, key_version=key_version)
        answer = at.ask(call)
        key_view.show(at, answer)
        words = f" --key-version {key_version}" if key_version else ""
        screen.note(
            f"To keep it, before {screen.moment(_destroys(answer, key_version))}:"
            f" strongroom key cancel-destruction {name}{words}"
        )

    @command(app, "cancel-destruction")
    def cancel_destruction(
        at: Session, name: arguments.KeyName, key_version: arguments.OnlyVersion = None
    ) -> None:
        """Keep a key that was to be destroyed. It comes back disabled: look at it, then enable it.

        Unless it had been deactivated or compromised: then it is that again.
        """
        from strongroom.client import keys

        key_view.show(at, at.ask(keys.cancel_key_destruction(name, key_version=key_version)))

    @command(app, "usage")
    def usage(
        at: Session,
        name: arguments.KeyName,
        days: Annotated[
            int,
            typer.Option(
                "--days",
                metavar="N",
                min=1,
                max=limits.USAGE_DAYS_MAX,
                help="How far to look back, today included.",
            ),
        ] = 90,
    ) -> None:
        """Show who used which version and when, and which nobody needs any more.

        Safe to retire is a version that is not current and that nobody used in these days. With
        JSON, there are the counts of each day, too.
        """
        from strongroom.client import transfers

        answer = at.ask(transfers.read_usage(name, days=days))
        if at.json:
            at.show_json(answer)
        else:
            _show_usage(answer)


def confirm(at: Session, what: str, *, yes: bool) -> None:
    """Ask whoever sits at a terminal whether to go on. Raises `CommandError` if not.

    A script is not asked: it is as certain the second time as the first.
    """
    if yes or at.only_shows or sys.stdin is None or not sys.stdin.isatty():
        return
    screen.note(what)
    sys.stderr.write("Go on? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise CommandError(Failure(Exit.REFUSED, "Nothing was done."))


def _thing(name: str, key_version: int | None) -> str:
    return f"version {key_version} of {name}" if key_version else name


def _when(days: int | None) -> str:
    if days is None:
        return "in 30 days, or more if the namespace asks for more"
    date = datetime.now(UTC) + timedelta(days=days)
    return f"in {days} days, on {date:%Y-%m-%d}"


def _destroys(key: "asks.KeyView", key_version: int | None) -> str:
    from msgspec import UNSET

    versions = [] if key.versions is UNSET else key.versions
    found = (each.destroys for each in versions if each.version == key_version)
    return next(found, key.destroys)


def _show_usage(answer: "transfers.UsageView") -> None:
    screen.show_table(
        ("version", "uses", "last used", "safe to retire", "used by"),
        [
            (
                str(each.version),
                f"{each.uses:,}",
                screen.moment(each.last_used) or "not since",
                screen.styled("yes" if each.safe_to_retire else "no"),
                ", ".join(f"{caller.principal} ({caller.uses:,})" for caller in each.callers),
            )
            for each in answer.versions
        ],
    )
    screen.note(f"Since {answer.since.partition('T')[0]}: {answer.uses:,} in all.")
    if not answer.complete:
        screen.note("There is more than fits, so nothing is safe to retire: ask for fewer --days.")
