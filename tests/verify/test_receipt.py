"""A receipt proves that one entry is in the log, or nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.tlog import merkle, notes, receipts
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.keys import verifier
from strongroom.tlog.policies import Policy
from strongroom.verify import receipt as checking
from strongroom.verify.program import main
from strongroom.verify.verdicts import Wrong
from tests.support import auditing
from tests.support.auditing import ORIGIN, cosigner, log_signer, vkey
from tests.support.logs import Log

KEY = vkey(log_signer())
LOG = Log([b'{"action":"key.encrypt","seq":%d}' % i for i in range(40)])


def made(index=5, size=40, extra=None, signers=None, log=LOG):
    checkpoint = Checkpoint(ORIGIN, size, log.root(size))
    note = notes.sign(checkpoint.text, signers or [log_signer()])
    proof = tuple(log.inclusion(index, size))
    return receipts.Receipt(index, proof, note, extra or log.entries[index]).to_bytes()


@pytest.fixture
def check(tmp_path, capsys):
    def run(raw, *more):
        path = tmp_path / "it.tlog-proof"
        path.write_bytes(raw)
        code = main(["receipt", str(path), "--key", KEY, *map(str, more)])
        said = capsys.readouterr()
        return code, (said.err or said.out).replace(str(tmp_path) + "/", "")

    return run


def test_a_receipt_proves_that_an_entry_is_in_the_log(check):
    said = f"Entry 5 is in the log {ORIGIN}, by its signed checkpoint of 40 entries.\n"
    assert check(made()) == (0, said)


def test_the_entry_is_shown_when_asked_for(check):
    assert check(made(), "--entry")[1].splitlines()[1] == LOG.entries[5].decode()


@pytest.mark.parametrize("size", [1, 2, 3, 31, 32, 33, 40])
def test_every_entry_has_a_receipt(check, size):
    for index in {0, size // 2, size - 1}:
        assert check(made(index, size))[0] == 0


def test_an_entry_that_is_another_is_found(check):
    assert check(made(extra=LOG.entries[6])) == (
        1,
        (
            "WRONG: it.tlog-proof proves nothing:"
            " entry 5 is not in the tree of 40 entries with that root.\n"
        ),
    )


def test_an_entry_that_would_act_on_the_terminal_is_shown_as_text(check):
    log = Log([b'{"a":"\xc2\x9b2J\xe2\x80\xae\x1b]0;x\x07\xff"}'])
    code, said = check(made(0, 1, log=log), "--entry")
    assert code == 0
    assert said.replace("\n", "").isprintable()


def test_a_receipt_without_an_entry_cannot_be_checked(check, log_vectors):
    code, said = check(log_vectors["tlog_proofs"][0]["proof"].encode())
    assert code == 2
    assert "does not hold the entry" in said


def test_the_receipts_of_the_vectors(check, log_vectors):
    """They come without entries, which are put in as our receipts have them."""
    for vector in log_vectors["tlog_proofs"]:
        bare = receipts.parse(vector["proof"].encode())
        index = vector["index"]
        ours = receipts.Receipt(
            index, bare.hashes, bare.checkpoint, auditing.vector_entry(index)
        ).to_bytes()
        assert check(ours, "--witness", log_vectors["witness_vkey"])[0] == 0
        other = receipts.Receipt(
            index, bare.hashes, bare.checkpoint, auditing.vector_entry(index + 1)
        ).to_bytes()
        assert check(other)[0] == 1


def test_a_checkpoint_that_somebody_else_signed_proves_nothing(check):
    code, said = check(made(signers=[log_signer("somebody")]))
    assert (code, "has not signed" in said) == (1, True)


def test_witnesses_are_asked_for(check):
    one, other = cosigner(), cosigner("2", "witness.example/w2")
    raw = made(signers=[log_signer(), one])
    assert check(raw, "--witness", vkey(one))[0] == 0
    assert check(raw, "--witness", vkey(other))[0] == 1
    assert check(raw, "--witness", vkey(one), "--witness", vkey(other))[0] == 1
    assert check(raw, "--witness", vkey(one), "--witness", vkey(other), "--witnesses", 1)[0] == 0


@pytest.mark.parametrize("raw", [b"", b"\0", b"hello\n", b"c2sp.org/tlog-proof@v1\n", b"\xff" * 99])
def test_what_is_no_receipt_is_said(check, raw):
    assert check(raw)[0] == 1


def test_what_is_too_long_is_not_read(check):
    code, said = check(b"x" * (receipts.RECEIPT_BYTES_MAX + 1))
    assert code == 2
    assert "longer than" in said


def test_every_byte_of_a_receipt_counts(tmp_path):
    raw = made()
    policy = Policy((verifier(log_signer().vkey),))
    path = tmp_path / "receipt"
    for at in range(len(raw)):
        altered = bytearray(raw)
        altered[at] ^= 1
        path.write_bytes(altered)
        with pytest.raises(Wrong):
            checking.check(path, policy)


@settings(max_examples=60, deadline=None)
@given(raw=st.binary(max_size=300), at=st.integers(0, 900), keep=st.integers(0, 900))
def test_whatever_is_given_is_answered_without_a_trace(tmp_path_factory, raw, at, keep):
    whole = made()
    path = tmp_path_factory.mktemp("any") / "receipt"
    altered = whole[:at] + raw + whole[keep:]
    path.write_bytes(altered)
    assert main(["receipt", str(path), "--key", KEY]) == (0 if altered == whole else 1)


def test_an_empty_entry_cannot_be_taken_for_a_tree_of_it():
    assert merkle.leaf_hash(b"") != merkle.EMPTY_ROOT
