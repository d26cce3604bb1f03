"""100,000 live keys, one in ten a key pair, used at random: a custodian's memory has its bound."""

import random
import threading
import time

import pytest

from bench.population import populate
from strongroom.domain import limits
from strongroom.domain.algorithms import Algorithm
from tests.support import SOAK_SECONDS
from tests.support.nodes import Node

pytestmark = pytest.mark.soak

_KEYS = 90_000
_PAIRS = 10_000
_CLIENTS = 4
_SLACK_MIB = 32  # what the allocator holds between keys that come and go


def _use(client, chance, end, statuses):
    while time.monotonic() < end:
        if chance.random() < 0.1:
            name = f"bench-ec-{chance.randrange(_PAIRS):07d}"
            answer = client.ask("POST", f"/v1/keys/{name}/sign", {"message": "c2FpZA=="})
        else:
            answer = client.encrypt(f"bench-{chance.randrange(_KEYS):07d}", b"kept")
        statuses.append(answer.status)


def test_memory_of_a_custodian_stays_within_its_bound_whichever_of_100_000_keys_are_used(tmp_path):
    populate(tmp_path / "data", _KEYS)
    populate(tmp_path / "data", _PAIRS, Algorithm.EC_P256, "bench-ec")
    with Node(tmp_path / "data") as node:
        admin = node.client()
        before = admin.rooms()["custodian-1"]["memory_mib"]
        statuses, end = [], time.monotonic() + SOAK_SECONDS
        threads = [
            threading.Thread(
                target=_use,
                args=(node.client(node.app), random.Random(number), end, statuses),  # noqa: S311 - to be repeatable
            )
            for number in range(_CLIENTS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        after = admin.rooms()["custodian-1"]["memory_mib"]
        print(f"{len(statuses)} uses; MiB {before} -> {after}")  # noqa: T201 - shown when it fails
        assert set(statuses) == {200}
        assert len(statuses) > limits.CACHED_KEYS_MAX
        assert after - before <= limits.CACHED_KEYS_BYTES_MAX // 1024**2 + _SLACK_MIB
