"""Which key pairs from elsewhere the software provider takes, and as which bytes it keeps them."""

import base64
import os

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x448
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from strongroom.adapters.software import SoftwareProvider
from strongroom.adapters.software.xwing import XWingPrivateKey
from strongroom.domain.algorithms import ALGORITHMS, Algorithm, Kind, Purpose
from strongroom.domain.errors import InvalidRequest, TamperedRecord
from strongroom.domain.sensitive import Sensitive

PROVIDER = SoftwareProvider(Sensitive(os.urandom(32)))
PUBLIC = PROVIDER.public_keys
NAMESPACE = PROVIDER.open_namespace_key(PROVIDER.generate_namespace_key(b""), b"")
RSA = rsa.generate_private_key(65_537, 2_048)


def pkcs8(key, encryption=None, spelling=PrivateFormat.PKCS8):
    return key.private_bytes(Encoding.DER, spelling, encryption or NoEncryption())


def spki(key):
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def adopt(algorithm, der):
    return NAMESPACE._adopt(algorithm, der, b"")


def rsa_with(**changed):
    """The key with some numbers changed."""
    numbers = RSA.private_numbers()
    given = {name: getattr(numbers, name) for name in ("p", "q", "d", "dmp1", "dmq1", "iqmp")}
    key = rsa.RSAPrivateNumbers(**{**given, **changed}, public_numbers=numbers.public_numbers)
    return pkcs8(key.private_key(unsafe_skip_rsa_key_validation=True))


def test_a_sound_rsa_key_is_taken():
    assert adopt(Algorithm.RSA_2048, pkcs8(RSA)).public == spki(RSA)


@pytest.mark.parametrize("name", ["d", "dmp1", "dmq1", "iqmp"])
def test_an_rsa_key_whose_numbers_do_not_fit_is_refused(name):
    wrong = getattr(RSA.private_numbers(), name) + 2
    with pytest.raises(InvalidRequest):
        adopt(Algorithm.RSA_2048, rsa_with(**{name: wrong}))


def test_an_rsa_key_with_a_small_exponent_is_refused():
    small = rsa.generate_private_key(3, 2_048)
    with pytest.raises(InvalidRequest, match="65537"):
        adopt(Algorithm.RSA_2048, pkcs8(small))
    with pytest.raises(InvalidRequest, match="65537"):
        PUBLIC.check(Algorithm.RSA_2048, spki(small))


def test_an_rsa_key_of_another_size_is_refused():
    other = rsa.generate_private_key(65_537, 2_056)
    for algorithm in (Algorithm.RSA_2048, Algorithm.RSA_3072):
        with pytest.raises(InvalidRequest):
            adopt(algorithm, pkcs8(other))
        with pytest.raises(InvalidRequest):
            PUBLIC.check(algorithm, spki(other))


def test_a_key_of_a_kind_that_nothing_here_uses_is_refused():
    key = x448.X448PrivateKey.generate()
    for algorithm, facts in ALGORITHMS.items():
        if facts.kind is Kind.ASYMMETRIC:
            with pytest.raises(InvalidRequest):
                adopt(algorithm, pkcs8(key))
            with pytest.raises(InvalidRequest):
                PUBLIC.check(algorithm, spki(key))


def test_an_encrypted_key_is_refused():
    der = pkcs8(RSA, BestAvailableEncryption(b"password"))
    with pytest.raises(InvalidRequest):
        adopt(Algorithm.RSA_2048, der)


def test_a_curves_key_whose_public_half_is_anothers_is_refused():
    one, other = (pkcs8(ec.generate_private_key(ec.SECP256R1())) for _ in range(2))
    with pytest.raises(InvalidRequest):
        adopt(Algorithm.EC_P256, one[:-64] + other[-64:])


@pytest.mark.parametrize("scalar", [bytes(32), b"\xff" * 32])
def test_a_curves_key_outside_its_order_is_refused(scalar):
    der = pkcs8(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(InvalidRequest):
        adopt(Algorithm.EC_P256, der[:36] + scalar + der[68:])


def test_a_compressed_point_is_another_spelling_and_refused():
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    der = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + point
    with pytest.raises(InvalidRequest):
        PUBLIC.check(Algorithm.EC_P256, der)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_seed_of_another_length_is_refused(size):
    """In the hybrid's own PKCS#8, with lengths that fit."""
    head = bytes.fromhex("300d060b2b0601040183e62d81c87a04") + bytes([size])
    der = bytes([0x30, 3 + len(head) + size]) + b"\x02\x01\x00" + head + os.urandom(size)
    with pytest.raises(InvalidRequest):
        adopt(Algorithm.X25519_ML_KEM_768, der)


def test_the_hybrids_key_is_the_drafts():
    """draft-connolly-cfrg-xwing-kem: appendix C, vector 1, and the private key of appendix D."""
    seed = "7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26"
    public = XWingPrivateKey(bytes.fromhex(seed)).public_key().der()
    start = "e2236b35a8c24b39b10aa1323a96a919a2ced88400633a7b07131713fc14b2b5b19cfc3da5fa1a92c49f2"
    end = "fe722f06cc03de5b69859edb06eff389b27dce59844570216223593d4ba32d9abac8cd049040ef6534"
    assert public[24:].hex().startswith(start)
    assert public.hex().endswith(end)
    assert base64.b64encode(XWingPrivateKey(bytes(range(32))).der()) == (
        b"MDQCAQAwDQYLKwYBBAGD5i2ByHoEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
    )


@pytest.mark.parametrize(
    ("algorithm", "head", "size"),
    [
        (Algorithm.ML_DSA_44, "3034020100300b060960864801650304031104228020", 32),
        (Algorithm.ML_DSA_65, "3034020100300b060960864801650304031204228020", 32),
        (Algorithm.ML_DSA_87, "3034020100300b060960864801650304031304228020", 32),
        (Algorithm.ML_KEM_768, "3054020100300b060960864801650304040204428040", 64),
        (Algorithm.ML_KEM_1024, "3054020100300b060960864801650304040304428040", 64),
        (Algorithm.X25519_ML_KEM_768, "3034020100300d060b2b0601040183e62d81c87a0420", 32),
        (Algorithm.ED25519, "302e020100300506032b657004220420", 32),
        (Algorithm.X25519, "302e020100300506032b656e04220420", 32),
    ],
)
def test_material_is_kept_as_the_page_says(algorithm, head, size):
    """docs/formats/material-1.md: the seed, and nothing that follows from it."""
    der = PROVIDER.generate_pair(algorithm).private.reveal()
    assert der.hex().startswith(head)
    assert len(der) == len(head) // 2 + size
    wrapped = NAMESPACE.generate(algorithm, b"").wrapped
    assert len(wrapped) == 5 + 32 + len(der) + 16


def test_what_opens_and_is_no_material_of_its_algorithm_is_tampered():
    """A row's algorithm is in its binding too; this is for a binding that was made wrongly."""
    wrapped = adopt(Algorithm.HMAC_SHA256, os.urandom(32)).wrapped
    for algorithm in (Algorithm.EC_P256, Algorithm.RSA_2048, Algorithm.X25519_ML_KEM_768):
        with pytest.raises(TamperedRecord):
            NAMESPACE.open(algorithm, ALGORITHMS[algorithm].purpose, wrapped, b"")
    with pytest.raises(TamperedRecord):
        NAMESPACE.open(Algorithm.HMAC_SHA512, Purpose.MAC, wrapped, b"")
