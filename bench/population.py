"""A store with many keys, made as quickly as the store takes them, by the code that makes one."""

import time
from pathlib import Path

from strongroom import bootstrap
from strongroom.adapters.seals.key_file import FILE_NAME, KeyFile
from strongroom.adapters.software import SoftwareProvider
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.adapters.system import SystemRandomness
from strongroom.config import Address
from strongroom.domain.algorithms import ALGORITHMS, DEFAULT, Algorithm
from strongroom.domain.events import Event, Outcome, canonical
from strongroom.domain.lifecycle import State
from strongroom.domain.records import Kind
from strongroom.domain.things import Key, Namespace, Origin, Protection
from strongroom.domain.times import rfc3339
from strongroom.ports.store import Commit, Entry, Kept
from strongroom.services.rows import binding_of, new_key_row, new_version_row, version_of
from strongroom.services.sealing import Sealing
from strongroom.services.tenants import FIRST

_GROUP = 500


def populate(
    directory: Path, keys: int, algorithm: Algorithm = DEFAULT, prefix: str = "bench"
) -> float:
    """This many more keys, in a development deployment that is founded if need be.

    Their names are the prefix and a number of seven digits. Returns the seconds it took.
    """
    began = time.perf_counter()
    claim = bootstrap.Claim(directory)
    plan = bootstrap.dev(directory, Address("127.0.0.1", 0), gates=1, custodians=1)
    for listening in plan.listening:
        listening.close()
    root = KeyFile(directory / FILE_NAME).open()
    store = SQLiteStore.open(plan.store_path)
    provider, randomness = SoftwareProvider(root), SystemRandomness()
    sealing = Sealing(provider, store.deployment)
    record = store.find(Kind.NAMESPACE, b"", FIRST)
    if record is None:
        raise RuntimeError("not founded")
    body = sealing.open(record, Namespace, expected=(Kind.NAMESPACE, record.id))
    handle = provider.open_namespace_key(body.wrapped_key, sealing.namespace_binding(record.id))
    for start in range(0, keys, _GROUP):
        group = []
        for number in range(start, min(start + _GROUP, keys)):
            now_us = time.time_ns() // 1000
            request = f"{now_us // 1000:012x}" + randomness.bytes(10).hex()
            key_id, name = randomness.bytes(16), f"{prefix}-{number:07d}"
            key = Key(
                algorithm=algorithm, protection=Protection.SOFTWARE, origin=Origin.GENERATED,
                state=State.ACTIVE, current_version=1, labels={"team": "payments"},
                description="", created_us=now_us, purpose=ALGORITHMS[algorithm].purpose,
            )  # fmt: skip
            binding = binding_of(sealing, record.id, key_id, key, 1)
            version = version_of(algorithm, handle.generate(algorithm, binding), now_us)
            writes = (
                new_key_row(sealing, key_id, key, namespace=record.id, name=name, request=request),
                new_version_row(sealing, key_id, 1, version, namespace=record.id, request=request),
            )
            event = Event(
                action="key.create", details={"algorithm": algorithm}, format=1, namespace=FIRST,
                object=f"key/{name}", outcome=Outcome.ALLOWED, principal="bench",
                request=request, time=rfc3339(now_us), version=1,
            )  # fmt: skip
            entry = Entry(
                now_us, record.id, "bench", event.object, event.action, event.outcome, request,
                canonical(event),
            )  # fmt: skip
            group.append(Commit(store.epoch, (), entry, writes))
        if not all(isinstance(outcome, Kept) for outcome in store.commit(group)):
            raise RuntimeError("not kept")
    store.close()
    claim.release()
    return time.perf_counter() - began
