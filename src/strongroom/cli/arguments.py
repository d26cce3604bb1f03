"""Parameters that several commands share, and how `name=value` is read."""

from typing import Annotated

import typer

from strongroom.cli.failures import usage

Context = Annotated[
    list[str] | None,
    typer.Option(
        "--context",
        metavar="NAME=VALUE",
        help="A pair that is authenticated, not secret. Decrypting needs the same. Repeatable.",
    ),
]
Key = Annotated[str, typer.Argument(metavar="KEY", help="The key's name.")]
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
Labels = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="NAME=VALUE", help="A label of your choice. Repeatable."),
]
Description = Annotated[
    str | None, typer.Option("--description", metavar="TEXT", help="A text for people.")
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
