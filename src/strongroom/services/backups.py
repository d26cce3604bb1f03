"""Backups: a whole key as one blob, which opens where the same root key is and nowhere else.

    format 1   "SRBK" · 0x01 · JSON · MAC (32)

The MAC is looked at before anything is parsed. `docs/formats/backup-1.md` is the page about it.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import UNSET

from strongroom.domain import asks, limits, transfers
from strongroom.domain.binding import bind
from strongroom.domain.errors import (
    AlreadyExists,
    InvalidCiphertext,
    InvalidRequest,
    TamperedRecord,
    TooLarge,
)
from strongroom.domain.lifecycle import Use
from strongroom.domain.operations import Resource
from strongroom.domain.records import Kind, Ref
from strongroom.domain.things import Key, UseControl, Version, version_id
from strongroom.ports.ledger import Ledger
from strongroom.ports.provider import Provider
from strongroom.ports.store import Write
from strongroom.services.authorize import Authorizer, Permit, Visit
from strongroom.services.books import Books, Details
from strongroom.services.facts import Facts, KeyFact, NamespaceFact
from strongroom.services.keyring import Keyring
from strongroom.services.keys import first_of_its_kind
from strongroom.services.profiles import on_profile
from strongroom.services.rows import binding_of, new_key_row, new_version_row
from strongroom.services.views import Views

_HEAD: Final = b"SRBK\x01"
_MAC_BYTES: Final = 32
_MAC_LABEL: Final = b"strongroom/backup/1"  # records' MACs are of lists that begin otherwise
_BINDING_LABEL: Final = b"strongroom/backup-version/1"
_AT_ONCE: Final = 50  # versions between two turns of the event loop: some milliseconds


class Contents(msgspec.Struct, frozen=True):
    """What a backup holds. `versions` are all of them, from 1, wrapped by the backup key."""

    id: bytes
    name: str
    namespace: str
    key: Key
    versions: list[Version]


# A field that this release does not know may bound the key's use: it must not be lost on the way.
# So whoever gives a body another structure of its own makes it strict here, too.
class _StrictControl(UseControl, frozen=True, forbid_unknown_fields=True):
    pass


class _StrictKey(Key, frozen=True, kw_only=True, forbid_unknown_fields=True):
    control: _StrictControl = _StrictControl()


class _StrictVersion(Version, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class _StrictContents(Contents, frozen=True, forbid_unknown_fields=True):
    key: _StrictKey
    versions: list[_StrictVersion]  # type: ignore[assignment] # nothing is ever put into it


_decoder: Final = msgspec.json.Decoder(_StrictContents)
_encoder: Final = msgspec.json.Encoder(order="sorted")


class Backups:
    """Takes whole keys out, and brings them back where they are not."""

    def __init__(  # noqa: PLR0913 - what a service is made of
        self,
        *,
        facts: Facts,
        authorizer: Authorizer,
        keyring: Keyring,
        books: Books,
        ledger: Ledger,
        provider: Provider,
        views: Views,
    ) -> None:
        self._facts = facts
        self._authorizer = authorizer
        self._keyring = keyring
        self._books = books
        self._ledger = ledger
        self._provider = provider
        self._views = views

    async def backup(self, visit: Visit, ask: asks.Nothing) -> transfers.Backup:
        """The key with all its versions. Its aliases and wrapping keys for imports stay."""
        del ask
        permit = await self._authorizer.permit_key(visit, visit.target, {})
        key = self._keyring.free(permit, Use.EXPORT)
        versions = await self._moved_out(permit, key)
        contents = Contents(
            key.cipher_id, key.name, permit.namespace.name, _alone(key.body), versions
        )
        blob = self._sealed(contents)
        if len(blob) > limits.BACKUP_BYTES_MAX:
            raise _too_large()
        await self._books.allowed(permit, _details(blob, versions))
        return transfers.Backup(blob, len(versions))

    async def restore(self, visit: Visit, ask: transfers.RestoreKey) -> asks.KeyView:
        """The key as it was, its states and dates too, where there is none with its id or name.

        Raises `InvalidCiphertext` for whatever is no backup of a key of a namespace of this name
        under this root key; `AlreadyExists` also when the key was destroyed here: it stays so.
        """
        try:
            contents = self._opened(ask.backup, visit)
        except InvalidCiphertext:
            # Who may restore nothing is not told whether this is a backup.
            self._authorizer.permit(visit, Resource.KEY, "" if ask.name is UNSET else ask.name)
            raise
        name = contents.name if ask.name is UNSET else ask.name
        body = contents.key
        if body.multi_region:
            region = "" if visit.namespace is None else visit.namespace.body.region
            body = first_of_its_kind(body, contents.id, region)
            contents = msgspec.structs.replace(contents, key=body)
        permit = self._authorizer.permit_new_key(visit, name, body.algorithm, body.labels)
        on_profile(permit.namespace.body.profile, body.algorithm)
        visit.facts.append(Ref(Kind.KEY, contents.id).fact)
        if await self._facts.key(contents.id) is not None:
            raise AlreadyExists("this very key is here already, in use or destroyed")
        writes = await self._moved_in(permit, name, contents)
        details = _details(ask.backup, contents.versions)
        await self._books.allowed(permit, details, writes=writes)
        return await self._views.added(name, writes)

    # --- material ---------------------------------------------------------------------------------

    async def _moved_out(self, permit: Permit, key: KeyFact) -> list[Version]:
        versions: list[Version] = []
        size, last = 0, key.body.last_version
        for first in range(1, last + 1, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, last + 1))
            refs = [Ref(Kind.VERSION, version_id(key.id, number)) for number in numbers]
            permit.visit.facts += [ref.fact for ref in refs]
            for number, ref, record in zip(
                numbers, refs, await self._ledger.load(refs), strict=True
            ):
                if record is None:
                    raise TamperedRecord
                size += len(record.body)
                if size > limits.BACKUP_BYTES_MAX:
                    raise _too_large()
                body = self._facts.sealing.open(record, Version, expected=(ref.kind, ref.id))
                versions.append(self._out(permit.namespace, key, number, body))
        return versions

    def _out(self, namespace: NamespaceFact, key: KeyFact, number: int, body: Version) -> Version:
        if not body.wrapped:
            return body
        here = binding_of(self._facts.sealing, namespace.id, key.id, key.body, number)
        there = _binding(key.cipher_id, key.body, number)
        wrapped = namespace.handle.move(body.wrapped, here, self._provider.backup_key(), there)
        return msgspec.structs.replace(body, wrapped=wrapped)

    async def _moved_in(self, permit: Permit, name: str, contents: Contents) -> tuple[Write, ...]:
        sealing, namespace, request = self._facts.sealing, permit.namespace, permit.visit.request
        key_id, key = contents.id, contents.key
        writes = [
            new_key_row(sealing, key_id, key, namespace=namespace.id, name=name, request=request)
        ]
        for number, version in enumerate(contents.versions, 1):
            body = self._in(namespace, contents, number, version)
            writes.append(
                new_version_row(
                    sealing, key_id, number, body, namespace=namespace.id, request=request
                )
            )
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
        return tuple(writes)

    def _in(
        self, namespace: NamespaceFact, contents: Contents, number: int, body: Version
    ) -> Version:
        if not body.wrapped:
            return body  # its fingerprint is known again in the very namespace that made it
        there = _binding(contents.id, contents.key, number)
        here = binding_of(self._facts.sealing, namespace.id, contents.id, contents.key, number)
        handle = namespace.handle
        wrapped = self._provider.backup_key().move(body.wrapped, there, handle, here)
        fingerprint = b""
        if body.fingerprint:
            fingerprint = handle.fingerprint(body.algorithm, wrapped, here, body.public)
        return msgspec.structs.replace(body, wrapped=wrapped, fingerprint=fingerprint)

    # --- the blob ---------------------------------------------------------------------------------

    def _sealed(self, contents: Contents) -> bytes:
        body = _HEAD + _encoder.encode(contents)
        return body + self._provider.mac(bind(_MAC_LABEL, body))

    def _opened(self, blob: bytes, visit: Visit) -> Contents:
        body, mac = blob[:-_MAC_BYTES], blob[-_MAC_BYTES:]
        if not body.startswith(_HEAD):
            raise InvalidCiphertext
        try:
            self._provider.check_mac(bind(_MAC_LABEL, body), mac)
        except TamperedRecord:
            raise InvalidCiphertext from None
        try:
            contents = _decoder.decode(body[len(_HEAD) :])
        except msgspec.MsgspecError:
            raise InvalidRequest(
                "this backup was made by a newer release; restore it with that", "$.backup"
            ) from None
        if visit.namespace is None or contents.namespace != visit.namespace.name:
            raise InvalidCiphertext
        return contents


def _alone(body: Key) -> Key:
    """Of a multi-Region key, any related one is a backup of it: it comes back without replicas."""
    return msgspec.structs.replace(body, primary="", related={}, waits_days=0)


def _binding(key_id: bytes, key: Key, number: int) -> bytes:
    """What a version's material is wrapped with in a backup: no deployment, no namespace."""
    return bind(
        _BINDING_LABEL, key_id, number.to_bytes(4, "big"), key.purpose.encode(),
        key.algorithm.encode(),
    )  # fmt: skip


def _details(blob: bytes, versions: Sequence[Version]) -> Details:
    return {"versions": len(versions), "digest": hashlib.sha256(blob).hexdigest()}


def _too_large() -> TooLarge:
    return TooLarge(
        f"the key's versions make a backup of more than {limits.BACKUP_BYTES_MAX:,} bytes;"
        " destroy old ones first"
    )
