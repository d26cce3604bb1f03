"""The provider's promises about OTP secrets, for every provider. Codes are those of a reference."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from strongroom.adapters.software import SoftwareProvider
from strongroom.domain.algorithms import Algorithm, Purpose
from strongroom.domain.errors import InvalidCiphertext, InvalidRequest, TamperedRecord
from strongroom.domain.otp import ocra
from strongroom.domain.otp.credential import SECRET_BYTES, Hash
from strongroom.domain.otp.ocra import OCRAInputs
from strongroom.domain.sensitive import Sensitive
from strongroom.ports.provider import Decapsulator
from tests.support.otp import SECRET, code_of, hotp

HERE, THERE = b"a credential's place", b"another's place"
SEALING = (Algorithm.X25519, Algorithm.X25519_ML_KEM_768)
QUESTIONS = ocra.parse("OCRA-1:HOTP-SHA256-8:C-QN08-PSHA1-S064-T1M")
NOT_CODES = (
    "", "75522", "7552244", " 755224", "755224 ", "+75522", "-75522", "7_5522", "75522\x00",
    "75522\u0664", "\uff17\uff15\uff15\uff12\uff12\uff14", "75522\u00b2", "xxxxxx",
    "\ud800" * 6, "7" * 10_000,
)  # fmt: skip


class Software:
    """A provider under test, with two namespaces."""

    def __init__(self):
        self.provider = SoftwareProvider(Sensitive(os.urandom(32)))
        self._wrapped = [self.provider.generate_namespace_key(b"one") for _ in range(2)]
        self.namespace, self.other = self.opened(0), self.opened(1)

    def opened(self, number):
        return self.provider.open_namespace_key(self._wrapped[number], b"one")

    def imported(self, secret=SECRET, hash_=Hash.SHA1):
        wrapped = self.namespace.import_otp(Sensitive(secret), HERE)
        return self.namespace.open_otp(hash_, wrapped, HERE)


@pytest.fixture(scope="module", params=[Software])
def house(request):
    return request.param()


# --- made, kept, opened ---------------------------------------------------------------------------


@pytest.mark.parametrize("hash_", Hash)
def test_a_secret_that_is_made_has_the_length_that_was_asked_and_is_a_new_one(house, hash_):
    made = [house.namespace.generate_otp(SECRET_BYTES[hash_], HERE) for _ in range(2)]
    secrets = [house.namespace.open_otp(hash_, one, HERE).reveal().reveal() for one in made]

    assert len(secrets[0]) == SECRET_BYTES[hash_]
    assert secrets[0] != secrets[1]
    assert all(one not in blob for one in secrets for blob in made)


@pytest.mark.parametrize("length", [0, 15, 129])
def test_a_secret_of_another_length_is_neither_made_nor_taken(house, length):
    with pytest.raises(InvalidRequest):
        house.namespace.import_otp(Sensitive(bytes(length)), HERE)
    with pytest.raises(InvalidRequest):
        house.namespace.generate_otp(length, HERE)


@pytest.mark.parametrize("length", [16, 20, 32, 63, 64, 65, 127, 128])
@pytest.mark.parametrize("hash_", Hash)
def test_codes_are_those_of_the_reference_for_every_length_of_secret(house, hash_, length):
    secret = os.urandom(length)
    one_time = house.imported(secret, hash_)

    for value in (0, 1, 2**31, 2**63, 2**64 - 1):
        for digits in (6, 7, 8, 10):
            assert one_time.code(value, digits) == hotp(secret, value, digits, hash_)


def test_a_secret_opens_in_its_place_only(house):
    wrapped = house.namespace.generate_otp(20, HERE)

    for refused in (
        lambda: house.namespace.open_otp(Hash.SHA1, wrapped, THERE),
        lambda: house.other.open_otp(Hash.SHA1, wrapped, HERE),
        lambda: house.namespace.open_otp(Hash.SHA1, wrapped[:-1], HERE),
        lambda: house.namespace.open_otp(Hash.SHA1, b"", HERE),
        lambda: house.namespace.open(Algorithm.AES_256_GCM, Purpose.ENCRYPT_DECRYPT, wrapped, HERE),
    ):
        with pytest.raises(TamperedRecord):
            refused()


def test_a_secret_that_was_altered_anywhere_does_not_open(house):
    wrapped = house.namespace.generate_otp(20, HERE)

    for place in range(len(wrapped)):
        altered = wrapped[:place] + bytes([wrapped[place] ^ 1]) + wrapped[place + 1 :]
        with pytest.raises(TamperedRecord):
            house.namespace.open_otp(Hash.SHA1, altered, HERE)


def test_a_secret_is_the_same_after_the_namespace_key_is_opened_again(house):
    wrapped = house.namespace.import_otp(Sensitive(SECRET), HERE)

    assert house.opened(0).open_otp(Hash.SHA1, wrapped, HERE).code(0, 6) == "755224"


def test_a_secret_does_not_show_itself(house):
    shown = repr(house.imported()) + str(house.imported()) + repr(vars(house.namespace))

    assert SECRET.decode() not in shown
    assert SECRET.hex() not in shown


# --- compared -------------------------------------------------------------------------------------


@pytest.mark.parametrize("hash_", Hash)
def test_a_code_is_found_where_it_stands_in_the_window_and_nowhere_else(house, hash_):
    one_time = house.imported(hash_=hash_)
    codes = [hotp(SECRET, value, 8, hash_) for value in range(100, 110)]

    assert [one_time.matches(100, 10, 8, code) for code in codes] == list(range(10))
    assert one_time.matches(100, 9, 8, codes[9]) == -1
    assert one_time.matches(101, 9, 8, codes[0]) == -1
    assert one_time.matches(100, 0, 8, codes[0]) == -1


def test_of_two_places_with_one_code_the_first_is_named(house):
    """Found by looking: among a thousand codes of six digits some are there twice."""
    places = {}
    for value in range(5_000):
        places.setdefault(hotp(SECRET, value), []).append(value)
    code, (first, second, *_) = next((c, v) for c, v in places.items() if len(v) > 1)

    one_time = house.imported()
    assert one_time.matches(first, second - first + 1, 6, code) == 0
    assert one_time.matches(first + 1, second - first, 6, code) == second - first - 1


def test_what_lies_outside_of_all_counters_matches_nothing(house):
    one_time = house.imported()

    assert one_time.matches(-3, 3, 6, hotp(SECRET, 2**64 - 1)) == -1
    assert one_time.matches(-3, 5, 6, hotp(SECRET, 1)) == 4
    assert one_time.matches(2**64 - 1, 3, 6, hotp(SECRET, 0)) == -1
    assert one_time.matches(2**64 - 1, 3, 6, hotp(SECRET, 2**64 - 1)) == 0


@pytest.mark.parametrize("code", NOT_CODES, ids=lambda code: ascii(code[:8]))
def test_what_is_no_code_matches_nothing(house, code):
    assert house.imported().matches(0, 20, 6, code) == -1
    inputs = OCRAInputs(question="1")
    suite = ocra.parse("OCRA-1:HOTP-SHA1-6:QN08")
    assert house.imported().ocra_matches(suite, [inputs], code) == -1


def test_leading_zeros_are_part_of_a_code(house):
    value = next(v for v in range(1_000) if hotp(SECRET, v).startswith("0"))
    code, one_time = hotp(SECRET, value), house.imported()

    assert one_time.code(value, 6) == code
    assert one_time.matches(value, 1, 6, code) == 0
    assert one_time.matches(value, 1, 6, code[1:]) == -1
    assert one_time.matches(value, 1, 6, "0" + code[:-1]) == -1


# --- questions ------------------------------------------------------------------------------------


def answer(inputs):
    return code_of(SECRET, ocra.data_input(QUESTIONS, inputs), 8, "sha256")


def inputs_of(counter):
    return OCRAInputs(counter=counter, question="00000042", pin=bytes(20), session=b"s", time=7)


def test_a_response_is_found_among_its_inputs(house):
    one_time = house.imported(hash_=Hash.SHA256)
    window = [inputs_of(counter) for counter in range(5)]

    assert [one_time.ocra(QUESTIONS, one) for one in window] == [answer(one) for one in window]
    assert one_time.ocra_matches(QUESTIONS, window, answer(window[3])) == 3
    assert one_time.ocra_matches(QUESTIONS, [window[2]] * 3, answer(window[2])) == 0
    assert one_time.ocra_matches(QUESTIONS, window[:3], answer(window[3])) == -1
    assert one_time.ocra_matches(QUESTIONS, [], answer(window[3])) == -1


def test_inputs_that_the_suite_does_not_have_are_refused(house):
    with pytest.raises(InvalidRequest):
        house.imported(hash_=Hash.SHA256).ocra(QUESTIONS, OCRAInputs(question="x"))


def test_a_suite_of_another_hash_is_our_mistake(house):
    with pytest.raises(RuntimeError):
        house.imported(hash_=Hash.SHA1).ocra(QUESTIONS, inputs_of(0))


# --- handed over ----------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", SEALING)
def test_a_secret_is_sealed_to_a_device_and_opens_there_with_what_it_was_sealed_with(
    house, algorithm
):
    pair = house.namespace.generate(algorithm, b"device")
    device = house.namespace.open(algorithm, Purpose.ENCAPSULATE, pair.wrapped, b"device")
    assert isinstance(device, Decapsulator)
    sealed = house.imported().sealed_for(algorithm, pair.public, b"for whom")

    assert device.open_sealed(sealed, b"for whom") == SECRET
    assert sealed != house.imported().sealed_for(algorithm, pair.public, b"for whom")
    with pytest.raises(InvalidCiphertext):
        device.open_sealed(sealed, b"for another")


@pytest.mark.parametrize("algorithm", SEALING)
def test_what_is_no_public_key_of_the_algorithm_gets_nothing(house, algorithm):
    other = SEALING[1 - SEALING.index(algorithm)]
    another = house.namespace.generate(other, b"device").public
    for public in (b"", b"\0" * 32, another, another[:-1]):
        with pytest.raises(InvalidRequest):
            house.imported().sealed_for(algorithm, public, b"")


# --- stand-ins, pseudonyms, private words ---------------------------------------------------------


@pytest.mark.parametrize("hash_", Hash)
def test_a_decoy_is_a_secret_like_others_that_nobody_has(house, hash_):
    decoy = house.namespace.decoy_otp(hash_)

    assert len(decoy.reveal().reveal()) == SECRET_BYTES[hash_]
    assert decoy.matches(5, 3, 6, decoy.code(6, 6)) == 1
    assert house.other.decoy_otp(hash_).reveal().reveal() != decoy.reveal().reveal()
    again = house.opened(0).decoy_otp(hash_)
    assert again.reveal().reveal() != decoy.reveal().reveal()


def test_a_pseudonym_is_of_its_namespace_its_purpose_and_its_text(house):
    pseudonym = house.namespace.pseudonym("otp-user", b"alice")

    assert len(pseudonym) == 32
    assert house.opened(0).pseudonym("otp-user", b"alice") == pseudonym
    others = {
        house.namespace.pseudonym("otp-user", b"bob"),
        house.namespace.pseudonym("otp-user", b""),
        house.namespace.pseudonym("otp-import", b"alice"),
        house.other.pseudonym("otp-user", b"alice"),
    }
    assert len(others | {pseudonym}) == 5


def test_private_words_are_concealed_and_come_back_in_their_place_only(house):
    wrapped = house.namespace.conceal(b"alice@example.com", HERE)

    assert b"alice" not in wrapped
    assert house.opened(0).concealed(wrapped, HERE) == b"alice@example.com"
    for handle, binding in ((house.namespace, THERE), (house.other, HERE)):
        with pytest.raises(TamperedRecord):
            handle.concealed(wrapped, binding)
    with pytest.raises(TamperedRecord):
        house.namespace.concealed(wrapped[:-1], HERE)


def test_one_secret_serves_several_threads(house):
    wrapped = house.namespace.import_otp(Sensitive(SECRET), HERE)
    one_time = house.imported()

    def work(number):
        opened = house.namespace.open_otp(Hash.SHA1, wrapped, HERE)
        codes = [hotp(SECRET, value) for value in range(number, number + 50)]
        return all(
            one.matches(number, 50, 6, code) == at
            for at, code in enumerate(codes)
            for one in (opened, one_time)
        )

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(work, range(0, 400, 50)))
