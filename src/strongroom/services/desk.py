"""The desk: takes a call, finds out who it is from, has it done, and sees that it is on record.

For each attempt, in this order:

1. Who is it? No proof: on record as refused, the dull answer. Anonymous operations do not ask: no
   token is looked at, and nothing that comes with one is believed.
2. The ask is decoded and checked again: a gate is not believed.
3. The service decides, does, and commits; or refuses, and the refusal is committed.
4. If the ledger says that a fact had changed, nothing happened: from the beginning, with what is
   true now.

A dry run goes the same way, up to the commit in 3: only that it was tried is committed then.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import msgspec

from strongroom.domain import asks, limits
from strongroom.domain.calls import (
    DECODERS,
    DRY_RUN,
    PASSED,
    WRONG,
    About,
    Call,
    Reply,
    Terms,
    parse_terms,
)
from strongroom.domain.errors import (
    InvalidRequest,
    NotAllowed,
    Refusal,
    TamperedRecord,
    Unauthenticated,
    Unavailable,
)
from strongroom.domain.lifecycle import state_at
from strongroom.domain.operations import OPERATIONS, Resource
from strongroom.domain.readings import READINGS
from strongroom.domain.words import is_key
from strongroom.ports.clock import Clock
from strongroom.ports.ledger import Ledger
from strongroom.services.authenticate import Authenticator
from strongroom.services.authorize import Visit
from strongroom.services.books import Books, Rehearsed, StaleDecision
from strongroom.services.facts import KeyFact

_REQUEST_ID: Final = re.compile(r"[0-9a-f]{32}")

Method = Callable[[Visit, Any], Awaitable[asks.Answer]]

# Ids are spelt within the bounds of names, so one pattern knows both.
_NOTHINGS_NAME = "-"  # not a name: nothing is found under it

_encode = msgspec.msgpack.Encoder().encode


class Watch(Protocol):
    """Is told what was decided."""

    def count(self, name: str, *labels: str, by: int = 1) -> None:
        """Add to a counter."""


class Desk:
    """Answers calls. Never raises for a refusal."""

    def __init__(  # noqa: PLR0913 - what a desk is made of
        self,
        *,
        methods: dict[str, Method],
        authenticator: Authenticator,
        books: Books,
        ledger: Ledger,
        clock: Clock,
        watch: Watch,
    ) -> None:
        if methods.keys() != OPERATIONS.keys():
            raise RuntimeError("every operation of the table needs a service method")
        self._methods = methods
        self._authenticator = authenticator
        self._books = books
        self._ledger = ledger
        self._clock = clock
        self._watch = watch

    async def answer(self, call: Call) -> Reply:
        """The reply to one call, after what it says is on record."""
        if call.operation not in OPERATIONS:
            return Reply(code=InvalidRequest.code, detail="there is no such operation")
        try:
            terms = _terms(call)
        except ValueError:
            # No gate of ours sends that; under such an id nothing could be found on record.
            return Reply(code=InvalidRequest.code, detail="the call is not one that a gate makes")
        for _ in range(limits.STALE_RETRIES_MAX):
            try:
                reply = await self._attempt(call, terms)
            except StaleDecision:
                self._watch.count("strongroom_stale")
                continue
            except Unavailable as refusal:
                reply = _refusal(refusal, "")
            self._watch.count("strongroom_operations", call.operation, reply.code or "ok")
            return reply
        return _refusal(Unavailable("what this rests on is being changed too often"), "")

    async def _attempt(self, call: Call, terms: Terms | None) -> Reply:
        operation = OPERATIONS[call.operation]
        visit = Visit(
            operation,
            target=_on_record(call.target),
            source=call.source,
            request=call.request,
            epoch=self._ledger.epoch,
            time_us=self._clock.now_us(),
            terms=terms,
        )
        try:
            if not operation.anonymous:
                await self._authenticator.authenticate(visit, call.token)  # 1
            visit.ask = ask = _decode(call)  # 2
            answer = await self._methods[call.operation](visit, ask)  # 3
        except Rehearsed as rehearsed:
            reply = Reply(code=DRY_RUN, detail=WRONG if rehearsed.wrong else PASSED)
        except Unavailable:
            raise
        except Refusal as refusal:
            reply = await self._refuse(visit, refusal)
        else:
            reply = Reply(_encode(answer), operation.answers.index(type(answer)))
        return reply if terms is None else _telling(reply, visit)

    async def _refuse(self, visit: Visit, refusal: Refusal) -> Reply:
        if isinstance(refusal, Unauthenticated):
            visit.principal = None  # nothing was proven, so no name is on record
        if not visit.object and visit.target and visit.operation.resource is Resource.KEY:
            visit.object = f"key/{visit.target}"
        if isinstance(refusal, TamperedRecord):
            # Facts that cannot be trusted are nothing to stand on; it is recorded in any case.
            visit.facts.clear()
        await self._books.refused(visit, refusal.code)
        return _refusal(refusal, visit.request)


def _terms(call: Call) -> Terms | None:
    """The call's terms. Raises `ValueError` for a call that no gate makes."""
    terms = parse_terms(call.terms) if call.terms else None
    reading = "" if terms is None else terms.reading
    if (
        _REQUEST_ID.fullmatch(call.request) is None
        or len(call.source) > limits.SOURCE_CHARACTERS_MAX
        or (reading and READINGS[reading].operation != call.operation)
    ):
        raise ValueError("a call that no gate makes")
    return terms


def _on_record(target: str) -> str:
    """The target, if anything could be called so; what else came may be a secret of somebody's."""
    return target if not target or is_key(target) else _NOTHINGS_NAME


def _decode(call: Call) -> asks.Ask:
    try:
        ask: asks.Ask = DECODERS[call.operation].decode(call.ask)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise InvalidRequest from None
    return ask


def _telling(reply: Reply, visit: Visit) -> Reply:
    """The reply, with what the keys are that there was a permit for."""
    key, source = _about(visit, visit.key), _about(visit, visit.source_key)
    return msgspec.structs.replace(reply, key=key, source=source)


def _about(visit: Visit, key: KeyFact | None) -> About | None:
    if key is None:
        return None
    if key.plain:
        return key.about
    return msgspec.structs.replace(key.about, state=state_at(key.body, visit.time_us))


def _refusal(refusal: Refusal, request: str) -> Reply:
    return Reply(
        code=refusal.code,
        detail=refusal.detail,
        pointer=refusal.pointer if isinstance(refusal, InvalidRequest) else "",
        decision=request if isinstance(refusal, NotAllowed) else "",
    )
