"""What a custodian remembers of keys has a bound in bytes, and what is forgotten is read again."""

from itertools import pairwise

import pytest

from strongroom.domain import limits
from strongroom.services.weights import Weights
from tests.support.desks import House

_ML_DSA = {"algorithm": "ml-dsa-87", "purpose": "sign-verify"}
_WEIGHT = 47 * 1024  # of such a key, with one version; its public key has 2,614 bytes


@pytest.fixture
def house(tmp_path):
    return House(tmp_path / "store.db")


def facts(desk):
    """Those within the desk."""
    return desk.desk._authenticator._facts


def remembered(desk):
    return list(facts(desk)._keys)


def signed(house, desk, name):
    return desk.ask(house.app, "key.sign", name, message=b"said").key_version


def test_heavy_keys_are_fewer(house, monkeypatch):
    monkeypatch.setattr(limits, "CACHED_KEYS_BYTES_MAX", 3 * _WEIGHT + 1024)
    desk = house.desk()
    for number in range(8):
        desk.ask(house.admin, "key.create", name=f"heavy-{number}", **_ML_DSA)
        assert signed(house, desk, f"heavy-{number}") == 1
        assert facts(desk)._weights.total <= limits.CACHED_KEYS_BYTES_MAX
    assert len(remembered(desk)) == 3
    for number in range(8):
        assert signed(house, desk, f"heavy-{number}") == 1


def test_light_keys_are_not(house, monkeypatch):
    monkeypatch.setattr(limits, "CACHED_KEYS_BYTES_MAX", 3 * _WEIGHT + 1024)
    desk = house.desk()
    for number in range(20):
        desk.ask(house.admin, "key.create", name=f"light-{number}")
        desk.ask(house.app, "key.encrypt", f"light-{number}", plaintext=b"kept")
    assert len(remembered(desk)) == 20


def test_each_opened_version_counts(house, monkeypatch):
    monkeypatch.setattr(limits, "CACHED_KEYS_BYTES_MAX", 1024 * 1024)
    desk = house.desk()
    desk.ask(house.admin, "key.create", name="old")
    blobs = []
    for _ in range(5):
        blobs.append(desk.ask(house.app, "key.encrypt", "old", plaintext=b"kept").ciphertext)
        desk.ask(house.admin, "key.rotate", "old")
    weights = []
    for blob in blobs:
        desk.ask(house.app, "key.decrypt", "", ciphertext=blob)
        weights.append(facts(desk)._weights.total)
    assert [later - sooner for sooner, later in pairwise(weights)] == [3 * 1024] * 4


def test_a_key_that_is_forgotten_weighs_nothing(house):
    desk = house.desk()
    desk.ask(house.admin, "key.create", name="one")
    desk.ask(house.app, "key.encrypt", "one", plaintext=b"kept")
    assert facts(desk)._weights.total == 4 * 1024
    desk.ask(house.admin, "key.disable", "one")
    assert facts(desk)._weights.total == 0
    desk.ask(house.app, "key.encrypt", "demo", plaintext=b"kept")
    facts(desk).forget(None)
    assert facts(desk)._weights.total == 0


def test_a_key_bigger_than_the_bound_is_used_and_not_kept(house, monkeypatch):
    monkeypatch.setattr(limits, "CACHED_KEYS_BYTES_MAX", 1024)
    desk = house.desk()
    for _ in range(3):
        desk.ask(house.app, "key.encrypt", "demo", plaintext=b"kept")
        assert not remembered(desk)


def test_weights_add_up_whatever_is_put_twice_or_dropped_twice():
    weights = Weights()
    weights.put(b"a", [b""])
    weights.put(b"a", [b"", bytes(100)])
    assert weights.total == 1_024 + 2 * 3_072 + 1_600
    weights.put(b"b", [])
    weights.drop(b"a")
    weights.drop(b"a")
    assert weights.total == 1_024
    weights.clear()
    assert weights.total == 0
