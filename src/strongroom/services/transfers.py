"""Imports and exports: how a key's material comes from elsewhere, and how it goes there.

An import, in this order:

1. May they, now? The key takes imports, and its state allows one.
2. The ticket is this key's, unused, and in time: one dull refusal for whatever is wrong with it.
3. The place: the key's next version, or one that had this material before.
4. The material is unwrapped and checked; where there was some before, it is the same, and what is
   to be new is that of no version yet.
5. One commit: the ticket is used up, the version is there, the key is alive, and its replicas wait
   for the same. Before it nothing is changed; if anything it stands on has changed, nothing is.
"""

import hashlib
import hmac
from functools import partial
from typing import Final, NamedTuple

import msgspec
from msgspec import UNSET

from strongroom.domain import asks, limits, transfers
from strongroom.domain.algorithms import Algorithm
from strongroom.domain.binding import bind
from strongroom.domain.errors import InvalidRequest, KeyNotUsable, NotFound, TamperedRecord
from strongroom.domain.lifecycle import State, Use, state_at
from strongroom.domain.multi_region import AT_THE_PRIMARY
from strongroom.domain.records import Kind, Ref
from strongroom.domain.things import ImportTicket, Key, Origin, Version, has_material
from strongroom.domain.times import HOUR_US, rfc3339
from strongroom.ports.ledger import Ledger
from strongroom.ports.provider import Generated, Imported, Provider, Ticket
from strongroom.ports.randomness import Randomness
from strongroom.ports.store import Write
from strongroom.services import offload
from strongroom.services.authorize import Authorizer, Permit, Visit
from strongroom.services.books import Books, Details
from strongroom.services.dates import to_come
from strongroom.services.facts import Facts, KeyFact, VersionFact
from strongroom.services.keyring import Keyring, allowed_version
from strongroom.services.related import Elsewhere, Family, Place, family_of, is_replica
from strongroom.services.related_imports import announced, given_up_elsewhere, waiting_number
from strongroom.services.rows import (
    binding_of,
    key_row,
    new_version_row,
    version_of,
    version_row,
)
from strongroom.services.views import Views

_TICKET_US: Final = limits.IMPORT_TICKET_HOURS * HOUR_US
_COMPARED_MAX: Final = 100  # of a key's versions, the newest: others' material may come as new

_FIRST: Final = 1
_RSA: Final = Algorithm.RSA_4096  # whatever size the recipient's is: it goes to a thread


class _Ticket(NamedTuple):
    """A ticket's record, or what is to be one. `revision` is the one there is; 0: none."""

    id: bytes
    revision: int
    body: ImportTicket


class _Place(NamedTuple):
    """Where material comes to: a version's number, and what was there."""

    number: int
    former: VersionFact | None


class _Standing(NamedTuple):
    """A key as an import finds it: its relatives, and the version that waits for a rotation."""

    key: KeyFact
    family: Family | None
    waiting: int

    def gave_up(self, number: int, body: Version) -> bool:
        """Whether it waited to become the current version, and nothing makes it that any more."""
        return body.state is State.PRE_ACTIVATION and number != self.waiting


class Transfers:
    """Brings material in, and takes out what was made to be taken out."""

    def __init__(  # noqa: PLR0913 - what a service is made of
        self,
        *,
        facts: Facts,
        authorizer: Authorizer,
        keyring: Keyring,
        books: Books,
        ledger: Ledger,
        randomness: Randomness,
        provider: Provider,
        views: Views,
    ) -> None:
        self._facts = facts
        self._authorizer = authorizer
        self._keyring = keyring
        self._books = books
        self._ledger = ledger
        self._randomness = randomness
        self._public_keys = provider.public_keys
        self._views = views

    async def parameters(
        self, visit: Visit, ask: transfers.ImportParameters
    ) -> transfers.ImportParametersView:
        """A wrapping key of its own for one import into this key, with the token to name it."""
        permit = await self._authorizer.permit_key(visit, visit.target, {})
        key = self._taking_imports(permit, Use.IMPORT)
        ticket_id = self._randomness.bytes(16)
        algorithm = Algorithm(ask.wrapping_key)
        binding = self._ticket_binding(key, ticket_id)
        work = partial(permit.namespace.handle.generate, algorithm, binding)
        made = await offload.made(algorithm, work)
        body = ImportTicket(
            key=key.id,
            algorithm=algorithm,
            wrapped=made.wrapped,
            public=made.public,
            created_us=visit.time_us,
            expires_us=visit.time_us + _TICKET_US,
            wrapping="" if ask.wrapping is UNSET else ask.wrapping,
        )
        expires = rfc3339(body.expires_us)
        details: Details = {
            "ticket": ticket_id.hex(), "wrapping_key": ask.wrapping_key, "expires": expires,
        }  # fmt: skip
        write = self._ticket_row(key, _Ticket(ticket_id, 0, body), visit.request)
        await self._books.allowed(permit, details, writes=(write,))
        return transfers.ImportParametersView(
            import_token=ticket_id.hex(),
            public_key=made.public,
            pem=self._public_keys.pem(made.public),
            wrapping_key=ask.wrapping_key,
            expires=expires,
        )

    async def import_material(
        self, visit: Visit, ask: transfers.ImportMaterial
    ) -> transfers.ImportedKey:
        """The key's next version, or the same material again for one that has none any more."""
        permit = await self._authorizer.permit_key(visit, visit.target, {})  # 1
        key = self._taking_imports(permit, Use.IMPORT)
        expires_us = to_come(ask.expires, visit.time_us, "$.expires")
        ticket = await self._ticket(permit, key, ask)  # 2
        standing = await self._standing(visit, key)
        place = await self._place(permit, standing, ask)  # 3
        made = await self._unwrapped(permit, ticket, ask, place.number)  # 4
        tried, place = place, await self._settled(permit, standing, ask, place, made)
        if place.number != tried.number:
            made = await self._unwrapped(permit, ticket, ask, place.number)
        enables = await self._enables(visit, key, place)
        body, details = self._body(permit, place, made, ask, expires_us)
        elsewhere = await self._elsewhere(permit, standing, place, body)
        rows, more = self._rows(permit, place, body, enables=enables)
        writes = (self._used_up(key, ticket, visit.request), *rows, *elsewhere.writes)
        visit.facts += elsewhere.facts
        view = await self._views.whole(key, writes)
        # 5. With the wrapping key's private half gone from the store's files, nobody opens later
        # what travelled.
        await self._books.allowed(
            permit, details | more, version=place.number, writes=writes, erases=True,
            also=elsewhere.also,
        )  # fmt: skip
        shown = {name: getattr(view, name) for name in view.__struct_fields__}
        return transfers.ImportedKey(**shown, imported_version=place.number)

    async def delete_material(self, visit: Visit, ask: asks.OfVersion) -> asks.KeyView:
        """Erase imported material. Nothing is changed where there is none any more.

        Of a primary's version that was never the current one it is erased in all Regions.
        """
        permit = await self._authorizer.permit_key(visit, visit.target, {})
        key = self._taking_imports(permit, Use.CHANGE)
        if key.body.deletion_protection:
            raise KeyNotUsable("the key's deletion protection is on; turn it off first")
        number = key.body.current_version if ask.key_version is UNSET else ask.key_version
        if not number:
            raise KeyNotUsable("the key has no material yet: import it")
        version = await self._version(permit, key, number, Use.CHANGE)
        elsewhere = await given_up_elsewhere(
            self._facts, key, number, visit.operation.name, request=visit.request,
            now_us=visit.time_us,
        )  # fmt: skip
        writes = elsewhere.writes
        if version.body.wrapped:
            body = msgspec.structs.replace(version.body, wrapped=b"", expires_us=0)
            own = version_row(self._facts.sealing, key, version, body, visit.request)
            writes = (own, *writes)
        visit.facts += elsewhere.facts
        view = await self._views.whole(key, writes)
        await self._books.allowed(
            permit, {"key_version": number}, writes=writes, erases=bool(writes),
            also=elsewhere.also,
        )  # fmt: skip
        return view

    async def export(self, visit: Visit, ask: transfers.ExportMaterial) -> transfers.Exported:
        """The material, wrapped for the caller's public key, of keys that were made for that."""
        permit = await self._authorizer.permit_key(visit, visit.target, {})
        key = self._keyring.free(permit, Use.EXPORT)
        if not key.body.exportable:
            raise KeyNotUsable("the key was not made exportable; its material stays here")
        number = None if ask.key_version is UNSET else ask.key_version
        version = await self._keyring.usable(permit, Use.EXPORT, number)
        if not has_material(version.body, visit.time_us):
            raise KeyNotUsable(f"version {version.number} of the key has no material now")
        namespace, body = permit.namespace, version.body
        binding = binding_of(self._facts.sealing, namespace.id, key.id, key.body, version.number)
        work = partial(
            namespace.handle.export_wrapped, body.algorithm, body.wrapped, binding,
            ask.public_key, ask.wrapping,
        )  # fmt: skip
        blob = await offload.computed(_RSA, work)
        recipient = hashlib.sha256(ask.public_key).hexdigest()
        details: Details = {"wrapping": ask.wrapping, "recipient": recipient}
        await self._books.allowed(permit, details, version=version.number)
        return transfers.Exported(blob, ask.wrapping, body.algorithm, version.number)

    def _taking_imports(self, permit: Permit, use: Use) -> KeyFact:
        key = self._keyring.free(permit, use)
        if key.body.origin is not Origin.IMPORTED:
            raise InvalidRequest(
                "the key's material is made here; only a key of origin imported takes other"
            )
        return key

    async def _version(self, permit: Permit, key: KeyFact, number: int, use: Use) -> VersionFact:
        """A version of the key, if its state allows that now. Raises `NotFound`, `KeyNotUsable`."""
        version = await self._facts.version(key, number)
        if version is None:
            raise NotFound
        permit.visit.facts.append(version.fact)
        allowed_version(version, use, permit.visit.time_us)
        return version

    # --- tickets ----------------------------------------------------------------------------------

    async def _ticket(self, permit: Permit, key: KeyFact, ask: transfers.ImportMaterial) -> _Ticket:
        visit, ref = permit.visit, Ref(Kind.IMPORT_TICKET, bytes.fromhex(ask.import_token))
        visit.facts.append(ref.fact)  # of two imports with one token, the second finds it used
        (record,) = await self._ledger.load([ref])
        if record is None or record.namespace != key.namespace:
            raise _bad_token()
        body = self._facts.sealing.open(record, ImportTicket, expected=(ref.kind, ref.id))
        if body.key != key.id or not body.wrapped or body.expires_us <= visit.time_us:
            raise _bad_token()
        if body.wrapping not in ("", ask.wrapping):
            raise _bad_token()  # whoever may ask for one wrapping may not use another
        return _Ticket(ref.id, record.revision, body)

    def _used_up(self, key: KeyFact, ticket: _Ticket, request: str) -> Write:
        body = msgspec.structs.replace(ticket.body, wrapped=b"")
        return self._ticket_row(key, _Ticket(ticket.id, ticket.revision, body), request)

    def _ticket_row(self, key: KeyFact, ticket: _Ticket, request: str) -> Write:
        record = self._facts.sealing.seal(
            Kind.IMPORT_TICKET, ticket.id, ticket.body, namespace=key.namespace,
            revision=ticket.revision + 1, request=request,
        )  # fmt: skip
        return Write(record, ticket.revision, ticket.body.due_us)

    def _ticket_binding(self, key: KeyFact, ticket_id: bytes) -> bytes:
        return bind(
            b"strongroom/import-ticket/1", self._facts.sealing.deployment, key.namespace, key.id,
            ticket_id,
        )  # fmt: skip

    # --- the place, and what comes there ----------------------------------------------------------

    async def _standing(self, visit: Visit, key: KeyFact) -> _Standing:
        family = await family_of(self._facts, key, visit.facts)
        waiting = await waiting_number(self._facts, key, family, visit.facts, visit.time_us)
        return _Standing(key, family, waiting)

    async def _place(
        self, permit: Permit, standing: _Standing, ask: transfers.ImportMaterial
    ) -> _Place:
        """The place as far as the ask says it: of what comes `again`, perhaps another's."""
        now_us, key = permit.visit.time_us, standing.key
        if ask.key_version is not UNSET:
            former = await self._version(permit, key, ask.key_version, Use.IMPORT)
            if standing.gave_up(former.number, former.body):
                raise KeyNotUsable(
                    f"version {former.number} of the key was never used, and its material is gone;"
                    " leave key_version out"
                )
            if has_material(former.body, now_us) and not ask.again:
                raise InvalidRequest(
                    f"version {ask.key_version} of the key has its material; leave key_version out"
                    " for a new one",
                    "$.key_version",
                )
            return _Place(ask.key_version, former)
        last = key.body.last_version
        if ask.again:
            if not last:
                raise InvalidRequest("the key has had no material yet", "$.again")
            return _Place(last, None)
        _require_new_here(standing, ask)
        newest = await self._facts.version(key, last) if last else None
        if newest is not None:
            permit.visit.facts.append(newest.fact)
        elif last:
            raise TamperedRecord  # the newest version's row is gone
        if standing.waiting:
            raise KeyNotUsable(
                f"version {standing.waiting} of the key waits to become the current one; rotate the"
                " key, or delete that version's material first"
            )
        return _Place(last + 1, None)

    async def _settled(
        self,
        permit: Permit,
        standing: _Standing,
        ask: transfers.ImportMaterial,
        place: _Place,
        made: Imported,
    ) -> _Place:
        """The place of what turned out to be this. Raises `InvalidRequest` for what has none."""
        if place.former is not None:
            if _same(made, place.former.body):
                return place
            raise InvalidRequest("this is other material than was imported first")
        known = await self._known(permit, standing, made)
        if ask.again:
            if known is None:
                raise InvalidRequest("this is the material of no version of the key")
            allowed_version(known, Use.IMPORT, permit.visit.time_us)
            return _Place(known.number, known)
        if known is not None:
            # Under two numbers it would protect nothing better, and be counted twice
            # (`allowances.py`).
            raise InvalidRequest(
                f"this is the material of version {known.number}; to import it again, name that"
                " version as key_version"
            )
        return place

    async def _known(
        self, permit: Permit, standing: _Standing, made: Imported
    ) -> VersionFact | None:
        """The version that has or had this material, of the newest."""
        key = standing.key
        records = await self._ledger.family(Kind.VERSION, key.id, _COMPARED_MAX)
        for record in records:
            body = self._facts.sealing.open(record, Version, expected=(Kind.VERSION, record.id))
            number = int.from_bytes(record.id[len(key.id) :], "big")
            if not record.id.startswith(key.id):
                raise TamperedRecord  # a sound row, but another key's
            # A version that was given up was never used, and its material may come as new.
            if _same(made, body) and not standing.gave_up(number, body):
                permit.visit.facts.append(record.fact)
                return VersionFact(record, number, body, None)
        return None

    async def _unwrapped(
        self, permit: Permit, ticket: _Ticket, ask: transfers.ImportMaterial, number: int
    ) -> Imported:
        key, namespace = permit.known_key(), permit.namespace
        body = ticket.body
        wrapping_key = Ticket(body.algorithm, body.wrapped, self._ticket_binding(key, ticket.id))
        binding = binding_of(self._facts.sealing, namespace.id, key.id, key.body, number)
        work = partial(
            namespace.handle.import_wrapped, key.body.algorithm, wrapping_key, ask.wrapping,
            ask.wrapped_material, binding,
        )  # fmt: skip
        return await offload.made(body.algorithm, work)

    async def _enables(self, visit: Visit, key: KeyFact, place: _Place) -> bool:
        """Whether what comes there is the last that a stopped key lacked, and is to enable it."""
        if not visit.terms.enables or key.body.state is not State.SUSPENDED:
            return False
        lacking = {version.number for version in await self._keyring.lacking(visit, key)}
        if not key.body.current_version:
            lacking = {_FIRST}
        again = msgspec.structs.replace(key.body, state=State.ACTIVE)
        # What comes after the end of its time is no reason to use it again.
        return lacking == {place.number} and state_at(again, visit.time_us) is State.ACTIVE

    def _body(
        self,
        permit: Permit,
        place: _Place,
        made: Imported,
        ask: transfers.ImportMaterial,
        expires_us: int,
    ) -> tuple[Version, Details]:
        """The version with the material, and what the entry says of it."""
        key, now_us = permit.known_key(), permit.visit.time_us
        details: Details = {"ticket": ask.import_token, "wrapping": ask.wrapping}
        if expires_us:
            details["expires"] = rfc3339(expires_us)
        changes = {} if ask.description is UNSET else {"description": ask.description}
        if place.former is not None:
            again = msgspec.structs.replace(
                place.former.body, wrapped=made.wrapped, expires_us=expires_us, **changes
            )
            return again, details | {"again": 1}
        waiting = ask.waits and key.body.current_version > 0
        body = msgspec.structs.replace(
            version_of(key.body.algorithm, Generated(made.wrapped, made.public), now_us),
            state=State.PRE_ACTIVATION if waiting else State.ACTIVE,
            fingerprint=made.fingerprint,
            expires_us=expires_us,
            by_hand=not waiting and place.number > 1,
            **changes,
        )
        return body, details | ({"waits": 1} if waiting else {})

    def _rows(
        self, permit: Permit, place: _Place, body: Version, *, enables: bool
    ) -> tuple[tuple[Write, ...], Details]:
        """The rows of the key and its version; and what the entry says of the key."""
        key, sealing, request = permit.known_key(), self._facts.sealing, permit.visit.request
        details: Details = {"state": State.ACTIVE} if enables else {}
        if place.former is not None:
            row = version_row(sealing, key, place.former, body, request)
            enabled = msgspec.structs.replace(key.body, state=State.ACTIVE)
            more = (key_row(sealing, key, enabled, request),) if enables else ()
            return (row, *more), details
        if body.state is State.PRE_ACTIVATION:
            key_body = msgspec.structs.replace(key.body, waiting_version=place.number)
        else:
            key_body = _alive(key.body, place.number, permit.visit.time_us, enables=enables)
        rows = (
            key_row(sealing, key, key_body, request),
            new_version_row(
                sealing, key.id, place.number, body, namespace=key.namespace, request=request
            ),
        )
        return rows, details

    async def _elsewhere(
        self, permit: Permit, standing: _Standing, place: _Place, body: Version
    ) -> Elsewhere:
        """What new material is to the key's replicas. What comes again is each Region's own."""
        if standing.family is None or place.former is not None:
            return Elsewhere()
        source = Place(permit.namespace.handle, standing.key.namespace, standing.key.id)
        return await announced(
            self._facts, standing.key, standing.family, source, place.number, body,
            request=permit.visit.request, now_us=permit.visit.time_us,
        )  # fmt: skip


def _bad_token() -> InvalidRequest:
    return InvalidRequest(
        "the import token is not valid for this key; get another", "$.import_token"
    )


def _same(made: Imported, body: Version) -> bool:
    return hmac.compare_digest(made.fingerprint, body.fingerprint)


def _require_new_here(standing: _Standing, ask: transfers.ImportMaterial) -> None:
    """Raises what forbids that new material comes to this one of related keys, and so."""
    family = standing.family
    if is_replica(family, standing.key):
        raise KeyNotUsable(AT_THE_PRIMARY)
    if family is not None and family.replicas and not ask.waits:
        raise InvalidRequest(
            "the key has replicas, so new material waits until it is in every Region: say that it"
            " waits",
            "$.waits",
        )


def _alive(body: Key, number: int, now_us: int, *, enables: bool) -> Key:
    """The key with its next material, which brings it to life unless it is to wait for that.

    What somebody stopped stays so, unless this is what `enables` it.
    """
    state = body.state
    if enables or (state is State.PRE_ACTIVATION and body.activates_us <= now_us):
        state = State.ACTIVE
    return msgspec.structs.replace(body, current_version=number, waiting_version=0, state=state)
