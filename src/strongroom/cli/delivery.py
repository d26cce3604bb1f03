"""Where the parts of an answer go: each to a file of its own, at most one to standard output.

A secret goes to a file that is its owner's alone or to a pipe, and to a terminal only when `-` says
so. What cannot be done is refused before a key is used.
"""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from strongroom.cli import blobs, files, screen
from strongroom.cli.exits import Exit
from strongroom.cli.failures import CommandError, Failure, usage

if TYPE_CHECKING:
    from strongroom.cli.session import Session
    from strongroom.domain.asks import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of an answer: its field there, its name for people, the option that says where to.

    `target` is what was given with the option: a file, `-`, or None for nothing. `form` is how it
    is written; programs that asked for JSON get base64 there.
    """

    field: str
    name: str
    target: str | None
    option: str = "--out"
    secret: bool = False
    form: Callable[[bytes], bytes] = blobs.text

    @property
    def file(self) -> str | None:
        """The file that it goes to."""
        return None if self.target == files.PIPE else self.target


def check(at: "Session", parts: Sequence[Part], *, force: bool) -> None:
    """Raises `CommandError` for what `deliver` would not do. Not where nothing will be sent."""
    if at.only_shows:
        return
    named = [os.path.realpath(part.file) for part in parts if part.file is not None]
    if len(set(named)) != len(named):
        raise usage("Two outputs cannot go to one file.")
    for part in parts:
        files.check_free(part.target, force=force)
    left = [part for part in parts if part.file is None]
    if len(left) > 1 and not at.json:
        names, options = (" and ".join(words) for words in zip(*map(_words, left), strict=True))
        raise usage(
            f"Only one of {names} can go to standard output.",
            f"Name a file with {options}, or take all of them as --output json.",
        )
    if sys.stdout.isatty():
        for part in left:
            _check_terminal(part, as_json=at.json)


def deliver(
    at: "Session", answer: "Answer", parts: Sequence[Part], *, force: bool, by: str = ""
) -> None:
    """Write every part where it goes. `by` is said behind the names of the files."""
    import msgspec

    # Secrets last: one that is there is used, and without its ciphertext it could be used once.
    for part in sorted(parts, key=lambda part: part.secret):
        if part.file is not None:
            mode = 0o600 if part.secret else 0o666  # the umask takes off what it wants
            content = part.form(getattr(answer, part.field))
            files.write(part.file, content, mode=mode, force=force)
            screen.done(f"{part.name[:1].upper()}{part.name[1:]} is in {part.file}{by}.")
    if at.json:
        rest = msgspec.to_builtins(answer)
        for part in parts:
            if part.file is not None:
                del rest[part.field]
        at.show_json(rest)
        return
    for part in parts:
        if part.file is None:
            files.write_bytes(part.form(getattr(answer, part.field)))


def _words(part: Part) -> tuple[str, str]:
    return part.name, f"{part.option} FILE"


def _check_terminal(part: Part, *, as_json: bool) -> None:
    if part.target == files.PIPE:
        return
    if part.secret:
        raise CommandError(
            Failure(
                Exit.REFUSED,
                f"{part.name[:1].upper()}{part.name[1:]} is secret; it is not shown on a terminal.",
                f"Write it to a file ({part.option} FILE) or to a pipe."
                f" `{part.option} -` shows it all the same.",
            )
        )
    if part.form is blobs.raw and not as_json:
        raise not_to_a_terminal(f"{part.name[:1].upper()}{part.name[1:]}", part.option)


def not_to_a_terminal(what: str, option: str = "--out") -> CommandError:
    """Refuse to show bytes that a terminal may take for commands."""
    return CommandError(
        Failure(
            Exit.REFUSED,
            f"{what} has bytes that could command your terminal; it is not shown.",
            f"Write it to a file ({option} FILE) or to a pipe. `{option} -` shows it all the same.",
        )
    )
