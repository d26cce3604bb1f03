"""What Google Authenticator exports: `otpauth-migration` URIs, one in each QR code that it shows.

    otpauth-migration://offline?data=<base64 of a protocol buffer, percent-encoded>

The format was never published; it is known from what the app shows and from readers of others:

    payload   1 entry (repeated) · 2 version · 3 codes in all · 4 this one's place · 5 export's id
    entry     1 secret · 2 label · 3 issuer · 4 algorithm · 5 digits · 6 type · 7 counter · 8 an id

Read strictly: a field that is not among these may change what the others mean, so it is refused,
whatever the version says. What an app leaves open is not guessed: a wrong guess would be noticed
when nobody can log in. The period is not told; the app knows no other than 30 seconds.

`docs/formats/otpauth.md` is the page about it.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Final

import msgspec

from strongroom.domain.errors import InvalidRequest
from strongroom.domain.otp.credential import Hash, Type
from strongroom.domain.otp.otpauth import SECRET_BYTES_MAX, Otpauth, names
from strongroom.domain.otp.protobuf import BYTES, NUMBER, Message
from strongroom.domain.sensitive import Sensitive

URI_CHARACTERS_MAX: Final = 4_296  # no QR code has room for more
CODES_MAX: Final = 100  # of one export; the app puts ten entries into each

_URI: Final = re.compile(r"(?i:otpauth-migration://offline)/?\?data=([A-Za-z0-9+/=%]+)")
_ESCAPES: Final = {"%2B": "+", "%2F": "/", "%3D": "="}
_ESCAPE: Final = re.compile("%(?:2B|2F|3D)", re.IGNORECASE)
_PERIOD: Final = 30
_COUNTERS: Final = 2**63  # an int64 from here on is a negative one

_PAYLOAD: Final = {1: BYTES, 2: NUMBER, 3: NUMBER, 4: NUMBER, 5: NUMBER}
_ENTRY: Final = {
    1: BYTES, 2: BYTES, 3: BYTES, 4: NUMBER, 5: NUMBER, 6: NUMBER, 7: NUMBER, 8: BYTES,
}  # fmt: skip
_HASHES: Final = {1: Hash.SHA1, 2: Hash.SHA256, 3: Hash.SHA512}  # 4 is MD5
_DIGITS: Final = {1: 6, 2: 8}
_TYPES: Final = {1: Type.HOTP, 2: Type.TOTP}


class Batch(msgspec.Struct, frozen=True):
    """What one QR code says: it is number `index`, from 0, of the `size` codes of an export."""

    entries: tuple[Otpauth, ...]
    size: int
    index: int
    id: int


def parse(uri: str) -> Batch:
    """What the URI says. Raises `InvalidRequest`, naming the entry that cannot be taken."""
    if len(uri) > URI_CHARACTERS_MAX:
        raise InvalidRequest(f"a migration URI has at most {URI_CHARACTERS_MAX:,} characters")
    found = _URI.fullmatch(uri)
    if found is None:
        raise InvalidRequest('a migration URI is "otpauth-migration://offline?data=" and base64')
    try:
        payload = Message(_data(found[1]), _PAYLOAD, repeated=1)
    except ValueError:
        raise _broken() from None
    # Old exports, which were one code always, do not say so.
    size, index = payload.number(3) or 1, payload.number(4)
    if not payload.each or size > CODES_MAX or index >= size:
        raise _broken()
    return Batch(
        tuple(_numbered(place, entry) for place, entry in enumerate(payload.each, 1)),
        size,
        index,
        payload.number(5),
    )


def joined(batches: Iterable[Batch]) -> list[Otpauth]:
    """The entries of a whole export, in its order. The codes may be in any, each once.

    Raises `InvalidRequest` if some are missing, given twice, or of different exports.
    """
    found: dict[int, Batch] = {}
    first = None
    for batch in batches:
        first = first or batch
        if (batch.id, batch.size) != (first.id, first.size):
            raise InvalidRequest(
                "these QR codes are not of one export; take those of one at a time"
            )
        if batch.index in found:
            raise InvalidRequest(f"QR code {batch.index + 1} of the export is there twice")
        found[batch.index] = batch
    if first is None:
        raise InvalidRequest("there is no QR code")
    missing = [str(index + 1) for index in range(first.size) if index not in found]
    if missing:
        raise InvalidRequest(f"of {first.size} QR codes are missing: {', '.join(missing)}")
    return [entry for index in range(first.size) for entry in found[index].entries]


def _numbered(place: int, data: bytes) -> Otpauth:
    try:
        return _entry(data)
    except InvalidRequest as refusal:
        raise InvalidRequest(
            f"entry {place} of this QR code: {refusal.detail}; change it in the app, or export the"
            " others without it"
        ) from None


def _entry(data: bytes) -> Otpauth:
    try:
        entry = Message(data, _ENTRY)
    except ValueError:
        raise InvalidRequest("it says more than we know the meaning of") from None
    type_ = _TYPES.get(entry.number(6))
    hash_ = _HASHES.get(entry.number(4))
    digits = _DIGITS.get(entry.number(5))
    if type_ is None:
        raise InvalidRequest("its type is neither TOTP nor HOTP")
    if hash_ is None:
        raise InvalidRequest("its algorithm is not SHA1, SHA256 or SHA512")
    if digits is None:
        raise InvalidRequest("it does not say that it has 6 or 8 digits")
    account, issuer = names(_text(entry.blob(2)), _text(entry.blob(3)))
    return Otpauth(
        type=type_,
        secret=_secret(entry.blob(1)),
        hash=hash_,
        digits=digits,
        period=_PERIOD if type_ is Type.TOTP else 0,
        counter=_counter(entry.number(7)) if type_ is Type.HOTP else 0,
        account=account,
        issuer=issuer,
    )


def _secret(secret: bytes) -> Sensitive:
    if not 1 <= len(secret) <= SECRET_BYTES_MAX:
        raise InvalidRequest(f"its secret has not 1 to {SECRET_BYTES_MAX} bytes")
    return Sensitive(secret)


def _counter(counter: int) -> int:
    if counter >= _COUNTERS:
        raise InvalidRequest("its counter is negative")
    return counter


def _text(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise InvalidRequest("its name is not UTF-8") from None


def _data(text: str) -> bytes:
    plain = _ESCAPE.sub(lambda found: _ESCAPES[found[0].upper()], text)
    try:
        data = base64.b64decode(plain, validate=True)
    except (binascii.Error, ValueError):
        raise _broken() from None
    if base64.b64encode(data).decode() != plain:
        raise _broken()
    return data


def _broken() -> InvalidRequest:
    return InvalidRequest("this is no export of Google Authenticator that we can read in full")
