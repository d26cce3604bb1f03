"""fsck finds whatever was edited, says where, and finds nothing in what was not."""

import apsw
import pytest

from strongroom.adapters.sqlite.inspection import SQLiteInspection
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain.records import Kind
from strongroom.ports.anchor import AnchorFiles
from strongroom.ports.store import StoreRefused, StoreUnavailable
from strongroom.services.checking import BODIES, Check
from strongroom.services.folding import WORDS
from tests.services.test_standing import rows
from tests.support.notaries import Signed
from tests.support.rows import INSERT, SELECT


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    """A house with a bit of everything, closed: each test has a copy."""
    made = Signed(tmp_path_factory.mktemp("house") / "house")
    made.house.lasting()
    admin = made.house.admin
    made.use(3)
    made.desk.ask(admin, "key.create", name="other")
    made.desk.ask(admin, "key.rotate", "demo")
    made.desk.ask(admin, "policy.write", "stop", text="permit (principal, action, resource);")
    made.desk.ask(admin, "alias.write", "current", key="demo")
    made.desk.ask(admin, "grant.create", "demo", grantee="app", operations=["Decrypt"])
    made.desk.ask(admin, "namespace.create", name="second")
    _related(made.desk, admin)
    made.desk.ask(admin, "key.create", name="mine", origin="imported")
    made.desk.ask(admin, "key.import-parameters", "mine", wrapping_key="rsa-2048")
    text = 'permit (principal == Principal::"admin", action, resource);'
    made.desk.ask(admin, "policy.write", "all", text=text)
    made.desk.ask(admin, "otp.write-profile", "cards", digits=8)
    made.desk.ask(admin, "otp.create-job", action="suspend", all=True)
    for user in ("alice", "bob", "carol"):
        enrolled = made.desk.ask(admin, "otp.enrol", user=user)
    made.desk.ask(admin, "otp.verify", enrolled.credential.id, code="000000")
    made.desk.ask(admin, "otp.verify", "otp-" + "a" * 26, code="000000")  # a decoy moves
    made.desk.ask(admin, "otp.destroy", enrolled.credential.id)
    made.use(270)  # a subtree is full
    made.destroy("other")
    made.sign()
    made.use(3)  # not signed yet
    made.reopen()
    return made


def _related(desk, admin):
    """A multi-Region key that has moved its primary, and waits for its replica's destruction."""
    here = desk.ask(admin, "namespace.create", name="here", region="eu-west-1").token
    ask = {"name": "there", "region": "us-east-1", "account_of": "here"}
    there = desk.ask(admin, "namespace.create", **ask).token
    desk.ask(here, "key.create", name="related", multi_region=True)
    desk.ask(here, "key.replicate", "related", region="us-east-1")
    desk.ask(here, "key.update", "related", primary_region="us-east-1")
    desk.ask(there, "key.rotate", "related")
    desk.ask(there, "key.schedule-destruction", "related")


@pytest.fixture
def house(furnished, tmp_path):
    """An open connection to a copy, to edit it; `check` looks at it."""
    copy = furnished.backup()
    return Copy(furnished, copy.rename(tmp_path / "copy.db"))


class Copy:
    def __init__(self, furnished, path):
        self.furnished, self.path = furnished, path
        self.db = apsw.Connection(str(path))
        self.files = furnished.files

    def edit(self, sql, values=()):
        before = self.db.total_changes()
        self.db.execute(sql, values)
        assert self.db.total_changes() > before, "the edit changed nothing"

    def check(self):
        self.db.close()
        inspection = SQLiteInspection(str(self.path))
        steps = []
        report = Check(inspection, self.furnished.provider, self.files).run(steps.append)
        inspection.close()
        assert sum(steps) == report.entries + report.credentials
        return report

    def found(self):
        return [str(finding) for finding in self.check().findings]


def test_nothing_is_found_where_nothing_was_edited(house):
    report = house.check()
    assert report.findings == []
    size = house.furnished.store.tree.size
    assert (report.entries, report.signed, report.anchored) == (size, size - 3, size - 3)
    assert report.root == house.furnished.store.tree.root
    assert report.records > 15
    assert report.counts > 0
    assert report.credentials == 5  # three, a decoy, and the place where one was larger


def test_nothing_is_found_after_an_accepted_restore(tmp_path):
    made = Signed(tmp_path / "house")
    made.desk.ask(made.house.admin, "key.create", name="other")
    made.sign()
    copy = made.backup()
    made.destroy("other")
    made.sign()
    made.restore(copy)
    made.accept()
    made.use(2)
    made.sign()
    made.close()
    assert Copy(made, made.folder / "store.db").found() == []


def test_every_kind_of_record_has_a_body_and_a_word():
    assert WORDS.keys() == set(Kind)
    assert BODIES.keys() == set(Kind)


# --- the log --------------------------------------------------------------------------------------


def test_an_edited_entry_is_found_at_its_place(house):
    house.edit("UPDATE entries SET body = replace(body, 'demo', 'dem0') WHERE position = 5")
    found = house.found()
    assert "entries 5: its body is not the one that its leaf hash is of" in found
    # With the tree computed from the bodies, nothing that was signed fits any more, either.
    assert any(text.startswith("checkpoints signed: the first") for text in found)
    assert any(text.startswith("anchor checkpoint: the first") for text in found)
    assert "meta frontier: the tree over the entries is another one" in found


def test_an_edited_leaf_hash_is_found(house):
    house.edit("UPDATE entries SET leaf_hash = zeroblob(32) WHERE position = 7")
    assert house.found() == ["entries 7: its body is not the one that its leaf hash is of"]


def test_an_entry_that_is_gone_is_found(house):
    house.edit("DELETE FROM entries WHERE position = 9")
    found = house.found()
    assert "entries 9: it is gone" in found
    assert any("there are not as many" in text for text in found)


def test_swapped_entries_are_found(house):
    house.edit("UPDATE entries SET position = -1 WHERE position = 4")
    house.edit("UPDATE entries SET position = 4 WHERE position = 5")
    house.edit("UPDATE entries SET position = 5 WHERE position = -1")
    assert any("not those that were signed" in text for text in house.found())


def test_entries_that_were_added_by_hand_are_found(house):
    house.edit(
        "INSERT INTO entries SELECT 1 + (SELECT max(position) FROM entries), time_us, namespace,"
        " principal, object, action, outcome, request, leaf_hash, body FROM entries"
        " WHERE position = 3"
    )
    assert "meta frontier: the tree over the entries is another one" in house.found()


def test_entries_that_were_cut_off_at_the_end_are_found(house):
    """Three were never signed; the frontier says that they were there."""
    house.edit("DELETE FROM entries WHERE position > (SELECT max(position) - 2 FROM entries)")
    assert "meta frontier: the tree over the entries is another one" in house.found()


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("principal", "'nobody'", "other words"),
        ("object", "'key/no'", "other words"),
        ("action", "'key.sign'", "other words"),
        ("outcome", "'refused'", "other words"),
        ("request", "'0'", "other words"),
        ("principal", "x'00'", "other words"),
        ("time_us", "time_us + 1", "another time"),
        ("time_us", "'never'", "another time"),
        ("namespace", "zeroblob(16)", "another namespace"),
        ("namespace", "7", "another namespace"),
        ("body", "'{}'", "not an audit entry"),
        ("body", "7", "not an audit entry"),
        ("body", "CAST(x'ff00' AS TEXT)", "not an audit entry"),
    ],
)
def test_an_edited_column_of_an_entry_is_found(house, column, value, what):
    house.edit(f"UPDATE entries SET {column} = {value} WHERE position = 6")
    assert any(text.startswith("entries 6: it") and what in text for text in house.found())


def test_an_edited_subtree_is_found(house):
    house.edit("UPDATE subtrees SET root = zeroblob(32)")
    assert house.found() == ["subtrees 8/0: its root is another one"]


def test_a_missing_or_superfluous_subtree_is_found(house):
    house.edit("UPDATE subtrees SET number = 9")
    assert set(house.found()) == {
        "subtrees 8/0: its root is missing",
        "subtrees 8/9: the log has no such subtree",
    }


def test_an_edited_frontier_is_found(house):
    house.edit("UPDATE meta SET value = zeroblob(8) WHERE name = 'frontier'")
    assert house.found() == ["meta frontier: the tree over the entries is another one"]


@pytest.mark.parametrize("name", ["counted", "epoch", "indexed"])
@pytest.mark.parametrize("value", ["'x'", "-1", "x'00'"])
def test_a_number_that_is_none_is_found(house, name, value):
    house.edit(f"UPDATE meta SET value = {value} WHERE name = '{name}'")
    assert f"meta {name}: it is no number" in house.found()


def test_a_number_that_is_gone_is_found(house):
    house.edit("DELETE FROM meta WHERE name = 'epoch'")
    assert house.found() == ["meta epoch: it is no number"]


def test_a_change_that_is_not_listed_is_found(house):
    house.edit("DELETE FROM changes WHERE position = 0")
    assert house.found() == ["changes 0: the entry there changed records, and is not listed"]


def test_what_is_listed_and_changed_nothing_is_found(house):
    house.edit("INSERT INTO changes VALUES (3, 0)")
    assert house.found() == ["changes 3: the entry there changed no record"]


def test_an_erasure_that_is_not_listed_so_is_found(house):
    house.edit("UPDATE changes SET erases = 0 WHERE erases = 1")
    found = house.found()
    assert found
    assert all(text.endswith("the entry there erased, and is not listed so") for text in found)


def test_sealed_details_without_an_entry_are_found(house):
    house.edit("INSERT INTO sealed VALUES (3, x'00')")
    assert house.found() == ["sealed 3: the entry there does not commit to any details"]


# --- checkpoints and the anchor -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["signed", "counted"])
def test_an_edited_checkpoint_is_found(house, name):
    house.edit("UPDATE checkpoints SET note = x'00' WHERE name = ?", (name,))
    (found,) = house.found()
    assert found.startswith(f"checkpoints {name}: it is not the log's")


def test_an_older_database_is_found(house, tmp_path):
    made = Signed(tmp_path / "house")
    made.sign()
    copy = made.backup()
    made.use(3)
    made.sign()
    made.restore(copy)
    made.close()
    found = Copy(made, made.folder / "store.db").found()
    assert "anchor checkpoint: it is of 4 entries, and there are not as many" in found


def test_a_missing_anchor_is_found(house):
    house.files = AnchorFiles()
    assert house.found() == ["anchor checkpoint: it is missing, though checkpoints were signed"]


def test_an_edited_anchor_is_found(house):
    raw = bytearray(house.files.checkpoint)
    raw[-10] ^= 1
    house.files = AnchorFiles(bytes(raw), house.files.destructions)
    (found,) = house.found()
    assert found.startswith("anchor checkpoint: the anchor's checkpoint")


def test_an_edited_list_of_destructions_is_found(house):
    edited = house.files.destructions.replace(b"other", b"0ther")
    house.files = AnchorFiles(house.files.checkpoint, edited)
    found = house.found()
    assert "anchor destructions: the anchor's list of destructions was altered or cut off" in found


def test_what_a_witness_said_is_told(house):
    house.files = AnchorFiles(house.files.checkpoint, house.files.destructions, "it knows more")
    assert house.found() == ["anchor fenced: the node refuses everything: it knows more"]


def test_missing_log_keys_are_found(house):
    house.edit("DELETE FROM records WHERE kind = 'l'")
    found = house.found()
    assert "records the log's keys: no checkpoint can be verified without them" in found


# --- records --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.ALERT])
def test_an_edited_record_is_found(house, kind):
    if kind is Kind.AUDIT_KEYS:
        pytest.skip("this house keeps no addresses privately")
    house.edit("UPDATE records SET request = 'x' WHERE kind = ? AND live = 1", (kind.value,))
    assert any("it was altered" in text and WORDS[kind] in text for text in house.found())


def test_a_record_of_no_kind_is_found(house):
    house.edit("UPDATE records SET kind = 'z' WHERE kind = 'a'")
    found = house.found()
    assert any(text.endswith("it is of no kind that there is") for text in found)
    assert any("the alias" in text and "it is gone" in text for text in found)


def test_a_record_that_is_gone_is_found(house):
    house.edit("DELETE FROM records WHERE kind = 'p' AND name = 'app'")
    (found,) = house.found()
    assert found.startswith("records the principal")
    assert "it is gone, says audit entry 0" in found


def test_an_older_genuine_record_is_found(tmp_path):
    made = Signed(tmp_path / "house")
    old = [row for row in rows(made) if row[0] == "k"]
    made.desk.ask(made.house.admin, "key.disable", "demo")
    made.store._db.execute("DELETE FROM records WHERE kind = 'k'")
    made.store._db.execute(INSERT, old[0])
    made.sign()
    made.close()
    found = Copy(made, made.folder / "store.db").found()
    assert "is an older one (revision 1 instead of 2)" in found[-1]


def test_a_record_that_no_entry_tells_of_is_found(house, tmp_path):
    """A genuine row: it was made in a copy of this database that went on by itself."""
    store = SQLiteStore.open(str(house.furnished.backup().rename(tmp_path / "fork.db")))
    fork = house.furnished.house.at(store)
    fork.desk().ask(fork.admin, "key.create", name="smuggled")
    (row,) = store._db.execute(f"{SELECT.split(' ORDER')[0]} AND name = 'smuggled'").fetchall()
    store.close()
    house.edit(INSERT, row)
    assert "records the key smuggled: no audit entry tells of it" in house.found()


def test_another_due_time_is_found(house):
    house.edit("UPDATE records SET due_us = 5 WHERE kind = 'k' AND name = 'demo' AND live = 1")
    assert house.found() == ["records the key demo: it is due at another time"]


def test_a_replaced_record_that_is_not_blank_is_found(house):
    house.edit(
        "UPDATE records SET body = 'leftover' WHERE slot ="
        " (SELECT min(slot) FROM records WHERE live = 0)"
    )
    (found,) = house.found()
    assert found.endswith("it was replaced, and is not blank")


def test_a_record_that_was_put_out_of_force_is_found(house):
    house.edit("UPDATE records SET live = 0 WHERE kind = 'k' AND name = 'demo'")
    found = house.found()
    assert any("is not blank" in text for text in found)
    assert any("it is gone" in text for text in found)


# --- credentials ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "namespace = zeroblob(16)",
        "id = zeroblob(16)",
        "user = zeroblob(16)",
        "revision = revision + 1",
        "state = 'active'",
        "due_us = due_us + 1",
        "body = CAST(x'80' || body AS BLOB)",
        "body = 'text'",
        "body = zeroblob(100)",
        "mac = zeroblob(16)",
        "mac = x''",
        "mac = 'text'",
        "id = 'text'",
        "live = 2",
    ],
)
def test_an_edited_credential_is_found(house, change):
    house.edit(
        f"UPDATE credentials SET {change} WHERE slot ="
        " (SELECT min(slot) FROM credentials WHERE live = 1 AND length(user) > 0)"
    )
    (found,) = house.found()
    assert found.startswith(("credentials otp-", "credentials slot "))
    assert found.endswith(("it was altered", "it is neither in force nor replaced"))


def test_an_edited_decoy_is_found(house):
    house.edit("UPDATE credentials SET revision = 9 WHERE state = 'decoy'")
    (found,) = house.found()
    assert found.startswith("credentials slot ")


def test_rows_of_credentials_that_were_swapped_are_found(house):
    """Each in the other's place, though each was genuine."""
    first, second = house.db.execute(
        "SELECT slot, body, mac FROM credentials WHERE live = 1 AND length(user) > 0 LIMIT 2"
    ).fetchall()
    for (slot, *_), (_, body, mac) in ((first, second), (second, first)):
        house.edit("UPDATE credentials SET body = ?, mac = ? WHERE slot = ?", (body, mac, slot))
    assert len(house.found()) == 2


def test_a_credentials_place_that_is_not_blank_is_found(house):
    house.edit("UPDATE credentials SET body = CAST(x'01' || body AS BLOB) WHERE live = 0")
    (found,) = house.found()
    assert found.endswith("it was replaced, and is not blank")


# --- counts ---------------------------------------------------------------------------------------


def test_an_edited_count_is_found(house):
    house.edit("UPDATE usage SET count = count + 1 WHERE version = 1 AND object = 'key/demo'")
    (found,) = house.found()
    assert found.startswith("usage key/demo/")
    assert "it says 4 uses, the log tells of 3" in found


@pytest.mark.parametrize(
    "edit",
    [
        "DELETE FROM usage",
        "UPDATE usage SET last_us = 0",
        "UPDATE usage SET count = 'many'",
        "UPDATE usage SET principal = 'nobody'",
        "UPDATE meta SET value = 0 WHERE name = 'counted'",
    ],
)
def test_counts_that_are_not_the_logs_are_found(house, edit):
    house.edit(edit)
    if "meta" in edit:
        house.edit("UPDATE usage SET through = 0")
    found = house.found()
    assert found
    assert all(text.startswith("usage ") for text in found)


# --- what cannot be looked at ---------------------------------------------------------------------


def test_what_is_no_database_of_ours_is_refused(tmp_path, house):
    with pytest.raises(StoreRefused, match="does not exist"):
        SQLiteInspection(str(tmp_path / "no.db"))
    (tmp_path / "text.db").write_text("nothing " * 1_000)
    with pytest.raises(StoreRefused, match="not a Strongroom store"):
        SQLiteInspection(str(tmp_path / "text.db"))
    house.db.execute("PRAGMA user_version = 2")
    house.db.close()
    with pytest.raises(StoreRefused, match="of another release"):
        SQLiteInspection(str(house.path))


@pytest.mark.parametrize(
    ("table", "column"),
    [("entries", "principal"), ("entries", "namespace"), ("usage", "object"), ("meta", "value")],
)
def test_a_text_that_is_no_text_is_said_and_ends_the_look(house, table, column):
    house.edit(f"UPDATE {table} SET {column} = CAST(x'ff' AS TEXT)")
    house.db.close()
    with pytest.raises(StoreUnavailable, match=f"the table {table} was edited"):
        Check(SQLiteInspection(str(house.path)), house.furnished.provider, house.files).run(print)


def test_nothing_is_written(house):
    house.db.close()
    before = house.path.read_bytes()
    inspection = SQLiteInspection(str(house.path))
    Check(inspection, house.furnished.provider, house.files).run(lambda _: None)
    inspection.close()
    assert house.path.read_bytes() == before
