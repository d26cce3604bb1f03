"""Ed25519ph against RFC 8032's vector, Go's signatures and libsodium's own; and what it refuses.

The `openssl` command of version 3.0 does not know it, so it is not in `test_openssl.py`.
"""

import hashlib
import json
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nacl import bindings as sodium

from strongroom.adapters.software import ed25519ph, pairs
from strongroom.adapters.software.edwards import EdwardsSigner
from strongroom.adapters.software.public import SoftwarePublicKeys
from strongroom.domain.algorithms import Algorithm, Scheme
from strongroom.domain.errors import InvalidRequest
from tests.support.wycheproof import groups

DATA = json.loads((Path(__file__).parent / "data/ed25519ph/go.json").read_text())
RFC_8032_7_3 = {
    "seed": "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
    "public": "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
    "message": "616263",
    "context": "",
    "signature": "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"
    "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
}
ORDER = 2**252 + 27742317777372353535851937790883648493
IDENTITY = (1).to_bytes(32, "little")
# The points of order 1, 2, 4 and 8, and the spellings of the first three that are not canonical.
SMALL = [
    IDENTITY.hex(),
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0100000000000000000000000000000000000000000000000000000000000080",
]
SEED, DIGEST = bytes(range(32)), hashlib.sha512(b"what is said").digest()
PUBLIC = Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()
SIGNATURE = ed25519ph.sign(SEED, PUBLIC, DIGEST, b"")


def spki(raw):
    return bytes.fromhex("302a300506032b6570032100") + raw


def number(value):
    return value.to_bytes(32, "little")


@pytest.mark.parametrize("vector", [RFC_8032_7_3, *DATA["vectors"]])
def test_the_signatures_of_others_come_out_and_verify(vector):
    seed, public, message, context, signature = (
        bytes.fromhex(vector[name])
        for name in ("seed", "public", "message", "context", "signature")
    )
    key = Ed25519PrivateKey.from_private_bytes(seed)
    assert pairs.public_der(key.public_key()) == spki(public)
    digest = hashlib.sha512(message).digest()
    sign = partial(EdwardsSigner(Algorithm.ED25519, key).sign, Scheme.ED25519PH)
    verify = partial(SoftwarePublicKeys().verify, Algorithm.ED25519, Scheme.ED25519PH, spki(public))
    for content, is_digest in ((message, False), (digest, True)):
        assert sign(content, digest=is_digest, context=context) == signature
        right = partial(verify, content, digest=is_digest)
        assert right(signature, context=context)
        assert not right(signature, context=context[:-1] if context else b"x")
        assert not right(key.sign(content), context=context)
        with pytest.raises(InvalidRequest):
            right(signature, context=b"c" * 256)
        with pytest.raises(InvalidRequest):
            sign(content, digest=is_digest, context=b"c" * 256)


def test_libsodiums_own_signature_of_the_message_is_ours_of_its_digest():
    for size in (0, 1, 127, 128, 129, 5_000):
        message = bytes(size)
        state = sodium.crypto_sign_ed25519ph_state()
        sodium.crypto_sign_ed25519ph_update(state, message)
        theirs = sodium.crypto_sign_ed25519ph_final_create(state, SEED + PUBLIC)
        assert theirs == ed25519ph.sign(SEED, PUBLIC, hashlib.sha512(message).digest(), b"")


def test_a_context_is_no_part_of_the_digest():
    """Their bytes are neighbours in what is hashed; its length keeps them apart."""
    with_context = ed25519ph.sign(SEED, PUBLIC, DIGEST, DIGEST)
    assert ed25519ph.verify(PUBLIC, DIGEST, with_context, DIGEST)
    assert not ed25519ph.verify(PUBLIC, DIGEST + DIGEST, with_context, b"")
    assert not ed25519ph.verify(PUBLIC, b"", with_context, DIGEST + DIGEST)


@pytest.mark.parametrize("place", range(0, 512, 7))
def test_a_signature_with_any_bit_changed_is_wrong(place):
    altered = bytearray(SIGNATURE)
    altered[place // 8] ^= 1 << place % 8
    assert ed25519ph.verify(PUBLIC, DIGEST, SIGNATURE, b"")
    assert not ed25519ph.verify(PUBLIC, DIGEST, bytes(altered), b"")


@pytest.mark.parametrize("times", range(1, 16))
def test_an_answer_has_one_spelling(times):
    """S + n·L gives the same point, and would make another signature of one that was seen."""
    answer = int.from_bytes(SIGNATURE[32:], "little") + times * ORDER
    assert answer < 2**256
    assert not ed25519ph.verify(PUBLIC, DIGEST, SIGNATURE[:32] + number(answer), b"")


@pytest.mark.parametrize("answer", [0, 1, ORDER - 1, ORDER, ORDER + 1, 2**255 - 1, 2**256 - 1])
@pytest.mark.parametrize("point", SMALL)
def test_points_of_small_order_sign_nothing(point, answer):
    for public in (PUBLIC, bytes.fromhex(point)):
        signature = bytes.fromhex(point) + number(answer)
        assert not ed25519ph.verify(public, DIGEST, signature, b"")


@pytest.mark.parametrize("point", SMALL)
def test_a_public_key_of_small_order_verifies_nothing(point):
    """For the neutral point as a key, R = S·B is a signature of every message."""
    point = bytes.fromhex(point)
    answer = number(12_345)
    everything = sodium.crypto_scalarmult_ed25519_base_noclamp(answer) + answer
    for turn in range(16):
        digest = hashlib.sha512(bytes([turn])).digest()
        assert not ed25519ph.verify(point, digest, everything, b"")


def test_plain_ed25519_is_less_strict_about_such_a_key():
    """Why the docstring says so; when the library changes, this falls."""
    answer = number(12_345)
    everything = sodium.crypto_scalarmult_ed25519_base_noclamp(answer) + answer
    for scheme, expected in ((Scheme.ED25519, True), (Scheme.ED25519PH, False)):
        assert expected is SoftwarePublicKeys().verify(
            Algorithm.ED25519, scheme, spki(IDENTITY), b"m", everything, digest=False, context=b""
        )


@pytest.mark.parametrize("point", SMALL[1:8])
def test_a_public_key_outside_the_group_verifies_nothing(point):
    """A + T, where T has a small order, satisfies the equation whenever 8 divides the hash."""
    outside = sodium.crypto_core_ed25519_add(PUBLIC, bytes.fromhex(point))
    satisfied = 0
    for turn in range(64):
        digest = hashlib.sha512(bytes([turn])).digest()
        signature = ed25519ph.sign(SEED, outside, digest, b"")
        head = b"SigEd25519 no Ed25519 collisions\x01\x00"
        hashed = hashlib.sha512(head + signature[:32] + outside + digest).digest()
        satisfied += int.from_bytes(hashed, "little") % ORDER % 8 == 0
        assert not ed25519ph.verify(outside, digest, signature, b"")
    assert satisfied


@pytest.mark.parametrize("public", [b"\xff" * 32, number(2**255 - 18), number(2)])
def test_what_is_no_point_verifies_nothing(public):
    assert not ed25519ph.verify(public, DIGEST, SIGNATURE, b"")


def test_no_signature_of_wycheproof_is_one_of_a_prehash():
    """Right ones and wrong ones: all are of plain Ed25519."""
    verify = partial(SoftwarePublicKeys().verify, Algorithm.ED25519)
    seen = set()
    for group in groups("ed25519_test"):
        public = bytes.fromhex(group["publicKeyDer"])
        for case in group["tests"]:
            message, signature = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
            right = partial(verify, public=public, message=message, signature=signature)
            plain = right(Scheme.ED25519, digest=False, context=b"")
            assert plain is (case["result"] == "valid")
            assert not right(Scheme.ED25519PH, digest=False, context=b"")
            seen.add(plain)
    assert seen == {True, False}


@pytest.mark.parametrize("size", [0, 1, 32, 63, 65, 114])
def test_a_signature_of_another_length_is_wrong(size):
    assert not ed25519ph.verify(PUBLIC, DIGEST, (SIGNATURE + SIGNATURE)[:size], b"")
