"""The notary signs a log, never two; what it has signed is in the anchor before anybody sees it."""

import msgspec
import pytest

from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.domain.destructions import ERASED
from strongroom.domain.errors import TamperedRecord, Unavailable
from strongroom.domain.events import Event
from strongroom.domain.records import Kind, Ref
from strongroom.domain.things import LOG_ID, version_id
from strongroom.ports.anchor import AnchorFiles
from strongroom.ports.store import StoredEvent, Tree
from strongroom.services.anchors import AnchorRefused, Anchors, Head
from strongroom.services.notary import NotContinued
from strongroom.tlog.merkle import leaf_hash
from tests.support.desks import at_once
from tests.support.notaries import Auditor, Signed, bodies
from tests.support.rows import INSERT


@pytest.fixture
def signed(tmp_path):
    made = Signed(tmp_path / "house")
    yield made
    made.close()


class LyingLedger(DirectLedger):
    """Tells what it is told to."""

    def __init__(self, store, **lies):
        super().__init__(store)
        self.lies = lies

    async def growth(self):
        return self.lies.get("growth") or await super().growth()

    async def hashes(self, nodes):
        found = await super().hashes(nodes)
        return self.lies["hashes"](found) if "hashes" in self.lies else found

    async def changes(self, first, limit, *, erasing):
        found = await super().changes(first, limit, erasing=erasing)
        return self.lies["changes"](found) if "changes" in self.lies else found

    async def keep_checkpoints(self, checkpoints):
        if self.lies.get("full"):
            raise Unavailable
        await super().keep_checkpoints(checkpoints)


# --- signing --------------------------------------------------------------------------------------


def test_a_checkpoint_is_of_the_whole_log_and_others_verify_both_signatures(signed):
    signed.use(3)
    assert signed.sign()
    served = signed.store.checkpoints()
    assert served.size == served.counted_size == signed.store.tree.size == 4
    assert served.signed == served.counted
    auditor = Auditor(signed.vkeys())
    auditor.show(served.signed)
    auditor.require_one_log(bodies(signed.store))
    assert {text.split("+")[0] for text in signed.vkeys()} == {
        f"strongroom/{signed.store.deployment.hex()[:16]}"
    }


def test_nothing_is_signed_twice_while_nothing_comes(signed):
    assert signed.sign()
    assert not signed.sign()
    assert len(signed.anchor.kept) == 1


def test_every_checkpoint_continues_the_ones_before(signed):
    auditor = Auditor(signed.vkeys())
    for times in (1, 7, 300, 1, 1):
        signed.use(times)
        assert signed.sign()
        auditor.show(signed.store.checkpoints().signed)
    auditor.require_one_log(bodies(signed.store))
    assert len({size for size, _ in auditor.seen}) == 5


def test_with_witnesses_a_signature_alone_does_not_count(signed):
    signed.appoint(witnessed=True)
    assert signed.sign()
    assert (signed.store.checkpoints().size, signed.store.checkpoints().counted_size) == (1, 0)


def test_a_notary_that_has_not_taken_over_signs_nothing(signed):
    notary = signed.appoint()
    notary._signer = None
    assert not notary.at_work
    with pytest.raises(RuntimeError, match="takes over"):
        at_once(notary.turn())


# --- a log that is another one --------------------------------------------------------------------


def test_a_shorter_log_is_not_signed(signed):
    signed.use(5)
    signed.sign()
    before = signed.files
    short = Tree(3, b"r" * 32)
    signed.appoint(ledger=(lying := LyingLedger(signed.store)))
    lying.lies["growth"] = short
    with pytest.raises(NotContinued, match=r"has 3 entries; 6 were signed"):
        signed.sign()
    assert signed.files == before


def test_another_log_of_the_same_size_is_not_signed(signed):
    signed.sign()
    signed.appoint(ledger=(lying := LyingLedger(signed.store)))
    lying.lies["growth"] = Tree(1, b"r" * 32)
    with pytest.raises(NotContinued, match="not those that were signed"):
        signed.sign()


@pytest.mark.parametrize(
    "lie",
    [
        lambda found: [bytes(32), *found[1:]],
        lambda found: [*found[:-1], bytes(32)],
        lambda _: [],
        lambda found: found[1:],
    ],
    ids=["first", "last", "none", "one-less"],
)
def test_a_log_that_does_not_prove_its_continuation_is_not_signed(signed, lie):
    signed.use(6)
    signed.sign()
    signed.use(4)
    before = signed.files, signed.store.checkpoints()
    signed.appoint()
    signed.notary._ledger = LyingLedger(signed.store, hashes=lie)
    with pytest.raises(NotContinued):
        signed.sign()
    with pytest.raises(NotContinued):
        signed.appoint(ledger=LyingLedger(signed.store, hashes=lie))
    assert (signed.files, signed.store.checkpoints()) == before


def test_a_log_with_an_edited_entry_is_not_signed(signed):
    signed.use(6)
    signed.sign()
    signed.store._db.execute("UPDATE entries SET leaf_hash = zeroblob(32) WHERE position = 2")
    signed.use(1)
    with pytest.raises(NotContinued):
        signed.sign()


def test_a_notary_does_not_take_over_a_log_that_is_another_one(signed):
    signed.use(6)
    signed.sign()
    signed.store._db.execute("UPDATE entries SET leaf_hash = zeroblob(32) WHERE position = 2")
    signed.use(1)
    with pytest.raises(NotContinued):
        signed.appoint()


def test_altered_log_keys_sign_nothing(signed):
    body = signed.store.load([Ref(Kind.LOG, LOG_ID)])[0].body.decode()
    edited = body.replace('"generation":1', '"generation":2')
    assert edited != body
    signed.store._db.execute("UPDATE records SET body = ? WHERE kind = 'l'", (edited,))
    with pytest.raises(TamperedRecord):
        signed.appoint()
    signed.store._db.execute("DELETE FROM records WHERE kind = 'l'")
    with pytest.raises(TamperedRecord):
        signed.appoint()


def test_log_keys_of_another_deployment_sign_nothing(signed, tmp_path):
    other = Signed(tmp_path / "other")
    columns = "kind, id, namespace, name, revision, request, body, mac"
    (row,) = other.store._db.execute(f"SELECT {columns} FROM records WHERE kind = 'l'").fetchall()
    other.store.close()
    signed.store._db.execute("DELETE FROM records WHERE kind = 'l'")
    signed.store._db.execute(INSERT, row)
    with pytest.raises(TamperedRecord):
        signed.appoint()


# --- ending in the middle -------------------------------------------------------------------------


def test_nothing_is_served_that_the_anchor_has_not(signed):
    signed.appoint()
    signed.anchor.fail = "before"
    with pytest.raises(Unavailable):
        signed.sign()
    assert signed.store.checkpoints().size == 0
    signed.anchor.fail = ""
    assert signed.sign()
    assert signed.store.checkpoints().size == 1


def test_an_anchor_that_was_written_and_said_it_was_not_forks_nothing(signed):
    auditor = Auditor(signed.vkeys())
    signed.appoint()
    for fail in ("after", "", "after", "after", ""):
        signed.use(2)
        signed.anchor.fail = fail
        try:
            signed.sign()
        except Unavailable:
            assert fail
    for note in signed.anchor.kept:
        auditor.show(Anchors(signed.provider, signed.store.deployment).opened(note).note.to_bytes())
    auditor.require_one_log(bodies(signed.store))


def test_what_ended_before_it_was_served_is_served_by_the_next_notary_as_it_is(signed):
    signed.use(3)
    signed.appoint(ledger=LyingLedger(signed.store, full=True))
    with pytest.raises(Unavailable):
        signed.sign()
    assert signed.store.checkpoints().size == 0
    signed.appoint()
    assert not signed.sign()  # there is nothing new to sign
    (kept,) = signed.anchor.kept
    assert kept.startswith(signed.store.checkpoints().signed)
    Auditor(signed.vkeys()).show(signed.store.checkpoints().signed)


def test_what_is_owed_is_served_when_the_ledger_can_write_again(signed):
    signed.appoint(ledger=(ledger := LyingLedger(signed.store, full=True)))
    with pytest.raises(Unavailable):
        signed.sign()
    del ledger.lies["full"]
    assert not signed.sign()
    assert signed.store.checkpoints().size == 1


def test_an_anchor_that_was_put_back_is_brought_up_again_with_all_destructions(signed):
    signed.sign()
    older = signed.files
    signed.destroy()
    signed.sign()
    (signed.directory.path / "checkpoint").write_bytes(older.checkpoint)
    (signed.directory.path / "destructions").unlink()
    signed.anchor.directory._last = None
    signed.appoint()
    assert signed.sign()
    assert [one.action for one in signed.destructions()] == ["key.destroy"]
    assert signed.store.checkpoints().size == signed.store.tree.size


def test_an_anchor_put_back_over_another_log_is_refused(signed):
    """The served checkpoint of the former log is signed by the same keys, and contradicts."""
    signed.use(3)
    signed.sign()
    older, copy = signed.files, signed.backup()
    signed.use(3)
    signed.sign()
    newer = signed.store.checkpoints()
    signed.restore(copy)
    signed.use(9)  # another continuation, longer than the first
    signed.store.keep_checkpoints(newer)
    with pytest.raises(NotContinued):
        signed.appoint(files=older)


@pytest.mark.parametrize("number", range(0, 3_700, 97))
def test_an_altered_anchor_is_not_gone_on_from(signed, number):
    signed.use(2)
    signed.sign()
    raw = bytearray(signed.files.checkpoint)
    raw[number % len(raw)] ^= 1
    with pytest.raises(NotContinued):
        signed.appoint(files=AnchorFiles(bytes(raw)))


def test_the_anchor_of_another_deployment_is_not_gone_on_from(signed, tmp_path):
    other = Signed(tmp_path / "other", root=signed.house.root)
    other.sign()
    foreign = other.files
    other.store.close()
    with pytest.raises(NotContinued):
        signed.appoint(files=foreign)


def test_the_anchor_does_not_go_back(signed):
    signed.use(3)
    signed.sign()
    small = signed.files.checkpoint
    signed.use(3)
    signed.sign()
    large = signed.files.checkpoint
    for refused in (small, small.replace(b"strongroom/", b"strangroom/"), b"", b"nonsense\n\n"):
        with pytest.raises(ValueError, match="anchor"):
            signed.directory.keep(refused or b"no note", b"", 0)
    assert signed.files.checkpoint == large


# --- destructions ---------------------------------------------------------------------------------


def test_a_destruction_is_in_the_list_before_the_checkpoint_that_covers_it(signed):
    (demo,) = signed.store.page(Kind.KEY, signed.house.first, "", 10)
    signed.destroy()
    signed.appoint()
    signed.anchor.fail = "before"
    with pytest.raises(Unavailable):
        signed.sign()
    assert signed.files == AnchorFiles()
    signed.anchor.fail = ""
    signed.sign()
    (found,) = signed.destructions()
    assert found.action == "key.destroy"
    assert found.erased == [Ref(Kind.VERSION, version_id(demo.id, 1)), Ref(Kind.KEY, demo.id)]
    assert bytes.fromhex(found.leaf) == leaf_hash(bodies(signed.store)[found.position])


def test_the_list_only_grows(signed):
    for key in ("one", "two", "three"):
        signed.desk.ask(signed.house.admin, "key.create", name=key)
        signed.house.lasting()
        before = signed.files.destructions
        signed.destroy(key)
        signed.sign()
        after = signed.files.destructions
        assert after.startswith(before)
        assert len(after) > len(before)
    assert [one.object for one in signed.destructions()] == ["key/one", "key/two", "key/three"]


@pytest.fixture
def listed(signed):
    signed.house.lasting()
    for key in ("one", "two"):
        signed.desk.ask(signed.house.admin, "key.create", name=key)
        signed.destroy(key)
    signed.sign()
    return signed


def _read(signed, destructions):
    anchors = Anchors(signed.provider, signed.store.deployment)
    head = anchors.opened(signed.files.checkpoint).head
    return anchors.destructions(destructions, head)


def test_a_list_that_was_cut_off_is_refused(listed):
    whole = listed.files.destructions
    assert len(_read(listed, whole)[0]) == 2
    for length in (0, 1, whole.index(b"\n"), whole.index(b"\n") + 1, len(whole) - 1):
        with pytest.raises(AnchorRefused, match="cut off"):
            _read(listed, whole[:length])


def test_a_list_with_an_altered_line_or_in_another_order_is_refused(listed):
    whole = listed.files.destructions
    first, second = whole.splitlines(keepends=True)
    for edited in (second + first, second, first + first, whole.replace(b"key/one", b"key/0ne")):
        with pytest.raises(AnchorRefused):
            _read(listed, edited)


def test_half_a_line_behind_the_list_is_what_a_cut_short_write_leaves(listed):
    whole = listed.files.destructions
    destructions, end = _read(listed, whole + whole[:40])
    assert (len(destructions), end.length) == (2, len(whole))


def test_a_whole_line_behind_the_list_counts_though_no_checkpoint_covers_it_yet(listed):
    anchors = Anchors(listed.provider, listed.store.deployment)
    whole = listed.files.destructions
    found, end = _read(listed, whole)
    more, _ = anchors.lines(found[:1], end)
    assert len(_read(listed, whole + more)[0]) == 3
    forged, _ = anchors.lines(found[:1], Head(end.length, b"x" * 32))
    assert len(_read(listed, whole + forged)[0]) == 2


def test_an_altered_entry_of_a_destruction_is_not_signed(signed):
    def alter(found):
        return [StoredEvent(one.position, one.leaf_hash, one.body + b" ") for one in found]

    signed.destroy()
    signed.appoint(ledger=LyingLedger(signed.store, changes=alter))
    with pytest.raises(NotContinued, match="was altered"):
        signed.sign()
    assert signed.files == AnchorFiles()


def test_every_entry_that_erases_is_a_destruction_of_the_table(signed):
    """A destruction that the table does not know would come back with a restored database."""
    signed.destroy()
    for event in signed.store.changes(0, 1_000, erasing=True):
        assert msgspec.json.decode(event.body, type=Event).action in ERASED
