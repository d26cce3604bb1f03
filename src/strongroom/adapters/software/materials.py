"""Every algorithm's material: made, adopted, and as the handle of a purpose.

`docs/formats/material-1.md` is the page about the bytes.
"""

import os
from collections.abc import Callable
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x25519

from strongroom.adapters.software import pairs
from strongroom.adapters.software.agreement import ECDHAgreement, X25519Agreement
from strongroom.adapters.software.ecdsa import ECDSASigner
from strongroom.adapters.software.edwards import EdwardsSigner
from strongroom.adapters.software.format1 import FormatOneCipher
from strongroom.adapters.software.kem import HPKEOpener, MLKEMDecapsulator
from strongroom.adapters.software.macs import HMACMaker
from strongroom.adapters.software.mldsa import MLDSASigner
from strongroom.adapters.software.raw import raw_cipher
from strongroom.adapters.software.rsa import RSADecrypter, RSASigner, RSAWrapper
from strongroom.adapters.software.wrapping import AESWrapper
from strongroom.adapters.software.xwing import XWingPrivateKey
from strongroom.domain.algorithms import ALGORITHMS, Algorithm, Kind, Purpose
from strongroom.domain.errors import InvalidRequest
from strongroom.domain.sensitive import Sensitive
from strongroom.ports.provider import MaterialHandle


def made(algorithm: Algorithm, rsa_keys: pairs.RSAKeys) -> tuple[bytes, bytes]:
    """New material, and its public half, if it has one."""
    if ALGORITHMS[algorithm].kind is Kind.SYMMETRIC:
        return os.urandom(_bytes(algorithm)), b""
    return _both(pairs.generate(algorithm, rsa_keys))


def adopted(algorithm: Algorithm, material: bytes) -> tuple[bytes, bytes]:
    """Material from elsewhere as we keep it, and its public half, if it has one.

    Raises `InvalidRequest` for another size or algorithm, a key pair that is not sound, and a key
    of one byte repeated, which nobody drew at random.
    """
    if ALGORITHMS[algorithm].kind is Kind.ASYMMETRIC:
        return _both(pairs.adopted(algorithm, material))
    if len(material) != _bytes(algorithm):
        raise InvalidRequest(f"a key of {algorithm} has {_bytes(algorithm)} bytes")
    if len(set(material)) == 1:
        raise InvalidRequest("this key is one byte repeated; make one at random")
    return material, b""


def opened(algorithm: Algorithm, purpose: Purpose, material: bytes) -> MaterialHandle:
    """The handle over material that `made` or `adopted` gave. Raises `ValueError` for other bytes.

    Raises `InvalidRequest` for a purpose that the algorithm does not have.
    """
    if purpose not in ALGORITHMS[algorithm].schemes:
        raise InvalidRequest(f"{algorithm} is not for {purpose}")
    if ALGORITHMS[algorithm].kind is Kind.ASYMMETRIC:
        return _private(algorithm, purpose, pairs.opened(algorithm, material))
    if len(material) != _bytes(algorithm):
        raise ValueError("material of another size")
    if algorithm is Algorithm.AES_256_GCM:
        return FormatOneCipher(Sensitive(material))
    if purpose is Purpose.MAC:
        return HMACMaker(algorithm, Sensitive(material))
    if purpose is Purpose.WRAP:
        return AESWrapper(algorithm, Sensitive(material))
    return raw_cipher(algorithm, material)


_HANDLES: Final[tuple[tuple[Any, Purpose, Callable[[Algorithm, Any], MaterialHandle]], ...]] = (
    (rsa.RSAPrivateKey, Purpose.SIGN_VERIFY, RSASigner),
    (rsa.RSAPrivateKey, Purpose.DECRYPT, RSADecrypter),
    (rsa.RSAPrivateKey, Purpose.WRAP, RSAWrapper),
    (ec.EllipticCurvePrivateKey, Purpose.SIGN_VERIFY, ECDSASigner),
    (ec.EllipticCurvePrivateKey, Purpose.AGREE, ECDHAgreement),
    (ed25519.Ed25519PrivateKey, Purpose.SIGN_VERIFY, EdwardsSigner),
    (ed448.Ed448PrivateKey, Purpose.SIGN_VERIFY, EdwardsSigner),
    (pairs.MLDSAPrivateKey, Purpose.SIGN_VERIFY, MLDSASigner),
    (x25519.X25519PrivateKey, Purpose.AGREE, X25519Agreement),
    (x25519.X25519PrivateKey, Purpose.ENCAPSULATE, HPKEOpener),
    (XWingPrivateKey, Purpose.ENCAPSULATE, HPKEOpener),
    (pairs.MLKEMPrivateKey, Purpose.ENCAPSULATE, MLKEMDecapsulator),
)


def _private(algorithm: Algorithm, purpose: Purpose, key: pairs.PrivateKey) -> MaterialHandle:
    for kind, use, handle in _HANDLES:
        if purpose is use and isinstance(key, kind):
            return handle(algorithm, key)
    raise RuntimeError(f"no handle for {algorithm} and {purpose}")


def _both(key: pairs.PrivateKey) -> tuple[bytes, bytes]:
    return pairs.private_der(key), pairs.public_der(key.public_key())


def _bytes(algorithm: Algorithm) -> int:
    return ALGORITHMS[algorithm].bits // 8
