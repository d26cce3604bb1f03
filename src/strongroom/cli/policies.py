"""`strongroom policy ...`, `strongroom explain` and `strongroom why`."""

from typing import Annotated, Final

import typer

from strongroom.cli import arguments, files, screen
from strongroom.cli.command import command
from strongroom.cli.exits import Exit
from strongroom.cli.failures import Failure, usage
from strongroom.cli.session import Session
from strongroom.domain import limits

app = typer.Typer(no_args_is_help=True, help="Who may do what: policies in Cedar.")

PolicyName = Annotated[str, typer.Argument(metavar="NAME", help="The policy's name.")]


@command(app, "list")
def list_(at: Session) -> None:
    """List the policies of the namespace."""
    from strongroom.client import calls

    answer = at.ask(calls.list_policies())
    if at.json:
        at.show_json(answer)
    elif not answer.policies:
        screen.note("There are no policies beside the roles. To write one: strongroom policy put")
    else:
        screen.show_table(
            ("name", "revision", "text"),
            [(each.name, str(each.revision), _first_line(each.text)) for each in answer.policies],
        )


@command(app, "show")
def show(at: Session, name: PolicyName) -> None:
    """Print a policy's text."""
    from strongroom.client import calls

    answer = at.ask(calls.read_policy(name))
    if at.json:
        at.show_json(answer)
    else:
        screen.show_lines(answer.text)


@command(app, "put")
def put(
    at: Session,
    name: PolicyName,
    source: Annotated[
        str, typer.Option("--in", metavar="FILE", help="Read this file instead of standard input.")
    ] = files.PIPE,
) -> None:
    """Write a policy, new or in place of the old text. It holds at once and everywhere."""
    from strongroom.client import calls

    at.needs("policy.write", name)
    # A character of UTF-8 has at most four bytes; the server counts characters.
    data = files.read(source, 4 * limits.POLICY_CHARACTERS_MAX, _TOO_LONG)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise usage(f"{source} is not UTF-8 text.") from None
    answer = at.ask(calls.write_policy(name, text))
    if at.json:
        at.show_json(answer)
    else:
        screen.done(f"The policy {name} is written (revision {answer.revision}).")


@command(app, "delete")
def delete(at: Session, name: PolicyName) -> None:
    """Delete a policy. What it allowed is refused at once; what it forbade is forbidden no more."""
    from strongroom.client import calls

    at.ask(calls.delete_policy(name))
    screen.done(f"The policy {name} is deleted.")


@command(app, "schema")
def schema(at: Session) -> None:
    """Print the Cedar schema that policies are checked against: actions, resources, context."""
    from strongroom.client import calls

    answer = at.ask(calls.list_policies())
    if at.json:
        at.show_json({"schema": answer.schema})
    else:
        screen.show_lines(answer.schema)


def register(app: typer.Typer, panel: str) -> None:
    """Add what stands at the top."""

    @command(app, "explain", panel=panel)
    def explain(
        at: Session,
        principal: Annotated[str, typer.Argument(metavar="PRINCIPAL", help="Who would do it.")],
        action: Annotated[str, typer.Argument(metavar="ACTION", help="Such as key.encrypt.")],
        key: Annotated[
            str | None, typer.Option("--key", metavar="KEY", help="With which key.")
        ] = None,
        context: arguments.Context = None,
    ) -> None:
        """Say whether somebody might do something: which policies decide, or what is missing.

        Nothing is done. The exit code is 0 for either answer.
        """
        from strongroom.client import calls

        call = calls.explain(
            principal, action, key=key, context=arguments.pairs(context, "--context")
        )
        answer = at.ask(call)
        if at.json:
            at.show_json(answer)
            return
        screen.show_facts(
            (
                ("answer", screen.styled("allowed" if answer.allowed else "refused")),
                ("decided by", ", ".join(answer.policies)),
                ("missing", answer.missing),
            )
        )

    @command(app, "why", panel=panel)
    def why(
        at: Session,
        decision: Annotated[
            str, typer.Argument(metavar="DECISION", help="The id that the refusal gave.")
        ],
    ) -> None:
        """Say why a request was refused: what was weighed, what was missing."""
        from strongroom.client import calls

        answer = at.ask(calls.read_decision(decision))
        if at.json:
            at.show_json(answer)
            return
        screen.show_facts(
            (
                ("outcome", screen.styled(answer.outcome)),
                ("reason", answer.reason),
                ("principal", answer.principal),
                ("action", answer.action),
                ("object", answer.object),
                ("time", screen.moment(answer.time)),
                ("weighed", ", ".join(answer.policies)),
                ("missing", answer.missing),
                ("decision", answer.id),
            )
        )


_TOO_LONG: Final = Failure(
    Exit.REFUSED,
    f"The text is longer than {limits.POLICY_CHARACTERS_MAX:,} characters, the most that a policy"
    " has (POLICY_CHARACTERS_MAX).",
)


_SHOWN: Final = 60  # characters of a policy in the list


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = lines[0] if lines else ""
    return first if len(lines) <= 1 and len(first) <= _SHOWN else first[:_SHOWN] + " …"
