"""Checkpoints' texts."""

import pytest

from strongroom.tlog import checkpoints, keys, notes
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.errors import CheckpointError, NoteError
from strongroom.tlog.merkle import EMPTY_ROOT
from strongroom.tlog.spelling import SIZE_MAX
from tests.support.logs import refused

ROOT = bytes(range(32))
TEXT = "example.com/log\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
MALFORMED = "this is not a checkpoint"


def test_a_checkpoint_is_read_as_it_is_printed():
    assert checkpoints.parse(TEXT) == Checkpoint("example.com/log", 7, ROOT)
    assert Checkpoint("example.com/log", 7, ROOT).text == TEXT


@pytest.mark.parametrize(
    "checkpoint",
    [
        Checkpoint("a", 0, EMPTY_ROOT),
        Checkpoint("go.sum database tree", 1, EMPTY_ROOT),
        Checkpoint("\u00fc" * 127 + "x", SIZE_MAX, ROOT, ("more", " ", "\u2028")),
    ],
)
def test_any_checkpoint_is_read_as_it_is_printed(checkpoint):
    assert checkpoints.parse(checkpoint.text) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n\n",
        TEXT[:-1],
        TEXT + "\n",
        TEXT + "no end",
        TEXT + "\n\n",
        TEXT + "a\n\nb\n",
        "\n" + TEXT,
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\n7", "\n07"),
        TEXT.replace("\n7", "\n-7"),
        TEXT.replace("\n7", "\n 7"),
        TEXT.replace("\n7", f"\n{SIZE_MAX + 1}"),
        TEXT.replace("\n7", "\n0"),
        TEXT.replace("7\n", ""),
        TEXT.replace("8=", "9="),
        TEXT.replace("8=", "8"),
        TEXT.replace("Hh8=", ""),
        TEXT.replace("example", "\0"),
        TEXT + "x\ty\n",
        TEXT + "x" * 17_000 + "\n",
        "x" * 256 + TEXT,
    ],
)
def test_what_is_no_checkpoint_is_refused(text):
    with pytest.raises(CheckpointError):
        checkpoints.parse(text)


def test_what_is_wrong_is_said():
    for text in ("", TEXT.replace("\n7", "\n07"), TEXT + "no end", "x" * 20_000):
        with refused(CheckpointError, MALFORMED):
            checkpoints.parse(text)
    empty = "a checkpoint has a line that is empty or no text"
    for origin, extensions in [("", ()), ("a\n", ()), ("\ud800", ()), ("a", ("b", ""))]:
        with refused(CheckpointError, empty):
            Checkpoint(origin, 7, ROOT, extensions)
    with refused(CheckpointError, "an origin is longer than 255 bytes"):
        Checkpoint("\u00fc" * 128, 7, ROOT)
    for size in (-1, SIZE_MAX + 1):
        with refused(CheckpointError, "a checkpoint's size is out of range"):
            Checkpoint("a", size, ROOT)
    for root in (b"", ROOT[:-1], ROOT + b"\0"):
        with refused(CheckpointError, "a checkpoint's root is not a hash"):
            Checkpoint("a", 7, root)
    with refused(CheckpointError, "the root of an empty tree is another"):
        Checkpoint("a", 0, ROOT)


def test_a_text_has_a_greatest_length():
    filler = "x" * (checkpoints.TEXT_CHARACTERS_MAX - len(TEXT) - 1)
    assert checkpoints.parse(TEXT + filler + "\n").extensions == (filler,)
    with refused(CheckpointError, MALFORMED):
        checkpoints.parse(TEXT + filler + "x\n")


def test_what_a_note_states_is_read_whoever_signed_it():
    stated = Checkpoint("log.example/audit", 3, ROOT)
    signer = keys.NoteSigner("somebody.example", b"s" * 32)
    raw = notes.sign(stated.text, [signer]).to_bytes()
    assert checkpoints.stated(raw) == stated
    with refused(NoteError, "this is not from 1 to 32 signatures"):
        checkpoints.stated(raw + b"\n")
    with refused(CheckpointError, MALFORMED):
        checkpoints.stated(notes.sign("any text\n", [signer]).to_bytes())
