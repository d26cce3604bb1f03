"""`strongroom aws-key ...`: access keys, for clients of AWS's that sign what they ask."""

from typing import Annotated

import typer

from strongroom.cli import arguments, screen
from strongroom.cli.command import command
from strongroom.cli.failures import usage
from strongroom.cli.session import Session
from strongroom.domain import limits

app = typer.Typer(no_args_is_help=True, help="Access keys for AWS's SDKs: make and revoke.")


@command(app, "create")
def create(
    at: Session,
    principal: Annotated[str, typer.Argument(metavar="PRINCIPAL", help="Whose access key it is.")],
    days: arguments.TokenDays = limits.TOKEN_DAYS_DEFAULT,
    description: arguments.Description = None,
    *,
    session: Annotated[
        bool, typer.Option("--session", help="A temporary one, with a session token.")
    ] = False,
    hours: Annotated[
        int,
        typer.Option(
            "--hours",
            metavar="N",
            min=1,
            max=limits.SESSION_HOURS_MAX,
            help="How long the session is.",
        ),
    ] = limits.SESSION_HOURS_DEFAULT,
) -> None:
    """Make an access key. Its secret is shown this once. `token list` lists it."""
    from strongroom.client import calls

    answer = at.ask(
        calls.create_access_key(
            principal, days=days, description=description or "",
            session_hours=hours if session else 0,
        )
    )  # fmt: skip
    if at.json:
        at.show_json(answer)
        return
    screen.show_facts(
        (
            ("access key id", answer.access_key),
            ("secret access key", answer.secret_access_key),
            *([("session token", answer.session_token)] if session else []),
            ("principal", answer.principal),
            ("expires", screen.moment(answer.expires)),
            ("description", answer.description),
        )
    )
    screen.note("Keep the secret now: nobody can show it again.")


@command(app, "revoke")
def revoke(
    at: Session,
    access_key: Annotated[
        str, typer.Argument(metavar="ID", help="The access key's id: SRAK... or SRSK...")
    ],
) -> None:
    """Revoke an access key, at once and everywhere."""
    from strongroom.client import calls
    from strongroom.domain import tokens

    token_id = tokens.parse_access_key_id(access_key)
    if token_id is None:
        raise usage(
            "An access key's id is SRAK, or SRSK, and 16 characters;"
            " `strongroom token list` shows it."
        )
    at.ask(calls.revoke_token(tokens.text_id(token_id)))
    screen.done(f"The access key {access_key} is revoked. It opens nothing any more.")
