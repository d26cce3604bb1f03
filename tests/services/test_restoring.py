"""To go on from a restored database: what must not come back with it does not."""

import base64
import json
import os

import msgspec
import pytest

from strongroom.adapters.software import SoftwareProvider
from strongroom.adapters.system import SystemRandomness
from strongroom.domain.errors import TamperedRecord
from strongroom.domain.records import Kind, Ref
from strongroom.domain.sensitive import Sensitive
from strongroom.domain.things import Namespace, Version, version_id
from strongroom.domain.times import DAY_US, rfc3339
from strongroom.ports.anchor import AnchorFiles
from strongroom.services.log_keys import LogSigner
from strongroom.services.restoring import RESTORER, CannotAccept, Restoring
from strongroom.services.sealing import Sealing
from tests.services.test_standing import CHANGES, put_back, rows
from tests.support.notaries import Auditor, Signed, bodies
from tests.support.past import files_have, wrapped
from tests.support.regions import AP, EU, US, founded
from tests.support.travel import travelling


@pytest.fixture
def signed(tmp_path):
    made = Signed(tmp_path / "house")
    made.house.lasting()
    made.use(5)
    made.sign()
    yield made
    made.close()


def entries(signed, action):
    found = [json.loads(body) for body in bodies(signed.store)]
    return [entry for entry in found if entry["action"] == action]


def look(signed, files=None):
    provider = SoftwareProvider(Sensitive(signed.house.root))
    return Restoring(signed.store, provider, SystemRandomness(), files or signed.files).look()


def set_back(signed):
    """A backup is restored after so much was done."""
    copy = signed.backup()
    signed.use(4)
    signed.sign()
    signed.restore(copy)


# --- the log --------------------------------------------------------------------------------------


def test_an_accepted_restore_stands_and_goes_on(signed):
    set_back(signed)
    assert signed.standing()
    signed.accept()
    assert signed.standing() == ""
    signed.use(2)
    assert signed.sign()
    assert signed.standing() == ""
    assert signed.store.checkpoints().size == signed.store.tree.size


def test_it_is_on_record_with_what_was_lost(signed):
    copy = signed.backup()
    size = signed.store.tree.size
    signed.use(4)
    signed.sign()
    root = signed.store.tree.root
    signed.restore(copy)
    restore = look(signed)
    assert (restore.size, restore.former.size, restore.lost) == (size, size + 4, 4)
    assert (restore.doubts, restore.rows, restore.destructions) == ([], [], 0)
    origin = signed.log_keys().name
    signed.accept()
    (entry,) = entries(signed, "log.accept-restore")
    assert entry["principal"] == RESTORER
    assert entry["details"] == {
        "former_origin": origin, "former_root": root.hex(), "former_size": size + 4,
        "generation": 2, "restored_size": size, "rows": 0,
    }  # fmt: skip


def test_the_next_generation_has_other_keys_under_another_name(signed):
    former = signed.vkeys()
    auditor = Auditor(former)
    auditor.show(signed.store.checkpoints().signed)
    set_back(signed)
    accepted = signed.accept()
    log = signed.log_keys()
    assert accepted.vkeys == signed.vkeys()
    assert log.name == accepted.origin == f"{log.origin}/2"
    assert not set(former) & set(accepted.vkeys)
    assert (log.restores, log.restored_us) == (1, signed.house.clock.now)
    assert [(each.vkeys, each.restored_size) for each in log.former] == [(former, 8)]
    Auditor(accepted.vkeys).show(signed.store.checkpoints().signed)
    with pytest.raises(Exception, match="has not signed"):
        auditor.show(signed.store.checkpoints().signed)


def test_the_former_keys_are_erased(signed):
    log = signed.log_keys()
    marks = {base64.b64encode(pair.wrapped) for pair in (log.ed25519, log.ml_dsa_44)}
    path = signed.folder / "store.db"
    assert files_have(path, marks) == marks
    set_back(signed)
    (signed.folder / "backup.db").unlink()
    signed.accept()
    signed.close()
    assert files_have(path, marks) == set()


def test_a_log_key_opens_only_as_its_own_generation(signed):
    log = signed.log_keys()
    set_back(signed)
    signed.accept()
    newer = signed.log_keys()
    (record,) = signed.store.load([Ref(Kind.NAMESPACE, signed.house.first)])

    sealing = Sealing(signed.provider, signed.store.deployment)
    body = sealing.open(record, Namespace, expected=(Kind.NAMESPACE, record.id))
    handle = signed.provider.open_namespace_key(
        body.wrapped_key, sealing.namespace_binding(record.id)
    )
    LogSigner(newer, handle, signed.store.deployment)

    for mixed in (
        msgspec.structs.replace(newer, ed25519=log.ed25519),
        msgspec.structs.replace(newer, generation=3),
        msgspec.structs.replace(newer, ed25519=newer.ml_dsa_44, ml_dsa_44=newer.ed25519),
    ):
        with pytest.raises(TamperedRecord):
            LogSigner(mixed, handle, signed.store.deployment)


def test_a_backup_of_before_an_accepted_restore_gets_a_generation_of_its_own(signed):
    oldest = signed.backup()
    set_back(signed)
    signed.accept()
    signed.use(1)
    signed.sign()
    signed.restore(oldest)
    assert "of before a restore that was accepted" in signed.standing()
    signed.accept()
    log = signed.log_keys()
    assert (log.generation, log.restores) == (3, 2)
    assert signed.standing() == ""


def test_what_ends_before_the_anchor_begins_anew_is_done_again(signed):
    set_back(signed)
    work = Restoring(signed.store, signed.provider, SystemRandomness(), signed.files)
    work.accept(now_us=signed.house.clock.now, with_rows=False)
    signed.reopen()
    assert signed.standing()
    signed.accept()
    assert signed.standing() == ""
    assert signed.log_keys().generation == 3


def test_the_former_checkpoint_stays_beside_the_new_one(signed):
    set_back(signed)
    former = signed.files.checkpoint
    signed.accept()
    assert (signed.directory.path / "former").read_bytes() == former


# --- destructions ---------------------------------------------------------------------------------


def test_a_destroyed_key_stays_destroyed(signed):
    secret = wrapped(signed.folder / "store.db")
    assert secret
    ciphertext = signed.desk.ask(signed.house.app, "key.encrypt", "demo", plaintext=b"x").ciphertext
    copy = signed.backup()
    signed.destroy()
    signed.sign()
    signed.restore(copy)
    assert signed.desk.ask(signed.house.app, "key.decrypt", ciphertext=ciphertext).plaintext == b"x"
    assert look(signed).destructions == 1
    assert signed.accept().destroyed == 1
    view = signed.desk.ask(signed.house.admin, "key.read", "demo")
    assert view.state == "destroyed"
    refusal = signed.desk.refusal(signed.house.app, "key.decrypt", ciphertext=ciphertext)
    assert refusal == "key-not-usable"
    copy.unlink()
    signed.close()
    assert files_have(signed.folder / "store.db", secret) == set()


def test_it_is_on_record_and_in_the_list(signed):
    copy = signed.backup()
    signed.destroy()
    signed.sign()
    signed.restore(copy)
    signed.accept()
    (again,) = entries(signed, "key.destroy")
    assert (again["principal"], again["object"]) == (RESTORER, "key/demo")
    assert [one.object for one in signed.destructions()] == ["key/demo"] * 2


def test_what_an_attempt_that_was_cut_short_has_destroyed_is_in_the_list_too(signed):
    copy = signed.backup()
    signed.destroy()
    signed.sign()
    signed.restore(copy)
    work = Restoring(signed.store, signed.provider, SystemRandomness(), signed.files)
    work.accept(now_us=signed.house.clock.now, with_rows=False)
    signed.reopen()
    assert signed.accept().destroyed == 0
    (again,) = entries(signed, "key.destroy")
    assert again["principal"] == RESTORER
    assert [one.object for one in signed.destructions()] == ["key/demo"] * 2


def test_a_lost_list_begins_with_what_the_database_knows(signed):
    signed.destroy()
    signed.sign()
    (before,) = signed.destructions()
    for file in signed.directory.path.iterdir():
        file.unlink()
    signed.accept()
    assert [(one.position, one.leaf) for one in signed.destructions()] == [
        (before.position, before.leaf)
    ]


def test_a_key_that_was_scheduled_again_after_the_backup_is_destroyed_all_the_same(signed):
    """The list tells of what was done, whatever the restored rows say of when it is due."""
    signed.desk.ask(signed.house.admin, "key.schedule-destruction", "demo", days=7)
    copy = signed.backup()
    signed.house.clock.now += 8 * DAY_US
    assert signed.desk.steward() > 0
    signed.sign()
    signed.restore(copy)
    signed.accept()
    assert signed.desk.ask(signed.house.admin, "key.read", "demo").state == "destroyed"


def test_versions_that_the_backup_has_and_the_log_lost_are_destroyed_with_their_key(signed):
    for _ in range(3):
        signed.desk.ask(signed.house.admin, "key.rotate", "demo")
    copy = signed.backup()
    signed.destroy()
    signed.sign()
    signed.restore(copy)
    signed.accept()
    (key,) = signed.store.page(Kind.KEY, signed.house.first, "", 10)
    sealing = Sealing(signed.provider, signed.store.deployment)
    for number in range(1, 5):
        (record,) = signed.store.load([Ref(Kind.VERSION, version_id(key.id, number))])
        body = sealing.open(record, Version, expected=(Kind.VERSION, record.id))
        assert (body.state, body.wrapped) == ("destroyed", b"")


def lasting_regions(signed):
    """Tokens of administrators of three Regions, by Region, that last."""
    tokens = founded(signed.desk, signed.house.admin)
    for region, token in tokens.items():
        signed.desk.ask(token, "principal.create", name="lasting", roles=["administrator"])
        made = signed.desk.ask(token, "token.create", principal="lasting", days=3_650)
        tokens[region] = made.token
    return tokens


@pytest.mark.parametrize("versions", [1, 320])
def test_relatives_of_a_key_that_is_destroyed_again_live_on(signed, versions):
    """Their rows change with its end, and are named beside its own."""
    desk, tokens = signed.desk, lasting_regions(signed)
    desk.ask(tokens[EU], "key.create", name="card", multi_region=True)
    for _ in range(versions - 1):
        desk.ask(tokens[EU], "key.rotate", "card")
    for region in (US, AP):
        desk.ask(tokens[EU], "key.replicate", "card", region=region)
    user = {"name": "user", "roles": ["key-user"]}
    desk.ask(tokens[AP], "principal.create", **user)
    app = desk.ask(tokens[AP], "token.create", principal="user", days=3_650).token
    blob = desk.ask(app, "key.encrypt", "card", plaintext=b"x").ciphertext
    copy = signed.backup()
    desk.ask(tokens[US], "key.schedule-destruction", "card", days=7)
    signed.house.clock.now += 7 * DAY_US
    desk.steward()
    signed.sign()
    signed.restore(copy)
    signed.accept()
    states = [signed.desk.ask(tokens[region], "key.read", "card").state for region in (EU, US, AP)]
    assert states == ["active", "destroyed", "active"]
    assert signed.desk.ask(app, "key.decrypt", ciphertext=blob).plaintext == b"x"
    assert signed.desk.ask(tokens[EU], "key.rotate", "card").current_version == versions + 1
    again = {"region": US, "name": "again"}
    assert signed.desk.ask(tokens[EU], "key.replicate", "card", **again).state == "active"


@pytest.mark.parametrize("first", [EU, US])
def test_a_primary_does_not_wait_for_a_replica_that_is_destroyed_again(signed, first):
    """Whichever of the two the row is of that knows their family."""
    desk, clock = signed.desk, signed.house.clock
    tokens = lasting_regions(signed)
    desk.ask(tokens[first], "key.create", name="card", multi_region=True)
    other = US if first == EU else EU
    desk.ask(tokens[first], "key.replicate", "card", region=other)
    if first == US:
        desk.ask(tokens[US], "key.update", "card", primary_region=EU)
    desk.ask(tokens[EU], "key.schedule-destruction", "card", days=7)
    desk.ask(tokens[US], "key.schedule-destruction", "card", days=8)
    copy = signed.backup()
    clock.now += 9 * DAY_US
    desk.steward()
    signed.sign()
    signed.restore(copy)
    assert signed.accept().destroyed == 1

    def read(region):
        return signed.desk.ask(tokens[region], "key.read", "card")

    assert read(US).state == "destroyed"
    assert (read(EU).related.waits_days, read(EU).destroys) == (0, rfc3339(clock.now + 7 * DAY_US))
    assert read(EU).related.replicas == []
    entry = entries(signed, "key.schedule-destruction")[-1]
    assert (entry["principal"], entry["namespace"], entry["details"]["days"]) == (RESTORER, "eu", 7)
    clock.now += 7 * DAY_US
    signed.desk.steward()
    assert read(EU).state == "destroyed"
    assert signed.standing() == ""


def test_what_the_backup_has_itself_is_not_done_again(signed):
    signed.desk.ask(signed.house.admin, "key.create", name="gone")
    signed.destroy("gone")
    signed.sign()
    set_back(signed)
    restore = look(signed)
    assert (restore.destructions, len(signed.destructions())) == (0, 1)
    assert signed.accept().destroyed == 0


def test_what_is_not_in_the_backup_need_not_be_destroyed(signed):
    copy = signed.backup()
    signed.desk.ask(signed.house.admin, "key.create", name="late")
    signed.destroy("late")
    signed.sign()
    signed.restore(copy)
    assert look(signed).destructions == 1
    assert signed.accept().destroyed == 0
    assert signed.standing() == ""


def test_imported_material_that_was_deleted_stays_deleted(signed):
    admin = signed.house.admin
    signed.desk.ask(admin, "key.create", name="mine", origin="imported")
    ticket = signed.desk.ask(admin, "key.import-parameters", "mine", wrapping_key="rsa-2048")
    blob = travelling(ticket.public_key, os.urandom(32))
    given = {
        "import_token": ticket.import_token, "wrapped_material": blob,
        "wrapping": "rsa-aes-kwp-sha256",
    }  # fmt: skip
    with_ticket = signed.backup()
    signed.desk.ask(admin, "key.import", "mine", **given)
    with_material = signed.backup().rename(signed.folder / "later.db")
    with_ticket = with_ticket if with_ticket.exists() else None
    signed.desk.ask(admin, "key.delete-imported-material", "mine")
    signed.sign()
    signed.restore(with_material)
    assert signed.accept().destroyed == 1
    assert signed.desk.refusal(signed.house.app, "key.encrypt", "mine", plaintext=b"x")
    (again,) = entries(signed, "key.expire-material")
    assert again["details"] == {"key_version": 1}


def test_an_import_ticket_that_was_used_up_stays_used_up(signed):
    admin = signed.house.admin
    signed.desk.ask(admin, "key.create", name="mine", origin="imported")
    ticket = signed.desk.ask(admin, "key.import-parameters", "mine", wrapping_key="rsa-2048")
    given = {
        "import_token": ticket.import_token,
        "wrapped_material": travelling(ticket.public_key, os.urandom(32)),
        "wrapping": "rsa-aes-kwp-sha256",
    }
    copy = signed.backup()
    signed.desk.ask(admin, "key.import", "mine", **given)
    signed.sign()
    signed.restore(copy)
    assert signed.accept().destroyed == 1
    assert signed.desk.refusal(admin, "key.import", "mine", **given) == "invalid-request"


def test_after_two_restores_everything_destroyed_in_either_time_stays_so(signed):
    signed.desk.ask(signed.house.admin, "key.create", name="other")
    copy = signed.backup()
    signed.destroy("demo")
    signed.sign()
    signed.restore(copy)
    signed.accept()
    signed.destroy("other")
    signed.sign()
    signed.restore(copy)
    signed.accept()
    for key in ("demo", "other"):
        assert signed.desk.ask(signed.house.admin, "key.read", key).state == "destroyed"
    assert signed.standing() == ""


# --- an anchor that is not whole ------------------------------------------------------------------


def test_without_an_anchor_a_restore_is_accepted_with_a_doubt(signed):
    for file in signed.directory.path.iterdir():
        file.unlink()
    assert signed.standing()
    restore = look(signed)
    assert (restore.former, restore.doubts) == (None, ["the anchor has no checkpoint"])
    signed.accept()
    assert signed.standing() == ""


def test_of_a_list_that_was_cut_off_what_is_left_is_done_again(signed):
    signed.desk.ask(signed.house.admin, "key.create", name="other")
    copy = signed.backup()
    signed.destroy("demo")
    signed.destroy("other")
    signed.sign()
    path = signed.directory.path / "destructions"
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    signed.restore(copy)
    restore = look(signed)
    assert restore.destructions == 1
    assert "is not destroyed again" in restore.doubts[0]
    signed.accept()
    assert signed.desk.ask(signed.house.admin, "key.read", "demo").state == "destroyed"
    assert signed.standing() == ""


def test_lines_that_somebody_made_up_destroy_nothing(signed):
    (signed.directory.path / "destructions").write_bytes(
        b'{"action":"key.destroy","leaf":"","object":"key/demo","position":99,'
        b'"records":["k/' + b"00" * 16 + b'/1/aa"],"mac":"' + b"00" * 32 + b'"}\n'
    )
    set_back(signed)
    assert look(signed).destructions == 0


# --- rows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CHANGES)
def test_rows_that_contradict_the_log_are_not_accepted_by_the_way(signed, kind):
    old = rows(signed)
    CHANGES[kind](signed)
    put_back(signed, old, kind)
    before = signed.store.tree
    with pytest.raises(CannotAccept, match="is an older one"):
        signed.accept()
    assert signed.store.tree == before


def test_rows_are_accepted_as_they_are_when_that_is_said(signed):
    old = rows(signed)
    CHANGES["k"](signed)
    put_back(signed, old, "k")
    signed.accept(with_rows=True)
    assert signed.standing() == ""
    (entry,) = entries(signed, "log.accept-restore")
    assert entry["details"]["rows"] == 1
    assert any(mention.startswith("k/") for mention in entry["records"])
    signed.use(1)


def test_a_row_that_is_gone_or_altered_is_never_accepted(signed):
    signed.store._db.execute("DELETE FROM records WHERE kind = 'v'")
    with pytest.raises(CannotAccept, match="is gone"):
        signed.accept(with_rows=True)


def test_a_log_that_was_edited_is_never_accepted(signed):
    signed.store._db.execute(
        "UPDATE entries SET body = replace(body, 'default', 'defoult') WHERE position = 0"
    )
    with pytest.raises(CannotAccept, match="the log is damaged"):
        signed.accept(with_rows=True)


def test_a_database_without_its_first_namespace_is_none_of_ours(signed):
    signed.store._db.execute("DELETE FROM records WHERE kind = 'n'")
    with pytest.raises(CannotAccept, match="no namespace"):
        Restoring(signed.store, signed.provider, SystemRandomness(), AnchorFiles())
