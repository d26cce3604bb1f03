"""A credential: a user's OTP secret, its counters, and what has become of it.

Its row moves with every attempt, so it is kept in a table of its own, small, and changed in place.
The ledger keeps it without understanding it; a MAC over everything that it is and where it stands
makes an edited row a refused one. `docs/formats/credential-1.md` is the page about it.
"""

from enum import StrEnum
from functools import lru_cache
from typing import Final

import msgspec

from strongroom.domain.binding import bind

ID_BYTES: Final = 16
USER_BYTES: Final = 16
MAC_BYTES: Final = 16
ID_PREFIX: Final = "otp-"


class Type(StrEnum):
    """By what a code is made."""

    TOTP = "totp"  # RFC 6238
    HOTP = "hotp"  # RFC 4226
    OCRA = "ocra"  # RFC 6287


class Hash(StrEnum):
    """The hash of its HMAC, spelt as in an `otpauth` URI."""

    SHA1 = "SHA1"
    SHA256 = "SHA256"
    SHA512 = "SHA512"


SECRET_BYTES: Final[dict[Hash, int]] = {Hash.SHA1: 20, Hash.SHA256: 32, Hash.SHA512: 64}
"""How long a secret is that is made here: as long as the hash (RFC 4226, 4, R6; RFC 6238, 5.1)."""


class State(StrEnum):
    """Where a credential is in its life. The word is stored."""

    PENDING = "pending"  # nobody has proved to have the secret
    ACTIVE = "active"
    SUSPENDED = "suspended"  # until somebody resumes it
    REVOKED = "revoked"  # for good
    DESTROYED = "destroyed"  # the secret is gone; the record says when, and by which request


DECOY: Final = "decoy"
"""The state of a row that stands in for a credential that does not exist: of nobody's."""


class CredentialRow(msgspec.Struct, frozen=True, array_like=True):
    """A stored row. `revision` counts from 1 and moves with each change.

    `user` is a pseudonym of the user's reference: an HMAC, 16 bytes. At `due_us` something is to be
    done about it (0: never). `body` is a `Body` as msgpack. `state` and `due_us` are beside it only
    so that the store can find rows by them. `mac` is 16 bytes.
    """

    id: bytes
    namespace: bytes
    user: bytes
    revision: int
    state: str
    due_us: int
    body: bytes
    mac: bytes = b""

    def authenticated(self, deployment: bytes) -> bytes:
        """What the MAC covers: everything, and the deployment that the row belongs to."""
        # As `bind` of nine parts, in half its time: it is done twice for each attempt.
        state = self.state.encode()
        return b"".join(
            (
                _head(deployment),
                len(self.id).to_bytes(4, "big"), self.id,
                len(self.namespace).to_bytes(4, "big"), self.namespace,
                len(self.user).to_bytes(4, "big"), self.user,
                _EIGHT, self.revision.to_bytes(8, "big"),
                len(state).to_bytes(4, "big"), state,
                _EIGHT, self.due_us.to_bytes(8, "big"),
                len(self.body).to_bytes(4, "big"), self.body,
            )
        )  # fmt: skip


_EIGHT: Final = (8).to_bytes(4, "big")


@lru_cache(maxsize=8)
def _head(deployment: bytes) -> bytes:
    return bind(b"strongroom/credential/1", deployment)


class Secret(msgspec.Struct, frozen=True, array_like=True):
    """One generation of the secret. `wrapped` is wrapped by the namespace key.

    `moved` is what no code below is accepted of: the next counter (HOTP, OCRA with a counter), or
    the next time step (TOTP, OCRA with a time). `drift` is how many steps the device's clock was
    ahead when it was last seen. `proved`: somebody has shown a right code of it. `shown`: it was
    handed out.
    """

    generation: int
    wrapped: bytes
    moved: int = 0
    drift: int = 0
    proved: bool = False
    shown: bool = False


class Link(msgspec.Struct, frozen=True, array_like=True):
    """A way to fetch the newest secret, once. `hash` is the SHA-256 of the token's secret.

    `label` is the account and the issuer that the `otpauth` URI will have, wrapped, as they tell
    who the user is.
    """

    hash: bytes
    expires_us: int
    label: bytes = b""


class Challenge(msgspec.Struct, frozen=True, array_like=True):
    """A question that was asked (OCRA), to be answered once. `transaction` is a digest of 32 bytes.

    `number` tells it from the credential's others.
    """

    number: int
    question: str
    expires_us: int
    transaction: bytes = b""


class Body(msgspec.Struct, frozen=True, array_like=True):
    """What a row says.

    `secrets`: the one in use; in a rotation, then the one that is to follow it, of the next
    generation. Until `grace_us` both work. `failures` counts those since the last right code;
    nothing is weighed until `delayed_us`; `locked`: until an operator unlocks it. `rate_us` is when
    the credential's rate limit has all its attempts back (GCRA's theoretical arrival time).
    `renewed_us`: when the newest secret was made; 0: together with the credential.
    `restores` is the number of restores of the database that the counters are fenced for.
    `profile` empty: `default`. `ended_by` is the request that revoked or destroyed it.
    """

    type: Type
    hash: Hash
    digits: int
    period: int
    created_s: int
    secrets: tuple[Secret, ...]
    profile: str = ""
    suite: str = ""
    failures: int = 0
    delayed_us: int = 0
    locked: bool = False
    rate_us: int = 0
    grace_us: int = 0
    rotates_s: int = 0
    link: Link | None = None
    challenges: tuple[Challenge, ...] = ()
    renewed_us: int = 0
    restores: int = 0
    imported: bool = False
    serial: str = ""
    ended_s: int = 0
    ended_by: str = ""

    @property
    def newest(self) -> Secret:
        """The generation that is handed out, and that stays."""
        return self.secrets[-1]


def spell(credential_id: bytes) -> str:
    """How an id is written: `otp-` and 26 characters of base32, lower case."""
    # By a table of pairs of letters, which takes a third of the time that base64 takes.
    number = int.from_bytes(credential_id, "big") << 2
    return ID_PREFIX + "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


def parse(text: str) -> bytes | None:
    """The id that is written so; None for what is not the one spelling of an id."""
    if not text.startswith(ID_PREFIX) or len(text) != len(ID_PREFIX) + 26:
        return None
    # As a number to the base of 32, which takes a tenth of the time that base64 takes: whatever is
    # no letter of ours has become one that no number has.
    try:
        number = int(text[len(ID_PREFIX) :].encode().translate(_DIGITS), 32)
    except ValueError:
        return None
    # 26 letters have two bits more than 16 bytes: of all that could be read as an id, one is it.
    return None if number & 3 else (number >> 2).to_bytes(ID_BYTES, "big")


_LETTERS: Final = b"abcdefghijklmnopqrstuvwxyz234567"
_PAIRS: Final = [chr(first) + chr(second) for first in _LETTERS for second in _LETTERS]
_SHIFTS: Final = range(120, -1, -10)
_DIGITS: Final = bytes(
    b"0123456789abcdefghijklmnopqrstuv"[_LETTERS.index(letter)] if letter in _LETTERS else ord("!")
    for letter in range(256)
)
