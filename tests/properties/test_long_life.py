"""Keys through years: states, dates, rotations, destructions and uses in any order, on a model.

The clock is moved by a microsecond or by years, and likes to stand just before a date, on it, and
just after. The steward of any desk looks in at any moment. After each step, everything is tried at
one of the desks. The model knows nothing of rows, epochs or caches: only what somebody who read the
documentation would expect.
"""

import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from strongroom.adapters.cedar import CedarEngine
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain.times import DAY_US, rfc3339
from tests.support import SOAK_SECONDS
from tests.support.desks import START_US, House

PLACES = st.sampled_from(["demo", "demo", "a"])  # whoever does all to one finds more
DESKS = st.sampled_from([0, 1])
END_US = START_US + 3_500 * DAY_US  # a token lives ten years
DATES = st.sampled_from([1, DAY_US, 20 * DAY_US, 200 * DAY_US])  # from now on
MAYBE_DATES = st.one_of(st.just(0), DATES)
TRANSITIONS = st.sampled_from(
    ["enable", "enable", "disable", "disable", "deactivate", "mark-compromised",
     "schedule-destruction", "schedule-destruction", "cancel-destruction", "cancel-destruction"]
)  # fmt: skip
OPERATIONS = st.sampled_from([[], ["key.encrypt"], ["key.encrypt", "key.decrypt"]])

NOT_USABLE, INVALID, NOT_ALLOWED, NOT_FOUND = (
    "key-not-usable", "invalid-request", "not-allowed", "not-found",
)  # fmt: skip
PRE, ACTIVE, SUSPENDED, DEACTIVATED, COMPROMISED, SCHEDULED, DESTROYED = (
    "pre-activation", "active", "suspended", "deactivated", "compromised", "destruction-scheduled",
    "destroyed",
)  # fmt: skip
# From which states each transition leads, and to which.
WAYS = {
    "enable": ({ACTIVE, SUSPENDED}, ACTIVE),
    "disable": ({ACTIVE, SUSPENDED}, SUSPENDED),
    "deactivate": ({ACTIVE, SUSPENDED, DEACTIVATED}, DEACTIVATED),
    "mark-compromised": ({PRE, ACTIVE, SUSPENDED, DEACTIVATED, COMPROMISED}, COMPROMISED),
    "schedule-destruction": ({PRE, ACTIVE, SUSPENDED, DEACTIVATED, COMPROMISED}, SCHEDULED),
    "cancel-destruction": ({SCHEDULED}, None),
}


class Thing:
    """What a key and a version have in common: where it is in its life."""

    def __init__(self):
        self.said = ACTIVE  # what somebody said last; dates say the rest
        self.activates = self.deactivates = self.destroys = self.destroyed = 0
        self.before = ""

    def state(self, now):
        state = self.said
        if state == PRE and self.activates and now >= self.activates:
            state = ACTIVE
        if state == ACTIVE and self.deactivates and now >= self.deactivates:
            state = DEACTIVATED
        return state

    def move(self, transition, now, days):
        """Whether it may; and then it has."""
        from_, to = WAYS[transition]
        state = self.state(now)
        if state not in from_:
            return False
        if transition == "cancel-destruction":
            if now >= self.destroys:
                return False
            to = self.before if self.before in (PRE, DEACTIVATED, COMPROMISED) else SUSPENDED
            if to == PRE and self.activates and now >= self.activates:
                to = SUSPENDED
            self.destroys = 0
        elif transition == "schedule-destruction":
            self.before, self.destroys = state, now + days * DAY_US
        self.said = to
        return True

    def erase(self, now):
        if self.said != DESTROYED:
            self.said, self.destroyed = DESTROYED, now


class Key(Thing):
    """A key, its versions from 1, and what was done with it."""

    def __init__(self, now, days=0, uses=0):
        super().__init__()
        self.versions = [Thing()]
        self.oldest = 1
        self.days, self.rule = days, uses
        self.rotates = now + days * DAY_US if days else 0
        self.protected = False
        self.operations, self.not_before, self.not_after, self.most = [], 0, 0, 0
        self.uses = Counter()  # by version and day

    @property
    def current(self):
        return len(self.versions)

    def rotate(self, now):
        self.versions.append(Thing())
        self.rotates = now + self.days * DAY_US if self.days else 0

    def used(self, version=None):
        return sum(n for (number, _), n in self.uses.items() if version in (None, number))

    def shut(self, operation, now):
        """Whether its own bounds forbid it now."""
        return (
            bool(self.operations and operation not in self.operations)
            or now < self.not_before
            or 0 < self.not_after <= now
        )

    def protects(self, now, count):
        if self.state(now) != ACTIVE or self.shut("key.encrypt", now):
            return NOT_USABLE
        if self.versions[-1].state(now) != ACTIVE or self.full(count):
            return NOT_USABLE
        return ""

    def processes(self, number, now, *, recoverer):
        """As far as somebody gets, in the order in which it is looked at."""
        open_ = (ACTIVE, DEACTIVATED, COMPROMISED)
        if self.state(now) not in open_ or self.shut("key.decrypt", now):
            return NOT_USABLE
        if self.state(now) == COMPROMISED and not recoverer:
            return NOT_ALLOWED
        version = self.versions[number - 1]
        if number < self.oldest or version.state(now) not in open_:
            return NOT_USABLE
        if version.state(now) == COMPROMISED and not recoverer:
            return NOT_ALLOWED
        return NOT_USABLE if self.full(1) else ""

    def full(self, count):
        return bool(self.most) and self.used() + count > self.most

    def due(self, now):
        """What the steward is to do, and has done when it comes back."""
        for version in self.versions:
            if version.said == SCHEDULED and now >= version.destroys:
                version.erase(now)
        if self.said == SCHEDULED and now >= self.destroys:
            self.erase(now)
            for version in self.versions:
                version.erase(now)
        if self.state(now) == ACTIVE and self.rotates and now >= self.rotates:
            self.rotate(now)

    def dates(self):
        """Moments at which something changes."""
        things = [self, *self.versions]
        dates = [self.activates, self.deactivates, self.rotates, self.not_before, self.not_after]
        return [date for date in (*dates, *(thing.destroys for thing in things)) if date]


class LongLife(RuleBasedStateMachine):
    """What was acknowledged holds everywhere, to the microsecond, for ever."""

    def __init__(self):
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.house = House(Path(self.directory.name) / "store.db")
        self.engine = CedarEngine()
        self.house.lasting()
        desk = self.house.desk(self.engine)
        admin = self.house.admin
        desk.ask(admin, "principal.create", name="recoverer", roles=["key-recoverer"])
        self.recoverer = desk.ask(admin, "token.create", principal="recoverer", days=3_650).token
        self.admin, self.app = admin, self.house.app
        self.keys = {"demo": Key(START_US, days=90)}
        self.alias = ""
        self.sealed = {"demo": {}}  # by name and version: a ciphertext
        # A key that is gone stays gone, so that its place is taken by another now and then.
        self.names = {"demo": "demo", "a": "a"}
        self.steps = 0
        self.begin()

    def begin(self):
        """As after a start of the whole."""
        self.house.store._db.execute("PRAGMA synchronous = OFF")  # a power cut is not the subject
        self.desks = [self.house.desk(self.engine) for _ in range(2)]
        self.told = [set(), set()]  # to each desk's steward: the key, its version, is used up
        self.entries = self.house.store.tree.size

    def teardown(self):
        self.house.store.close()
        self.directory.cleanup()

    @property
    def now(self):
        return self.house.clock.now

    def there(self):
        """The names of those keys that have a place now."""
        return [name for name in self.names.values() if name in self.keys]

    def call(self, desk, token, operation, target="", **fields):
        """The reply's code. Each call leaves exactly one entry."""
        self.entries += 1
        return self.desks[desk].refusal(token, operation, target, **fields)

    def answer(self, desk, token, operation, target="", **fields):
        self.entries += 1
        return self.desks[desk].ask(token, operation, target, **fields)

    def count(self, desk, name, version, count):
        key = self.keys[name]
        key.uses[version, self.now // DAY_US] += count
        if key.rule and key.used(key.current) >= key.rule:
            self.told[desk].add((name, key.current))

    # --- time -------------------------------------------------------------------------------------

    @rule(step=st.sampled_from([1, 1_000_000, DAY_US, 8 * DAY_US, 30 * DAY_US, 400 * DAY_US]))
    def time_passes(self, step):
        self.house.clock.now = min(self.now + step, END_US)

    @rule(data=st.data(), off=st.sampled_from([-1, 0, 1]), desk=DESKS, looks=st.booleans())
    def time_comes_to_a_date(self, data, off, desk, looks):
        dates = {
            date + off for name in self.there() for date in self.keys[name].dates()
            if self.now < date + off <= END_US
        }  # fmt: skip
        if dates:
            self.house.clock.now = data.draw(st.sampled_from(sorted(dates)))
        if looks:
            self.steward_looks_in(desk)

    @rule(desk=DESKS)
    def steward_looks_in(self, desk):
        self.entries += self.desks[desk].steward()
        for key in self.keys.values():
            key.due(self.now)
        for name, version in self.told[desk]:
            key = self.keys[name]
            if key.current == version and key.rule and key.state(self.now) == ACTIVE:
                key.rotate(self.now)
        self.told[desk].clear()
        assert self.desks[desk].steward() == 0
        for name in self.there():
            self.read(desk, name)

    @rule()
    def everything_is_started_anew(self):
        self.house.store.close()
        self.house.store = SQLiteStore.open(self.house.path)
        self.begin()

    # --- life -------------------------------------------------------------------------------------

    @rule(
        desk=DESKS, place=PLACES, begins=MAYBE_DATES, ends=MAYBE_DATES,
        days=st.sampled_from([0, 10]), uses=st.sampled_from([0, 100]),
        most=st.sampled_from([0, 0, 70]), protected=st.booleans(), again=st.booleans(),
    )  # fmt: skip
    def create(self, desk, place, begins, ends, days, uses, most, protected, again):
        name = self.names[place]
        if name in self.keys and not again:
            name = self.names[place] = f"{place}-{len(self.keys)}"
        activates, deactivates = (self.now + date if date else 0 for date in (begins, ends))
        code = self.call(
            desk, self.admin, "key.create", name=name, rotation_days=days, rotation_uses=uses,
            activates=rfc3339(activates) if begins else "",
            deactivates=rfc3339(deactivates) if ends else "",
            control={"uses_max": most}, deletion_protection=protected,
        )  # fmt: skip
        if begins and ends and begins >= ends:
            assert code == INVALID
        elif name in self.keys:
            assert code == "already-exists"
        else:
            assert code == ""
            key = self.keys[name] = Key(activates or self.now, days, uses)
            key.said = PRE if begins else ACTIVE
            key.activates, key.deactivates = activates, deactivates
            key.most, key.protected = most, protected
            self.sealed[name] = {}

    @rule(
        desk=DESKS, place=PLACES, transition=TRANSITIONS, days=st.sampled_from([7, 30]),
        number=st.sampled_from([None, None, 1, 2]),
    )  # fmt: skip
    def move(self, desk, place, transition, days, number):
        name = self.names[place]
        fields = {} if number is None else {"key_version": number}
        if transition == "schedule-destruction":
            fields["days"] = days
        code = self.call(desk, self.admin, f"key.{transition}", name, **fields)
        assert code == self.moved(name, transition, days, number)

    def moved(self, name, transition, days, number):
        key = self.keys.get(name)
        if key is None:
            return NOT_FOUND
        if transition == "schedule-destruction" and key.protected:
            return NOT_USABLE
        thing = key
        if number is not None:
            if key.said == DESTROYED:
                return NOT_USABLE
            if number > key.current:
                return NOT_FOUND
            thing = key.versions[number - 1]
        return "" if thing.move(transition, self.now, days) else NOT_USABLE

    @rule(desk=DESKS, place=PLACES)
    def rotate(self, desk, place):
        name = self.names[place]
        code, key = self.call(desk, self.admin, "key.rotate", name), self.keys.get(name)
        if key is None:
            assert code == NOT_FOUND
        elif key.state(self.now) != ACTIVE:
            assert code == NOT_USABLE
        else:
            assert code == ""
            key.rotate(self.now)

    def changed(self, desk, place, **fields):
        """The key, if it is there and may be changed, and the code."""
        name = self.names[place]
        code, key = self.call(desk, self.admin, "key.update", name, **fields), self.keys.get(name)
        if key is None:
            assert code == NOT_FOUND
        elif key.said == DESTROYED:
            assert code == NOT_USABLE
        else:
            return key, code
        return None, code

    @rule(desk=DESKS, place=PLACES, begins=MAYBE_DATES)
    def another_first_day(self, desk, place, begins):
        at = self.now + begins
        key, code = self.changed(desk, place, activates=rfc3339(at) if begins else "")
        if key is None:
            return
        if key.state(self.now) != PRE:
            assert code == NOT_USABLE
        elif begins and key.deactivates and at >= key.deactivates:
            assert code == INVALID
        else:
            assert code == ""
            key.said, key.activates = (PRE, at) if begins else (ACTIVE, 0)
            key.rotates = at + key.days * DAY_US if key.days else 0
        self.read(desk, self.names[place])

    @rule(desk=DESKS, place=PLACES, ends=MAYBE_DATES)
    def another_last_day(self, desk, place, ends):
        at = self.now + ends
        key, code = self.changed(desk, place, deactivates=rfc3339(at) if ends else "")
        if key is None:
            return
        if key.state(self.now) not in (PRE, ACTIVE, SUSPENDED):
            assert code == NOT_USABLE
        elif ends and key.activates >= at:
            assert code == INVALID
        else:
            assert code == ""
            key.deactivates = at if ends else 0

    @rule(
        desk=DESKS, place=PLACES, days=st.sampled_from([0, 1, 10]), uses=st.sampled_from([0, 100]),
        protected=st.booleans(),
    )  # fmt: skip
    def other_rules(self, desk, place, days, uses, protected):
        key, code = self.changed(
            desk, place, rotation_days=days, rotation_uses=uses, deletion_protection=protected
        )
        if key is not None and protected and key.said == SCHEDULED:
            assert code == NOT_USABLE
        elif key is not None:
            assert code == ""
            key.days, key.rule, key.protected = days, uses, protected
            key.rotates = max(self.now, key.activates) + days * DAY_US if days else 0
            self.read(desk, self.names[place])

    @rule(desk=DESKS, place=PLACES, oldest=st.sampled_from([1, 2, 3]))
    def another_oldest_version(self, desk, place, oldest):
        key, code = self.changed(desk, place, min_version=oldest)
        if key is not None:
            assert code == ("" if oldest <= key.current else INVALID)
            key.oldest = oldest if oldest <= key.current else key.oldest

    @rule(
        desk=DESKS, place=PLACES, operations=OPERATIONS, opens=MAYBE_DATES, shuts=MAYBE_DATES,
        most=st.sampled_from([0, 0, 150]),
    )  # fmt: skip
    def other_bounds(self, desk, place, operations, opens, shuts, most):
        not_before, not_after = (self.now + date if date else 0 for date in (opens, shuts))
        control = {
            "operations": operations, "uses_max": most,
            "not_before": rfc3339(not_before) if opens else "",
            "not_after": rfc3339(not_after) if shuts else "",
        }  # fmt: skip
        if opens and shuts and opens >= shuts:
            assert (
                self.call(desk, self.admin, "key.update", self.names[place], control=control)
                == INVALID
            )
            return
        key, code = self.changed(desk, place, control=control)
        if key is not None:
            assert code == ""
            key.operations, key.most = operations, most
            key.not_before, key.not_after = not_before, not_after

    @rule(desk=DESKS, place=PLACES)
    def point(self, desk, place):
        name = self.names[place]
        code = self.call(desk, self.admin, "alias.write", "current", key=name)
        assert code == ("" if name in self.keys else NOT_FOUND)
        self.alias = name if name in self.keys else self.alias

    # --- use --------------------------------------------------------------------------------------

    @rule(desk=DESKS, place=PLACES)
    def encrypt_many(self, desk, place):
        name = self.names[place]
        self.encrypt(desk, name, name, 60)

    def encrypt(self, desk, name, target, count):
        fields = {"items": [{"plaintext": b"x"}] * count}
        key = self.keys.get(name)
        expected = NOT_FOUND if key is None else key.protects(self.now, count)
        if expected:
            assert self.call(desk, self.app, "key.encrypt", target, **fields) == expected
            return
        made = self.answer(desk, self.app, "key.encrypt", target, **fields).items
        assert {item.key_version for item in made} == {key.current}
        self.sealed[name].setdefault(key.current, made[-1].ciphertext)
        self.count(desk, name, key.current, count)

    def decrypt(self, desk, name, version, *, recoverer):
        blob, token = self.sealed[name][version], self.recoverer if recoverer else self.app
        expected = self.keys[name].processes(version, self.now, recoverer=recoverer)
        if expected:
            assert self.call(desk, token, "key.decrypt", ciphertext=blob) == expected
            return
        opened = self.answer(desk, token, "key.decrypt", name, ciphertext=blob)
        assert (opened.plaintext, opened.key_version) == (b"x", version)
        self.count(desk, name, version, 1)

    @invariant()
    def everything_is_as_the_model_says_at_one_of_the_desks(self):
        """Who encrypts and decrypts, with some versions: whether it may be, and with which."""
        self.steps += 1
        desk = self.steps % 2
        for name in self.there():
            self.encrypt(desk, name, name, 1)
            for version in list(self.sealed[name])[-3:]:
                self.decrypt(desk, name, version, recoverer=self.steps % 4 > 1)
        self.encrypt(desk, self.alias, "alias:current", 1)

    # --- what is shown ----------------------------------------------------------------------------

    def read(self, desk, name):
        key = self.keys.get(name)
        if key is None:
            assert self.call(desk, self.admin, "key.read", name) == NOT_FOUND
            return
        view, state = self.answer(desk, self.admin, "key.read", name), key.state(self.now)
        assert (view.state, view.current_version) == (state, key.current)
        assert (view.min_version, view.rotation_days, view.rotation_uses) == (
            key.oldest, key.days, key.rule,
        )  # fmt: skip
        shown = [
            rfc3339(date) if date else ""
            for date in (key.activates, key.deactivates, key.destroys, key.destroyed)
        ]
        assert [view.activates, view.deactivates, view.destroys, view.destroyed] == shown
        never = not key.rotates or state in (DEACTIVATED, COMPROMISED, DESTROYED)
        assert view.rotates == ("" if never else rfc3339(key.rotates))
        newest = [
            (number, version.state(self.now), version.said != DESTROYED)
            for number, version in enumerate(key.versions, 1)
        ][::-1]
        assert [(v.version, v.state, v.material) for v in view.versions] == newest[:100]

    @rule(desk=DESKS, place=PLACES, days=st.sampled_from([1, 2, 90, 400]))
    def who_used_it(self, desk, place, days):
        name = self.names[place]
        key = self.keys.get(name)
        if key is None:
            return
        page = self.answer(desk, self.admin, "key.list", state=key.state(self.now))
        assert [found.name for found in page.keys] == sorted(
            other for other, its in self.keys.items() if its.state(self.now) == key.state(self.now)
        )
        view = self.answer(desk, self.admin, "key.read-usage", name, days=days)
        since = self.now // DAY_US - days + 1
        counted = Counter()
        for (version, day), count in key.uses.items():
            counted[version] += count * (day >= since)
        assert {v.version: v.uses for v in view.versions if v.uses} == +counted
        for version in view.versions:
            unused = not counted[version.version] and version.version != key.current
            assert version.safe_to_retire is unused

    @invariant()
    def every_call_and_every_deed_left_one_entry(self):
        assert self.house.store.tree.size == self.entries


TestLongLife = LongLife.TestCase
TestLongLife.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


class VeryLongLife(LongLife):
    """The same, longer."""


TestVeryLongLife = pytest.mark.soak(VeryLongLife.TestCase)
TestVeryLongLife.settings = settings(
    max_examples=max(200, int(SOAK_SECONDS * 2)),
    stateful_step_count=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
