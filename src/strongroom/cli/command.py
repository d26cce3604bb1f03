"""How a command is made: its own parameters, and the options that every command has."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Concatenate, ParamSpec

import typer

from strongroom.cli import screen
from strongroom.cli.session import Session
from strongroom.cli.settings import Common, Output
from strongroom.client.problems import ClientError

P = ParamSpec("P")

PANEL = "Options of every command"

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="Where the server is (or STRONGROOM_URL).",
        rich_help_panel=PANEL,
    ),
]
ProfileName = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="NAME",
        help="Take URL and token from this profile in ~/.config/strongroom/profiles.toml"
        " (or STRONGROOM_PROFILE).",
        rich_help_panel=PANEL,
    ),
]
CaFile = Annotated[
    str | None,
    typer.Option(
        "--ca-file",
        metavar="FILE",
        help="Trust only this CA's certificates (or STRONGROOM_CA_FILE).",
        rich_help_panel=PANEL,
    ),
]
TokenFrom = Annotated[
    str | None,
    typer.Option(
        "--token-from",
        metavar="VARIABLE",
        help="The environment variable with the token. Without it, STRONGROOM_TOKEN.",
        rich_help_panel=PANEL,
    ),
]
OutputOption = Annotated[
    Output | None,
    typer.Option(
        "--output", "-o", help="Tables for people, or JSON for programs.", rich_help_panel=PANEL
    ),
]
PrintCurl = Annotated[
    bool,
    typer.Option(
        "--print-curl",
        help="Print the request as a curl command and send nothing. Plaintexts are in it.",
        rich_help_panel=PANEL,
    ),
]
PrintPolicy = Annotated[
    bool,
    typer.Option(
        "--print-policy",
        help="Print the Cedar policy that this needs and send nothing.",
        rich_help_panel=PANEL,
    ),
]
ForPrincipal = Annotated[
    str | None,
    typer.Option(
        "--for",
        metavar="NAME",
        help="With --print-policy: the principal that it is for.",
        rich_help_panel=PANEL,
    ),
]


def _common(
    url: Url = None,
    profile: ProfileName = None,
    ca_file: CaFile = None,
    token_from: TokenFrom = None,
    output: OutputOption = None,
    print_curl: PrintCurl = False,
    print_policy: PrintPolicy = False,
    for_principal: ForPrincipal = None,
) -> Common:
    return Common(
        url, profile, ca_file, token_from, output, print_curl, print_policy, for_principal
    )


_COMMON_PARAMETERS = list(inspect.signature(_common).parameters.values())
COMMON_NAMES = frozenset(parameter.name for parameter in _COMMON_PARAMETERS)


def command(
    app: typer.Typer, name: str, *, panel: str | None = None
) -> Callable[[Callable[Concatenate[Session, P], None]], Callable[Concatenate[Session, P], None]]:
    """Make a function a command. It gets a `Session`; its docstring is the help text.

    The function stays as it is; typer gets one with the common options after its own.
    """

    def decorate(
        function: Callable[Concatenate[Session, P], None],
    ) -> Callable[Concatenate[Session, P], None]:
        own = list(inspect.signature(function).parameters.values())[1:]

        def run(typer_context: typer.Context, **given: Any) -> None:  # noqa: ANN401 - whatever typer read
            common = _common(**{name: given.pop(name) for name in COMMON_NAMES})
            outer = typer_context.find_object(Common)
            session = Session(common.over(outer))
            typer_context.call_on_close(session.close)
            try:
                function(session, **given)  # type: ignore[call-arg]  # P is the signature below
            except ClientError as error:
                raise session.failure(error) from error
            except BrokenPipeError:
                # As an exit: typer has a rule of its own for the exception.
                raise typer.Exit(screen.abandoned()) from None

        parameters = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in (*own, *_COMMON_PARAMETERS)
        ]
        context = inspect.Parameter(
            "typer_context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context
        )
        run.__signature__ = inspect.Signature([context, *parameters])  # type: ignore[attr-defined]
        run.__annotations__ = {
            parameter.name: parameter.annotation for parameter in (context, *parameters)
        }
        run.__doc__ = function.__doc__
        app.command(name, rich_help_panel=panel)(run)
        return function

    return decorate
