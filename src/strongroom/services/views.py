"""How keys and versions are shown: everything about them but what is secret."""

from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from strongroom.domain import asks
from strongroom.domain.errors import TamperedRecord
from strongroom.domain.lifecycle import State, state_at
from strongroom.domain.records import Kind, Record, Ref
from strongroom.domain.things import Key, UseControl, Version, has_material, version_id, waits
from strongroom.domain.times import rfc3339, rfc3339_or_empty
from strongroom.ports.clock import Clock
from strongroom.ports.ledger import Ledger
from strongroom.ports.store import Write
from strongroom.services.facts import KeyFact
from strongroom.services.related_imports import takes_imports
from strongroom.services.sealing import Sealing

_VERSIONS_SHOWN = 100
# From here no way leads back to where a key rotates.
_AT_THE_END = frozenset({State.DEACTIVATED, State.COMPROMISED, State.DESTROYED})


class Views:
    """Shows keys as they are now, or as they will be when a commit is kept."""

    def __init__(self, sealing: Sealing, ledger: Ledger, clock: Clock) -> None:
        self._sealing = sealing
        self._ledger = ledger
        self._clock = clock

    async def whole(self, key: KeyFact, writes: tuple[Write, ...] = ()) -> asks.KeyView:
        """The key with its newest versions; with `writes`, as after them."""
        records = {
            record.id: record
            for record in await self._ledger.family(Kind.VERSION, key.id, _VERSIONS_SHOWN)
        }
        body, revision = key.body, key.revision
        changed = {write.record.id: write.record for write in writes}
        for write in writes:
            record = write.record
            if record.id[:16] != key.id:
                continue  # of a relative in another Region
            if record.kind is Kind.KEY:
                body = self._sealing.open(record, Key, expected=(Kind.KEY, key.id))
                revision = record.revision
            elif record.kind is Kind.VERSION:
                records[record.id] = record
        newest = sorted(records.values(), key=lambda record: record.id, reverse=True)
        versions = [self._version(record) for record in newest[:_VERSIONS_SHOWN]]
        view = self.key(key.id, key.name, body, revision, versions)
        if not body.multi_region:
            return view
        return await self._related(view, key.id, body, changed)

    async def _related(
        self, view: asks.KeyView, key_id: bytes, body: Key, changed: dict[bytes, Record]
    ) -> asks.KeyView:
        """The view with the key's relatives; of a replica, with the rotation of its primary."""
        first = body
        if key_id != body.multi_region:
            first = await self._body(body.multi_region, changed)
        primary_id = first.related.get(first.primary, b"")
        primary = body
        if primary_id and primary_id != key_id:
            primary = await self._body(primary_id, changed)
        rotates = self.key(key_id, view.name, primary, 0).rotates
        awaited_in: list[str] | UnsetType = UNSET
        if primary_id and primary.waiting_version:
            awaited_in = await self._awaited_in(first, primary.waiting_version, changed)
        return msgspec.structs.replace(
            view,
            rotation_days=primary.rotation_days,
            rotation_uses=primary.rotation_uses,
            rotates=rotates,
            related=asks.RelatedView(
                is_primary=primary_id == key_id,
                primary=first.primary,
                replicas=sorted(region for region in first.related if region != first.primary),
                waits_days=body.waits_days,
            ),
            awaited_in=awaited_in,
        )

    async def _awaited_in(
        self, first: Key, number: int, changed: dict[bytes, Record]
    ) -> list[str] | UnsetType:
        """The Regions that lack the version which waits; unset: the primary has it no more."""
        now_us = self._clock.now_us()
        found: list[str] = []
        for region, key_id in first.related.items():
            version = await self._version_body(version_id(key_id, number), changed)
            if waits(version, now_us):
                continue
            if region == first.primary:
                return UNSET
            if takes_imports(await self._body(key_id, changed), now_us):
                found.append(region)
        return sorted(found)

    async def _version_body(self, record_id: bytes, changed: dict[bytes, Record]) -> Version:
        record = await self._row(Ref(Kind.VERSION, record_id), changed)
        return self._sealing.open(record, Version, expected=(Kind.VERSION, record_id))

    async def _body(self, key_id: bytes, changed: dict[bytes, Record]) -> Key:
        record = await self._row(Ref(Kind.KEY, key_id), changed)
        return self._sealing.open(record, Key, expected=(Kind.KEY, key_id))

    async def _row(self, ref: Ref, changed: dict[bytes, Record]) -> Record:
        """A row as it will be when these changes are kept."""
        record = changed.get(ref.id)
        if record is None:
            (record,) = await self._ledger.load([ref])
        if record is None:
            raise TamperedRecord
        return record

    async def added(self, name: str, writes: tuple[Write, ...]) -> asks.KeyView:
        """A key that these writes make, with its relatives."""
        (record,) = (write.record for write in writes
                     if write.record.kind is Kind.KEY and not write.replaces)  # fmt: skip
        body = self._sealing.open(record, Key, expected=(Kind.KEY, record.id))
        own = tuple(write for write in writes if write.record.id[:16] == record.id)
        view = self.new(name, own)
        if not body.multi_region:
            return view
        changed = {write.record.id: write.record for write in writes}
        return await self._related(view, record.id, body, changed)

    async def before(self, key: KeyFact, number: int) -> asks.KeyView:
        """The key with the newest of its versions below that number."""
        end = min(number, key.body.last_version + 1)
        numbers = range(end - 1, max(end - 1 - _VERSIONS_SHOWN, 0), -1)
        refs = [Ref(Kind.VERSION, version_id(key.id, one)) for one in numbers]
        records = await self._ledger.load(refs)
        versions = [self._version(record) for record in records if record is not None]
        return self.key(key.id, key.name, key.body, key.revision, versions)

    def new(self, name: str, writes: tuple[Write, ...]) -> asks.KeyView:
        """A key that these writes make."""
        versions = [write.record for write in writes if write.record.kind is Kind.VERSION]
        (record,) = (write.record for write in writes if write.record.kind is Kind.KEY)
        body = self._sealing.open(record, Key, expected=(Kind.KEY, record.id))
        newest = sorted(versions, key=lambda version: version.id, reverse=True)
        shown = [self._version(version) for version in newest[:_VERSIONS_SHOWN]]
        return self.key(record.id, name, body, record.revision, shown)

    def key(
        self,
        key_id: bytes,
        name: str,
        body: Key,
        revision: int,
        versions: list[asks.VersionView] | None = None,
    ) -> asks.KeyView:
        """A key, with those versions."""
        state = state_at(body, self._clock.now_us())
        return asks.KeyView(
            name=name,
            id=key_id.hex(),
            algorithm=body.algorithm,
            purpose=body.purpose,
            protection=body.protection,
            origin=body.origin,
            state=state,
            current_version=body.current_version,
            labels=body.labels,
            description=body.description,
            created=rfc3339(body.created_us),
            activates=rfc3339_or_empty(body.activates_us),
            deactivates=rfc3339_or_empty(body.deactivates_us),
            destroys=rfc3339_or_empty(body.destroys_us),
            destroyed=rfc3339_or_empty(body.destroyed_us),
            min_version=body.min_version,
            rotation_days=body.rotation_days,
            rotation_uses=body.rotation_uses,
            rotates="" if state in _AT_THE_END else rfc3339_or_empty(body.rotates_us),
            exportable=body.exportable,
            deletion_protection=body.deletion_protection,
            control=_control(body.control),
            revision=revision,
            waiting_version=body.waiting_version,
            rotations_by_hand=body.rotations_by_hand,
            multi_region=body.multi_region.hex() or UNSET,
            versions=UNSET if versions is None else versions,
        )

    def _version(self, record: Record) -> asks.VersionView:
        body = self._sealing.open(record, Version, expected=(Kind.VERSION, record.id))
        now_us = self._clock.now_us()
        return asks.VersionView(
            version=int.from_bytes(record.id[16:], "big"),
            state=state_at(body, now_us),
            created=rfc3339(body.created_us),
            destroys=rfc3339_or_empty(body.destroys_us),
            destroyed=rfc3339_or_empty(body.destroyed_us),
            expires=rfc3339_or_empty(body.expires_us),
            material=has_material(body, now_us),
            description=body.description,
            rotated=rfc3339_or_empty(body.rotated_us),
            by_hand=body.by_hand,
        )


# What a reading of a part hides, and what stands there instead. The rest is what `calls.About`
# tells of every key that there is a permit for.
HIDDEN: Final[dict[str, Any]] = {
    "name": "", "labels": {}, "description": "",
    "created": "", "activates": "", "deactivates": "", "destroys": "", "destroyed": "",
    "min_version": 1, "rotation_days": 0, "rotation_uses": 0, "rotates": "", "exportable": False,
    "deletion_protection": False, "control": asks.ControlView([], "", "", 0, 0, 0, []),
    "revision": 0, "versions": UNSET, "waiting_version": 0, "rotations_by_hand": 0,
    "related": UNSET, "awaited_in": UNSET,
}  # fmt: skip


def in_part(view: asks.KeyView, shown: frozenset[str]) -> asks.KeyView:
    """Of a key, that alone."""
    hidden = {field: blank for field, blank in HIDDEN.items() if field not in shown}
    return msgspec.structs.replace(view, **hidden)


def _control(control: UseControl) -> asks.ControlView:
    return asks.ControlView(
        operations=list(control.operations),
        not_before=rfc3339_or_empty(control.not_before_us),
        not_after=rfc3339_or_empty(control.not_after_us),
        uses_max=control.uses_max,
        rate_uses=control.rate_uses,
        rate_seconds=control.rate_seconds,
        required_context=list(control.required_context),
    )
