"""What each kind of handle gives: made, written down, and held against the key again."""

from functools import partial

from strongroom.domain.algorithms import SCHEMES, Algorithm, Scheme
from strongroom.domain.errors import Refusal
from strongroom.ports.provider import (
    Agreement,
    Cipher,
    Decapsulator,
    Decrypter,
    MACMaker,
    RawCipher,
    Signer,
    Wrapper,
)

MESSAGE = bytes(range(64))  # a plaintext, a message, a key to wrap, a mu
CONTEXT = {"tenant": "Zürich"}
AUTHENTICATES_NOTHING = ("-cbc-raw", "-ctr-raw")


def made(public_keys, handle, algorithm, scheme, public):
    """One use of the key, as names and hexadecimal."""
    match handle:
        case Cipher():
            result = {"ciphertext": handle.encrypt(bytes(16), 1, MESSAGE, CONTEXT)}
        case RawCipher():
            result = {"ciphertext": handle.encrypt_raw(MESSAGE, _additional(algorithm))}
        case Decrypter():
            text = public_keys.encrypt_asymmetric(algorithm, scheme, public, MESSAGE[:16], b"")
            result = {"ciphertext": text}
        case Signer():
            digest = MESSAGE[: SCHEMES[scheme].digest_bytes]
            signature = handle.sign(scheme, digest or MESSAGE, digest=bool(digest), context=b"")
            result = {"signature": signature}
        case MACMaker():
            result = {"tag": handle.mac(MESSAGE)}
        case Agreement():
            result = {"peer": public, "secret": handle.agree(public)}
        case Decapsulator() if scheme is Scheme.HPKE:
            result = {"ciphertext": public_keys.seal(algorithm, public, MESSAGE, b"info")}
        case Decapsulator():
            both = public_keys.encapsulate(algorithm, scheme, public)
            result = {"ciphertext": both.ciphertext, "secret": both.shared_secret}
        case Wrapper():
            result = {"ciphertext": handle.wrap(scheme, MESSAGE[:32])}
    return {name: value.hex() for name, value in result.items()}


def holds(public_keys, handle, algorithm, scheme, public, written):  # noqa: C901 - one for each kind
    """Whether what was written down is still so."""
    given = {name: bytes.fromhex(value) for name, value in written.items()}
    text = given.get("ciphertext", b"")
    match handle:
        case Cipher():
            found, expected = partial(handle.decrypt, text, CONTEXT), MESSAGE
        case RawCipher():
            found, expected = partial(handle.decrypt_raw, text, _additional(algorithm)), MESSAGE
        case Decrypter():
            found = partial(handle.decrypt_asymmetric, scheme, text, b"")
            expected = MESSAGE[:16]
        case Signer():
            digest = MESSAGE[: SCHEMES[scheme].digest_bytes]
            verify = partial(public_keys.verify, algorithm, scheme, public, digest or MESSAGE)
            found = partial(verify, given["signature"], digest=bool(digest), context=b"")
            expected = True
        case MACMaker():
            found, expected = partial(handle.check_mac, MESSAGE, given["tag"]), True
        case Agreement():
            found, expected = partial(handle.agree, given["peer"]), given["secret"]
        case Decapsulator() if scheme is Scheme.HPKE:
            found, expected = partial(handle.open_sealed, text, b"info"), MESSAGE
        case Decapsulator():
            found, expected = partial(handle.decapsulate, scheme, text), given["secret"]
        case Wrapper():
            found, expected = partial(handle.unwrap, scheme, text), MESSAGE[:32]
    try:
        return found() == expected
    except Refusal:
        return False


def altered(written):
    """The same with a byte in its middle changed."""
    name = "secret" if "secret" in written else min(written)
    value = bytearray.fromhex(written[name])
    value[len(value) // 2] ^= 1
    return {**written, name: value.hex()}


def _additional(algorithm: Algorithm) -> bytes:
    return b"" if algorithm.endswith(AUTHENTICATES_NOTHING) else b"additional"
