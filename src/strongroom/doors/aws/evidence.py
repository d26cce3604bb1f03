"""Who signed a request, as far as a gate can tell: a signature, and the digest of what it is of."""

import hashlib
from functools import lru_cache
from typing import Final

import msgspec

from strongroom.domain import sigv4
from strongroom.doors.aws import canonical
from strongroom.doors.aws.errors import AWSError

_SERVICE: Final = "kms"
# Whatever of these a request has is signed, or somebody could have put it there.
_MUST: Final = (b"host", b"x-amz-date", b"x-amz-security-token", b"x-amz-target")
_REMEMBERED: Final = 256  # the same names in all that a client sends


def of(
    method: str, path: str, query: str, headers: canonical.Headers, body: bytes
) -> sigv4.Signature:
    """The request's signature. Raises `AWSError` for none, or one that cannot be right."""
    presigned = "X-Amz-Signature=" in query
    if not presigned and b"authorization" not in headers.values:
        raise AWSError("MissingAuthenticationTokenException", "Missing Authentication Token")
    if presigned and b"authorization" in headers.values:
        said = "A request is signed in its header or in its query, not in both."
        raise AWSError("IncompleteSignatureException", said)
    try:
        signature = canonical.of_query(query) if presigned else canonical.of_header(headers)
    except sigv4.NotSignedError as error:
        raise AWSError("IncompleteSignatureException", str(error)) from None
    if signature.opening.service != _SERVICE:
        said = f"Credential should be scoped to correct service: '{_SERVICE}'."
        raise AWSError("InvalidSignatureException", said)
    unsigned = [name for name in _not_in(signature.opening.signed) if name in headers.values]
    if unsigned or "host" not in signature.opening.signed:
        said = f"These headers must be signed: {b', '.join(unsigned).decode() or 'host'}."
        raise AWSError("InvalidSignatureException", said)
    content_hash = hashlib.sha256(body).hexdigest()
    said_hash = headers.values.get(canonical.CONTENT_HASH)
    if said_hash is not None and said_hash.strip() != content_hash.encode():
        said = f"The header {canonical.CONTENT_HASH.decode()} is not the SHA-256 of the body."
        raise AWSError("InvalidSignatureException", said)
    spelled = canonical.canonical_request(
        method, path, query, headers, signature.opening.signed, content_hash
    )
    return msgspec.structs.replace(signature, digest=canonical.digest(spelled))


@lru_cache(_REMEMBERED)
def _not_in(signed: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(name for name in _MUST if name.decode() not in signed)
