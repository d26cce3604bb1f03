"""Encrypt, decrypt, data keys and random bytes, as AWS asks for them."""

from typing import Any, Final

from msgspec import UNSET, UnsetType

from strongroom.domain import asks, uses
from strongroom.domain.algorithms import ALGORITHMS, Scheme
from strongroom.domain.calls import About, Terms
from strongroom.domain.errors import InvalidCiphertext, InvalidRequest, NotAllowed
from strongroom.domain.iam import specs
from strongroom.doors.aws import names
from strongroom.doors.aws.errors import validation
from strongroom.doors.aws.metadata import material_id
from strongroom.doors.aws.needs import Need, context_of
from strongroom.doors.aws.schemes import scheme_of
from strongroom.doors.aws.visitor import Visitor, key_of

Given = dict[str, Any]

_DATA_KEY_BYTES: Final = {"AES_256": 32, "AES_128": 16}
_OAEP_DIGEST_BYTES: Final = {"RSAES_OAEP_SHA_1": 20, "RSAES_OAEP_SHA_256": 32}
_UNSEEN: Final = "IGNORE_CIPHERTEXT"
# What a custodian says to a ciphertext that is of another key than the named one, or even of
# another kind.
_ANOTHER_KEY: Final = frozenset({InvalidCiphertext.code, InvalidRequest.code})


async def encrypt(at: Visitor, given: Given) -> Given:
    """Encrypt."""
    need = Need(specs.ENCRYPT, given.get("EncryptionAlgorithm", specs.SYMMETRIC))
    context = context_of(given, "EncryptionContext", need)
    ask = asks.Encrypt(plaintext=given["Plaintext"], context=context, scheme=_scheme(need))
    target = names.target(given["KeyId"], at.place)
    reply = await at.reply("key.encrypt", ask, target, need.terms(dry=at.dry))
    if reply.code == InvalidRequest.code and reply.key is not None:
        at.require(reply.key, need)
        _require_short(reply.key, need, given["Plaintext"])
    answer, key, _ = at.used("key.encrypt", reply, given["KeyId"], need)
    return {
        "CiphertextBlob": answer.ciphertext, "KeyId": at.place.key(key.id),
        "EncryptionAlgorithm": need.algorithm,
    }  # fmt: skip


async def decrypt(at: Visitor, given: Given) -> Given:
    """Decrypt. A symmetric ciphertext names its key; an asymmetric one does not."""
    name = given.get("KeyId", "")
    need = Need(specs.ENCRYPT, given.get("EncryptionAlgorithm", specs.SYMMETRIC))
    context = context_of(given, "EncryptionContext", need)
    blob, unseen = _ciphertext(given, name, "KeyId", need)
    ask = asks.Decrypt(ciphertext=blob, context=context, scheme=_scheme(need))
    target = names.target(name, at.place) if name else ""
    terms = Terms(key=need.expected, dry=at.dry, unseen=unseen, whole=True)
    reply = await at.reply("key.decrypt", ask, target, terms)
    if reply.code in _ANOTHER_KEY and need.algorithm == specs.SYMMETRIC:
        at.require_of(reply.key, blob)
    named = name or names.uuid(key_of(blob) or bytes(16))
    answer, key, _ = at.used("key.decrypt", reply, named, need)
    found = {
        "Plaintext": answer.plaintext, "KeyId": at.place.key(key.id),
        "EncryptionAlgorithm": need.algorithm,
    }  # fmt: skip
    if need.algorithm == specs.SYMMETRIC:
        found["KeyMaterialId"] = material_id(key.id, answer.key_version)
    return found


async def re_encrypt(at: Visitor, given: Given) -> Given:
    """ReEncrypt: the plaintext stays in the custodian."""
    name = given.get("SourceKeyId", "")
    old = Need(specs.ENCRYPT, given.get("SourceEncryptionAlgorithm", specs.SYMMETRIC))
    new = Need(specs.ENCRYPT, given.get("DestinationEncryptionAlgorithm", specs.SYMMETRIC))
    blob, unseen = _ciphertext(given, name, "SourceKeyId", old)
    ask = uses.ReEncrypt(
        ciphertext=blob,
        context=context_of(given, "SourceEncryptionContext", old),
        new_context=context_of(given, "DestinationEncryptionContext", new),
        scheme=_scheme(new),
        source_key=names.target(name, at.place) if name else "",
        source_scheme=_scheme(old),
    )
    target = names.target(given["DestinationKeyId"], at.place)
    terms = Terms(key=new.expected, source=old.expected, dry=at.dry, unseen=unseen, whole=True)
    reply = await at.reply("key.re-encrypt", ask, target, terms)
    if reply.code == NotAllowed.code:
        source_id = names.id_in(ask.source_key) if name else key_of(blob)
        if reply.source is None:
            raise at.denied("ReEncryptFrom", source_id)
        if reply.key is None:
            raise at.denied("ReEncryptTo", names.id_in(target))
    if reply.code and reply.source is not None:
        if reply.code in _ANOTHER_KEY and old.algorithm == specs.SYMMETRIC:
            at.require_of(reply.source, blob)
        if reply.code == InvalidRequest.code:
            at.require(reply.source, old)
    # Of two names it is the source's that is unknown, where the other is of a key.
    missing = name if name and reply.key is not None else given["DestinationKeyId"]
    answer, key, source = at.used("key.re-encrypt", reply, missing, new)
    if source is None:
        raise RuntimeError("a ciphertext was opened, and nobody says with which key")
    made = {
        "CiphertextBlob": answer.ciphertext,
        "SourceKeyId": at.place.key(source.id),
        "KeyId": at.place.key(key.id),
        "SourceEncryptionAlgorithm": old.algorithm,
        "DestinationEncryptionAlgorithm": new.algorithm,
    }
    if old.algorithm == specs.SYMMETRIC:
        made["SourceKeyMaterialId"] = material_id(source.id, answer.source_version)
    if new.algorithm == specs.SYMMETRIC:
        made["DestinationKeyMaterialId"] = material_id(key.id, answer.key_version)
    return made


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
    need = Need(specs.ENCRYPT, specs.SYMMETRIC)
    context = context_of(given, "EncryptionContext", need)
    ask = uses.GenerateDataKey(bytes=size, context=context, with_plaintext=with_plaintext)
    answer, key, _ = await at.use("key.generate-data-key", ask, given["KeyId"], need)
    made = {
        "CiphertextBlob": answer.ciphertext, "KeyId": at.place.key(key.id),
        "KeyMaterialId": material_id(key.id, answer.key_version),
    }  # fmt: skip
    if answer.plaintext is not UNSET:
        made["Plaintext"] = answer.plaintext
    return made


def _ciphertext(given: Given, name: str, member: str, need: Need) -> tuple[bytes, bool]:
    """The ciphertext, and whether it is not to be looked at. Raises `AWSError`.

    `name`, in that member, is the key's that it is of.
    """
    unseen = _UNSEEN in given.get("DryRunModifiers", ())
    if not unseen and "CiphertextBlob" not in given:
        raise validation("CiphertextBlob is required.")
    if unseen and not name:
        raise validation(f"{member} is required when the ciphertext is ignored.")
    if need.algorithm != specs.SYMMETRIC and not name:
        raise validation(f"{member} is required for asymmetric decryption.")
    return b"" if unseen else given["CiphertextBlob"], unseen


def _require_short(key: About, need: Need, plaintext: bytes) -> None:
    """Raises `AWSError` for more than fits in OAEP with a key of this size (RFC 8017, 7.1.1)."""
    hashed = _OAEP_DIGEST_BYTES.get(need.algorithm)
    if hashed is None:
        return
    most = ALGORITHMS[key.algorithm].bits // 8 - 2 * hashed - 2
    if len(plaintext) > most:
        raise validation(
            f"Algorithm {need.algorithm} and key spec {specs.spec_of(key.algorithm)} cannot encrypt"
            f" data larger than {most} bytes."
        )


def _scheme(need: Need) -> Scheme | UnsetType:
    return UNSET if need.algorithm == specs.SYMMETRIC else scheme_of(need.algorithm)
