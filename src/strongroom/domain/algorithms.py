"""The catalogue: what a key can be, and how it is used in one call. All of it is data.

A key has an *algorithm* (what its material is) and one *purpose* (NIST SP 800-57 part 1, 5.2).
Where an algorithm can be used in several ways for its purpose, a call names a *scheme*; the first
of the row is the default. OpenAPI, documentation, `strongroom algorithms` and the tests are read
from these tables.
"""

from enum import StrEnum
from typing import Final

import msgspec


class Purpose(StrEnum):
    """What a key is for."""

    ENCRYPT_DECRYPT = "encrypt-decrypt"
    DECRYPT = "decrypt"  # anybody encrypts with the public key
    SIGN_VERIFY = "sign-verify"
    MAC = "mac"
    AGREE = "agree"
    ENCAPSULATE = "encapsulate"
    WRAP = "wrap"


class Standing(StrEnum):
    """How an algorithm or a scheme is looked upon."""

    APPROVED = "approved"  # by NIST: FIPS 140-3 IG, SP 800-131A
    SOUND = "sound"  # well studied, not approved
    LEGACY = "legacy"  # for what exists already; weaker than one would choose today


class Kind(StrEnum):
    """Whether there is a public half."""

    SYMMETRIC = "symmetric"
    ASYMMETRIC = "asymmetric"


class Algorithm(StrEnum):
    """The name by which a key asks for its algorithm."""

    AES_256_GCM = "aes-256-gcm"
    AES_128_GCM_RAW = "aes-128-gcm-raw"
    AES_256_GCM_RAW = "aes-256-gcm-raw"
    AES_128_CBC_RAW = "aes-128-cbc-raw"
    AES_256_CBC_RAW = "aes-256-cbc-raw"
    AES_128_CTR_RAW = "aes-128-ctr-raw"
    AES_256_CTR_RAW = "aes-256-ctr-raw"
    AES_256_GCM_SIV = "aes-256-gcm-siv"
    CHACHA20_POLY1305 = "chacha20-poly1305"
    XAES_256_GCM = "xaes-256-gcm"
    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    EC_P256 = "ec-p256"
    EC_P384 = "ec-p384"
    EC_P521 = "ec-p521"
    EC_SECP256K1 = "ec-secp256k1"
    ED25519 = "ed25519"
    ED448 = "ed448"
    X25519 = "x25519"
    ML_DSA_44 = "ml-dsa-44"
    ML_DSA_65 = "ml-dsa-65"
    ML_DSA_87 = "ml-dsa-87"
    ML_KEM_768 = "ml-kem-768"
    ML_KEM_1024 = "ml-kem-1024"
    X25519_ML_KEM_768 = "x25519-ml-kem-768"
    HMAC_SHA1 = "hmac-sha1"
    HMAC_SHA224 = "hmac-sha224"
    HMAC_SHA256 = "hmac-sha256"
    HMAC_SHA384 = "hmac-sha384"
    HMAC_SHA512 = "hmac-sha512"
    AES_128_KW = "aes-128-kw"
    AES_256_KW = "aes-256-kw"


class Scheme(StrEnum):
    """How a key is used in one call, where there is a choice."""

    RSA_PSS_SHA256 = "rsa-pss-sha256"
    RSA_PSS_SHA384 = "rsa-pss-sha384"
    RSA_PSS_SHA512 = "rsa-pss-sha512"
    RSA_PKCS1_SHA256 = "rsa-pkcs1-sha256"
    RSA_PKCS1_SHA384 = "rsa-pkcs1-sha384"
    RSA_PKCS1_SHA512 = "rsa-pkcs1-sha512"
    RSA_OAEP_SHA1 = "rsa-oaep-sha1"
    RSA_OAEP_SHA256 = "rsa-oaep-sha256"
    RSA_OAEP_SHA384 = "rsa-oaep-sha384"
    RSA_OAEP_SHA512 = "rsa-oaep-sha512"
    RSA_1_5 = "rsa1_5"
    ECDSA_SHA256 = "ecdsa-sha256"
    ECDSA_SHA384 = "ecdsa-sha384"
    ECDSA_SHA512 = "ecdsa-sha512"
    ED25519 = "ed25519"
    ED25519PH = "ed25519ph"
    ED448 = "ed448"
    ML_DSA = "ml-dsa"
    ML_DSA_MU = "ml-dsa-mu"
    AES_KW = "aes-kw"
    AES_KWP = "aes-kwp"
    ECDH = "ecdh"
    X25519 = "x25519"
    ML_KEM = "ml-kem"
    HPKE = "hpke"


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an algorithm. `bits` is the material's size, or the field's or modulus'.

    `schemes` has a row for each purpose that the algorithm can have; the first purpose is the
    default. A purpose without a choice has an empty row.
    """

    kind: Kind
    bits: int
    schemes: dict[Purpose, tuple[Scheme, ...]]
    standing: Standing
    standard: str
    summary: str
    providers: tuple[str, ...] = ("software",)

    @property
    def purpose(self) -> Purpose:
        """The default purpose."""
        return next(iter(self.schemes))

    @property
    def rotation_days(self) -> int:
        """The default period of automatic rotation: symmetric keys only."""
        return 90 if self.kind is Kind.SYMMETRIC else 0


class SchemeFacts(msgspec.Struct, frozen=True):
    """What is known of a scheme. `digest_bytes`: of a digest in the message's place; 0: none."""

    standing: Standing
    standard: str
    digest_bytes: int = 0


_APPROVED, _SOUND, _LEGACY = Standing.APPROVED, Standing.SOUND, Standing.LEGACY

SCHEMES: Final[dict[Scheme, SchemeFacts]] = {
    Scheme.RSA_PSS_SHA256: SchemeFacts(_APPROVED, "FIPS 186-5, RFC 8017", 32),
    Scheme.RSA_PSS_SHA384: SchemeFacts(_APPROVED, "FIPS 186-5, RFC 8017", 48),
    Scheme.RSA_PSS_SHA512: SchemeFacts(_APPROVED, "FIPS 186-5, RFC 8017", 64),
    Scheme.RSA_PKCS1_SHA256: SchemeFacts(_APPROVED, "FIPS 186-5, RFC 8017", 32),
    Scheme.RSA_PKCS1_SHA384: SchemeFacts(_APPROVED, "FIPS 186-5, RFC 8017", 48),
    Scheme.RSA_PKCS1_SHA512: SchemeFacts(_APPROVED, "FIPS 186-5, RFC 8017", 64),
    # SHA-1 is sound inside OAEP, and many clients know nothing else.
    Scheme.RSA_OAEP_SHA1: SchemeFacts(_APPROVED, "SP 800-56B, RFC 8017"),
    Scheme.RSA_OAEP_SHA256: SchemeFacts(_APPROVED, "SP 800-56B, RFC 8017"),
    Scheme.RSA_OAEP_SHA384: SchemeFacts(_APPROVED, "SP 800-56B, RFC 8017"),
    Scheme.RSA_OAEP_SHA512: SchemeFacts(_APPROVED, "SP 800-56B, RFC 8017"),
    Scheme.RSA_1_5: SchemeFacts(_LEGACY, "RFC 8017, 7.2"),
    Scheme.ECDSA_SHA256: SchemeFacts(_APPROVED, "FIPS 186-5", 32),
    Scheme.ECDSA_SHA384: SchemeFacts(_APPROVED, "FIPS 186-5", 48),
    Scheme.ECDSA_SHA512: SchemeFacts(_APPROVED, "FIPS 186-5", 64),
    Scheme.ED25519: SchemeFacts(_APPROVED, "FIPS 186-5, RFC 8032"),
    Scheme.ED25519PH: SchemeFacts(_APPROVED, "FIPS 186-5, RFC 8032", 64),
    Scheme.ED448: SchemeFacts(_APPROVED, "FIPS 186-5, RFC 8032"),
    Scheme.ML_DSA: SchemeFacts(_APPROVED, "FIPS 204"),
    Scheme.ML_DSA_MU: SchemeFacts(_APPROVED, "FIPS 204, algorithm 7 (external mu)", 64),
    Scheme.AES_KW: SchemeFacts(_APPROVED, "SP 800-38F, RFC 3394"),
    Scheme.AES_KWP: SchemeFacts(_APPROVED, "SP 800-38F, RFC 5649"),
    Scheme.ECDH: SchemeFacts(_APPROVED, "SP 800-56A"),
    Scheme.X25519: SchemeFacts(_SOUND, "RFC 7748"),
    Scheme.ML_KEM: SchemeFacts(_APPROVED, "FIPS 203"),
    Scheme.HPKE: SchemeFacts(_SOUND, "RFC 9180"),
}

_E, _D, _S = Purpose.ENCRYPT_DECRYPT, Purpose.DECRYPT, Purpose.SIGN_VERIFY
_M, _A, _K, _W = Purpose.MAC, Purpose.AGREE, Purpose.ENCAPSULATE, Purpose.WRAP

_RSA_SIGNS: Final = (
    Scheme.RSA_PSS_SHA256, Scheme.RSA_PSS_SHA384, Scheme.RSA_PSS_SHA512,
    Scheme.RSA_PKCS1_SHA256, Scheme.RSA_PKCS1_SHA384, Scheme.RSA_PKCS1_SHA512,
)  # fmt: skip
_OAEP: Final = (
    Scheme.RSA_OAEP_SHA256, Scheme.RSA_OAEP_SHA384, Scheme.RSA_OAEP_SHA512, Scheme.RSA_OAEP_SHA1,
)  # fmt: skip
_RSA: Final = {_S: _RSA_SIGNS, _D: (*_OAEP, Scheme.RSA_1_5), _W: _OAEP}


def _symmetric(
    bits: int, standing: Standing, standard: str, summary: str, purpose: Purpose = _E
) -> Facts:
    schemes = (Scheme.AES_KWP, Scheme.AES_KW) if purpose is _W else ()
    return Facts(
        kind=Kind.SYMMETRIC, bits=bits, schemes={purpose: schemes},
        standing=standing, standard=standard, summary=summary,
    )  # fmt: skip


def _asymmetric(
    bits: int,
    schemes: dict[Purpose, tuple[Scheme, ...]],
    standing: Standing,
    standard: str,
    summary: str,
) -> Facts:
    return Facts(
        kind=Kind.ASYMMETRIC, bits=bits, schemes=schemes,
        standing=standing, standard=standard, summary=summary,
    )  # fmt: skip


_GCM_RAW = "server-made nonce; at most 2^31 messages for each version"
_NO_INTEGRITY = "no integrity: that is the caller's to add"
_FIPS_186 = "FIPS 186-5, SP 800-186"

ALGORITHMS: Final[dict[Algorithm, Facts]] = {
    Algorithm.AES_256_GCM: _symmetric(
        256,
        _APPROVED,
        "NIST SP 800-38D, SP 800-108r1",
        "ciphertext format 1: a key per message, committed; no limit on messages",
    ),
    Algorithm.AES_128_GCM_RAW: _symmetric(128, _APPROVED, "NIST SP 800-38D", _GCM_RAW),
    Algorithm.AES_256_GCM_RAW: _symmetric(256, _APPROVED, "NIST SP 800-38D", _GCM_RAW),
    Algorithm.AES_128_CBC_RAW: _symmetric(128, _LEGACY, "NIST SP 800-38A", _NO_INTEGRITY),
    Algorithm.AES_256_CBC_RAW: _symmetric(256, _LEGACY, "NIST SP 800-38A", _NO_INTEGRITY),
    Algorithm.AES_128_CTR_RAW: _symmetric(128, _LEGACY, "NIST SP 800-38A", _NO_INTEGRITY),
    Algorithm.AES_256_CTR_RAW: _symmetric(256, _LEGACY, "NIST SP 800-38A", _NO_INTEGRITY),
    Algorithm.AES_256_GCM_SIV: _symmetric(256, _SOUND, "RFC 8452", "withstands repeated nonces"),
    Algorithm.CHACHA20_POLY1305: _symmetric(
        256, _SOUND, "RFC 8439", "fast without AES hardware; at most 2^31 messages for each version"
    ),
    Algorithm.XAES_256_GCM: _symmetric(
        256,
        _APPROVED,
        "C2SP XAES-256-GCM, SP 800-108r1",
        "192-bit nonces, so that random ones never meet",
    ),
    Algorithm.RSA_2048: _asymmetric(2048, _RSA, _APPROVED, "FIPS 186-5, SP 800-56B", "112 bits"),
    Algorithm.RSA_3072: _asymmetric(3072, _RSA, _APPROVED, "FIPS 186-5, SP 800-56B", "128 bits"),
    Algorithm.RSA_4096: _asymmetric(4096, _RSA, _APPROVED, "FIPS 186-5, SP 800-56B", "152 bits"),
    Algorithm.EC_P256: _asymmetric(
        256,
        {_S: (Scheme.ECDSA_SHA256,), _A: (Scheme.ECDH,)},
        _APPROVED,
        _FIPS_186,
        "the curve that everything knows",
    ),
    Algorithm.EC_P384: _asymmetric(
        384, {_S: (Scheme.ECDSA_SHA384,), _A: (Scheme.ECDH,)}, _APPROVED, _FIPS_186, "192 bits"
    ),
    Algorithm.EC_P521: _asymmetric(
        521, {_S: (Scheme.ECDSA_SHA512,), _A: (Scheme.ECDH,)}, _APPROVED, _FIPS_186, "256 bits"
    ),
    Algorithm.EC_SECP256K1: _asymmetric(
        256, {_S: (Scheme.ECDSA_SHA256,)}, _SOUND, "SEC 2", "for ledgers that ask for it"
    ),
    Algorithm.ED25519: _asymmetric(
        256,
        {_S: (Scheme.ED25519, Scheme.ED25519PH)},
        _APPROVED,
        _FIPS_186,
        "deterministic, fast",
    ),
    Algorithm.ED448: _asymmetric(448, {_S: (Scheme.ED448,)}, _APPROVED, _FIPS_186, "224 bits"),
    Algorithm.X25519: _asymmetric(
        256,
        {_A: (Scheme.X25519,), _K: (Scheme.HPKE,)},
        _SOUND,
        "RFC 7748, RFC 9180",
        "agreement, and HPKE to its public key",
    ),
    Algorithm.ML_DSA_44: _asymmetric(
        128,
        {_S: (Scheme.ML_DSA, Scheme.ML_DSA_MU)},
        _APPROVED,
        "FIPS 204",
        "signatures that withstand quantum computers, category 2",
    ),
    Algorithm.ML_DSA_65: _asymmetric(
        192, {_S: (Scheme.ML_DSA, Scheme.ML_DSA_MU)}, _APPROVED, "FIPS 204", "category 3"
    ),
    Algorithm.ML_DSA_87: _asymmetric(
        256, {_S: (Scheme.ML_DSA, Scheme.ML_DSA_MU)}, _APPROVED, "FIPS 204", "category 5"
    ),
    Algorithm.ML_KEM_768: _asymmetric(
        192, {_K: (Scheme.ML_KEM,)}, _APPROVED, "FIPS 203", "key encapsulation, category 3"
    ),
    Algorithm.ML_KEM_1024: _asymmetric(
        256, {_K: (Scheme.ML_KEM,)}, _APPROVED, "FIPS 203", "category 5"
    ),
    Algorithm.X25519_ML_KEM_768: _asymmetric(
        192,
        {_K: (Scheme.HPKE,)},
        _SOUND,
        "RFC 9180, X-Wing",
        "both must break; HPKE to its public key",
    ),
    Algorithm.HMAC_SHA1: _symmetric(160, _LEGACY, "FIPS 198-1", "for what exists already", _M),
    Algorithm.HMAC_SHA224: _symmetric(224, _APPROVED, "FIPS 198-1", "28-byte tags", _M),
    Algorithm.HMAC_SHA256: _symmetric(256, _APPROVED, "FIPS 198-1", "32-byte tags", _M),
    Algorithm.HMAC_SHA384: _symmetric(384, _APPROVED, "FIPS 198-1", "48-byte tags", _M),
    Algorithm.HMAC_SHA512: _symmetric(512, _APPROVED, "FIPS 198-1", "64-byte tags", _M),
    Algorithm.AES_128_KW: _symmetric(128, _APPROVED, "SP 800-38F", "wraps other keys", _W),
    Algorithm.AES_256_KW: _symmetric(256, _APPROVED, "SP 800-38F", "wraps other keys", _W),
}

DEFAULT: Final = Algorithm.AES_256_GCM


def scheme_for(algorithm: Algorithm, purpose: Purpose, asked: Scheme | None) -> Scheme | None:
    """The scheme of a call: the one asked for, or the default; None where there is no choice.

    Raises `ValueError` when the algorithm has no such scheme for the purpose; it says which it has.
    """
    row = ALGORITHMS[algorithm].schemes.get(purpose, ())
    if asked is None:
        return row[0] if row else None
    if asked not in row:
        raise ValueError(f"{algorithm} for {purpose} has: {', '.join(row) or 'no schemes'}")
    return asked
