"""What is shown: tables for people, JSON for programs; and nothing that could command a terminal.

Standard output carries what was asked for, standard error everything that is said about it.
"""

import io
import json
import os
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Final, TextIO

from strongroom.cli.exits import Exit

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

# Whatever begins like a token is cut off in what is said on standard error, in errors above all.
# Standard output shows one in one place only: where it is made.
_TOKEN: Final = re.compile(r"\bsrt_\w+")

# Controls, format characters (bidirectional overrides among them), lone surrogates, line and
# paragraph separators: a name or a description must not move the cursor or reorder what is read.
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

_STYLES: Final = {
    "active": "green",
    "allowed": "green",
    "enabled": "green",
    "yes": "green",
    "no": "yellow",
    "refused": "yellow",
    "suspended": "yellow",
    "disabled": "yellow",
    "pre-activation": "yellow",
    "deactivated": "yellow",
    "revoked": "red",
    "expired": "yellow",
    "compromised": "red",
    "destruction-scheduled": "red",
    "destroyed": "red",
    "medium": "yellow",
    "high": "red",
}


def neutral(text: str, *, lines: bool = False) -> str:
    r"""The text with everything unsafe spelt out (`\u001b`). `lines` keeps line feeds and tabs."""
    if text.isascii() and text.isprintable():
        return text
    kept = ""
    if lines:
        kept, text = "\n\t", text.replace("\r\n", "\n")
    return "".join(
        # JSON's spelling, which is also true inside a JSON text, beyond U+FFFF too.
        json.dumps(character)[1:-1].replace("\x7f", "\\u007f")
        if character not in kept and unicodedata.category(character) in _UNSAFE
        else character
        for character in text
    )


def styled(word: str) -> "Text":
    """A state or an outcome, in the colour that it has everywhere."""
    from rich.text import Text

    return Text(neutral(word), style=_STYLES.get(word, ""))


def moment(rfc3339: str) -> str:
    """`2026-01-31T12:00:00.123456Z` as `2026-01-31 12:00:00Z`; anything else as it is."""
    seconds, point, _ = rfc3339.partition(".")
    return neutral(seconds.replace("T", " ") + ("Z" if point else ""))


def pairs(labels: dict[str, str]) -> str:
    """`a=b, c=d`."""
    return ", ".join(f"{neutral(name)}={neutral(value)}" for name, value in sorted(labels.items()))


def show_table(columns: Sequence[str], rows: Iterable[Sequence["str | Text"]]) -> None:
    """A table without frames: columns are told apart by space."""
    from rich.table import Table

    table = Table(
        box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim", show_edge=False
    )
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(_text, row))
    show(table)


def show_facts(facts: Iterable[tuple[str, "str | Text"]]) -> None:
    """One thing, one line for each of its facts. Facts without a value are left out.

    No line is broken, however narrow the terminal: a token must be copied whole.
    """
    from rich.text import Text

    shown = [(name, _text(value)) for name, value in facts if value]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        show_flow(Text.assemble((name.ljust(width), "dim"), "   ", value))


def show_lines(text: str) -> None:
    """A text of several lines, such as a policy. Never wrapped: it is there to be copied."""
    sys.stdout.write(neutral(text, lines=True).rstrip("\n") + "\n")


def show_json(value: object) -> None:
    """For programs: indented, sorted as the server sorts, and as safe on a terminal as a table."""
    sys.stdout.write(neutral(_json(value, indent=2), lines=True) + "\n")


def show_json_line(value: object) -> None:
    """One line of JSON, at once: for what follows a log."""
    sys.stdout.write(neutral(_json(value)) + "\n")
    sys.stdout.flush()


def show(renderable: "RenderableType") -> None:
    """Something of rich's, on standard output."""
    if sys.stdout.isatty():
        _terminal(sys.stdout).print(renderable)
        return
    # Not for eyes: as wide as it wants to be, without colours, without blanks at the ends of lines.
    paper = io.StringIO()
    _paper(paper).print(renderable)
    sys.stdout.write("".join(line.rstrip() + "\n" for line in paper.getvalue().splitlines()))


def show_flow(line: "Text") -> None:
    """One line of many, at once: for what follows a log. A long one is not broken."""
    if sys.stdout.isatty():
        _terminal(sys.stdout).print(line, soft_wrap=True)
    else:
        sys.stdout.write("\n".join(each.rstrip() for each in line.plain.split("\n")) + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """A remark, on standard error."""
    _say(text, "dim")


def done(text: str) -> None:
    """A success that has nothing to show, on standard error."""
    _say(text, "green")


def failed(what: str, advice: str = "") -> None:
    """A failure, on standard error."""
    _say(what, "bold red")
    if advice:
        _say("  " + advice, "")


Advance = Callable[[int], None]


@contextmanager
def progress(bytes_total: int | None) -> "Iterator[Callable[[int], None]]":
    """A bar on a terminal that is standard error; call what it yields with the bytes just done."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import Progress

    with Progress(console=_terminal(sys.stderr), transient=True) as bar:
        task = bar.add_task("", total=bytes_total)
        yield lambda amount: bar.advance(task, amount)


def abandoned() -> Exit:
    """Nobody reads any more. The interpreter's own flush at exit must not complain about it."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
    return Exit.BROKEN_PIPE


def _say(text: str, style: str) -> None:
    text = _TOKEN.sub("srt_...", neutral(text))
    if sys.stderr.isatty():
        from rich.text import Text

        _terminal(sys.stderr).print(Text(text, style=style), soft_wrap=True)
    else:
        sys.stderr.write(text + "\n")


def _json(value: object, indent: int | None = None) -> str:
    # Where the output cannot show every character, JSON's own escapes, which programs understand.
    unicode = sys.stdout.encoding.lower().replace("-", "") == "utf8"
    return json.dumps(value, indent=indent, ensure_ascii=not unicode)


def _text(cell: "str | Text") -> "Text":
    from rich.text import Text

    return Text(neutral(cell)) if isinstance(cell, str) else cell


@cache
def _terminal(stream: TextIO) -> "Console":
    from rich.console import Console

    return Console(file=stream, highlight=False, markup=False, emoji=False)


def _paper(stream: TextIO) -> "Console":
    from rich.console import Console

    return Console(
        file=stream, width=10_000, highlight=False, markup=False, emoji=False,
        force_terminal=False, no_color=True, color_system=None,
    )  # fmt: skip
