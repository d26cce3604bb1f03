"""One value has one spelling."""

import pytest

from strongroom.tlog import spelling

NUMBERS = [
    "", "-1", "-0", "+1", "01", "00", "1_0", " 1", "1 ", "1\n", "1.0", "1e3", "0x1", "\u0661",
    "\uff11", str(2**63), str(2**64), "1" * 20, "1" * 5000,
]  # fmt: skip
BYTES = [
    "A", "AA", "AA=", "AB==", "AAB=", "AA==\n", " AA==", "A A==", "AA==AA==", "AA==x", "=", "AA===",
    "-_8=", "AAA", "\u00e9AA=", "AAAA\r", "AAAA=",
]  # fmt: skip


@pytest.mark.parametrize("value", [0, 1, 9, 10, 2**31, 2**63 - 1])
def test_numbers_are_read_as_they_are_printed(value):
    assert spelling.number(str(value)) == value


@pytest.mark.parametrize("text", NUMBERS)
def test_other_spellings_of_numbers_are_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - of whatever kind: the parsers say what it is
        spelling.number(text)


@pytest.mark.parametrize(("raw", "text"), [(b"", ""), (b"\0", "AA=="), (b"\xfb\xff", "+/8=")])
def test_bytes_are_read_as_they_are_printed(raw, text):
    assert spelling.base64(raw) == text
    assert spelling.unbase64(text) == raw


@pytest.mark.parametrize("text", BYTES)
def test_other_spellings_of_bytes_are_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - as above
        spelling.unbase64(text)


@pytest.mark.parametrize("text", ["", "\0", "a\rb", "a\n", "\x1f", "\ud800"])
def test_what_is_not_one_line_of_text_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - as above
        spelling.line(text)
    with pytest.raises(ValueError):  # noqa: PT011 - as above
        spelling.name(text)


@pytest.mark.parametrize("text", ["a b", "a+b", "a\u00a0b", "\u2028", "a\u3000", "\u0085"])
def test_a_line_that_is_no_name_is_refused_as_one(text):
    assert spelling.line(text) == text
    with pytest.raises(ValueError, match="not a key's name"):
        spelling.name(text)


@pytest.mark.parametrize("text", ["a", "example.com/log", "\u00fc", "~", "!"])
def test_names(text):
    assert spelling.name(text) == text


def test_why_a_spelling_is_refused():
    for function, text, words in [
        (spelling.number, "01", "not a number in its one spelling"),
        (spelling.unbase64, "AA==\n", "not base 64 in its one spelling"),
        (spelling.line, "", "not a line"),
        (spelling.name, "a+", "not a key's name"),
    ]:
        with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the words are compared
            function(text)
        assert str(refusal.value) == words
