"""`strongroom otp export`: secrets in a PSKC file (RFC 6030), for another server."""

import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from strongroom.cli import arguments, files, screen
from strongroom.cli.command import command
from strongroom.cli.exits import Exit
from strongroom.cli.failures import CommandError, Failure, usage
from strongroom.cli.otp_view import filter_of
from strongroom.cli.session import Session
from strongroom.domain import limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from strongroom.domain.otp.asks import Filter
    from strongroom.pskc import Key, Lock

_KEY_BYTES_MAX: Final = 64 * 1024


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "export")
    def export(
        at: Session,
        out: Annotated[
            str, typer.Option("--out", metavar="FILE", help="The PSKC file; it gets mode 0600.")
        ],
        state: Annotated[
            str, typer.Option("--state", metavar="WORD", help="Those in this state.")
        ] = "",
        kind: Annotated[
            str, typer.Option("--type", metavar="WORD", help="Those of totp, hotp or ocra.")
        ] = "",
        otp_profile: Annotated[
            str, typer.Option("--otp-profile", metavar="NAME", help="Those of this OTP profile.")
        ] = "",
        issuer: Annotated[
            str, typer.Option("--issuer", metavar="TEXT", help="Of whom the keys are.")
        ] = "",
        key_file: Annotated[
            str,
            typer.Option(
                "--key-file",
                metavar="FILE",
                help="Protect the file with this pre-shared key in hexadecimal, or for the owner of"
                " this RSA public key in PEM.",
            ),
        ] = "",
        password_file: Annotated[
            str,
            typer.Option(
                "--password-file",
                metavar="FILE",
                help="Protect it with the password in this file. Without either, one is asked for.",
            ),
        ] = "",
        force: arguments.Force = False,
    ) -> None:
        """Take OTP secrets out, into an encrypted PSKC file.

        The server seals each to a key that is made here and kept nowhere.
        """
        at.needs("otp.export")
        arguments.only_one({"--key-file": bool(key_file), "--password-file": bool(password_file)})
        files.check_free(out, force=force)
        wanted = {"state": state, "type": kind, "profile": otp_profile}
        count = _write(
            at, filter_of(wanted), _lock(key_file, password_file), out, issuer, force=force
        )
        if at.json:
            at.show_json({"exported": count})
        else:
            screen.done(f"{count:,} secrets are in {out}.")


def _lock(key_file: str, password_file: str) -> "Lock":
    from strongroom import pskc
    from strongroom.domain.sensitive import Sensitive

    if key_file:
        raw = _secret_file(key_file)
        try:
            if raw.lstrip().startswith(b"-----BEGIN"):
                return pskc.public_key(raw)
            return pskc.pre_shared_key(Sensitive(raw))
        except pskc.PSKCError as error:
            raise usage(f"{key_file}: {error}.") from None
    if password_file:
        return pskc.Password(Sensitive(_secret_file(password_file).rstrip(b"\r\n")))
    if not sys.stdin.isatty():
        raise usage("The file needs protection: give --key-file or --password-file.")
    typed = getpass.getpass("Password of the file: ")
    if getpass.getpass("The same again: ") != typed or not typed:
        raise usage("The two are not the same, or empty.")
    return pskc.Password(Sensitive(typed.encode()))


def _secret_file(path: str) -> bytes:
    return files.read(path, _KEY_BYTES_MAX, Failure(Exit.USAGE, f"{path} is too long for a key."))


def _write(
    at: Session, wanted: "Filter", lock: "Lock", out: str, issuer: str, *, force: bool
) -> int:
    from strongroom import pskc

    draft = Path(f"{out}.part")
    try:
        descriptor = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            count = pskc.write(stream, _keys(at, wanted, issuer), lock)
            stream.flush()
            os.fsync(stream.fileno())
        files.put(draft, Path(out), force=force)
    except pskc.PSKCError as error:
        raise CommandError(Failure(Exit.REFUSED, f"The file cannot be written: {error}.")) from None
    except OSError as error:
        raise usage(f"{out} cannot be written: {error.strerror}.") from None
    finally:
        draft.unlink(missing_ok=True)
    return count


def _keys(at: Session, wanted: "Filter", issuer: str) -> "Iterator[Key]":
    """The secrets, page by page, each opened with a key that ends with this process."""
    from cryptography.hazmat.primitives import hpke, serialization
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    from strongroom.client import otp
    from strongroom.domain.sensitive import Sensitive
    from strongroom.pskc.credentials import exported_key

    private = X25519PrivateKey.generate()
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    suite = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
    page_token = ""
    with screen.progress(None) as advance:
        while True:
            page = at.ask(
                otp.export_credentials(
                    public, matching=wanted, limit=limits.PAGE_ITEMS_MAX, page_token=page_token
                )
            )
            for item in page.items:
                opened = Sensitive(suite.decrypt(item.sealed, private, item.info))
                yield exported_key(item, opened, issuer=issuer)
            advance(len(page.items))
            page_token = page.next_page_token
            if not page_token:
                return
