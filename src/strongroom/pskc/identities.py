"""Which keys a file has already: the same Id on the same device is one key, and may be there once.

RFC 6030, 4.1 gives an Id its meaning between two parties. Makers that number the keys of each
device anew are common, so the device counts too.
"""

import hashlib

from strongroom.domain.binding import bind
from strongroom.pskc import limits
from strongroom.pskc.errors import MalformedError
from strongroom.pskc.keys import Key


class Identities:
    """Remembers 16 bytes of each key, `KEYS_MAX` at most."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._seen)

    def is_new(self, key: Key) -> bool:
        """Whether it was not there before; it is now. Raises `MalformedError` above the limit."""
        device = key.device
        identity = bind(device.manufacturer.encode(), device.serial.encode(), key.id.encode())
        short = hashlib.blake2b(identity, digest_size=16).digest()
        if short in self._seen:
            return False
        if len(self._seen) == limits.KEYS_MAX:
            raise MalformedError(f"more than {limits.KEYS_MAX:,} keys in one file")
        self._seen.add(short)
        return True
