"""Checkpoints and witnesses: what is asked, what is believed, and what stops the node."""

import asyncio
import threading
import time

import pytest

from strongroom.domain.errors import Unavailable
from strongroom.node.cosigning import Colleague, Cosigning
from strongroom.node.metrics import Meter
from strongroom.ports.store import Checkpoints, Tree
from strongroom.ports.witnesses import Cosigned, Inconsistent, Knows, WitnessFailed
from strongroom.tlog import checkpoints, notes
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.errors import ProofError
from strongroom.tlog.keys import Cosigner, NoteSigner, verifier
from strongroom.tlog.merkle import EMPTY_ROOT, leaf_hash, node_hash
from strongroom.tlog.proofs import fold_root, plan_root, verify_consistency
from strongroom.tlog.vkeys import Algorithm

ORIGIN = "strongroom/test"
SIGNER = NoteSigner(ORIGIN, bytes(32))


class Log:
    """A log of its own, signed when a test says so."""

    def __init__(self, mark=b""):
        self.leaves = []
        self.kept = Checkpoints()
        self.counted = []
        self.cursors = {}
        self.mark = mark
        self.gone = False

    def grow(self, count):
        self.leaves += [leaf_hash(self.mark + b"%d" % len(self.leaves)) for _ in range(count)]
        return self

    def root(self, size):
        return fold_root([self._hash(node) for node in plan_root(size)]) if size else EMPTY_ROOT

    def sign(self):
        size = len(self.leaves)
        note = notes.sign(Checkpoint(ORIGIN, size, self.root(size)).text, [SIGNER])
        self.kept = Checkpoints(size, note.to_bytes(), self.kept.counted_size, self.kept.counted)
        return self

    def _hash(self, node):
        if not node.height:
            return self.leaves[node.number]
        below = type(node)
        return node_hash(
            self._hash(below(node.height - 1, 2 * node.number)),
            self._hash(below(node.height - 1, 2 * node.number + 1)),
        )

    def _there(self):
        if self.gone:
            raise Unavailable("gone")

    async def growth(self):
        self._there()
        return Tree(len(self.leaves), self.root(len(self.leaves)))

    async def hashes(self, nodes):
        self._there()
        if any((node.number + 1) << node.height > len(self.leaves) for node in nodes):
            return []
        return [self._hash(node) for node in nodes]

    async def checkpoints(self):
        self._there()
        return self.kept

    async def keep_checkpoints(self, kept):
        assert not kept.signed
        self.counted.append(kept.counted_size)
        if kept.counted_size >= self.kept.counted_size:
            self.kept = Checkpoints(
                self.kept.size, self.kept.signed, kept.counted_size, kept.counted
            )

    async def cursor(self, name):
        self._there()
        return self.cursors.get(name)

    async def move_cursor(self, cursor):
        self.cursors[cursor.name] = cursor


class Witness:
    """A witness as C2SP has it. It can be slow, gone, and lie."""

    def __init__(self, name, algorithm=Algorithm.ED25519_COSIGNATURE):
        self.signer = Cosigner(name, algorithm, name.encode().ljust(32), lambda: 1_800_000_000)
        self.size, self.root = 0, EMPTY_ROOT
        self.questions = []
        self.answer = None  # instead of an honest one
        self.awake = threading.Event()
        self.awake.set()

    def ask(self, old, proof, checkpoint):
        self.awake.wait(10)
        self.questions.append(old)
        if self.answer is not None:
            return self.answer()
        note = notes.parse(checkpoint)
        notes.check(note, verifier(SIGNER.vkey))
        told = checkpoints.parse(note.text)
        if old != self.size:
            return Knows(self.size)
        if told.size == self.size:
            if told.root != self.root:
                return Knows(self.size)
        elif self.size:
            try:
                verify_consistency(
                    proof, old=old, new=told.size, old_root=self.root, new_root=told.root
                )
            except ProofError:
                return Inconsistent()
        elif proof:
            return Inconsistent()
        self.size, self.root = told.size, told.root
        return Cosigned(str(notes.signature(note.text, self.signer)))

    def close(self):
        self.awake.set()


class Run:
    """The asking at work."""

    def __init__(self, log, *witnesses, required=1):
        self.log = log
        self.splits = []
        self.meter = Meter()
        self.cosigning = Cosigning(
            [Colleague(each, verifier(each.signer.vkey)) for each in witnesses],
            required=required, ledger=log, meter=self.meter, split=self.splits.append,
        )  # fmt: skip
        self.witnesses = witnesses

    async def __aenter__(self):
        self._work = asyncio.create_task(self.cosigning.run())
        return self

    async def __aexit__(self, *_):
        self.cosigning.stop()
        for each in self.witnesses:
            each.awake.set()
        await asyncio.wait_for(self._work, 30)


async def eventually(is_so, seconds=30):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "did not come to be"
        await asyncio.sleep(0.01)


def cosigners(raw, *witnesses):
    note = notes.parse(raw)
    notes.check(note, verifier(SIGNER.vkey))
    return [each for each in witnesses if note.signed_by(verifier(each.signer.vkey))]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for name, seconds in {
        "_ROUND_SECONDS": 0.02, "_PATIENCE_SECONDS": 0.1, "_PAUSE_SECONDS_MIN": 0.02,
    }.items():  # fmt: skip
        monkeypatch.setattr(f"strongroom.node.cosigning.{name}", seconds)


@pytest.mark.parametrize(
    "algorithm", [Algorithm.ED25519_COSIGNATURE, Algorithm.ML_DSA_44_COSIGNATURE]
)
def test_checkpoint_counts_with_the_cosignature_and_the_next_is_proven_to_continue_it(algorithm):
    async def story():
        log, witness = Log().grow(5).sign(), Witness("w", algorithm)
        async with Run(log, witness) as run:
            for size in (5, 6, 13, 256, 300):
                log.grow(size - len(log.leaves)).sign()
                await eventually(lambda size=size: log.kept.counted_size == size)
                assert cosigners(log.kept.counted, witness) == [witness]
            assert witness.questions == [0, 5, 6, 13, 256]
            assert run.cosigning.signed == {"w": 300}
        assert not run.splits

    asyncio.run(story())


def test_checkpoint_counts_when_as_many_as_are_required_have_cosigned():
    async def story():
        log, witnesses = Log().grow(5).sign(), [Witness(name) for name in "abc"]
        witnesses[1].awake.clear()
        witnesses[2].awake.clear()
        async with Run(log, *witnesses, required=2):
            await eventually(lambda: witnesses[0].size == 5)
            await asyncio.sleep(0.3)
            assert not log.kept.counted
            witnesses[1].awake.set()
            await eventually(lambda: log.kept.counted_size == 5)
            assert cosigners(log.kept.counted, *witnesses) == witnesses[:2]
            # The third comes late, and is added to what it signed.
            witnesses[2].awake.set()
            await eventually(lambda: cosigners(log.kept.counted, *witnesses) == witnesses)

    asyncio.run(story())


def test_witness_that_is_gone_holds_up_no_other(capfd):
    async def story():
        log, gone, there = Log().grow(5).sign(), Witness("gone"), Witness("there")

        def fails():
            raise WitnessFailed("its name is not known")

        gone.answer = fails
        async with Run(log, gone, there) as run:
            for size in (5, 8, 9):
                log.grow(size - len(log.leaves)).sign()
                await eventually(lambda size=size: log.kept.counted_size == size)
            await eventually(lambda: len(gone.questions) > 2)
            gone.answer = None
            await eventually(lambda: cosigners(log.kept.counted, gone, there) == [gone, there])
            assert run.meter.snapshot.counters["strongroom_witness_failures"][("gone",)] > 1

    asyncio.run(story())
    said = capfd.readouterr().err
    assert said.count("a witness does not cosign") == 1
    assert said.count("a witness cosigns again") == 1


def test_witness_that_knows_another_size_is_asked_from_there():
    async def story():
        log, witness = Log().grow(40), Witness("w")
        witness.size, witness.root = 17, log.root(17)
        log.sign()
        async with Run(log, witness) as run:
            await eventually(lambda: log.kept.counted_size == 40)
        assert witness.questions == [0, 17]
        assert not run.splits

    asyncio.run(story())


def test_what_is_remembered_of_a_witness_may_be_wrong():
    async def story():
        log, witness = Log().grow(40).sign(), Witness("w")
        witness.size, witness.root = 17, log.root(17)
        from strongroom.ports.store import Cursor

        log.cursors["witness/w"] = Cursor("witness/w", 33)
        async with Run(log, witness) as run:
            await eventually(lambda: log.kept.counted_size == 40)
        assert witness.questions == [33, 17]
        assert not run.splits

    asyncio.run(story())


def test_checkpoint_that_is_older_than_the_witness_is_no_split():
    """It has signed a newer one of ours: another courier's work, or this one's before it died."""

    async def story():
        log, witness = Log().grow(20).sign(), Witness("w")
        log.grow(10)
        witness.size, witness.root = 30, log.root(30)
        async with Run(log, witness) as run:
            await eventually(lambda: witness.questions)
            await asyncio.sleep(0.1)
            log.sign()
            await eventually(lambda: log.kept.counted_size == 30)
        assert not run.splits

    asyncio.run(story())


def _larger(log, witness):
    witness.size, witness.root = 50, Log().grow(50).root(50)


def _other_past(log, witness):
    witness.size, witness.root = 17, Log(b"other").grow(17).root(17)


def _other_now(log, witness):
    witness.size, witness.root = 40, Log(b"other").grow(40).root(40)


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (_larger, "it signed a log of 50 entries; here are 40"),
        (_other_past, "does not continue the 17 entries"),
        (_other_now, "it signed another log of 40 entries"),
    ],
)
def test_witness_that_knows_another_log_stops_the_node_loudly(known, said, capfd):
    async def story():
        log, witness, other = Log().grow(40).sign(), Witness("w"), Witness("other")
        known(log, witness)
        async with Run(log, witness, other, required=2) as run:
            await eventually(lambda: run.splits)
            await eventually(lambda: other.size == 40)
            asked = len(witness.questions)
            await asyncio.sleep(0.2)
            assert len(witness.questions) == asked
            assert not log.kept.counted
            assert said in run.splits[0]
            assert len(run.splits) == 1
            assert run.meter.snapshot.counters["strongroom_witness_splits"] == {("w",): 1}

    asyncio.run(story())
    assert capfd.readouterr().err.count("a witness has signed another log") == 1


def _signed_by(other, text="strongroom/test\n40\n" + "A" * 43 + "=\n"):
    return lambda: Cosigned(str(notes.signature(text, other.signer)))


def _raised(error):
    def answer():
        raise error

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        lambda: Cosigned(""),
        lambda: Cosigned("signed\n"),
        lambda: Cosigned("— w AAAAAAAAAAAA\n"),
        _signed_by(Witness("x")),  # a key that nobody configured
        _signed_by(Witness("w")),  # its own, of another tree
        lambda: Cosigned(str(notes.signature("strongroom/test\n", SIGNER))),
        lambda: Knows(7),  # whatever it is asked
        _raised(WitnessFailed("it answers with status 500")),
        _raised(RuntimeError("a mistake")),
    ],
)
def test_answer_that_is_no_cosignature_counts_for_nothing_and_stops_nothing(answer):
    async def story():
        log, witness = Log().grow(40).sign(), Witness("w")
        witness.answer = answer
        async with Run(log, witness) as run:
            await eventually(lambda: witness.questions)
            await asyncio.sleep(0.2)
            assert not log.kept.counted
            assert not run.splits

    asyncio.run(story())


def test_signatures_of_others_in_the_answer_are_left_out():
    async def story():
        log, witness, other = Log().grow(40).sign(), Witness("w"), Witness("x")
        text = notes.parse(log.kept.signed).text
        witness.answer = lambda: Cosigned(
            f"{notes.signature(text, other.signer)}{notes.signature(text, witness.signer)}"
        )
        async with Run(log, witness):
            await eventually(lambda: log.kept.counted_size == 40)
            assert len(notes.parse(log.kept.counted).signatures) == 2

    asyncio.run(story())


def test_ledger_that_is_gone_for_a_while_is_waited_for():
    async def story():
        log, witness = Log().grow(5).sign(), Witness("w")
        log.gone = True
        async with Run(log, witness) as run:
            await asyncio.sleep(0.1)
            log.gone = False
            await eventually(lambda: log.kept.counted_size == 5)
            log.gone = True
            log.grow(3).sign()
            await asyncio.sleep(0.1)
            log.gone = False
            await eventually(lambda: log.kept.counted_size == 8)
        assert not run.splits

    asyncio.run(story())
