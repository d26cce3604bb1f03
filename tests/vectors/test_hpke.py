"""HPKE against an implementation by hand, which other people's vectors hold to account."""

import json
import os
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from strongroom.adapters.software import SoftwareProvider
from strongroom.domain.algorithms import Algorithm, Purpose
from strongroom.domain.sensitive import Sensitive
from tests.support import hpke

VECTORS = json.loads((Path(__file__).parent / "data/hpke/tink.json").read_text())
PROVIDER = SoftwareProvider(Sensitive(os.urandom(32)))
NAMESPACE = PROVIDER.open_namespace_key(PROVIDER.generate_namespace_key(b""), b"")
KEMS = {Algorithm.X25519: hpke.X25519, Algorithm.X25519_ML_KEM_768: hpke.XWING}
AES_256_GCM = 0x0002


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_implementation_by_hand_opens_other_peoples_messages(vector):
    key, blob, plaintext, info = (
        bytes.fromhex(vector[name]) for name in ("key", "ciphertext", "plaintext", "info")
    )
    assert hpke.unseal(vector["kem"], vector["aead"], key, blob, info) == plaintext
    with pytest.raises(InvalidTag):
        hpke.unseal(vector["kem"], vector["aead"], key, blob, info + b"\0")


@pytest.mark.parametrize("algorithm", KEMS)
def test_the_provider_and_the_implementation_by_hand_open_each_others_messages(algorithm):
    pair = PROVIDER.generate_pair(algorithm)
    raw_private = pair.private.reveal()[-32:]
    raw_public = (
        pair.public[-1216:] if algorithm is Algorithm.X25519_ML_KEM_768 else pair.public[-32:]
    )
    wrapped = NAMESPACE._adopt(algorithm, pair.private.reveal(), b"").wrapped
    handle = NAMESPACE.open(algorithm, Purpose.ENCAPSULATE, wrapped, b"")
    kem = KEMS[algorithm]
    for plaintext, info in ((b"", b""), (b"what is said", b"to whom")):
        ours = PROVIDER.public_keys.seal(algorithm, pair.public, plaintext, info)
        assert hpke.unseal(kem, AES_256_GCM, raw_private, ours, info) == plaintext
        theirs = hpke.seal(kem, AES_256_GCM, raw_public, plaintext, info)
        assert handle.open_sealed(theirs, info) == plaintext
