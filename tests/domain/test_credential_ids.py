"""Ids of credentials: one spelling each, and nothing else is one."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.domain.otp.credential import ID_BYTES, parse, spell


@given(st.binary(min_size=ID_BYTES, max_size=ID_BYTES))
def test_an_id_is_read_as_it_is_written(credential_id):
    assert parse(spell(credential_id)) == credential_id


@given(st.binary(min_size=ID_BYTES, max_size=ID_BYTES))
def test_it_is_written_in_base32(credential_id):
    text = base64.b32encode(credential_id).decode().rstrip("=").lower()
    assert spell(credential_id) == "otp-" + text


@given(st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=26, max_size=26))
def test_of_all_that_is_spelt_with_these_letters_one_is_the_id(letters):
    """Compared with base64, which is lenient about the bits that are left over."""
    read = base64.b32decode(letters.upper() + "======")
    assert parse("otp-" + letters) == (read if spell(read) == "otp-" + letters else None)


@given(st.text(min_size=26, max_size=26) | st.text("+-_ 01!abc٣", min_size=26, max_size=26))
def test_nothing_else_is_one(letters):
    found = parse("otp-" + letters)
    assert found is None or spell(found) == "otp-" + letters


@pytest.mark.parametrize("text", ["", "otp-", "a" * 30, "OTP-" + "a" * 26, "otp-" + "A" * 26])
def test_nor_what_looks_like_it(text):
    assert parse(text) is None
