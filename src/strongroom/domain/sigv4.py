"""AWS Signature Version 4: a signature, its parts, and what it is compared with.

Source: AWS, "Signature Version 4 for API requests" (IAM User Guide: "Create a signed AWS API
request"). A request carries its signature in the header Authorization or, presigned, in its query.

A gate makes a `Signature` of what came; who knows the secret compares (`Signature.is_by`). What is
signed goes along as a digest, so the secret's room sees no request and the gate no secret.
"""

import hmac
import re
from datetime import UTC, datetime
from typing import Final

import msgspec

from strongroom.domain.sensitive import Sensitive

ALGORITHM: Final = "AWS4-HMAC-SHA256"
TERMINATOR: Final = "aws4_request"
EXPIRES_SECONDS_MAX: Final = 7 * 24 * 60 * 60  # of a presigned request

EVIDENCE: Final = "sigv4 "  # what evidence of identity begins with that is a signature

# What is wrong with a signature. A door has its protocol's words for each.
INCOMPLETE: Final = "the signature is not complete"
UNKNOWN_KEY: Final = "the access key is not known"
WRONG: Final = "the signature is not that of the request"
EXPIRED: Final = "the signature is too old, or of a time to come"

_TIME: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_SIGNATURE: Final = re.compile(r"[0-9a-f]{64}")
_ACCESS_KEY: Final = re.compile(r"[A-Za-z0-9]{1,128}")
_SCOPE_PART: Final = re.compile(r"[a-z0-9-]{1,64}")
_HEADER_NAME: Final = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,128}")
_SIGNED_HEADERS_MAX: Final = 64


class NotSignedError(Exception):
    """No request of this scheme, or one with a part missing or misspelt. The text says which."""


class Signature(msgspec.Struct, frozen=True):
    """What a request says of its signature, and the digest of what was signed.

    `time` is as it came, `YYYYMMDDTHHMMSSZ`; `expires_seconds` is of a presigned request alone, 0
    of others; `session` is the token of temporary credentials; `signed` are the names of the
    headers that were signed.
    """

    access_key: str
    date: str
    region: str
    service: str
    time: str
    signature: str
    signed: tuple[str, ...]
    digest: str = ""
    expires_seconds: int = 0
    session: str = ""

    @property
    def scope(self) -> str:
        """The credential's scope: what a signing key is good for."""
        return f"{self.date}/{self.region}/{self.service}/{TERMINATOR}"

    @property
    def string_to_sign(self) -> str:
        """What the signature is the HMAC of."""
        return f"{ALGORITHM}\n{self.time}\n{self.scope}\n{self.digest}"

    @property
    def seconds(self) -> int:
        """The time of signing, in seconds since 1970. Raises `NotSignedError` for what is none."""
        parts = [self.time[:4]] + [self.time[at : at + 2] for at in (4, 6, 9, 11, 13)]
        try:
            year, month, day, hour, minute, second = map(int, parts)
            moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        except ValueError:
            raise NotSignedError("the date is none") from None
        return int(moment.timestamp())

    def is_by(self, key: bytes) -> bool:
        """Whether it was made with that signing key."""
        made = hmac.digest(key, self.string_to_sign.encode(), "sha256").hex()
        return hmac.compare_digest(made, self.signature)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Signature).decode


def signing_key(secret: Sensitive, date: str, region: str, service: str) -> bytes:
    """The key of a day, a region and a service."""
    key = b"AWS4" + secret.reveal()
    for part in (date, region, service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def spell(signature: Signature) -> str:
    """As evidence of identity, from a gate to a custodian."""
    return EVIDENCE + _encode(signature).decode()


def parse(evidence: str) -> Signature:
    """What `spell` wrote, every part looked at again. Raises `NotSignedError`."""
    try:
        found = _decode(evidence.removeprefix(EVIDENCE))
    except msgspec.MsgspecError:
        raise NotSignedError("the evidence cannot be read") from None
    if not _SIGNATURE.fullmatch(found.digest):
        raise NotSignedError("the digest is not 64 hexadecimal digits")
    if not 0 <= found.expires_seconds <= EXPIRES_SECONDS_MAX:
        raise NotSignedError("it would be good for too long")
    bare = checked(
        f"{found.access_key}/{found.scope}", ";".join(found.signed), found.signature, found.time
    )
    return msgspec.structs.replace(
        bare, digest=found.digest, expires_seconds=found.expires_seconds, session=found.session
    )


def checked(  # noqa: PLR0913 - the parts of a signature
    credential: str,
    signed: str,
    signature: str,
    time: str,
    *,
    expires_seconds: int = 0,
    session: str = "",
) -> Signature:
    """A signature of these parts. Raises `NotSignedError` for one that is misspelt."""
    parts = credential.split("/")
    if len(parts) != 5 or parts[4] != TERMINATOR:  # noqa: PLR2004 - key, date, region, service, end
        raise NotSignedError("the credential is not KEY/DATE/REGION/SERVICE/aws4_request")
    access_key, date, region, service, _ = parts
    names = tuple(signed.split(";"))
    if not _TIME.fullmatch(time):
        raise NotSignedError("the date of signing is missing, or not YYYYMMDDTHHMMSSZ")
    if date != time[:8]:
        raise NotSignedError("the date of the credential is not that of signing")
    if not (_ACCESS_KEY.fullmatch(access_key) and _SCOPE_PART.fullmatch(region)):
        raise NotSignedError("the credential's key or region is misspelt")
    if not _SCOPE_PART.fullmatch(service):
        raise NotSignedError("the credential's service is misspelt")
    if not _SIGNATURE.fullmatch(signature):
        raise NotSignedError("the signature is not 64 hexadecimal digits")
    if len(names) > _SIGNED_HEADERS_MAX or list(names) != sorted(set(names)):
        raise NotSignedError("the signed headers are not in order, or too many")
    if not all(_HEADER_NAME.fullmatch(name) for name in names):
        raise NotSignedError("the name of a signed header is misspelt")
    return Signature(
        access_key, date, region, service, time, signature, names,
        expires_seconds=expires_seconds, session=session,
    )  # fmt: skip
