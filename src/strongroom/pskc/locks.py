"""What a PSKC file is opened and protected with."""

import binascii
from typing import Final

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from strongroom.domain.sensitive import Sensitive
from strongroom.pskc import limits
from strongroom.pskc.errors import LockedError

KEY_BYTES: Final = (16, 24, 32)  # of AES


class PreSharedKey(msgspec.Struct, frozen=True):
    """An AES key that both sides know. `name` is how the file calls it (written only)."""

    key: Sensitive
    name: str = "Pre-shared-key"


class Password(msgspec.Struct, frozen=True):
    """A password, as UTF-8: the bytes count as they are. `name` as above."""

    password: Sensitive
    name: str = "Password"


class PrivateKey(msgspec.Struct, frozen=True):
    """The RSA key that opens what was sealed to its public key."""

    key: RSAPrivateKey


class PublicKey(msgspec.Struct, frozen=True):
    """An RSA key to which each secret is sealed."""

    key: RSAPublicKey


class InTheOpen(msgspec.Struct, frozen=True):
    """No protection. Whoever has the file has the secrets."""


Unlock = PreSharedKey | Password | PrivateKey
"""What opens a file. Of one whose secrets are in the open, None."""

Lock = PreSharedKey | Password | PublicKey | InTheOpen
"""What protects a file."""


def pre_shared_key(hexadecimal: Sensitive, name: str = "Pre-shared-key") -> PreSharedKey:
    """From its text: 32, 48 or 64 hexadecimal digits. Raises `LockedError`."""
    try:
        key = binascii.unhexlify(hexadecimal.reveal().strip())
    except binascii.Error:
        key = b""
    if len(key) not in KEY_BYTES:
        raise LockedError("a pre-shared key is 32, 48 or 64 hexadecimal digits")
    return PreSharedKey(Sensitive(key), name)


def private_key(pem: Sensitive, passphrase: Sensitive | None = None) -> PrivateKey:
    """From a PEM file. Raises `LockedError`."""
    try:
        key = serialization.load_pem_private_key(
            pem.reveal(), None if passphrase is None else passphrase.reveal()
        )
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Nothing of the cause: the file is a secret, whatever is in it.
        raise LockedError("this is no private key in PEM, or its passphrase is not right") from None
    least, most = limits.RSA_BITS
    if not isinstance(key, RSAPrivateKey) or not least <= key.key_size <= most:
        raise LockedError(f"PSKC files are opened with an RSA key of {least:,} to {most:,} bits")
    return PrivateKey(key)


def public_key(pem: bytes) -> PublicKey:
    """From a PEM file. Raises `LockedError`."""
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise LockedError("this is no public key in PEM") from None
    least, most = limits.RSA_WRITE_BITS_MIN, limits.RSA_BITS[1]
    if not isinstance(key, RSAPublicKey) or not least <= key.key_size <= most:
        raise LockedError(f"PSKC files are sealed to an RSA key of {least:,} to {most:,} bits")
    return PublicKey(key)
