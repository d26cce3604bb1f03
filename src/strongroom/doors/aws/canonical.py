"""What a request says of its signature, and its one spelling, of which the signature is.

Source: AWS, "Create a signed AWS API request" (IAM User Guide). A request carries its signature in
the header Authorization or, presigned, in its query.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote_to_bytes

import msgspec

from strongroom.domain import sigv4
from strongroom.domain.sigv4 import NotSignedError

CONTENT_HASH: Final = b"x-amz-content-sha256"

_UNRESERVED: Final = "-._~"
_WHITE: Final = b" \t\r\n"
_SPACES: Final = re.compile(rb"[ \t\r\n]+")
# As nearly every client writes it, up to the signature itself: the same in all that a client sends
# in a day. `_any_parts` reads the same out of it, and whatever else is allowed.
_USUAL: Final = re.compile(
    rf"{sigv4.ALGORITHM} Credential=([^, ]+), ?SignedHeaders=([^, ]+), ?Signature=".encode()
)
_SCHEME: Final = f"{sigv4.ALGORITHM} ".encode()
_REMEMBERED: Final = 256
_SIGNATURE_CHARACTERS: Final = 64
_LENGTH_MAX: Final = 16_384  # 64 names of headers and a credential are shorter

_NONE: Final = frozenset[bytes]()


class Headers(msgspec.Struct, frozen=True):
    """Names in lower case, and their values; which are there more than once, joined by commas."""

    values: Mapping[bytes, bytes]
    repeated: frozenset[bytes] = _NONE


def gathered(headers: Sequence[tuple[bytes, bytes]]) -> Headers:
    """Headers by name, from those of a request one by one."""
    values = dict(headers)
    return Headers(values) if len(values) == len(headers) else _joined(headers)


def _joined(headers: Sequence[tuple[bytes, bytes]]) -> Headers:
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(value.strip())
    return Headers(
        {name: b",".join(values) for name, values in found.items()},
        frozenset(name for name, values in found.items() if len(values) > 1),
    )


# --- what a request says --------------------------------------------------------------------------


def of_header(headers: Headers) -> sigv4.Signature:
    """From Authorization and X-Amz-Date. Raises `NotSignedError`."""
    authorization = headers.values.get(b"authorization")
    if authorization is None or b"authorization" in headers.repeated:
        raise NotSignedError("the header Authorization is missing or there twice")
    if len(authorization) > _LENGTH_MAX:
        raise NotSignedError(f"the header Authorization has more than {_LENGTH_MAX} characters")
    # Of other schemes nothing is remembered: it can be a secret.
    if not authorization.startswith(_SCHEME):
        raise NotSignedError(f"the header Authorization does not begin with {sigv4.ALGORITHM}")
    opening = _usual(authorization[:-_SIGNATURE_CHARACTERS])
    signature = authorization[-_SIGNATURE_CHARACTERS:].decode("latin-1")
    if opening is None:
        credential, signed, signature = _any_parts(authorization.decode("latin-1"))
        opening = sigv4.opened(credential, signed)
    return sigv4.checked(
        opening, signature, _one(headers, b"x-amz-date"),
        session=_one(headers, b"x-amz-security-token"),
    )  # fmt: skip


@lru_cache(_REMEMBERED)
def _usual(opening: bytes) -> sigv4.Opening | None:
    """Raises `NotSignedError`; None for what is written otherwise."""
    found = _USUAL.fullmatch(opening)
    if found is None:
        return None
    credential, signed = found.groups()
    return sigv4.opened(credential.decode("latin-1"), signed.decode("latin-1"))


def _any_parts(authorization: str) -> tuple[str, str, str]:
    """In any order, with any space between them."""
    parts: dict[str, str] = {}
    for part in authorization[len(_SCHEME) :].split(","):
        name, equals, value = part.strip().partition("=")
        if not equals or name in parts:
            raise NotSignedError("the header Authorization cannot be read")
        parts[name] = value
    for name in ("Credential", "SignedHeaders", "Signature"):
        if name not in parts:
            raise NotSignedError(f"Authorization header requires '{name}' parameter.")
    return parts["Credential"], parts["SignedHeaders"], parts["Signature"]


def of_query(query: str) -> sigv4.Signature:
    """From the parameters of a presigned request. Raises `NotSignedError`."""
    found: dict[str, str] = {}
    for name, value in _parameters(query):
        if name in found and name.startswith("X-Amz-"):
            raise NotSignedError(f"the parameter {name} is there twice")
        found[name] = value
    if found.get("X-Amz-Algorithm") != sigv4.ALGORITHM:
        raise NotSignedError(f"the parameter X-Amz-Algorithm is not {sigv4.ALGORITHM}")
    for name in ("Credential", "SignedHeaders", "Signature", "Date", "Expires"):
        if f"X-Amz-{name}" not in found:
            raise NotSignedError(f"the parameter X-Amz-{name} is missing")
    expires = found["X-Amz-Expires"]
    if (
        not re.fullmatch(r"[0-9]{1,6}", expires)
        or not 0 < int(expires) <= sigv4.EXPIRES_SECONDS_MAX
    ):
        raise NotSignedError(f"X-Amz-Expires is 1 to {sigv4.EXPIRES_SECONDS_MAX} seconds")
    opening = sigv4.opened(found["X-Amz-Credential"], found["X-Amz-SignedHeaders"])
    return sigv4.checked(
        opening, found["X-Amz-Signature"], found["X-Amz-Date"], expires_seconds=int(expires),
        session=found.get("X-Amz-Security-Token", ""),
    )  # fmt: skip


def _one(headers: Headers, wanted: bytes) -> str:
    if wanted in headers.repeated:
        raise NotSignedError(f"the header {wanted.decode()} is there twice")
    return headers.values.get(wanted, b"").strip().decode("latin-1")


# --- what was signed ------------------------------------------------------------------------------


def canonical_request(  # noqa: PLR0913 - the parts of a request
    method: str,
    path: str,
    query: str,
    headers: Headers,
    signed: tuple[str, ...],
    content_hash: str,
    *,
    normalize: bool = True,
) -> bytes:
    """The request in its one spelling.

    `path` and `query` as they came, the query without `?`; `content_hash` is of the body, in
    hexadecimal. Of a presigned request the signature itself is left out. Clients of some services
    sign the path with its dots and empty segments: not `normalize`.
    """
    names, lines = _lines(signed)
    find = headers.values.get
    values = [find(name, b"") for name in names]
    if _has_space(b"".join(values)):
        values = [_SPACES.sub(b" ", value).strip() for value in values]
    if path != "/":
        path = _path(_plain(path) if normalize else path)
    first = f"{method}\n{path}\n{_query(query)}\n".encode()
    return first + lines % tuple(values) + content_hash.encode()


@lru_cache(_REMEMBERED)
def _lines(signed: tuple[str, ...]) -> tuple[tuple[bytes, ...], bytes]:
    """Names of headers; the lines of these and that of their names, to put the values in."""
    names = tuple(name.encode("latin-1") for name in signed)
    escaped = [name.replace(b"%", b"%%") for name in names]
    lines = b"".join(b"%b:%%b\n" % name for name in escaped)
    return names, lines + b"\n" + b";".join(escaped) + b"\n"


def digest(canonical: bytes) -> str:
    """What of it goes into the string to sign."""
    return hashlib.sha256(canonical).hexdigest()


def _has_space(text: bytes) -> bool:
    return text.translate(None, _WHITE) != text


def _plain(path: str) -> str:
    """Without dots and empty segments (RFC 3986, 5.2.4)."""
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            kept = kept[:-1]
        elif segment not in ("", "."):
            kept.append(segment)
    ends = "/" if kept and segments[-1] in ("", ".", "..") else ""
    return "/" + "/".join(kept) + ends


def _path(path: str) -> str:
    """Encoded as it came, byte by byte: so what a client has encoded is encoded twice."""
    return quote(path.encode("utf-8", "surrogateescape"), safe="/" + _UNRESERVED) or "/"


def _query(query: str) -> str:
    if not query:
        return ""
    pairs = sorted(
        (_encoded(name), _encoded(value))
        for name, value in _parameters(query)
        if name != "X-Amz-Signature"
    )
    return "&".join(f"{name}={value}" for name, value in pairs)


def _encoded(text: str) -> str:
    return quote(text.encode("utf-8", "surrogateescape"), safe=_UNRESERVED)


def _parameters(query: str) -> Iterable[tuple[str, str]]:
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        yield (
            unquote_to_bytes(name).decode("utf-8", "surrogateescape"),
            unquote_to_bytes(value).decode("utf-8", "surrogateescape"),
        )
