"""The seal for production without an HSM: the root key, wrapped under a passphrase by Argon2id.

The file is one JSON object (`docs/formats/seal-passphrase-1.md`). The key that wraps is Argon2id
(RFC 9106) of the passphrase with the second recommended option of RFC 9106, section 4: 3 passes, 4
lanes, 64 MiB. The parameters are in the file, so that later ones can be stronger, and
authenticated with the rest of it.
"""

import unicodedata
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from strongroom.adapters.files import read_private, write_private
from strongroom.domain.binding import bind
from strongroom.domain.sensitive import Sensitive
from strongroom.ports.randomness import Randomness
from strongroom.ports.seal import SealRefused

PASSPHRASE_CHARACTERS_MIN: Final = 15  # NIST SP 800-63B-4, 3.1.1.2: where it is the only factor
PASSPHRASE_BYTES_MAX: Final = 1024

_FORMAT: Final = "strongroom passphrase seal 1"
_BYTES_MAX: Final = 4096
_PASSES, _LANES, _MEMORY_KIB = 3, 4, 64 * 1024
# Bounds for what a file may ask for: below, it was weakened; above, it would only exhaust the
# machine.
_PASSES_MAX, _LANES_MAX, _MEMORY_KIB_MAX = 64, 64, 4 * 1024 * 1024


class _File(msgspec.Struct, forbid_unknown_fields=True):
    format: str
    passes: int
    lanes: int
    memory_kib: int
    salt: bytes
    nonce: bytes
    wrapped: bytes


class PassphraseSeal:
    """See the head of this module."""

    kind = "passphrase"

    def __init__(self, path: Path, passphrase: Sensitive) -> None:
        self._path = path
        self._passphrase = passphrase

    @classmethod
    def make(cls, path: Path, passphrase: Sensitive, randomness: Randomness) -> "PassphraseSeal":
        """A new root key under this passphrase. `SealRefused`: too short, or there is a file."""
        secret = _canonical(passphrase)
        if len(secret.reveal().decode()) < PASSPHRASE_CHARACTERS_MIN:
            raise SealRefused(
                f"the passphrase needs {PASSPHRASE_CHARACTERS_MIN} characters at least"
            )
        file = _File(
            _FORMAT, _PASSES, _LANES, _MEMORY_KIB,
            salt=randomness.bytes(16), nonce=randomness.bytes(12), wrapped=b"",
        )  # fmt: skip
        root = Sensitive(randomness.bytes(32))
        file.wrapped = AESGCM(_key(secret, file)).encrypt(file.nonce, root.reveal(), _bound(file))
        try:
            write_private(path, msgspec.json.format(msgspec.json.encode(file)) + b"\n")
        except FileExistsError as error:
            raise SealRefused(f"{path} exists already") from error
        return cls(path, passphrase)

    def open(self) -> Sensitive:
        """The root key. Raises `SealRefused`."""
        try:
            file = msgspec.json.decode(read_private(self._path, _BYTES_MAX), type=_File)
        except msgspec.MsgspecError as error:
            raise SealRefused(f"{self._path} is not a seal file") from error
        if file.format != _FORMAT:
            raise SealRefused(f"{self._path} is not a passphrase seal of this version")
        if not (
            _PASSES <= file.passes <= _PASSES_MAX
            and 1 <= file.lanes <= _LANES_MAX
            and _MEMORY_KIB <= file.memory_kib <= _MEMORY_KIB_MAX
            and len(file.salt) == 16  # noqa: PLR2004 - as made above
            and len(file.nonce) == 12  # noqa: PLR2004
        ):
            raise SealRefused(f"{self._path} has parameters out of bounds")
        try:
            key = _key(_canonical(self._passphrase), file)
            return Sensitive(AESGCM(key).decrypt(file.nonce, file.wrapped, _bound(file)))
        except InvalidTag:
            raise SealRefused("the passphrase is not right, or the seal file was altered") from None


def _canonical(passphrase: Sensitive) -> Sensitive:
    """As NFC: the same letters of two keyboards are one passphrase (SP 800-63B-4, 3.1.1.2)."""
    if len(passphrase.reveal()) > PASSPHRASE_BYTES_MAX:
        raise SealRefused(f"the passphrase is above {PASSPHRASE_BYTES_MAX} bytes")
    try:
        text = passphrase.reveal().decode()
    except UnicodeDecodeError:
        raise SealRefused("the passphrase is not UTF-8") from None
    return Sensitive(unicodedata.normalize("NFC", text).encode())


def _key(passphrase: Sensitive, file: _File) -> bytes:
    return Argon2id(
        salt=file.salt,
        length=32,
        iterations=file.passes,
        lanes=file.lanes,
        memory_cost=file.memory_kib,
    ).derive(passphrase.reveal())


def _bound(file: _File) -> bytes:
    numbers = (file.passes, file.lanes, file.memory_kib)
    return bind(file.format.encode(), *(number.to_bytes(4, "big") for number in numbers), file.salt)
