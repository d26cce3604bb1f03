"""otpauth URIs: what the vectors do not say, and how one is spelt."""

import pytest

from strongroom.domain.errors import InvalidRequest
from strongroom.domain.otp.credential import Hash, Type
from strongroom.domain.otp.otpauth import URI_CHARACTERS_MAX, Otpauth, names, parse, spell
from strongroom.domain.sensitive import Sensitive

SECRET = Sensitive(b"12345678901234567890")
HEAD = "otpauth://totp/alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def test_a_uri_is_spelt_in_one_way():
    totp = Otpauth(type=Type.TOTP, secret=SECRET, account="alice@example.com", issuer="Köln & Co")
    hotp = Otpauth(
        type=Type.HOTP, secret=SECRET, hash=Hash.SHA512, digits=8, period=0, counter=7,
        account="a/b?c#d%",
    )  # fmt: skip

    assert spell(totp) == (
        "otpauth://totp/K%C3%B6ln%20%26%20Co:alice@example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        "&issuer=K%C3%B6ln%20%26%20Co&algorithm=SHA1&digits=6&period=30"
    )
    assert spell(hotp) == (
        "otpauth://hotp/a%2Fb%3Fc%23d%25?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        "&algorithm=SHA512&digits=8&counter=7"
    )


@pytest.mark.parametrize("name", ["account", "issuer"])
def test_a_name_with_a_colon_is_not_spelt(name):
    with pytest.raises(RuntimeError):
        spell(Otpauth(**({"type": Type.TOTP, "secret": SECRET, "account": "a"} | {name: "a:b"})))


@pytest.mark.parametrize(
    "more",
    [
        "&Digits=8", "&SECRET=GEZDGNBVGY3TQOJQ", "&d%69gits=8", "&=8", "&", "&&digits=8",
        "&digits =8", "&digits", "&counter=1&counter=1", "&image=%0A", "&image=\n", "&image=%",
    ],
)  # fmt: skip
def test_a_parameter_that_others_might_read_otherwise_is_refused(more):
    assert parse(HEAD)
    with pytest.raises(InvalidRequest):
        parse(HEAD + more)


def test_a_uri_of_the_longest_length_is_read_and_no_longer_one():
    uri = HEAD + "&image="
    uri += "a" * (URI_CHARACTERS_MAX - len(uri))

    assert parse(uri).account == "alice"
    with pytest.raises(InvalidRequest, match="at most"):
        parse(uri + "a")


def test_a_secret_has_at_most_128_bytes():
    assert len(parse("otpauth://totp/a?secret=" + "AAAAAAAA" * 25 + "AAAAA").secret.reveal()) == 128
    with pytest.raises(InvalidRequest, match="more than 128 bytes"):
        parse("otpauth://totp/a?secret=" + "AAAAAAAA" * 25 + "AAAAAAA")


def test_a_uri_that_was_read_does_not_show_its_secret():
    read = parse(HEAD)

    assert "12345678901234567890" not in repr(read) + str(read)
    assert "GEZDGNBV" not in repr(read) + str(read)


@pytest.mark.parametrize(
    ("label", "issuer", "is_"),
    [
        ("alice", "", ("alice", "")),
        ("alice", "Bank", ("alice", "Bank")),
        ("Bank:alice", "", ("alice", "Bank")),
        ("Bank:  alice", "Bank", ("alice", "Bank")),
        ("  alice", "", ("alice", "")),
        ("  alice", "Bank", ("alice", "Bank")),
    ],
)
def test_names_are_taken_apart(label, issuer, is_):
    assert names(label, issuer) == is_


@pytest.mark.parametrize(
    ("label", "issuer"),
    [
        ("", ""), ("   ", ""), (":", ""), (":alice", ""), ("Bank:", ""), ("Bank: ", "Bank"),
        ("A:B:c", ""), ("alice", "A:B"), ("Bank:alice", "Other"), ("a\u2028b", ""), ("a", "\x7f"),
    ],
)  # fmt: skip
def test_names_that_are_none_or_two_are_refused(label, issuer):
    with pytest.raises(InvalidRequest):
        names(label, issuer)
