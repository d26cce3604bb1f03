"""One run of one command: what was asked for, the way to the server, what to show instead."""

import shlex
import sys
from typing import TYPE_CHECKING

import typer

from strongroom.cli import screen
from strongroom.cli.exits import Exit
from strongroom.cli.failures import (
    CommandError,
    Failure,
    refused,
    sentence,
    unreachable,
    usage,
)
from strongroom.cli.settings import Common, Output, Place, resolve
from strongroom.client.problems import ClientError, ProblemError, UnreachableError
from strongroom.domain.words import ALIAS_PREFIX

if TYPE_CHECKING:
    from types import ModuleType

    from strongroom.client.call import AnswerT, Call
    from strongroom.client.exchange import Reply
    from strongroom.client.synchronous import Client


class Session:
    """What a command works with."""

    def __init__(self, common: Common) -> None:
        self._common = common
        self._client: Client | None = None
        self.place: Place = resolve(common)
        # What a failure is about.
        self.operation = ""
        self.target = ""

    @property
    def json(self) -> bool:
        """Whether the output is for a program."""
        return self._common.output is Output.JSON

    @property
    def only_shows(self) -> bool:
        """Whether nothing is sent: the request or a policy is printed instead."""
        return self._common.print_curl or self._common.print_policy

    @property
    def prints_curl(self) -> bool:
        """Whether the request is printed."""
        return self._common.print_curl

    def needs(self, operation: str, target: str = "", *, before: str = "") -> None:
        """Say what will be asked, before any input is read. The end, with --print-policy.

        `before` is another operation on the same target that must come before.
        """
        self.operation, self.target = operation, target
        if self._common.print_policy:
            for each in filter(None, (before, operation)):
                sys.stdout.write(policy(each, target, self._common.for_principal))
            raise typer.Exit

    def ask(self, call: "Call[AnswerT]") -> "AnswerT":
        """The server's answer. With --print-curl or --print-policy nothing is sent: the end."""
        return self.exchange(call).answer

    def exchange(self, call: "Call[AnswerT]") -> "Reply[AnswerT]":
        """As `ask`, with the request's id."""
        self.needs(call.operation, call.target)
        if self.prints_curl:
            sys.stdout.write(curl(call, self.place))
            if self.place.profile is not None:
                source, variable = self.place.token_source, self.place.variable
                screen.note(f"The token is in {source}; export it as {variable}.")
            raise typer.Exit
        return self._connection().exchange(call)

    def connect(self) -> None:
        """Make the client now, for threads that will share it. No address is called yet."""
        self._connection()

    def show_json(self, answer: object) -> None:
        """The answer as the server gave it."""
        import msgspec

        screen.show_json(msgspec.to_builtins(answer))

    def failure(self, error: ClientError) -> CommandError:
        """What to tell the person who ran the command."""
        if isinstance(error, ProblemError):
            source = self.place.token_source
            return CommandError(refused(error, self.operation, self.target, source))
        if isinstance(error, UnreachableError):
            return CommandError(unreachable(error))
        return CommandError(Failure(Exit.USAGE, sentence(str(error))))

    def close(self) -> None:
        """End the connection."""
        if self._client is not None:
            self._client.close()

    def _connection(self) -> "Client":
        if self._client is None:
            token = self.place.token()
            self._client = _client_class()(
                self.place.url,
                token,
                ca_file=self.place.ca_file,
                unsafe_cleartext=self.place.unsafe_cleartext,
            )
        return self._client


def _client_class() -> "type[Client]":
    # httpx has a command line of its own, and imports click for it where there is click: a fifth of
    # our start, for nothing. Without click it does without.
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]  # None: "absent"
    absent = "click" not in modules
    if absent:
        modules["click"] = None
    try:
        from strongroom.client.synchronous import Client
    finally:
        if absent:
            del modules["click"]
    return Client


def curl(call: "Call[AnswerT]", place: Place) -> str:
    """The call as a command for a POSIX shell. The token stays a variable, out of the history."""
    from strongroom.domain.operations import OPERATIONS

    # No proxy, as the client has none: a token must not go where a variable happens to point.
    parts = ["curl --silent --show-error --fail-with-body --noproxy '*'"]
    if call.method != "GET":
        parts.append(f"--request {call.method}")
    if not OPERATIONS[call.operation].anonymous:
        # In double quotes, so that the shell puts the token in, or says that there is none.
        parts.append(f'--header "Authorization: Bearer ${{{place.variable}:?}}"')
    if place.ca_file is not None:
        parts.append(f"--cacert {shlex.quote(place.ca_file)}")
    if call.body is not None:
        parts.append("--header 'Content-Type: application/json'")
        parts.append(f"--data-raw {shlex.quote(call.body.decode())}")
    parts.append(shlex.quote(place.url + call.address))
    return " \\\n  ".join(parts) + "\n"


def policy(operation: str, target: str, principal: str | None) -> str:
    """The Cedar policy that allows this operation on this target and nothing else."""
    from strongroom.domain.cedar_schema import needed_policy, quoted
    from strongroom.domain.operations import OPERATIONS, Resource
    from strongroom.domain.roles import EVERYBODYS_ACTIONS

    if operation in EVERYBODYS_ACTIONS:
        return "// Everybody who proved an identity may do this. No policy is needed.\n"
    row = OPERATIONS[operation]
    if row.anonymous:
        return "// Everybody may do this where it is published. No policy is needed.\n"
    if target.startswith(ALIAS_PREFIX):
        # Nor may it be one for whatever the alias will name tomorrow.
        raise usage(
            "A policy is about a key itself, and cannot be printed for an alias.",
            "Name the key: `strongroom alias list` shows which it is.",
        )
    who = principal or "NAME"
    if row.resource is Resource.NAMESPACE or not target:
        # About the namespace, or about whichever key the ciphertext names.
        return (
            f"permit (principal == Principal::{quoted(who)}, "
            f"action == Action::{quoted(operation)}, resource);\n"
        )
    text = needed_policy(operation, who, row.resource, target) + "\n"
    if operation == "key.re-encrypt":
        text += "// The key that the ciphertext is of, if it is another, needs the same.\n"
    return text
