"""Who signed a request, as far as a gate can tell: a signature, and the digest of what it is of."""

import hashlib
from typing import Final

import msgspec

from strongroom.domain import sigv4
from strongroom.doors.aws import canonical
from strongroom.doors.aws.errors import AWSError

_SERVICE: Final = "kms"
# Whatever of these a request has is signed, or somebody could have put it there.
_MUST: Final = frozenset({"host", "x-amz-date", "x-amz-target", "x-amz-security-token"})


def of(
    method: str, path: str, query: str, headers: canonical.Headers, body: bytes
) -> sigv4.Signature:
    """The request's signature. Raises `AWSError` for none, or one that cannot be right."""
    presigned = "X-Amz-Signature=" in query
    if not presigned and not any(name == "authorization" for name, _ in headers):
        raise AWSError("MissingAuthenticationTokenException", "Missing Authentication Token")
    try:
        signature = canonical.of_query(query) if presigned else canonical.of_header(headers)
    except sigv4.NotSignedError as error:
        raise AWSError("IncompleteSignatureException", str(error)) from None
    if signature.service != _SERVICE:
        said = f"Credential should be scoped to correct service: '{_SERVICE}'."
        raise AWSError("InvalidSignatureException", said)
    present = {name for name, _ in headers}
    unsigned = sorted((_MUST & present) - set(signature.signed))
    if unsigned or "host" not in signature.signed:
        said = f"These headers must be signed: {', '.join(unsigned) or 'host'}."
        raise AWSError("InvalidSignatureException", said)
    content_hash = hashlib.sha256(body).hexdigest()
    for name, value in headers:
        if name == canonical.CONTENT_HASH and value.strip() != content_hash:
            said = f"The header {canonical.CONTENT_HASH} is not the SHA-256 of the body."
            raise AWSError("InvalidSignatureException", said)
    spelled = canonical.canonical_request(
        method, path, query, headers, signature.signed, content_hash
    )
    return msgspec.structs.replace(signature, digest=canonical.digest(spelled))
