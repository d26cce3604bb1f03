"""Notes: one spelling, bounds, and what a signature is worth."""

import pytest

from strongroom.tlog import keys, notes
from strongroom.tlog.errors import NoteError
from strongroom.tlog.notes import NOTE_BYTES_MAX, SIGNATURES_MAX, Note, Signature
from tests.support.logs import refused

ALICE = keys.NoteSigner("alice.example", b"a" * 32)
BOB = keys.NoteSigner("bob.example", b"b" * 32)
ALICE_KEY = keys.verifier(ALICE.vkey)
BOB_KEY = keys.verifier(BOB.vkey)
TEXT = "text\n\nof three lines, one of them empty\n"
NOTE = notes.sign(TEXT, [ALICE])
RAW = NOTE.to_bytes()
LINE = str(NOTE.signatures[0])
STRANGER = Signature("stranger.example", b"idid", b"whatever")


def test_a_note_is_read_as_it_is_printed():
    assert notes.parse(RAW) == NOTE
    assert f"{TEXT}\n{LINE}".encode() == RAW
    assert LINE.startswith("\u2014 alice.example ")
    assert notes.parse_signatures(LINE) == NOTE.signatures


@pytest.mark.parametrize("text", ["\n", "\n\n", "a\n\n\n", "\u2014 a AAAA\n", "\u2028\u0085\x7f\n"])
def test_texts_of_any_lines_are_read_as_they_are_printed(text):
    note = notes.sign(text, [ALICE])
    assert notes.parse(note.to_bytes()) == note
    assert note.signed_by(ALICE_KEY)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"\n\n",
        TEXT.encode(),
        TEXT.encode() + b"\n",
        LINE.encode(),
        b"text\n" + LINE.encode(),
        RAW[:-1],
        RAW + b"\n",
        RAW + b" ",
        RAW + b"x\n",
        RAW.replace(b"text", b"te\rt"),
        RAW.replace(b"text", b"te\0t"),
        RAW.replace(b"text", b"te\tt"),
        RAW.replace(b"text", b"te\xfft"),
        RAW.replace(b"text", b"\xed\xa0\x80"),  # half a surrogate pair
        RAW.replace(b"\n\n\xe2", b"\r\n\r\n\xe2"),
        RAW.replace("\u2014".encode(), b"-"),
        RAW.replace("\u2014 ".encode(), b""),
        RAW.replace("\u2014 ".encode(), "\u2014".encode()),
        RAW.replace("\u2014 ".encode(), "\u2014  ".encode()),
        RAW.replace(b"alice.example ", b"alice.example  "),
        RAW.replace(b"alice.example ", b""),
        RAW.replace(b"alice.example", b"alice+example"),
        RAW.replace(b"alice.example", "alice\u00a0example".encode()),
        RAW[:-2] + b"\n",
        RAW[:-1] + b"=\n",
        RAW[:-1] + b" x\n",
    ],
)
def test_what_is_no_note_is_refused(raw):
    assert raw != RAW
    with pytest.raises(NoteError):
        notes.parse(raw)


def test_bits_that_pad_base_64_must_be_zero():
    """Go's note package reads it; then one note would have several spellings."""
    line = "\u2014 a AAAAAAA=\n"
    assert str(notes.parse_signatures(line)[0]) == line
    with refused(NoteError, "a signature is malformed"):
        notes.parse_signatures(line.replace("AAA=", "AAB="))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("", "this is not from 1 to 32 signatures"),
        ("\u2014 a AAAAAAA=", "this is not from 1 to 32 signatures"),
        ("\n", "a signature is malformed"),
        ("\u2014 a AAAAAAA=\n\n", "a signature is malformed"),
        ("a AAAAAAA=\n", "a signature is malformed"),
        ("\u2014 a\n", "a signature is malformed"),
        ("\u2014 a A A\n", "a signature is malformed"),
        ("\u2014 a AAAAAAA\n", "a signature is malformed"),
        ("\u2014  AAAAAAA=\n", "a signature is not of a key's name"),
        ("\u2014 a+b AAAAAAA=\n", "a signature is not of a key's name"),
        ("\u2014 a\u2003b AAAAAAA=\n", "a signature is not of a key's name"),
        ("\u2014 a \n", "a signature is too short"),
        ("\u2014 a AAAA\n", "a signature is too short"),
        ("\u2014 a AAAAAA==\n", "a signature is too short"),
    ],
)
def test_lines_that_are_no_signature_are_refused(line, sentence):
    with refused(NoteError, sentence):
        notes.parse_signatures(line)


def test_what_is_wrong_is_said():
    for raw in (b"\xff", TEXT.encode() + LINE.encode(), b"x" + b"\n\n"):
        with pytest.raises(NoteError):
            notes.parse(raw)
    with refused(NoteError, "this is not a note"):
        notes.parse(b"\xff" + RAW)
    with refused(NoteError, "this is not a note"):
        notes.parse(LINE.encode())
    with refused(NoteError, "a note's text is not lines"):
        Note("no end", (STRANGER,))
    with refused(NoteError, "a note's text is not lines"):
        Note("", (STRANGER,))
    with refused(NoteError, "a note's text is not lines"):
        Note("a\x1f\n", (STRANGER,))
    with refused(NoteError, "a note's text is not text"):
        Note("\ud800\n", (STRANGER,))


def test_a_space_is_no_control_character():
    assert Note(" \n", (STRANGER,)).text == " \n"


def test_there_are_bounds():
    signatures = [Signature("a", b"idid", bytes([i])) for i in range(1, SIGNATURES_MAX + 2)]
    most = Note(TEXT, tuple(signatures[:-1]))
    assert notes.parse(most.to_bytes()) == most
    assert len(notes.parse_signatures("".join(map(str, signatures[:-1])))) == SIGNATURES_MAX
    with refused(NoteError, "a note has from 1 to 32 signatures"):
        Note(TEXT, tuple(signatures))
    with refused(NoteError, "a note has from 1 to 32 signatures"):
        Note(TEXT, ())
    for parse in (notes.parse_signatures, lambda text: notes.parse(f"{TEXT}\n{text}".encode())):
        with refused(NoteError, "this is not from 1 to 32 signatures"):
            parse("".join(map(str, signatures)))


def test_a_note_has_a_greatest_length():
    rest = NOTE_BYTES_MAX - len(f"\n\n{STRANGER}".encode())
    longest = Note("\u00fc" * (rest // 2) + "x" * (rest % 2) + "\n", (STRANGER,))
    raw = longest.to_bytes()
    assert len(raw) == NOTE_BYTES_MAX
    assert notes.parse(raw) == longest
    sentence = f"a note is longer than {NOTE_BYTES_MAX} bytes"
    with refused(NoteError, sentence):
        Note("x" + longest.text, (STRANGER,))
    # Before anything is looked at.
    with refused(NoteError, sentence):
        notes.parse(b"\xff" * (NOTE_BYTES_MAX + 1))


def test_a_signature_counts_for_the_key_that_made_it_and_no_other():
    assert NOTE.signed_by(ALICE_KEY)
    assert not NOTE.signed_by(BOB_KEY)
    notes.check(NOTE, ALICE_KEY)
    with refused(NoteError, "bob.example has not signed this"):
        notes.check(NOTE, BOB_KEY)
    both = notes.sign(TEXT, [ALICE, BOB])
    assert both.signed_by(ALICE_KEY)
    assert both.signed_by(BOB_KEY)


def test_a_wrong_signature_of_a_known_key_makes_the_note_worthless():
    forged = Note(TEXT.replace("three", "two"), NOTE.signatures)
    with refused(NoteError, "the signature of alice.example is not valid"):
        forged.signed_by(ALICE_KEY)
    # Even beside a right one, on either side.
    wrong = Signature("alice.example", ALICE.vkey.key_id, b"x" * 64)
    for signatures in ((wrong, *NOTE.signatures), (*NOTE.signatures, wrong)):
        with refused(NoteError, "the signature of alice.example is not valid"):
            notes.check(Note(TEXT, signatures), ALICE_KEY)


def test_signatures_of_unknown_keys_mean_nothing():
    """Though they share a name or an id, not both, with a known key."""
    blob = NOTE.signatures[0].blob
    for name, key_id in [("alice.example", b"idid"), ("other.example", ALICE.vkey.key_id)]:
        stranger = Signature(name, key_id, blob)
        assert not Note(TEXT, (stranger,)).signed_by(ALICE_KEY)
        assert Note(TEXT, (stranger, *NOTE.signatures)).signed_by(ALICE_KEY)


def test_signatures_are_added_once():
    more = notes.signature(TEXT, BOB)
    joined = NOTE.joined([more, *NOTE.signatures, STRANGER, more])
    assert joined.signatures == (*NOTE.signatures, more, STRANGER)
    assert joined.joined([]) == joined
    assert joined.text == TEXT


@pytest.mark.parametrize("key_id", [b"", b"idi", b"ididi"])
def test_a_key_id_has_four_bytes(key_id):
    with refused(NoteError, "a signature is too short"):
        Signature("a", key_id, b"blob")
