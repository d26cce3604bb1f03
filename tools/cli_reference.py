"""Writes docs/reference/cli.md from the command's own tree: `python tools/cli_reference.py`.

A test compares the page with the tree, so neither can change without the other.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import typer.main
from typer.core import TyperArgument, TyperGroup, TyperOption

from strongroom.cli.app import build
from strongroom.cli.command import PANEL
from strongroom.cli.exits import MEANING
from strongroom.cli.settings import ENVIRONMENT

Row: TypeAlias = tuple[str, ...]

if TYPE_CHECKING:
    from typer._click import Command

PAGE: Final = Path(__file__).parent.parent / "docs" / "reference" / "cli.md"
_HEAD: Final = """\
# The `strongroom` command

<!-- Written by tools/cli_reference.py from the command itself; changes here are lost. -->

`strongroom COMMAND --help` says the same, shorter. Standard output carries what was asked for, as
a table for people or, with `--output json`, as JSON for programs; everything said about it goes
to standard error. Names and texts that come from the server are made harmless before a terminal
sees them: control and direction characters are spelt out (`\\u001b`).

## Which server, with which token

A token is never given on the command line, where other users and the shell's history would see
it. URL and token come from one place, the first of these that is there:

1. the profile that `--profile` names;
2. the environment, when `--url` or `--token-from` is given or `STRONGROOM_URL` or
   `STRONGROOM_TOKEN` is set;
3. the profile that `STRONGROOM_PROFILE` names, or else `default`, in the profile file;
4. the server that `strongroom dev` starts on this machine.

The profile file is `~/.config/strongroom/profiles.toml`. It holds tokens, so it must be yours and
closed to others (`chmod 600`); otherwise it is refused.

```toml
[default]
url = "https://kms.example:7600"
token = "srt_..."
ca_file = "/etc/ssl/kms-ca.pem" # only for a private CA
```

Without TLS only the machine itself is spoken to. Proxies that the environment names are not used,
and redirects are not followed: a token goes to the server that it was meant for, or nowhere.

## Bytes in, bytes out

Ciphertexts, signatures, tags and public keys are read as base64 text or as bytes, and written as
a line of base64 text; `--raw` writes bytes. Messages, plaintexts and key material are bytes, read
and written as they are.

What is secret (a data key, a private key, a shared secret, unwrapped material, a backup) goes to
a file with mode 0600 (`--out FILE`) or to a pipe. A terminal gets it only when `--out -` says so,
as JSON, too. A command with several results has an option for the file of each; one of them can
go to standard output, where `--output json` puts all that go to no file. What could not be
delivered is refused before a key is used.

## Keys, times, and what cannot be undone

Wherever a key's name goes, `alias:NAME` does, too. Times are RFC 3339 with their zone, or count
from now: `+30d`, `+12h`; `now` and `never` are times, too. What ends a key or erases material asks
first whoever sits at a terminal; `--yes` answers. A script is not asked.

## Seeing what a command needs and sends

- `--print-curl` prints the request as a `curl` command for any POSIX shell. The token stays a
  variable in it; data, a plaintext too, is in it as it would be sent.
- `--print-policy` prints the Cedar policy that allows just this command: `--for NAME` says for
  whom. `strongroom ... --print-policy --for app | strongroom policy put NAME` grants it.

## Completion

`strongroom --install-completion` adds it to your shell's configuration, `strongroom
--show-completion` prints it. Both know bash, zsh and fish.
"""


def render() -> str:
    """The page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    root = typer.main.get_command(build())
    yield _HEAD.rstrip("\n")
    yield from _table(
        "Environment", ("variable", "what it says"), [(f"`{n}`", t) for n, t in ENVIRONMENT.items()]
    )
    yield from _table(
        "Exit codes",
        ("code", "name", "meaning"),
        [(str(code.value), name, text) for code, (name, text) in MEANING.items()],
    )
    leaves = [(path, each) for path, each in _walk("strongroom", root) if not _children(each)]
    common = next(_options(each, PANEL) for path, each in leaves if path == "strongroom whoami")
    yield from _table("Options of every command", ("option", ""), map(_option, common))
    yield (
        "\n`strongroom dev`, `init`, `serve`, `config` and `algorithms` talk to no server: not"
        " theirs, except that `algorithms` has `--output`."
    )
    yield "\n## Commands"
    for path, each in leaves:
        yield from _command(path, each)


def _walk(path: str, command: "Command") -> Iterator[tuple[str, "Command"]]:
    yield path, command
    for name, child in _children(command).items():
        yield from _walk(f"{path} {name}", child)


def _children(command: "Command") -> dict[str, "Command"]:
    return dict(command.commands) if isinstance(command, TyperGroup) else {}


def _options(command: "Command", panel: str | None) -> list[TyperOption]:
    return [
        each
        for each in command.params
        if isinstance(each, TyperOption)
        and each.rich_help_panel == panel
        and "--help" not in each.opts
    ]


def _command(path: str, command: "Command") -> Iterator[str]:
    arguments = [each for each in command.params if isinstance(each, TyperArgument)]
    options = _options(command, None)
    usage = [path, *(str(each.metavar) for each in arguments), *(["[OPTIONS]"] if options else [])]
    yield f"\n### `{' '.join(usage)}`"
    # A paragraph was wrapped in the source; here the reader's window wraps it.
    for paragraph in (command.help or "").split("\n\n"):
        yield "\n" + " ".join(paragraph.split())
    rows = [(f"`{each.metavar}`", each.help or "") for each in arguments]
    rows += map(_option, options)
    if rows:
        yield ""
        yield from _rows(("", ""), rows)


def _option(option: TyperOption) -> tuple[str, str]:
    names = ", ".join(f"`{name}`" for name in reversed(option.opts))
    if not option.is_flag:
        names = f"{names[:-1]} {option.metavar or 'WORD'}`"
    help_text = option.help or ""
    if option.required:
        help_text += " It must be given."
    if option.default not in {None, "", False, "-"}:
        help_text += f" Without it: {option.default}."
    return names, help_text


def _table(title: str, heads: Row, rows: Iterable[Row]) -> Iterator[str]:
    yield f"\n## {title}\n"
    yield from _rows(heads, rows)


def _rows(heads: Row, rows: Iterable[Row]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


if __name__ == "__main__":
    PAGE.write_text(render())
