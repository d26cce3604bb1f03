"""`strongroom encrypt` and `strongroom decrypt`."""

import sys
from typing import Annotated, Final

import typer

from strongroom.cli import arguments, blobs, delivery, files, screen
from strongroom.cli.command import command
from strongroom.cli.exits import Exit
from strongroom.cli.failures import Failure, usage
from strongroom.cli.session import Session
from strongroom.domain import limits

Additional = Annotated[
    str | None,
    typer.Option(
        "--additional",
        metavar="FILE",
        help="What is authenticated beside it, in a context's place, for keys of other algorithms"
        " than the default; also OAEP's label and HPKE's info.",
    ),
]


def register(app: typer.Typer, panel: str) -> None:
    """Add them to the app."""

    @command(app, "encrypt", panel=panel)
    def encrypt(
        at: Session,
        key: arguments.Key,
        source: arguments.Source = files.PIPE,
        context: arguments.Context = None,
        additional: Additional = None,
        scheme: arguments.Scheme = None,
        out: arguments.Out = None,
        raw: arguments.Raw = False,
        force: arguments.Force = False,
    ) -> None:
        """Encrypt a file or standard input, up to 64 KiB.

        The result is one line of base64 text. With --print-curl, the plaintext is shown as base64.
        """
        from strongroom.client import calls

        at.needs("key.encrypt", key)
        given = arguments.pairs(context, "--context")
        arguments.one_standard_input(in_=source, additional=additional)
        files.check_free(out, force=force)
        if raw and out is None and sys.stdout.isatty() and not at.only_shows:
            raise delivery.not_to_a_terminal("The ciphertext")
        beside = _additional(additional)
        plaintext = files.read(source, limits.PLAINTEXT_BYTES_MAX, _TOO_LONG)
        answer = at.ask(calls.encrypt(key, plaintext, given, scheme=scheme, additional=beside))
        blob = answer.ciphertext if raw else blobs.text(answer.ciphertext)
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
        source: arguments.Source = files.PIPE,
        key: Annotated[
            str, typer.Option("--key", metavar="KEY", help="Refuse ciphertexts of any other key.")
        ] = "",
        context: arguments.Context = None,
        additional: Additional = None,
        scheme: arguments.Scheme = None,
        key_version: arguments.KeyVersion = None,
        out: arguments.Out = None,
        force: arguments.Force = False,
    ) -> None:
        """Decrypt a file or standard input, base64 text or bytes.

        The ciphertext says which key it needs. That of another algorithm than the default does
        not: it needs --key, and --key-version unless it is of the current one. A file gets mode
        0600.
        """
        from strongroom.client import calls

        at.needs("key.decrypt", key)
        given = arguments.pairs(context, "--context")
        if not key and (additional is not None or scheme is not None or key_version is not None):
            raise usage("--additional, --scheme and --key-version need --key.")
        arguments.one_standard_input(in_=source, additional=additional)
        files.check_free(out, force=force)
        beside = _additional(additional)
        blob = blobs.read(source, blobs.CIPHERTEXT)
        call = calls.decrypt(
            blob, given, key=key, key_version=key_version, scheme=scheme, additional=beside
        )
        answer = at.ask(call)
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
_TOO_LONG_ADDITIONAL: Final = Failure(
    Exit.REFUSED,
    f"What --additional names is longer than {limits.ADDITIONAL_BYTES_MAX:,} bytes"
    " (ADDITIONAL_BYTES_MAX).",
)


def _additional(source: str | None) -> bytes:
    if source is None:
        return b""
    return files.read(source, limits.ADDITIONAL_BYTES_MAX, _TOO_LONG_ADDITIONAL)


def _show_plaintext(plaintext: bytes) -> None:
    """Text only: other bytes would command the terminal. The prompt gets a line of its own."""
    try:
        text = plaintext.decode()
    except UnicodeDecodeError:
        raise delivery.not_to_a_terminal("The plaintext") from None
    if screen.neutral(text, lines=True) != text:
        raise delivery.not_to_a_terminal("The plaintext")
    sys.stdout.write(text if text.endswith("\n") or not text else text + "\n")
