"""`strongroom audit receipt`, `key`, `checkpoint` and `tile`; verified by `strongroom-verify`."""

import base64
import json
import os
import stat

import pytest

from strongroom.client import proofs
from strongroom.client.problems import ProblemError
from strongroom.domain.evidence import Receipt
from strongroom.tlog import receipts, tiles
from strongroom.tlog.merkle import leaf_hash
from strongroom.verify.program import main as verify


@pytest.fixture
def keys(cli, tmp_path):
    """A file of the log's keys."""
    path = tmp_path / "keys"
    cli.does("audit", "key", "--out", path)
    return path


@pytest.fixture
def auditor(cli, monkeypatch):
    """The options with which an auditor asks."""
    cli.does("principal", "create", "auditor", "--role", "auditor")
    made = json.loads(cli.does("token", "create", "auditor", "-o", "json"))
    monkeypatch.setenv("AUDITOR", made["token"])
    return ["--token-from", "AUDITOR"]


def refused(cli):
    return cli.app("key", "disable", "demo").err.split("strongroom why ")[1].strip()


def test_a_receipt_is_verified_without_the_server(cli, tmp_path, keys, capsys):
    request = refused(cli)
    path = tmp_path / "receipt"
    result = cli.app("audit", "receipt", request, "--out", path)
    assert (result.code, result.out) == (0, "")
    assert "is in the log strongroom/" in result.err
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert verify(["receipt", str(path), "--key", str(keys), "--entry"]) == 0
    said = capsys.readouterr().out
    assert request in said
    changed = path.read_bytes().replace(b"extra ey", b"extra ez")
    path.write_bytes(changed)
    assert verify(["receipt", str(path), "--key", str(keys)]) == 1


def test_a_receipt_goes_to_standard_output_as_it_is(cli):
    request = refused(cli)
    out = cli.does("audit", "receipt", request)
    receipt = receipts.parse(out.encode())
    assert json.loads(receipt.extra)["request"] == request
    said = json.loads(cli.does("audit", "receipt", request, "-o", "json"))
    assert said["entry"]["request"] == request
    assert said["index"] == receipt.index


def test_a_file_that_is_there_is_not_touched(cli, tmp_path):
    request = refused(cli)
    path = tmp_path / "receipt"
    path.write_text("mine")
    for words in (["receipt", request], ["key"], ["checkpoint"], ["tile", "0/000.p/1"]):
        assert cli("audit", *words, "--out", path).code == 6
        assert path.read_text() == "mine"
    cli.does("audit", "receipt", request, "--out", path, "--force")
    assert path.read_text().startswith("c2sp.org/tlog-proof@v1\n")


def test_a_receipt_of_others_is_not_found(cli):
    cli.does("whoami")
    (event,) = json.loads(
        "[" + cli.does("audit", "list", "--action", "identity.read", "-o", "json") + "]"
    )
    assert cli("audit", "receipt", event["request"]).code == 0
    for words in ([event["request"]], ["0" * 32]):
        result = cli.app("audit", "receipt", *words)
        assert (result.code, result.out) == (5, "")


class Answers:
    """A client that is answered so."""

    def __init__(self, raw):
        self.raw = raw

    def send(self, call):
        assert call.operation == "receipt.read"
        return Receipt(self.raw)


@pytest.mark.parametrize(
    "change",
    [
        lambda receipt, other: other,
        lambda receipt, other: b"",
        lambda receipt, other: receipt[:-1],
        lambda receipt, other: receipt.replace(b"index ", b"index 1"),
        lambda receipt, other: receipt.replace(
            receipt.split(b"\n")[3], base64.b64encode(bytes(32))
        ),
        lambda receipt, other: receipt.replace(receipt.split(b"\n")[1], other.split(b"\n")[1]),
        lambda receipt, other: receipt.replace(receipt.split(b"\n")[1], b"extra bnVsbA=="),
        lambda receipt, other: receipt.replace(receipt.split(b"\n")[1] + b"\n", b""),
    ],
)
def test_what_is_no_receipt_of_the_request_is_not_taken_for_one(cli, change):
    request, another = refused(cli), refused(cli)
    receipt = cli.does("audit", "receipt", request).encode()
    other = cli.does("audit", "receipt", another).encode()
    assert proofs.checked(receipt, request).index
    with pytest.raises(ProblemError) as caught:
        proofs.checked(change(receipt, other), request)
    assert caught.value.code == "unexpected-answer"
    assert caught.value.request_id == request


def test_the_keys_are_one_a_line(cli, server, keys):
    lines = keys.read_text().splitlines()
    assert lines == list(server.vkeys)
    assert cli.app("audit", "key").out.splitlines() == lines
    said = json.loads(cli.does("audit", "key", "-o", "json"))
    assert said["keys"] == lines
    assert all(line.startswith(said["origin"] + "+") for line in lines)


def test_a_checkpoint_is_what_the_log_has_signed(cli, tmp_path, keys, auditor):
    path = tmp_path / "checkpoint"
    result = cli("audit", "checkpoint", "--out", path, *auditor)
    assert "entries of strongroom/" in result.err
    assert path.read_text().startswith("strongroom/")
    said = json.loads(cli.does("audit", "checkpoint", "-o", "json"))
    assert said["size"] > 1
    assert cli.app("audit", "checkpoint").code == 4


def test_a_server_is_verified_against_a_kept_checkpoint(
    cli, server, tmp_path, keys, auditor, capsys, monkeypatch
):
    path = tmp_path / "checkpoint"
    cli.does("audit", "checkpoint", "--out", path)
    cli.does("key", "create", "k")
    monkeypatch.setenv("STRONGROOM_TOKEN", os.environ["AUDITOR"])
    words = ["server", server.url, "--key", str(keys), "--from", str(path), "--entries"]
    assert verify(words) == 0, capsys.readouterr()
    capsys.readouterr()
    # A log that had been longer is found out.
    assert verify([*words[:2], "--key", server.vkeys[0].replace("+", "x+", 1)]) != 0


def test_a_tile_is_bytes(cli, tmp_path, auditor):
    cli.does("whoami")
    path = tmp_path / "tile"
    cli.does("audit", "tile", "0/000.p/2", "--out", path, *auditor)
    leaves = path.read_bytes()
    cli.does("audit", "tile", "tile/entries/000.p/2", "--out", path, "--force", *auditor)
    entries = tiles.unbundle(path.read_bytes(), 2)
    assert [leaf_hash(entry) for entry in entries] == [leaves[:32], leaves[32:]]
    ran = cli.process("audit", "tile", "0/000.p/2", *auditor)
    assert ran.stdout == leaves


@pytest.mark.parametrize(
    "path", ["", "x", "0/0", "entries", "0/000.p/256", "../v1/whoami", "9" * 99]
)
def test_what_is_no_path_of_a_tile_is_not_asked_for(cli, server, path):
    asked = len(server.asked)
    result = cli("audit", "tile", path)
    assert (result.code, result.out) == (2, "")
    assert len(server.asked) == asked


def test_tiles_beyond_the_log_and_entries_for_others_are_refused(cli, auditor):
    assert cli("audit", "tile", "0/x001/000", *auditor).code == 5
    assert cli("audit", "tile", "entries/000.p/1").code == 4
    assert cli.app("audit", "tile", "0/000.p/1").code == 4
