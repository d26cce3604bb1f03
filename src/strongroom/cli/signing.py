"""`strongroom sign`, `verify`, `mac` and `verify-mac`."""

import os
import re
from typing import TYPE_CHECKING, Annotated, Final

import typer

from strongroom.cli import arguments, blobs, delivery, files, screen
from strongroom.cli.command import command
from strongroom.cli.exits import Exit
from strongroom.cli.failures import CommandError, Failure, usage
from strongroom.cli.session import Session
from strongroom.domain import limits

if TYPE_CHECKING:
    from strongroom.domain.uses import Verified

_DIGEST_BYTES_MAX: Final = 64  # SHA-512's
# What `sha256sum` and its like print: no digest, and at 64 characters as long as one of SHA-512.
_HEXADECIMAL: Final = re.compile(rb"(?:[0-9a-fA-F]{2}){28,}(?:\s.*)?", re.DOTALL)

Encoding = Annotated[
    str,
    typer.Option(
        "--encoding",
        metavar="der|p1363",
        help="How an ECDSA signature is written: as DER, or r and s side by side (as in JWTs).",
    ),
]
IsDigest = Annotated[
    bool,
    typer.Option(
        "--digest", help="What is read is the message's digest, as bytes, not the message."
    ),
]
SignatureContext = Annotated[
    str,
    typer.Option(
        "--signature-context",
        metavar="TEXT",
        help="What the signature is bound to beside the message (ML-DSA, Ed25519ph).",
    ),
]


def register(app: typer.Typer, panel: str) -> None:
    """Add them to the app."""

    @command(app, "sign", panel=panel)
    def sign(
        at: Session,
        key: arguments.Key,
        source: arguments.Source = files.PIPE,
        digest: IsDigest = False,
        scheme: arguments.Scheme = None,
        encoding: Encoding = "der",
        signature_context: SignatureContext = "",
        out: arguments.Out = None,
        raw: arguments.Raw = False,
        force: arguments.Force = False,
    ) -> None:
        """Sign a file or standard input, up to 64 KiB; of more, its digest.

        The signature is one line of base64 text.
        """
        from strongroom.client import uses

        at.needs("key.sign", key)
        part = _part("signature", "the signature", out, raw=raw)
        delivery.check(at, [part], force=force)
        message, hashed = _message(source, digest=digest)
        call = uses.sign(
            key,
            message,
            digest=hashed,
            scheme=scheme,
            encoding=encoding,
            signature_context=os.fsencode(signature_context),
        )
        answer = at.ask(call)
        by = f" ({answer.scheme} by version {answer.key_version} of {key})"
        delivery.deliver(at, answer, [part], force=force, by=by)

    @command(app, "verify", panel=panel)
    def verify(
        at: Session,
        key: arguments.Key,
        signature: Annotated[
            str,
            typer.Option("--signature", metavar="FILE", help="The signature; `-`: standard input."),
        ],
        source: arguments.Source = files.PIPE,
        digest: IsDigest = False,
        scheme: arguments.Scheme = None,
        encoding: Encoding = "der",
        signature_context: SignatureContext = "",
        key_version: arguments.KeyVersion = None,
    ) -> None:
        """Verify a signature of a file or of standard input. The exit code is 9 if it is wrong.

        The signature is base64 text or bytes.
        """
        from strongroom.client import uses

        at.needs("key.verify", key)
        arguments.one_standard_input(in_=source, signature=signature)
        blob = blobs.read(signature, blobs.SIGNATURE)
        message, hashed = _message(source, digest=digest)
        call = uses.verify(
            key,
            message,
            signature=blob,
            digest=hashed,
            scheme=scheme,
            encoding=encoding,
            signature_context=os.fsencode(signature_context),
            key_version=key_version,
        )
        _judge(at, at.ask(call), "signature", key)

    @command(app, "mac", panel=panel)
    def mac(
        at: Session,
        key: arguments.Key,
        source: arguments.Source = files.PIPE,
        out: arguments.Out = None,
        raw: arguments.Raw = False,
        force: arguments.Force = False,
    ) -> None:
        """Make the MAC of a file or of standard input, up to 64 KiB.

        The tag is one line of base64 text.
        """
        from strongroom.client import uses

        at.needs("key.mac", key)
        part = _part("tag", "the tag", out, raw=raw)
        delivery.check(at, [part], force=force)
        message = files.read(source, limits.MESSAGE_BYTES_MAX, _TOO_LONG)
        answer = at.ask(uses.mac(key, message))
        by = f" (by version {answer.key_version} of {key})"
        delivery.deliver(at, answer, [part], force=force, by=by)

    @command(app, "verify-mac", panel=panel)
    def verify_mac(
        at: Session,
        key: arguments.Key,
        tag: Annotated[
            str, typer.Option("--tag", metavar="FILE", help="The tag; `-`: standard input.")
        ],
        source: arguments.Source = files.PIPE,
        key_version: arguments.KeyVersion = None,
    ) -> None:
        """Verify the MAC of a file or of standard input. The exit code is 9 if it is wrong.

        The tag is base64 text or bytes, and whole: a shortened one is wrong.
        """
        from strongroom.client import uses

        at.needs("key.verify-mac", key)
        arguments.one_standard_input(in_=source, tag=tag)
        blob = blobs.read(tag, blobs.TAG)
        message = files.read(source, limits.MESSAGE_BYTES_MAX, _TOO_LONG)
        answer = at.ask(uses.verify_mac(key, message, tag=blob, key_version=key_version))
        _judge(at, answer, "tag", key)


def _message(source: str, *, digest: bool) -> tuple[bytes | None, bytes | None]:
    """Message or digest, whichever it is."""
    if not digest:
        return files.read(source, limits.MESSAGE_BYTES_MAX, _TOO_LONG_TO_SIGN), None
    # Room enough for what is refused below to be told from what is merely too long.
    data = files.read(source, 4 * _DIGEST_BYTES_MAX, _TOO_LONG_DIGEST)
    if _HEXADECIMAL.fullmatch(data) is not None:
        raise usage(
            "The input is hexadecimal text; --digest takes the bytes.",
            "Such as those of: openssl dgst -sha256 -binary FILE",
        )
    if len(data) > _DIGEST_BYTES_MAX:
        raise CommandError(_TOO_LONG_DIGEST)
    return None, data


def _judge(at: Session, answer: "Verified", what: str, key: str) -> None:
    """Say it. Raises `CommandError` when it is wrong: no script may take that for a yes."""
    if at.json:
        at.show_json(answer)
    by = f"version {answer.key_version} of {key}"
    if not answer.valid:
        raise CommandError(
            Failure(
                Exit.NOT_VALID,
                f"Not valid: the {what} is not of this message by {by}.",
                f"Message or {what} was altered, or it was made in another way or with another"
                " key or version (--key-version N).",
            )
        )
    if not at.json:
        screen.done(f"Valid: the {what} is of this message by {by}.")


def _part(field: str, name: str, out: str | None, *, raw: bool) -> delivery.Part:
    form = blobs.raw if raw else blobs.text
    return delivery.Part(field=field, name=name, target=out, form=form)


_LONGER: Final = f"The input is longer than {limits.MESSAGE_BYTES_MAX:,} bytes (64 KiB)"
_TOO_LONG: Final = Failure(
    Exit.REFUSED, f"{_LONGER}, the most that one call makes a MAC of (MESSAGE_BYTES_MAX)."
)
_TOO_LONG_TO_SIGN: Final = Failure(
    Exit.REFUSED,
    f"{_LONGER}, the longest message of one call (MESSAGE_BYTES_MAX).",
    "Where the scheme has digests, give that of the message: openssl dgst -sha256 -binary FILE |"
    " strongroom sign KEY --digest",
)
_TOO_LONG_DIGEST: Final = Failure(
    Exit.REFUSED, f"The input is longer than any digest: {_DIGEST_BYTES_MAX} bytes."
)
