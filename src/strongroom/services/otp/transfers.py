"""Secrets come in from elsewhere, and go out sealed."""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import UNSET

from strongroom.domain import limits
from strongroom.domain.algorithms import Algorithm
from strongroom.domain.asks import Problem
from strongroom.domain.binding import bind
from strongroom.domain.errors import (
    ChangedMeanwhile,
    InvalidRequest,
    Refusal,
    Unavailable,
)
from strongroom.domain.operations import Resource
from strongroom.domain.otp import asks
from strongroom.domain.otp.credential import ID_BYTES, Body, Secret, State, Type, spell
from strongroom.domain.otp.profile import Profile
from strongroom.domain.sensitive import Sensitive
from strongroom.ports.store import Move
from strongroom.services.authorize import Permit, Visit
from strongroom.services.facts import RestoresFact
from strongroom.services.otp import settings
from strongroom.services.otp.fence import fenced
from strongroom.services.otp.parts import Parts
from strongroom.services.otp.rotation import rotates_s
from strongroom.services.otp.rows import Held, pseudonym, works
from strongroom.services.otp.selecting import page
from strongroom.services.otp.views import shown
from strongroom.services.otp.windows import believed

_SECOND_US = 1_000_000
_BREATH: Final = 25  # secrets wrapped or sealed before others have their turn


class CredentialTransfers:
    """See the head of this module."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def import_credentials(
        self, visit: Visit, ask: asks.ImportCredentials
    ) -> asks.ImportedCredentials:
        """Secrets that were made elsewhere. The same item finds what it made before.

        An id follows from the secret, the user and the serial number, by a key of the namespace. So
        an import that was cut off is simply repeated.
        """
        parts = self._parts
        permit = parts.authorizer.permit(visit, Resource.NAMESPACE)
        profiles = await parts.facts.otp_profiles(permit.namespace.id)
        restores = await parts.facts.restores()
        visit.facts += (profiles.fact, restores.fact)
        profile = settings.profile_of(profiles, ask.profile)
        importing = _Importing(parts, permit, ask, profile, restores)
        made = await importing.made()
        ids = [one for one in made if isinstance(one, bytes)]
        if not ids:
            raise _first(made)
        for _ in range(limits.OTP_TURNS_MAX):
            there = await self._there(permit, ids)
            moves = importing.moves(there)
            new = {move.row.id for move in moves}
            try:
                await parts.books.allowed(
                    permit,
                    {
                        "count": len(made), "created": len(new), "failed": len(made) - len(ids),
                        "profile": ask.profile, "items": sorted(map(spell, new)),
                    },
                    moves=moves,
                )  # fmt: skip
            except ChangedMeanwhile:
                continue
            return asks.ImportedCredentials(_told(made, new))
        raise Unavailable("the same secrets are being imported by others; try again")

    async def _there(self, permit: Permit, ids: Sequence[bytes]) -> set[bytes]:
        namespace = permit.namespace.id
        rows = await self._parts.ledger.credentials(namespace, ids)
        there = set()
        for credential_id, row in zip(ids, rows, strict=True):
            if row is not None:
                there.add(self._parts.rows.open(row, expected=(namespace, credential_id)).id)
        return there

    async def export(self, visit: Visit, ask: asks.ExportCredentials) -> asks.ExportedCredentials:
        """A page of secrets, each sealed to the caller's public key."""
        parts = self._parts
        permit = parts.authorizer.permit(visit, Resource.NAMESPACE)
        algorithm = Algorithm(ask.algorithm.value)
        try:
            parts.provider.public_keys.check(algorithm, ask.public_key)
        except InvalidRequest:
            raise InvalidRequest(
                f"this is no public key of {algorithm}, as SubjectPublicKeyInfo", "$.public_key"
            ) from None
        found = await page(parts, permit, ask, limit=ask.limit, page_token=ask.page_token)
        profiles = await parts.facts.otp_profiles(permit.namespace.id)
        restores = await parts.facts.restores()
        visit.facts += (profiles.fact, restores.fact)
        items = []
        for held in found.found:
            # What was stopped for good works nowhere again.
            if held.body.secrets and held.state is not State.REVOKED:
                profile = profiles.named(held.body.profile)
                # What is used up here is not to be accepted where the secret goes.
                body = fenced(held.body, profile, restores)
                now = msgspec.structs.replace(held, body=body)
                items.append(self._exported(permit, now, ask.public_key, algorithm, profile))
            if not len(items) % _BREATH:
                await asyncio.sleep(0)
        await parts.books.allowed(
            permit,
            {
                "count": len(items), "recipient": hashlib.sha256(ask.public_key).hexdigest(),
                "items": [item.credential.id for item in items],
            },
        )  # fmt: skip
        return asks.ExportedCredentials(items, found.next)

    def _exported(
        self, permit: Permit, held: Held, public: bytes, algorithm: Algorithm, profile: Profile
    ) -> asks.ExportedCredential:
        body, now_us = held.body, permit.visit.time_us
        secret = next((one for one in works(body, now_us) if one.proved), body.newest)
        binding = self._parts.rows.binding(held.namespace, held.id, body, secret.generation)
        one_time = permit.namespace.handle.open_otp(body.hash, secret.wrapped, binding)
        info = f"strongroom/otp-export/1/{spell(held.id)}/{secret.generation}".encode()
        return asks.ExportedCredential(
            credential=shown(held, profile, now_us),
            counter=0 if body.type is Type.TOTP else secret.moved,
            drift=secret.drift,
            sealed=one_time.sealed_for(algorithm, public, info),
            info=info,
        )


class _Importing:
    """One request's items, each as the row that it is to become, or why not."""

    def __init__(
        self,
        parts: Parts,
        permit: Permit,
        ask: asks.ImportCredentials,
        profile: Profile,
        restores: RestoresFact,
    ) -> None:
        self._parts = parts
        self._permit = permit
        self._ask = ask
        self._profile = profile
        self._restores = restores
        self._moves: dict[bytes, Move] = {}

    async def made(self) -> list[bytes | Refusal]:
        """The ids of the items, in their order."""
        found: list[bytes | Refusal] = []
        for number, item in enumerate(self._ask.items):
            try:
                found.append(self._one(item))
            except InvalidRequest as refusal:
                found.append(refusal)
            if not number % _BREATH:
                await asyncio.sleep(0)
        return found

    def moves(self, there: set[bytes]) -> tuple[Move, ...]:
        """The rows of those that are not there."""
        return tuple(
            move for credential_id, move in self._moves.items() if credential_id not in there
        )

    def _one(self, item: asks.ImportItem) -> bytes:
        making = settings.imported(item)
        namespace = self._permit.namespace
        handle, now_us = namespace.handle, self._permit.visit.time_us
        user = b"" if item.user is UNSET else pseudonym(handle, item.user)
        known = bind(item.serial.encode(), item.secret, user, making.type.encode())
        credential_id = handle.pseudonym("otp-import", known)[:ID_BYTES]
        if credential_id in self._moves:
            return credential_id
        bare = Body(
            type=making.type, hash=making.hash, digits=making.digits, period=making.period,
            created_s=now_us // _SECOND_US, secrets=(), imported=True,
            profile=settings.kept_name(self._ask.profile), suite=making.suite, serial=item.serial,
            restores=self._restores.restores, rotates_s=rotates_s(self._profile, now_us),
        )  # fmt: skip
        binding = self._parts.rows.binding(namespace.id, credential_id, bare, 1)
        wrapped = handle.import_otp(Sensitive(item.secret), binding)
        moved, drift = item.counter, 0
        if making.type is Type.TOTP:
            drift = believed(item.drift, self._profile)
            moved = self._next_step(item.counter, making.period, drift)
        secret = Secret(1, wrapped, moved, drift, proved=item.proved, shown=True)
        self._moves[credential_id] = self._parts.rows.new(
            credential_id, namespace=namespace.id, user=user,
            state=State.ACTIVE if item.proved else State.PENDING,
            body=msgspec.structs.replace(bare, secrets=(secret,)),
        )  # fmt: skip
        return credential_id

    def _next_step(self, counter: int, period: int, drift: int) -> int:
        """The first step whose code is accepted: earlier ones may have been, where it comes from.

        Raises `InvalidRequest` for one that is so far ahead that nobody could say when it comes.
        """
        step = self._permit.visit.time_us // (period * _SECOND_US) + drift
        if counter > step + self._profile.drift_limit + self._profile.drift_window + 1:
            raise InvalidRequest(
                "the counter of a TOTP secret is its next time step, and that one is not near",
                "$.counter",
            )
        return max(0, step, counter)


def _first(made: Sequence[bytes | Refusal]) -> Refusal:
    return next(one for one in made if isinstance(one, Refusal))


def _told(made: Sequence[bytes | Refusal], new: set[bytes]) -> list[asks.ImportedItem]:
    told = []
    for one in made:
        if isinstance(one, Refusal):
            told.append(asks.ImportedItem(error=Problem(one.code, one.detail)))
        else:
            told.append(asks.ImportedItem(id=spell(one), created=one in new))
            new.discard(one)  # the same item again in one request was there already
    return told
