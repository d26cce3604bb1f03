"""The steward: does by itself what a key's dates and rules say, when the time has come.

Nothing waits for it: a state that a date brings holds from that microsecond on
(`domain/lifecycle.py`). The steward writes it down, makes the versions that are due and erases what
is to be erased. All it needs to know is in the store, so what was missed while nothing ran is done
once when it runs again. It works by conditional commits like everybody else: when somebody changed
their mind just before, theirs holds. It never acts early; a minute late at most (docs/operate/).
"""

import asyncio
from typing import Final

import msgspec

from strongroom.domain import limits
from strongroom.domain.errors import KeyNotUsable, Refusal, TamperedRecord, Unavailable
from strongroom.domain.lifecycle import State, Use, allows, state_at
from strongroom.domain.records import Kind, Record, Ref
from strongroom.domain.things import ImportTicket, Key, Origin, Version, version_id
from strongroom.ports.clock import Clock
from strongroom.ports.ledger import Ledger
from strongroom.ports.randomness import Randomness
from strongroom.ports.store import Commit, Entry, Kept, Write
from strongroom.services.books import Details
from strongroom.services.entries import STEWARD, deed
from strongroom.services.facts import Facts, KeyFact, VersionFact, Watch
from strongroom.services.founding import own_request
from strongroom.services.life import rotation
from strongroom.services.profiles import algorithm_forbidden
from strongroom.services.related import without
from strongroom.services.related_imports import given_up_elsewhere
from strongroom.services.rows import key_row, version_row

_LOOKS_SECONDS: Final = 15.0
_AGAIN_SECONDS: Final = 1.0  # after the ledger did not answer, such as when the node begins
_AT_ONCE: Final = 100  # records looked up together
_ERASED_AT_ONCE: Final = 200  # versions in one commit


class Steward:
    """See the head of this module. One of a node's custodians has the watch."""

    def __init__(
        self, *, facts: Facts, ledger: Ledger, clock: Clock, randomness: Randomness, meter: Watch
    ) -> None:
        self._facts = facts
        self._ledger = ledger
        self._clock = clock
        self._randomness = randomness
        self._meter = meter
        self._overused: set[tuple[bytes, int]] = set()
        self._woken = asyncio.Event()
        # Records that cannot be opened, by revision: looked at once, reported, and left alone.
        self._tampered: set[tuple[bytes, int]] = set()

    def overused(self, key_id: bytes, version: int) -> None:
        """That version was used as often as its key's rule says: rotate the key soon."""
        if len(self._overused) < limits.CACHED_KEYS_MAX:
            self._overused.add((key_id, version))
            self._woken.set()

    async def watch(self, *, due: bool) -> None:
        """Work for ever. Without `due`, only at what this custodian itself is told."""
        while True:
            wait = _LOOKS_SECONDS
            try:
                busy = await self.rotate_overused() + (await self.turn() if due else 0)
            except Refusal:
                busy, wait = 0, _AGAIN_SECONDS
            if busy:
                continue
            self._woken.clear()
            try:
                await asyncio.wait_for(self._woken.wait(), wait)
            except TimeoutError:
                continue

    async def turn(self) -> int:
        """Do what is due. Returns how many things were done: with none, there is nothing left.

        What goes wrong with one record is raised when the others have been looked at.
        """
        done = 0
        # What nothing can be done about now, such as a rotation that a namespace's profile forbids,
        # stays due. However much of it there is, it must not stand in the way of the rest.
        left = 0
        failure: Exception | None = None
        while True:
            records = await self._ledger.due(self._clock.now_us(), _AT_ONCE, left)
            for record in records:
                try:
                    attended = await self._attended(record)
                except Unavailable:
                    raise
                except Exception as error:  # noqa: BLE001 - our mistake, raised after the rest
                    failure, attended = error, False
                if attended:
                    done += 1
                else:
                    left += 1
            if len(records) < _AT_ONCE:
                break
        if failure is not None:
            raise failure
        return done

    async def _attended(self, record: Record) -> bool:
        if (record.fact, record.revision) in self._tampered:
            return False
        try:
            return await self._attend(record)
        except TamperedRecord:
            self._tampered.add((record.fact, record.revision))
            self._meter.count("strongroom_steward_tampered")
            return False

    async def rotate_overused(self) -> int:
        """Rotate the keys that were used as often as their rules say."""
        done = 0
        while self._overused:
            key_id, version = self._overused.pop()
            key = await self._facts.key(key_id)
            if key is None:
                continue
            # Not if somebody rotated it meanwhile, or took its rule away.
            if key.body.current_version == version and key.body.rotation_uses:
                done += await self._rotate(key, self._clock.now_us())
        return done

    async def _attend(self, record: Record) -> bool:
        now_us = self._clock.now_us()
        if record.kind is Kind.OTP_JOB:
            return False  # not the steward's: services/otp/duties.py
        if record.kind is Kind.IMPORT_TICKET:
            return await self._expire_ticket(record, now_us)
        key = await self._facts.key(record.id[:16])
        if key is None:
            raise TamperedRecord
        if record.kind is Kind.KEY:
            return await self._attend_key(key, now_us)
        version = await self._facts.version(key, int.from_bytes(record.id[16:], "big"))
        if version is None:
            raise TamperedRecord
        return await self._attend_version(key, version, now_us)

    async def _attend_key(self, key: KeyFact, now_us: int) -> bool:
        body = key.body
        if body.state is State.DESTRUCTION_SCHEDULED:
            return 0 < body.destroys_us <= now_us and await self._destroy(key, now_us)
        state = state_at(body, now_us)
        if state is not body.state:
            action = "key.activate" if body.state is State.PRE_ACTIVATION else "key.deactivate"
            # From pre-activation at most to active: the end of the active life is an entry too.
            written = State.ACTIVE if body.state is State.PRE_ACTIVATION else state
            return await self._keep_key(key, action, msgspec.structs.replace(body, state=written))
        if 0 < body.rotates_us <= now_us:
            return await self._rotate(key, now_us)
        return False

    async def _rotate(self, key: KeyFact, now_us: int) -> bool:
        body = key.body
        if not allows(state_at(body, now_us), Use.ROTATE) or body.origin is not Origin.GENERATED:
            return False
        epoch = self._ledger.epoch
        namespace = await self._facts.namespace(key.namespace)
        if algorithm_forbidden(namespace.body.profile, body.algorithm):
            return False
        request = own_request(self._randomness, now_us)
        try:
            writes, elsewhere = await rotation(
                self._facts, key, namespace, request=request, now_us=now_us
            )
        except KeyNotUsable:
            return False  # a replica rotates with its primary
        return await self._keep(
            key, "key.rotate", {}, writes, request=request, epoch=epoch, facts=elsewhere.facts,
            version=body.current_version + 1, also=elsewhere.also,
        )  # fmt: skip

    async def _destroy(self, key: KeyFact, now_us: int) -> bool:
        """Erase all versions, some in each commit; the key's own row comes with the last.

        Whatever was erased when this ends early stays so, and is passed over the next time.
        """
        # One epoch for all: if somebody changes the key meanwhile, it is looked at anew.
        epoch, request = self._ledger.epoch, own_request(self._randomness, now_us)
        last = key.body.last_version
        erased: tuple[Write, ...] = ()
        done = False
        for first in range(1, last + 1, _ERASED_AT_ONCE):
            numbers = range(first, min(first + _ERASED_AT_ONCE, last + 1))
            erased = await self._erasures(key, numbers, now_us, request)
            if not erased or last in numbers:
                continue
            kept = await self._keep(
                key, "key.destroy", {"versions": len(erased)}, erased,
                request=request, epoch=epoch, erases=True,
            )  # fmt: skip
            if not kept:
                return done
            done = True
        destroyed = msgspec.structs.replace(key.body, state=State.DESTROYED, destroyed_us=now_us)
        rows = await without(self._facts, key, destroyed, request)
        kept = await self._keep(
            key, "key.destroy", {"versions": len(erased)}, (*erased, *rows.writes),
            request=request, epoch=epoch, facts=rows.facts, erases=True, also=rows.also,
        )  # fmt: skip
        return kept or done

    async def _erasures(
        self, key: KeyFact, numbers: range, now_us: int, request: str
    ) -> tuple[Write, ...]:
        refs = [Ref(Kind.VERSION, version_id(key.id, number)) for number in numbers]
        writes: list[Write] = []
        for number, record in zip(numbers, await self._ledger.load(refs), strict=True):
            if record is None:
                continue  # its row is gone, and its material with it
            body = self._facts.sealing.open(record, Version, expected=(Kind.VERSION, record.id))
            if body.state is not State.DESTROYED:
                version = VersionFact(record, number, body, None)
                writes.append(self._erased(key, version, now_us, request))
        return tuple(writes)

    async def _attend_version(self, key: KeyFact, version: VersionFact, now_us: int) -> bool:
        body = version.body
        number: Details = {"key_version": version.number}
        epoch, request = self._ledger.epoch, own_request(self._randomness, now_us)
        if body.state is State.DESTRUCTION_SCHEDULED and body.destroys_us <= now_us:
            write = self._erased(key, version, now_us, request)
            elsewhere = await given_up_elsewhere(
                self._facts, key, version.number, "key.delete-imported-material",
                request=request, now_us=now_us,
            )  # fmt: skip
            return await self._keep(
                key, "key.destroy", number, (write, *elsewhere.writes), request=request,
                epoch=epoch, facts=(version.fact, *elsewhere.facts), erases=True,
                also=elsewhere.also,
            )  # fmt: skip
        if body.wrapped and 0 < body.expires_us <= now_us:
            changed = msgspec.structs.replace(body, wrapped=b"")
            write = version_row(self._facts.sealing, key, version, changed, request)
            action = "key.expire-material"
            elsewhere = await given_up_elsewhere(
                self._facts, key, version.number, action, request=request, now_us=now_us
            )
            return await self._keep(
                key, action, number, (write, *elsewhere.writes), request=request, epoch=epoch,
                facts=(version.fact, *elsewhere.facts), erases=True, also=elsewhere.also,
            )  # fmt: skip
        return False

    def _erased(self, key: KeyFact, version: VersionFact, now_us: int, request: str) -> Write:
        body = msgspec.structs.replace(
            version.body,
            state=State.DESTROYED,
            wrapped=b"",
            fingerprint=b"",
            destroyed_us=now_us,
        )
        return version_row(self._facts.sealing, key, version, body, request)

    async def _expire_ticket(self, record: Record, now_us: int) -> bool:
        body = self._facts.sealing.open(
            record, ImportTicket, expected=(Kind.IMPORT_TICKET, record.id)
        )
        key = await self._facts.key(body.key)
        if key is None:
            raise TamperedRecord
        if not body.wrapped or now_us < body.expires_us:
            return False
        request = own_request(self._randomness, now_us)
        erased = self._facts.sealing.seal(
            Kind.IMPORT_TICKET, record.id, msgspec.structs.replace(body, wrapped=b""),
            namespace=record.namespace, revision=record.revision + 1, request=request,
        )  # fmt: skip
        return await self._keep(
            key, "key.expire-import", {"ticket": record.id.hex()},
            (Write(erased, record.revision),), request=request, epoch=self._ledger.epoch,
            facts=(record.fact,), erases=True,
        )  # fmt: skip

    async def _keep_key(self, key: KeyFact, action: str, body: Key) -> bool:
        epoch = self._ledger.epoch
        request = own_request(self._randomness, self._clock.now_us())
        write = key_row(self._facts.sealing, key, body, request)
        return await self._keep(key, action, {}, (write,), request=request, epoch=epoch)

    async def _keep(  # noqa: PLR0913 - what a commit is made of
        self,
        key: KeyFact,
        action: str,
        details: Details,
        writes: tuple[Write, ...],
        *,
        request: str,
        epoch: int,
        facts: tuple[bytes, ...] = (),
        version: int = 0,
        erases: bool = False,
        also: tuple[Entry, ...] = (),
    ) -> bool:
        """Whether it was kept. If not, somebody else's change came first: look again later."""
        now_us = self._clock.now_us()
        namespace = await self._facts.namespace(key.namespace)
        entry = deed(
            action, details, about=key.object, version=version, principal=STEWARD,
            namespace=namespace.name, namespace_id=namespace.id, request=request, now_us=now_us,
            writes=writes,
        )  # fmt: skip
        stands_on = (key.fact, *facts)
        commit = Commit(epoch, stands_on, entry, writes, None, erases, also=also)
        outcome = await self._ledger.commit(commit)
        return isinstance(outcome, Kept)
