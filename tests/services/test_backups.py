"""Backups: what comes back, where, and what does not, over real stores."""

import hmac
import json
import os

import msgspec
import pytest

from strongroom.adapters.software import SoftwareProvider
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain import limits
from strongroom.domain.binding import bind
from strongroom.domain.calls import Call
from strongroom.domain.records import Kind
from strongroom.domain.sensitive import Sensitive
from strongroom.domain.times import DAY_US, rfc3339
from strongroom.services.backups import Backups
from tests.golden import reader
from tests.support.desks import House
from tests.support.travel import travelling

MATERIAL = bytes(range(32))


@pytest.fixture
def found(tmp_path):
    """Founds deployments: with that root key, or one of their own."""
    made = []

    def make(root=None):
        made.append(House(tmp_path / f"{len(made)}.db", root=root))
        return made[-1]

    yield make
    for house in made:
        house.store.close()


@pytest.fixture
def house(found):
    return found()


@pytest.fixture
def desk(house):
    return house.desk()


@pytest.fixture
def other(house, found):
    """Another deployment with the same root key."""
    return found(house.root)


def backup(desk, house, key="demo"):
    return desk.ask(house.admin, "key.backup", key).backup


def restore(house, blob, desk=None, **fields):
    return (desk or house.desk()).ask(house.admin, "key.restore", backup=blob, **fields)


def refusal(house, blob, **fields):
    """The refusal of a restoration, after which everything is as it was."""
    before = snapshot(house)
    _, reply = house.desk().reply(house.admin, "key.restore", backup=blob, **fields)
    assert reply.code, "it was taken"
    assert snapshot(house) == before
    return reply


def snapshot(house):
    return [house.store.family(kind, b"", 1_000) for kind in (Kind.KEY, Kind.VERSION)]


# --- what comes back ------------------------------------------------------------------------------


def test_a_key_comes_back_whole_in_another_deployment_with_the_same_root_key(desk, house, other):
    desk.ask(house.admin, "key.create", name="whole", labels={"a": "b"}, description="all of it")
    sealed = [desk.ask(house.app, "key.encrypt", "whole", plaintext=b"1").ciphertext]
    desk.ask(house.admin, "key.rotate", "whole")
    sealed.append(desk.ask(house.app, "key.encrypt", "whole", plaintext=b"2").ciphertext)
    there = other.desk()
    view = restore(other, backup(desk, house, "whole"), there)
    original = desk.ask(house.admin, "key.read", "whole")
    assert msgspec.structs.replace(view, revision=original.revision) == original
    assert there.ask(other.admin, "key.read", "whole") == view
    opened = [there.ask(other.app, "key.decrypt", ciphertext=one).plaintext for one in sealed]
    assert opened == [b"1", b"2"]
    back = there.ask(other.app, "key.encrypt", "whole", plaintext=b"3").ciphertext
    assert desk.ask(house.app, "key.decrypt", ciphertext=back).plaintext == b"3"
    assert there.ask(other.admin, "key.rotate", "whole").current_version == 3


@pytest.mark.parametrize(
    ("algorithm", "use", "check"),
    [
        ("ed25519", "key.sign", "key.verify"),
        ("rsa-2048", "key.sign", "key.verify"),
        ("ml-dsa-44", "key.sign", "key.verify"),
    ],
)
def test_a_key_pair_comes_back(desk, house, other, algorithm, use, check):
    desk.ask(house.admin, "key.create", name="pair", algorithm=algorithm)
    there = other.desk()
    restore(other, backup(desk, house, "pair"), there)
    signed = there.ask(other.app, use, "pair", message=b"x")
    assert desk.ask(house.app, check, "pair", message=b"x", signature=signed.signature).valid


def test_a_key_comes_back_in_a_store_from_before_it_was_made(desk, house, tmp_path):
    """The same deployment, its file restored from an old copy."""
    old = tmp_path / "old.db"
    house.store.close()
    old.write_bytes((tmp_path / "0.db").read_bytes())
    house.store = SQLiteStore.open(str(tmp_path / "0.db"))
    desk = house.desk()
    desk.ask(house.admin, "key.create", name="lost")
    sealed = desk.ask(house.app, "key.encrypt", "lost", plaintext=b"x").ciphertext
    blob = backup(desk, house, "lost")
    twin = house.at(SQLiteStore.open(str(old)))
    restored = twin.desk()
    assert restored.refusal(house.app, "key.decrypt", ciphertext=sealed) == "invalid-ciphertext"
    restore(twin, blob, restored)
    assert restored.ask(house.app, "key.decrypt", ciphertext=sealed).plaintext == b"x"
    twin.store.close()


def test_a_version_that_waits_comes_back_and_waits(desk, house, other):
    desk.ask(house.admin, "key.create", name="mine", origin="imported")
    for material, waits in ((MATERIAL, False), (bytes(range(1, 33)), True)):
        made = desk.ask(house.admin, "key.import-parameters", "mine", wrapping_key="rsa-2048")
        fields = {"import_token": made.import_token, "waits": waits}
        sealed = travelling(made.public_key, material)
        desk.ask(house.admin, "key.import", "mine", wrapped_material=sealed, **fields)
    there = other.desk()
    view = restore(other, backup(desk, house, "mine"), there)
    assert (view.current_version, view.waiting_version, len(view.versions)) == (1, 2, 2)
    there.ask(other.admin, "key.rotate", "mine")
    desk.ask(house.admin, "key.rotate", "mine")
    sealed = there.ask(other.app, "key.encrypt", "mine", plaintext=b"x").ciphertext
    assert desk.ask(house.app, "key.decrypt", ciphertext=sealed).plaintext == b"x"


def test_it_can_have_another_name(desk, house, other):
    assert restore(other, backup(desk, house), name="another").name == "another"


@pytest.mark.parametrize(
    ("operation", "state"), [("key.disable", "suspended"), ("key.deactivate", "deactivated")]
)
def test_its_state_comes_with_it(desk, house, other, operation, state):
    desk.ask(house.admin, "key.create", name="mine")
    desk.ask(house.admin, operation, "mine")
    assert restore(other, backup(desk, house, "mine")).state == state
    assert other.desk().refusal(other.app, "key.encrypt", "mine", plaintext=b"x") == (
        "key-not-usable"
    )


def test_its_limits_and_dates_come_with_it(desk, house, other):
    end = rfc3339(house.clock.now + DAY_US)
    control = {"operations": ["key.decrypt"], "required_context": ["tenant"]}
    desk.ask(house.admin, "key.create", name="mine", deactivates=end, control=control)
    view = restore(other, backup(desk, house, "mine"))
    assert (view.deactivates, view.control.operations) == (end, ["key.decrypt"])
    assert view.control.required_context == ["tenant"]
    other.clock.now += DAY_US
    assert other.desk().ask(other.admin, "key.read", "mine").state == "deactivated"


def test_a_destroyed_version_comes_without_material_and_a_doomed_one_is_destroyed_there(
    desk, house, other
):
    desk.ask(house.admin, "key.create", name="mine")
    old = desk.ask(house.app, "key.encrypt", "mine", plaintext=b"1").ciphertext
    desk.ask(house.admin, "key.rotate", "mine")
    mid = desk.ask(house.app, "key.encrypt", "mine", plaintext=b"2").ciphertext
    desk.ask(house.admin, "key.rotate", "mine")
    desk.ask(house.admin, "key.schedule-destruction", "mine", key_version=1, days=7)
    house.clock.now += 7 * DAY_US
    desk.steward()
    desk.ask(house.admin, "key.schedule-destruction", "mine", key_version=2, days=7)
    other.clock.now = house.clock.now
    there = other.desk()
    view = restore(other, backup(desk, house, "mine"), there)
    assert [(v.state, v.material) for v in view.versions] == [
        ("active", True), ("destruction-scheduled", True), ("destroyed", False),
    ]  # fmt: skip
    for sealed in (old, mid):
        assert there.refusal(other.app, "key.decrypt", ciphertext=sealed) == "key-not-usable"
    other.clock.now += 7 * DAY_US
    assert there.steward()
    assert [v.material for v in there.ask(other.admin, "key.read", "mine").versions] == [
        True, False, False,
    ]  # fmt: skip


def bring(desk, house, **fields):
    made = desk.ask(house.admin, "key.import-parameters", "mine", wrapping_key="rsa-2048")
    material = fields.pop("material", MATERIAL)
    return desk.reply(
        house.admin, "key.import", "mine", import_token=made.import_token,
        wrapped_material=travelling(made.public_key, material), **fields,
    )[1].code  # fmt: skip


def test_imported_material_comes_back_and_is_known_again_there(desk, house, other):
    """The fingerprint is of the namespace: it is made anew."""
    desk.ask(house.admin, "key.create", name="mine", origin="imported")
    assert not bring(desk, house, expires=rfc3339(house.clock.now + DAY_US))
    there = other.desk()
    restore(other, backup(desk, house, "mine"), there)
    other.clock.now += DAY_US
    assert there.refusal(other.app, "key.encrypt", "mine", plaintext=b"x") == "key-not-usable"
    there.steward()
    assert bring(there, other, key_version=1, material=os.urandom(32)) == "invalid-request"
    assert not bring(there, other, key_version=1)
    assert not there.refusal(other.app, "key.encrypt", "mine", plaintext=b"x")


def test_material_that_was_not_there_is_not_known_again(desk, house, other):
    desk.ask(house.admin, "key.create", name="mine", origin="imported")
    assert not bring(desk, house)
    desk.ask(house.admin, "key.delete-imported-material", "mine")
    there = other.desk()
    view = restore(other, backup(desk, house, "mine"), there)
    assert not view.versions[0].material
    assert bring(there, other, key_version=1) == "invalid-request"
    assert not bring(there, other)


def test_a_key_that_waits_for_its_material_comes_back_waiting(desk, house, other):
    desk.ask(house.admin, "key.create", name="mine", origin="imported")
    there = other.desk()
    assert restore(other, backup(desk, house, "mine"), there).state == "pre-activation"
    assert not bring(there, other)


def test_aliases_and_tokens_for_imports_stay_where_they_are(desk, house, other):
    desk.ask(house.admin, "key.create", name="mine", origin="imported")
    desk.ask(house.admin, "alias.write", "short", key="mine")
    desk.ask(house.admin, "key.import-parameters", "mine", wrapping_key="rsa-2048")
    restore(other, backup(desk, house, "mine"))
    assert other.desk().ask(other.admin, "alias.list").aliases == []
    assert other.store.family(Kind.IMPORT_TICKET, b"", 10) == []


def test_many_versions_come_back_in_their_order(desk, house, other):
    desk.ask(house.admin, "key.create", name="mine")
    sealed = []
    for _ in range(120):
        sealed.append(desk.ask(house.app, "key.encrypt", "mine", plaintext=b"x").ciphertext)
        desk.ask(house.admin, "key.rotate", "mine")
    made = desk.ask(house.admin, "key.backup", "mine")
    assert made.versions == 121
    there = other.desk()
    assert restore(other, made.backup, there).current_version == 121
    for blob in sealed[::17]:
        assert there.ask(other.app, "key.decrypt", ciphertext=blob).plaintext == b"x"


def test_both_are_on_record_by_the_same_digest(desk, house, other):
    blob = backup(desk, house)
    restore(other, blob, name="again")
    (out,) = desk.ask(house.admin, "audit.read", action="key.backup").events
    (back,) = other.desk().ask(other.admin, "audit.read", action="key.restore").events
    assert out.details == back.details
    assert out.details["versions"] == 1
    assert (out.object, back.object) == ("key/demo", "key/again")


def test_the_blob_shows_no_material(desk, house):
    blob = backup(desk, house)
    record = next(r for r in house.store.family(Kind.VERSION, b"", 10))
    assert msgspec.json.decode(record.body)["wrapped"].encode() not in blob
    assert blob != backup(desk, house), "material is wrapped with what was random before"


def test_the_blob_opens_by_its_page_alone(desk, house):
    desk.ask(house.admin, "key.create", name="tags", algorithm="hmac-sha256", labels={"é": "b"})
    desk.ask(house.admin, "key.rotate", "tags")
    tag = desk.ask(house.app, "key.mac", "tags", message=b"x").tag
    contents = reader.open_backup(house.root, backup(desk, house, "tags"))
    assert (contents["name"], contents["namespace"]) == ("tags", "default")
    assert hmac.digest(contents["versions"][1]["material"], b"x", "sha256") == tag
    with pytest.raises(ValueError, match="no backup"):
        reader.open_backup(os.urandom(32), backup(desk, house, "tags"))


# --- what does not --------------------------------------------------------------------------------


def test_under_another_root_key_it_is_no_backup(desk, house, found):
    reply = refusal(found(), backup(desk, house), name="restored")
    assert reply.code == "invalid-ciphertext"


def test_one_bad_byte_anywhere_makes_it_no_backup(desk, house, other):
    blob = backup(desk, house)
    step = max(1, len(blob) // 150)
    bad = [blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :] for at in range(0, len(blob), step)]
    bad += [blob[:-1], blob[1:], blob + b"\0", b"", b"x", blob[:5], blob[-32:], blob[:37]]
    there = other.desk()
    before = snapshot(other)
    details = set()
    for one in bad:
        _, reply = there.reply(other.admin, "key.restore", backup=one, name="restored")
        details.add((reply.code, reply.detail, reply.pointer))
    assert details == {("invalid-ciphertext", "The ciphertext or its context is not valid", "")}
    assert snapshot(other) == before
    restore(other, blob, there, name="restored")


def test_a_taken_name_is_refused(desk, house, other):
    blob = backup(desk, house)
    assert refusal(other, blob).code == "already-exists"  # it has a `demo` of its own
    assert refusal(house, blob, name="copy").code == "already-exists"  # the key is there


def test_a_key_does_not_come_twice(desk, house, other):
    blob = backup(desk, house)
    restore(other, blob, name="one")
    assert refusal(other, blob, name="two").code == "already-exists"


def test_a_key_does_not_come_twice_at_once(desk, house, other, monkeypatch):
    blob, second, moved_in, replies = backup(desk, house), other.desk(), Backups._moved_in, []

    async def moved_in_late(self, permit, name, contents):
        writes = await moved_in(self, permit, name, contents)
        if name == "one" and not replies:
            fields = msgspec.msgpack.encode({"backup": blob, "name": "two"})
            call = Call("key.restore", "", other.admin, "127.0.0.1", "0" * 32, fields)
            replies.append(await second.desk.answer(call))
        return writes

    monkeypatch.setattr(Backups, "_moved_in", moved_in_late)
    fields = {"backup": blob, "name": "one"}
    assert other.desk().refusal(other.admin, "key.restore", **fields) == "already-exists"
    assert not replies[0].code


def test_a_destroyed_key_does_not_come_back(desk, house):
    desk.ask(house.admin, "key.create", name="mine")
    blob = backup(desk, house, "mine")
    desk.ask(house.admin, "key.schedule-destruction", "mine", days=7)
    assert refusal(house, blob, name="again").code == "already-exists"
    house.clock.now += 7 * DAY_US
    assert desk.steward()
    assert desk.ask(house.admin, "key.read", "mine").state == "destroyed"
    for fields in ({}, {"name": "again"}):
        assert refusal(house, blob, **fields).code == "already-exists"


@pytest.mark.parametrize(
    ("operation", "fields"),
    [("key.mark-compromised", {}), ("key.schedule-destruction", {"days": 7})],
)
def test_a_key_in_a_state_that_forbids_it_is_not_backed_up(desk, house, operation, fields):
    desk.ask(house.admin, "key.create", name="mine")
    desk.ask(house.admin, operation, "mine", **fields)
    assert desk.refusal(house.admin, "key.backup", "mine") == "key-not-usable"
    if operation == "key.schedule-destruction":
        house.clock.now += 7 * DAY_US
        desk.steward()
        assert desk.refusal(house.admin, "key.backup", "mine") == "key-not-usable"


def test_who_has_not_the_right_neither_backs_up_nor_restores_nor_learns_what_it_is(
    desk, house, other
):
    blob = backup(desk, house)
    assert desk.refusal(house.app, "key.backup", "demo") == "not-allowed"
    assert desk.refusal(house.app, "key.backup", "nowhere") == "not-allowed"
    assert desk.refusal(house.admin, "key.backup", "nowhere") == "not-found"
    there = other.desk()
    for one in (blob, blob[:-1], b""):
        fields = {"backup": one, "name": "restored"}
        assert there.refusal(other.app, "key.restore", **fields) == "not-allowed"


def test_a_key_whose_policy_is_of_another_account_is_closed_until_it_has_another(
    desk, house, other
):
    """What it says of everybody was not said of who is here."""
    there = other.desk()
    admin, successor = (
        at.ask(of.admin, "namespace.create", name="apart").token
        for at, of in ((desk, house), (there, other))
    )
    accounts = (desk.ask(admin, "identity.read"), there.ask(successor, "identity.read"))
    assert accounts[0].account != accounts[1].account
    root = {"AWS": f"arn:aws:iam::{accounts[0].account}:root"}
    allow = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [
        allow | {"Principal": root}, allow | {"Principal": "*"}
    ]})  # fmt: skip
    desk.ask(admin, "key.create", name="demo", policy=policy)
    blob = desk.ask(admin, "key.backup", "demo").backup
    there.ask(successor, "key.restore", backup=blob)
    for operation in ("key.rotate", "key.read", "key.encrypt"):
        given = {"plaintext": b"x"} if operation == "key.encrypt" else {}
        assert there.refusal(successor, operation, "demo", **given) == "not-allowed"
    there.ask(successor, "key.write-policy", "demo", policy="")
    there.ask(successor, "key.rotate", "demo")


def test_a_policy_on_labels_holds_for_what_is_restored(desk, house, other):
    desk.ask(house.admin, "key.create", name="mine", labels={"tier": "gold"})
    there = other.desk()
    there.ask(
        other.admin, "policy.write", "gold",
        text='forbid (principal, action == Action::"key.restore", resource)'
        ' when { resource.hasTag("tier") && resource.getTag("tier") == "gold" };',
    )  # fmt: skip
    assert refusal(other, backup(desk, house, "mine")).code == "not-allowed"
    restore(other, backup(desk, house), name="restored")


def test_another_tenants_backup_is_none(desk, house, other):
    """Whoever gets hold of a blob makes no key of their own of it."""
    theirs = desk.ask(house.admin, "namespace.create", name="theirs").token
    desk.ask(theirs, "key.create", name="secret")
    blob = desk.ask(theirs, "key.backup", "secret").backup
    assert refusal(other, blob).code == "invalid-ciphertext"
    there = other.desk()
    token = there.ask(other.admin, "namespace.create", name="theirs").token
    assert there.ask(token, "key.restore", backup=blob).name == "secret"


def test_an_algorithm_off_the_approved_profile_is_not_restored_there(desk, house, other):
    desk.ask(house.admin, "key.create", name="mine", algorithm="chacha20-poly1305")
    blob = backup(desk, house, "mine")
    other.desk().ask(other.admin, "namespace.update", profile="approved")
    assert refusal(other, blob).code == "invalid-request"


def test_more_than_a_backup_may_hold_is_too_large(desk, house, monkeypatch):
    desk.ask(house.admin, "key.create", name="mine")
    size = len(backup(desk, house, "mine"))
    monkeypatch.setattr(limits, "BACKUP_BYTES_MAX", size - 1)
    assert desk.refusal(house.admin, "key.backup", "mine") == "too-large"
    monkeypatch.setattr(limits, "BACKUP_BYTES_MAX", 100)
    assert desk.refusal(house.admin, "key.backup", "mine") == "too-large"


def test_what_is_erased_while_a_backup_is_made_is_not_in_it(desk, house, monkeypatch):
    """The key's row does not change with that: a backup stands on every version that it read."""
    desk.ask(house.admin, "key.create", name="mine", origin="imported")
    assert not bring(desk, house)
    other, moved_out, erased = house.desk(), Backups._moved_out, []

    async def moved_out_late(self, permit, key):
        versions = await moved_out(self, permit, key)
        if not erased:
            erased.append(versions[0].wrapped)
            call = Call(
                "key.delete-imported-material", "mine", house.admin, "127.0.0.1", "0" * 32,
                msgspec.msgpack.encode({}),
            )  # fmt: skip
            assert not (await other.desk.answer(call)).code
        return versions

    monkeypatch.setattr(Backups, "_moved_out", moved_out_late)
    (version,) = reader.open_backup(house.root, backup(desk, house, "mine"))["versions"]
    assert erased[0]
    assert version["material"] == b""


def test_what_a_newer_release_wrote_is_refused_rather_than_half_understood(desk, house, other):
    """A field that is not known here may be a limit of the key's: it would be lost."""
    blob = backup(desk, house)
    contents = msgspec.json.decode(blob[5:-32])
    contents["name"] = "restored"
    provider = SoftwareProvider(Sensitive(house.root))

    def signed(changed):
        body = blob[:5] + msgspec.json.encode(changed)
        return body + provider.mac(bind(b"strongroom/backup/1", body))

    restored = signed(contents)
    key, (version,) = contents["key"], contents["versions"]
    for changed in (
        {**contents, "new": 1},
        {**contents, "key": {**key, "new": 1}},
        {**contents, "key": {**key, "control": {**key["control"], "new": 1}}},
        {**contents, "versions": [{**version, "new": 1}]},
        {**contents, "key": {**key, "algorithm": "rot-13"}},
    ):
        reply = refusal(other, signed(changed))
        assert (reply.code, reply.pointer) == ("invalid-request", "$.backup")
    restore(other, restored)


def test_records_macs_are_no_backups_macs(desk, house, other):
    """The same key makes both: what is signed as one is never read as the other."""
    blob = backup(desk, house)
    provider = SoftwareProvider(Sensitive(house.root))
    for label in (b"strongroom/record/1", b""):
        body = blob[:-32]
        forged = body + provider.mac(bind(label, body) if label else body)
        assert refusal(other, forged, name="restored").code == "invalid-ciphertext"
