"""A call from a gate to a custodian, and the reply: what a door makes and a custodian sees."""

from functools import lru_cache
from typing import Final

import msgspec

from strongroom.domain import limits
from strongroom.domain.algorithms import Algorithm, Purpose
from strongroom.domain.lifecycle import State
from strongroom.domain.operations import OPERATIONS
from strongroom.domain.readings import READINGS, VALID_TO
from strongroom.domain.things import Origin
from strongroom.domain.times import microseconds

_REMEMBERED: Final = 256

DRY_RUN: Final = "dry-run"
"""The code of a reply, and the reason on record, where everything was tried and nothing done."""

PASSED: Final = "everything was tried and nothing done: this was a dry run"
WRONG: Final = "what was to be verified is wrong; this was a dry run"
"""Its two details."""


class Expected(msgspec.Struct, frozen=True, array_like=True):
    """What a door takes a key for: of one of these algorithms, for one of these purposes.

    And in none of these states, with material from one of these origins.
    """

    algorithms: frozenset[Algorithm]
    purposes: frozenset[Purpose]
    not_in: frozenset[State] = frozenset()
    origins: frozenset[Origin] = frozenset(Origin)


class Terms(msgspec.Struct, frozen=True, array_like=True):
    """What a door asks beside the operation itself. The reply tells of the keys then.

    With `dry`, all is tried: rights, states, bounds, the computation. Nothing is changed, counted
    or released, and it is on record as a refusal. With `unseen` besides, there is no ciphertext
    either, and what comes before one would be opened is tried. `key` and `source` (of a
    re-encryption) are looked at when there is a permit, before the key is used. `labels_max`: so
    many labels may a key have when it was changed. `rotations_max`: so many times may it have been
    rotated by hand then; 0: as often as one likes. `whole`: none of its imported material is gone.
    `reading`: AWS's action by which this is weighed, and what is told is of that alone
    (`readings.py`); `told`, condition keys and values, is what the request says that it is for.
    `alike`: an alias moves between keys of one kind and purpose only. `enables`: an import that
    brings the last of the material that a suspended key lacked makes the key active.
    """

    key: Expected | None = None
    source: Expected | None = None
    dry: bool = False
    unseen: bool = False
    labels_max: int = limits.LABELS_MAX
    rotations_max: int = 0
    whole: bool = False
    reading: str = ""
    told: tuple[tuple[str, str], ...] = ()
    alike: bool = False
    enables: bool = False

    def __post_init__(self) -> None:
        """Refuse what no door of ours asks: to do something with what is not seen."""
        known = not self.reading or self.reading in READINGS
        if (self.unseen and not self.dry) or self.labels_max > limits.LABELS_MAX or not known:
            raise ValueError("terms that no door has")
        told = dict(self.told)
        if told and not (self.reading and told.keys() <= READINGS[self.reading].told):
            raise ValueError("what a reading is not told")
        microseconds(told.get(VALID_TO, ""))


class About(msgspec.Struct, frozen=True, array_like=True):
    """A key as it was when it was weighed. For callers who had a permit for it.

    `id` is what its ciphertexts name: of related keys in several Regions, the one that they share.
    """

    id: bytes
    algorithm: Algorithm
    purpose: Purpose
    state: State
    origin: Origin
    current_version: int  # 0: it waits for its material
    created_us: int = 0


class Call(msgspec.Struct, frozen=True, array_like=True):
    """One operation asked for.

    `target` names what is acted on ("" where the ask itself or nothing names it). `token` is the
    evidence of identity as it came ("" if none came). `source` is the peer's address. `request` is
    the request's id, 32 hexadecimal digits. `ask` is the operation's ask as msgpack; empty where
    it was not decoded since no evidence came. `terms` are such as `spell_terms` writes; without
    them, the operation is all that is asked.
    """

    operation: str
    target: str
    token: str
    source: str
    request: str
    ask: bytes
    terms: bytes = b""


# Of a few kinds, but in most calls: taking them apart each time costs more than the signature.
@lru_cache(_REMEMBERED)
def spell_terms(terms: Terms) -> bytes:
    """Terms as they stand in a call."""
    return msgspec.msgpack.encode(terms)


@lru_cache(_REMEMBERED)
def parse_terms(spelt: bytes) -> Terms:
    """What `spell_terms` wrote. Raises `ValueError` for what no door has."""
    try:
        return msgspec.msgpack.decode(spelt, type=Terms)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError("terms that no door has") from error


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """What became of a call: an answer (msgpack, type `answers[variant]`) or a refusal's code.

    The code can be `DRY_RUN`, too, of a call that asked for no more.
    """

    answer: bytes = b""
    variant: int = 0
    code: str = ""
    detail: str = ""
    pointer: str = ""
    decision: str = ""  # on `not-allowed`: the id under which the decision can be looked up
    # To a call with terms, refused or not: the keys that there was a permit for.
    key: About | None = None
    source: About | None = None


DECODERS = {name: msgspec.msgpack.Decoder(operation.ask) for name, operation in OPERATIONS.items()}
"""Decoders of asks, by operation."""

ANSWER_DECODERS = {
    name: tuple(msgspec.msgpack.Decoder(answer) for answer in operation.answers)
    for name, operation in OPERATIONS.items()
}
"""Decoders of answers, by operation and variant."""
