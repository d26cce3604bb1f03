"""OTP secrets in software: HMAC that is right, and work that is the same whatever the code is."""

import copy
import hmac
import pickle

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strongroom.adapters.software.one_time import SoftwareOneTime
from strongroom.adapters.software.public import SoftwarePublicKeys
from strongroom.domain.keyed import KeyedHash
from strongroom.domain.otp.credential import Hash
from strongroom.domain.otp.ocra import OCRAInputs, parse
from strongroom.domain.sensitive import Sensitive
from tests.support.otp import SECRET, hotp


class Counting:
    """Stands for the HMAC, and counts."""

    def __init__(self, keyed):
        self.keyed = keyed
        self.messages = []

    def digest(self, message):
        self.messages.append(message)
        return self.keyed.digest(message)


@pytest.fixture
def one_time():
    made = SoftwareOneTime(Hash.SHA1, Sensitive(SECRET), SoftwarePublicKeys())
    made._mac = Counting(made._mac)
    return made


# A machine at work on much else makes its first examples slowly.
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(["sha1", "sha256", "sha512"]), st.binary(max_size=300), st.binary(max_size=300)
)
def test_a_keyed_hash_is_hmac(name, key, message):
    keyed = KeyedHash(key, name)

    assert keyed.digest(message) == hmac.digest(key, message, name)
    assert keyed.digest(message) == hmac.digest(key, message, name), "and stays so"


@pytest.mark.parametrize("size", [0, 63, 64, 65, 127, 128, 129])
@pytest.mark.parametrize("name", ["sha1", "sha256", "sha512"])
def test_a_keyed_hash_is_hmac_where_blocks_end(name, size):
    key = bytes(range(size))

    assert KeyedHash(key, name).digest(b"") == hmac.digest(key, b"", name)


def test_a_keyed_hash_does_not_travel():
    with pytest.raises(TypeError):
        pickle.dumps(KeyedHash(SECRET, "sha1"))
    with pytest.raises(TypeError):
        copy.deepcopy(KeyedHash(SECRET, "sha1"))


@pytest.mark.parametrize(
    "code",
    [
        hotp(SECRET, 5),
        hotp(SECRET, 7),
        hotp(SECRET, 9),
        "000000",
        "",
        "x",
        "\uff11\uff12\uff13\uff14\uff15\uff16",
        "9" * 64,
    ],
    ids=ascii,
)
def test_the_whole_window_is_computed_whatever_the_code(one_time, code):
    one_time.matches(5, 5, 6, code)

    assert sorted(one_time._mac.messages) == [value.to_bytes(8, "big") for value in range(5, 10)]


def test_as_much_is_computed_outside_of_all_counters(one_time):
    one_time.matches(-2, 5, 6, "000000")
    one_time.matches(2**64 - 1, 5, 6, "000000")

    assert len(one_time._mac.messages) == 10


@pytest.mark.parametrize("right", [True, False])
def test_all_responses_are_computed_whatever_matches(one_time, right):
    suite = parse("OCRA-1:HOTP-SHA1-6:C-QN08")
    window = [OCRAInputs(counter=counter, question="1") for counter in range(5)]
    response = one_time.ocra(suite, window[0]) if right else "none"
    one_time._mac.messages.clear()

    assert one_time.ocra_matches(suite, window, response) == (0 if right else -1)
    assert len(one_time._mac.messages) == 5
