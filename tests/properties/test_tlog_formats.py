"""Whatever is read was spelt in the one way; whatever is changed in evidence is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.tlog import checkpoints, keys, notes, receipts, tiles, vkeys
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.errors import TlogError
from strongroom.tlog.merkle import leaf_hash
from strongroom.tlog.policies import Policy
from strongroom.tlog.receipts import Receipt
from strongroom.tlog.vkeys import Algorithm
from tests.support.logs import numbered

LOG = numbered(20)
SIGNER = keys.NoteSigner("log.example/1", b"l" * 32)
WITNESS = keys.Cosigner(
    "w.example", Algorithm.ED25519_COSIGNATURE, b"w" * 32, lambda: 1_790_000_000
)
POLICY = Policy((keys.verifier(SIGNER.vkey),), (keys.verifier(WITNESS.vkey),), 1)
NOTE = notes.sign(Checkpoint("log.example/1", 20, LOG.root(20)).text, [SIGNER, WITNESS])
RECEIPT = Receipt(7, tuple(LOG.inclusion(7, 20)), NOTE, LOG.entries[7])
BUNDLE = tiles.bundle(LOG.entries)

# How each is read, how it is printed again, and something to begin with.
FORMATS = {
    "note": (notes.parse, notes.Note.to_bytes, NOTE.to_bytes()),
    "receipt": (receipts.parse, Receipt.to_bytes, RECEIPT.to_bytes()),
    "checkpoint": (
        lambda raw: checkpoints.parse(raw.decode()),
        lambda checkpoint: checkpoint.text.encode(),
        NOTE.text.encode(),
    ),
    "key": (
        lambda raw: vkeys.parse(raw.decode()),
        lambda vkey: str(vkey).encode(),
        str(SIGNER.vkey).encode(),
    ),
    "path": (
        lambda raw: tiles.parse_path(raw.decode()),
        lambda tile: tile.path.encode(),
        b"tile/entries/x001/x234/067.p/17",
    ),
    "bundle": (lambda raw: tiles.unbundle(raw, len(LOG.entries)), tiles.bundle, BUNDLE),
}


@st.composite
def edited(draw, raw):
    """The bytes with a few of them replaced, dropped, put in or repeated."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(raw)))
        end = min(len(raw), start + draw(st.integers(0, 3)))
        instead = draw(
            st.one_of(
                st.binary(max_size=3),
                st.sampled_from([b"\n", b"\n\n", b"\r", b" ", b"+", b"=", b"0", b"\xe2\x80\x94 "]),
                st.just(raw[start : end + 20]),
            )
        )
        raw = raw[:start] + instead + raw[end:]
    return raw


@pytest.mark.parametrize("form", FORMATS)
@given(data=st.data())
def test_what_is_read_is_printed_as_it_was(form, data):
    parse, printed, sample = FORMATS[form]
    assert printed(parse(sample)) == sample
    raw = data.draw(edited(sample))
    try:
        found = parse(raw)
    except (TlogError, UnicodeDecodeError):
        return
    assert printed(found) == raw


@pytest.mark.parametrize("form", FORMATS)
@given(raw=st.binary(max_size=200))
def test_of_anything_at_all_the_same_holds(form, raw):
    parse, printed, _ = FORMATS[form]
    try:
        found = parse(raw)
    except (TlogError, UnicodeDecodeError):
        return
    assert printed(found) == raw


def test_every_byte_of_a_receipt_matters():
    """Each is changed once. With two signatures that must be there, none is idle."""
    raw = RECEIPT.to_bytes()

    def proves(raw):
        receipt = receipts.parse(raw)
        receipt.verify(leaf_hash(receipt.extra or b""), POLICY)

    proves(raw)
    for place in range(len(raw)):
        with pytest.raises(TlogError):
            proves(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
        with pytest.raises(TlogError):
            proves(raw[:place] + raw[place + 1 :])


@given(data=st.data())
def test_an_edited_checkpoint_does_not_count(data):
    raw = data.draw(edited(NOTE.to_bytes()))
    try:
        note = notes.parse(raw)
        POLICY.trusted(note)
    except TlogError:
        return
    # Lines may have been repeated or be of strangers; what was signed is what it was.
    assert note.text == NOTE.text
