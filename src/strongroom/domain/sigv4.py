"""AWS Signature Version 4: a signature, its parts, and what it is compared with.

Source: AWS, "Signature Version 4 for API requests" (IAM User Guide: "Create a signed AWS API
request"). A request carries its signature in the header Authorization or, presigned, in its query.

A gate makes a `Signature` of what came; who knows the secret compares (`Signature.is_by`). What is
signed goes along as a digest, so the secret's room sees no request and the gate no secret.
"""

import hmac
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import msgspec

from strongroom.domain.keyed import KeyedHash
from strongroom.domain.sensitive import Sensitive

ALGORITHM: Final = "AWS4-HMAC-SHA256"
TERMINATOR: Final = "aws4_request"
EXPIRES_SECONDS_MAX: Final = 7 * 24 * 60 * 60  # of a presigned request

EVIDENCE: Final = "sigv4 "  # what evidence of identity begins with that is a signature

# What is wrong with a signature. A door has its protocol's words for each.
INCOMPLETE: Final = "the signature is not complete"
UNKNOWN_KEY: Final = "the access key is not known"
WRONG: Final = "the signature is not that of the request"
SESSION_ENDED: Final = "the session has ended"
EXPIRED: Final = "the signature is too old, or of a time to come"

_TIME: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_SIGNATURE: Final = re.compile(r"[0-9a-f]{64}")
_CREDENTIAL: Final = re.compile(
    rf"([A-Za-z0-9]{{1,128}})/([0-9]{{8}})/([a-z0-9-]{{1,64}})/([a-z0-9-]{{1,64}})/{TERMINATOR}"
)
_HEADER_NAME: Final = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,128}")
_SIGNED_HEADERS_MAX: Final = 64
_NOT_A_SESSION: Final = "-"
_SESSION: Final = re.compile(r"[!-~]{0,4096}")
# What many requests have in common is taken apart once: a client's credential of a day, say.
_REMEMBERED: Final = 256
# Credential, its date, time (of that date), signature, digest, seconds, session.
_SPELLED: Final = re.compile(
    rf"{EVIDENCE}([A-Za-z0-9]{{1,128}}/([0-9]{{8}})/[a-z0-9-]{{1,64}}/[a-z0-9-]{{1,64}}/{TERMINATOR})"
    r" (\2T[0-9]{6}Z) ([0-9a-f]{64}) ([0-9a-f]{64}) (0|[1-9][0-9]{0,5}) ([!-~]{0,4096})"
)


class NotSignedError(Exception):
    """No request of this scheme, or one with a part missing or misspelt. The text says which."""


class Opening(msgspec.Struct, frozen=True):
    """What a request says before the signature itself: whose it is, for what, and of which headers.

    The same in all that a client sends in a day. `scope` is the credential's: what a signing key is
    good for.
    """

    access_key: str
    date: str
    region: str
    service: str
    signed: tuple[str, ...] = ()
    scope: str = ""

    def __post_init__(self) -> None:
        """Put the scope together, once."""
        scope = f"{self.date}/{self.region}/{self.service}/{TERMINATOR}"
        msgspec.structs.force_setattr(self, "scope", scope)


class Signature(msgspec.Struct, frozen=True):
    """What a request says of its signature, and the digest of what was signed.

    `time` is as it came, `YYYYMMDDTHHMMSSZ`; `expires_seconds` is of a presigned request alone, 0
    of others; `session` is the token of temporary credentials. The names of the headers that were
    signed are not in its evidence: the digest covers them.
    """

    opening: Opening
    time: str
    signature: str
    digest: str = ""
    expires_seconds: int = 0
    session: str = ""

    def __repr__(self) -> str:
        """Without the token."""
        return f"<signature by {self.opening.access_key}/{self.opening.scope} at {self.time}>"

    @property
    def string_to_sign(self) -> str:
        """What the signature is the HMAC of."""
        return f"{ALGORITHM}\n{self.time}\n{self.opening.scope}\n{self.digest}"

    @property
    def seconds(self) -> int:
        """The time of signing, in seconds since 1970. Raises `NotSignedError` for what is none."""
        return _moment(self.time)

    def is_by(self, key: KeyedHash) -> bool:
        """Whether it was made with that signing key."""
        made = key.digest(self.string_to_sign.encode()).hex()
        return hmac.compare_digest(made, self.signature)


def signing_key(secret: Sensitive, date: str, region: str, service: str) -> bytes:
    """The key of a day, a region and a service."""
    key = b"AWS4" + secret.reveal()
    for part in (date, region, service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def spell_time(seconds: float) -> str:
    """A time, in seconds since 1970, as it is written in signatures."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%SZ")


def spell(signature: Signature) -> str:
    """As evidence of identity, from a gate to a custodian."""
    opening = signature.opening
    return (
        f"{EVIDENCE}{opening.access_key}/{opening.scope} {signature.time}"
        f" {signature.signature} {signature.digest} {signature.expires_seconds} {signature.session}"
    )


def has_session(evidence: str) -> bool:
    """Whether there is a session's token in it, which is a secret; the rest is none."""
    return not evidence.endswith(" ")


def parse(evidence: str) -> Signature:
    """What `spell` wrote, every part looked at again. Raises `NotSignedError`."""
    found = _SPELLED.fullmatch(evidence)
    if found is None:
        raise NotSignedError("the evidence cannot be read")
    credential, _, time, signature, digest, expires, session = found.groups()
    seconds = int(expires)
    if seconds > EXPIRES_SECONDS_MAX:
        raise NotSignedError("it would be good for too long")
    return Signature(_of_evidence(credential), time, signature, digest, seconds, session)


@lru_cache(_REMEMBERED)
def _of_evidence(credential: str) -> Opening:
    return _opened(credential, ())


def opened(credential: str, signed: str) -> Opening:
    """A credential and the names of headers, taken apart. Raises `NotSignedError`."""
    return _opened(credential, _names(signed))


def _opened(credential: str, signed: tuple[str, ...]) -> Opening:
    found = _CREDENTIAL.fullmatch(credential)
    if found is None:
        raise NotSignedError("the credential is not KEY/DATE/REGION/SERVICE/aws4_request")
    access_key, date, region, service = found.groups()
    return Opening(access_key, date, region, service, signed)


def checked(
    opening: Opening, signature: str, time: str, *, expires_seconds: int = 0, session: str = ""
) -> Signature:
    """A signature of these parts. Raises `NotSignedError` for one that is misspelt."""
    if not _TIME.fullmatch(time):
        raise NotSignedError("the date of signing is missing, or not YYYYMMDDTHHMMSSZ")
    if opening.date != time[:8]:
        raise NotSignedError("the date of the credential is not that of signing")
    if not _SIGNATURE.fullmatch(signature):
        raise NotSignedError("the signature is not 64 hexadecimal digits")
    if session and not _SESSION.fullmatch(session):
        session = _NOT_A_SESSION  # refused as every other wrong one is
    return Signature(opening, time, signature, expires_seconds=expires_seconds, session=session)


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(";"))
    if len(names) > _SIGNED_HEADERS_MAX or list(names) != sorted(set(names)):
        raise NotSignedError("the signed headers are not in order, or too many")
    if not all(map(_HEADER_NAME.fullmatch, names)):
        raise NotSignedError("the name of a signed header is misspelt")
    return names


@lru_cache(_REMEMBERED)
def _moment(time: str) -> int:
    # Not by strptime, which loads a module at its first use: custodians cannot, then.
    parts = [time[:4]] + [time[at : at + 2] for at in (4, 6, 9, 11, 13)]
    try:
        year, month, day, hour, minute, second = map(int, parts)
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise NotSignedError("the date is none") from None
    return int(moment.timestamp())
