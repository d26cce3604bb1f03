"""Who used which version, when and how often: as the audit log says, counted anew by the test."""

import random
from collections import Counter
from datetime import UTC, datetime

import pytest

from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain import limits
from strongroom.domain.times import DAY_US, rfc3339
from tests.support.deeds import entries
from tests.support.desks import START_US, House


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


def user(desk, house, name):
    desk.ask(house.admin, "principal.create", name=name, roles=["key-user"])
    return desk.ask(house.admin, "token.create", principal=name, days=3_650).token


def usage(desk, house, name="demo", **fields):
    return desk.ask(house.admin, "key.read-usage", name, **fields)


def day(time_us):
    return datetime.fromtimestamp(time_us // 1_000_000, UTC).date().isoformat()


# --- an independent count -------------------------------------------------------------------------

_NO_MATERIAL = {
    "key.create", "key.list", "key.read", "key.update", "key.rotate", "key.enable", "key.disable",
    "key.read-usage", "key.read-public-key",
}  # fmt: skip


def recount(house, name):
    """(version, principal, day) -> uses of that key, by what the entries say."""
    counts = Counter()
    for entry in entries(house):
        if entry["outcome"] != "allowed" or not entry["action"].startswith("key."):
            continue
        if entry["action"] in _NO_MATERIAL:
            continue
        details = entry.get("details", {})
        done = details.get("count", 1) - details.get("failed", 0)
        uses = Counter()
        for told in details.get("uses", []):
            key, _, rest = told.partition("/")
            version, _, times = rest.partition(":")
            uses[key, int(version)] += int(times)
        if "source" in details:
            uses[details["source"], details["source_version"]] += 1
        if entry.get("version"):
            uses[entry["object"].removeprefix("key/"), entry["version"]] += done
        for (key, version), times in uses.items():
            if key == name:
                counts[version, entry["principal"], entry["time"][:10]] += times
    return +counts


def told(view):
    """The same, by what the answer says."""
    return Counter({
        (version.version, each.principal, each.day): each.uses
        for version in view.versions for each in version.by_day
    })  # fmt: skip


class Traffic:
    """Calls of every kind, at random, but the same each time."""

    def __init__(self, house):
        self.chance = random.Random(6)  # noqa: S311 - see above
        self.desks = [house.desk(), house.desk()]
        self.tokens = [house.app, *(user(self.desks[0], house, name) for name in ("shop", "till"))]
        self.blobs = [self.sealed("demo"), self.sealed("other")]
        self.kinds = (
            self.encrypt, self.encrypt_batch, self.decrypt, self.decrypt_batch, self.re_encrypt,
            self.re_encrypt_batch, self.data_key, self.wrong, self.wrong_kind,
        )  # fmt: skip

    def sealed(self, name):
        caller = self.desks[0], self.tokens[0]
        return caller[0].ask(caller[1], "key.encrypt", name, plaintext=b"x").ciphertext

    def next(self):
        self.chance.choice(self.kinds)()

    def ask(self, operation, target="", **fields):
        desk, token = self.chance.choice(self.desks), self.chance.choice(self.tokens)
        return desk.reply(token, operation, target, **fields)[1].code

    def some(self, count):
        return [{"ciphertext": self.chance.choice(self.blobs)} for _ in range(count)]

    def one(self):
        return self.chance.choice(self.blobs)

    def key(self):
        return self.chance.choice(["demo", "other"])

    def encrypt(self):
        self.blobs.append(self.sealed(self.chance.choice(["demo", "alias:nick"])))

    def encrypt_batch(self):
        items = [{"plaintext": b"x"}] * self.chance.randrange(1, 9)
        assert not self.ask("key.encrypt", "demo", items=items)

    def decrypt(self):
        assert not self.ask("key.decrypt", ciphertext=self.one())

    def decrypt_batch(self):
        items = self.some(self.chance.randrange(1, 9))
        items += [{"ciphertext": b"nothing"}] * self.chance.randrange(3)
        self.ask("key.decrypt", self.chance.choice(["", "demo", "alias:nick"]), items=items)

    def re_encrypt(self):
        assert not self.ask("key.re-encrypt", self.key(), ciphertext=self.one())

    def re_encrypt_batch(self):
        items = [*self.some(4), {"ciphertext": b"no"}]
        assert not self.ask("key.re-encrypt", self.key(), items=items)

    def data_key(self):
        assert not self.ask("key.generate-data-key", "demo")

    def wrong(self):
        assert self.ask("key.decrypt", ciphertext=self.one(), context={"not": "so"})

    def wrong_kind(self):
        assert self.ask("key.sign", "demo", message=b"m")


def test_counts_are_those_of_the_audit_log(house, desk):
    """Some hundred calls of every kind, by three callers, through two desks, over forty days."""
    desk.ask(house.admin, "key.create", name="other")
    desk.ask(house.admin, "alias.write", "nick", key="demo")
    traffic = Traffic(house)
    for number in range(400):
        house.clock.now += traffic.chance.randrange(DAY_US // 5)
        traffic.next()
        if number % 60 == 59:
            desk.ask(house.admin, "key.rotate", "demo")
    for name in ("demo", "other"):
        view, counted = usage(desk, house, name, days=90), recount(house, name)
        assert len(counted) > 30
        assert told(view) == counted
        assert (view.uses, view.complete) == (sum(counted.values()), True)
        for version in view.versions:
            callers = Counter()
            for (number, principal, _), times in counted.items():
                callers[principal] += times * (number == version.version)
            assert {caller.principal: caller.uses for caller in version.callers} == +callers
            assert version.uses == callers.total()
    before = usage(desk, house, days=90)
    house.store.close()
    house.store = SQLiteStore.open(house.path)
    assert usage(house.desk(), house, days=90) == before


# --- what counts ----------------------------------------------------------------------------------

USES = {
    "key.sign": ({"algorithm": "ed25519"}, {"message": b"m"}),
    "key.mac": ({"algorithm": "hmac-sha256"}, {"message": b"m"}),
    "key.verify": ({"algorithm": "ed25519"}, {"message": b"m", "signature": b"x"}),
    "key.verify-mac": ({"algorithm": "hmac-sha256"}, {"message": b"m", "tag": bytes(32)}),
    "key.encapsulate": ({"algorithm": "ml-kem-768"}, {}),
    "key.wrap": ({"algorithm": "aes-256-kw"}, {"material": bytes(16)}),
    "key.encrypt": ({"algorithm": "aes-256-gcm-raw"}, {"plaintext": b"x"}),
    "key.generate-data-key": ({}, {}),
    "key.generate-data-key-pair": ({}, {"algorithm": "ed25519"}),
}


@pytest.mark.parametrize("operation", USES)
def test_one_operation_is_one_use(desk, house, operation):
    """Also to find a signature wrong: the key was asked for it."""
    made, fields = USES[operation]
    desk.ask(house.admin, "key.create", name="key", **made)
    for count in (1, 2):
        desk.ask(house.app, operation, "key", **fields)
        view = usage(desk, house, "key")
        assert (view.uses, view.last_used) == (count, rfc3339(START_US))
        assert [caller.principal for caller in view.versions[0].callers] == ["app"]


def test_what_does_not_use_material_is_no_use(desk, house):
    desk.ask(house.admin, "alias.write", "nick", key="demo")
    for operation in ("key.read", "key.read-usage", "key.rotate", "key.disable", "key.enable",
                      "key.update", "key.backup"):  # fmt: skip
        desk.ask(house.admin, operation, "demo")
    view = usage(desk, house)
    assert (view.uses, view.last_used) == (0, "")
    assert not any(version.by_day or version.callers for version in view.versions)


def test_refused_uses_are_none(desk, house):
    blob = desk.ask(house.app, "key.encrypt", "demo", plaintext=b"x").ciphertext
    desk.ask(house.admin, "principal.create", name="nobody")
    nobody = desk.ask(house.admin, "token.create", principal="nobody").token
    house.clock.now += 1
    for token, fields in (
        (nobody, {"ciphertext": blob}), ("", {"ciphertext": blob}),
        (house.app, {"ciphertext": blob, "context": {"a": "b"}}),
        (house.app, {"ciphertext": b"x"}), (house.app, {"items": [{"ciphertext": b"x"}] * 9}),
    ):  # fmt: skip
        assert desk.refusal(token, "key.decrypt", "demo", **fields)
    desk.ask(house.admin, "key.disable", "demo")
    assert desk.refusal(house.app, "key.decrypt", ciphertext=blob)
    view = usage(desk, house)
    assert (view.uses, view.last_used) == (1, rfc3339(START_US))


def test_keys_of_the_same_name_in_other_namespaces_are_other_keys(desk, house):
    other = desk.ask(house.admin, "namespace.create", name="other").token
    desk.ask(other, "key.create", name="demo")
    desk.ask(house.app, "key.encrypt", "demo", plaintext=b"x")
    assert usage(desk, house).uses == 1
    assert desk.ask(other, "key.read-usage", "demo").uses == 0


# --- days -----------------------------------------------------------------------------------------


def test_days_are_those_of_utc_and_today_is_one_of_them(desk, house):
    midnight = (START_US // DAY_US + 1) * DAY_US
    for now in (midnight - 1, midnight, midnight + DAY_US - 1, midnight + 3 * DAY_US):
        house.clock.now = now
        desk.ask(house.app, "key.encrypt", "demo", plaintext=b"x")
    (version,) = usage(desk, house).versions
    assert [(each.day, each.uses) for each in version.by_day] == [
        (day(midnight + 3 * DAY_US), 1), (day(midnight), 2), (day(midnight - 1), 1),
    ]  # fmt: skip
    for days, count in ((1, 1), (2, 1), (3, 1), (4, 3), (5, 4), (400, 4)):
        view = usage(desk, house, days=days)
        assert view.uses == count
        assert view.since == rfc3339(midnight + (4 - days) * DAY_US)


@pytest.mark.parametrize("days", [0, -1, limits.USAGE_DAYS_MAX + 1])
def test_days_out_of_bounds_are_refused(desk, house, days):
    assert desk.refusal(house.admin, "key.read-usage", "demo", days=days) == "invalid-request"


# --- what nobody needs any more -------------------------------------------------------------------


def safe(view):
    return {version.version: version.safe_to_retire for version in view.versions}


def test_a_version_is_safe_to_retire_when_nobody_used_it_for_so_long(desk, house):
    blob = desk.ask(house.app, "key.encrypt", "demo", plaintext=b"x").ciphertext
    desk.ask(house.admin, "key.rotate", "demo")
    desk.ask(house.admin, "key.rotate", "demo")
    assert safe(usage(desk, house)) == {3: False, 2: True, 1: False}
    house.clock.now += 30 * DAY_US
    assert safe(usage(desk, house, days=31)) == {3: False, 2: True, 1: False}
    assert safe(usage(desk, house, days=30)) == {3: False, 2: True, 1: True}
    house.desk().ask(house.app, "key.decrypt", ciphertext=blob)  # somebody still had one
    view = usage(desk, house, days=30)
    assert safe(view) == {3: False, 2: True, 1: False}
    (caller,) = view.versions[-1].callers
    assert (caller.principal, caller.uses, caller.last_used) == ("app", 1, rfc3339(house.clock.now))


def test_the_current_version_is_never_safe_to_retire(desk, house):
    house.clock.now += 400 * DAY_US
    assert safe(usage(desk, house)) == {1: False}


def test_a_source_that_is_re_encrypted_was_used(desk, house):
    desk.ask(house.admin, "key.create", name="new")
    blob = desk.ask(house.app, "key.encrypt", "demo", plaintext=b"x").ciphertext
    desk.ask(house.admin, "key.rotate", "demo")
    house.clock.now += 100 * DAY_US
    assert safe(usage(desk, house)) == {2: False, 1: True}
    desk.ask(house.app, "key.re-encrypt", "new", items=[{"ciphertext": blob}])
    assert safe(usage(desk, house)) == {2: False, 1: False}


def test_retired_versions_are_shown_only_where_they_were_used(desk, house):
    desk.ask(house.app, "key.encrypt", "demo", plaintext=b"x")
    for _ in range(3):
        desk.ask(house.admin, "key.rotate", "demo")
    desk.ask(house.admin, "key.update", "demo", min_version=3)
    assert safe(usage(desk, house)) == {4: False, 3: True, 1: False}


def test_an_answer_that_is_cut_off_calls_nothing_safe(desk, house, monkeypatch):
    monkeypatch.setattr(limits, "USAGE_ROWS_MAX", 3)
    for number in range(4):
        house.clock.now = START_US + number * DAY_US
        desk.ask(house.app, "key.encrypt", "demo", plaintext=b"x")
    desk.ask(house.admin, "key.rotate", "demo")
    desk.ask(house.admin, "key.rotate", "demo")
    view = usage(desk, house)
    assert (view.complete, view.uses) == (False, 3)
    assert not any(safe(view).values())
    assert usage(desk, house, days=2).complete


def test_an_answer_says_when_it_leaves_versions_out(desk, house, monkeypatch):
    monkeypatch.setattr(limits, "PAGE_ITEMS_MAX", 2)
    desk.ask(house.admin, "key.rotate", "demo")
    assert usage(desk, house).complete
    desk.ask(house.admin, "key.rotate", "demo")
    view = usage(desk, house)
    assert (safe(view), view.complete) == ({3: False, 2: True}, False)


def test_who_may_not_read_it_is_refused(desk, house):
    assert desk.refusal(house.app, "key.read-usage", "demo") == "not-allowed"
    assert desk.refusal(house.admin, "key.read-usage", "nothing") == "not-found"


# --- the last of them -----------------------------------------------------------------------------


def test_the_last_use_is_named_with_its_request_for_each_key_that_it_was_of(desk, house):
    assert usage(desk, house).last_request == ""
    desk.ask(house.admin, "key.create", name="other")
    sealed = desk.ask(house.app, "key.encrypt", "demo", plaintext=b"x").ciphertext
    house.clock.now += 1
    _, reply = desk.reply(house.app, "key.re-encrypt", "other", ciphertext=sealed)
    assert not reply.code
    made = entries(house)[-1]
    desk.ask(house.app, "key.encrypt", "other", plaintext=b"x")  # in the same microsecond
    for name, action in (("demo", "key.re-encrypt"), ("other", "key.encrypt")):
        found = usage(desk, house, name)
        assert (found.last_used, found.last_action) == (rfc3339(house.clock.now), action)
    assert usage(desk, house).last_request == made["request"]
    house.clock.now += 1
    desk.ask(house.admin, "key.disable", "demo")
    assert desk.refusal(house.app, "key.encrypt", "demo", plaintext=b"x") == "key-not-usable"
    assert usage(desk, house).last_request == made["request"]


def test_versions_are_shown_from_below_a_number(desk, house):
    for _ in range(3):
        desk.ask(house.admin, "key.rotate", "demo")
    for before, shown in ((4, [3, 2, 1]), (2, [1]), (1, []), (1_000, [4, 3, 2, 1])):
        view = desk.ask(house.admin, "key.read", "demo", before=before)
        assert [version.version for version in view.versions] == shown
