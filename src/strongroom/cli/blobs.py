"""Ciphertexts, signatures, public keys: base64 text for people, or bytes. Either is read."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from strongroom.cli import files
from strongroom.cli.exits import Exit
from strongroom.cli.failures import CommandError, Failure, usage
from strongroom.domain import limits

_BASE64_TEXT: Final = re.compile(rb"[A-Za-z0-9+/=\s]*")
_PEM: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\s([A-Za-z0-9+/=\s]+)-----END \1-----")
_PEM_START: Final = b"-----BEGIN "
_PEM_LINE_CHARACTERS: Final = 64  # RFC 7468


@dataclass(frozen=True, slots=True)
class Kind:
    """What is read: where it comes from, what it is, how long it can be, how a bad one ends."""

    source: str
    name: str
    bytes_max: int
    limit: str
    exit: Exit


CIPHERTEXT: Final = Kind(
    "input",
    "ciphertext",
    limits.CIPHERTEXT_BYTES_MAX,
    "CIPHERTEXT_BYTES_MAX",
    Exit.INVALID_CIPHERTEXT,
)
ENCAPSULATION: Final = Kind(
    "input",
    "encapsulated secret",
    limits.KEY_BLOB_BYTES_MAX,
    "KEY_BLOB_BYTES_MAX",
    Exit.INVALID_CIPHERTEXT,
)
WRAPPED: Final = Kind(
    "input",
    "wrapped key",
    limits.KEY_BLOB_BYTES_MAX,
    "KEY_BLOB_BYTES_MAX",
    Exit.INVALID_CIPHERTEXT,
)
PUBLIC_KEY: Final = Kind(
    "input", "public key", limits.KEY_BLOB_BYTES_MAX, "KEY_BLOB_BYTES_MAX", Exit.REFUSED
)
SIGNATURE: Final = Kind(
    "signature",
    "signature",
    limits.SIGNATURE_BYTES_MAX,
    "SIGNATURE_BYTES_MAX",
    Exit.NOT_VALID,
)
TAG: Final = Kind("tag", "tag", limits.SIGNATURE_BYTES_MAX, "SIGNATURE_BYTES_MAX", Exit.NOT_VALID)


def read(source: str, kind: Kind) -> bytes:
    """The bytes, whether they came as they are or as base64 text.

    The default's ciphertexts begin with a byte that base64 text does not contain. Of random bytes,
    sixteen (the shortest there are: a nonce alone) look like base64 once in a thousand million;
    who gives base64 leaves no doubt.
    """
    # Base64 makes four characters of three bytes, and editors add line ends.
    data = files.read(source, 2 * kind.bytes_max, _too_long(kind))
    if not data.strip():
        raise _bad(kind, f"The {kind.source} is empty.")
    if data.startswith(_PEM_START) and kind is PUBLIC_KEY:
        data = _der(data)
    elif _BASE64_TEXT.fullmatch(data) is not None:
        try:
            data = base64.b64decode(b"".join(data.split()), validate=True)
        except binascii.Error:
            raise _bad(
                kind,
                f"The {kind.source} is not a whole base64 text.",
                "It may have been cut short.",
            ) from None
    if len(data) > kind.bytes_max:
        raise CommandError(_too_long(kind))
    return data


def text(blob: bytes) -> bytes:
    """One line of base64."""
    return base64.b64encode(blob) + b"\n"


def raw(blob: bytes) -> bytes:
    """As it is."""
    return blob


def public_pem(der: bytes) -> bytes:
    """A SubjectPublicKeyInfo between its lines (RFC 7468)."""
    return _pem("PUBLIC KEY", der)


def private_pem(der: bytes) -> bytes:
    """A PKCS#8 key between its lines (RFC 7468)."""
    return _pem("PRIVATE KEY", der)


def _pem(label: str, der: bytes) -> bytes:
    content = base64.b64encode(der).decode()
    lines = [
        content[start : start + _PEM_LINE_CHARACTERS]
        for start in range(0, len(content), _PEM_LINE_CHARACTERS)
    ]
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", "")).encode()


def _der(pem: bytes) -> bytes:
    """What is in the PEM of a public key."""
    found = _PEM.fullmatch(pem.strip())
    if found is not None and found[1] == b"PUBLIC KEY":
        try:
            return base64.b64decode(b"".join(found[2].split()), validate=True)
        except binascii.Error:
            pass
    if b"PRIVATE KEY" in pem:
        # It must not leave this machine because of a mistyped file name.
        raise usage("The input is a private key; a public key belongs here. Nothing was sent.")
    raise usage("The input is PEM, but not of one public key (BEGIN PUBLIC KEY).")


def _too_long(kind: Kind) -> Failure:
    return Failure(
        kind.exit,
        f"The {kind.source} is longer than any {kind.name}: {kind.bytes_max:,} bytes"
        f" ({kind.limit}).",
    )


def _bad(kind: Kind, what: str, advice: str = "") -> CommandError:
    return CommandError(Failure(kind.exit, what, advice))
