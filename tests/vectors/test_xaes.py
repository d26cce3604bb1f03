"""XAES-256-GCM against the vectors of its specification (c2sp.org/XAES-256-GCM)."""

import hashlib
import json
from pathlib import Path

import pytest

from strongroom.adapters.software.raw import raw_cipher
from strongroom.domain.algorithms import Algorithm
from strongroom.domain.errors import InvalidCiphertext

DATA = json.loads((Path(__file__).parent / "data/c2sp/xaes-256-gcm.json").read_text())


def cipher(key):
    return raw_cipher(Algorithm.XAES_256_GCM, key)


@pytest.mark.parametrize("vector", DATA["vectors"], ids=["no additional data", "additional data"])
def test_the_published_vectors_come_out_and_open(vector):
    key, nonce, plaintext, additional, sealed = (
        bytes.fromhex(vector[name]) for name in ("key", "nonce", "plaintext", "aad", "ciphertext")
    )
    assert cipher(key)._encrypt_with(nonce, plaintext, additional) == nonce + sealed
    assert cipher(key).decrypt_raw(nonce + sealed, additional) == plaintext
    with pytest.raises(InvalidCiphertext):
        cipher(key).decrypt_raw(nonce + sealed, additional + b"\0")


def test_ten_thousand_random_inputs_have_the_published_digest():
    # Read at once what SHAKE-128 would give piece by piece: at most 24 + 32 + 2 * 256 bytes a turn.
    stream = hashlib.shake_128(b"").digest(10_000 * 568)
    place = 0

    def read(size):
        nonlocal place
        place += size
        return stream[place - size : place]

    seen = hashlib.shake_128()
    for _ in range(10_000):
        key, nonce = read(32), read(24)
        plaintext = read(read(1)[0])
        additional = read(read(1)[0])
        sealed = cipher(key)._encrypt_with(nonce, plaintext, additional)[24:]
        seen.update(sealed)
    assert seen.hexdigest(32) == DATA["accumulated"]["n10000"]
