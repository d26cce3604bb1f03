"""A witness forgets nothing that it signed, and signs nothing that it might forget."""

import fcntl
import json
import os
import threading

import pytest

from strongroom.tlog import notes, vkeys
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.keys import Cosigner, verifier
from strongroom.witness.memory import Memory, begin
from strongroom.witness.refusals import CannotServe, Conflict, NotConsistent, Refused
from strongroom.witness.service import Witness
from tests.support.auditing import ORIGIN, TIME, cosigner, log_signer, seed
from tests.support.logs import Log, numbered
from tests.support.witnessing import question

LOG = numbered(100)
LOGS = {ORIGIN: [verifier(log_signer().vkey)]}
SIGNERS = [cosigner()]


@pytest.fixture
def state(tmp_path):
    begin(tmp_path / "state")
    return tmp_path / "state"


@pytest.fixture
def memory(state):
    opened = Memory(state)
    yield opened
    opened.close()


@pytest.fixture
def witness(memory):
    return Witness(SIGNERS, LOGS, memory)


def signatures(answer):
    return notes.parse_signatures(answer.decode())


def test_the_answer_is_a_cosignature_of_the_checkpoint(witness):
    answer = witness.answer(question(LOG, 0, 10))
    note = notes.Note(Checkpoint(ORIGIN, 10, LOG.root(10)).text, signatures(answer))
    assert note.signed_by(verifier(SIGNERS[0].vkey))


def test_every_key_of_the_witness_signs(memory):
    signers = [*SIGNERS, cosigner("pq", algorithm=vkeys.Algorithm.ML_DSA_44_COSIGNATURE)]
    answer = Witness(signers, LOGS, memory).answer(question(LOG, 0, 10))
    note = notes.Note(Checkpoint(ORIGIN, 10, LOG.root(10)).text, signatures(answer))
    assert all(note.signed_by(verifier(signer.vkey)) for signer in signers)


def test_what_was_signed_is_known_to_the_next_process(state):
    for old, new in [(0, 3), (3, 10), (10, 10), (10, 100)]:
        memory = Memory(state)
        Witness(SIGNERS, LOGS, memory).answer(question(LOG, old, new))
        memory.close()
    memory = Memory(state)
    assert Witness(SIGNERS, LOGS, memory).last(ORIGIN) == Checkpoint(ORIGIN, 100, LOG.root(100))
    memory.close()


def test_what_is_kept_has_the_logs_signature_and_no_other(state, witness):
    stranger = log_signer("x", "stranger")
    witness.answer(question(LOG, 0, 3, signers=[stranger, log_signer()]))
    (kept,) = state.glob("*.checkpoint")
    assert [each.name for each in notes.parse(kept.read_bytes()).signatures] == [ORIGIN]
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_refusal_leaves_what_was_signed(state, witness):
    witness.answer(question(LOG, 0, 10))
    before = [path.read_bytes() for path in state.iterdir()]
    fork = Log([b"otherwise", *LOG.entries[1:]])
    for raw in (question(fork, 10, 20), question(fork, 10, 10), question(LOG, 0, 5)):
        with pytest.raises(Refused):
            witness.answer(raw)
    assert [path.read_bytes() for path in state.iterdir()] == before


def test_logs_are_remembered_apart(memory):
    other = log_signer("other", "other.example/log")
    logs = {**LOGS, "other.example/log": [verifier(other.vkey)]}
    witness = Witness(SIGNERS, logs, memory)
    witness.answer(question(LOG, 0, 10))
    witness.answer(question(LOG, 0, 5, origin="other.example/log", signers=[other]))
    assert [witness.last(origin).size for origin in logs] == [10, 5]


@pytest.mark.parametrize(
    ("call", "fails_at", "kept"),
    [
        ("open", 1, 10),  # what was signed last cannot be read
        ("open", 2, 10),  # the draft cannot be made
        ("fsync", 1, 10),  # the draft is not on disk
        ("replace", 1, 10),
        ("fsync", 2, 20),  # it is in its place, and perhaps not after a power cut
    ],
)
def test_nothing_is_signed_that_is_not_surely_on_disk(witness, monkeypatch, call, fails_at, kept):
    witness.answer(question(LOG, 0, 10))
    signed, calls, real = [], [], getattr(os, call)

    def failing(*arguments, **options):
        calls.append(1)
        if len(calls) == fails_at:
            raise OSError(28, "No space left on device")
        return real(*arguments, **options)

    with monkeypatch.context() as bent:
        bent.setattr(Cosigner, "sign", lambda *_: signed.append(1))
        bent.setattr(os, call, failing)
        with pytest.raises((OSError, CannotServe)):
            witness.answer(question(LOG, 10, 20))
    assert len(calls) == fails_at
    assert not signed
    # It goes on from what is there; and of a size that may have been kept, signs nothing else.
    assert witness.last(ORIGIN).size == kept
    syncs = []
    monkeypatch.setattr(os, "fsync", syncs.append)
    witness.answer(question(LOG, kept, 20))
    assert len(syncs) == 2
    fork = Log([b"otherwise", *LOG.entries[1:]])
    with pytest.raises(Conflict):
        witness.answer(question(fork, 20, 20))


def test_of_two_forks_at_once_one_wins(witness):
    """Each round, eight threads ask for eight different futures of the same past."""
    past = list(LOG.entries)
    for round_ in range(12):
        size = len(past)
        logs = [Log([*past, b"%d %d" % (round_, i)]) for i in range(8)]
        old = witness.last(ORIGIN).size if round_ else 0
        start = threading.Barrier(len(logs))
        outcomes = []

        def ask(log, old=old, size=size, start=start, outcomes=outcomes):
            raw = question(log, old, size + 1)
            start.wait()
            try:
                outcomes.append((log, witness.answer(raw)))
            except (Conflict, NotConsistent) as refused:
                outcomes.append((None, refused.status))

        threads = [threading.Thread(target=ask, args=(log,)) for log in logs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        winners = [log for log, _ in outcomes if log]
        assert len(winners) == 1
        assert [status for log, status in outcomes if not log] == [409] * 7
        assert witness.last(ORIGIN).root == winners[0].root(size + 1)
        past = winners[0].entries


def test_a_signatures_time_is_not_before_that_of_what_was_signed_before(memory):
    """Signed in turn: with a clock that counts, a later time is always of a larger tree."""
    ticks = iter(range(10_000))
    signer = Cosigner("w", vkeys.Algorithm.ED25519_COSIGNATURE, seed("w"), lambda: next(ticks))
    witness = Witness([signer], LOGS, memory)
    found = []

    def ask(new):
        while True:
            last = witness.last(ORIGIN)
            known = last.size if last else 0
            if known >= new:
                return
            try:
                answer = witness.answer(question(LOG, known, new))
            except Conflict:
                continue
            (one,) = signatures(answer)
            found.append((int.from_bytes(one.blob[:8], "big"), new))
            return

    threads = [threading.Thread(target=ask, args=(new,)) for new in range(1, 60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sizes = [size for _, size in sorted(found)]
    assert sizes == sorted(sizes)
    assert sizes[-1] == 59


# --- a memory that is not as it was -------------------------------------------------------------


def test_a_memory_that_is_missing_is_not_made(tmp_path):
    with pytest.raises(CannotServe, match="never goes on without its own"):
        Memory(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CannotServe, match="never goes on without its own"):
        Memory(tmp_path / "empty")


def test_a_memory_is_of_one_process_at_a_time(state):
    first = Memory(state)
    with pytest.raises(CannotServe, match="another witness"):
        Memory(state)
    first.close()
    Memory(state).close()


def test_the_lock_is_the_systems(state, memory):
    descriptor = os.open(state, os.O_RDONLY)
    with pytest.raises(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(descriptor)


@pytest.mark.parametrize("damage", ["empty", "cut", "flip", "forged", "another", "folder"])
def test_a_damaged_memory_is_not_begun_anew(state, memory, witness, damage):
    witness.answer(question(LOG, 0, 10))
    (kept,) = state.glob("*.checkpoint")
    whole = kept.read_bytes()
    forged = notes.sign(Checkpoint(ORIGIN, 1, LOG.root(1)).text, [log_signer("x")])
    another = notes.sign(Checkpoint("another", 1, LOG.root(1)).text, [log_signer()])
    if damage == "folder":
        kept.unlink()
        kept.mkdir()
    else:
        kept.write_bytes(
            {
                "empty": b"",
                "cut": whole[:-20],
                "flip": whole.replace(b"\n10\n", b"\n11\n"),
                "forged": forged.to_bytes(),
                "another": another.to_bytes(),
            }[damage]
        )
    with pytest.raises(CannotServe, match=ORIGIN):
        Witness(SIGNERS, LOGS, memory)
    with pytest.raises(CannotServe):
        witness.answer(question(LOG, 0, 20))


def test_a_draft_that_a_crash_left_is_nothing(state, memory, witness):
    witness.answer(question(LOG, 0, 10))
    (kept,) = state.glob("*.checkpoint")
    kept.with_suffix(".draft").write_bytes(b"half")
    assert witness.last(ORIGIN).size == 10
    witness.answer(question(LOG, 10, 20))
    assert {path.name for path in state.iterdir()} == {"begun", kept.name}


def test_a_log_with_a_new_key_keeps_its_past(memory, witness):
    witness.answer(question(LOG, 0, 10))
    new = log_signer("new")
    with pytest.raises(CannotServe, match="the old one stays"):
        Witness(SIGNERS, {ORIGIN: [verifier(new.vkey)]}, memory)
    both = Witness(SIGNERS, {ORIGIN: [*LOGS[ORIGIN], verifier(new.vkey)]}, memory)
    both.answer(question(LOG, 10, 20, signers=[new]))
    assert both.last(ORIGIN).size == 20


# --- what the operator is told ------------------------------------------------------------------


def test_a_fork_is_told_once_and_with_its_proof(witness, capfd):
    witness.answer(question(LOG, 0, 10))
    fork = Log([b"otherwise", *LOG.entries[1:]])
    for _ in range(3):
        with pytest.raises(Conflict):
            witness.answer(question(fork, 10, 10))
    (line,) = map(json.loads, capfd.readouterr().err.splitlines())
    assert (line["level"], line["kind"], line["origin"]) == ("alarm", "split-view", ORIGIN)
    shown = notes.parse(line["shown"].encode())
    assert shown.signed_by(LOGS[ORIGIN][0])
    assert shown.text == Checkpoint(ORIGIN, 10, fork.root(10)).text
    assert line["signed_last"] == Checkpoint(ORIGIN, 10, LOG.root(10)).text


def test_honest_questions_tell_nothing(witness, capfd):
    witness.answer(question(LOG, 0, 10))
    with pytest.raises(Conflict):
        witness.answer(question(LOG, 0, 20))
    witness.answer(question(LOG, 10, 20))
    with pytest.raises(NotConsistent):
        Witness.answer(witness, question(LOG, 20, 30, proof=[b"\0" * 32]))
    (line,) = capfd.readouterr().err.splitlines()
    assert '"not-a-continuation"' in line


# --- the vectors --------------------------------------------------------------------------------


def test_the_questions_of_the_vectors(log_vectors, tmp_path):
    """Each is asked of a witness that signed what it builds on; the answers are the file's own."""
    key = vkeys.parse(log_vectors["log_vkey"])
    logs = {log_vectors["origin"]: [verifier(key)]}
    signer = Cosigner(
        "witness.example/w1",
        vkeys.Algorithm.ED25519_COSIGNATURE,
        bytes.fromhex(log_vectors["witness_seed_hex"]),
        lambda: log_vectors["cosignature_time"],
    )
    assert str(signer.vkey) == log_vectors["witness_vkey"]
    assert log_vectors["cosignature_time"] == TIME
    signed = {each["size"]: each["checkpoint"] for each in log_vectors["checkpoints"]}
    for number, asked in enumerate(log_vectors["witness_add_checkpoint_requests"]):
        raw = asked["body"].encode()
        state = tmp_path / str(number)
        begin(state)
        memory = Memory(state)
        witness = Witness([signer], logs, memory)
        # It has signed nothing yet.
        with pytest.raises(Conflict) as refused:
            witness.answer(raw)
        assert refused.value.body == b"0\n"
        # It has signed what the question builds on, which the file has for each of them.
        witness.answer(b"old 0\n\n" + signed[asked["old"]].encode())
        answer = witness.answer(raw).decode()
        assert answer in signed[asked["new"]]
        assert answer.startswith("\u2014 witness.example/w1 ")
        # The same again is no longer what it builds on.
        with pytest.raises(Conflict) as refused:
            witness.answer(raw)
        assert refused.value.body == b"%d\n" % asked["new"]
        memory.close()
