"""What a person reads when a command fails: what, why, what to do. Two lines, never a traceback."""

from dataclasses import dataclass
from typing import Final

from strongroom.cli.exits import OF_CODE, Exit
from strongroom.client.problems import UNEXPECTED, ProblemError, UnreachableError

_GATEWAY_STATUSES: Final = (502, 503, 504)


@dataclass(frozen=True, slots=True)
class Failure:
    """An exit code, what went wrong, and what to do about it."""

    exit: Exit
    what: str
    advice: str = ""


class CommandError(Exception):
    """The command cannot go on."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.what)
        self.failure = failure


def usage(what: str, advice: str = "") -> CommandError:
    """What was typed, exported or configured is not right."""
    return CommandError(Failure(Exit.USAGE, what, advice))


def no_token(what: str, advice: str = "") -> CommandError:
    """There is no identity to act with."""
    return CommandError(Failure(Exit.UNAUTHENTICATED, what, advice))


def refused(  # noqa: PLR0911 - one for each exit code
    error: ProblemError, operation: str, target: str, token_source: str
) -> Failure:
    """The server's refusal in a person's words."""
    exit_code = OF_CODE.get(error.code, Exit.REFUSED)
    if error.code == UNEXPECTED and error.status in _GATEWAY_STATUSES:
        exit_code = Exit.UNAVAILABLE  # a proxy in front of a server that is away
    thing = f"{operation} {target}".strip()
    match exit_code:
        case Exit.UNAUTHENTICATED:
            return Failure(
                exit_code,
                f"Not authenticated: the server does not accept the token from {token_source}.",
                "It is mistyped, expired or revoked, or of another server."
                " An administrator makes a new one: strongroom token create PRINCIPAL",
            )
        case Exit.NOT_ALLOWED:
            return Failure(
                exit_code,
                f"Not allowed: {thing}",
                f"Somebody who may read decisions learns why: strongroom why {error.decision_id}"
                if error.decision_id
                else "",
            )
        case Exit.NOT_FOUND:
            return Failure(
                exit_code,
                f"Not found: {thing}",
                "There is none in this namespace, or none that you may know of.",
            )
        case Exit.CONFLICT:
            return Failure(
                exit_code,
                f"{sentence(error.detail)} ({thing})",
                _advice(error.code, operation, _CONFLICT),
            )
        case Exit.UNAVAILABLE:
            advice = _advice(error.code, operation, _LATER) or _WAIT
            return Failure(exit_code, sentence(error.detail), advice)
        case Exit.INVALID_CIPHERTEXT:
            return Failure(
                exit_code,
                sentence(error.detail),
                "It was altered or cut short, or made with another key or another --context.",
            )
    return Failure(exit_code, sentence(error.detail), _where(error))


def _where(error: ProblemError) -> str:
    """Where in the request, and the id under which the server's log and audit trail have it."""
    if error.code == "tampered-record":
        return "Somebody changed the store behind the server's back: tell whoever runs it."
    # The pointer alone where its words have been said.
    places = [each.removesuffix(f": {error.detail}") for each in error.errors]
    places = [place for place in places if place != "$"]  # "somewhere in it" helps nobody
    request = f"request {error.request_id}" if error.request_id else ""
    return "; ".join(filter(None, (*places, request)))


_WAIT: Final = "Try again in a moment; `strongroom status` may say more."
_LATER: Final = {"rate-limited": "`strongroom key show NAME` shows the key's rate."}

_CONFLICT: Final = {
    "already-exists": "Choose another name, or use what is there.",
    "key-not-usable": "`strongroom key show NAME` shows the state of the key and of its versions.",
}


# About credentials and their jobs, the same refusals lead elsewhere.
_ABOUT_OTP: Final = "otp."
_OTP: Final = {
    "key-not-usable": "`strongroom otp show ID` shows a credential's state, `otp job show ID` a"
    " job's.",
    "rate-limited": "`strongroom namespace show` shows how many codes may be tried a minute.",
}


def _advice(code: str, operation: str, others: dict[str, str]) -> str:
    if operation.startswith(_ABOUT_OTP) and code in _OTP:
        return _OTP[code]
    return others.get(code, "")


def unreachable(error: UnreachableError) -> Failure:
    """There was no answer."""
    if error.sent:
        advice = "Whether it was done is not known: look before you do it again."
    elif "certificate" in error.reason:
        advice = "For a private CA, name its certificate: --ca-file FILE, or STRONGROOM_CA_FILE."
    else:
        advice = "Is the server running there? --url or STRONGROOM_URL says where to look."
    return Failure(Exit.UNAVAILABLE, f"No answer from {error.url}: {error.reason}.", advice)


def sentence(text: str) -> str:
    """The text with a capital at its beginning and a stop at its end."""
    # But `aes-kw` is a name, and is spelt so everywhere.
    if text.partition(" ")[0].isalpha():
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."
