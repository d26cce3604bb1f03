"""Public keys as text, as they are given to whoever verifies: `name+key id+base 64` (C2SP vkey).

The part in base 64 is a byte that says what the key signs, and the public key.
"""

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from strongroom.tlog import spelling
from strongroom.tlog.errors import VKeyError

KEY_ID_BYTES: Final = 4


class Algorithm(IntEnum):
    """What a key signs, and how. Others exist and are refused."""

    ED25519 = 1  # any note
    ED25519_COSIGNATURE = 4  # a checkpoint, and when it was the newest
    ML_DSA_44_COSIGNATURE = 6  # likewise, and safe from quantum computers


PUBLIC_BYTES: Final = {
    Algorithm.ED25519: 32,
    Algorithm.ED25519_COSIGNATURE: 32,
    Algorithm.ML_DSA_44_COSIGNATURE: 1312,
}
# opaque cosigner_name<1..2^8-1>, the tightest bound on a name (C2SP tlog-cosignature).
NAME_BYTES_MAX: Final = 255
_VKEY_CHARACTERS_MAX: Final = NAME_BYTES_MAX + 1 + 8 + 1 + 4 * -(-(1 + 1312) // 3)


@dataclass(frozen=True, slots=True)
class VKey:
    """A key's name, what it signs, and its public half. Raises `VKeyError` for what is none."""

    name: str
    algorithm: Algorithm
    public: bytes

    def __post_init__(self) -> None:
        try:
            bytes_of_name = len(spelling.name(self.name).encode())
        except ValueError:
            raise VKeyError("a key's name is not one") from None
        if bytes_of_name > NAME_BYTES_MAX:
            raise VKeyError(f"a key's name is longer than {NAME_BYTES_MAX} bytes")
        if len(self.public) != PUBLIC_BYTES[self.algorithm]:
            raise VKeyError("a public key is not as long as its kind is")

    @property
    def key_id(self) -> bytes:
        """What a signature names the key by, beside its name. Four bytes: no proof of anything."""
        hashed = self.name.encode() + b"\n" + self._typed
        return hashlib.sha256(hashed).digest()[:KEY_ID_BYTES]

    def __str__(self) -> str:
        """The key's text, which `parse` reads."""
        return f"{self.name}+{self.key_id.hex()}+{spelling.base64(self._typed)}"

    @property
    def _typed(self) -> bytes:
        return bytes((self.algorithm,)) + self.public


def parse(text: str) -> VKey:
    """The key that is written so. Raises `VKeyError`."""
    try:
        if len(text) > _VKEY_CHARACTERS_MAX:
            raise ValueError
        name, _, encoded = text.split("+", 2)
        typed = spelling.unbase64(encoded)
        vkey = VKey(name, Algorithm(typed[0]), typed[1:])
    except (ValueError, IndexError):
        raise VKeyError("this is not a public key that notes are signed with") from None
    # Also compares the key id, which the text states and nothing needs.
    if str(vkey) != text:
        raise VKeyError("a public key's text does not fit its key id")
    return vkey
