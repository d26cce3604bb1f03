"""`strongroom alerts ...`: what the watcher found in the audit log."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from strongroom.cli import arguments, screen
from strongroom.cli.command import command
from strongroom.cli.paging import collected, more
from strongroom.cli.session import Session
from strongroom.domain import limits

if TYPE_CHECKING:
    from strongroom.domain.alerts import AlertView

app = typer.Typer(no_args_is_help=True, help="What the watcher found in the audit log.")

AlertId = Annotated[str, typer.Argument(metavar="ID", help="The alert's id.")]


@command(app, "list")
def list_(
    at: Session,
    acknowledged: Annotated[
        bool | None,
        typer.Option(
            "--acknowledged/--open", help="Only those that somebody has looked at, or nobody."
        ),
    ] = None,
    severity: Annotated[
        str, typer.Option("--severity", metavar="WORD", help="low, medium or high.")
    ] = "",
    limit: arguments.Limit = limits.PAGE_ITEMS_DEFAULT,
    page_token: arguments.PageToken = "",
    all_pages: arguments.All = False,
) -> None:
    """List the alerts of the namespace, the newest first."""
    from strongroom.client import alerts

    state = "" if acknowledged is None else ("acknowledged" if acknowledged else "open")
    found, following = collected(
        at,
        partial(alerts.list_alerts, state=state, severity=severity),
        lambda page: page.alerts,
        limit,
        page_token,
        all_pages=all_pages,
    )
    if at.json:
        at.show_json({"alerts": found, "next_page_token": following})
        return
    if not found and not following:
        screen.note("There is no such alert.")
        return
    screen.show_table(
        ("id", "last entry", "severity", "rule", "subject", "acknowledged by"),
        [
            (
                each.id,
                screen.moment(each.evidence[-1].time),
                screen.styled(each.severity),
                each.rule,
                each.subject,
                each.acknowledged_by,
            )
            for each in found
        ],
    )
    more(following)


@command(app, "show")
def show(at: Session, alert: AlertId) -> None:
    """Show an alert and the entries that it rests on."""
    from strongroom.client import alerts

    answer = at.ask(alerts.read_alert(alert))
    if at.json:
        at.show_json(answer)
    else:
        _show(answer)


@command(app, "acknowledge")
def acknowledge(
    at: Session,
    alert: AlertId,
    note: Annotated[
        str, typer.Option("--note", metavar="TEXT", help="What came of looking at it.")
    ] = "",
) -> None:
    """Say that you have looked at an alert. It is kept who did, when, and the note, for good."""
    from strongroom.client import alerts

    answer = at.ask(alerts.acknowledge_alert(alert, note))
    if at.json:
        at.show_json(answer)
    else:
        screen.done(f"The alert {answer.id} is acknowledged.")


def _show(alert: "AlertView") -> None:
    screen.show_lines(alert.sentence)
    screen.show_facts(
        (
            ("alert", alert.id),
            ("rule", alert.rule),
            ("severity", screen.styled(alert.severity)),
            ("subject", alert.subject),
            ("raised", screen.moment(alert.raised)),
            ("acknowledged", screen.moment(alert.acknowledged) if alert.acknowledged else ""),
            ("by", alert.acknowledged_by),
            ("note", alert.note),
        )
    )
    screen.show_table(
        ("position", "time", "request"),
        [(str(one.position), screen.moment(one.time), one.request) for one in alert.evidence],
    )
    screen.note("For the proof of an entry: strongroom audit receipt REQUEST")
