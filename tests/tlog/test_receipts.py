"""Receipts: one spelling, bounds, and what they prove."""

import pytest

from strongroom.tlog import keys, notes, receipts
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.errors import (
    CheckpointError,
    NoteError,
    PolicyError,
    ProofError,
    ReceiptError,
    TlogError,
)
from strongroom.tlog.notes import NOTE_BYTES_MAX, SIGNATURES_MAX, Signature
from strongroom.tlog.policies import Policy
from strongroom.tlog.receipts import EXTRA_BYTES_MAX, RECEIPT_BYTES_MAX, Receipt
from strongroom.tlog.spelling import SIZE_MAX
from strongroom.tlog.vkeys import Algorithm
from tests.support.logs import numbered, refused

LOG = numbered(7)
SIGNER = keys.NoteSigner("log.example", b"l" * 32)
POLICY = Policy((keys.verifier(SIGNER.vkey),))
CHECKPOINT = Checkpoint("log.example", 7, LOG.root(7))
NOTE = notes.sign(CHECKPOINT.text, [SIGNER])
RECEIPT = Receipt(2, tuple(LOG.inclusion(2, 7)), NOTE, LOG.entries[2])
RAW = RECEIPT.to_bytes()
MALFORMED = "this is not a receipt"


def test_a_receipt_is_read_as_it_is_printed():
    head, checkpoint = RAW.split(b"\n\n", 1)
    lines = head.split(b"\n")
    assert lines[:3] == [b"c2sp.org/tlog-proof@v1", b"extra ZW50cnkgMg==", b"index 2"]
    assert len(lines) == 6
    assert checkpoint == NOTE.to_bytes()
    assert receipts.parse(RAW) == RECEIPT


@pytest.mark.parametrize(
    "receipt",
    [
        Receipt(0, (), NOTE),
        Receipt(0, (), NOTE, b"x"),
        Receipt(SIZE_MAX - 1, (b"h" * 32,) * 63, NOTE),
        Receipt(5, (b"h" * 32,) * 63, NOTE, b"x" * EXTRA_BYTES_MAX),
        Receipt(5, (), notes.sign(CHECKPOINT.text + "more\n", [SIGNER]), b"\n\n"),
    ],
)
def test_any_receipt_is_read_as_it_is_printed(receipt):
    assert receipts.parse(receipt.to_bytes()) == receipt


def test_a_receipt_proves_that_the_entry_is_in_the_log():
    assert RECEIPT.verify(LOG.leaves[2], POLICY) == CHECKPOINT
    with refused(ProofError, "entry 2 is not in the tree of 7 entries with that root"):
        RECEIPT.verify(LOG.leaves[3], POLICY)
    moved = Receipt(3, RECEIPT.hashes, NOTE)
    with refused(ProofError, "entry 3 is not in the tree of 7 entries with that root"):
        moved.verify(LOG.leaves[2], POLICY)
    with refused(ProofError, "there is no entry 7 in a tree of 7 entries"):
        Receipt(7, RECEIPT.hashes, NOTE).verify(LOG.leaves[2], POLICY)


def test_a_receipt_is_worth_what_its_checkpoint_is():
    other = keys.NoteSigner("log.example", b"o" * 32)
    with refused(NoteError, "log.example has not signed this"):
        RECEIPT.verify(LOG.leaves[2], Policy((keys.verifier(other.vkey),)))
    witness = keys.Cosigner("w.example", Algorithm.ED25519_COSIGNATURE, b"w" * 32, lambda: 1)
    strict = Policy(POLICY.log, (keys.verifier(witness.vkey),), 1)
    with refused(PolicyError, "0 witnesses have cosigned this, not 1"):
        RECEIPT.verify(LOG.leaves[2], strict)
    cosigned = NOTE.joined([notes.signature(NOTE.text, witness)])
    assert Receipt(2, RECEIPT.hashes, cosigned).verify(LOG.leaves[2], strict) == CHECKPOINT


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n\n",
        RAW[:-1],
        RAW + b"\n",
        b"\n" + RAW,
        RAW[1:],
        RAW.replace(b"@v1", b"@v2"),
        RAW.replace(b"\n", b"\r\n"),
        RAW.replace(b"extra ", b"extra  "),
        RAW.replace(b"extra ", b"Extra "),
        RAW.replace(b"extra ZW50cnkgMg==", b"extra "),
        RAW.replace(b"extra ZW50cnkgMg==", b"extra"),
        RAW.replace(b"extra ZW50cnkgMg==\n", b"extra ZW50cnkgMg==\n" * 2),
        RAW.replace(b"Mg==", b"Mh=="),
        RAW.replace(b"Mg==", b"Mg="),
        RAW.replace(b"index 2", b"index 02"),
        RAW.replace(b"index 2", b"index -2"),
        RAW.replace(b"index 2", b"index  2"),
        RAW.replace(b"index 2", b"2"),
        RAW.replace(b"index 2", b"index 9223372036854775807"),
        RAW.replace(b"index 2\n", b""),
        RAW.replace(b"index 2\n", b"index 2\n\n"),
        RAW.replace(b"index 2\n", b"index 2\nZW50cnkgMg==\n"),
        RAW.replace(b"index 2\n", b"index 2\n" + b"A" * 43 + b"=\n" + b"\xc3\xa9\n"),
        RAW.replace(b"index 2\n", b"index 2\n" + (b"A" * 43 + b"=\n") * 61),
        RAW.replace(b"extra ZW50cnkgMg==\nindex 2\n", b"index 2\nextra ZW50cnkgMg==\n"),
        RAW.replace("\u2014".encode(), b"-"),
        b"c2sp.org/tlog-proof@v1\n\n" + NOTE.to_bytes(),
        b"c2sp.org/tlog-proof@v1",
        b"c2sp.org/tlog-proof@v1\nextra ZW50cnkgMg==\n\n" + NOTE.to_bytes(),
        RAW.partition(b"\n\n")[0],
    ],
)
def test_what_is_no_receipt_is_refused(raw):
    assert raw != RAW
    with pytest.raises(TlogError) as refusal:
        receipts.parse(raw)
    assert isinstance(refusal.value, ReceiptError | NoteError | CheckpointError)


def test_what_is_wrong_is_said():
    for raw in (b"c2sp.org/tlog-proof@v1\n\n" + NOTE.to_bytes(), b"", RAW.replace(b"@v1", b"@v2")):
        with refused(ReceiptError, MALFORMED):
            receipts.parse(raw)
    with refused(CheckpointError, "this is not a checkpoint"):
        receipts.parse(RAW.replace(b"index 2\n", b"index 2\n\n"))
    for index in (-1, SIZE_MAX):
        with refused(ReceiptError, "a receipt's index is out of range"):
            Receipt(index, (), NOTE)
    for hashes in ((b"h" * 31,), (b"h" * 33,), (b"h" * 32,) * 64):
        with refused(ReceiptError, "a receipt's proof is not one"):
            Receipt(0, hashes, NOTE)
    for extra in (b"", b"x" * (EXTRA_BYTES_MAX + 1)):
        with refused(ReceiptError, "a receipt's extra data are from 1 to 131072 bytes"):
            Receipt(0, (), NOTE, extra)


def test_a_receipt_has_a_greatest_length():
    """Before anything is looked at; and whatever can be made is shorter."""
    sentence = f"a receipt is longer than {RECEIPT_BYTES_MAX} bytes"
    with refused(ReceiptError, sentence):
        receipts.parse(b"\xff" * (RECEIPT_BYTES_MAX + 1))
    with refused(ReceiptError, MALFORMED):
        receipts.parse(b"\xff" * RECEIPT_BYTES_MAX)
    most = (Signature("s", b"idid", b"s" * 6100),) * SIGNATURES_MAX
    note = notes.Note(CHECKPOINT.text, most)
    assert len(note.to_bytes()) > 0.98 * NOTE_BYTES_MAX
    longest = Receipt(SIZE_MAX - 1, (b"h" * 32,) * 63, note, b"x" * EXTRA_BYTES_MAX)
    assert receipts.parse(longest.to_bytes()) == longest
