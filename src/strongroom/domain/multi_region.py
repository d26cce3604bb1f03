"""The ids of multi-Region keys: related keys share one, and it says of itself what it is.

A key's id is 16 random bytes. Those that related keys share begin with a mark of six bytes, so that
whoever meets one, in a ciphertext or in a name, knows it without looking the key up. Of a million
million keys of before there was a mark, one has it by chance with a probability under one in 200.
"""

from typing import Final

MARK: Final = b"mrk\x9d\xc1\x5a"
RANDOM_BYTES: Final = 16 - len(MARK)  # 80 bits: no two meet

NO_RELATIVES: Final = "the key is no multi-Region key"
REPLICA: Final = "the key is a replica: it rotates when its primary does"
NO_PRIMARY: Final = "the key is a replica: its primary is in another Region"
AT_THE_PRIMARY: Final = (
    "the key is a replica: new material comes to its primary; bring what the primary has, naming"
    " its version as key_version"
)
NOT_EVERYWHERE: Final = "the key's next material is not in every Region yet"


def spelt(key_id: bytes) -> str:
    """A key's id as AWS spells it: `mrk-` and digits, or a UUID."""
    return f"mrk-{key_id.hex()}" if is_shared(key_id) else dashed(key_id.hex())


def dashed(digits: str) -> str:
    """A UUID of these 32 digits."""
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def is_shared(key_id: bytes) -> bool:
    """Whether it is the id of a multi-Region key."""
    return key_id.startswith(MARK)
