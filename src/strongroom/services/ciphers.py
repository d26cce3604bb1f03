"""Keys of the default algorithm: those whose ciphertexts, of format 1, say what they are."""

from typing import cast

from strongroom.domain.algorithms import DEFAULT, Purpose
from strongroom.domain.errors import InvalidRequest
from strongroom.domain.lifecycle import Use
from strongroom.ports.provider import Cipher
from strongroom.services.authorize import Permit
from strongroom.services.facts import VersionFact
from strongroom.services.keyring import Keyring


async def cipher_version(
    keyring: Keyring, permit: Permit, use: Use, number: int | None = None
) -> VersionFact:
    """A version of the permit's key, as `Keyring.usable`.

    Raises `InvalidRequest`, too, for a key of another algorithm.
    """
    version = await keyring.usable(permit, use, number, purpose=Purpose.ENCRYPT_DECRYPT)
    if version.body.algorithm is not DEFAULT:
        raise InvalidRequest(f"the key is of {version.body.algorithm}; this needs one of {DEFAULT}")
    return version


def encrypted(
    permit: Permit, version: VersionFact, plaintext: bytes, context: dict[str, str]
) -> bytes:
    """A ciphertext of format 1 under this version of the permit's key."""
    key_id = permit.known_key().cipher_id
    return cipher(version).encrypt(key_id, version.number, plaintext, context)


def cipher(version: VersionFact) -> Cipher:
    """The handle, of a version that `cipher_version` returned."""
    return cast("Cipher", version.handle)
