"""Ed25519ph (RFC 8032, 5.1; FIPS 186-5, 7.8): Ed25519 of a message's SHA-512, with a context.

`cryptography` has Ed25519 of whole messages only, and libsodium's Ed25519ph hashes the message
itself and has no context. So the steps of the RFC are here, each by its number. Every number that
the key could be learnt from is libsodium's to reckon with, whose time does not depend on it: what
Python does with secrets is to hash them and to hand them on.

A key can serve Ed25519 as well: the head parts the two. It is no point's encoding, and Ed25519
hashes one in its place (RFC 8032, 8.6).
"""

import hashlib
from typing import Final

# Through `nacl.bindings` as a whole: that is where libsodium is made ready for use.
from nacl import bindings as sodium
from nacl.exceptions import CryptoError

_HALF: Final = 32
_SIGNATURE_BYTES: Final = 64
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493


def sign(seed: bytes, public: bytes, digest: bytes, context: bytes) -> bytes:
    """A signature of 64 bytes (RFC 8032, 5.1.6). `public` must be the seed's.

    With another public key, two signatures of one digest would give the private key away.
    """
    head = _head(context)
    # 1. The scalar is the first half of the seed's hash, clamped, and this is libsodium's name for
    # it. The prefix is the other half.
    scalar = sodium.crypto_sign_ed25519_sk_to_curve25519(seed + public)
    prefix = hashlib.sha512(seed).digest()[_HALF:]
    nonce = _number(head, prefix, digest)  # 2
    point = sodium.crypto_scalarmult_ed25519_base_noclamp(nonce)  # 3
    challenge = _number(head, point, public, digest)  # 4
    product = sodium.crypto_core_ed25519_scalar_mul(challenge, scalar)
    answer = sodium.crypto_core_ed25519_scalar_add(nonce, product)  # 5
    return point + answer  # 6


def verify(public: bytes, digest: bytes, signature: bytes, context: bytes) -> bool:
    """Whether the signature is right (RFC 8032, 5.1.7, without the cofactor, as Ed25519 has it).

    Never for a public key outside the group of prime order: such a one can have signatures that
    nobody made. Plain Ed25519 is less strict about it; keys that were generated are all inside.
    """
    point, answer = signature[:_HALF], signature[_HALF:]
    # 1. An answer of the order or more is another spelling of a signature.
    if len(signature) != _SIGNATURE_BYTES or int.from_bytes(answer, "little") >= _ORDER:
        return False
    challenge = _number(_head(context), point, public, digest)  # 2
    try:
        expected = sodium.crypto_core_ed25519_sub(  # 3
            sodium.crypto_scalarmult_ed25519_base_noclamp(answer),
            sodium.crypto_scalarmult_ed25519_noclamp(challenge, public),
        )
    except CryptoError:  # no such point, or one outside the group
        return False
    return expected == point


def _head(context: bytes) -> bytes:
    """What parts these signatures from others: dom2(1, context). RFC 8032, 2 and 5.1."""
    return b"SigEd25519 no Ed25519 collisions" + bytes([1, len(context)]) + context


def _number(*parts: bytes) -> bytes:
    """The hash of the parts, modulo the order."""
    return sodium.crypto_core_ed25519_scalar_reduce(hashlib.sha512(b"".join(parts)).digest())
