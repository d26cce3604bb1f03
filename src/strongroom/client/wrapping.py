"""Material, made ready to travel: on this machine, before anything is sent.

    parameters = client.import_parameters("cards")
    material = wrapping.material_in(Path("cards.key").read_bytes())
    sealed = wrapping.wrapped(material, parameters.public_key)
    client.import_material("cards", sealed, import_token=parameters.import_token)

No message here repeats any of it.
"""

import secrets
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
    load_pem_private_key,
)

from strongroom.client.problems import InvalidArgumentError
from strongroom.domain.transfers import Wrapping

_PEM_START: Final = b"-----BEGIN "
_ONCE_BYTES: Final = 32  # the AES key between RSA and the material
_HASHES: Final[dict[Wrapping, hashes.HashAlgorithm]] = {
    Wrapping.RSA_AES_KWP_SHA256: hashes.SHA256(),
    Wrapping.RSA_AES_KWP_SHA1: hashes.SHA1(),  # noqa: S303 - sound inside OAEP
    Wrapping.RSA_OAEP_SHA256: hashes.SHA256(),
    Wrapping.RSA_OAEP_SHA1: hashes.SHA1(),  # noqa: S303 - likewise
}
_WITHOUT_AES: Final = (Wrapping.RSA_OAEP_SHA256, Wrapping.RSA_OAEP_SHA1)


def material_in(content: bytes) -> bytes:
    """What is to be wrapped, of a file's content: PEM becomes PKCS#8 in DER, the rest is as it is.

    Raises `InvalidArgumentError` for PEM of anything but one private key, or with a passphrase.
    """
    if not content.lstrip().startswith(_PEM_START):
        return content
    if b"ENCRYPTED" in content:
        raise InvalidArgumentError(
            "the private key is protected by a passphrase; take that off first, such as with"
            " openssl pkcs8 -topk8 -nocrypt"
        )
    try:
        private = load_pem_private_key(content, None)
        return private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    except Exception:  # noqa: BLE001 - whichever it is, its words may be of the key
        raise InvalidArgumentError("the PEM is not of one private key of a known kind") from None


def wrapped(
    material: bytes, public_key: bytes, wrapping: Wrapping = Wrapping.RSA_AES_KWP_SHA256
) -> bytes:
    """The material, wrapped for that RSA public key (SPKI, DER). Raises `InvalidArgumentError`."""
    try:
        recipient = load_der_public_key(public_key)
    except Exception:  # noqa: BLE001 - several kinds, all of which say the same
        recipient = None
    if not isinstance(recipient, RSAPublicKey):
        raise InvalidArgumentError("the wrapping key is not an RSA public key")
    if not material:
        raise InvalidArgumentError("there is no material to wrap")
    if wrapping in _WITHOUT_AES:
        if len(material) > _room(recipient, wrapping):
            raise InvalidArgumentError(f"the material is too long for {wrapping}")
        return recipient.encrypt(material, _oaep(wrapping))
    once = secrets.token_bytes(_ONCE_BYTES)
    return recipient.encrypt(once, _oaep(wrapping)) + aes_key_wrap_with_padding(once, material)


def _oaep(wrapping: Wrapping) -> padding.OAEP:
    chosen = _HASHES[wrapping]
    return padding.OAEP(padding.MGF1(chosen), chosen, None)


def _room(recipient: RSAPublicKey, wrapping: Wrapping) -> int:
    """How much fits: RFC 8017, 7.1.1."""
    return recipient.key_size // 8 - 2 * _HASHES[wrapping].digest_size - 2
