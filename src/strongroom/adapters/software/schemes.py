"""What a call asks for, checked: a scheme that the key has, a digest of the scheme's length."""

from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import utils

from strongroom.domain.algorithms import ALGORITHMS, SCHEMES, Algorithm, Purpose, Scheme
from strongroom.domain.errors import InvalidRequest
from strongroom.domain.limits import SIGNATURE_CONTEXT_BYTES_MAX

_HASHES: Final[dict[int, hashes.HashAlgorithm]] = {
    32: hashes.SHA256(),
    48: hashes.SHA384(),
    64: hashes.SHA512(),
}


def require(algorithm: Algorithm, purpose: Purpose, scheme: Scheme) -> None:
    """Raises `InvalidRequest` when the catalogue has no such scheme for them."""
    row = ALGORITHMS[algorithm].schemes.get(purpose, ())
    if scheme not in row:
        raise InvalidRequest(f"{algorithm} for {purpose} has no {scheme}", "$.scheme")


def hash_of(
    scheme: Scheme, message: bytes, *, digest: bool
) -> hashes.HashAlgorithm | utils.Prehashed:
    """The hash of an RSA or ECDSA scheme; as already applied, where the message is its digest.

    Raises `InvalidRequest` for a digest of another length.
    """
    algorithm = hash_in(scheme)
    if not digest:
        return algorithm
    require_length(message, algorithm.digest_size)
    return utils.Prehashed(algorithm)


def hash_in(scheme: Scheme) -> hashes.HashAlgorithm:
    """The hash of an RSA or ECDSA scheme."""
    return _HASHES[SCHEMES[scheme].digest_bytes]


def require_length(digest: bytes, size: int) -> None:
    """Raises `InvalidRequest` unless the digest has this many bytes."""
    if len(digest) != size:
        raise InvalidRequest(f"a digest for this scheme has {size} bytes", "$.digest")


def no_digest(scheme: Scheme, *, digest: bool) -> None:
    """Raises `InvalidRequest` where a digest was given and the scheme takes messages only."""
    if digest:
        raise InvalidRequest(f"{scheme} signs messages, not digests", "$.digest")


def no_context(context: bytes) -> None:
    """Raises `InvalidRequest` where a context was given and the scheme has none."""
    if context:
        raise InvalidRequest("this scheme takes no context", "$.context")


def short_context(context: bytes) -> None:
    """Raises `InvalidRequest` for a context whose length does not fit into its one byte."""
    if len(context) > SIGNATURE_CONTEXT_BYTES_MAX:
        raise InvalidRequest(
            f"a context has at most {SIGNATURE_CONTEXT_BYTES_MAX} bytes", "$.context"
        )
