"""The provider's promises, for every algorithm and purpose of the catalogue and every provider.

Rows come from the catalogue: a new one that a provider does not support fails here.
"""

import base64
import hashlib
import math
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from strongroom.adapters.software import SoftwareProvider
from strongroom.domain.algorithms import ALGORITHMS, SCHEMES, Algorithm, Kind, Purpose, Scheme
from strongroom.domain.errors import InvalidCiphertext, InvalidRequest, TamperedRecord
from strongroom.domain.jwk import thumbprint
from strongroom.domain.sensitive import Sensitive
from strongroom.domain.signatures import der_to_p1363
from strongroom.domain.transfers import Wrapping
from strongroom.ports.provider import (
    Agreement,
    Cipher,
    Decapsulator,
    Decrypter,
    MACMaker,
    RawCipher,
    Signer,
    Ticket,
    Wrapper,
    handle_type,
)
from tests.support.travel import DIRECT, KWP, arrived, oaep, travelling

ROWS = [(a, purpose) for a, facts in ALGORITHMS.items() for purpose in facts.schemes]
PAIRS = [a for a, facts in ALGORITHMS.items() if facts.kind is Kind.ASYMMETRIC]
SYMMETRIC = [a for a in ALGORITHMS if a not in PAIRS]
HERE, THERE = b"a version's place", b"another version's place"
MESSAGE = b"what is said"


class Software:
    """A provider under test, and what it made: a key of an algorithm is made once, RSA is slow."""

    def __init__(self):
        self._root = os.urandom(32)
        self.provider = self.again()
        self.public_keys = self.provider.public_keys
        wrapped = self.provider.generate_namespace_key(b"namespace")
        self.namespace = self.provider.open_namespace_key(wrapped, b"namespace")
        self.made_at = cache(self.namespace.generate)
        self.pair = cache(self.provider.generate_pair)

    def again(self):
        """The provider over the same root key, anew."""
        return SoftwareProvider(Sensitive(self._root))

    def made(self, algorithm):
        return self.made_at(algorithm, HERE)

    def others(self, algorithm):
        return self.made_at(algorithm, THERE)

    def handle(self, algorithm, purpose=None):
        purpose = purpose or ALGORITHMS[algorithm].purpose
        return self.namespace.open(algorithm, purpose, self.made(algorithm).wrapped, HERE)

    def other(self, algorithm, purpose=None):
        purpose = purpose or ALGORITHMS[algorithm].purpose
        return self.namespace.open(algorithm, purpose, self.others(algorithm).wrapped, THERE)

    def public(self, algorithm):
        return self.made(algorithm).public


@pytest.fixture(scope="module", params=[Software])
def house(request):
    return request.param()


def rows(handle, *, schemes=False):
    """The catalogue's rows with this handle; with schemes, one for each."""
    found = [(a, purpose) for a, purpose in ROWS if handle_type(a, purpose) is handle]
    if not schemes:
        return found
    return [(a, p, scheme) for a, p in found for scheme in ALGORITHMS[a].schemes[p]]


def altered(blob, place):
    return blob[:place] + bytes([blob[place] ^ 1]) + blob[place + 1 :]


def dull(refused):
    """It is refused in the one way, from which no cause can be told."""
    with pytest.raises(InvalidCiphertext) as refusal:
        refused()
    assert refusal.value.args == (InvalidCiphertext.title,)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


# --- making and opening ---------------------------------------------------------------------------


@pytest.mark.parametrize(("algorithm", "purpose"), ROWS)
def test_material_opens_in_its_place_as_the_handle_of_its_purpose(house, algorithm, purpose):
    handle = house.handle(algorithm, purpose)
    assert isinstance(handle, handle_type(algorithm, purpose))
    kinds = (Cipher, RawCipher, Decrypter, Signer, MACMaker, Agreement, Decapsulator, Wrapper)
    assert sum(isinstance(handle, kind) for kind in kinds) == 1


@pytest.mark.parametrize(("algorithm", "purpose"), ROWS)
def test_material_opens_nowhere_else(house, algorithm, purpose):
    wrapped = house.made(algorithm).wrapped
    elsewhere = house.provider.open_namespace_key(house.provider.generate_namespace_key(b""), b"")
    for namespace, blob, binding in (
        (house.namespace, wrapped, THERE),
        (house.namespace, wrapped, b""),
        (house.namespace, altered(wrapped, len(wrapped) - 1), HERE),
        (house.namespace, wrapped[:-1], HERE),
        (house.namespace, wrapped + b"\0", HERE),
        (house.namespace, b"", HERE),
        (elsewhere, wrapped, HERE),
    ):
        with pytest.raises(TamperedRecord):
            namespace.open(algorithm, purpose, blob, binding)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_material_does_not_open_for_a_purpose_that_its_algorithm_does_not_have(house, algorithm):
    wrapped = house.made(algorithm).wrapped
    for purpose in set(Purpose) - set(ALGORITHMS[algorithm].schemes):
        with pytest.raises(InvalidRequest):
            house.namespace.open(algorithm, purpose, wrapped, HERE)


@pytest.mark.parametrize("algorithm", PAIRS)
def test_a_private_key_does_not_open_as_one_of_another_algorithm(house, algorithm):
    """As if a binding had been made for the wrong one: the material itself is looked at."""
    for other in set(PAIRS) - {algorithm}:
        with pytest.raises(TamperedRecord):
            house.namespace.open(
                other, ALGORITHMS[other].purpose, house.made(algorithm).wrapped, HERE
            )


@pytest.mark.parametrize("algorithm", SYMMETRIC)
def test_a_symmetric_key_is_as_long_as_the_catalogue_says(house, algorithm):
    made = house.made(algorithm)
    assert len(made.wrapped) - 5 - 32 - 16 == ALGORITHMS[algorithm].bits // 8
    assert made.public == b""
    for other in SYMMETRIC:
        if ALGORITHMS[other].bits != ALGORITHMS[algorithm].bits:
            with pytest.raises(TamperedRecord):
                house.namespace.open(other, ALGORITHMS[other].purpose, made.wrapped, HERE)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_no_two_keys_are_alike(house, algorithm):
    one, two = house.made(algorithm), house.others(algorithm)
    assert one.wrapped != two.wrapped
    if one.public:
        assert one.public != two.public


def test_every_kind_of_handle_and_every_scheme_is_in_the_catalogue():
    handles = {handle_type(*row) for row in ROWS}
    assert handles == {
        Cipher, RawCipher, Decrypter, Signer, MACMaker, Agreement, Decapsulator, Wrapper,
    }  # fmt: skip
    used = {s for facts in ALGORITHMS.values() for row in facts.schemes.values() for s in row}
    assert used == set(SCHEMES) == set(Scheme)


# --- material from elsewhere ----------------------------------------------------------------------


TICKET = b"a ticket's place"
# More RSA keys of 3072 and 4096 bits would cost seconds and show nothing that 2048 does not.
QUICK_PAIRS = [a for a in PAIRS if ALGORITHMS[a].bits <= 2_048]


def ticket(house, algorithm=Algorithm.RSA_2048):
    """A wrapping key of the namespace's, and its public half."""
    made = house.made_at(algorithm, TICKET)
    return Ticket(algorithm, made.wrapped, TICKET), made.public


def bring(house, algorithm, material, wrapping=KWP[0], binding=HERE):
    """Import that material."""
    key, public = ticket(house)
    blob = travelling(public, material, wrapping)
    return house.namespace.import_wrapped(algorithm, key, wrapping, blob, binding)


def material_of(house, algorithm):
    if algorithm in PAIRS:
        return house.pair(algorithm).private.reveal()
    return bytes(range(ALGORITHMS[algorithm].bits // 8))


@pytest.mark.parametrize("wrapping", KWP)
@pytest.mark.parametrize("algorithm", [*QUICK_PAIRS, *SYMMETRIC])
def test_material_from_elsewhere_is_taken_and_opens_in_its_place(house, algorithm, wrapping):
    material, purpose = material_of(house, algorithm), ALGORITHMS[algorithm].purpose
    taken = bring(house, algorithm, material, wrapping)
    assert taken.public == (house.pair(algorithm).public if algorithm in PAIRS else b"")
    house.namespace.open(algorithm, purpose, taken.wrapped, HERE)
    for binding in (THERE, TICKET, b""):
        with pytest.raises(TamperedRecord):
            house.namespace.open(algorithm, purpose, taken.wrapped, binding)


@pytest.mark.parametrize("wrapping", DIRECT)
@pytest.mark.parametrize("algorithm", SYMMETRIC)
def test_symmetric_material_can_come_without_a_key_between(house, algorithm, wrapping):
    taken = bring(house, algorithm, material_of(house, algorithm), wrapping)
    house.namespace.open(algorithm, ALGORITHMS[algorithm].purpose, taken.wrapped, HERE)


@pytest.mark.parametrize("wrapping", DIRECT)
def test_a_private_key_comes_without_a_key_between_if_it_fits_and_does_not_go_so(house, wrapping):
    """An Ed25519 key would fit; that larger ones do not would be found out in production."""
    algorithm = Algorithm.ED25519
    taken = bring(house, algorithm, material_of(house, algorithm), wrapping)
    assert taken.public == house.pair(algorithm).public
    with pytest.raises(InvalidRequest):
        house.namespace.export_wrapped(
            algorithm, house.made(algorithm).wrapped, HERE, ticket(house)[1], wrapping
        )


@pytest.mark.parametrize("size", [16, 24, 32])
def test_the_key_between_is_an_aes_key(house, size):
    key, public = ticket(house)
    blob = travelling(public, bytes(range(32)), once=os.urandom(size))
    house.namespace.import_wrapped(Algorithm.AES_256_GCM, key, KWP[0], blob, HERE)


def test_an_imported_key_is_the_key_that_was_given(house):
    material = bytes(range(32))
    taken = bring(house, Algorithm.HMAC_SHA256, material)
    handle = house.namespace.open(Algorithm.HMAC_SHA256, Purpose.MAC, taken.wrapped, HERE)
    expected = hashlib.sha256(
        bytes(b ^ 0x5C for b in material.ljust(64, b"\0"))
        + hashlib.sha256(bytes(b ^ 0x36 for b in material.ljust(64, b"\0")) + MESSAGE).digest()
    ).digest()  # RFC 2104, by hand
    assert handle.mac(MESSAGE) == expected


@pytest.mark.parametrize("wrapping", Wrapping)
def test_what_does_not_unwrap_is_refused_in_one_way(house, wrapping):
    key, public = ticket(house)
    other = house.namespace.generate(Algorithm.RSA_2048, THERE).public
    material = bytes(range(32))
    good = travelling(public, material, wrapping)
    another = next(w for w in (*KWP, *DIRECT) if w[-4:] != wrapping[-4:])
    bad = [
        b"", b"\0", good[:-1], good[:255], good + b"\0", b"\0" * len(good), os.urandom(len(good)),
        *(altered(good, place) for place in (0, 100, 255, len(good) - 1)),
        travelling(other, material, wrapping),
        travelling(public, material, another),
    ]  # fmt: skip
    if wrapping in KWP:
        head = load_der_public_key(public).encrypt(os.urandom(20), oaep(wrapping))
        bad += [good[:256], good[:-8], good[256:], head + good[256:],
                good[:256] + travelling(public, material, wrapping)[256:]]  # fmt: skip
    for blob in bad:
        dull(lambda blob=blob: house.namespace.import_wrapped(
            Algorithm.AES_256_GCM, key, wrapping, blob, HERE))  # fmt: skip


def test_a_ticket_opens_in_its_place_and_namespace_only(house):
    key, public = ticket(house)
    blob = travelling(public, bytes(range(32)))
    elsewhere = house.provider.open_namespace_key(house.provider.generate_namespace_key(b""), b"")
    for namespace, wrong in (
        (elsewhere, key),
        (house.namespace, Ticket(key.algorithm, key.wrapped, HERE)),
        (house.namespace, Ticket(key.algorithm, b"", TICKET)),
        (house.namespace, Ticket(Algorithm.RSA_3072, key.wrapped, TICKET)),
        (house.namespace, Ticket(Algorithm.AES_256_KW, _kw(house), TICKET)),
    ):
        with pytest.raises(TamperedRecord):
            namespace.import_wrapped(Algorithm.AES_256_GCM, wrong, KWP[0], blob, HERE)


def _kw(house):
    return house.namespace.generate(Algorithm.AES_256_KW, TICKET).wrapped


@pytest.mark.parametrize("algorithm", PAIRS)
def test_a_private_key_of_another_kind_or_spelling_is_not_taken(house, algorithm):
    der = house.pair(Algorithm.EC_P256).private.reveal()
    pem = b"-----BEGIN PRIVATE KEY-----\n" + base64.b64encode(der) + b"\n-----END PRIVATE KEY-----"
    bad = [der[:-1], der + b"\0", pem, os.urandom(32), house.pair(Algorithm.ED448).public]
    if algorithm is not Algorithm.EC_P256:
        bad.append(der)
    for material in bad:
        with pytest.raises(InvalidRequest) as refusal:
            bring(house, algorithm, material)
        assert algorithm in refusal.value.detail


@pytest.mark.parametrize("algorithm", SYMMETRIC)
def test_a_symmetric_key_of_another_size_or_a_weak_one_is_not_taken(house, algorithm):
    size = ALGORITHMS[algorithm].bits // 8
    for material, reason in (
        (os.urandom(size - 1), f"{size} bytes"),
        (os.urandom(size + 1), f"{size} bytes"),
        (bytes(size), "random"),
        (b"\xff" * size, "random"),
    ):
        with pytest.raises(InvalidRequest) as refusal:
            bring(house, algorithm, material)
        assert reason in refusal.value.detail
        assert material.hex() not in refusal.value.detail


def test_an_rsa_key_with_primes_close_together_is_not_taken(house):
    """Fermat finds them from the modulus. Made of two primes that follow each other."""
    with pytest.raises(InvalidRequest) as refusal:
        bring(house, Algorithm.RSA_2048, close_primes())
    assert "close together" in refusal.value.detail


def close_primes():
    def prime(start):
        return next(n for n in range(start | 1, start + 100_000, 2)
                    if pow(2, n - 1, n) == 1 == pow(3, n - 1, n))  # fmt: skip

    p = prime(3 << 1022)
    q = prime(p + 2)
    while (p - 1) % 65_537 == 0 or (q - 1) % 65_537 == 0:
        p, q = q, prime(q + 2)
    key = rsa.RSAPrivateNumbers(
        p, q, d := pow(65_537, -1, (p - 1) * (q - 1)), d % (p - 1), d % (q - 1), pow(q, -1, p),
        rsa.RSAPublicNumbers(65_537, p * q),
    ).private_key()  # fmt: skip
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("algorithm", [*QUICK_PAIRS, *SYMMETRIC])
def test_the_fingerprint_tells_the_same_material_and_nothing_else(house, algorithm):
    material = material_of(house, algorithm)
    one = bring(house, algorithm, material)
    again = bring(house, algorithm, material, KWP[1], THERE)
    assert one.fingerprint == again.fingerprint
    assert len(one.fingerprint) == 32
    kept = house.namespace.fingerprint(algorithm, one.wrapped, HERE, one.public)
    assert kept == one.fingerprint
    if algorithm in SYMMETRIC:
        with pytest.raises(TamperedRecord):
            house.namespace.fingerprint(algorithm, one.wrapped, THERE, one.public)
    assert one.wrapped != again.wrapped
    other = (
        house.provider.generate_pair(algorithm).private.reveal()
        if algorithm in PAIRS else os.urandom(len(material))
    )  # fmt: skip
    assert bring(house, algorithm, other).fingerprint != one.fingerprint


def test_the_fingerprint_is_another_in_another_namespace_and_for_another_algorithm(house):
    elsewhere = house.provider.open_namespace_key(house.provider.generate_namespace_key(b""), b"")
    material = bytes(range(32))
    made = elsewhere.generate(Algorithm.RSA_2048, TICKET)
    key = Ticket(Algorithm.RSA_2048, made.wrapped, TICKET)
    blob = travelling(made.public, material)
    there = elsewhere.import_wrapped(Algorithm.AES_256_GCM, key, KWP[0], blob, HERE)
    prints = {
        there.fingerprint,
        bring(house, Algorithm.AES_256_GCM, material).fingerprint,
        bring(house, Algorithm.CHACHA20_POLY1305, material).fingerprint,
        hashlib.sha256(material).digest(),
    }
    assert len(prints) == 4


def test_an_rsa_key_spelt_otherwise_is_the_same_key(house):
    """Its private exponent is one of many: modulo (p-1)(q-1), or modulo their least multiple."""
    key = load_der_private_key(house.pair(Algorithm.RSA_2048).private.reveal(), None)
    numbers = key.private_numbers()
    step = (numbers.p - 1) * (numbers.q - 1) // math.gcd(numbers.p - 1, numbers.q - 1)
    other = rsa.RSAPrivateNumbers(
        numbers.p, numbers.q, numbers.d % step + step, numbers.dmp1, numbers.dmq1, numbers.iqmp,
        numbers.public_numbers,
    ).private_key()  # fmt: skip
    spelt = other.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    first = house.pair(Algorithm.RSA_2048).private.reveal()
    assert spelt != first
    prints = {bring(house, Algorithm.RSA_2048, der).fingerprint for der in (spelt, first)}
    assert len(prints) == 1


# --- to elsewhere ---------------------------------------------------------------------------------


@pytest.mark.parametrize("wrapping", KWP)
@pytest.mark.parametrize("algorithm", [*QUICK_PAIRS, *SYMMETRIC])
def test_what_was_exported_can_be_opened_by_the_recipient_and_imported(house, algorithm, wrapping):
    pair = house.pair(Algorithm.RSA_2048)
    wrapped = house.made(algorithm).wrapped
    blob = house.namespace.export_wrapped(algorithm, wrapped, HERE, pair.public, wrapping)
    material = arrived(pair.private.reveal(), blob, wrapping)
    assert material not in blob
    assert bring(house, algorithm, material).public == house.public(algorithm)
    again = house.namespace.export_wrapped(algorithm, wrapped, HERE, pair.public, wrapping)
    assert again[:256] != blob[:256]
    assert again[256:] != blob[256:]


@pytest.mark.parametrize("wrapping", DIRECT)
@pytest.mark.parametrize("algorithm", SYMMETRIC)
def test_symmetric_material_can_go_without_a_key_between(house, algorithm, wrapping):
    pair = house.pair(Algorithm.RSA_2048)
    wrapped = house.made(algorithm).wrapped
    blob = house.namespace.export_wrapped(algorithm, wrapped, HERE, pair.public, wrapping)
    assert len(arrived(pair.private.reveal(), blob, wrapping)) == ALGORITHMS[algorithm].bits // 8


def test_material_is_exported_from_its_place_only(house):
    wrapped, public = house.made(Algorithm.AES_256_GCM).wrapped, ticket(house)[1]
    for blob, binding in ((wrapped, THERE), (altered(wrapped, 60), HERE), (b"", HERE)):
        with pytest.raises(TamperedRecord):
            house.namespace.export_wrapped(
                Algorithm.AES_256_GCM, blob, binding, public, Wrapping.RSA_AES_KWP_SHA256
            )


def spki(modulus, exponent=65_537):
    key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def modulus(bits=2_048):
    return rsa.generate_private_key(65_537, bits).public_key().public_numbers().n


def test_material_goes_to_no_public_key_that_is_not_sound(house):
    good = ticket(house)[1]
    n = load_der_public_key(good).public_numbers().n
    no_key, size, unsound = "no RSA public key", "8,192 bits", "not sound"
    bad = [
        (no_key, b""),
        (no_key, good[:-1]),
        (no_key, good + b"\0"),
        (no_key, house.public_keys.pem(good).encode()),
        (no_key, house.pair(Algorithm.RSA_2048).private.reveal()),
        (no_key, house.public(Algorithm.EC_P256)),
        (size, spki(modulus(1_024))),
        (size, spki(n >> 8 | 1)),
        (size, spki((1 << 16_383) | int.from_bytes(os.urandom(2_047), "big") | 1)),
        ("exponent", spki(n, 3)),
        (unsound, spki(n - n % (2 * 751) + 751)),
        (unsound, spki((math.isqrt(n) | 1) ** 2)),
    ]
    for reason, public in bad:
        with pytest.raises(InvalidRequest) as refusal:
            house.namespace.export_wrapped(
                Algorithm.AES_256_GCM, house.made(Algorithm.AES_256_GCM).wrapped, HERE, public,
                Wrapping.RSA_AES_KWP_SHA256,
            )  # fmt: skip
        assert reason in refusal.value.detail
        assert refusal.value.pointer == "$.public_key"


# --- from place to place --------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", [*QUICK_PAIRS, *SYMMETRIC])
def test_material_moves_to_another_place_and_opens_there_alone(house, algorithm):
    purpose = ALGORITHMS[algorithm].purpose
    vault = house.provider.backup_key()
    wrapped = house.made(algorithm).wrapped
    moved = house.namespace.move(wrapped, HERE, vault, THERE)
    vault.open(algorithm, purpose, moved, THERE)
    back = vault.move(moved, THERE, house.namespace, HERE)
    house.namespace.open(algorithm, purpose, back, HERE)
    for namespace, blob, binding in (
        (house.namespace, moved, THERE), (vault, moved, HERE), (vault, wrapped, HERE),
    ):  # fmt: skip
        with pytest.raises(TamperedRecord):
            namespace.open(algorithm, purpose, blob, binding)


def test_what_does_not_open_does_not_move(house):
    wrapped = house.made(Algorithm.AES_256_GCM).wrapped
    for blob, binding in ((wrapped, THERE), (altered(wrapped, 60), HERE), (b"", HERE)):
        with pytest.raises(TamperedRecord):
            house.namespace.move(blob, binding, house.provider.backup_key(), HERE)


def test_the_backup_key_is_the_root_keys_and_no_namespace_key(house):
    """The same for the same root key, in another process; another for another."""
    same, other = house.again(), type(house)().provider
    wrapped = house.made(Algorithm.HMAC_SHA256).wrapped
    moved = house.namespace.move(wrapped, HERE, house.provider.backup_key(), THERE)
    opened = same.backup_key().open(Algorithm.HMAC_SHA256, Purpose.MAC, moved, THERE)
    assert opened.mac(MESSAGE) == house.handle(Algorithm.HMAC_SHA256).mac(MESSAGE)
    with pytest.raises(TamperedRecord):
        other.backup_key().open(Algorithm.HMAC_SHA256, Purpose.MAC, moved, THERE)


@pytest.mark.parametrize("algorithm", SYMMETRIC)
def test_a_symmetric_algorithm_has_no_pairs(house, algorithm):
    with pytest.raises(InvalidRequest):
        house.provider.generate_pair(algorithm)


# --- public keys ----------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", PAIRS)
def test_a_public_key_is_its_own_algorithms_only_and_spelt_in_one_way(house, algorithm):
    public = house.public(algorithm)
    house.public_keys.check(algorithm, public)
    for other in set(PAIRS) - {algorithm}:
        with pytest.raises(InvalidRequest):
            house.public_keys.check(other, public)
    for bad in (b"", public[:-1], public + b"\0", os.urandom(len(public)), altered(public, 3)):
        with pytest.raises(InvalidRequest):
            house.public_keys.check(algorithm, bad)


@pytest.mark.parametrize("algorithm", PAIRS)
def test_a_pem_is_the_key_in_base64_between_two_lines(house, algorithm):
    public = house.public(algorithm)
    first, *lines, last = house.public_keys.pem(public).splitlines()
    assert (first, last) == ("-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----")
    assert {len(line) for line in lines[:-1]} <= {64}
    assert 0 < len(lines[-1]) <= 64
    assert base64.b64decode("".join(lines)) == public


JWK = {
    "rsa": {"kty", "n", "e"},
    "ec-": {"kty", "crv", "x", "y"},
    "ed2": {"kty", "crv", "x"},
    "ed4": {"kty", "crv", "x"},
    "x25519": {"kty", "crv", "x"},
    "ml-dsa": {"kty", "alg", "pub"},
}


@pytest.mark.parametrize("algorithm", PAIRS)
def test_a_jwk_has_the_members_of_its_kind_and_the_keys_own_bytes(house, algorithm):
    public = house.public(algorithm)
    jwk = house.public_keys.jwk(algorithm, public)
    kind = [start for start in JWK if algorithm.startswith(start)]
    if algorithm.startswith("ml-kem") or algorithm is Algorithm.X25519_ML_KEM_768:
        assert jwk is None
        return
    assert set(jwk) == JWK[kind[-1]]

    def value(name):
        return base64.urlsafe_b64decode(jwk[name] + "=" * (-len(jwk[name]) % 4))

    if jwk["kty"] == "RSA":
        assert value("e") == b"\1\0\1"
        assert len(value("n")) * 8 == ALGORITHMS[algorithm].bits
        assert public.endswith(value("n") + b"\2\3" + value("e"))
    else:
        # All others end in the key itself.
        names = ("x", "y") if jwk["kty"] == "EC" else ("pub",) if "pub" in jwk else ("x",)
        assert public.endswith(b"".join(map(value, names)))
    assert len(thumbprint(jwk)) == 43
    assert thumbprint({**jwk, "kid": "x", "use": "sig"}) == thumbprint(jwk)


def test_thumbprints_are_those_of_the_standards():
    rsa = {
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1"
        "L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4"
        "QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbO"
        "pbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csF"
        "Cur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
        "alg": "RS256",
        "kid": "2011-04-29",
    }
    assert thumbprint(rsa) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"  # RFC 7638, 3.1
    okp = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert thumbprint(okp) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"  # RFC 8037, A.3
    for bad in ({}, {"kty": "oct", "k": "AA"}, {"kty": "RSA", "n": "AA"}):
        with pytest.raises(ValueError, match="no public key"):
            thumbprint(bad)


# --- ciphers --------------------------------------------------------------------------------------

OVERHEAD = {
    Algorithm.AES_128_GCM_RAW: 12 + 16,
    Algorithm.AES_256_GCM_RAW: 12 + 16,
    Algorithm.AES_128_CTR_RAW: 16,
    Algorithm.AES_256_CTR_RAW: 16,
    Algorithm.AES_256_GCM_SIV: 12 + 16,
    Algorithm.CHACHA20_POLY1305: 12 + 16,
    Algorithm.XAES_256_GCM: 24 + 16,
}
CBC = (Algorithm.AES_128_CBC_RAW, Algorithm.AES_256_CBC_RAW)
NO_INTEGRITY = (*CBC, Algorithm.AES_128_CTR_RAW, Algorithm.AES_256_CTR_RAW)
RAW = [algorithm for algorithm, _ in rows(RawCipher)]
AUTHENTICATED = [algorithm for algorithm in RAW if algorithm not in NO_INTEGRITY]


@pytest.mark.parametrize("algorithm", RAW)
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 65_536])
def test_a_raw_ciphertext_opens_and_has_its_size(house, algorithm, size):
    handle, plaintext = house.handle(algorithm), os.urandom(size)
    blob = handle.encrypt_raw(plaintext, b"")
    assert handle.decrypt_raw(blob, b"") == plaintext
    if algorithm in CBC:
        assert len(blob) == 16 + (size // 16 + 1) * 16
    else:
        assert len(blob) == size + OVERHEAD[algorithm]


@pytest.mark.parametrize("algorithm", AUTHENTICATED)
def test_a_raw_ciphertext_opens_only_unaltered_with_its_key_and_its_additional_data(
    house, algorithm
):
    handle = house.handle(algorithm)
    blob = handle.encrypt_raw(MESSAGE, b"more")
    assert handle.decrypt_raw(blob, b"more") == MESSAGE
    for bad in [altered(blob, place) for place in range(len(blob))]:
        dull(lambda bad=bad: handle.decrypt_raw(bad, b"more"))
    for bad in (b"", blob[:-1], blob[1:], blob + b"\0", blob[:12], blob[:27]):
        dull(lambda bad=bad: handle.decrypt_raw(bad, b"more"))
    for additional in (b"", b"mor", b"more\0"):
        dull(lambda additional=additional: handle.decrypt_raw(blob, additional))
    dull(lambda: house.other(algorithm).decrypt_raw(blob, b"more"))


@pytest.mark.parametrize("algorithm", NO_INTEGRITY)
def test_what_authenticates_nothing_takes_no_additional_data(house, algorithm):
    handle = house.handle(algorithm)
    blob = handle.encrypt_raw(MESSAGE, b"")
    with pytest.raises(InvalidRequest):
        handle.encrypt_raw(MESSAGE, b"more")
    with pytest.raises(InvalidRequest):
        handle.decrypt_raw(blob, b"more")


@pytest.mark.parametrize("algorithm", NO_INTEGRITY)
def test_what_is_no_whole_ciphertext_is_refused(house, algorithm):
    handle = house.handle(algorithm)
    short = [b"", b"x" * 15]
    if algorithm in CBC:
        short += [b"x" * 16, b"x" * 31, b"x" * 33, handle.encrypt_raw(MESSAGE, b"")[:-1]]
    for bad in short:
        dull(lambda bad=bad: handle.decrypt_raw(bad, b""))


@pytest.mark.parametrize("algorithm", CBC)
def test_a_bad_padding_is_refused_as_any_bad_ciphertext(house, algorithm):
    """The last byte of the vector turns the padding of an empty text, 16, into all other values."""
    handle = house.handle(algorithm)
    blob = handle.encrypt_raw(b"", b"")
    assert len(blob) == 32
    for change in range(1, 256):
        if change == 16 ^ 1:
            continue  # a padding of one byte: CBC cannot tell
        bad = blob[:15] + bytes([blob[15] ^ change]) + blob[16:]
        dull(lambda bad=bad: handle.decrypt_raw(bad, b""))


@pytest.mark.parametrize("algorithm", RAW)
def test_no_two_raw_ciphertexts_share_their_nonce(house, algorithm):
    handle = house.handle(algorithm)
    size = 24 if algorithm is Algorithm.XAES_256_GCM else 12
    assert len({handle.encrypt_raw(b"", b"")[:size] for _ in range(1_000)}) == 1_000


@pytest.mark.parametrize("algorithm", RAW)
def test_a_handle_serves_several_threads(house, algorithm):
    handle = house.handle(algorithm)

    def there_and_back(number):
        plaintext = number.to_bytes(4, "big") * 64
        return handle.decrypt_raw(handle.encrypt_raw(plaintext, b""), b"") == plaintext

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(there_and_back, range(400)))


# --- signatures -----------------------------------------------------------------------------------

SIGNING = rows(Signer, schemes=True)
WITH_CONTEXT = (Scheme.ML_DSA, Scheme.ED25519PH)
DIGESTS = {32: hashlib.sha256, 48: hashlib.sha384, 64: hashlib.sha512}
ECDSA_BYTES = {"ec-p256": 32, "ec-p384": 48, "ec-p521": 66, "ec-secp256k1": 32}
SIGNATURE_BYTES = {
    "rsa-2048": 256, "rsa-3072": 384, "rsa-4096": 512, "ed25519": 64, "ed448": 114,
    "ml-dsa-44": 2420, "ml-dsa-65": 3309, "ml-dsa-87": 4627,
}  # fmt: skip


def mu(public, message, context=b""):
    """FIPS 204, algorithms 2 and 7, by hand. The public key ends its SubjectPublicKeyInfo."""
    raw = public[22:]
    inner = bytes([0, len(context)]) + context + message
    return hashlib.shake_256(hashlib.shake_256(raw).digest(64) + inner).digest(64)


def digest_of(house, algorithm, scheme):
    if scheme is Scheme.ML_DSA_MU:
        return mu(house.public(algorithm), MESSAGE)
    return DIGESTS[SCHEMES[scheme].digest_bytes](MESSAGE).digest()


def said(house, algorithm, scheme):
    """A message as this scheme takes it first: (message, whether it is a digest)."""
    if scheme is Scheme.ML_DSA_MU:
        return digest_of(house, algorithm, scheme), True
    return MESSAGE, False


def verifies(house, algorithm, scheme, message, signature, *, digest=False, context=b""):
    return house.public_keys.verify(
        algorithm, scheme, house.public(algorithm), message, signature,
        digest=digest, context=context,
    )  # fmt: skip


@pytest.mark.parametrize(("algorithm", "purpose", "scheme"), SIGNING)
def test_a_signature_is_of_its_message_and_key_only(house, algorithm, purpose, scheme):
    message, digest = said(house, algorithm, scheme)
    signature = house.handle(algorithm, purpose).sign(scheme, message, digest=digest, context=b"")

    def right(message, signature):
        return verifies(house, algorithm, scheme, message, signature, digest=digest)

    if algorithm in ECDSA_BYTES:
        assert len(der_to_p1363(signature, ECDSA_BYTES[algorithm])) == 2 * ECDSA_BYTES[algorithm]
    else:
        assert len(signature) == SIGNATURE_BYTES[algorithm]
    assert right(message, signature)
    assert not right(altered(message, 0), signature)
    for place in (0, len(signature) // 2, len(signature) - 1):
        assert not right(message, altered(signature, place))
    for bad in (b"", signature[:-1], signature + b"\0", bytes(len(signature)), b"x" * 70):
        assert not right(message, bad)
    foreign = house.other(algorithm, purpose).sign(scheme, message, digest=digest, context=b"")
    assert not right(message, foreign)


@pytest.mark.parametrize(("algorithm", "purpose", "scheme"), SIGNING)
def test_a_digest_stands_for_its_message_where_the_scheme_has_one(
    house, algorithm, purpose, scheme
):
    handle = house.handle(algorithm, purpose)
    size = SCHEMES[scheme].digest_bytes
    if not size:
        with pytest.raises(InvalidRequest):
            handle.sign(scheme, bytes(32), digest=True, context=b"")
        with pytest.raises(InvalidRequest):
            verifies(house, algorithm, scheme, bytes(32), b"x", digest=True)
        return
    digest = digest_of(house, algorithm, scheme)
    plain = Scheme.ML_DSA if scheme is Scheme.ML_DSA_MU else scheme
    by_digest = handle.sign(scheme, digest, digest=True, context=b"")
    assert verifies(house, algorithm, plain, MESSAGE, by_digest)
    by_message = handle.sign(plain, MESSAGE, digest=False, context=b"")
    assert verifies(house, algorithm, scheme, digest, by_message, digest=True)
    for bad in (b"", digest[:-1], digest + b"\0", hashlib.sha1(MESSAGE).digest()):  # noqa: S324
        with pytest.raises(InvalidRequest):
            handle.sign(scheme, bad, digest=True, context=b"")
        with pytest.raises(InvalidRequest):
            verifies(house, algorithm, scheme, bad, by_digest, digest=True)


@pytest.mark.parametrize(("algorithm", "purpose", "scheme"), SIGNING)
def test_a_context_is_refused_where_the_scheme_has_none(house, algorithm, purpose, scheme):
    if scheme in WITH_CONTEXT:
        return
    message, digest = said(house, algorithm, scheme)
    with pytest.raises(InvalidRequest):
        house.handle(algorithm, purpose).sign(scheme, message, digest=digest, context=b"c")
    with pytest.raises(InvalidRequest):
        verifies(house, algorithm, scheme, message, b"", digest=digest, context=b"c")


@pytest.mark.parametrize(
    ("algorithm", "scheme"), [(a, s) for a, _, s in SIGNING if s in WITH_CONTEXT]
)
def test_a_context_belongs_to_the_signature_and_has_a_bound(house, algorithm, scheme):
    handle = house.handle(algorithm)
    for context in (b"c", b"c" * 255):
        signature = handle.sign(scheme, MESSAGE, digest=False, context=context)
        assert verifies(house, algorithm, scheme, MESSAGE, signature, context=context)
        assert not verifies(house, algorithm, scheme, MESSAGE, signature)
        assert not verifies(
            house, algorithm, scheme, MESSAGE, signature, context=context[:-1] + b"d"
        )
    with pytest.raises(InvalidRequest):
        handle.sign(scheme, MESSAGE, digest=False, context=b"c" * 256)
    with pytest.raises(InvalidRequest):
        verifies(house, algorithm, scheme, MESSAGE, b"", context=b"c" * 256)


@pytest.mark.parametrize("algorithm", [a for a, _, s in SIGNING if s is Scheme.ML_DSA])
def test_a_context_is_in_mu(house, algorithm):
    handle = house.handle(algorithm)
    for context in (b"c", b"c" * 255):
        signature = handle.sign(Scheme.ML_DSA, MESSAGE, digest=False, context=context)
        representative = mu(house.public(algorithm), MESSAGE, context)
        assert verifies(house, algorithm, Scheme.ML_DSA_MU, representative, signature, digest=True)
    with pytest.raises(InvalidRequest):
        handle.sign(Scheme.ML_DSA_MU, bytes(64), digest=False, context=b"")


@pytest.mark.parametrize(("algorithm", "purpose"), rows(Signer))
def test_a_key_signs_and_verifies_by_its_own_schemes_only(house, algorithm, purpose):
    handle = house.handle(algorithm, purpose)
    for scheme in set(Scheme) - set(ALGORITHMS[algorithm].schemes[purpose]):
        with pytest.raises(InvalidRequest):
            handle.sign(scheme, MESSAGE, digest=False, context=b"")
        with pytest.raises(InvalidRequest):
            verifies(house, algorithm, scheme, MESSAGE, b"")


@pytest.mark.parametrize(("algorithm", "purpose", "scheme"), SIGNING)
def test_a_signature_does_not_verify_under_another_scheme_or_a_key_that_is_none(
    house, algorithm, purpose, scheme
):
    message, digest = said(house, algorithm, scheme)
    signature = house.handle(algorithm, purpose).sign(scheme, message, digest=digest, context=b"")
    for other in set(ALGORITHMS[algorithm].schemes[purpose]) - {scheme}:
        text, hashed = said(house, algorithm, other)
        if {scheme, other} != {Scheme.ML_DSA, Scheme.ML_DSA_MU}:  # one signature, said in two ways
            assert not verifies(house, algorithm, other, text, signature, digest=hashed)
    for bad in (b"", house.public(algorithm)[:-1]):
        with pytest.raises(InvalidRequest):
            house.public_keys.verify(
                algorithm, scheme, bad, message, signature, digest=digest, context=b""
            )


# --- MACs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("algorithm", "purpose"), rows(MACMaker))
def test_a_tag_is_of_its_message_and_key_whole(house, algorithm, purpose):
    handle = house.handle(algorithm, purpose)
    tag = handle.mac(MESSAGE)
    assert len(tag) * 8 == ALGORITHMS[algorithm].bits
    assert handle.check_mac(MESSAGE, tag)
    assert not handle.check_mac(MESSAGE + b"\0", tag)
    for bad in (b"", tag[:-1], tag + b"\0", *(altered(tag, place) for place in range(len(tag)))):
        assert not handle.check_mac(MESSAGE, bad)
    assert not house.other(algorithm, purpose).check_mac(MESSAGE, tag)


# --- decryption with a private key ----------------------------------------------------------------

DECRYPTING = rows(Decrypter, schemes=True)
OAEP = [row for row in DECRYPTING if row[2] is not Scheme.RSA_1_5]
OAEP_HASH = {"sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}


def room(algorithm, scheme):
    """RFC 8017, 7.1.1 and 7.2.1: how long a plaintext may be."""
    modulus = ALGORITHMS[algorithm].bits // 8
    if scheme is Scheme.RSA_1_5:
        return modulus - 11
    return modulus - 2 * OAEP_HASH[scheme.rsplit("-", 1)[1]] - 2


@pytest.mark.parametrize(("algorithm", "purpose", "scheme"), DECRYPTING)
def test_what_was_encrypted_with_the_public_key_decrypts(house, algorithm, purpose, scheme):
    handle, public = house.handle(algorithm, purpose), house.public(algorithm)
    for plaintext in (b"", MESSAGE, os.urandom(room(algorithm, scheme))):
        blob = house.public_keys.encrypt_asymmetric(algorithm, scheme, public, plaintext, b"")
        assert len(blob) * 8 == ALGORITHMS[algorithm].bits
        assert handle.decrypt_asymmetric(scheme, blob, b"") == plaintext
    with pytest.raises(InvalidRequest):
        house.public_keys.encrypt_asymmetric(
            algorithm, scheme, public, bytes(room(algorithm, scheme) + 1), b""
        )


@pytest.mark.parametrize(("algorithm", "purpose", "scheme"), OAEP)
def test_what_oaep_does_not_open_is_refused_alike(house, algorithm, purpose, scheme):
    handle, public = house.handle(algorithm, purpose), house.public(algorithm)
    blob = house.public_keys.encrypt_asymmetric(algorithm, scheme, public, MESSAGE, b"label")
    assert handle.decrypt_asymmetric(scheme, blob, b"label") == MESSAGE
    size = len(blob)
    for bad in (
        b"", blob[:-1], blob + b"\0", altered(blob, 1), altered(blob, size - 1),
        bytes(size), b"\xff" * size, os.urandom(size),
    ):  # fmt: skip
        dull(lambda bad=bad: handle.decrypt_asymmetric(scheme, bad, b"label"))
    for label in (b"", b"labe", b"label\0"):
        dull(lambda label=label: handle.decrypt_asymmetric(scheme, blob, label))
    for _, _, other in OAEP:
        if other is not scheme:
            dull(lambda other=other: handle.decrypt_asymmetric(other, blob, b"label"))
    dull(lambda: house.other(algorithm, purpose).decrypt_asymmetric(scheme, blob, b"label"))


@pytest.mark.parametrize("algorithm", [row[0] for row in DECRYPTING if row[2] is Scheme.RSA_1_5])
def test_rsa_1_5_does_not_tell_a_bad_padding(house, algorithm):
    """Implicit rejection: a ciphertext with a bad padding has a text, always the same wrong one."""
    handle, size = house.handle(algorithm, Purpose.DECRYPT), ALGORITHMS[algorithm].bits // 8
    blob = house.public_keys.encrypt_asymmetric(
        algorithm, Scheme.RSA_1_5, house.public(algorithm), MESSAGE, b""
    )
    for _ in range(8):
        bad = b"\0" + os.urandom(size - 1)
        assert handle.decrypt_asymmetric(Scheme.RSA_1_5, bad, b"") == handle.decrypt_asymmetric(
            Scheme.RSA_1_5, bad, b""
        )
    assert handle.decrypt_asymmetric(Scheme.RSA_1_5, altered(blob, size - 1), b"") != MESSAGE
    for bad in (b"", blob[:-1], blob + b"\0", b"\xff" * size):
        dull(lambda bad=bad: handle.decrypt_asymmetric(Scheme.RSA_1_5, bad, b""))
    with pytest.raises(InvalidRequest):
        handle.decrypt_asymmetric(Scheme.RSA_1_5, blob, b"label")


@pytest.mark.parametrize(("algorithm", "purpose"), rows(Decrypter))
def test_a_key_decrypts_by_its_own_schemes_only(house, algorithm, purpose):
    handle, public = house.handle(algorithm, purpose), house.public(algorithm)
    for scheme in set(Scheme) - set(ALGORITHMS[algorithm].schemes[purpose]):
        with pytest.raises(InvalidRequest):
            handle.decrypt_asymmetric(scheme, bytes(256), b"")
        with pytest.raises(InvalidRequest):
            house.public_keys.encrypt_asymmetric(algorithm, scheme, public, MESSAGE, b"")


# --- agreement ------------------------------------------------------------------------------------

SECRET_BYTES = {"ec-p256": 32, "ec-p384": 48, "ec-p521": 66, "x25519": 32}


@pytest.mark.parametrize(("algorithm", "purpose"), rows(Agreement))
def test_two_keys_agree(house, algorithm, purpose):
    one, two = house.handle(algorithm, purpose), house.other(algorithm, purpose)
    secret = one.agree(house.others(algorithm).public)
    assert secret == two.agree(house.public(algorithm))
    assert len(secret) == SECRET_BYTES[algorithm]
    assert secret != one.agree(house.public(algorithm))


@pytest.mark.parametrize(("algorithm", "purpose"), rows(Agreement))
def test_no_key_agrees_with_what_is_no_sound_public_key_of_its_kind(house, algorithm, purpose):
    handle, public = house.handle(algorithm, purpose), house.public(algorithm)
    foreign = [house.public(a) for a in PAIRS if a != algorithm]
    for bad in (b"", public[:-1], public + b"\0", os.urandom(31), os.urandom(33), *foreign):
        with pytest.raises(InvalidRequest):
            handle.agree(bad)
    if algorithm is not Algorithm.X25519:
        for bad in (altered(public, len(public) - 1), public[:-64] + bytes(64)):  # off the curve
            with pytest.raises(InvalidRequest):
                handle.agree(bad)


def test_x25519_takes_a_raw_key_and_none_of_small_order(house):
    handle, public = house.handle(Algorithm.X25519), house.others(Algorithm.X25519).public
    assert handle.agree(public[-32:]) == handle.agree(public)
    for small in (bytes(32), b"\1" + bytes(31)):
        for spelt in (small, public[:-32] + small):
            with pytest.raises(InvalidRequest):
                handle.agree(spelt)


# --- encapsulation and HPKE -----------------------------------------------------------------------

ENCAPSULATING = rows(Decapsulator, schemes=True)
KEM = [a for a, _, scheme in ENCAPSULATING if scheme is Scheme.ML_KEM]
HPKE = [a for a, _, scheme in ENCAPSULATING if scheme is Scheme.HPKE]
KEM_BYTES = {"ml-kem-768": 1088, "ml-kem-1024": 1568}
HPKE_BYTES = {"x25519": 32 + 16, "x25519-ml-kem-768": 1120 + 16}


@pytest.mark.parametrize("algorithm", KEM)
def test_both_sides_have_the_secret(house, algorithm):
    made = house.public_keys.encapsulate(algorithm, Scheme.ML_KEM, house.public(algorithm))
    assert (len(made.ciphertext), len(made.shared_secret)) == (KEM_BYTES[algorithm], 32)
    handle = house.handle(algorithm)
    assert handle.decapsulate(Scheme.ML_KEM, made.ciphertext) == made.shared_secret
    # Another ciphertext or key has another secret, and no refusal: that would tell something.
    wrong = handle.decapsulate(Scheme.ML_KEM, altered(made.ciphertext, 0))
    assert wrong != made.shared_secret
    assert len(wrong) == 32
    other = house.other(algorithm).decapsulate(Scheme.ML_KEM, made.ciphertext)
    assert other != made.shared_secret
    for bad in (b"", made.ciphertext[:-1], made.ciphertext + b"\0"):
        dull(lambda bad=bad: handle.decapsulate(Scheme.ML_KEM, bad))


@pytest.mark.parametrize("algorithm", HPKE)
def test_what_was_sealed_opens_for_the_keys_owner_with_its_info_only(house, algorithm):
    handle, public = house.handle(algorithm, Purpose.ENCAPSULATE), house.public(algorithm)
    blob = house.public_keys.seal(algorithm, public, MESSAGE, b"info")
    assert len(blob) == len(MESSAGE) + HPKE_BYTES[algorithm]
    assert handle.open_sealed(blob, b"info") == MESSAGE
    for info in (b"", b"inf", b"info\0"):
        dull(lambda info=info: handle.open_sealed(blob, info))
    for bad in (
        b"", blob[:-1], blob + b"\0", blob[:20], bytes(len(blob)),
        *(altered(blob, place) for place in (0, 33, len(blob) - 17, len(blob) - 1)),
    ):  # fmt: skip
        dull(lambda bad=bad: handle.open_sealed(bad, b"info"))
    dull(lambda: house.other(algorithm, Purpose.ENCAPSULATE).open_sealed(blob, b"info"))
    assert blob != house.public_keys.seal(algorithm, public, MESSAGE, b"info")


@pytest.mark.parametrize("algorithm", HPKE)
def test_an_hpke_key_shares_no_secret(house, algorithm):
    with pytest.raises(InvalidRequest):
        house.public_keys.encapsulate(algorithm, Scheme.HPKE, house.public(algorithm))
    with pytest.raises(InvalidRequest):
        house.handle(algorithm, Purpose.ENCAPSULATE).decapsulate(Scheme.HPKE, bytes(32))


@pytest.mark.parametrize("algorithm", KEM)
def test_a_kem_key_does_no_hpke(house, algorithm):
    with pytest.raises(InvalidRequest):
        house.public_keys.seal(algorithm, house.public(algorithm), MESSAGE, b"")
    with pytest.raises(InvalidRequest):
        house.handle(algorithm).open_sealed(bytes(2_000), b"")


@pytest.mark.parametrize("algorithm", PAIRS)
def test_no_other_key_seals_or_encapsulates(house, algorithm):
    public = house.public(algorithm)
    if algorithm not in KEM:
        for scheme in Scheme:
            with pytest.raises(InvalidRequest):
                house.public_keys.encapsulate(algorithm, scheme, public)
    if algorithm not in HPKE:
        with pytest.raises(InvalidRequest):
            house.public_keys.seal(algorithm, public, MESSAGE, b"")


# --- wrapping -------------------------------------------------------------------------------------

WRAPPING = rows(Wrapper, schemes=True)


@pytest.mark.parametrize(("algorithm", "purpose", "scheme"), WRAPPING)
def test_wrapped_material_unwraps_and_nothing_else_does(house, algorithm, purpose, scheme):
    handle = house.handle(algorithm, purpose)
    for material in (os.urandom(16), os.urandom(32)):
        wrapped = handle.wrap(scheme, material)
        assert handle.unwrap(scheme, wrapped) == material
        if scheme in (Scheme.AES_KW, Scheme.AES_KWP):
            assert len(wrapped) == len(material) + 8
        else:
            assert len(wrapped) * 8 == ALGORITHMS[algorithm].bits
        for bad in (
            b"", wrapped[:-1], wrapped[:-8], wrapped + b"\0", wrapped + bytes(8),
            *(altered(wrapped, place) for place in (1, len(wrapped) // 2, len(wrapped) - 1)),
        ):  # fmt: skip
            dull(lambda bad=bad: handle.unwrap(scheme, bad))
        dull(lambda wrapped=wrapped: house.other(algorithm, purpose).unwrap(scheme, wrapped))
    for _, _, other in WRAPPING:
        if other is not scheme and other in ALGORITHMS[algorithm].schemes[purpose]:
            dull(lambda other=other: handle.unwrap(other, wrapped))


@pytest.mark.parametrize(("algorithm", "purpose", "scheme"), WRAPPING)
def test_material_of_a_length_that_cannot_be_wrapped_is_refused(house, algorithm, purpose, scheme):
    handle = house.handle(algorithm, purpose)
    bad = {
        Scheme.AES_KW: [b"", bytes(8), bytes(15), bytes(17), bytes(23)],
        Scheme.AES_KWP: [b""],
    }.get(scheme)
    for material in bad or [b"", bytes(room(algorithm, scheme) + 1)]:
        with pytest.raises(InvalidRequest):
            handle.wrap(scheme, material)


@pytest.mark.parametrize("algorithm", [Algorithm.AES_128_KW, Algorithm.AES_256_KW])
@pytest.mark.parametrize("size", [1, 7, 8, 9, 15, 17, 1_217, 65_536])
def test_kwp_wraps_any_length(house, algorithm, size):
    handle, material = house.handle(algorithm), os.urandom(size)
    assert handle.unwrap(Scheme.AES_KWP, handle.wrap(Scheme.AES_KWP, material)) == material


@pytest.mark.parametrize(("algorithm", "purpose"), rows(Wrapper))
def test_a_key_wraps_by_its_own_schemes_only(house, algorithm, purpose):
    handle = house.handle(algorithm, purpose)
    for scheme in set(Scheme) - set(ALGORITHMS[algorithm].schemes[purpose]):
        with pytest.raises(InvalidRequest):
            handle.wrap(scheme, bytes(32))
        with pytest.raises(InvalidRequest):
            handle.unwrap(scheme, bytes(256))


# --- the root -------------------------------------------------------------------------------------


def test_a_records_mac_is_its_own(house):
    mac = house.provider.mac(b"a record")
    assert len(mac) == 32
    house.provider.check_mac(b"a record", mac)
    for message, bad in ((b"a record.", mac), (b"a record", mac[:-1]), (b"a record", b"")):
        with pytest.raises(TamperedRecord):
            house.provider.check_mac(message, bad)
    with pytest.raises(TamperedRecord):
        Software().provider.check_mac(b"a record", mac)
