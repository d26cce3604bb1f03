"""What `EncryptionKey` says of the key that opens a file (RFC 6030, 6; XML Encryption 1.1).

It names the key, or says how it is made from a password, or shows the public half of a key pair.
"""

from enum import StrEnum
from typing import Final

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from strongroom.pskc import limits
from strongroom.pskc.elements import Element
from strongroom.pskc.errors import UnsupportedError
from strongroom.pskc.locks import KEY_BYTES
from strongroom.pskc.names import (
    ENCRYPTED,
    ENCRYPTED_11,
    HMAC_SHA1,
    HMACS,
    PBKDF2S,
    PKCS5,
    SIGNED,
)
from strongroom.pskc.values import attribute, binary, malformed, number, one, parts, text

_MODULUS_BYTES: Final = limits.RSA_BITS[1] // 8 + 1  # and a zero in front that some write
_CERTIFICATE_BYTES: Final = 16 * 1024
_KEY_BYTES_MAX: Final = max(KEY_BYTES)
_PARAMETERS: Final = frozenset({"Salt", "IterationCount", "KeyLength", "PRF"})
_INFO: Final = {
    SIGNED + "KeyName": 4,
    SIGNED + "X509Data": 1,
    SIGNED + "KeyValue": 1,
    ENCRYPTED_11 + "DerivedKey": 1,
}
_DERIVED: Final = {
    ENCRYPTED_11 + "KeyDerivationMethod": 1,
    ENCRYPTED + "ReferenceList": 1,
    ENCRYPTED_11 + "DerivedKeyName": 1,
    ENCRYPTED_11 + "MasterKeyName": 1,
}


class Kind(StrEnum):
    """What opens a file. The words go into messages."""

    NOTHING = "nothing"  # it names no key
    PRE_SHARED = "a pre-shared key"
    PASSWORD = "a password"  # noqa: S105 - the word
    PRIVATE = "a private key"


class Derivation(msgspec.Struct, frozen=True):
    """PBKDF2: how the key is made from the password."""

    digest: str
    salt: bytes
    iterations: int
    length: int


class KeyInfo(msgspec.Struct, frozen=True):
    """What opens the file. `name` is the sender's own word for it, and may be anything."""

    kind: Kind = Kind.NOTHING
    name: str = ""
    derivation: Derivation | None = None
    public_key: RSAPublicKey | None = None


def read(element: Element | None) -> KeyInfo:
    """Raises `MalformedError`, and `UnsupportedError` for another derivation than PBKDF2."""
    if element is None:
        return KeyInfo()
    found = parts(element, _INFO)
    name = text(one(found, SIGNED + "KeyName"))
    derived = one(found, ENCRYPTED_11 + "DerivedKey")
    if derived is not None:
        of_it = parts(derived, _DERIVED)
        name = text(one(of_it, ENCRYPTED_11 + "MasterKeyName")) or name
        return KeyInfo(Kind.PASSWORD, name, _derivation(derived, of_it))
    certificate = one(found, SIGNED + "X509Data")
    if certificate is not None:
        return KeyInfo(Kind.PRIVATE, name, None, _certified(certificate))
    value = one(found, SIGNED + "KeyValue")
    if value is not None:
        return KeyInfo(Kind.PRIVATE, name, None, _public_key(value))
    return KeyInfo(Kind.PRE_SHARED, name)


def _derivation(derived: Element, found: dict[str, list[Element]]) -> Derivation:
    method = one(found, ENCRYPTED_11 + "KeyDerivationMethod")
    if method is None or attribute(method, "Algorithm") not in PBKDF2S:
        raise UnsupportedError(f"line {derived.line:,}: the key is not made by PBKDF2")
    found = parts(method, {PKCS5 + "PBKDF2-params": 1, ENCRYPTED_11 + "PBKDF2-params": 1})
    if len(found) != 1:
        raise malformed(method, "PBKDF2 has no parameters")
    ((params,),) = found.values()
    return _pbkdf2(params)


def _pbkdf2(params: Element) -> Derivation:
    # Their namespace is none in RFC 6030's figures, and XML Encryption's own in its schema.
    found: dict[str, Element] = {}
    for child in params.children:
        if found.setdefault(child.local, child) is not child:
            raise malformed(child, "PBKDF2 has a parameter twice")
    if not {"Salt", "IterationCount"} <= found.keys() <= _PARAMETERS:
        raise malformed(params, "PBKDF2 has not the parameters that it should have")
    specified = [child for child in found["Salt"].children if child.local == "Specified"]
    if len(specified) != 1:
        raise malformed(found["Salt"], "PBKDF2's salt is not in the file")
    salt = binary(specified[0], limits.SALT_BYTES[1])
    if len(salt) < limits.SALT_BYTES[0]:
        raise malformed(specified[0], f"PBKDF2's salt is below {limits.SALT_BYTES[0]} bytes")
    count = found["IterationCount"]
    iterations = number(count, text(count), least=1, most=limits.ITERATIONS_MAX)
    length = found.get("KeyLength")
    size = _KEY_BYTES_MAX if length is None else number(length, text(length))
    if size not in KEY_BYTES:
        raise malformed(params, "PBKDF2's key has not the length of an AES key")
    prf = found.get("PRF")
    # PKCS #5 v2.0, Appendix C: HMAC-SHA-1 where nothing is said.
    digest = HMACS.get(HMAC_SHA1 if prf is None else attribute(prf, "Algorithm") or HMAC_SHA1)
    if digest is None:
        raise UnsupportedError(f"line {params.line:,}: PBKDF2 with a function that is not known")
    return Derivation(digest, salt, iterations, size)


def _certified(data: Element) -> RSAPublicKey | None:
    certificates = [c for c in data.children if c.name == SIGNED + "X509Certificate"]
    if not certificates:
        return None  # it names one by its issuer; then nothing can be compared
    try:
        key = x509.load_der_x509_certificate(
            binary(certificates[0], _CERTIFICATE_BYTES)
        ).public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise malformed(certificates[0], "the certificate cannot be read") from None
    if not isinstance(key, RSAPublicKey):
        raise UnsupportedError(f"line {data.line:,}: the certificate is of no RSA key")
    return key


def _public_key(value: Element) -> RSAPublicKey:
    rsa = one(parts(value, {SIGNED + "RSAKeyValue": 1}), SIGNED + "RSAKeyValue")
    found = {} if rsa is None else parts(rsa, {SIGNED + "Modulus": 1, SIGNED + "Exponent": 1})
    if len(found) != 2:  # noqa: PLR2004 - both
        raise malformed(value, "the public key is of no RSA key, or not whole")
    modulus, exponent = (
        int.from_bytes(binary(found[SIGNED + name][0], _MODULUS_BYTES), "big")
        for name in ("Modulus", "Exponent")
    )
    try:
        return RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError:
        raise malformed(value, "the public key is no RSA key") from None
