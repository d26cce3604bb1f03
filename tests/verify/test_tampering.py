"""Whatever is altered in a log is noticed: by the auditor's program and by Go's verifier.

`make soak` does it with 10,000 entries.
"""

import random

import pytest

from strongroom.tlog import notes
from strongroom.tlog.checkpoints import parse
from tests.support import golang, tampering
from tests.support.auditing import write_folder


def entry(i):
    return b'{"action":"key.encrypt","object":"key/k%d","seq":%d}' % (i % 7, i)


@pytest.fixture(
    scope="module", params=[300, pytest.param(10_000, marks=pytest.mark.soak)], ids="{}".format
)
def log(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("log") / "audit"
    write_folder(folder, map(entry, range(request.param)))
    checkpoint = parse(notes.parse((folder / "checkpoint").read_bytes()).text)
    return tampering.read(folder), checkpoint


def bytes_of(files):
    return sum(map(len, files.values()))


def test_the_auditors_program_notices_everything(log):
    files, checkpoint = log
    tried, missed = tampering.campaign(files, checkpoint)
    assert tried > bytes_of(files)
    assert missed == []


def test_so_does_the_program_as_a_whole(log):
    files, checkpoint = log
    chance = random.Random(4)  # noqa: S311 - the same ones each time
    for path, whole in files.items():
        for what, content in chance.sample([*tampering.alterations(path, whole)], 12):
            assert tampering.whole_program(files, checkpoint, path, content), (path, what)


@pytest.mark.skipif(bool(golang.missing()), reason=golang.missing())
def test_go_notices_everything(log, tmp_path):
    files, checkpoint = log
    with golang.running(tmp_path) as go:
        answer = go.ask("tamper", tiles=files, root=checkpoint.root, size=checkpoint.size)
    assert answer["size"] > bytes_of(files)
    assert "texts" not in answer
