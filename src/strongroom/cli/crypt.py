"""`strongroom encrypt` and `strongroom decrypt`."""

import base64
import binascii
import re
import sys
from typing import Annotated, Final

import typer

from strongroom.cli import arguments, files, screen
from strongroom.cli.command import command
from strongroom.cli.exits import Exit
from strongroom.cli.failures import CommandError, Failure
from strongroom.cli.session import Session
from strongroom.domain import limits

_BASE64_TEXT: Final = re.compile(rb"[A-Za-z0-9+/=\s]*")
# Base64 makes four characters of three bytes, and editors add line ends.
_TEXT_BYTES_MAX: Final = 2 * limits.CIPHERTEXT_BYTES_MAX

Source = Annotated[
    str,
    typer.Option("--in", metavar="FILE", help="Read this file instead of standard input."),
]
Out = Annotated[
    str | None,
    typer.Option("--out", metavar="FILE", help="Write to this file instead of standard output."),
]


def register(app: typer.Typer, panel: str) -> None:
    """Add both to the app."""

    @command(app, "encrypt", panel=panel)
    def encrypt(
        at: Session,
        key: Annotated[str, typer.Argument(metavar="KEY", help="The key's name.")],
        source: Source = files.PIPE,
        context: arguments.Context = None,
        out: Out = None,
        raw: Annotated[bool, typer.Option("--raw", help="Bytes instead of base64 text.")] = False,
        force: arguments.Force = False,
    ) -> None:
        """Encrypt a file or standard input, up to 64 KiB.

        The result is one line of base64 text. With --print-curl, the plaintext is shown as base64.
        """
        from strongroom.client import calls

        at.needs("key.encrypt", key)
        given = arguments.pairs(context, "--context")
        files.check_free(out, force=force)
        if raw and out is None and sys.stdout.isatty():
            raise _not_to_a_terminal("The ciphertext")
        plaintext = files.read(source, limits.PLAINTEXT_BYTES_MAX, _TOO_LONG)
        answer = at.ask(calls.encrypt(key, plaintext, given))
        blob = answer.ciphertext if raw else base64.b64encode(answer.ciphertext) + b"\n"
        if out is not None and out != files.PIPE:
            # A ciphertext is no secret: its mode is what the umask says.
            files.write(out, blob, mode=0o666, force=force)
            screen.done(f"Encrypted with version {answer.key_version} of {key} to {out}.")
        elif at.json:
            at.show_json(answer)
        else:
            files.write_bytes(blob)

    @command(app, "decrypt", panel=panel)
    def decrypt(
        at: Session,
        source: Source = files.PIPE,
        key: Annotated[
            str, typer.Option("--key", metavar="KEY", help="Refuse ciphertexts of any other key.")
        ] = "",
        context: arguments.Context = None,
        out: Out = None,
        force: arguments.Force = False,
    ) -> None:
        """Decrypt a file or standard input, base64 text or bytes.

        The ciphertext says which key it needs. A file gets mode 0600.
        """
        from strongroom.client import calls

        at.needs("key.decrypt", key)
        given = arguments.pairs(context, "--context")
        files.check_free(out, force=force)
        blob = _ciphertext(files.read(source, _TEXT_BYTES_MAX, _TOO_LONG_CIPHERTEXT))
        answer = at.ask(calls.decrypt(blob, given, key=key))
        if out is not None and out != files.PIPE:
            files.write(out, answer.plaintext, mode=0o600, force=force)
            screen.done(f"Decrypted to {out}.")
        elif at.json:
            at.show_json(answer)
        elif out is None and sys.stdout.isatty():
            _show_plaintext(answer.plaintext)
        else:
            files.write_bytes(answer.plaintext)


_TOO_LONG: Final = Failure(
    Exit.REFUSED,
    f"The input is longer than {limits.PLAINTEXT_BYTES_MAX:,} bytes (64 KiB), the most that one"
    " call encrypts (PLAINTEXT_BYTES_MAX).",
)
_TOO_LONG_CIPHERTEXT: Final = Failure(
    Exit.INVALID_CIPHERTEXT,
    f"The input is longer than any ciphertext: {limits.CIPHERTEXT_BYTES_MAX:,} bytes"
    " (CIPHERTEXT_BYTES_MAX).",
)


def _ciphertext(data: bytes) -> bytes:
    """The bytes, whether they came as they are or as base64.

    Our ciphertexts begin with a byte that base64 text does not contain, so there is no doubt.
    """
    if not data.strip():
        raise CommandError(Failure(Exit.INVALID_CIPHERTEXT, "The input is empty."))
    if _BASE64_TEXT.fullmatch(data) is not None:
        try:
            data = base64.b64decode(b"".join(data.split()), validate=True)
        except binascii.Error:
            raise CommandError(
                Failure(
                    Exit.INVALID_CIPHERTEXT,
                    "The input is not a whole base64 text.",
                    "It may have been cut short.",
                )
            ) from None
    if len(data) > limits.CIPHERTEXT_BYTES_MAX:
        raise CommandError(_TOO_LONG_CIPHERTEXT)
    return data


def _show_plaintext(plaintext: bytes) -> None:
    """Text only: other bytes would command the terminal. The prompt gets a line of its own."""
    try:
        text = plaintext.decode()
    except UnicodeDecodeError:
        raise _not_to_a_terminal("The plaintext") from None
    if screen.neutral(text, lines=True) != text:
        raise _not_to_a_terminal("The plaintext")
    sys.stdout.write(text if text.endswith("\n") or not text else text + "\n")


def _not_to_a_terminal(what: str) -> CommandError:
    return CommandError(
        Failure(
            Exit.REFUSED,
            f"{what} has bytes that could command your terminal; it is not shown.",
            "Write it to a file (--out FILE) or to a pipe. `--out -` shows it all the same.",
        )
    )
