"""`otpauth` URIs: what authenticator apps take (Key URI Format, google-authenticator's wiki).

Read strictly: where the format is silent or allows two readings, there is one here. What is said of
a bad one names the part that is wrong and never repeats it: a secret may be in it.

`docs/formats/otpauth.md` is the page about it.
"""

import base64
import binascii
import re
import string
from typing import Final

import msgspec

from strongroom.domain.errors import InvalidRequest
from strongroom.domain.otp.credential import Hash, Type
from strongroom.domain.sensitive import Sensitive

URI_CHARACTERS_MAX: Final = 2_048  # what a QR code of a usable size has room for
SECRET_BYTES_MAX: Final = 128
_TYPES: Final = {"totp": Type.TOTP, "hotp": Type.HOTP}
_URI: Final = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(/[^?#]*)?(?:\?([^#]*))?(#.*)?", re.DOTALL
)
_BROKEN: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,19}")
_BASE32: Final = re.compile(r"[A-Za-z2-7]+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# RFC 3986, 2.3: what needs no percent-encoding anywhere.
_UNRESERVED: Final = string.ascii_letters + string.digits + "-._~"
# What codes depend on. Another parameter is somebody's own, such as a picture, and passed over.
_NAMES: Final = frozenset({"secret", "issuer", "algorithm", "digits", "period", "counter"})
_NAME: Final = re.compile(r"[A-Za-z0-9._~-]+")
_LAST_COUNTER: Final = 2**64 - 1
_LENGTHS: Final = frozenset({0, 2, 4, 5, 7})  # of base32 without padding, modulo 8


class Otpauth(msgspec.Struct, frozen=True, kw_only=True):
    """What a URI says. `period` 0: HOTP; `issuer` empty: none was given."""

    type: Type
    secret: Sensitive
    hash: Hash = Hash.SHA1
    digits: int = 6
    period: int = 30
    counter: int = 0
    account: str
    issuer: str = ""


def parse(uri: str) -> Otpauth:
    """What the URI says. Raises `InvalidRequest` for what is not exactly one."""
    if len(uri) > URI_CHARACTERS_MAX:
        raise InvalidRequest(f"an otpauth URI has at most {URI_CHARACTERS_MAX:,} characters")
    found = _URI.fullmatch(uri)
    scheme = "" if found is None else found[1].lower()
    if found is None or scheme != "otpauth":
        raise InvalidRequest('an otpauth URI begins with "otpauth://"')
    if found[5] is not None:
        raise InvalidRequest("an otpauth URI has no fragment (#)")
    kind = _TYPES.get(found[2].lower())
    if kind is None:
        raise InvalidRequest('the type in an otpauth URI is "totp" or "hotp"')
    label = _text((found[3] or "/")[1:], "label")
    given = _parameters(found[4] or "")
    account, issuer = names(label, given.get("issuer", ""))
    return Otpauth(
        type=kind,
        secret=_secret(given.get("secret", "")),
        hash=_hash(given.get("algorithm")),
        digits=_number(given.get("digits", "6"), "digits", 6, 8),
        period=_number(given.get("period", "30"), "period", 15, 300) if kind is Type.TOTP else 0,
        counter=_counter(given.get("counter")) if kind is Type.HOTP else 0,
        account=account,
        issuer=issuer,
    )


def spell(what: Otpauth) -> str:
    """The URI, so that `parse` gives the same again. Secrets are in upper case, without padding."""
    if ":" in what.account + what.issuer:
        raise RuntimeError("names in an otpauth URI have no colon: it would part them elsewhere")
    label = _quoted(what.account, safe="@")
    if what.issuer:
        label = f"{_quoted(what.issuer)}:{label}"
    parameters = {"secret": base64.b32encode(what.secret.reveal()).rstrip(b"=").decode()}
    if what.issuer:
        parameters["issuer"] = _quoted(what.issuer)
    parameters |= {"algorithm": what.hash.value, "digits": str(what.digits)}
    if what.type is Type.HOTP:
        parameters["counter"] = str(what.counter)
    else:
        parameters["period"] = str(what.period)
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return f"otpauth://{what.type}/{label}?{query}"


def _quoted(text: str, safe: str = "") -> str:
    plain = _UNRESERVED + safe
    return "".join(chr(byte) if chr(byte) in plain else f"%{byte:02X}" for byte in text.encode())


def names(label: str, issuer: str) -> tuple[str, str]:
    """Account and issuer, by a label (`account` or `issuer:account`) and an issuer beside it.

    Raises `InvalidRequest` for a label that is neither, and for two issuers: who keeps secrets must
    not choose.
    """
    if _CONTROL.search(label + issuer):
        raise InvalidRequest("a label and an issuer have no control characters")
    parts = label.split(":")
    account, of_label = parts[-1].lstrip(" "), parts[0] if len(parts) > 1 else ""
    if len(parts) > 2 or not account or (len(parts) > 1 and not of_label):  # noqa: PLR2004 - both
        raise InvalidRequest('a label is "account" or "issuer:account", each with no colon in it')
    if ":" in issuer:
        raise InvalidRequest("an issuer has no colon")
    if of_label and issuer and of_label != issuer:
        raise InvalidRequest("there are two issuers, and they differ")
    return account, of_label or issuer


def _parameters(query: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        # Some readers would know such a name: what they make of the URI is not what we do.
        if not _NAME.fullmatch(name) or (name not in _NAMES and name.lower() in _NAMES):
            raise InvalidRequest("parameters in an otpauth URI have plain names in lower case")
        if name in given:
            raise InvalidRequest("an otpauth URI has a parameter twice")
        given[name] = _text(value, "parameter")
    return given


def _text(raw: str, part: str) -> str:
    if _BROKEN.search(raw) or not raw.isascii():
        raise InvalidRequest(f"the {part} in an otpauth URI is not percent-encoded as it should be")
    plain = re.sub("%([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), raw)
    try:
        text = plain.encode("latin-1").decode()
    except UnicodeDecodeError:
        raise InvalidRequest(f"the {part} in an otpauth URI is not UTF-8") from None
    if _CONTROL.search(text):
        raise InvalidRequest(f"the {part} in an otpauth URI has control characters")
    return text


def _secret(text: str) -> Sensitive:
    bare = text.rstrip("=")
    if not bare:
        raise InvalidRequest("an otpauth URI needs a secret")
    if not _BASE32.fullmatch(bare):
        raise InvalidRequest("the secret in an otpauth URI is base32: letters and 2 to 7")
    padding = len(text) - len(bare)
    if len(bare) % 8 not in _LENGTHS or (padding and padding != -len(bare) % 8):
        raise InvalidRequest("the secret in an otpauth URI has a length that base32 cannot have")
    try:
        secret = base64.b32decode(bare.upper() + "=" * (-len(bare) % 8))
    except (binascii.Error, ValueError):
        raise InvalidRequest("the secret in an otpauth URI is base32: letters and 2 to 7") from None
    if base64.b32encode(secret).rstrip(b"=").decode() != bare.upper():
        raise InvalidRequest("the secret in an otpauth URI has bits left over that are not zero")
    if len(secret) > SECRET_BYTES_MAX:
        raise InvalidRequest(f"the secret in an otpauth URI has more than {SECRET_BYTES_MAX} bytes")
    return Sensitive(secret)


def _hash(text: str | None) -> Hash:
    try:
        return Hash.SHA1 if text is None else Hash(text.upper())
    except ValueError:
        raise InvalidRequest("the algorithm in an otpauth URI is SHA1, SHA256 or SHA512") from None


def _counter(text: str | None) -> int:
    if text is None:
        raise InvalidRequest("an otpauth URI of type hotp needs a counter")
    return _number(text, "counter", 0, _LAST_COUNTER)


def _number(text: str, what: str, least: int, most: int) -> int:
    value = int(text) if _NUMBER.fullmatch(text) else -1
    if not least <= value <= most:
        raise InvalidRequest(f"the {what} in an otpauth URI is a number from {least} to {most}")
    return value
