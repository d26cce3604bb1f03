"""What is exported: an entry of the log, where it stands, and its bytes as they were hashed."""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from strongroom.domain.events import Event, Outcome

# How the server's own acts are signed. No principal can have such a name: it has a colon.
OWN_PREFIX: Final = "strongroom:"
# What a private address is replaced with: a token under a key of the namespace.
TOKEN_PREFIX: Final = "hmac:"  # noqa: S105 - says what follows, opens nothing

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

_decoder = msgspec.json.Decoder(Event)


class Entry(msgspec.Struct, frozen=True):
    """An entry. `body` is its canonical JSON; `event` says the same."""

    position: int
    leaf_hash: bytes
    body: bytes
    event: Event

    @classmethod
    def read(cls, position: int, leaf_hash: bytes, body: bytes) -> "Entry":
        """The entry with that body. Raises `ValueError` when the body is none.

        Whether the hash is the body's, and the log has it at that position, is for the log's
        proofs to say.
        """
        try:
            event = _decoder.decode(body)
            if datetime.fromisoformat(event.time).tzinfo is None:
                raise ValueError
        except (msgspec.MsgspecError, ValueError):
            raise ValueError(f"what stands at position {position} is no audit entry") from None
        return cls(position, leaf_hash, body, event)

    @property
    def allowed(self) -> bool:
        """Whether it was done."""
        return self.event.outcome is Outcome.ALLOWED

    @property
    def by_the_server(self) -> bool:
        """Whether the server did it by itself, because a date had come."""
        return self.event.principal.startswith(OWN_PREFIX)

    @property
    def time_ms(self) -> int:
        """Milliseconds since 1970."""
        # In whole numbers: a float loses one now and then.
        return (datetime.fromisoformat(self.event.time) - _EPOCH) // _MILLISECOND

    @property
    def kind(self) -> str:
        """What the object is: `key` of `key/demo`."""
        return self.event.object.partition("/")[0]

    @property
    def name(self) -> str:
        """What the object is called: `demo` of `key/demo`."""
        return self.event.object.partition("/")[2]
