"""What cosigners sign, byte for byte, and keys that sign it."""

import pytest

from strongroom.tlog import cosignatures, keys, notes
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.errors import CheckpointError, NoteError
from strongroom.tlog.notes import Note, Signature
from strongroom.tlog.spelling import SIZE_MAX
from strongroom.tlog.vkeys import Algorithm, VKey
from tests.support.logs import refused

NOW = 1_679_315_147
CHECKPOINT = Checkpoint("example.com/behind-the-sofa", 20_852_163, bytes(range(32)))
TEXT = CHECKPOINT.text
ED25519 = VKey("witness.example/w1", Algorithm.ED25519_COSIGNATURE, b"k" * 32)
ML_DSA = VKey("witness.example/pq", Algorithm.ML_DSA_44_COSIGNATURE, b"k" * 1312)
KINDS = [Algorithm.ED25519_COSIGNATURE, Algorithm.ML_DSA_44_COSIGNATURE]


def cosigner(algorithm, now=NOW, seed=b"w" * 32):
    return keys.Cosigner("witness.example", algorithm, seed, lambda: now)


def test_an_ed25519_cosigner_signs_the_time_and_the_whole_text():
    extended = TEXT + "one more line\n"
    for text in (TEXT, extended):
        assert cosignatures.message(ED25519, text, NOW) == (
            b"cosignature/v1\ntime 1679315147\n" + text.encode()
        )


def test_an_ml_dsa_cosigner_signs_names_time_size_and_root():
    expected = (
        b"subtree/v1\n\0"
        b"\x12witness.example/pq"
        b"\0\0\0\0\x64\x18\x50\xcb"
        b"\x1bexample.com/behind-the-sofa"
        b"\0\0\0\0\0\0\0\0"
        b"\0\0\0\0\x01\x3e\x2d\xc3" + bytes(range(32))
    )
    assert cosignatures.message(ML_DSA, TEXT, NOW) == expected
    # Further lines are not covered: the specification has it so.
    assert cosignatures.message(ML_DSA, TEXT + "one more line\n", NOW) == expected


def test_what_is_no_checkpoint_is_not_cosigned():
    for vkey in (ED25519, ML_DSA):
        with refused(CheckpointError, "this is not a checkpoint"):
            cosignatures.message(vkey, "any text\n", NOW)
    for algorithm in KINDS:
        with refused(CheckpointError, "this is not a checkpoint"):
            cosigner(algorithm).sign("any text\n")


def test_a_key_for_notes_does_not_cosign():
    plain = VKey("n", Algorithm.ED25519, b"k" * 32)
    with pytest.raises(RuntimeError, match=r"^this kind of key does not cosign$"):
        cosignatures.message(plain, TEXT, NOW)
    with pytest.raises(RuntimeError, match=r"^this kind of key does not cosign$"):
        cosigner(Algorithm.ED25519)
    with refused(NoteError, "a cosignature is malformed"):
        cosignatures.split(plain, b"\0" * 72)


@pytest.mark.parametrize(("vkey", "length"), [(ED25519, 64), (ML_DSA, 2420)])
def test_a_cosignature_has_a_time_and_one_length(vkey, length):
    blob = cosignatures.join(NOW, b"s" * length)
    assert blob == NOW.to_bytes(8, "big") + b"s" * length
    assert cosignatures.split(vkey, blob) == (NOW, b"s" * length)
    last = cosignatures.join(SIZE_MAX, b"s" * length)
    assert cosignatures.split(vkey, last)[0] == SIZE_MAX
    late = cosignatures.join(SIZE_MAX + 1, b"s" * length)
    for wrong in (b"", blob[:8], blob[:-1], blob + b"s", late):
        with refused(NoteError, "a cosignature is malformed"):
            cosignatures.split(vkey, wrong)


@pytest.mark.parametrize("algorithm", KINDS)
def test_a_cosignature_is_of_one_key_one_text_and_one_time(algorithm):
    signer = cosigner(algorithm)
    verifier = keys.verifier(signer.vkey)
    note = notes.sign(TEXT, [signer])
    blob = note.signatures[0].blob
    assert note.signed_by(verifier)
    assert cosignatures.split(signer.vkey, blob)[0] == NOW
    assert not verifier.verify(Checkpoint("another.example", 7, b"r" * 32).text, blob)
    assert not verifier.verify("any text\n", blob)
    assert not verifier.verify(TEXT, cosignatures.join(NOW + 1, blob[8:]))
    assert not verifier.verify(TEXT, blob[:-1] + bytes([blob[-1] ^ 1]))
    assert not verifier.verify(TEXT, blob[:-1])
    assert not keys.verifier(cosigner(algorithm, seed=b"x" * 32).vkey).verify(TEXT, blob)


def test_the_cosigners_name_is_signed_with_ml_dsa_and_is_not_with_ed25519():
    """Why a policy may not have one key under two names."""
    for algorithm, taken in zip(KINDS, [True, False], strict=True):
        signer = cosigner(algorithm)
        other = VKey("another.example", algorithm, signer.vkey.public)
        repeated = Signature(other.name, other.key_id, signer.sign(TEXT))
        assert keys.verifier(other).verify(TEXT, repeated.blob) == taken


def test_signatures_of_one_use_do_not_serve_another():
    """The same seed as a log's key and as a witness's."""
    plain = keys.NoteSigner("witness.example", b"w" * 32)
    witness = cosigner(Algorithm.ED25519_COSIGNATURE)
    assert plain.vkey.public == witness.vkey.public
    assert plain.vkey.key_id != witness.vkey.key_id
    assert not keys.verifier(plain.vkey).verify(TEXT, witness.sign(TEXT))
    assert not keys.verifier(plain.vkey).verify(TEXT, witness.sign(TEXT)[8:])
    moved = cosignatures.join(NOW, plain.sign(TEXT))
    assert not keys.verifier(witness.vkey).verify(TEXT, moved)


def test_a_plain_signature_is_of_one_key_and_one_text():
    signer = keys.NoteSigner("log.example", b"l" * 32)
    verifier = keys.verifier(signer.vkey)
    blob = signer.sign("any text\n")
    assert verifier.vkey == signer.vkey
    assert verifier.verify("any text\n", blob)
    for text, wrong in [("any text", blob), ("any text\n", blob[:-1]), ("any text\n", b"")]:
        assert not verifier.verify(text, wrong)
    assert Note("any text\n", (notes.signature("any text\n", signer),)).signed_by(verifier)


def test_keys_show_nothing_of_themselves():
    for signer in (keys.NoteSigner("n", b"secret seed of 32 bytes in total"), cosigner(KINDS[1])):
        assert "secret" not in repr(signer)
        assert not hasattr(signer, "__dict__")
