"""Before a node begins: is this database the one whose log was signed last?"""

import apsw
import pytest

from strongroom.domain import limits
from strongroom.ports.anchor import AnchorFiles
from strongroom.services import folding
from tests.support.notaries import Signed
from tests.support.rows import INSERT, SELECT


@pytest.fixture
def signed(tmp_path):
    made = Signed(tmp_path / "house")
    made.use(5)
    made.sign()
    yield made
    made.close()


def test_the_database_that_was_signed_last_stands(signed):
    assert signed.standing() == ""
    signed.use(3)  # not signed yet
    assert signed.standing() == ""
    signed.reopen()
    assert signed.standing() == ""


def test_a_database_that_was_never_signed_stands(tmp_path):
    new = Signed(tmp_path / "new")
    assert new.standing() == ""
    new.close()


# --- an older or another database -----------------------------------------------------------------


def test_an_older_copy_is_noticed(signed):
    copy = signed.backup()
    signed.use(4)
    signed.sign()
    signed.restore(copy)
    found = signed.standing()
    assert "has 6 audit entries, but 10 were signed" in found
    assert "the last 4 are missing" in found


def test_an_older_copy_that_went_on_by_itself_is_noticed(signed):
    copy = signed.backup()
    signed.use(4)
    signed.sign()
    signed.restore(copy)
    signed.use(10)
    assert "are not those that were signed" in signed.standing()


def test_a_copy_that_lost_nothing_stands(signed):
    copy = signed.backup()
    signed.restore(copy)
    assert signed.standing() == ""


def test_a_log_whose_hash_was_edited_is_noticed(signed):
    signed.store._db.execute("UPDATE entries SET leaf_hash = zeroblob(32) WHERE position = 3")
    assert "are not those that were signed" in signed.standing()


def test_a_log_with_an_entry_cut_out_is_noticed(signed):
    signed.store._db.execute("DELETE FROM entries WHERE position = 3")
    assert "the hash of entry 3 is gone" in signed.standing()


def test_another_deployments_anchor_is_noticed(signed, tmp_path):
    other = Signed(tmp_path / "other")
    other.sign()
    foreign = other.files
    other.close()
    assert signed.standing(foreign)


# --- the anchor -----------------------------------------------------------------------------------


def test_a_lost_anchor_is_noticed(signed):
    found = signed.standing(AnchorFiles())
    assert "has no checkpoint, though 6 entries were signed" in found


@pytest.mark.parametrize("cut", [1, 40, 300, 3_000, -1, -40])
def test_a_cut_off_anchor_is_noticed(signed, cut):
    assert signed.standing(AnchorFiles(signed.files.checkpoint[:cut]))


def test_an_anchor_without_our_own_line_is_noticed(signed):
    """A checkpoint as it is served, which everybody can have, is no anchor."""
    served = signed.store.checkpoints().signed
    assert "not of this deployment" in signed.standing(AnchorFiles(served))


def test_a_list_of_destructions_that_is_gone_is_noticed(signed):
    signed.destroy()
    signed.sign()
    assert signed.standing() == ""
    files = signed.files
    assert "altered or cut off" in signed.standing(AnchorFiles(files.checkpoint, b""))
    edited = files.destructions.replace(b"key/demo", b"key/d3mo")
    assert "altered or cut off" in signed.standing(AnchorFiles(files.checkpoint, edited))


def test_a_database_without_log_keys_beside_an_anchor_is_of_before(signed):
    signed.store._db.execute("DELETE FROM records WHERE kind = 'l'")
    assert "of before its log was signed" in signed.standing()


def test_altered_log_keys_are_noticed(signed):
    signed.store._db.execute("UPDATE records SET mac = zeroblob(32) WHERE kind = 'l'")
    assert "keys was altered" in signed.standing()


# --- rows -----------------------------------------------------------------------------------------


def rows(signed):
    # The store's own library: another one in the same process would undo its locks.
    db = apsw.Connection(signed.house.path)
    found = db.execute(SELECT).fetchall()
    db.close()
    return found


def put_back(signed, old, kind):
    for row in old:
        if row[0] == kind:
            signed.store._db.execute(INSERT.replace("INSERT", "REPLACE"), row)


def revoke_token(signed):
    token = signed.desk.ask(signed.house.app, "identity.read").token
    signed.desk.ask(signed.house.admin, "token.revoke", token)


FORBID = 'forbid (principal, action == Action::"key.encrypt", resource);'
CHANGES = {
    "k": lambda at: at.desk.ask(at.house.admin, "key.disable", "demo"),
    "t": revoke_token,
    "p": lambda at: at.desk.ask(at.house.admin, "principal.update", "app", disabled=True),
    "o": lambda at: at.desk.ask(at.house.admin, "policy.write", "stop", text=FORBID),
}
SHOWN = {"k": "the key demo", "t": "the token", "p": "the principal app", "o": "the policies"}


@pytest.mark.parametrize("kind", CHANGES)
def test_an_older_genuine_row_is_noticed(signed, kind):
    """A MAC says that a row is genuine; the log says that it is not the newest."""
    old = rows(signed)
    CHANGES[kind](signed)
    assert signed.standing() == ""
    put_back(signed, old, kind)
    found = signed.standing()
    assert SHOWN[kind] in found
    assert "is an older one (revision 1 instead of 2)" in found


def test_a_row_that_is_gone_is_noticed(signed):
    signed.store._db.execute("DELETE FROM records WHERE kind = 'k'")
    assert "is gone" in signed.standing()


def test_a_row_of_another_content_is_noticed(signed):
    signed.store._db.execute("UPDATE records SET mac = zeroblob(32) WHERE kind = 'k'")
    assert "is another one" in signed.standing()


def test_rows_are_looked_at_though_nothing_says_that_anything_was_signed(signed):
    for file in signed.directory.path.iterdir():
        file.unlink()
    db = apsw.Connection(signed.house.path)
    db.execute("DELETE FROM checkpoints")
    assert signed.standing() == ""
    db.execute("DELETE FROM records WHERE kind = 'l'")
    db.close()
    assert "the row of the log's keys" in signed.standing()
    assert "is gone" in signed.standing()


def test_how_many_rows_are_wrong_is_said(signed):
    signed.store._db.execute("DELETE FROM records WHERE kind IN ('k', 'v', 't')")
    assert "and 4 more rows" in signed.standing()


def test_an_entry_that_was_edited_to_hide_a_row_is_noticed(signed):
    old = rows(signed)
    CHANGES["k"](signed)
    signed.sign()
    put_back(signed, old, "k")
    signed.store._db.execute(
        "UPDATE entries SET body = replace(body, '\"records\"', '\"recards\"') WHERE position = 6"
    )
    assert "entry 6 was altered" in signed.standing()


def test_with_more_changes_than_a_start_reads_the_rows_are_left_to_fsck(signed, monkeypatch):
    monkeypatch.setattr(limits, "START_CHECK_CHANGES_MAX", 1)
    old = rows(signed)
    CHANGES["k"](signed)
    put_back(signed, old, "k")
    assert signed.standing() == ""
    monkeypatch.setattr(limits, "START_CHECK_CHANGES_MAX", 2)
    assert signed.standing()
    assert folding.fold(signed.store)[0].revision == 2
