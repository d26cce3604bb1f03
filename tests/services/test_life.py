"""A key's life at the desk: what stops it, what ends it, and its destruction to the last byte."""

import asyncio
import base64
from pathlib import Path

import pytest

from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.adapters.software import SoftwareProvider
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain.errors import Unavailable
from strongroom.domain.lifecycle import State
from strongroom.domain.records import Kind, Ref
from strongroom.domain.sensitive import Sensitive
from strongroom.domain.things import Key, Version
from strongroom.domain.times import DAY_US, rfc3339
from strongroom.ports.store import StoreUnavailable
from strongroom.services.sealing import Sealing
from tests.support.deeds import deeds, entries
from tests.support.desks import START_US, House, at_once
from tests.support.travel import travelling

DUE_US = START_US + 7 * DAY_US


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path / "store.db")
    made.store._db.execute("PRAGMA synchronous = OFF")  # a power cut is not the subject
    made.lasting()
    yield made
    made.store.close()


@pytest.fixture
def desk(house):
    return house.desk()


def opened(house, name="demo"):
    """The bodies of the key and of its versions, as they are in the store."""
    sealing = Sealing(SoftwareProvider(Sensitive(house.root)), house.store.deployment)
    record = house.store.find(Kind.KEY, house.first, name)
    key = sealing.open(record, Key, expected=(Kind.KEY, record.id))
    versions = house.store.family(Kind.VERSION, record.id, 10_000)
    return key, [
        sealing.open(version, Version, expected=(Kind.VERSION, version.id))
        for version in reversed(versions)
    ]


def on_disk(house):
    """Every byte of every file that the store has."""
    path = Path(house.path)
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob(path.name + "*")))


def spelt(wrapped):
    """How a record's body has it."""
    return base64.b64encode(wrapped)


def restarted(house):
    """The same deployment, in a new process."""
    house.store.close()
    house.store = SQLiteStore.open(house.path)
    return house.desk()


def scheduled(desk, house, name="demo", days=7, **fields):
    return desk.ask(house.admin, "key.schedule-destruction", name, days=days, **fields)


# --- the ways and what they say -------------------------------------------------------------------


def test_a_key_is_stopped_and_goes_on(desk, house):
    other = house.desk()
    blob = other.ask(house.app, "key.encrypt", "demo", plaintext=b"x").ciphertext
    assert desk.ask(house.admin, "key.disable", "demo").state == "suspended"
    for operation, fields in (
        ("key.encrypt", {"plaintext": b"x"}), ("key.decrypt", {"ciphertext": blob}),
        ("key.generate-data-key", {}),
    ):  # fmt: skip
        _, reply = other.reply(house.app, operation, "demo", **fields)
        assert (reply.code, "is suspended" in reply.detail) == ("key-not-usable", True)
    assert desk.ask(house.admin, "key.enable", "demo").state == "active"
    assert other.ask(house.app, "key.decrypt", ciphertext=blob).plaintext == b"x"


def test_a_stop_can_be_asked_for_twice(desk, house):
    for operation, state in (
        ("key.disable", "suspended"), ("key.enable", "active"), ("key.deactivate", "deactivated"),
        ("key.mark-compromised", "compromised"),
    ):  # fmt: skip
        for _ in range(2):
            assert desk.ask(house.admin, operation, "demo").state == state


USES = (
    ("key.encrypt", {"plaintext": b"x"}),
    ("key.encrypt", {"items": [{"plaintext": b"x"}]}),
    ("key.generate-data-key", {}),
    ("key.generate-data-key-pair", {"algorithm": "ed25519"}),
)
MANAGES = (
    ("key.rotate", {}), ("key.enable", {}), ("key.disable", {}), ("key.deactivate", {}),
    ("key.mark-compromised", {}), ("key.backup", {}),
)  # fmt: skip


def refusals(desk, house, blob):
    """What everybody is told who still wants something of the key."""
    asked = [
        *((house.app, *use) for use in USES),
        (house.app, "key.decrypt", {"ciphertext": blob}),
        (house.app, "key.decrypt", {"items": [{"ciphertext": blob}]}),
        (house.app, "key.re-encrypt", {"ciphertext": blob}),
        *((house.admin, *use) for use in MANAGES),
    ]
    for token, operation, fields in asked:
        _, reply = desk.reply(token, operation, "demo", **fields)
        assert reply.code == "key-not-usable", operation
        yield reply.detail


def test_who_uses_a_key_that_is_to_go_is_told_when_it_goes(desk, house):
    blob = desk.ask(house.app, "key.encrypt", "demo", plaintext=b"x").ciphertext
    view = scheduled(desk, house)
    assert (view.state, view.destroys) == ("destruction-scheduled", rfc3339(DUE_US))
    for warm in (desk, house.desk()):
        for detail in refusals(warm, house, blob):
            assert f"is to be destroyed at {rfc3339(DUE_US)}" in detail


def test_who_uses_a_key_that_is_gone_is_told_when_it_went(desk, house):
    warm = house.desk()
    blob = warm.ask(house.app, "key.encrypt", "demo", plaintext=b"x").ciphertext
    scheduled(desk, house)
    house.clock.now = DUE_US + 5
    assert desk.steward() == 1
    house.clock.now += 1_000 * DAY_US  # and for ever
    for come in (lambda: warm, lambda: desk, lambda: restarted(house)):
        one = come()
        for detail in refusals(one, house, blob):
            assert f"was destroyed at {rfc3339(DUE_US + 5)}" in detail
        for operation in ("key.schedule-destruction", "key.cancel-destruction", "key.update"):
            _, reply = one.reply(house.admin, operation, "demo")
            assert (reply.code, "was destroyed at" in reply.detail) == ("key-not-usable", True)


def test_who_uses_a_version_that_is_gone_is_told_when_it_went(desk, house):
    warm = house.desk()
    blob = warm.ask(house.app, "key.encrypt", "demo", plaintext=b"x").ciphertext
    desk.ask(house.admin, "key.rotate", "demo")
    scheduled(desk, house, key_version=1)
    _, reply = warm.reply(house.app, "key.decrypt", ciphertext=blob)
    assert f"version 1 of the key is to be destroyed at {rfc3339(DUE_US)}" in reply.detail
    house.clock.now = DUE_US
    assert desk.steward() == 1
    assert deeds(house, "demo") == [("key.destroy", {"key_version": 1})]
    _, reply = warm.reply(house.app, "key.decrypt", ciphertext=blob)
    assert f"version 1 of the key was destroyed at {rfc3339(DUE_US)}" in reply.detail
    new = warm.ask(house.app, "key.encrypt", "demo", plaintext=b"y").ciphertext
    assert warm.ask(house.app, "key.decrypt", ciphertext=new).plaintext == b"y"
    key, (first, second) = opened(house)
    assert (key.state, first.state, second.state) == (State.ACTIVE, State.DESTROYED, State.ACTIVE)
    assert not first.wrapped
    assert second.wrapped


# --- destruction ----------------------------------------------------------------------------------


def test_nothing_is_erased_early_and_all_of_it_when_it_is_due(desk, house):
    desk.ask(house.admin, "key.rotate", "demo")
    scheduled(desk, house)
    before = opened(house)
    for now in (START_US, START_US + 6 * DAY_US, DUE_US - 1):
        house.clock.now = now
        assert desk.steward() == 0
        assert opened(house) == before
    house.clock.now = DUE_US
    assert desk.steward() == 1
    assert desk.steward() == 0
    key, versions = opened(house)
    assert (key.state, key.destroyed_us) == (State.DESTROYED, DUE_US)
    assert [version.state for version in versions] == [State.DESTROYED] * 2
    assert not any(version.wrapped or version.fingerprint for version in versions)
    assert deeds(house, "demo") == [("key.destroy", {"versions": 2})]


def test_the_public_record_stays_and_the_name_stays_taken(desk, house):
    made = desk.ask(
        house.admin, "key.create", name="signs", algorithm="ed25519", labels={"team": "pay"}
    )
    public = desk.ask(house.app, "key.read-public-key", "signs")
    signature = desk.ask(house.app, "key.sign", "signs", message=b"m").signature
    scheduled(desk, house, "signs")
    house.clock.now = DUE_US
    desk.steward()
    view = desk.ask(house.admin, "key.read", "signs")
    assert (view.id, view.labels, view.state) == (made.id, {"team": "pay"}, "destroyed")
    assert [(v.state, v.material, v.destroyed) for v in view.versions] == [
        ("destroyed", False, rfc3339(DUE_US))
    ]
    assert desk.ask(house.app, "key.read-public-key", "signs") == public
    assert desk.ask(house.admin, "key.read-usage", "signs").uses == 1
    assert desk.refusal(house.app, "key.verify", "signs", message=b"m", signature=signature) == (
        "key-not-usable"
    )
    assert desk.refusal(house.admin, "key.create", name="signs") == "already-exists"


def test_no_file_of_the_store_holds_what_was_erased(desk, house):
    """Of a key and of a single version; what is still in use is there, so that one looks right."""
    desk.ask(house.admin, "key.rotate", "demo")
    desk.ask(house.admin, "key.create", name="other")
    desk.ask(house.admin, "key.rotate", "other")
    gone = [spelt(version.wrapped) for version in opened(house)[1]]
    first, second = (spelt(version.wrapped) for version in opened(house, "other")[1])
    assert all(wrapped in on_disk(house) for wrapped in (*gone, first, second))
    scheduled(desk, house)
    scheduled(desk, house, "other", key_version=1)
    house.clock.now = DUE_US
    desk.steward()
    for _ in range(2):
        files = on_disk(house)
        assert not any(wrapped in files for wrapped in (*gone, first))
        # Nor a part of it: half of a row on a page that was split is enough.
        assert not any(wrapped[16:40] in files for wrapped in (*gone, first))
        assert second in files
        restarted(house)


VERSIONS = 450


def grown(desk, house, name, versions):
    desk.ask(house.admin, "key.create", name=name)
    for _ in range(versions - 1):
        desk.ask(house.admin, "key.rotate", name)
    return [spelt(version.wrapped) for version in opened(house, name)[1]]


def test_a_key_of_many_versions_is_erased_in_several_commits(desk, house):
    wrapped = grown(desk, house, "old", VERSIONS)
    assert len(set(wrapped)) == VERSIONS
    scheduled(desk, house, "old")
    house.clock.now = DUE_US
    desk.steward()
    key, versions = opened(house, "old")
    assert key.state is State.DESTROYED
    assert len(versions) == VERSIONS
    assert not any(version.wrapped for version in versions)
    files = on_disk(house)
    assert not any(one in files for one in wrapped)
    done = [details["versions"] for _, details in deeds(house, "old")]
    assert sum(done) == VERSIONS
    assert len(done) > 1


class Failing:
    """A store whose commits fail from some moment on, before or after they were kept."""

    def __init__(self, store, commits, *, kept):
        self._store, self._left, self._kept = store, commits, kept

    def __getattr__(self, name):
        return getattr(self._store, name)

    def commit(self, group):
        if self._left == 0:
            if self._kept:
                self._store.commit(group)
                self._kept = False
            raise StoreUnavailable
        self._left -= 1
        return self._store.commit(group)


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("commits", [0, 1, 2])
def test_a_destruction_that_was_cut_short_is_finished_later(desk, house, commits, kept):
    wrapped = grown(desk, house, "old", VERSIONS)
    scheduled(desk, house, "old")
    house.clock.now = DUE_US
    dying = house.at(Failing(house.store, commits, kept=kept)).desk()
    with pytest.raises(Unavailable):
        dying.steward()
    gone = sum(not version.wrapped for version in opened(house, "old")[1])
    assert gone == min(200 * (commits + kept), VERSIONS)
    # Half a key is no key, and nobody brings it back.
    late = restarted(house)
    _, reply = late.reply(house.app, "key.encrypt", "old", plaintext=b"x")
    assert reply.code == "key-not-usable"
    assert late.refusal(house.admin, "key.cancel-destruction", "old") == "key-not-usable"
    house.clock.now += DAY_US
    late.steward()
    key, versions = opened(house, "old")
    assert key.state is State.DESTROYED
    assert not any(version.wrapped for version in versions)
    assert sum(details["versions"] for _, details in deeds(house, "old")) == VERSIONS
    files = on_disk(house)
    assert not any(one in files for one in wrapped)
    assert late.steward() == 0


def test_a_record_that_trips_the_steward_holds_up_no_other(desk, house, monkeypatch):
    for name in ("one", "bad", "two"):
        desk.ask(house.admin, "key.create", name=name)
        scheduled(desk, house, name)
    house.clock.now = DUE_US
    attend = desk._steward._attend

    async def tripping(record):
        if record.name == "bad":
            raise ValueError("tripped")
        return await attend(record)

    monkeypatch.setattr(desk._steward, "_attend", tripping)
    with pytest.raises(ValueError, match="tripped"):
        desk.steward()
    assert [opened(house, name)[0].state for name in ("one", "bad", "two")] == [
        State.DESTROYED, State.DESTRUCTION_SCHEDULED, State.DESTROYED,
    ]  # fmt: skip


def test_what_was_due_while_nothing_ran_is_done_once_afterwards(desk, house):
    scheduled(desk, house)
    house.clock.now = DUE_US + 900 * DAY_US
    late = restarted(house)
    assert late.steward() == 1
    assert late.steward() == 0
    assert opened(house)[0].destroyed_us == house.clock.now
    assert restarted(house).steward() == 0


def test_of_versions_that_go_on_their_own_day_each_goes_on_its_day(desk, house):
    for _ in range(3):
        desk.ask(house.admin, "key.rotate", "demo")
    for number, days in ((1, 7), (2, 9), (3, 8)):
        scheduled(desk, house, days=days, key_version=number)
    for days, left in ((7, [2, 3, 4]), (8, [2, 4]), (9, [4])):
        house.clock.now = START_US + days * DAY_US - 1
        assert desk.steward() == 0
        house.clock.now += 1
        assert desk.steward() == 1
        present = [n for n, version in enumerate(opened(house)[1], 1) if version.wrapped]
        assert present == left


def test_a_key_takes_versions_with_it_that_were_to_go_later(desk, house):
    desk.ask(house.admin, "key.rotate", "demo")
    scheduled(desk, house, days=300, key_version=1)
    scheduled(desk, house, days=7)
    house.clock.now = DUE_US
    assert desk.steward() == 1
    house.clock.now = START_US + 300 * DAY_US
    assert desk.steward() == 0
    assert not any(version.wrapped for version in opened(house)[1])


# --- what stands in its way -----------------------------------------------------------------------


def test_a_protected_key_is_not_scheduled_until_the_protection_is_off(desk, house):
    desk.ask(house.admin, "key.create", name="crown", deletion_protection=True)
    for fields in ({}, {"days": 365}, {"key_version": 1}):
        _, reply = desk.reply(house.admin, "key.schedule-destruction", "crown", **fields)
        assert (reply.code, "deletion protection" in reply.detail) == ("key-not-usable", True)
    desk.ask(house.admin, "key.update", "crown", deletion_protection=False)
    assert scheduled(house.desk(), house, "crown").state == "destruction-scheduled"


@pytest.mark.parametrize("days", [0, 6, 366, -7])
def test_a_waiting_time_out_of_bounds_is_refused(desk, house, days):
    assert desk.refusal(house.admin, "key.schedule-destruction", "demo", days=days) == (
        "invalid-request"
    )
    assert opened(house)[0].state is State.ACTIVE


def test_thirty_days_pass_unless_other_is_said(desk, house):
    view = desk.ask(house.admin, "key.schedule-destruction", "demo")
    assert view.destroys == rfc3339(START_US + 30 * DAY_US)


def test_the_namespace_says_how_short_the_waiting_time_may_be(desk, house):
    other = house.desk()
    desk.ask(house.admin, "namespace.update", destruction_days_min=60)
    for days in (7, 59):
        _, reply = other.reply(house.admin, "key.schedule-destruction", "demo", days=days)
        assert (reply.code, "at least 60 days" in reply.detail) == ("invalid-request", True)
    desk.ask(house.admin, "key.create", name="other")
    view = other.ask(house.admin, "key.schedule-destruction", "other")  # 30 would be too few
    assert view.destroys == rfc3339(START_US + 60 * DAY_US)
    assert scheduled(other, house, days=60).destroys == rfc3339(START_US + 60 * DAY_US)


def test_a_second_request_does_not_bring_the_day_nearer(desk, house):
    scheduled(desk, house, days=300)
    assert desk.refusal(house.admin, "key.schedule-destruction", "demo", days=7) == "key-not-usable"
    assert opened(house)[0].destroys_us == START_US + 300 * DAY_US


# --- cancelled ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operations", "then"),
    [
        ((), "suspended"),
        (("key.disable",), "suspended"),
        (("key.deactivate",), "deactivated"),
        (("key.mark-compromised",), "compromised"),
        (("key.disable", "key.deactivate"), "deactivated"),
        (("key.deactivate", "key.mark-compromised"), "compromised"),
    ],
)
@pytest.mark.parametrize("fields", [{}, {"key_version": 1}])
def test_what_is_cancelled_comes_back_stopped_or_as_it_was(desk, house, operations, then, fields):
    for operation in operations:
        desk.ask(house.admin, operation, "demo", **fields)
    for _ in range(2):  # and again: what a detour does not do, two do not
        scheduled(desk, house, **fields)
        view = desk.ask(house.admin, "key.cancel-destruction", "demo", **fields)
        back = view.versions[0] if fields else view
        assert (back.state, back.destroys) == (then, "")
    house.clock.now = DUE_US + DAY_US
    assert house.desk().steward() == 0
    key, (version,) = opened(house)
    assert (version.state if fields else key.state) == then
    assert version.wrapped


def test_a_key_that_waits_for_its_first_day_goes_on_waiting(desk, house):
    first_us = START_US + 100 * DAY_US
    desk.ask(house.admin, "key.create", name="young", activates=rfc3339(first_us))
    scheduled(desk, house, "young")
    view = desk.ask(house.admin, "key.cancel-destruction", "young")
    assert (view.state, view.activates) == ("pre-activation", rfc3339(first_us))
    house.clock.now = first_us
    assert not desk.refusal(house.app, "key.encrypt", "young", plaintext=b"x")


def test_cancelling_does_not_start_a_key_whose_first_day_came_meanwhile(desk, house):
    first_us = START_US + 2 * DAY_US
    desk.ask(house.admin, "key.create", name="young", activates=rfc3339(first_us))
    scheduled(desk, house, "young")
    house.clock.now = first_us
    assert desk.steward() == 0
    assert desk.ask(house.admin, "key.cancel-destruction", "young").state == "suspended"
    assert desk.refusal(house.app, "key.encrypt", "young", plaintext=b"x") == "key-not-usable"


def test_a_key_whose_time_was_over_does_not_come_back_as_one_that_can_be_enabled(desk, house):
    """Also when nobody had written down yet that it was over."""
    last_us = START_US + DAY_US
    desk.ask(house.admin, "key.create", name="old", deactivates=rfc3339(last_us))
    house.clock.now = last_us
    scheduled(desk, house, "old")
    assert desk.ask(house.admin, "key.cancel-destruction", "old").state == "deactivated"
    assert desk.refusal(house.admin, "key.enable", "old") == "key-not-usable"


@pytest.mark.parametrize("fields", [{}, {"key_version": 1}])
def test_a_compromise_is_not_laundered(desk, house, fields):
    """By no sequence of transitions does it become usable without the right again."""
    blob = desk.ask(house.app, "key.encrypt", "demo", plaintext=b"x").ciphertext
    desk.ask(house.admin, "key.mark-compromised", "demo", **fields)
    ways = ("enable", "disable", "deactivate", "mark-compromised", "cancel-destruction")
    for way in ways:
        desk.reply(house.admin, f"key.{way}", "demo", **fields)
        scheduled(desk, house, **fields)
        for other in ways[:-1]:
            assert desk.refusal(house.admin, f"key.{other}", "demo", **fields) == "key-not-usable"
        desk.ask(house.admin, "key.cancel-destruction", "demo", **fields)
        for operation, asked in (
            ("key.encrypt", {"plaintext": b"x"}), ("key.decrypt", {"ciphertext": blob}),
        ):  # fmt: skip
            code = desk.refusal(house.app, operation, "demo", **asked)
            assert code == ("key-not-usable" if operation == "key.encrypt" else "not-allowed")
    key, (version,) = opened(house)
    assert (version if fields else key).state is State.COMPROMISED


# --- two stewards ---------------------------------------------------------------------------------


class Meeting(DirectLedger):
    """Two of them look at what is due, and commit, each before the other has gone on."""

    async def due(self, *asked):
        found = await super().due(*asked)
        await asyncio.sleep(0)
        return found

    async def load(self, refs):
        found = await super().load(refs)
        await asyncio.sleep(0)
        return found

    async def commit(self, commit):
        await asyncio.sleep(0)
        return await super().commit(commit)


async def together(*clients):
    return await asyncio.gather(*(client.turns() for client in clients))


def busy(desk, house):
    """Something of each kind to do, all of it on the same day. Returns what is to be on record."""
    admin, on = house.admin, rfc3339(DUE_US)
    desk.ask(admin, "key.create", name="begins", activates=on)
    desk.ask(admin, "key.create", name="ends", deactivates=on)
    desk.ask(admin, "key.create", name="rotates", rotation_days=7)
    desk.ask(admin, "key.create", name="pair", algorithm="rsa-2048", rotation_days=7)
    desk.ask(admin, "key.create", name="goes")
    desk.ask(admin, "key.rotate", "goes")
    scheduled(desk, house, "goes")
    desk.ask(admin, "key.create", name="part")
    scheduled(desk, house, "part", key_version=1)
    desk.ask(admin, "key.create", name="brought", origin="imported")
    for _ in range(2):
        ticket = desk.ask(admin, "key.import-parameters", "brought", wrapping_key="rsa-2048")
    material = travelling(ticket.public_key, bytes(range(32)))
    desk.ask(
        admin, "key.import", "brought", import_token=ticket.import_token,
        wrapped_material=material, expires=on,
    )  # fmt: skip
    return {
        "begins": ["key.activate"], "ends": ["key.deactivate"], "rotates": ["key.rotate"],
        "pair": ["key.rotate"], "goes": ["key.destroy"], "part": ["key.destroy"],
        "brought": ["key.expire-import", "key.expire-material"],
    }  # fmt: skip


def test_of_two_stewards_at_once_each_thing_is_done_by_one(house):
    made = busy(house.desk(), house)
    house.clock.now = DUE_US
    ledgers = [Meeting(house.store) for _ in range(2)]
    did = at_once(together(*(house.desk(ledger=ledger) for ledger in ledgers)))
    assert sum(did) == sum(map(len, made.values()))
    assert {name: [action for action, _ in deeds(house, name)] for name in made} == made
    assert house.desk().steward() == 0
    assert opened(house, "rotates")[0].current_version == 2
    assert opened(house, "pair")[0].current_version == 2


def test_what_the_steward_did_is_an_entry_like_any_other(house):
    desk = house.desk()
    made = busy(desk, house)
    house.clock.now = DUE_US
    desk.steward()
    for name, actions in made.items():
        found = entries(house, principal="strongroom:steward", object=f"key/{name}")
        assert [entry["action"] for entry in found] == actions
        for entry in found:
            assert (entry["outcome"], entry["time"]) == ("allowed", rfc3339(DUE_US))
            record = house.store.find(Kind.KEY, house.first, name)
            assert "token" not in entry
            if entry["action"] in ("key.activate", "key.deactivate"):
                (kept,) = house.store.load([Ref(Kind.KEY, record.id)])
                assert kept.request == entry["request"]  # the record leads to its entry


def test_a_change_between_the_stewards_look_and_its_commit_holds(house):
    """The version is cancelled when its day has come for the steward, but not for the other."""
    desk = house.desk()
    scheduled(desk, house, key_version=1)

    class Interrupted(DirectLedger):
        async def commit(self, commit):
            if commit.entry.action == "key.destroy":
                house.clock.now = DUE_US - 1  # the other's clock goes a little after
                fields = {"key_version": 1}
                _, reply = await desk.replied(
                    house.admin, "key.cancel-destruction", "demo", **fields
                )
                assert not reply.code
            return await super().commit(commit)

    house.clock.now = DUE_US
    assert house.desk(ledger=Interrupted(house.store)).steward() == 0
    assert opened(house)[1][0].wrapped
    assert deeds(house) == []


def test_protection_comes_too_late_for_a_key_that_is_about_to_be_destroyed(house):
    desk = house.desk()
    desk.ask(house.admin, "key.schedule-destruction", "demo")
    refused = desk.refusal(house.admin, "key.update", "demo", deletion_protection=True)
    assert refused == "key-not-usable"
    desk.ask(house.admin, "key.update", "demo", description="still described")
