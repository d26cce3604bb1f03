"""The two spellings of an ECDSA signature: each value has one of either."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.domain.signatures import der_to_p1363, p1363_to_der

SIZES = [32, 48, 66]


@given(st.sampled_from(SIZES), st.data())
def test_there_and_back_is_the_same_signature(size, data):
    numbers = st.integers(0, 2 ** (8 * size) - 1)
    joined = b"".join(data.draw(numbers).to_bytes(size, "big") for _ in range(2))
    der = p1363_to_der(joined, size)
    assert der_to_p1363(der, size) == joined
    for bad in (der[:-1], der + b"\0", b"\x30" + der, der[1:]):
        with pytest.raises(ValueError, match="no signature in DER"):
            der_to_p1363(bad, size)


def test_known_spellings():
    r, s = b"\x80".rjust(32, b"\0"), b"\x7f".rjust(32, b"\0")
    assert p1363_to_der(r + s, 32) == bytes.fromhex("3007 02020080 02017f")
    assert p1363_to_der(bytes(64), 32) == bytes.fromhex("3006 020100 020100")
    long = b"\xff" * 132
    assert p1363_to_der(long, 66)[:6] == bytes.fromhex("30818a 0243 00")
    assert der_to_p1363(p1363_to_der(long, 66), 66) == long


@pytest.mark.parametrize(
    "der",
    [
        "",
        "30",
        "3000",
        "3006 020100",  # one number is missing
        "3009 020100 020100 020100",  # one too many
        "3006 020100 020100 00",  # something behind
        "3080 020100 020100 0000",  # BER's indefinite length
        "308106 020100 020100",  # a long length where a short one does
        "30820006 020100 020100",
        "3007 02020001 020100",  # a leading zero that is not needed
        "3006 020180 020100",  # negative
        "3005 0200 020100",  # no digits
        "3106 020100 020100",  # a set
        "3006 030100 020100",  # a bit string
        "3026 0221 01" + "00" * 32 + "020100",  # more than 32 bytes
        "3006 020500 020100",  # a length beyond the end
        "3081",
        "308203e8",
    ],
)
def test_what_is_not_the_shortest_der_of_two_fitting_numbers_is_refused(der):
    with pytest.raises(ValueError, match="no signature in DER"):
        der_to_p1363(bytes.fromhex(der), 32)


@pytest.mark.parametrize("size", SIZES)
def test_two_coordinates_have_their_length(size):
    for length in (0, 1, size, 2 * size - 1, 2 * size + 1):
        with pytest.raises(ValueError, match="two coordinates"):
            p1363_to_der(bytes(length), size)


@given(st.binary(max_size=80))
def test_whatever_is_given_is_a_signature_or_refused(blob):
    try:
        joined = der_to_p1363(blob, 32)
    except ValueError:
        return
    assert p1363_to_der(joined, 32) == blob
