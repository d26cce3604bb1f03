"""The custodian's part in signing the log: the notary at work, and its way to the anchor.

The anchor is written by the supervisor, over the room's line: a custodian opens no file.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import msgspec

from strongroom.domain.errors import Refusal, TamperedRecord, Unavailable
from strongroom.node import control, log
from strongroom.services.notary import Notary, NotContinued

_PERIOD_SECONDS: Final = 1.0  # between the beginnings of two signatures
_AGAIN_SECONDS: Final = 0.25  # after the ledger or the anchor did not answer
_FAILED_SECONDS: Final = 2.0
_ANSWER_SECONDS: Final = 30.0  # a disk that takes longer is broken
_LAST_SECONDS: Final = 3.0  # for a last checkpoint, when the room ends
_PART_BYTES: Final = 64 * 1024  # of destructions in one message

_encode = msgspec.msgpack.Encoder().encode


class AnchorLine:
    """The `Anchor` port over the line to the supervisor."""

    def __init__(self, send: Callable[[control.Message], None]) -> None:
        self._send = send
        self._number = 0
        self._waiting: dict[int, asyncio.Future[str]] = {}

    async def keep(self, checkpoint: bytes, destructions: bytes, offset: int) -> None:
        """See the port. A long list goes ahead in parts."""
        while len(destructions) > _PART_BYTES:
            part, destructions = destructions[:_PART_BYTES], destructions[_PART_BYTES:]
            await self._ask(control.AnchorWrite(b"", part, offset))
            offset += len(part)
        await self._ask(control.AnchorWrite(checkpoint, destructions, offset))

    def answered(self, message: control.Message) -> None:
        """The supervisor has answered."""
        future = self._waiting.pop(message.number, None)
        if future is not None and not future.done():
            future.set_result(message.body.decode())

    async def _ask(self, write: control.AnchorWrite) -> None:
        self._number += 1
        number = self._number
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self._send(control.Message("anchor", number, _encode(write)))
            failure = await asyncio.wait_for(future, _ANSWER_SECONDS)
        except (TimeoutError, OSError):
            raise Unavailable("the anchor does not answer") from None
        finally:
            self._waiting.pop(number, None)
        if failure:
            raise Unavailable(f"the anchor cannot be written: {failure}")


async def notarize(notary: Notary, checkpoint: bytes, fence: Callable[[str], None]) -> None:
    """Sign for ever, once a second at most, beginning from that checkpoint.

    When the log is not the one that was signed, `fence` is told why, and this ends.
    """
    begun = False
    while True:
        began = time.monotonic()
        wait = _PERIOD_SECONDS
        try:
            if not begun:
                await notary.take_over(checkpoint)
                begun = True
            await notary.turn()
        except NotContinued as refusal:
            log.warning("the log is not signed", reason=str(refusal))
            fence(str(refusal))
            return
        except TamperedRecord:
            log.warning("the log is not signed", reason="the log's keys were altered")
            fence("the log's keys were altered")
            return
        except Refusal:
            wait = _AGAIN_SECONDS
        except Exception:  # noqa: BLE001 - our mistake; the ledger's alarm tells how long it lasts
            log.failure("the notary failed; it begins again")
            wait = _FAILED_SECONDS
        await asyncio.sleep(max(0.0, began + wait - time.monotonic()))


async def sign_the_rest(notary: Notary) -> None:
    """When the room ends: what came last is signed, too, if that can be had at once."""
    if not notary.at_work:
        return
    try:
        await asyncio.wait_for(notary.turn(), _LAST_SECONDS)
    except (TimeoutError, Refusal, NotContinued):
        log.warning("the last entries wait for the next start to be signed")
