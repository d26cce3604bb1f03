"""The anchor holds files of the length that they can have; what is none is named and refused."""

import os

import pytest

from strongroom.adapters.anchor_directory import CHECKPOINT, AnchorDirectory
from strongroom.tlog import notes


@pytest.fixture
def anchor(tmp_path):
    anchor = AnchorDirectory(tmp_path / "anchor")
    anchor.make()
    return anchor


def said(anchor):
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match=CHECKPOINT) as caught:
        anchor.read()
    assert os.listdir("/proc/self/fd") == before
    assert caught.value.filename == str(anchor.path / CHECKPOINT)
    return caught.value.strerror


def test_what_is_not_there_is_empty(anchor):
    files = anchor.read()
    assert (files.checkpoint, files.destructions, files.fenced) == (b"", b"", "")


def test_all_of_a_file_is_read_up_to_its_bound(anchor):
    content = b"a" * notes.NOTE_BYTES_MAX
    (anchor.path / CHECKPOINT).write_bytes(content)
    assert anchor.read().checkpoint == content
    (anchor.path / CHECKPOINT).write_bytes(content + b"a")
    assert said(anchor) == "it is too long to be what it should be"


def test_what_is_no_file_is_refused(anchor):
    path = anchor.path / CHECKPOINT
    path.mkdir()
    assert said(anchor) == "it is not a file"
    path.rmdir()
    os.mkfifo(path)
    assert said(anchor) == "it is not a file"
    path.unlink()
    path.symlink_to("elsewhere")
    assert "symbolic link" in said(anchor)
