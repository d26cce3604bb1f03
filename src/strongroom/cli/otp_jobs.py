"""`strongroom otp job ...`: the same done to many credentials."""

import time
from typing import TYPE_CHECKING, Annotated, Final

import typer
from msgspec import UNSET

from strongroom.cli import arguments, screen
from strongroom.cli.command import command
from strongroom.cli.failures import usage
from strongroom.cli.life import confirm
from strongroom.cli.otp_view import CreatedAfter, CreatedBefore, filter_of
from strongroom.cli.paging import collected, more
from strongroom.cli.session import Session
from strongroom.domain import limits

if TYPE_CHECKING:
    from strongroom.domain.otp.asks import JobView

app = typer.Typer(no_args_is_help=True, help="The same done to whole populations of credentials.")

_LOOKS_SECONDS: Final = 1.0
JobId = Annotated[str, typer.Argument(metavar="ID", help="The job's id.")]
PerSecond = Annotated[
    int | None,
    typer.Option(
        "--per-second",
        metavar="N",
        min=0,
        max=10_000,
        help="At most so many; 0: as fast as it goes.",
    ),
]


@command(app, "create")
def create(
    at: Session,
    action: Annotated[
        str,
        typer.Argument(
            metavar="ACTION", help="suspend, resume, rotate, revoke or destroy each of them."
        ),
    ],
    user: Annotated[str, typer.Option("--user", metavar="TEXT", help="Those of this user.")] = "",
    state: Annotated[
        str, typer.Option("--state", metavar="WORD", help="Those in this state.")
    ] = "",
    kind: Annotated[
        str, typer.Option("--type", metavar="WORD", help="Those of totp, hotp or ocra.")
    ] = "",
    otp_profile: Annotated[
        str, typer.Option("--otp-profile", metavar="NAME", help="Those of this OTP profile.")
    ] = "",
    created_before: CreatedBefore = None,
    created_after: CreatedAfter = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="Every credential of the namespace.")
    ] = False,
    per_second: PerSecond = None,
    description: arguments.Description = None,
    yes: arguments.Yes = False,
) -> None:
    """Do the same to every credential that matches, one after the other.

    It can be paused, resumed and cancelled; each credential has its own entry in the audit log.
    """
    from strongroom.client import otp

    at.needs("otp.create-job")
    wanted = {
        "user": user, "state": state, "type": kind, "profile": otp_profile,
        "created_before": arguments.moment(created_before, "--created-before") or "",
        "created_after": arguments.moment(created_after, "--created-after") or "",
    }  # fmt: skip
    if everything is any(wanted.values()):
        raise usage("Of which credentials? Narrow them down, or say --everything: one of the two.")
    matching = filter_of(wanted)
    those = "every credential" if everything else "every credential that matches"
    confirm(at, f"The job is to {action} {those} of the namespace.", yes=yes)
    call = otp.create_job(
        action, matching, all=everything, per_second=per_second or 0, description=description or ""
    )
    _show(at, at.ask(call))


@command(app, "list")
def list_(
    at: Session,
    limit: arguments.Limit = limits.PAGE_ITEMS_DEFAULT,
    page_token: arguments.PageToken = "",
    all_pages: arguments.All = False,
) -> None:
    """List the jobs, the oldest first."""
    from strongroom.client import otp

    found, following = collected(
        at, otp.list_jobs, lambda page: page.items, limit, page_token, all_pages=all_pages
    )
    if at.json:
        at.show_json({"items": found, "next_page_token": following})
        return
    if found:
        screen.show_table(
            ("id", "action", "state", "progress", "done", "skipped", "created", "by"),
            [
                (
                    each.id, each.action, screen.styled(each.state), f"{each.progress} %",
                    f"{each.done:,}", f"{each.skipped:,}", screen.moment(each.created),
                    each.created_by,
                )
                for each in found
            ],
        )  # fmt: skip
    elif not following:
        screen.note("There are no jobs.")
    more(following)


@command(app, "show")
def show(
    at: Session,
    job: JobId,
    follow: Annotated[
        bool, typer.Option("--follow", help="Stay until it has ended, with a bar on a terminal.")
    ] = False,
) -> None:
    """Say how far a job has come."""
    from strongroom.client import otp

    answer = at.ask(otp.read_job(job))
    if follow:
        with screen.progress(100) as advance:
            advance(answer.progress)
            while answer.state == "running":
                time.sleep(_LOOKS_SECONDS)
                before, answer = answer.progress, at.ask(otp.read_job(job))
                advance(answer.progress - before)
    _show(at, answer)


@command(app, "pause")
def pause(at: Session, job: JobId) -> None:
    """Stop a job before its next credential. `resume` lets it go on from there."""
    _update(at, job, state="paused")


@command(app, "resume")
def resume(at: Session, job: JobId, per_second: PerSecond = None) -> None:
    """Let a paused job go on, at another pace if you like."""
    _update(at, job, state="running", per_second=per_second)


@command(app, "cancel")
def cancel(at: Session, job: JobId) -> None:
    """End a job. What it has done stays done."""
    _update(at, job, state="cancelled")


def _update(at: Session, job: str, *, state: str, per_second: int | None = None) -> None:
    from strongroom.client import otp

    _show(at, at.ask(otp.update_job(job, state=state, per_second=per_second)))


def _show(at: Session, job: "JobView") -> None:
    if at.json:
        at.show_json(job)
        return
    wanted = [
        f"{name}={value}" for name in job.filter.__struct_fields__
        if (value := getattr(job.filter, name)) is not UNSET and value != ""
    ]  # fmt: skip
    if job.subject:
        wanted.append(f"user={job.subject} (a pseudonym)")
    screen.show_facts(
        (
            ("job", job.id),
            ("action", job.action),
            ("of", ", ".join(wanted) or "every credential"),
            ("state", screen.styled(job.state)),
            ("progress", f"{job.progress} %"),
            ("looked at", f"{job.looked_at:,}"),
            ("done", f"{job.done:,}"),
            ("skipped", f"{job.skipped:,}" if job.skipped else ""),
            ("per second", str(job.per_second) if job.per_second else ""),
            ("description", job.description),
            ("created", f"{screen.moment(job.created)} by {job.created_by}"),
            ("ended", screen.moment(job.ended)),
        )
    )
