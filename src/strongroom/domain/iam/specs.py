"""AWS's words for algorithms, purposes and schemes, and ours."""

from typing import Final

import msgspec

from strongroom.domain.algorithms import Algorithm, Purpose, Scheme
from strongroom.domain.transfers import Wrapping, WrappingKey

ENCRYPT, SIGN = "ENCRYPT_DECRYPT", "SIGN_VERIFY"
MAC, AGREE, ENCAPSULATE = "GENERATE_VERIFY_MAC", "KEY_AGREEMENT", "ENCAPSULATE_DECAPSULATE"
SYMMETRIC: Final = "SYMMETRIC_DEFAULT"

_RSA_SIGNING: Final = (
    "RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512",
    "RSASSA_PSS_SHA_256", "RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512",
)  # fmt: skip
_RSA_USAGES: Final = {ENCRYPT: ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"), SIGN: _RSA_SIGNING}


class Spec(msgspec.Struct, frozen=True):
    """A key spec: our algorithm, and for each usage the algorithms that AWS names for it."""

    algorithm: Algorithm
    usages: dict[str, tuple[str, ...]]


SPECS: Final[dict[str, Spec]] = {
    SYMMETRIC: Spec(Algorithm.AES_256_GCM, {ENCRYPT: (SYMMETRIC,)}),
    "RSA_2048": Spec(Algorithm.RSA_2048, _RSA_USAGES),
    "RSA_3072": Spec(Algorithm.RSA_3072, _RSA_USAGES),
    "RSA_4096": Spec(Algorithm.RSA_4096, _RSA_USAGES),
    "ECC_NIST_P256": Spec(Algorithm.EC_P256, {SIGN: ("ECDSA_SHA_256",), AGREE: ("ECDH",)}),
    "ECC_NIST_P384": Spec(Algorithm.EC_P384, {SIGN: ("ECDSA_SHA_384",), AGREE: ("ECDH",)}),
    "ECC_NIST_P521": Spec(Algorithm.EC_P521, {SIGN: ("ECDSA_SHA_512",), AGREE: ("ECDH",)}),
    "ECC_SECG_P256K1": Spec(Algorithm.EC_SECP256K1, {SIGN: ("ECDSA_SHA_256",)}),
    "ECC_NIST_EDWARDS25519": Spec(
        Algorithm.ED25519, {SIGN: ("ED25519_SHA_512", "ED25519_PH_SHA_512")}
    ),
    "HMAC_224": Spec(Algorithm.HMAC_SHA224, {MAC: ("HMAC_SHA_224",)}),
    "HMAC_256": Spec(Algorithm.HMAC_SHA256, {MAC: ("HMAC_SHA_256",)}),
    "HMAC_384": Spec(Algorithm.HMAC_SHA384, {MAC: ("HMAC_SHA_384",)}),
    "HMAC_512": Spec(Algorithm.HMAC_SHA512, {MAC: ("HMAC_SHA_512",)}),
    "ML_DSA_44": Spec(Algorithm.ML_DSA_44, {SIGN: ("ML_DSA_SHAKE_256",)}),
    "ML_DSA_65": Spec(Algorithm.ML_DSA_65, {SIGN: ("ML_DSA_SHAKE_256",)}),
    "ML_DSA_87": Spec(Algorithm.ML_DSA_87, {SIGN: ("ML_DSA_SHAKE_256",)}),
    "ML_KEM_768": Spec(Algorithm.ML_KEM_768, {ENCAPSULATE: ("ML_KEM",)}),
    "ML_KEM_1024": Spec(Algorithm.ML_KEM_1024, {ENCAPSULATE: ("ML_KEM",)}),
}

_NAMES: Final = {spec.algorithm: name for name, spec in SPECS.items()}

_PURPOSES: Final = {
    SIGN: Purpose.SIGN_VERIFY, MAC: Purpose.MAC, AGREE: Purpose.AGREE,
    ENCAPSULATE: Purpose.ENCAPSULATE,
}  # fmt: skip
USAGES: Final = {
    **{purpose: usage for usage, purpose in _PURPOSES.items()},
    Purpose.ENCRYPT_DECRYPT: ENCRYPT,
    Purpose.DECRYPT: ENCRYPT,
}

# How the metadata calls the list of a usage's algorithms.
LISTED_AS: Final = {
    ENCRYPT: "EncryptionAlgorithms", SIGN: "SigningAlgorithms", MAC: "MacAlgorithms",
    AGREE: "KeyAgreementAlgorithms", ENCAPSULATE: "EncapsulationAlgorithms",
}  # fmt: skip

SCHEMES: Final[dict[str, Scheme]] = {
    "RSAES_OAEP_SHA_1": Scheme.RSA_OAEP_SHA1,
    "RSAES_OAEP_SHA_256": Scheme.RSA_OAEP_SHA256,
    "RSASSA_PKCS1_V1_5_SHA_256": Scheme.RSA_PKCS1_SHA256,
    "RSASSA_PKCS1_V1_5_SHA_384": Scheme.RSA_PKCS1_SHA384,
    "RSASSA_PKCS1_V1_5_SHA_512": Scheme.RSA_PKCS1_SHA512,
    "RSASSA_PSS_SHA_256": Scheme.RSA_PSS_SHA256,
    "RSASSA_PSS_SHA_384": Scheme.RSA_PSS_SHA384,
    "RSASSA_PSS_SHA_512": Scheme.RSA_PSS_SHA512,
    "ECDSA_SHA_256": Scheme.ECDSA_SHA256,
    "ECDSA_SHA_384": Scheme.ECDSA_SHA384,
    "ECDSA_SHA_512": Scheme.ECDSA_SHA512,
    "ED25519_SHA_512": Scheme.ED25519,
    "ED25519_PH_SHA_512": Scheme.ED25519PH,
    "ML_DSA_SHAKE_256": Scheme.ML_DSA,
    "ML_KEM": Scheme.ML_KEM,
}
"""Those of AWS's algorithms that are a choice of ours."""

WRAPPINGS: Final = {
    Wrapping.RSA_OAEP_SHA1: "RSAES_OAEP_SHA_1",
    Wrapping.RSA_OAEP_SHA256: "RSAES_OAEP_SHA_256",
    Wrapping.RSA_AES_KWP_SHA1: "RSA_AES_KEY_WRAP_SHA_1",
    Wrapping.RSA_AES_KWP_SHA256: "RSA_AES_KEY_WRAP_SHA_256",
}
WRAPPING_KEYS: Final = {
    WrappingKey.RSA_2048: "RSA_2048",
    WrappingKey.RSA_3072: "RSA_3072",
    WrappingKey.RSA_4096: "RSA_4096",
}

DIGEST_BYTES: Final = {"256": 32, "384": 48, "512": 64}


def purpose_of(algorithm: Algorithm, usage: str) -> Purpose:
    """Our purpose for that usage."""
    if usage == ENCRYPT:
        return Purpose.ENCRYPT_DECRYPT if algorithm is Algorithm.AES_256_GCM else Purpose.DECRYPT
    return _PURPOSES[usage]


def spec_of(algorithm: Algorithm) -> str:
    """AWS's spec for an algorithm of ours; empty: they have none."""
    return _NAMES.get(algorithm, "")


def algorithms_of(algorithm: Algorithm, usage: str) -> tuple[str, ...]:
    """AWS's names of what a key of that algorithm and usage does."""
    spec = SPECS.get(spec_of(algorithm))
    return () if spec is None else spec.usages.get(usage, ())


def usage_of(purpose: Purpose) -> str:
    """AWS's usage for a purpose of ours; empty: they have none."""
    return USAGES.get(purpose, "")
