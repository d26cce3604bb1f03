"""`strongroom otp import`: secrets that were made elsewhere."""

import getpass
import os
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final

import typer

from strongroom.cli import files, otp_readers, screen
from strongroom.cli.command import command
from strongroom.cli.exits import Exit
from strongroom.cli.failures import Failure, usage
from strongroom.cli.otp_readers import Read
from strongroom.cli.otp_view import OTPProfile
from strongroom.cli.session import Session
from strongroom.domain import limits
from strongroom.domain.errors import InvalidRequest
from strongroom.domain.otp.credential import Hash

if TYPE_CHECKING:
    from strongroom.domain.otp.asks import ImportItem
    from strongroom.pskc import Unlock

_FORMATS: Final = ("otpauth", "google", "privacyidea", "pskc")
_KEY_BYTES_MAX: Final = 64 * 1024
_PROFILE: Final = "$.profile:"  # what is wrong with that is wrong with all of them
_SHOWN_MAX: Final = 20  # reasons that are said one by one; the rest is counted

KeyFile = Annotated[
    str,
    typer.Option(
        "--key-file",
        metavar="FILE",
        help="PSKC: the pre-shared key in hexadecimal, or an RSA private key in PEM."
        " privacyIDEA: its file enckey, or the key of its PSKC export.",
    ),
]
PasswordFile = Annotated[
    str,
    typer.Option(
        "--password-file", metavar="FILE", help="PSKC: the password. Without it, it is asked for."
    ),
]


class _Tally:
    """What became of the secrets of a file."""

    def __init__(self) -> None:
        self.created = self.there = self.failed = 0

    def refuse(self, where: str, reason: str) -> None:
        """One that was not imported."""
        self.failed += 1
        if self.failed <= _SHOWN_MAX:
            screen.note(f"{where}: {reason}")


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "import")
    def import_(
        at: Session,
        file: Annotated[str, typer.Argument(metavar="FILE", help="The file with the secrets.")],
        form: Annotated[
            str, typer.Option("--format", metavar="NAME", help=f"{', '.join(_FORMATS)}.")
        ] = "pskc",
        otp_profile: OTPProfile = "default",
        key_file: KeyFile = "",
        password_file: PasswordFile = "",
        algorithm: Annotated[
            Hash,
            typer.Option(
                "--algorithm",
                metavar="NAME",
                help="privacyIDEA's list, which does not say it: SHA1, SHA256 or SHA512.",
            ),
        ] = Hash.SHA1,
        ignore_signature: Annotated[
            bool,
            typer.Option(
                "--ignore-signature",
                help="PSKC: read a signed file; nobody looks at its signature.",
            ),
        ] = False,
    ) -> None:
        """Import OTP secrets from a file. The same again changes nothing: it can be repeated.

        An import that was cut off is run again as it was: what is there already is passed over.
        Exit code 10: some could not be imported, and were said.
        """
        if form not in _FORMATS:
            raise usage(f"--format is one of {', '.join(_FORMATS)}.")
        at.needs("otp.import")
        tally = _Tally()
        with otp_readers.opened(file) as stream:
            size = os.fstat(stream.fileno()).st_size
            found = (
                _privacyidea(stream, key_file, algorithm)
                if form == "privacyidea"
                else _reader(form, stream, key_file, password_file, ignore_signature)
            )
            with screen.progress(size) as advance:
                _import(at, found, otp_profile, tally, advance)
        _show(at, tally)
        if tally.failed:
            raise typer.Exit(Exit.PARTLY)


def _reader(
    form: str, stream: BinaryIO, key_file: str, password_file: str, ignore_signature: bool
) -> Iterator[Read]:
    if form == "otpauth":
        return otp_readers.otpauth_lines(stream)
    if form == "google":
        return otp_readers.google_codes(stream)
    return _pskc(stream, key_file, password_file, ignore_signature=ignore_signature)


def _privacyidea(stream: BinaryIO, key_file: str, algorithm: Hash) -> Iterator[Read]:
    """What its own tool writes, or its database: each is known by how it begins."""
    from strongroom.cli import otp_privacyidea, otp_privacyidea_list, otp_privacyidea_pskc

    if otp_privacyidea_pskc.is_one(stream):
        if not key_file:
            raise usage("The key that privacyIDEA said with the export is needed: --key-file FILE.")
        with otp_privacyidea_pskc.respelled(stream) as respelled:
            yield from _pskc(respelled, key_file, "", ignore_signature=False)
    elif otp_privacyidea_list.is_one(stream):
        yield from otp_privacyidea_list.tokens(stream, algorithm)
    elif key_file:
        yield from otp_privacyidea.rows(stream, otp_privacyidea.key_of(_secret_file(key_file)))
    else:
        raise usage("privacyIDEA's key file is needed: --key-file enckey.")


def _pskc(
    stream: BinaryIO, key_file: str, password_file: str, *, ignore_signature: bool
) -> Iterator[Read]:
    """The whole file is looked at before its first key is sent: none is of a file that is bad."""
    from strongroom import pskc
    from strongroom.pskc.credentials import NotImportableError, import_item

    now_us = time.time_ns() // 1000
    try:
        unlock = _unlock(stream, key_file, password_file)
        stream.seek(0)
        surveyed = pskc.survey(stream, unlock, ignore_signature=ignore_signature)
        for remark in surveyed.remarks:
            screen.note(f"The file: {remark}")
        stream.seek(0)
        reader = pskc.read(stream, unlock, surveyed=surveyed, ignore_signature=ignore_signature)
        for key in reader:
            where = f"key {reader.keys:,}"
            try:
                yield Read(where, import_item(key, now_us), "", reader.consumed)
            except NotImportableError as error:
                yield Read(where, None, str(error), reader.consumed)
    except pskc.PSKCError as error:
        raise usage(f"The PSKC file is refused: {error}.") from None


def _unlock(stream: BinaryIO, key_file: str, password_file: str) -> "Unlock | None":
    from strongroom import pskc
    from strongroom.domain.sensitive import Sensitive

    wanted = pskc.wanted(stream).kind
    if key_file:
        raw = Sensitive(_secret_file(key_file))
        if raw.reveal().lstrip().startswith(b"-----BEGIN"):
            return pskc.private_key(raw)
        return pskc.pre_shared_key(raw)
    if password_file:
        return pskc.Password(Sensitive(_secret_file(password_file).rstrip(b"\r\n")))
    if wanted is pskc.Kind.PASSWORD:
        if not sys.stdin.isatty():
            raise usage("The file is protected with a password: give --password-file.")
        return pskc.Password(Sensitive(getpass.getpass("Password of the file: ").encode()))
    return None


def _secret_file(path: str) -> bytes:
    return files.read(path, _KEY_BYTES_MAX, Failure(Exit.USAGE, f"{path} is too long for a key."))


def _import(
    at: Session, found: Iterator[Read], otp_profile: str, tally: _Tally, advance: "screen.Advance"
) -> None:
    consumed = 0
    for chunk in otp_readers.chunks(found, limits.BATCH_ITEMS_MAX):
        for one in chunk:
            if one.item is None:
                tally.refuse(one.where, one.reason)
        good = [(one.where, one.item) for one in chunk if one.item is not None]
        if good:
            _send(at, good, otp_profile, tally)
        advance(chunk[-1].consumed - consumed)
        consumed = chunk[-1].consumed


def _send(
    at: Session, good: "list[tuple[str, ImportItem]]", otp_profile: str, tally: _Tally
) -> None:
    from strongroom.client import otp
    from strongroom.client.problems import ProblemError

    try:
        answer = at.ask(otp.import_credentials([item for _, item in good], profile=otp_profile))
    except ProblemError as refusal:
        if refusal.code != InvalidRequest.code or any(
            error.startswith(_PROFILE) for error in refusal.errors
        ):
            raise
        # A server that takes none of them says of the first alone why.
        if len(good) == 1:
            tally.refuse(good[0][0], refusal.detail)
            return
        for one in good:
            _send(at, [one], otp_profile, tally)
        return
    for (where, _), told in zip(good, answer.items, strict=True):
        if told.error is not None:
            tally.refuse(where, told.error.detail)
        elif told.created:
            tally.created += 1
        else:
            tally.there += 1


def _show(at: Session, tally: _Tally) -> None:
    if at.json:
        at.show_json({"created": tally.created, "there": tally.there, "failed": tally.failed})
        return
    if tally.failed > _SHOWN_MAX:
        screen.note(f"... and {tally.failed - _SHOWN_MAX:,} more.")
    screen.done(
        f"{tally.created:,} credentials were made, {tally.there:,} were there already,"
        f" {tally.failed:,} could not be imported."
    )
