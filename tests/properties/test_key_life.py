"""The life of keys, in any order, through several desks over one store, against a small model."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from strongroom.adapters.cedar import CedarEngine
from tests.support.desks import House

NAMES = st.sampled_from(["demo", "a", "b"])
DESKS = st.sampled_from([0, 1, 2])  # each with a memory of its own, as three processes
CONTEXTS = st.dictionaries(st.sampled_from(["t", "u"]), st.sampled_from(["", "1"]), max_size=2)
BYTES = st.binary(max_size=40)


class ModelKey:
    """What must be true of a key."""

    def __init__(self):
        self.enabled = True
        self.current = 1
        self.revision = 1
        self.labels = {}


class KeyLife(RuleBasedStateMachine):
    """Whatever one desk has acknowledged holds in every other desk's next answer."""

    sealed = Bundle("sealed")

    def __init__(self):
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.house = House(Path(self.directory.name) / "store.db")
        self.house.store._db.execute("PRAGMA synchronous = OFF")  # a power cut is not the subject
        engine = CedarEngine()
        self.desks = [self.house.desk(engine) for _ in range(3)]
        self.keys = {"demo": ModelKey()}
        self.entries = self.house.store.tree.size
        self.admin, self.app = self.house.admin, self.house.app

    def teardown(self):
        self.house.store.close()
        self.directory.cleanup()

    def call(self, desk, token, operation, target="", **fields):
        """The code. Each call leaves exactly one entry."""
        self.entries += 1
        _, reply = self.desks[desk].reply(token, operation, target, **fields)
        return reply.code

    def answer(self, desk, token, operation, target="", **fields):
        self.entries += 1
        return self.desks[desk].ask(token, operation, target, **fields)

    def expected(self, name, *, usable):
        key = self.keys.get(name)
        if key is None:
            return "not-found"
        return "" if key.enabled or not usable else "key-not-usable"

    @rule(desk=DESKS, name=NAMES)
    def create(self, desk, name):
        taken = name in self.keys
        code = self.call(desk, self.admin, "key.create", name=name)
        assert code == ("already-exists" if taken else "")
        self.keys.setdefault(name, ModelKey())

    @rule(desk=DESKS, name=NAMES, operation=st.sampled_from(["enable", "disable"]))
    def move(self, desk, name, operation):
        assert self.call(desk, self.admin, f"key.{operation}", name) == self.expected(
            name, usable=False
        )
        if name in self.keys:
            self.keys[name].enabled = operation == "enable"
            self.keys[name].revision += 1

    @rule(desk=DESKS, name=NAMES)
    def rotate(self, desk, name):
        code = self.call(desk, self.admin, "key.rotate", name)
        assert code == self.expected(name, usable=True)
        if not code:
            self.keys[name].current += 1
            self.keys[name].revision += 1

    @rule(desk=DESKS, name=NAMES, label=st.sampled_from(["x", "y"]))
    def relabel(self, desk, name, label):
        code = self.call(desk, self.admin, "key.update", name, labels={"label": label})
        assert code == self.expected(name, usable=False)
        if not code:
            self.keys[name].labels = {"label": label}
            self.keys[name].revision += 1

    @rule(target=sealed, desk=DESKS, name=NAMES, plaintext=BYTES, context=CONTEXTS)
    def encrypt(self, desk, name, plaintext, context):
        expected = self.expected(name, usable=True)
        fields = {"plaintext": plaintext, "context": context}
        if expected:
            assert self.call(desk, self.app, "key.encrypt", name, **fields) == expected
            return None
        made = self.answer(desk, self.app, "key.encrypt", name, **fields)
        assert made.key_version == self.keys[name].current
        return name, made.ciphertext, plaintext, context, made.key_version

    @rule(desk=DESKS, made=sealed, named=st.booleans(), context=CONTEXTS)
    def decrypt(self, desk, made, named, context):
        """By all versions there ever were; with the context and no other."""
        if made is None:
            return
        name, ciphertext, plaintext, right, version = made
        for given in (right, context):
            fields = {"ciphertext": ciphertext, "context": given}
            target = name if named else ""
            if not self.keys[name].enabled:
                code = self.call(desk, self.app, "key.decrypt", target, **fields)
                assert code == "key-not-usable"
            elif given != right:
                code = self.call(desk, self.app, "key.decrypt", target, **fields)
                assert code == "invalid-ciphertext"
            else:
                opened = self.answer(desk, self.app, "key.decrypt", target, **fields)
                assert (opened.plaintext, opened.key_version) == (plaintext, version)

    @rule(desk=DESKS, made=consumes(sealed), name=NAMES)
    def decrypt_under_another_name(self, desk, made, name):
        if made is None or made[0] == name:
            return
        code = self.call(desk, self.app, "key.decrypt", name, ciphertext=made[1], context=made[3])
        assert code == ("invalid-ciphertext" if name in self.keys else "not-found")

    @rule(desk=DESKS, name=NAMES)
    def read(self, desk, name):
        if name not in self.keys:
            assert self.call(desk, self.admin, "key.read", name) == "not-found"
            return
        key, view = self.keys[name], self.answer(desk, self.admin, "key.read", name)
        assert view.state == ("active" if key.enabled else "suspended")
        assert (view.current_version, view.revision) == (key.current, key.revision)
        assert view.labels == key.labels
        assert [v.version for v in view.versions] == list(range(key.current, 0, -1))

    @rule(desk=DESKS, name=NAMES)
    def a_desk_that_was_away_does_not_use_what_it_remembers(self, desk, name):
        """The change comes through another desk while this one believes the contrary."""
        if self.expected(name, usable=True):
            return
        self.answer(desk, self.app, "key.encrypt", name, plaintext=b"")
        assert self.call((desk + 1) % 3, self.admin, "key.disable", name) == ""
        self.keys[name].enabled = False
        self.keys[name].revision += 1
        assert self.call(desk, self.app, "key.encrypt", name, plaintext=b"") == "key-not-usable"

    @invariant()
    def every_call_left_one_entry(self):
        assert self.house.store.tree.size == self.entries


TestKeyLife = KeyLife.TestCase
TestKeyLife.settings = settings(
    max_examples=100,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
