"""What attempts of one visit are weighed with, and how what they come to is kept.

In this order, for every attempt of every kind:

1. All credentials that it is about are read, under their turns.
2. Each is weighed, those that are not there as stand-ins (`attempts.py`).
3. One commit: the entry, the moves of all credentials, the caller's rates. Who was not weighed, and
   who does not exist, is moved, too: nothing tells them apart from the rest, not even the ledger's
   work.
4. If another attempt came first, nothing was kept: again from 1, with what is there now.
5. Only when it is kept is there an answer.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, TypeVar

import msgspec

from strongroom.domain import limits
from strongroom.domain.errors import ChangedMeanwhile, TamperedRecord, Unavailable
from strongroom.domain.otp.asks import Attempt
from strongroom.domain.otp.credential import ID_BYTES, Body, Secret, State, Type, parse
from strongroom.domain.otp.profile import Profile
from strongroom.domain.otp.reasons import Reason
from strongroom.ports.provider import NamespaceHandle, OneTime
from strongroom.ports.store import Move
from strongroom.services.authorize import Permit
from strongroom.services.books import Details
from strongroom.services.facts import ProfilesFact, RestoresFact
from strongroom.services.otp import ocra
from strongroom.services.otp.attempts import Aim, Weighed, weigh
from strongroom.services.otp.fence import fenced
from strongroom.services.otp.parts import Parts
from strongroom.services.otp.rates import rates
from strongroom.services.otp.rows import Held
from strongroom.services.otp.windows import Find, one_code, two_codes, width

_Answer = TypeVar("_Answer")

Found = dict[bytes, Held | None]
"""The credentials that were asked for, by id, as they are now."""

_STAND_IN: Final = (Secret(0, b""),)


class Settled(msgspec.Struct, frozen=True):
    """What attempts come to: what is to be kept of them, and what is on record."""

    moves: tuple[Move, ...]
    details: Details
    erases: bool = False


Decide = Callable[[Found], Awaitable[tuple[Settled, _Answer]]]
"""Given the credentials as they are now: what is to be kept, and the answer when it is."""


class Scales:
    """Of one visit: its namespace's key and profiles, the restores there were, the time."""

    __slots__ = ("_handle", "_namespace", "_parts", "_permit", "_profiles", "_restores", "now_us")

    def __init__(
        self, parts: Parts, permit: Permit, profiles: ProfilesFact, restores: RestoresFact
    ) -> None:
        self._parts = parts
        self._permit = permit
        self._profiles = profiles
        self._restores = restores
        self._handle: NamespaceHandle = permit.namespace.handle
        self._namespace = permit.namespace.id
        self.now_us = permit.visit.time_us

    @classmethod
    async def of(cls, parts: Parts, permit: Permit) -> "Scales":
        """With everything that they rest on among the visit's facts."""
        profiles = await parts.facts.otp_profiles(permit.namespace.id)
        restores = await parts.facts.restores()
        permit.visit.facts += (profiles.fact, restores.fact)
        return cls(parts, permit, profiles, restores)

    def fenced(self, held: Held) -> Held:
        """The credential as it may be used after every restore there was."""
        body = fenced(held.body, self.profile_of(held), self._restores)
        return held if body is held.body else moved(held, body, held.state)

    def profile_of(self, held: Held | None) -> Profile:
        """What holds for it; for what is not there, the default."""
        return self._profiles.named("" if held is None else held.body.profile)

    def suite_of_nobody(self, credential_id: bytes) -> str:
        """A suite of the namespace's profiles, for an id always the same; empty without any.

        By it nobody tells what is not there from what is, unless it was imported with another.
        """
        suites = sorted({one.suite for one in self._profiles.body.profiles.values() if one.suite})
        if not suites:
            return ""
        chance = self._handle.pseudonym("otp-suite", credential_id)
        return suites[int.from_bytes(chance[:8], "big") % len(suites)]

    def opened(self, held: Held, secret: Secret) -> OneTime:
        """One generation of its secret; a decoy where that is gone."""
        body = held.body
        # Of a decoy there is none to know; but making one takes time that would tell.
        binding = self._parts.rows.binding(held.namespace, held.id, body, secret.generation)
        if not secret.wrapped:
            return self._handle.decoy_otp(body.hash)
        return self._handle.open_otp(body.hash, secret.wrapped, binding)

    def decoy(self, credential_id: bytes) -> Move:
        """What is moved for a credential that is not there."""
        return self._parts.rows.decoy(self._namespace, self._handle, credential_id)

    def attempt(
        self,
        held: Held | None,
        attempt: Attempt,
        *,
        transaction: bytes = b"",
        aim: Aim = Aim.VERIFY,
    ) -> Weighed:
        """What a code comes to. `transaction`: the digest of the attempt's."""
        held, hinders = self._subject(held)
        body, profile = held.body, self.profile_of(held)
        suite = ocra.suite_of(body)
        if suite is None:
            # A code of a clock or a counter answers for no transaction: who thinks so is told no.
            if attempt.challenge or attempt.transaction or attempt.session or attempt.pin:
                hinders = hinders or Reason.CHALLENGE
            find = one_code(body, profile, self.now_us, attempt.code)
            return self._weigh(held, profile, find, aim, hinders)
        challenge = ocra.open_challenge(body, attempt.challenge, self.now_us)
        if challenge is None or challenge.transaction != transaction:
            question, hinders = ocra.stand_in_question(suite), hinders or Reason.CHALLENGE
        else:
            question = challenge.question
        find = ocra.response(profile, self.now_us, suite, attempt, question)
        weighed = self._weigh(held, profile, find, aim, hinders)
        if weighed.right:
            body = ocra.answered(weighed.body, attempt.challenge)
            weighed = msgspec.structs.replace(weighed, body=body)
        return weighed

    def resync(self, held: Held | None, first: str, second: str) -> Weighed:
        """What two codes in a row come to."""
        held, hinders = self._subject(held)
        profile = self.profile_of(held)
        if held.body.type is Type.OCRA:
            hinders = hinders or Reason.CHALLENGE  # its codes are answers, and nothing else
        find = two_codes(held.body, profile, self.now_us, first, second)
        return self._weigh(held, profile, find, Aim.RESYNC, hinders)

    def codes(self, held: Held | None) -> int:
        """How many codes are computed for one attempt."""
        if held is None:
            return 1
        return width(held.body, self.profile_of(held)) * max(1, len(held.body.secrets))

    def move(self, credential_id: bytes, held: Held | None, weighed: Weighed) -> Move:
        """What is kept of it: the credential's next revision, or one of a decoy."""
        if held is None:
            return self.decoy(credential_id)
        return self._parts.rows.next(held, weighed.body, weighed.state)

    def _subject(self, held: Held | None) -> tuple[Held, Reason | None]:
        """What is weighed: the credential; or, if there is none, a stand-in for it."""
        if held is not None:
            return self.fenced(held), None
        profile = self._profiles.named("")
        body = Body(
            profile.type, profile.hash, profile.digits, profile.period, 0, _STAND_IN,
            suite=profile.suite,
        )  # fmt: skip
        return Held(b"", self._namespace, b"", 0, State.ACTIVE, body), Reason.UNKNOWN

    def _weigh(
        self, held: Held, profile: Profile, find: Find, aim: Aim, hinders: Reason | None
    ) -> Weighed:
        return weigh(
            held.body, held.state, profile, self.now_us,
            opened=lambda secret: self.opened(held, secret), find=find, aim=aim, hinders=hinders,
        )  # fmt: skip

    async def settle(
        self, ids: Iterable[bytes], decide: Decide[_Answer], *, count: int = 1
    ) -> _Answer:
        """See the head of this module. `count`: how many attempts the rates have to bear.

        Raises `RateLimited`, `TamperedRecord`, `Unavailable`; then nothing was kept.
        """
        wanted = tuple(dict.fromkeys(ids))
        async with self._parts.turns.of(wanted):
            return await self._settle(lambda: self._read(wanted), decide, count)

    async def settle_user(self, subject: bytes, decide: Decide[_Answer]) -> _Answer:
        """The same for the active credentials of that user: as many as are tried."""
        # No credential's turn, though somebody may ask for an id that is spelt as a pseudonym is:
        # two of them could wait for each other.
        async with self._parts.turns.of((b"user/" + subject,)):
            # Those who verify by id wait for the same turns; who comes between is found out.
            ids = tuple(await self._read_user(subject))
            async with self._parts.turns.of(ids):
                return await self._settle(lambda: self._read_user(subject), decide, 1)

    async def _settle(
        self, read: Callable[[], Awaitable[Found]], decide: Decide[_Answer], count: int
    ) -> _Answer:
        permit = self._permit
        limited = rates(permit, count)
        for _ in range(limits.OTP_TURNS_MAX):
            settled, answer = await decide(await read())
            try:
                await self._parts.books.allowed(
                    permit, settled.details, moves=settled.moves, erases=settled.erases,
                    rates=limited,
                )  # fmt: skip
            except ChangedMeanwhile:
                continue
            return answer
        raise Unavailable("a credential is being changed too often; try again")

    async def _read(self, ids: Sequence[bytes]) -> Found:
        rows = await self._parts.ledger.credentials(self._namespace, ids)
        return {
            credential_id: None
            if row is None
            else self._parts.rows.open(row, expected=(self._namespace, credential_id))
            for credential_id, row in zip(ids, rows, strict=True)
        }

    async def _read_user(self, subject: bytes) -> Found:
        rows = await self._parts.ledger.credentials_of(
            self._namespace, subject, limits.OTP_PER_USER_READ_MAX
        )
        active: Found = {}
        for row in rows:
            held = self._parts.rows.open(row, expected=(self._namespace, row.id))
            if held.user != subject:
                raise TamperedRecord
            if held.state is State.ACTIVE and len(active) < limits.OTP_PER_USER_MAX:
                active[row.id] = held
        return active


def moved(held: Held, body: Body, state: State) -> Held:
    """The same credential, as it will be."""
    return Held(held.id, held.namespace, held.user, held.revision, state, body)


def id_of(name: str) -> bytes:
    """The id that is written so. What is no id at all is the id of nothing, and as much work."""
    return parse(name) or hashlib.sha256(name.encode()).digest()[:ID_BYTES]


async def breathe() -> None:
    """Let others' calls go on."""
    await asyncio.sleep(0)
