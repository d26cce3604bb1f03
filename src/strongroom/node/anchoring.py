"""The supervisor's part in signing the log: who the notary is, and the anchor's files.

A node has one notary. It is appointed when the one before has ended for certain, and gets the
checkpoint that is in the anchor then: so nothing is ever signed beside it.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec

from strongroom.adapters.anchor_directory import AnchorDirectory
from strongroom.node import control, log

_write = msgspec.msgpack.Decoder(control.AnchorWrite)

Tell = Callable[[str, control.Message], None]
"""Sends a message to the custodian of that name."""


class Anchoring:
    """See the head of this module."""

    def __init__(self, path: str, tell: Tell) -> None:
        self._directory = AnchorDirectory(Path(path))
        self._tell = tell
        self._checkpoint = self._directory.read().checkpoint if path else b""
        self._notary = ""
        self._writing = asyncio.Lock()
        self._failed = False

    async def appoint(self, name: str) -> None:
        """That custodian is the notary, unless there is one."""
        if self._notary:
            return
        self._notary = name
        async with self._writing:  # what the former one had begun to write is written
            self._tell(name, control.Message("notary", body=self._checkpoint))

    def ended(self, name: str) -> bool:
        """That custodian's process is gone. Returns whether it was the notary."""
        if self._notary != name:
            return False
        self._notary = ""
        return True

    async def keep(self, name: str, message: control.Message) -> None:
        """Write what the notary sent, and say when it is on disk or that it cannot be."""
        async with self._writing:
            if name != self._notary:
                return  # it has ended, and another one may have begun
            write = _write.decode(message.body)
            failure = await self._written(write)
        self._tell(name, control.Message("anchored", message.number, failure.encode()))

    async def fence(self, detail: str) -> None:
        """Remember what a witness said, for the next start, too."""
        async with self._writing:
            try:
                await asyncio.to_thread(self._directory.fence, detail)
            except OSError as error:
                # The node does nothing any more, but a new start would have to hear it again.
                log.warning("the anchor cannot be written", reason=error.strerror or "failed")

    async def _written(self, write: control.AnchorWrite) -> str:
        try:
            await asyncio.to_thread(
                self._directory.keep, write.checkpoint, write.destructions, write.offset
            )
        except (OSError, ValueError) as error:
            failure = getattr(error, "strerror", None) or str(error)
            if not self._failed:  # once; the ledger's alarm tells how long it lasts
                log.warning("the anchor cannot be written", reason=failure)
            self._failed = True
            return failure or "it cannot be written"
        self._failed = False
        if write.checkpoint:
            self._checkpoint = write.checkpoint
        return ""
