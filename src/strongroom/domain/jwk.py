"""A JWK's thumbprint (RFC 7638): one name for a public key, whoever computes it."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Final

# The members that make the key: RFC 7638, 3.2; OKP: RFC 8037, 2; AKP: RFC 9964.
_MEMBERS: Final = {
    "RSA": ("e", "kty", "n"),
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
    "AKP": ("alg", "kty", "pub"),
}


def thumbprint(jwk: Mapping[str, str]) -> str:
    """SHA-256 of the canonical JWK, base64url. Members that do not make the key do not count.

    Raises `ValueError` for a kind of key that has no such members, or when one is missing.
    """
    try:
        members = {name: jwk[name] for name in _MEMBERS[jwk["kty"]]}
    except KeyError:
        raise ValueError("this is no public key as a JWK") from None
    text = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
