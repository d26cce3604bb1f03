"""Receipts, and what a client makes of them.

A receipt proves offline, years later and with tools that are not ours, that a request is in the
audit log (C2SP tlog-proof). Whoever wants to be able to prove what was done for them keeps it:

    proven = client.with_receipt(calls.decrypt(ciphertext))
    proven.answer                       as without a receipt
    proven.receipt                      bytes to keep

`strongroom-verify receipt` verifies it, with the log's public keys (`Client.read_log_keys`).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Generic

from strongroom.client.call import AnswerT
from strongroom.client.exchange import Reply
from strongroom.client.problems import UNEXPECTED, ClientError, ProblemError, UnreachableError
from strongroom.domain import evidence
from strongroom.tlog import receipts
from strongroom.tlog.errors import TlogError
from strongroom.tlog.merkle import leaf_hash
from strongroom.tlog.receipts import Receipt

_OK: Final = 200
_LATER: Final = "unavailable"
# A server answers when a checkpoint covers the entry, which takes it a second, or says after three
# that there is none yet.
_ATTEMPTS: Final = 5
_WAIT_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Proven(Generic[AnswerT]):
    """An answer, and the receipt of the request that it answers."""

    answer: AnswerT
    request_id: str
    receipt: bytes


class NoReceiptError(ClientError):
    """The call was answered, and its receipt is not to be had now. `reply` has the answer.

    `error` is why there is none.
    """

    def __init__(self, reply: Reply[Any], error: ClientError) -> None:
        super().__init__(f"request {reply.request_id} was answered, but has no receipt: {error}")
        self.reply = reply
        self.error = error


def checked(raw: bytes, request_id: str) -> Receipt:
    """The receipt, if it is one of that request and proves what it says.

    Raises `ProblemError` (`unexpected-answer`). Whether the log's keys signed its checkpoint is for
    who has these from elsewhere: a server cannot vouch for itself.
    """
    try:
        receipt = receipts.parse(raw)
        entry = receipt.extra or b""
        receipt.proves(leaf_hash(entry))
    except TlogError as error:
        raise unexpected(f"the receipt proves nothing: {error}", request_id) from error
    if _request_of(entry) != request_id:
        raise unexpected("the receipt is of another request", request_id)
    return receipt


def proven(reply: Reply[AnswerT], receipt: evidence.Receipt) -> Proven[AnswerT]:
    """An answer with its receipt, once that is checked."""
    checked(receipt.content, reply.request_id)
    return Proven(reply.answer, reply.request_id, receipt.content)


def unexpected(what: str, request_id: str = "") -> ProblemError:
    """The refusal for what came in the place of a proof."""
    return ProblemError(UNEXPECTED, _OK, what, request_id=request_id)


def waits() -> Iterator[float]:
    """The seconds after which to ask again for a receipt that is not there yet."""
    yield from [_WAIT_SECONDS] * (_ATTEMPTS - 1)


def is_not_yet(error: ClientError) -> bool:
    """Whether asking again may help."""
    return isinstance(error, UnreachableError) or (
        isinstance(error, ProblemError) and error.code == _LATER
    )


def _request_of(entry: bytes) -> str:
    try:
        said = json.loads(entry)
    except (ValueError, RecursionError):
        return ""
    request = said.get("request") if isinstance(said, dict) else None
    return request if isinstance(request, str) else ""
