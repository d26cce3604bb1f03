"""A call from a gate to a custodian, and the reply: what a door makes and a custodian sees."""

import msgspec

from strongroom.domain.operations import OPERATIONS


class Call(msgspec.Struct, frozen=True, array_like=True):
    """One operation asked for.

    `target` names what is acted on ("" where the ask itself or nothing names it). `token` is the
    evidence of identity as it came ("" if none came). `source` is the peer's address. `request` is
    the request's id, 32 hexadecimal digits. `ask` is the operation's ask as msgpack; empty where
    it was not decoded since no evidence came.
    """

    operation: str
    target: str
    token: str
    source: str
    request: str
    ask: bytes


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """What became of a call: an answer (msgpack, type `answers[variant]`) or a refusal's code."""

    answer: bytes = b""
    variant: int = 0
    code: str = ""
    detail: str = ""
    pointer: str = ""
    decision: str = ""  # on `not-allowed`: the id under which the decision can be looked up


DECODERS = {name: msgspec.msgpack.Decoder(operation.ask) for name, operation in OPERATIONS.items()}
"""Decoders of asks, by operation."""

ANSWER_DECODERS = {
    name: tuple(msgspec.msgpack.Decoder(answer) for answer in operation.answers)
    for name, operation in OPERATIONS.items()
}
"""Decoders of answers, by operation and variant."""
