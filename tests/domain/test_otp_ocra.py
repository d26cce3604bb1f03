"""OCRA: what a suite says, what is none, and the bytes that a response is made from (RFC 6287)."""

import itertools

import pytest

from strongroom.domain.errors import InvalidRequest
from strongroom.domain.otp.credential import Hash
from strongroom.domain.otp.ocra import OCRAInputs, Suite, data_input, parse

HASHES = ("SHA1", "SHA256", "SHA512")
STEPS = {"": 0, "-T1S": 1, "-T59S": 59, "-T1M": 60, "-T59M": 3_540, "-T1H": 3_600, "-T48H": 172_800}


def split(made, *parts):
    """What is left of an input after the parts that it must begin with."""
    for part in parts:
        assert made.startswith(part)
        made = made[len(part) :]
    return made


def refused(text):
    with pytest.raises(InvalidRequest) as refusal:
        parse(text)
    assert refusal.value.pointer == "$.suite"
    return refusal.value.detail


@pytest.mark.parametrize("hash_", HASHES)
def test_a_suite_is_read_part_by_part(hash_):
    for digits, counter, (pin, session), (step, seconds) in itertools.product(
        (4, 6, 10), ("", "C-"), (("", 0), ("-PSHA1", 1), ("-PSHA512", 999)), STEPS.items()
    ):
        text = f"OCRA-1:HOTP-{hash_}-{digits}:{counter}QA10{pin}"
        text += f"-S{session:03}{step}" if session else step
        assert parse(text) == Suite(
            text=text, hash=Hash(hash_), digits=digits, counter=bool(counter), question="A",
            question_length=10, pin=Hash(pin[2:]) if pin else None, session=session,
            step_seconds=seconds,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "three parts"),
        ("OCRA-1:HOTP-SHA1-6", "three parts"),
        ("OCRA-1:HOTP-SHA1-6:QN08:", "three parts"),
        ("OCRA-1:HOTP-SHA1-6:QN08" + "-" * 200, "three parts"),
        ("ocra-1:HOTP-SHA1-6:QN08", "OCRA-1"),
        ("OCRA-1:HOTP-SHA1-0:QN08", "4 to 10 digits"),
        ("OCRA-1:HOTP-SHA1-06:QN08", "4 to 10 digits"),
        ("OCRA-1:HOTP-SHA1-\u0666:QN08", "4 to 10 digits"),
        ("OCRA-1:HOTP-MD5-6:QN08", "HOTP-SHA512"),
        ("OCRA-1:HOTP-SHA1-6:QN08\n", "in this order"),
        ("OCRA-1:HOTP-SHA1-6:QN08-C", "in this order"),
        ("OCRA-1:HOTP-SHA1-6:QN08-T1M-S064", "in this order"),
        ("OCRA-1:HOTP-SHA1-6:QN08-T01M", "in this order"),
        ("OCRA-1:HOTP-SHA1-6:QN08-S64", "in this order"),
        ("OCRA-1:HOTP-SHA1-6:QN03", "04 to 64"),
        ("OCRA-1:HOTP-SHA1-6:QN65", "04 to 64"),
        ("OCRA-1:HOTP-SHA1-6:QN08-S000", "001 to 999"),
        ("OCRA-1:HOTP-SHA1-6:QN08-T0S", "1 to 59"),
        ("OCRA-1:HOTP-SHA1-6:QN08-T0H", "1 to 48"),
        ("OCRA-1:HOTP-SHA1-6:QN08-T49H", "1 to 48"),
    ],
)
def test_of_what_is_no_suite_the_part_is_named_that_is_wrong(text, says):
    assert says in refused(text)


def test_the_input_is_the_suite_and_what_it_asks_for_in_order():
    suite = parse("OCRA-1:HOTP-SHA256-8:C-QA08-PSHA256-S004-T1M")
    made = data_input(
        suite,
        OCRAInputs(counter=2**64 - 1, question="abcD", pin=b"p" * 32, session=b"se", time=258),
    )
    rest = split(made, suite.text.encode(), b"\0", b"\xff" * 8, b"abcD".ljust(128, b"\0"))

    assert rest == b"p" * 32 + b"\0\0se" + (258).to_bytes(8, "big")


def test_what_the_suite_does_not_ask_for_is_not_in_the_input():
    suite = parse("OCRA-1:HOTP-SHA1-6:QN08")
    plain = data_input(suite, OCRAInputs(question="1"))

    assert data_input(suite, OCRAInputs(question="1", counter=5, time=7)) == plain
    assert len(plain) == len(suite.text) + 1 + 128


@pytest.mark.parametrize(
    ("kind", "question", "begins"),
    [
        ("N", "00000000", "00"),
        ("N", "00000001", "10"),
        ("N", "12345678", "bc614e"),
        ("N", "9" * 16, "2386f26fc0ffff"),
        ("H", "0a0B", "0a0b"),
        ("H", "abc", "abc0"),
        ("A", "Zz09", "5a7a3039"),
    ],
)
def test_a_question_is_filled_on_its_right(kind, question, begins):
    suite = parse(f"OCRA-1:HOTP-SHA1-6:Q{kind}08")
    made = data_input(suite, OCRAInputs(question=question))

    assert split(made, suite.text.encode(), b"\0") == bytes.fromhex(begins.ljust(256, "0"))


@pytest.mark.parametrize("kind", "ANH")
def test_both_sides_longest_questions_fit(kind):
    """In mutual mode they are joined (RFC 6287, 7.2)."""
    suite = parse(f"OCRA-1:HOTP-SHA1-6:Q{kind}64")

    made = data_input(suite, OCRAInputs(question="9" * 128))
    assert len(made) == len(suite.text) + 1 + 128
    with pytest.raises(InvalidRequest):
        data_input(suite, OCRAInputs(question="9" * 129))


@pytest.mark.parametrize(
    ("kind", "question"),
    [
        ("N", ""), ("N", "12a"), ("N", "-1"), ("N", "\u0661"), ("N", "1\n"), ("N", "1" * 17),
        ("H", "0g"), ("H", "0x1"), ("A", "a b"), ("A", "\u00e9"), ("A", "a\0"),
    ],
)  # fmt: skip
def test_a_question_of_another_format_is_refused(kind, question):
    with pytest.raises(InvalidRequest) as refusal:
        data_input(parse(f"OCRA-1:HOTP-SHA1-6:Q{kind}08"), OCRAInputs(question=question))
    assert refusal.value.pointer == "$.question"


@pytest.mark.parametrize(
    ("what", "pointer"),
    [
        ({"pin": b""}, "$.pin"),
        ({"pin": b"1234"}, "$.pin"),
        ({"pin": bytes(32)}, "$.pin"),
        ({"session": bytes(5)}, "$.session"),
        ({"counter": -1}, ""),
        ({"counter": 2**64}, ""),
        ({"time": -1}, ""),
        ({"time": 2**64}, ""),
    ],
)
def test_what_does_not_fit_the_suite_is_refused(what, pointer):
    suite = parse("OCRA-1:HOTP-SHA1-6:C-QN08-PSHA1-S004-T1M")
    fits = {"question": "1", "pin": bytes(20), "session": b""}

    assert data_input(suite, OCRAInputs(**fits))
    with pytest.raises(InvalidRequest) as refusal:
        data_input(suite, OCRAInputs(**(fits | what)))
    assert refusal.value.pointer == pointer


@pytest.mark.parametrize("hash_", HASHES)
def test_a_pin_or_a_session_that_the_suite_does_not_have_is_refused(hash_):
    suite = parse(f"OCRA-1:HOTP-{hash_}-6:QN08")

    for what in ({"pin": bytes(20)}, {"session": b"\0"}):
        with pytest.raises(InvalidRequest):
            data_input(suite, OCRAInputs(question="1", **what))
