"""Import tokens of the AWS door: whatever a caller makes of one, it is a token or is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.doors.aws.errors import AWSError
from strongroom.doors.aws.imports import _Token

HEAD = b"SRIT\x01"


def exactly(size):
    return st.binary(min_size=size, max_size=size)


@given(exactly(16), st.integers(0, 255), exactly(8))
def test_a_token_has_one_spelling_and_numbers_of_no_wrapping_are_refused(ticket, number, end):
    blob = HEAD + ticket + bytes([number]) + end
    if number < 4:
        assert _Token.of(blob).spelled() == blob
    else:
        with pytest.raises(AWSError):
            _Token.of(blob)


# Where a reader would find a wrapping's number if it took the head for granted.
_HEADLESS = st.builds(
    lambda a, n, b: a + bytes([n]) + b, exactly(16), st.integers(0, 3), exactly(13)
)


@given((st.binary(max_size=64) | exactly(30) | _HEADLESS).filter(lambda b: not b.startswith(HEAD)))
def test_what_does_not_begin_like_one_is_refused(blob):
    with pytest.raises(AWSError) as info:
        _Token.of(blob)
    assert info.value.code == "InvalidImportTokenException"
