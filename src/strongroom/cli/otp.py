"""`strongroom otp ...`: one-time passwords. Here: what there is, and what becomes of it."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from strongroom.cli import (
    arguments,
    otp_codes,
    otp_export,
    otp_import,
    otp_jobs,
    otp_profiles,
    otp_secrets,
    screen,
)
from strongroom.cli.command import command
from strongroom.cli.life import confirm
from strongroom.cli.otp_view import CreatedAfter, CreatedBefore, CredentialId, show_credential
from strongroom.cli.paging import collected, more
from strongroom.cli.session import Session
from strongroom.domain import limits

if TYPE_CHECKING:
    from strongroom.domain.otp.asks import Ended

app = typer.Typer(no_args_is_help=True, help="One-time passwords: made, handed over, verified.")

otp_secrets.register(app)
otp_codes.register(app)


@command(app, "list")
def list_(
    at: Session,
    user: Annotated[
        str, typer.Option("--user", metavar="TEXT", help="Your reference for the user.")
    ] = "",
    state: Annotated[
        str,
        typer.Option(
            "--state", metavar="WORD", help="pending, active, suspended, revoked or destroyed."
        ),
    ] = "",
    kind: Annotated[str, typer.Option("--type", metavar="WORD", help="totp, hotp or ocra.")] = "",
    otp_profile: Annotated[
        str, typer.Option("--otp-profile", metavar="NAME", help="Those of this OTP profile.")
    ] = "",
    serial: Annotated[
        str, typer.Option("--serial", metavar="TEXT", help="The device's serial number.")
    ] = "",
    reminder: Annotated[
        str,
        typer.Option(
            "--reminder",
            metavar="WORD",
            help="Those that somebody should see to: rotation-due, not-fetched, not-proved or"
            " locked.",
        ),
    ] = "",
    locked: Annotated[
        bool | None, typer.Option("--locked/--not-locked", help="Only those that are, or are not.")
    ] = None,
    imported: Annotated[
        bool | None,
        typer.Option("--imported/--made-here", help="Only those whose secret came from elsewhere."),
    ] = None,
    created_before: CreatedBefore = None,
    created_after: CreatedAfter = None,
    limit: arguments.Limit = limits.PAGE_ITEMS_DEFAULT,
    page_token: arguments.PageToken = "",
    all_pages: arguments.All = False,
) -> None:
    """List credentials: a user's, or those that match all that is given."""
    from strongroom.client import otp

    found, following = collected(
        at,
        partial(
            otp.list_credentials, user=user, state=state, type=kind, profile=otp_profile,
            serial=serial, reminder=reminder, locked=locked, imported=imported,
            created_before=arguments.moment(created_before, "--created-before") or "",
            created_after=arguments.moment(created_after, "--created-after") or "",
        ),
        lambda page: page.items,
        limit,
        page_token,
        all_pages=all_pages,
    )  # fmt: skip
    if at.json:
        at.show_json({"items": found, "next_page_token": following})
        return
    if not found and not following:
        screen.note("There is no such credential. To make one: strongroom otp enrol USER")
        return
    screen.show_table(
        ("id", "state", "type", "profile", "created", "see to"),
        [
            (
                each.id, screen.styled(each.state), each.type, each.profile,
                screen.moment(each.created), ", ".join(each.reminders),
            )
            for each in found
        ],
    )  # fmt: skip
    more(following)


@command(app, "show")
def show(at: Session, credential: CredentialId) -> None:
    """Show a credential: everything about it but its secret and its user."""
    from strongroom.client import otp

    show_credential(at, at.ask(otp.read(credential)))


@command(app, "suspend")
def suspend(at: Session, credential: CredentialId) -> None:
    """Stop a credential, at once and everywhere, until it is resumed."""
    from strongroom.client import otp

    show_credential(at, at.ask(otp.suspend(credential)))


@command(app, "resume")
def resume(at: Session, credential: CredentialId) -> None:
    """Let a suspended credential be used again. A lock stays: see `unlock`."""
    from strongroom.client import otp

    show_credential(at, at.ask(otp.resume(credential)))


@command(app, "unlock")
def unlock(at: Session, credential: CredentialId) -> None:
    """Forget a credential's failures, its delay and its lock."""
    from strongroom.client import otp

    show_credential(at, at.ask(otp.unlock(credential)))


@command(app, "revoke")
def revoke(at: Session, credential: CredentialId, yes: arguments.Yes = False) -> None:
    """Stop a credential for good. Its secret stays until it is destroyed."""
    from strongroom.client import otp

    at.needs("otp.revoke", credential)
    confirm(at, f"No code of {credential} is right again, ever.", yes=yes)
    _show_end(at, at.ask(otp.revoke(credential)))


@command(app, "destroy")
def destroy(at: Session, credential: CredentialId, yes: arguments.Yes = False) -> None:
    """Erase a credential's secret. What it was, and when it ended, stays on record."""
    from strongroom.client import otp

    at.needs("otp.destroy", credential)
    confirm(at, f"The secret of {credential} is erased for good.", yes=yes)
    _show_end(at, at.ask(otp.destroy(credential)))


def _show_end(at: Session, ended: "Ended") -> None:
    if at.json:
        at.show_json(ended)
        return
    show_credential(at, ended.credential)
    screen.note(f"For the proof of it: strongroom audit receipt {ended.receipt}")


app.add_typer(otp_profiles.app, name="profile")
app.add_typer(otp_jobs.app, name="job")
otp_import.register(app)
otp_export.register(app)
