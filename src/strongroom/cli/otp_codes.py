"""`strongroom otp verify` and the like: what is done with codes."""

import getpass
import sys
from typing import Annotated, Final

import typer

from strongroom.cli import arguments, screen
from strongroom.cli.command import command
from strongroom.cli.exits import Exit
from strongroom.cli.failures import usage
from strongroom.cli.otp_view import CredentialId
from strongroom.cli.session import Session

_CHARACTERS_MAX: Final = 128

Challenge = Annotated[
    int | None,
    typer.Option("--challenge", metavar="N", min=1, help="Which challenge the code answers."),
]
Transaction = Annotated[
    list[str] | None,
    typer.Option(
        "--transaction", metavar="NAME=VALUE", help="What the code is bound to. Repeatable."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""

    @command(app, "verify")
    def verify(
        at: Session,
        credential: CredentialId,
        challenge: Challenge = None,
        transaction: Transaction = None,
    ) -> None:
        """Say whether a code is right, and use it up. Exit code 9: it is not.

        The code is asked for on a terminal, or is a line of standard input. It is never an
        argument: those are seen by others.
        """
        from strongroom.client import otp

        at.needs("otp.verify", credential)
        pairs = arguments.pairs(transaction, "--transaction")
        code = _code("Code: ")
        answer = at.ask(otp.verify(credential, code, challenge=challenge, transaction=pairs))
        _say(at, answer, valid=answer.valid, yes="The code is right.", reason=answer.reason)

    @command(app, "verify-user")
    def verify_user(
        at: Session,
        user: Annotated[str, typer.Argument(metavar="USER", help="Your reference for the user.")],
    ) -> None:
        """Say whether a code is right for any of a user's active credentials, and use it up."""
        from strongroom.client import otp

        at.needs("otp.verify-user")
        answer = at.ask(otp.verify_user(user, _code("Code: ")))
        yes = f"The code is right for {answer.id}."
        _say(at, answer, valid=answer.valid, yes=yes, reason=answer.reason)

    @command(app, "activate")
    def activate(
        at: Session,
        credential: CredentialId,
        challenge: Challenge = None,
        transaction: Transaction = None,
    ) -> None:
        """Take the first right code: the credential, or its new secret, is active from then on."""
        from strongroom.client import otp

        at.needs("otp.activate", credential)
        pairs = arguments.pairs(transaction, "--transaction")
        code = _code("The first code: ")
        answer = at.ask(otp.activate(credential, code, challenge=challenge, transaction=pairs))
        _say(at, answer, valid=answer.active, yes="It is active.", reason=answer.reason)

    @command(app, "resync")
    def resync(at: Session, credential: CredentialId) -> None:
        """Find a device again that counted on, or whose clock runs wrong, by two codes in a row."""
        from strongroom.client import otp

        at.needs("otp.resync", credential)
        first, second = _code("A code: "), _code("The one after it: ")
        answer = at.ask(otp.resync(credential, first, second))
        _say(at, answer, valid=answer.resynced, yes="The device is known again.",
             reason=answer.reason)  # fmt: skip

    @command(app, "challenge")
    def challenge(at: Session, credential: CredentialId, transaction: Transaction = None) -> None:
        """Ask a question that a device answers (OCRA), bound to a transaction."""
        from strongroom.client import otp

        pairs = arguments.pairs(transaction, "--transaction")
        answer = at.ask(otp.challenge(credential, transaction=pairs))
        if at.json:
            at.show_json(answer)
            return
        screen.show_facts(
            (
                ("challenge", str(answer.challenge)),
                ("question", answer.question),
                ("suite", answer.suite),
                ("answered until", screen.moment(answer.expires)),
            )
        )

    @command(app, "compute")
    def compute(at: Session, credential: CredentialId, challenge: Challenge = None) -> None:
        """Show the code of now. No role allows this: a policy must."""
        from strongroom.client import otp

        answer = at.ask(otp.compute(credential, challenge=challenge))
        if at.json:
            at.show_json(answer)
        else:
            screen.show_lines(answer.code)


def _code(prompt: str) -> str:
    """A code that nobody sees: typed without an echo, or a line of standard input."""
    if sys.stdin.isatty():
        return getpass.getpass(prompt)
    line = sys.stdin.readline(_CHARACTERS_MAX + 1)
    if not line.strip():
        raise usage("There is no code on standard input: one line each.")
    return line.rstrip("\r\n")


def _say(at: Session, answer: object, *, valid: bool, yes: str, reason: str) -> None:
    if at.json:
        at.show_json(answer)
    elif valid:
        screen.done(yes)
    else:
        screen.failed("The code is not right." + (f" ({reason})" if reason else ""))
    if not valid:
        raise typer.Exit(Exit.NOT_VALID)
