"""Which checkpoints count."""

from strongroom.tlog import keys, notes
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.errors import CheckpointError, NoteError, PolicyError
from strongroom.tlog.notes import Note, Signature
from strongroom.tlog.policies import Policy
from strongroom.tlog.vkeys import Algorithm, VKey
from tests.support.logs import refused

ED25519, ML_DSA = Algorithm.ED25519_COSIGNATURE, Algorithm.ML_DSA_44_COSIGNATURE


def cosigner(name, algorithm=ED25519, seed=None):
    return keys.Cosigner(name, algorithm, (seed or name).encode().ljust(32), lambda: 1_790_000_000)


def verifiers(*signers):
    return tuple(keys.verifier(signer.vkey) for signer in signers)


LOG = keys.NoteSigner("log.example", b"l" * 32)
LOG_PQ = cosigner("log.example", ML_DSA)
A, B, C = cosigner("a.example"), cosigner("b.example"), cosigner("c.example", ML_DSA)
A_TOO = cosigner("a.example", ML_DSA)
CHECKPOINT = Checkpoint("log.example", 7, b"r" * 32)


def signed(*signers, text=CHECKPOINT.text):
    return notes.sign(text, signers)


def test_every_key_of_the_log_must_have_signed():
    policy = Policy(verifiers(LOG, LOG_PQ))
    assert policy.trusted(signed(LOG, LOG_PQ)) == CHECKPOINT
    assert policy.trusted(signed(A, LOG_PQ, B, LOG)) == CHECKPOINT
    assert policy.origin == "log.example"
    for note in (signed(LOG), signed(LOG_PQ), signed(A)):
        with refused(NoteError, "log.example has not signed this"):
            policy.trusted(note)


def test_as_many_witnesses_as_the_quorum_must_have_cosigned():
    policy = Policy(verifiers(LOG), verifiers(A, B, C), 2)
    for witnesses in ((A, B), (B, C), (C, A), (A, B, C)):
        assert policy.trusted(signed(LOG, *witnesses)) == CHECKPOINT
    for witnesses in ((A,), (C,), (A, A), (A, cosigner("d.example"))):
        with refused(PolicyError, "1 witnesses have cosigned this, not 2"):
            policy.trusted(signed(LOG, *witnesses))
    with refused(PolicyError, "0 witnesses have cosigned this, not 2"):
        policy.trusted(signed(LOG))
    assert Policy(verifiers(LOG), verifiers(A, B), 0).trusted(signed(LOG)) == CHECKPOINT


def test_a_witness_with_two_keys_is_one_witness():
    policy = Policy(verifiers(LOG), verifiers(A, A_TOO, B), 2)
    with refused(PolicyError, "1 witnesses have cosigned this, not 2"):
        policy.trusted(signed(LOG, A, A_TOO))
    assert policy.trusted(signed(LOG, A_TOO, B)) == CHECKPOINT
    with refused(PolicyError, "there are not as many witnesses as the policy asks for"):
        Policy(verifiers(LOG), verifiers(A, A_TOO), 2)


def test_a_wrong_cosignature_of_a_known_witness_makes_the_note_worthless():
    """Somebody made it; that there are enough others does not explain it."""
    wrong = Signature("b.example", B.vkey.key_id, A.sign(CHECKPOINT.text))
    note = signed(LOG, A).joined([wrong])
    assert Policy(verifiers(LOG), verifiers(A), 1).trusted(note) == CHECKPOINT
    for quorum in (0, 1):
        with refused(NoteError, "the signature of b.example is not valid"):
            Policy(verifiers(LOG), verifiers(A, B), quorum).trusted(note)


def test_a_checkpoint_of_another_log_does_not_count():
    """Though signed by this one's key: a log's key has one log."""
    other = Checkpoint("other.example", 7, b"r" * 32)
    sentence = "this is a checkpoint of other.example, not of log.example"
    with refused(PolicyError, sentence):
        Policy(verifiers(LOG)).trusted(signed(LOG, text=other.text))


def test_a_signed_text_that_is_no_checkpoint_does_not_count():
    with refused(CheckpointError, "this is not a checkpoint"):
        Policy(verifiers(LOG)).trusted(signed(LOG, text="log.example\nis fine\n"))


def test_a_changed_checkpoint_does_not_count():
    larger = Checkpoint("log.example", 8, b"r" * 32)
    with refused(NoteError, "the signature of log.example is not valid"):
        Policy(verifiers(LOG)).trusted(Note(larger.text, signed(LOG).signatures))


def test_policies_weaker_than_they_look_are_refused():
    again = VKey("another.example", ED25519, A.vkey.public)
    cases = [
        (((), ()), "a log has one name, and at least one key"),
        ((verifiers(LOG, A), ()), "a log has one name, and at least one key"),
        ((verifiers(LOG), verifiers(LOG)), "a witness has a key that does not cosign"),
        (
            (verifiers(LOG), verifiers(keys.NoteSigner("n.example", b"n" * 32))),
            "a witness has a key that does not cosign",
        ),
        ((verifiers(LOG), verifiers(LOG_PQ)), "a log is not its own witness"),
        ((verifiers(LOG, LOG), ()), "a key is in the policy twice"),
        ((verifiers(LOG), verifiers(A, A)), "a key is in the policy twice"),
        (
            (verifiers(LOG), (*verifiers(A), keys.verifier(again))),
            "a key is in the policy twice",
        ),
        (
            (verifiers(cosigner("log.example", ED25519, "a.example")), verifiers(A)),
            "a key is in the policy twice",
        ),
    ]
    for (log, witnesses), sentence in cases:
        with refused(PolicyError, sentence):
            Policy(log, witnesses)
    for quorum in (-1, 3):
        with refused(PolicyError, "there are not as many witnesses as the policy asks for"):
            Policy(verifiers(LOG), verifiers(A, B), quorum)
    assert Policy(verifiers(LOG), verifiers(A, B), 2).quorum == 2
    assert Policy(verifiers(LOG)).quorum == 0
