"""How a file's secrets are protected when it is written: the counterpart of `opening.py`.

Under a key that both know, or one made from a password: AES-256-CBC, and HMAC-SHA-256 over vector
and ciphertext with a key of its own (RFC 6030, 6.1, 6.2). To a public key: RSA-OAEP with SHA-256
for each secret (6.3), which notices changes by itself; but anybody could have made such a file.
"""

import base64
import os
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from strongroom.domain.sensitive import Sensitive
from strongroom.pskc import ciphers, limits
from strongroom.pskc.errors import LockedError
from strongroom.pskc.locks import InTheOpen, Lock, Password, PreSharedKey
from strongroom.pskc.names import (
    AES_256_CBC,
    HMAC_SHA256,
    MGF1_SHA256,
    PBKDF2,
    RSA_OAEP,
    SHA256,
)
from strongroom.pskc.spelling import text

_KEY_BYTES: Final = 32
_IV_BYTES: Final = 16
_SALT_BYTES: Final = 16
_DIGEST: Final = "sha256"
_CBC_METHOD: Final = f'<xenc:EncryptionMethod Algorithm="{AES_256_CBC}"/>'
_OAEP_METHOD: Final = (
    f'<xenc:EncryptionMethod Algorithm="{RSA_OAEP}"><ds:DigestMethod Algorithm="{SHA256}"/>'
    f'<xenc11:MGF Algorithm="{MGF1_SHA256}"/></xenc:EncryptionMethod>'
)


class Sealing:
    """The protection of one file, with fresh keys. Raises `LockedError` for a lock that is weak."""

    def __init__(self, lock: Lock) -> None:
        self.heading = ""
        """`EncryptionKey` and `MACMethod`."""
        self._key = b""
        self._mac_key = b""
        self._public: RSAPublicKey | None = None
        if isinstance(lock, PreSharedKey):
            self._key = lock.key.reveal()
            if len(self._key) != _KEY_BYTES:
                raise LockedError(f"a file is written under a key of {_KEY_BYTES} bytes")
            info = f"<ds:KeyName>{text(lock.name)}</ds:KeyName>"
            self.heading = _encryption(info) + self._mac_method()
        elif isinstance(lock, Password):
            salt = os.urandom(_SALT_BYTES)
            self._key = ciphers.pbkdf2(
                _long_enough(lock.password), _DIGEST, salt, limits.ITERATIONS_WRITTEN, _KEY_BYTES
            )
            self.heading = _encryption(_derived(salt, lock.name)) + self._mac_method()
        elif not isinstance(lock, InTheOpen):
            self._public = lock.key
            if lock.key.key_size < limits.RSA_WRITE_BITS_MIN:
                raise LockedError(f"an RSA key needs {limits.RSA_WRITE_BITS_MIN:,} bits at least")
            self.heading = _encryption(_key_value(lock.key))

    def value(self, secret: Sensitive) -> str:
        """The elements within `Secret`."""
        plain = secret.reveal()
        if self._public is not None:
            sealed = ciphers.seal_oaep(self._public, plain, _DIGEST)
            return f"<EncryptedValue>{_OAEP_METHOD}{_data(sealed)}</EncryptedValue>"
        if not self._key:
            return f"<PlainValue>{_base64(plain)}</PlainValue>"
        sealed = ciphers.seal_cbc(self._key, os.urandom(_IV_BYTES), plain)
        mac = ciphers.mac(self._mac_key, _DIGEST, sealed)
        return (
            f"<EncryptedValue>{_CBC_METHOD}{_data(sealed)}</EncryptedValue>"
            f"<ValueMAC>{_base64(mac)}</ValueMAC>"
        )

    def _mac_method(self) -> str:
        self._mac_key = os.urandom(_KEY_BYTES)
        sealed = ciphers.seal_cbc(self._key, os.urandom(_IV_BYTES), self._mac_key)
        return (
            f'<MACMethod Algorithm="{HMAC_SHA256}">'
            f"<MACKey>{_CBC_METHOD}{_data(sealed)}</MACKey></MACMethod>\n"
        )


def _encryption(info: str) -> str:
    return f"<EncryptionKey>{info}</EncryptionKey>\n"


def _derived(salt: bytes, name: str) -> str:
    # The parameters are in no namespace, as in RFC 6030's figures: other readers look there.
    return (
        f'<xenc11:DerivedKey><xenc11:KeyDerivationMethod Algorithm="{PBKDF2}">'
        f'<pkcs5:PBKDF2-params><Salt xmlns=""><Specified>{_base64(salt)}</Specified></Salt>'
        f'<IterationCount xmlns="">{limits.ITERATIONS_WRITTEN}</IterationCount>'
        f'<KeyLength xmlns="">{_KEY_BYTES}</KeyLength><PRF xmlns="" Algorithm="{HMAC_SHA256}"/>'
        "</pkcs5:PBKDF2-params></xenc11:KeyDerivationMethod>"
        f"<xenc11:MasterKeyName>{text(name)}</xenc11:MasterKeyName></xenc11:DerivedKey>"
    )


def _key_value(key: RSAPublicKey) -> str:
    numbers = key.public_numbers()
    modulus, exponent = (
        _base64(value.to_bytes((value.bit_length() + 7) // 8, "big"))
        for value in (numbers.n, numbers.e)
    )
    return (
        f"<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>{modulus}</ds:Modulus>"
        f"<ds:Exponent>{exponent}</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>"
    )


def _long_enough(password: Sensitive) -> bytes:
    # It alone protects the file, against somebody who may guess for years.
    given = password.reveal()
    try:
        characters = len(given.decode())
    except UnicodeDecodeError:
        raise LockedError("the password is not UTF-8") from None
    if characters < limits.PASSWORD_CHARACTERS_MIN:
        raise LockedError(
            f"the password needs {limits.PASSWORD_CHARACTERS_MIN} characters at least"
        )
    return given


def _data(sealed: bytes) -> str:
    value = _base64(sealed)
    return f"<xenc:CipherData><xenc:CipherValue>{value}</xenc:CipherValue></xenc:CipherData>"


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
