"""Every state of a key and of a version, at the desk: what is asked of it, and what is refused.

States that no call reaches yet are written into the store with a right MAC, by the test.
"""

import itertools

import msgspec
import pytest

from strongroom.adapters.software import SoftwareProvider
from strongroom.domain.lifecycle import State
from strongroom.domain.records import Kind, Ref
from strongroom.domain.sensitive import Sensitive
from strongroom.domain.things import Key, Version, version_id
from strongroom.ports.store import Commit, Entry, Kept, Write
from strongroom.services.sealing import Sealing
from tests.support.desks import House

ENTRY = Entry(0, b"", "", "", "", "", "", b"{}")

# What the desk does with a key in that state: yes or no to encrypt, decrypt, rotate.
OF_KEY = {
    State.PRE_ACTIVATION: "no no no",
    State.ACTIVE: "yes yes yes",
    State.SUSPENDED: "no no no",
    State.DEACTIVATED: "no yes no",
    State.COMPROMISED: "no no no",
    State.DESTRUCTION_SCHEDULED: "no no no",
    State.DESTROYED: "no no no",
}
USES = ("encrypt", "decrypt", "rotate")


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path / "store.db")
    yield made
    made.store.close()


def put(house, ref, body, state):
    sealing = Sealing(SoftwareProvider(Sensitive(house.root)), house.store.deployment)
    (record,) = house.store.load([ref])
    changed = sealing.seal(
        record.kind,
        record.id,
        msgspec.structs.replace(
            sealing.open(record, body, expected=(ref.kind, ref.id)), state=state
        ),
        namespace=record.namespace,
        name=record.name,
        revision=record.revision + 1,
        request=record.request,
    )
    commit = Commit(house.store.epoch, (), ENTRY, (Write(changed, record.revision),))
    (outcome,) = house.store.commit([commit])
    assert isinstance(outcome, Kept)


def use(house, desk, what, blob):
    if what == "encrypt":
        return desk.refusal(house.app, "key.encrypt", "demo", plaintext=b"x")
    if what == "decrypt":
        return desk.refusal(house.app, "key.decrypt", ciphertext=blob)
    return desk.refusal(house.admin, "key.rotate", "demo")


@pytest.mark.parametrize("part", ["key", "version"])
@pytest.mark.parametrize(("state", "what"), list(itertools.product(State, USES)))
def test_the_state_of_key_and_version_is_on_the_path_of_every_use(house, part, state, what):
    warm = house.desk()
    blob = warm.ask(house.app, "key.encrypt", "demo", plaintext=b"x").ciphertext
    if part == "key":
        put(house, Ref(Kind.KEY, blob[1:17]), Key, state)
    else:
        put(house, Ref(Kind.VERSION, version_id(blob[1:17], 1)), Version, state)
    allowed = OF_KEY[state].split()[USES.index(what)] == "yes"
    for desk in (warm, house.desk()):
        assert use(house, desk, what, blob) == ("" if allowed else "key-not-usable")


@pytest.mark.parametrize("state", [s for s in State if s not in {State.ACTIVE, State.SUSPENDED}])
@pytest.mark.parametrize("transition", ["enable", "disable"])
def test_no_call_moves_a_key_out_of_a_state_that_the_table_does_not_let_go(
    house, state, transition
):
    desk = house.desk()
    key = bytes.fromhex(desk.ask(house.admin, "key.read", "demo").id)
    put(house, Ref(Kind.KEY, key), Key, state)
    assert desk.refusal(house.admin, f"key.{transition}", "demo") == "key-not-usable"
    assert desk.ask(house.admin, "key.read", "demo").state == state
