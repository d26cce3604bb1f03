"""HPKE (RFC 9180) base mode by hand, one message: a second implementation to check the first by.

X-Wing by draft-connolly-cfrg-xwing-kem. Of the library it uses X25519, ML-KEM-768 and AES-GCM.
"""

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

X25519, XWING = 0x0020, 0x647A
KEY_BYTES = {0x0001: 16, 0x0002: 32}  # AES-128-GCM, AES-256-GCM
_KDF = (1).to_bytes(2, "big")  # HKDF-SHA256
_MLKEM_CIPHERTEXT_BYTES = 1088


def unseal(kem: int, aead: int, key: bytes, blob: bytes, info: bytes) -> bytes:
    """The plaintext of enc · ciphertext; `key` is a raw X25519 key or an X-Wing seed."""
    if kem == X25519:
        enc, sealed = blob[:32], blob[32:]
        secret = _x25519_open(key, enc)
    else:
        enc, sealed = blob[:1120], blob[1120:]
        secret = _xwing_open(key, enc)
    aes, nonce = _schedule(kem, aead, secret, info)
    return AESGCM(aes).decrypt(nonce, sealed, b"")


def seal(kem: int, aead: int, public: bytes, plaintext: bytes, info: bytes) -> bytes:
    """Enc · ciphertext for a raw public key."""
    ephemeral = X25519PrivateKey.generate()
    sent = ephemeral.public_key().public_bytes_raw()
    peer = public[-32:]
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(peer))
    if kem == X25519:
        enc, secret = sent, _dhkem(shared, sent + peer)
    else:
        first, text = MLKEM768PublicKey.from_public_bytes(public[:1184]).encapsulate()
        enc, secret = text + sent, _combine(first, shared, sent, peer)
    aes, nonce = _schedule(kem, aead, secret, info)
    return enc + AESGCM(aes).encrypt(nonce, plaintext, b"")


def _x25519_open(key: bytes, enc: bytes) -> bytes:
    private = X25519PrivateKey.from_private_bytes(key)
    shared = private.exchange(X25519PublicKey.from_public_bytes(enc))
    return _dhkem(shared, enc + private.public_key().public_bytes_raw())


def _dhkem(shared: bytes, context: bytes) -> bytes:
    """RFC 9180, 4.1: ExtractAndExpand."""
    suite = b"KEM" + X25519.to_bytes(2, "big")
    return _expand(suite, _extract(suite, b"", b"eae_prk", shared), b"shared_secret", context, 32)


def _xwing_open(seed: bytes, enc: bytes) -> bytes:
    """The draft, 5.2 to 5.4."""
    expanded = hashlib.shake_256(seed).digest(96)
    mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
    private = X25519PrivateKey.from_private_bytes(expanded[64:])
    first = mlkem.decapsulate(enc[:_MLKEM_CIPHERTEXT_BYTES])
    sent = enc[_MLKEM_CIPHERTEXT_BYTES:]
    shared = private.exchange(X25519PublicKey.from_public_bytes(sent))
    return _combine(first, shared, sent, private.public_key().public_bytes_raw())


def _combine(first: bytes, shared: bytes, sent: bytes, public: bytes) -> bytes:
    return hashlib.sha3_256(first + shared + sent + public + b"\\.//^\\").digest()


def _schedule(kem: int, aead: int, secret: bytes, info: bytes) -> tuple[bytes, bytes]:
    """RFC 9180, 5.1: the key and the first nonce, in mode_base."""
    suite = b"HPKE" + kem.to_bytes(2, "big") + _KDF + aead.to_bytes(2, "big")
    context = b"\0" + b"".join(
        _extract(suite, b"", label, value)
        for label, value in ((b"psk_id_hash", b""), (b"info_hash", info))
    )
    derived = _extract(suite, secret, b"secret", b"")
    return (
        _expand(suite, derived, b"key", context, KEY_BYTES[aead]),
        _expand(suite, derived, b"base_nonce", context, 12),
    )


def _extract(suite: bytes, salt: bytes, label: bytes, value: bytes) -> bytes:
    labeled = b"HPKE-v1" + suite + label + value
    return hmac.digest(salt or bytes(32), labeled, "sha256")


def _expand(suite: bytes, key: bytes, label: bytes, info: bytes, size: int) -> bytes:
    labeled = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(key, labeled + b"\1", "sha256")[:size]
