"""The command line of `strongroom-verify`: one sentence, and an exit code.

0  what was to be proven is proven (standard output)
1  it is not: the log, or the evidence of it, is wrong (standard error)
2  it could not be checked: an argument, a file, a server (standard error)
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from strongroom import __version__
from strongroom.verify import files, folder, live, receipt, trust, web
from strongroom.verify.verdicts import FINE, NOT_CHECKED, WRONG, NotChecked, Wrong

_TOKEN_BYTES_MAX: Final = 4096
_TOKEN: Final = "STRONGROOM_TOKEN"  # noqa: S105 - where it is, not what it is
_INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives the exit code. Never raises, except to leave after `--help`."""
    try:
        asked = _parser().parse_args(arguments)
        sentence: str = asked.check(asked)
        _say(sentence)
    except Wrong as error:
        return _refuse(f"WRONG: {error}.", WRONG)
    except NotChecked as error:
        return _refuse(f"Not checked: {error}.", NOT_CHECKED)
    except KeyboardInterrupt:
        return _refuse("Not checked: interrupted.", _INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - who audits gets an answer, not our stack
        kind = type(error).__name__
        return _refuse(f"Not checked: this program failed ({kind}: {error}).", NOT_CHECKED)
    return FINE


def _receipt(asked: argparse.Namespace) -> str:
    policy = trust.gather(asked.key, asked.witness, asked.witnesses)
    sentence, entry = receipt.check(asked.file, policy)
    if asked.entry:
        return f"{_sentence(sentence)}\n{entry.decode(errors='backslashreplace')}"
    return _sentence(sentence)


def _folder(asked: argparse.Namespace) -> str:
    policy = trust.gather(asked.key, asked.witness, asked.witnesses)
    earlier = trust.kept(asked.earlier, policy) if asked.earlier else None
    return _sentence(folder.check(asked.folder, policy, earlier))


def _server(asked: argparse.Namespace) -> str:
    policy = trust.gather(asked.key, asked.witness, asked.witnesses)
    earlier = trust.kept(asked.earlier, policy) if asked.earlier else None
    keeper = live.Keeper(asked.save, asked.earlier)
    with web.Server(asked.url, _token(asked.token_file), asked.ca) as server:
        sentence = live.check(server, policy, earlier, each=asked.entries, keeper=keeper)
    return _sentence(sentence)


def _token(path: Path | None) -> str | None:
    """From a file, or from the environment: what is in the arguments, every process can read."""
    if path is None:
        token = os.environ.get(_TOKEN, "")
    else:
        token = files.read_own(path, _TOKEN_BYTES_MAX).decode("ascii", errors="replace").strip()
    if not (token.isascii() and (token.isprintable() or not token)):
        raise NotChecked("that is not a token")
    return token or None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "strongroom-verify",
        description="Checks the audit log of a Strongroom server that need not be trusted.",
        epilog="Exit codes: 0 proven, 1 wrong, 2 not checked.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    one = commands.add_parser(
        "receipt", help="check a receipt: that one entry is in the log", allow_abbrev=False
    )
    one.add_argument("file", type=Path, metavar="FILE")
    one.add_argument("--entry", action="store_true", help="show the entry too")
    one.set_defaults(check=_receipt)

    whole = commands.add_parser(
        "folder",
        help="check an exported log: each entry and each hash",
        description="Checks what `strongroom audit export --folder DIR` wrote.",
        allow_abbrev=False,
    )
    whole.add_argument("folder", type=Path, metavar="DIR")
    whole.set_defaults(check=_folder)

    running = commands.add_parser(
        "server",
        help="check that a running server's log continues an earlier checkpoint",
        description=f"The token is read from {_TOKEN}, or from a file.",
        allow_abbrev=False,
    )
    running.add_argument("url", metavar="URL")
    running.add_argument("--token-file", type=Path, metavar="FILE", help="the auditor's token")
    running.add_argument("--entries", action="store_true", help="check each new entry too")
    running.add_argument(
        "--save", type=Path, metavar="FILE", help="keep the new checkpoint, if all is well"
    )
    running.add_argument("--ca", type=Path, metavar="FILE", help="authorities for TLS, PEM")
    running.set_defaults(check=_server)

    for command in (one, whole, running):
        command.add_argument(
            "--key",
            action="append",
            required=True,
            metavar="VKEY",
            help="a public key of the log, or a file of them; all of them must have signed",
        )
        command.add_argument(
            "--witness",
            action="append",
            default=[],
            metavar="VKEY",
            help="a public key of a witness, or a file of them",
        )
        command.add_argument(
            "--witnesses",
            type=int,
            metavar="K",
            help="how many witnesses must have signed (else all that are named)",
        )
    for command in (whole, running):
        command.add_argument(
            "--from",
            dest="earlier",
            type=Path,
            metavar="FILE",
            help="an earlier checkpoint, which the log must continue",
        )
    return parser


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _say(text: str) -> None:
    try:
        print(_visible(text), flush=True)  # noqa: T201 - it is a program
    except BrokenPipeError:
        # Whoever read has enough. At the end Python would try once more, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refuse(text: str, code: int) -> int:
    print(_visible(text).replace("\n", " "), file=sys.stderr, flush=True)  # noqa: T201 - likewise
    return code


def _visible(text: str) -> str:
    """No character that a terminal acts on: entries and names come from whoever is checked."""
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape", "surrogatepass").decode()
        for c in text
    )
