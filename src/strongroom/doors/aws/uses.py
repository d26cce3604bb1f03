"""Sign, verify, MAC, agree, encapsulate, key pairs: what is done with keys beside encrypting."""

from typing import Any, Final

from msgspec import UNSET

from strongroom.domain import uses as ours
from strongroom.domain.algorithms import ALGORITHMS, Kind, Scheme
from strongroom.domain.iam import specs
from strongroom.doors.aws import states
from strongroom.doors.aws.errors import AWSError, validation
from strongroom.doors.aws.metadata import material_id
from strongroom.doors.aws.schemes import scheme_of
from strongroom.doors.aws.visitor import Visitor

Given = dict[str, Any]

_MU_BYTES: Final = 64
_ED25519: Final = "ED25519_SHA_512"
_ED25519PH: Final = "ED25519_PH_SHA_512"
_ML_DSA: Final = "ML_DSA_SHAKE_256"


class _Signing:
    """What is signed, as our operations take it."""

    def __init__(self, given: Given) -> None:
        self.algorithm: str = given["SigningAlgorithm"]
        scheme = scheme_of(self.algorithm)
        kind, message = given.get("MessageType", "RAW"), given["Message"]
        self.parts: dict[str, Any] = {"scheme": scheme}
        if kind == "RAW":
            _no(self.algorithm == _ED25519PH, f"{self.algorithm} takes the MessageType DIGEST.")
            self.parts["message"] = message
        elif kind == "EXTERNAL_MU":
            _no(self.algorithm != _ML_DSA, f"EXTERNAL_MU does not go with {self.algorithm}.")
            _no(len(message) != _MU_BYTES, "An external mu is of 64 bytes.")
            self.parts |= {"digest": message, "scheme": Scheme.ML_DSA_MU}
        else:
            _no(self.algorithm in (_ED25519, _ML_DSA), f"{self.algorithm} takes no digest.")
            wanted = specs.DIGEST_BYTES[self.algorithm[-3:]]
            said = f"Digest is invalid length for algorithm {self.algorithm}."
            _no(len(message) != wanted, said)
            # Of this one AWS hashes the digest again.
            self.parts["message" if self.algorithm == _ED25519PH else "digest"] = message


async def sign(at: Visitor, given: Given) -> Given:
    """Sign."""
    signing = _Signing(given)
    answer = await at.use(
        "key.sign", ours.Sign(**signing.parts), given["KeyId"], specs.SIGN, signing.algorithm
    )
    return {
        "KeyId": await at.arn(given["KeyId"]), "Signature": answer.signature,
        "SigningAlgorithm": signing.algorithm,
    }  # fmt: skip


async def verify(at: Visitor, given: Given) -> Given:
    """Verify. A wrong signature is an error here, never an answer."""
    signing = _Signing(given)
    ask = ours.Verify(signature=given["Signature"], **signing.parts)
    answer = await at.use("key.verify", ask, given["KeyId"], specs.SIGN, signing.algorithm)
    if not answer.valid:
        raise AWSError("KMSInvalidSignatureException")
    return {
        "KeyId": await at.arn(given["KeyId"]), "SignatureValid": True,
        "SigningAlgorithm": signing.algorithm,
    }  # fmt: skip


async def generate_mac(at: Visitor, given: Given) -> Given:
    """GenerateMac."""
    name, algorithm = given["KeyId"], given["MacAlgorithm"]
    await at.require(name, specs.MAC, algorithm)
    answer = await at.use("key.mac", ours.MAC(message=given["Message"]), name, specs.MAC, algorithm)
    return {"Mac": answer.tag, "MacAlgorithm": algorithm, "KeyId": await at.arn(name)}


async def verify_mac(at: Visitor, given: Given) -> Given:
    """VerifyMac. A wrong one is an error here, never an answer."""
    name, algorithm = given["KeyId"], given["MacAlgorithm"]
    await at.require(name, specs.MAC, algorithm)
    tag = given["Mac"][:_MU_BYTES]  # no tag is longer, and one that was cut is wrong
    ask = ours.VerifyMAC(message=given["Message"], tag=tag)
    answer = await at.use("key.verify-mac", ask, name, specs.MAC, algorithm)
    if not answer.valid or tag != given["Mac"]:
        raise AWSError("KMSInvalidMacException")
    return {"KeyId": await at.arn(name), "MacValid": True, "MacAlgorithm": algorithm}


async def get_public_key(at: Visitor, given: Given) -> Given:
    """GetPublicKey."""
    name = given["KeyId"]
    view = await at.view(name)
    states.require(view, at.place, "Enabled")
    arn = at.place.key(bytes.fromhex(view.id))
    spec, usage = specs.spec_of(view.algorithm), specs.usage_of(view.purpose)
    if ALGORITHMS[view.algorithm].kind is not Kind.ASYMMETRIC:
        said = f"{arn} key spec is {spec} which is not valid for this operation."
        raise AWSError("UnsupportedOperationException", said)
    found = await at.ask("key.read-public-key", ours.ReadPublicKey(), name)
    return {
        "KeyId": arn, "PublicKey": found.der,
        "CustomerMasterKeySpec": spec, "KeySpec": spec, "KeyUsage": usage,
        specs.LISTED_AS[usage]: specs.SPECS[spec].usages[usage],
    }  # fmt: skip


async def derive_shared_secret(at: Visitor, given: Given) -> Given:
    """DeriveSharedSecret."""
    name, algorithm = given["KeyId"], given["KeyAgreementAlgorithm"]
    ask = ours.Agree(public_key=given["PublicKey"])
    answer = await at.use("key.agree", ask, name, specs.AGREE, algorithm)
    view = await at.view(name)
    return {
        "KeyId": at.place.key(bytes.fromhex(view.id)), "SharedSecret": answer.shared_secret,
        "KeyAgreementAlgorithm": algorithm, "KeyOrigin": "AWS_KMS",
    }  # fmt: skip


async def encapsulate(at: Visitor, given: Given) -> Given:
    """Encapsulate."""
    name, algorithm = given["KeyId"], given["EncapsulationAlgorithm"]
    ask = ours.Encapsulate(scheme=specs.SCHEMES[algorithm])
    answer = await at.use("key.encapsulate", ask, name, specs.ENCAPSULATE, algorithm)
    return {
        "KeyId": await at.arn(name), "SharedSecret": answer.shared_secret,
        "SharedSecretCiphertextBlob": answer.ciphertext, "EncapsulationAlgorithm": algorithm,
    }  # fmt: skip


async def decapsulate(at: Visitor, given: Given) -> Given:
    """Decapsulate."""
    name, algorithm = given["KeyId"], given["EncapsulationAlgorithm"]
    blob = given["SharedSecretCiphertextBlob"]
    ask = ours.Decapsulate(ciphertext=blob, scheme=specs.SCHEMES[algorithm])
    answer = await at.use("key.decapsulate", ask, name, specs.ENCAPSULATE, algorithm)
    return {
        "KeyId": await at.arn(name), "SharedSecret": answer.shared_secret,
        "EncapsulationAlgorithm": algorithm,
    }  # fmt: skip


async def generate_data_key_pair(at: Visitor, given: Given) -> Given:
    """GenerateDataKeyPair."""
    return await _pair(at, given, with_plaintext=True)


async def generate_data_key_pair_without_plaintext(at: Visitor, given: Given) -> Given:
    """GenerateDataKeyPairWithoutPlaintext."""
    return await _pair(at, given, with_plaintext=False)


async def _pair(at: Visitor, given: Given, *, with_plaintext: bool) -> Given:
    spec = given["KeyPairSpec"]
    if spec not in specs.SPECS:
        raise AWSError("UnsupportedOperationException", f"{spec} is not served.")
    ask = ours.GenerateDataKeyPair(
        algorithm=specs.SPECS[spec].algorithm, context=given.get("EncryptionContext", {}),
        with_plaintext=with_plaintext,
    )  # fmt: skip
    answer = await at.use(
        "key.generate-data-key-pair", ask, given["KeyId"], specs.ENCRYPT, specs.SYMMETRIC
    )
    made = {
        "PrivateKeyCiphertextBlob": answer.ciphertext, "PublicKey": answer.public_key,
        "KeyId": at.place.key(answer.ciphertext[1:17]), "KeyPairSpec": spec,
        "KeyMaterialId": material_id(answer.ciphertext[1:17], answer.key_version),
    }  # fmt: skip
    if answer.private_key is not UNSET:
        made["PrivateKeyPlaintext"] = answer.private_key
    return made


async def re_encrypt(at: Visitor, given: Given) -> Given:
    """ReEncrypt, between symmetric keys: the plaintext stays in the custodian."""
    for which in ("SourceEncryptionAlgorithm", "DestinationEncryptionAlgorithm"):
        if given.get(which, specs.SYMMETRIC) != specs.SYMMETRIC:
            raise AWSError("UnsupportedOperationException", f"{which}: only {specs.SYMMETRIC}.")
    blob = given["CiphertextBlob"]
    source = at.key_of(blob)
    if "SourceKeyId" in given:
        await at.require_same(given["SourceKeyId"], source)
    ask = ours.ReEncrypt(
        ciphertext=blob, context=given.get("SourceEncryptionContext", {}),
        new_context=given.get("DestinationEncryptionContext", {}),
    )  # fmt: skip
    answer = await at.use(
        "key.re-encrypt", ask, given["DestinationKeyId"], specs.ENCRYPT, specs.SYMMETRIC,
        source=at.place.key(source),
    )  # fmt: skip
    key_id = at.key_of(answer.ciphertext)
    return {
        "CiphertextBlob": answer.ciphertext,
        "SourceKeyId": at.place.key(source),
        "KeyId": at.place.key(key_id),
        "SourceEncryptionAlgorithm": specs.SYMMETRIC,
        "DestinationEncryptionAlgorithm": specs.SYMMETRIC,
        "SourceKeyMaterialId": material_id(source, answer.source_version),
        "DestinationKeyMaterialId": material_id(key_id, answer.key_version),
    }


def _no(wrong: bool, said: str) -> None:  # noqa: FBT001 - a condition
    if wrong:
        raise validation(said)
