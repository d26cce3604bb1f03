"""Parameters that several commands share, and how `name=value` is read."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from strongroom.cli.failures import usage
from strongroom.domain import limits
from strongroom.domain.times import microseconds

Context = Annotated[
    list[str] | None,
    typer.Option(
        "--context",
        metavar="NAME=VALUE",
        help="A pair that is authenticated, not secret. Decrypting needs the same. Repeatable.",
    ),
]
Key = Annotated[
    str, typer.Argument(metavar="KEY", help="The key's name, or alias: and one of its aliases.")
]
KeyName = Annotated[
    str, typer.Argument(metavar="NAME", help="The key's name, or alias: and one of its aliases.")
]
Source = Annotated[
    str,
    typer.Option("--in", metavar="FILE", help="Read this file instead of standard input."),
]
Out = Annotated[
    str | None,
    typer.Option("--out", metavar="FILE", help="Write to this file instead of standard output."),
]
SecretOut = Annotated[
    str | None,
    typer.Option(
        "--out", metavar="FILE", help="Write the secret to this file, which gets mode 0600."
    ),
]
CiphertextOut = Annotated[
    str | None,
    typer.Option("--ciphertext", metavar="FILE", help="Write the ciphertext to this file."),
]
Raw = Annotated[bool, typer.Option("--raw", help="Bytes instead of base64 text.")]
Scheme = Annotated[
    str | None,
    typer.Option(
        "--scheme",
        metavar="NAME",
        help="In which way, where the key has several: `strongroom algorithms` lists them.",
    ),
]
KeyVersion = Annotated[
    int | None,
    typer.Option(
        "--key-version", metavar="N", min=1, help="Of which version, if not the current one."
    ),
]
OnlyVersion = Annotated[
    int | None,
    typer.Option(
        "--key-version", metavar="N", min=1, help="Only this version, instead of the whole key."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask on a terminal whether to go on.")]
WRAPPING: Final = "rsa-aes-kwp-sha256"
WrappingName = Annotated[
    str,
    typer.Option(
        "--wrapping",
        metavar="NAME",
        help="How it is wrapped: rsa-aes-kwp-sha256, rsa-aes-kwp-sha1, rsa-oaep-sha256 or"
        " rsa-oaep-sha1.",
    ),
]
Labels = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="NAME=VALUE", help="A label of your choice. Repeatable."),
]
Description = Annotated[
    str | None, typer.Option("--description", metavar="TEXT", help="A text for people.")
]
TokenDays = Annotated[
    int,
    typer.Option(
        "--days", metavar="N", min=1, max=limits.TOKEN_DAYS_MAX, help="How long it is good."
    ),
]
Limit = Annotated[
    int, typer.Option("--limit", metavar="N", min=1, max=1000, help="How many at most.")
]
PageToken = Annotated[
    str, typer.Option("--page-token", metavar="TOKEN", help="Go on where the page before ended.")
]
All = Annotated[bool, typer.Option("--all", help="All pages, not only the first.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if there is one.")]


def pairs(texts: list[str] | None, option: str) -> dict[str, str]:
    """`["a=b"]` as `{"a": "b"}`. Refuses a pair without `=` or name, and a name given twice."""
    found: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise usage(f"{option} takes NAME=VALUE, not {text!r}.")
        if name in found:
            raise usage(f"{option} {name}=... was given twice.")
        found[name] = value
    return found


_FROM_NOW: Final = re.compile(r"\+([0-9]{1,5})([dh])")


def moment(text: str | None, option: str) -> str | None:
    """A time as RFC 3339: `+30d` and `+12h` count from now. `now` and `never` are what they say."""
    if text is None:
        return None
    found = _FROM_NOW.fullmatch(text)
    if found is not None:
        hours = int(found[1]) * (24 if found[2] == "d" else 1)
        return _written(datetime.now(UTC) + timedelta(hours=hours))
    if text == "now":
        return _written(datetime.now(UTC))
    if text == "never":
        return ""
    try:
        known = microseconds(text)
    except ValueError:
        known = 0
    if not known:
        raise usage(f"{option} takes a time, such as 2026-01-31T12:00:00Z, +30d or +12h.")
    return text


def _written(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def one_standard_input(**sources: str | None) -> None:
    """Refuse to read two things from one standard input."""
    names = [f"--{name.rstrip('_')}" for name, source in sources.items() if source == "-"]
    if len(names) > 1:
        raise usage(f"{' and '.join(names)} cannot both be standard input: name a file for one.")


def only_one(given: dict[str, bool]) -> None:
    """Refuse options that contradict each other."""
    names = [name for name, is_given in given.items() if is_given]
    if len(names) > 1:
        raise usage(f"{' and '.join(names)} contradict each other.")


def at_least_one(*given: object) -> None:
    """Refuse a change that changes nothing."""
    if not any(given):
        raise usage("There is nothing to change. --help shows what can be.")


def not_a_token(text: str) -> None:
    """Refuse a token where its id belongs. The text is not repeated."""
    if text.startswith("srt_"):
        raise usage(
            "This takes the token's id, not the token: `strongroom token list` shows ids.",
            "The token is in the shell's history now; revoke it.",
        )
