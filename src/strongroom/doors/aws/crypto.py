"""Encrypt, decrypt, data keys and random bytes, as AWS asks for them."""

from typing import Any, Final

from msgspec import UNSET

from strongroom.domain import asks, envelope, uses
from strongroom.domain.iam import specs
from strongroom.doors.aws import names
from strongroom.doors.aws.errors import validation
from strongroom.doors.aws.metadata import material_id
from strongroom.doors.aws.schemes import scheme_of
from strongroom.doors.aws.visitor import Visitor

Given = dict[str, Any]

_DATA_KEY_BYTES: Final = {"AES_256": 32, "AES_128": 16}


async def encrypt(at: Visitor, given: Given) -> Given:
    """Encrypt."""
    name, algorithm = given["KeyId"], given.get("EncryptionAlgorithm", specs.SYMMETRIC)
    if algorithm == specs.SYMMETRIC:
        ask = asks.Encrypt(plaintext=given["Plaintext"], context=_context(given))
        answer = await at.use("key.encrypt", ask, name, specs.ENCRYPT, algorithm)
        if not answer.ciphertext.startswith(envelope.FORMAT):
            # Of an RSA key, that is: by its default scheme, which nobody asked for.
            await at.require(name, specs.ENCRYPT, algorithm)
        arn = at.place.key(at.key_of(answer.ciphertext))
    else:
        _no_context(given, algorithm)
        ask = asks.Encrypt(plaintext=given["Plaintext"], scheme=scheme_of(algorithm))
        answer = await at.use("key.encrypt", ask, name, specs.ENCRYPT, algorithm)
        arn = await at.arn(name)
    return {"CiphertextBlob": answer.ciphertext, "KeyId": arn, "EncryptionAlgorithm": algorithm}


async def decrypt(at: Visitor, given: Given) -> Given:
    """Decrypt. A symmetric ciphertext names its key; an asymmetric one does not."""
    name, algorithm = given.get("KeyId", ""), given.get("EncryptionAlgorithm", specs.SYMMETRIC)
    if "CiphertextBlob" not in given:
        raise validation("CiphertextBlob is required.")
    blob = given["CiphertextBlob"]
    if algorithm == specs.SYMMETRIC:
        key_id = at.key_of(blob)
        if name:
            await at.require_same(name, key_id)
        ask = asks.Decrypt(ciphertext=blob, context=_context(given))
        answer = await at.ask("key.decrypt", ask, names.uuid(key_id))
        arn = at.place.key(key_id)
    else:
        if not name:
            raise validation("KeyId is required for asymmetric decryption.")
        _no_context(given, algorithm)
        ask = asks.Decrypt(ciphertext=blob, scheme=scheme_of(algorithm))
        answer = await at.use("key.decrypt", ask, name, specs.ENCRYPT, algorithm)
        arn = await at.arn(name)
    found = {"Plaintext": answer.plaintext, "KeyId": arn, "EncryptionAlgorithm": algorithm}
    if algorithm == specs.SYMMETRIC:
        found["KeyMaterialId"] = material_id(at.key_of(blob), answer.key_version)
    return found


async def generate_data_key(at: Visitor, given: Given) -> Given:
    """GenerateDataKey."""
    return await _data_key(at, given, with_plaintext=True)


async def generate_data_key_without_plaintext(at: Visitor, given: Given) -> Given:
    """GenerateDataKeyWithoutPlaintext."""
    return await _data_key(at, given, with_plaintext=False)


async def generate_random(at: Visitor, given: Given) -> Given:
    """GenerateRandom."""
    if "NumberOfBytes" not in given:
        raise validation("NumberOfBytes is required.")
    answer = await at.ask("random.generate", uses.GenerateRandom(bytes=given["NumberOfBytes"]))
    return {"Plaintext": answer.random}


async def _data_key(at: Visitor, given: Given, *, with_plaintext: bool) -> Given:
    if ("KeySpec" in given) is ("NumberOfBytes" in given):
        raise validation("Please specify either number of bytes or key spec.")
    size = _DATA_KEY_BYTES.get(given.get("KeySpec", "")) or given["NumberOfBytes"]
    ask = uses.GenerateDataKey(bytes=size, context=_context(given), with_plaintext=with_plaintext)
    answer = await at.use(
        "key.generate-data-key", ask, given["KeyId"], specs.ENCRYPT, specs.SYMMETRIC
    )
    made = {
        "CiphertextBlob": answer.ciphertext,
        "KeyId": at.place.key(at.key_of(answer.ciphertext)),
        "KeyMaterialId": material_id(at.key_of(answer.ciphertext), answer.key_version),
    }  # fmt: skip
    if answer.plaintext is not UNSET:
        made["Plaintext"] = answer.plaintext
    return made


def _context(given: Given) -> dict[str, str]:
    context: dict[str, str] = given.get("EncryptionContext", {})
    return context


def _no_context(given: Given, algorithm: str) -> None:
    if given.get("EncryptionContext"):
        raise validation(f"An encryption context does not go with {algorithm}.")
