"""A store with many credentials, whose secrets and codes can be made again from their numbers."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from strongroom import bootstrap
from strongroom.adapters.seals.key_file import FILE_NAME, KeyFile
from strongroom.adapters.software import SoftwareProvider
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.adapters.system import SystemRandomness
from strongroom.config import Address
from strongroom.domain.events import Event, Outcome, canonical
from strongroom.domain.otp.credential import Body, Hash, Secret, State, Type, spell
from strongroom.domain.records import Kind
from strongroom.domain.sensitive import Sensitive
from strongroom.domain.things import Namespace
from strongroom.domain.times import rfc3339
from strongroom.ports.store import Commit, Entry, Kept, Move
from strongroom.services.otp.rows import Rows, pseudonym
from strongroom.services.sealing import Sealing
from strongroom.services.tenants import FIRST

PERIOD: Final = 300  # a code is good for longer than all rounds of a measurement take
_DIGITS: Final = 6
_GROUP: Final = 500


def credential_id(number: int) -> bytes:
    """Its id: as random as any, and known again."""
    return hashlib.sha256(b"bench-id-%d" % number).digest()[:16]


def secret(number: int) -> bytes:
    """Its secret, of 20 bytes."""
    return hashlib.sha256(b"bench-secret-%d" % number).digest()[:20]


def code(number: int, now_s: float) -> str:
    """The code of that time (RFC 6238), by none of the code that is measured."""
    message = (int(now_s) // PERIOD).to_bytes(8, "big")
    digest = hmac.digest(secret(number), message, "sha1")
    at = digest[-1] & 15
    value = int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF
    return str(value % 10**_DIGITS).zfill(_DIGITS)


def uses(numbers: Iterable[int], now_s: float) -> Iterator[tuple[int, float]]:
    """Each credential three times, with a time whose code is accepted, long after one another."""
    order = list(numbers)
    for steps in (-1, 0, 1):
        yield from ((number, now_s + steps * PERIOD) for number in order)


def attempts(wanted: Iterable[tuple[int, float]]) -> Iterator[tuple[str, str]]:
    """A path and a body for each: the right code of that time."""
    for number, at_s in wanted:
        body = json.dumps({"code": code(number, at_s)})
        yield f"/v1/otp/{spell(credential_id(number))}/verify", body


def batches(wanted: Iterable[tuple[int, float]], size: int) -> Iterator[tuple[str, str]]:
    """Likewise, so many of them in each request."""
    items: list[dict[str, str]] = []
    for number, at_s in wanted:
        items.append({"id": spell(credential_id(number)), "code": code(number, at_s)})
        if len(items) == size:
            yield "/v1/otp/verify", json.dumps({"items": items})
            items = []


def populate_credentials(directory: Path, count: int) -> float:
    """So many active TOTP credentials in a development deployment. Returns the seconds it took."""
    began = time.perf_counter()
    claim = bootstrap.Claim(directory)
    plan = bootstrap.dev(directory, Address("127.0.0.1", 0), gates=1, custodians=1)
    for listening in plan.listening:
        listening.close()
    store = SQLiteStore.open(plan.store_path)
    provider = SoftwareProvider(KeyFile(directory / FILE_NAME).open())
    randomness = SystemRandomness()
    sealing, rows = Sealing(provider, store.deployment), Rows(provider, store.deployment)
    record = store.find(Kind.NAMESPACE, b"", FIRST)
    if record is None:
        raise RuntimeError("not founded")
    body = sealing.open(record, Namespace, expected=(Kind.NAMESPACE, record.id))
    handle = provider.open_namespace_key(body.wrapped_key, sealing.namespace_binding(record.id))
    now_us = time.time_ns() // 1000
    bare = Body(
        type=Type.TOTP, hash=Hash.SHA1, digits=_DIGITS, period=PERIOD,
        created_s=now_us // 1_000_000, secrets=(),
    )  # fmt: skip

    def credential(number: int) -> Move:
        found = credential_id(number)
        binding = rows.binding(record.id, found, bare, 1)
        wrapped = handle.import_otp(Sensitive(secret(number)), binding)
        kept = Body(
            type=bare.type, hash=bare.hash, digits=bare.digits, period=bare.period,
            created_s=bare.created_s, imported=True,
            secrets=(Secret(1, wrapped, proved=True, shown=True),),
        )  # fmt: skip
        return rows.new(
            found, namespace=record.id, user=pseudonym(handle, f"user-{number}"),
            state=State.ACTIVE, body=kept,
        )  # fmt: skip

    for start in range(0, count, _GROUP):
        numbers = range(start, min(start + _GROUP, count))
        request = f"{now_us // 1000:012x}" + randomness.bytes(10).hex()
        event = Event(
            action="otp.import", details={"count": len(numbers)}, format=2, namespace=FIRST,
            outcome=Outcome.ALLOWED, principal="bench", request=request, time=rfc3339(now_us),
        )  # fmt: skip
        entry = Entry(
            now_us, record.id, "bench", "", event.action, event.outcome, request, canonical(event)
        )
        moves = tuple(credential(number) for number in numbers)
        outcomes = store.commit([Commit(store.epoch, (), entry, moves=moves)])
        if not all(isinstance(outcome, Kept) for outcome in outcomes):
            raise RuntimeError("not kept")
    store.close()
    claim.release()
    return time.perf_counter() - began
