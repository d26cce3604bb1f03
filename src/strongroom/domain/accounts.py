"""The number by which clients of clouds know an account: 12 digits, as they check.

It is made from the id of the account's first namespace.
"""

import hashlib
from typing import Final

_DIGITS: Final = 12


def account_of(namespace: bytes) -> str:
    """Always the same for a first namespace, and hardly ever that of another. It is no secret."""
    digest = hashlib.sha256(b"strongroom/account/1" + namespace).digest()
    least = 10 ** (_DIGITS - 1)
    return str(least + int.from_bytes(digest, "big") % (9 * least))
