"""What is said of a JWK beside its key: the one algorithm it is for, and its thumbprint."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Final

from strongroom.domain.algorithms import Algorithm

ALG: Final = {
    Algorithm.EC_P256: "ES256",
    Algorithm.EC_P384: "ES384",
    Algorithm.EC_P521: "ES512",
    Algorithm.EC_SECP256K1: "ES256K",
    Algorithm.ML_DSA_44: "ML-DSA-44",
    Algorithm.ML_DSA_65: "ML-DSA-65",
    Algorithm.ML_DSA_87: "ML-DSA-87",
}
"""The `alg` of a signing key (RFC 7517, 4.4), where exactly one name fits.

An RSA key signs by six algorithms, RS256 to PS512 (RFC 7518, 3.1). An Edwards key has two names for
the one: `EdDSA` (RFC 8037) and, since RFC 9864 deprecated that, its curve's. A verifier that
compares would refuse tokens under the other, and the curve says all, so these have none.
"""

# The members that make the key: RFC 7638, 3.2; OKP: RFC 8037, 2; AKP: RFC 9964.
_MEMBERS: Final = {
    "RSA": ("e", "kty", "n"),
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
    "AKP": ("alg", "kty", "pub"),
}


def thumbprint(jwk: Mapping[str, str]) -> str:
    """One name for a public key, whoever computes it: RFC 7638, SHA-256, base64url.

    Members that do not make the key do not count.
    Raises `ValueError` for a kind of key that has no such members, or when one is missing.
    """
    try:
        members = {name: jwk[name] for name in _MEMBERS[jwk["kty"]]}
    except KeyError:
        raise ValueError("this is no public key as a JWK") from None
    text = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
