"""Tokens of a privacyIDEA database, as a CSV file of its `token` table and its key file.

A secret is AES-256-CBC of its hexadecimal text, written in hexadecimal once more and ended by
01 02; the key is the first 32 bytes of the file `enckey`. A key file that is encrypted with a
password is refused.
"""

import binascii
import csv
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO, Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from strongroom.cli.failures import usage
from strongroom.cli.otp_readers import Read, checked
from strongroom.domain.sensitive import Sensitive

KEY_FILE_BYTES: Final = 96  # three keys; that of tokens is the first
_KEY_BYTES: Final = 32
_IV_BYTES: Final = 16
_END: Final = b"\x01\x02"
_NEEDED: Final = ("serial", "tokentype", "key_enc", "key_iv")
_TYPES: Final = {"hotp": "hotp", "totp": "totp", "ocra": "ocra"}
_LINE_BYTES_MAX: Final = 64 * 1024


def key_of(raw: bytes) -> Sensitive:
    """The key of tokens in a key file."""
    if len(raw) != KEY_FILE_BYTES:
        raise usage(
            f"A privacyIDEA key file has {KEY_FILE_BYTES} bytes; this one is another, or encrypted"
            " with a password.",
            "Decrypt it there first.",
        )
    return Sensitive(raw[:_KEY_BYTES])


def rows(stream: BinaryIO, key: Sensitive) -> Iterator[Read]:
    """The tokens of the file, one by one. Its first line names the columns.

    `serial`, `tokentype`, `key_enc`, `key_iv`; and if they are there `otplen`, `count`, `hashlib`,
    `time_step`, `suite`, `user`.
    """
    lines = iter(partial(stream.readline, _LINE_BYTES_MAX), b"")
    reader = csv.DictReader(line.decode() for line in lines)
    try:
        missing = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
        if missing:
            raise usage(f"The first line of the file does not name: {', '.join(missing)}.")
        for row in reader:
            yield _token(f"line {reader.line_num:,}", row, key, stream.tell())
    except UnicodeDecodeError:
        raise usage("The file is not UTF-8 text.") from None
    except csv.Error as error:
        raise usage(f"The file is no CSV: {error}.") from None


def _token(where: str, row: dict[str, str], key: Sensitive, consumed: int) -> Read:
    kind = _TYPES.get((row.get("tokentype") or "").lower())
    if kind is None:
        return Read(where, None, "its type is none of HOTP, TOTP and OCRA", consumed)
    try:
        secret = _opened(key, row.get("key_enc") or "", row.get("key_iv") or "")
        numbers = {
            name: int(row[column])
            for name, column in (
                ("digits", "otplen"),
                ("counter", "count"),
                ("period", "time_step"),
            )
            if row.get(column)
        }
    except ValueError:
        return Read(where, None, "its secret does not open with this key, or a number is none",
                    consumed)  # fmt: skip
    if kind == "totp":
        # There it is the last time step, and here it follows from the time.
        numbers.pop("counter", None)
    else:
        numbers.pop("period", None)
    said: dict[str, object] = {
        "secret": secret, "type": kind, "serial": row.get("serial") or "",
        "algorithm": (row.get("hashlib") or "sha1").upper(), **numbers,
    }  # fmt: skip
    if kind == "ocra":
        said = {
            name: said[name] for name in ("secret", "type", "serial", "counter") if name in said
        }
        said["suite"] = row.get("suite") or ""
    if row.get("user"):
        said["user"] = row["user"]
    return checked(where, said, consumed)


def _opened(key: Sensitive, text: str, iv: str) -> bytes:
    sealed, nonce = binascii.unhexlify(text.strip()), binascii.unhexlify(iv.strip())
    if len(nonce) != _IV_BYTES or not sealed or len(sealed) % _IV_BYTES:
        raise ValueError("no block")
    opener = Cipher(algorithms.AES(key.reveal()), modes.CBC(nonce)).decryptor()
    plain = opener.update(sealed) + opener.finalize()
    inner, end, _ = plain.rpartition(_END)
    if not end:
        raise ValueError("no end")
    return binascii.unhexlify(binascii.unhexlify(inner))
