"""How the values of a file are opened: by its `MACMethod` and the key that was given."""

import os
from typing import Final

from strongroom.pskc import ciphers, limits
from strongroom.pskc.elements import Element
from strongroom.pskc.errors import (
    LockedError,
    NotAuthenticError,
    UnprotectedError,
    UnsupportedError,
)
from strongroom.pskc.key_info import KeyInfo, Kind
from strongroom.pskc.locks import KEY_BYTES, Password, PreSharedKey, PrivateKey, Unlock
from strongroom.pskc.names import (
    CBC,
    DIGESTS,
    ENCRYPTED,
    ENCRYPTED_11,
    HMACS,
    KEY_WRAP,
    KEY_WRAP_PADDED,
    MGFS,
    PSKC,
    RSA_1_5,
    RSA_OAEP,
    RSA_OAEP_SHA1,
    SHA1,
    SIGNED,
)
from strongroom.pskc.values import attribute, binary, malformed, one, parts, text

_METHOD: Final = ENCRYPTED + "EncryptionMethod"
_DATA: Final = ENCRYPTED + "CipherData"
_VALUE: Final = ENCRYPTED + "CipherValue"
_KEY: Final = PSKC + "MACKey"
_REFERENCE: Final = PSKC + "MACKeyReference"
_OAEP: Final = {
    SIGNED + "DigestMethod": 1,
    ENCRYPTED_11 + "MGF": 1,
    ENCRYPTED + "KeySize": 1,
    ENCRYPTED + "OAEPparams": 1,
}


class Opening:
    """Opens the values of one file. Without an `unlock` it opens none, and says what is wanted.

    Raises `LockedError` for a key of another kind than the file's, `UnsupportedError` and
    `UnprotectedError` for a MAC that cannot be checked, `NotAuthenticError` for a wrong key.
    """

    def __init__(self, info: KeyInfo, mac_method: Element | None, unlock: Unlock | None) -> None:
        self.with_key = unlock is not None
        self.remarks: list[str] = []
        """What is weak about the file, for people."""
        self._info = info
        self._private = unlock.key if isinstance(unlock, PrivateKey) else None
        self._key = self._symmetric(unlock)
        if self._private is not None and info.public_key is not None:
            # With RSA-1.5 another key's file would open, as random secrets.
            ours = self._private.public_key().public_numbers()
            if info.public_key.public_numbers() != ours:
                raise LockedError("the file is sealed to another key than the one that was given")
        self._digest = ""
        self._mac_key = b""
        if mac_method is not None and unlock is not None:
            self._digest, self._mac_key = self._mac(mac_method)

    def value(self, encrypted: Element, mac: Element | None) -> bytes:
        """What an `EncryptedValue` holds. Its MAC is checked before it is decrypted.

        Raises `LockedError`, `UnprotectedError`, `UnsupportedError`, `NotAuthenticError`.
        """
        if not self.with_key:
            kind = Kind.PRE_SHARED if self._info.kind is Kind.NOTHING else self._info.kind
            raise LockedError(f"the file is encrypted: {kind} opens it")
        method, sealed = _encrypted(encrypted)
        # RFC 6030, 6.2: an algorithm that notices no change by itself needs the MAC.
        if mac is not None or method.attributes.get("Algorithm") in CBC:
            if mac is None or not self._digest:
                raise UnprotectedError(
                    f"line {encrypted.line:,}: a value has no MAC, so anybody may have changed it"
                )
            tag = binary(mac, limits.CIPHER_BYTES_MAX)
            try:
                ciphers.check_mac(self._mac_key, self._digest, sealed, tag)
            except NotAuthenticError:
                raise NotAuthenticError(encrypted.line) from None
        return self._open(method, sealed, encrypted.line)

    def _symmetric(self, unlock: Unlock | None) -> bytes:
        info = self._info
        if isinstance(unlock, Password):
            if info.derivation is None:
                raise LockedError("the file's key is not made from a password")
            how = info.derivation
            if how.iterations < limits.ITERATIONS_WEAK:
                self._remark(f"the password is stretched by {how.iterations:,} rounds only")
            return ciphers.pbkdf2(
                unlock.password.reveal(), how.digest, how.salt, how.iterations, how.length
            )
        if unlock is not None and info.derivation is not None:
            raise LockedError("the file's key is made from a password: give the password")
        if isinstance(unlock, PreSharedKey):
            key = unlock.key.reveal()
            if len(key) not in KEY_BYTES:
                raise LockedError("a pre-shared key has 16, 24 or 32 bytes")
            return key
        return b""

    def _mac(self, mac_method: Element) -> tuple[str, bytes]:
        digest = HMACS.get(attribute(mac_method, "Algorithm"))
        if digest is None:
            raise UnsupportedError(
                f"line {mac_method.line:,}: the MAC is none of HMAC-SHA-1, -256 and -512"
            )
        found = parts(mac_method, {_KEY: 1, _REFERENCE: 1})
        if _REFERENCE in found:
            raise UnsupportedError(f"line {mac_method.line:,}: the MAC's key is not in the file")
        encrypted = one(found, _KEY)
        if encrypted is None:
            # Without a key of its own the MAC is made with the encryption key.
            if not self._key:
                raise UnprotectedError(f"line {mac_method.line:,}: the MAC has no key")
            return digest, self._key
        method, sealed = _encrypted(encrypted)
        try:
            key = self._open(method, sealed, encrypted.line)
        except NotAuthenticError:
            key = b""
        least, most = limits.MAC_KEY_BYTES
        if not least <= len(key) <= most:
            # The MAC's key has no MAC. Whoever puts another ciphertext in its place and sees where
            # it fails would learn of its padding: so it always fails later, at the first value.
            key = os.urandom(most)
        return digest, key

    def _open(self, method: Element, sealed: bytes, line: int) -> bytes:
        name = attribute(method, "Algorithm")
        try:
            if name in CBC:
                return ciphers.open_cbc(self._sized(CBC[name]), sealed)
            if name in KEY_WRAP:
                return ciphers.unwrap(self._sized(KEY_WRAP[name]), sealed, padded=False)
            if name in KEY_WRAP_PADDED:
                return ciphers.unwrap(self._sized(KEY_WRAP_PADDED[name]), sealed, padded=True)
            if name in RSA_1_5 or name in (RSA_OAEP, RSA_OAEP_SHA1):
                return self._open_rsa(name, method, sealed)
        except NotAuthenticError:
            raise NotAuthenticError(line) from None
        raise UnsupportedError(
            f"line {line:,}: the encryption is none of AES-CBC, AES key wrap, RSA-OAEP and RSA-1.5"
        )

    def _sized(self, length: int) -> bytes:
        if self._private is not None:
            raise LockedError("the file is under an AES key, and a private key was given")
        if len(self._key) != length:
            raise LockedError(
                f"the file is under a key of {8 * length} bits, and the one given has"
                f" {8 * len(self._key)}"
            )
        return self._key

    def _open_rsa(self, name: str, method: Element, sealed: bytes) -> bytes:
        if self._private is None:
            raise LockedError("the file is sealed to an RSA key: its private key opens it")
        if name in RSA_1_5:
            self._remark("RSA-1.5 does not notice changes: try a code of each key")
            return ciphers.open_rsa_1_5(self._private, sealed)
        found = parts(method, _OAEP)
        digest = DIGESTS.get(_algorithm(found, SIGNED + "DigestMethod") or SHA1)
        mask = _algorithm(found, ENCRYPTED_11 + "MGF") if name == RSA_OAEP else ""
        mgf = MGFS.get(mask) if mask else "sha1"
        if digest is None or mgf is None or text(one(found, ENCRYPTED + "OAEPparams")):
            raise UnsupportedError(f"line {method.line:,}: RSA-OAEP with parameters not known here")
        return ciphers.open_oaep(self._private, sealed, digest, mgf)

    def _remark(self, words: str) -> None:
        if words not in self.remarks:
            self.remarks.append(words)


def _encrypted(value: Element) -> tuple[Element, bytes]:
    """The method and the bytes of an `EncryptedDataType` (XML Encryption, 3.1)."""
    found = parts(value, {_METHOD: 1, _DATA: 1})
    if len(found) != 2:  # noqa: PLR2004 - both
        raise malformed(value, "an encrypted value has no method, or no data")
    sealed = one(parts(found[_DATA][0], {_VALUE: 1}), _VALUE)
    if sealed is None:
        raise malformed(value, "an encrypted value has no data in the file")
    return found[_METHOD][0], binary(sealed, limits.CIPHER_BYTES_MAX)


def _algorithm(found: dict[str, list[Element]], name: str) -> str:
    element = one(found, name)
    return "" if element is None else attribute(element, "Algorithm")
