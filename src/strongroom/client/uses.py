"""The calls that use a key otherwise than by encrypt and decrypt, and random bytes.

Without `scheme`, the first that the key's algorithm has for its purpose; without `key_version`, the
current one. `strongroom algorithms` lists both algorithms and schemes.
"""

from strongroom.client.call import Call, getting, given, key_part, posting, query_text
from strongroom.domain import uses

_DER = uses.Encoding.DER.value
_DATA_KEY_BYTES = 32


# --- sign and MAC ---------------------------------------------------------------------------------


def sign(  # noqa: PLR0913 - what a signature depends on
    key: str,
    message: bytes | None = None,
    *,
    digest: bytes | None = None,
    scheme: str | None = None,
    encoding: str = _DER,
    signature_context: bytes = b"",
) -> Call[uses.Signed]:
    """Of a message of at most 65,536 bytes, or of a `digest` instead. `encoding` is for ECDSA."""
    body = given(
        message=message,
        digest=digest,
        **_manner(scheme, encoding, signature_context),
    )
    return posting("key.sign", _path(key, "sign"), uses.Signed, body, target=key)


def sign_batch(
    key: str,
    items: list[uses.SignItem],
    *,
    scheme: str | None = None,
    encoding: str = _DER,
    signature_context: bytes = b"",
) -> Call[uses.SignedBatch]:
    """At most 1,000 items. Each has its own outcome: look at `error`."""
    body = given(items=items, **_manner(scheme, encoding, signature_context))
    return posting("key.sign", _path(key, "sign"), uses.SignedBatch, body, target=key)


def verify(  # noqa: PLR0913 - what a signature depends on
    key: str,
    message: bytes | None = None,
    *,
    signature: bytes,
    digest: bytes | None = None,
    scheme: str | None = None,
    encoding: str = _DER,
    signature_context: bytes = b"",
    key_version: int | None = None,
) -> Call[uses.Verified]:
    """A wrong signature is an answer, not a refusal: look at `valid`."""
    body = given(
        signature=signature,
        message=message,
        digest=digest,
        key_version=key_version,
        **_manner(scheme, encoding, signature_context),
    )
    return posting("key.verify", _path(key, "verify"), uses.Verified, body, target=key)


def verify_batch(  # noqa: PLR0913 - what signatures depend on
    key: str,
    items: list[uses.VerifyItem],
    *,
    scheme: str | None = None,
    encoding: str = _DER,
    signature_context: bytes = b"",
    key_version: int | None = None,
) -> Call[uses.VerifiedBatch]:
    """At most 1,000 items. Each has its own outcome: look at `valid`, and at `error`."""
    body = given(
        items=items, key_version=key_version, **_manner(scheme, encoding, signature_context)
    )
    return posting("key.verify", _path(key, "verify"), uses.VerifiedBatch, body, target=key)


def mac(key: str, message: bytes) -> Call[uses.MACMade]:
    """The tag of a message of at most 65,536 bytes."""
    body = given(message=message)
    return posting("key.mac", _path(key, "mac"), uses.MACMade, body, target=key)


def mac_batch(key: str, items: list[uses.MACItem]) -> Call[uses.MACBatch]:
    """At most 1,000 items. Each has its own outcome: look at `error`."""
    return posting("key.mac", _path(key, "mac"), uses.MACBatch, given(items=items), target=key)


def verify_mac(
    key: str, message: bytes, *, tag: bytes, key_version: int | None = None
) -> Call[uses.Verified]:
    """A wrong tag is an answer, not a refusal: look at `valid`."""
    body = given(message=message, tag=tag, key_version=key_version)
    return posting("key.verify-mac", _path(key, "verify-mac"), uses.Verified, body, target=key)


def verify_mac_batch(
    key: str, items: list[uses.VerifyMACItem], *, key_version: int | None = None
) -> Call[uses.VerifiedBatch]:
    """At most 1,000 items. Each has its own outcome: look at `valid`, and at `error`."""
    body = given(items=items, key_version=key_version)
    path = _path(key, "verify-mac")
    return posting("key.verify-mac", path, uses.VerifiedBatch, body, target=key)


# --- data keys ------------------------------------------------------------------------------------


def generate_data_key(
    key: str,
    context: dict[str, str] | None = None,
    *,
    size_bytes: int = _DATA_KEY_BYTES,
    with_plaintext: bool = True,
) -> Call[uses.DataKey]:
    """A key for your own use. Keep the ciphertext, which `decrypt` opens; forget the plaintext."""
    body = given(
        bytes=None if size_bytes == _DATA_KEY_BYTES else size_bytes,
        context=context or None,
        with_plaintext=None if with_plaintext else False,
    )
    path = _path(key, "generate-data-key")
    return posting("key.generate-data-key", path, uses.DataKey, body, target=key)


def generate_data_key_pair(
    key: str,
    context: dict[str, str] | None = None,
    *,
    algorithm: str,
    with_plaintext: bool = True,
) -> Call[uses.DataKeyPair]:
    """Likewise a key pair: SubjectPublicKeyInfo and PKCS#8, DER. RSA takes a moment."""
    body = given(
        algorithm=algorithm,
        context=context or None,
        with_plaintext=None if with_plaintext else False,
    )
    path = _path(key, "generate-data-key-pair")
    return posting("key.generate-data-key-pair", path, uses.DataKeyPair, body, target=key)


def re_encrypt(  # noqa: PLR0913 - what can be said of both sides
    key: str,
    ciphertext: bytes,
    context: dict[str, str] | None = None,
    *,
    new_context: dict[str, str] | None = None,
    scheme: str | None = None,
    source_key: str | None = None,
    source_scheme: str | None = None,
    source_version: int | None = None,
) -> Call[uses.ReEncrypted]:
    """A ciphertext of any key becomes one of this. The plaintext stays in the room.

    `context` is what the ciphertext was made with. Without `new_context`, it stays the same; an
    empty one takes it off. The right is needed for both keys. A ciphertext of RSA does not say what
    it is of: name its key, and the version unless it is the current one.
    """
    body = given(
        ciphertext=ciphertext,
        context=context or None,
        new_context=new_context,
        scheme=scheme,
        source_key=source_key,
        source_scheme=source_scheme,
        source_version=source_version,
    )
    return posting("key.re-encrypt", _path(key, "re-encrypt"), uses.ReEncrypted, body, target=key)


def re_encrypt_batch(key: str, items: list[uses.ReEncryptItem]) -> Call[uses.ReEncryptedBatch]:
    """At most 1,000 items, of any keys. Each has its own outcome: look at `error`."""
    path = _path(key, "re-encrypt")
    body = given(items=items)
    return posting("key.re-encrypt", path, uses.ReEncryptedBatch, body, target=key)


# --- agree, encapsulate, wrap ---------------------------------------------------------------------


def agree(
    key: str, public_key: bytes, *, key_version: int | None = None
) -> Call[uses.SharedSecret]:
    """The raw secret shared with that public key: SubjectPublicKeyInfo, or 32 bytes for X25519."""
    body = given(public_key=public_key, key_version=key_version)
    return posting("key.agree", _path(key, "agree"), uses.SharedSecret, body, target=key)


def encapsulate(key: str, *, scheme: str | None = None) -> Call[uses.Encapsulation]:
    """A secret, and what whoever may use the key gets the same secret from."""
    body = given(scheme=scheme)
    path = _path(key, "encapsulate")
    return posting("key.encapsulate", path, uses.Encapsulation, body, target=key)


def decapsulate(
    key: str, ciphertext: bytes, *, scheme: str | None = None, key_version: int | None = None
) -> Call[uses.SharedSecret]:
    """The secret. An altered ML-KEM ciphertext gives another one, and no refusal (FIPS 203)."""
    body = given(ciphertext=ciphertext, scheme=scheme, key_version=key_version)
    path = _path(key, "decapsulate")
    return posting("key.decapsulate", path, uses.SharedSecret, body, target=key)


def wrap(key: str, material: bytes, *, scheme: str | None = None) -> Call[uses.Wrapped]:
    """Key material of yours, wrapped."""
    body = given(material=material, scheme=scheme)
    return posting("key.wrap", _path(key, "wrap"), uses.Wrapped, body, target=key)


def unwrap(
    key: str, wrapped: bytes, *, scheme: str | None = None, key_version: int | None = None
) -> Call[uses.Unwrapped]:
    """The key material that was wrapped, here or elsewhere."""
    body = given(wrapped=wrapped, scheme=scheme, key_version=key_version)
    return posting("key.unwrap", _path(key, "unwrap"), uses.Unwrapped, body, target=key)


# --- what is no secret ----------------------------------------------------------------------------


def read_public_key(key: str, *, key_version: int | None = None) -> Call[uses.PublicKey]:
    """DER, PEM and, where the standards have one, JWK."""
    query = query_text(key_version="" if key_version is None else str(key_version))
    path = _path(key, "public-key")
    return getting("key.read-public-key", path, uses.PublicKey, target=key, query=query)


def generate_random(size_bytes: int = _DATA_KEY_BYTES) -> Call[uses.Randomness]:
    """At most 1,024 bytes from the server's kernel."""
    body = given(bytes=None if size_bytes == _DATA_KEY_BYTES else size_bytes)
    return posting("random.generate", "/v1/random", uses.Randomness, body)


def _path(key: str, act: str) -> str:
    return f"/v1/keys/{key_part(key)}/{act}"


def _manner(scheme: str | None, encoding: str, signature_context: bytes) -> dict[str, object]:
    """How a signature is made and written."""
    return given(
        scheme=scheme,
        encoding=None if encoding == _DER else encoding,
        signature_context=signature_context or None,
    )
