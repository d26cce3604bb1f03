"""RSA keys made ahead: each is handed out once, and nobody waits for what is not there."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from strongroom.adapters.software import RSAPool, SoftwareProvider
from strongroom.domain.algorithms import Algorithm
from strongroom.domain.sensitive import Sensitive
from tests.support.nodes import eventually


class Maker:
    """Makes numbered things in place of keys, at once, or when it is let."""

    def __init__(self):
        self._numbers = count()
        self.allowed = threading.Event()
        self.allowed.set()
        self.asked = []  # (bits, by the pool's own thread)

    def __call__(self, bits):
        self.asked.append((bits, threading.current_thread().name == "rsa-pool"))
        if threading.current_thread().name == "rsa-pool":
            self.allowed.wait(10)
        return bits, next(self._numbers)


@pytest.fixture
def begun():
    """Starts pools, and stops them."""
    pools = []

    def begin(**options):
        pool = RSAPool(quiet_seconds=0, **options)
        pools.append(pool)
        pool.start()
        return pool

    yield begin
    for pool in pools:
        pool.stop()
    for pool in pools:
        pool.join()


def test_each_key_is_handed_out_once_however_many_threads_take(begun):
    pool = begun(make=Maker())
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(pool.take, [2_048, 3_072, 4_096, 2_048] * 500))
    assert len(set(taken)) == len(taken) == 2_000
    assert [bits for bits, _ in taken] == [2_048, 3_072, 4_096, 2_048] * 500
    assert pool.found + pool.missed == 2_000
    assert pool.found > 0


def test_pool_fills_and_after_each_key_fills_again(begun):
    maker = Maker()
    pool = begun(make=maker)
    eventually(lambda: pool.waiting == 6)
    assert [bits for bits, _ in maker.asked] == [2_048, 3_072, 4_096] * 2
    first = {pool.take(4_096), pool.take(4_096)}
    eventually(lambda: pool.waiting == 6)
    assert first.isdisjoint({pool.take(4_096), pool.take(4_096)})
    assert (pool.found, pool.missed) == (4, 0)


def test_empty_pool_makes_a_key_now_and_for_whoever_asks(begun):
    maker = Maker()
    maker.allowed.clear()
    pool = begun(make=maker)
    assert pool.take(4_096)[0] == 4_096
    assert (4_096, False) in maker.asked
    assert (pool.found, pool.missed) == (0, 1)
    maker.allowed.set()
    eventually(lambda: pool.waiting == 6)


def test_pool_that_was_not_started_makes_every_key_when_it_is_asked():
    pool = RSAPool(make=Maker())
    assert pool.take(2_048) != pool.take(2_048)
    assert (pool.found, pool.missed, pool.waiting) == (0, 2, 0)


def test_a_room_that_is_only_started_and_stopped_makes_no_key():
    maker = Maker()
    pool = RSAPool(make=maker)
    pool.start()
    pool.stop()
    pool.join()
    assert maker.asked == []


def test_stopped_pool_keeps_no_key_not_even_the_one_in_the_making(begun):
    maker = Maker()
    pool = begun(make=maker)
    eventually(lambda: pool.waiting == 6)
    maker.allowed.clear()
    pool.take(2_048)
    eventually(lambda: len(maker.asked) == 7)
    pool.stop()
    maker.allowed.set()
    pool.join()
    assert pool.waiting == 0
    assert pool.take(2_048)[0] == 2_048  # made now: who still asks is served


def test_keys_of_the_pool_are_real_and_no_two_have_a_modulus_in_common(begun):
    pool = begun(of_each=1)
    provider = SoftwareProvider(Sensitive(bytes(32)), pool.take)
    namespace = provider.open_namespace_key(provider.generate_namespace_key(b""), b"")
    eventually(lambda: pool.waiting == 3, seconds=60)
    made = [namespace.generate(Algorithm.RSA_2048, b"").public for _ in range(2)]
    made += [provider.generate_pair(Algorithm.RSA_2048).public for _ in range(2)]
    assert len(set(made)) == 4
    assert pool.found >= 1
    for public in made:
        provider.public_keys.check(Algorithm.RSA_2048, public)
    assert pool.take(4_096).key_size == 4_096
