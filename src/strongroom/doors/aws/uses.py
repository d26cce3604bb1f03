"""Sign, verify, MAC, agree, encapsulate, key pairs: what is done with keys beside encrypting."""

from typing import Any, Final

from msgspec import UNSET

from strongroom.domain import uses as ours
from strongroom.domain.algorithms import Scheme
from strongroom.domain.calls import Terms
from strongroom.domain.errors import InvalidRequest
from strongroom.domain.iam import specs
from strongroom.domain.things import Origin
from strongroom.doors.aws import names
from strongroom.doors.aws.errors import AWSError, validation
from strongroom.doors.aws.metadata import material_id, spec_and_usage
from strongroom.doors.aws.needs import PUBLISHED, Need, context_of
from strongroom.doors.aws.schemes import scheme_of
from strongroom.doors.aws.visitor import Visitor

Given = dict[str, Any]

_MU_BYTES: Final = 64
_TAG_BYTES_MAX: Final = 64
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
    need = Need(specs.SIGN, signing.algorithm)
    answer, key, _ = await at.use("key.sign", ours.Sign(**signing.parts), given["KeyId"], need)
    return {
        "KeyId": at.place.key(key.id), "Signature": answer.signature,
        "SigningAlgorithm": signing.algorithm,
    }  # fmt: skip


async def verify(at: Visitor, given: Given) -> Given:
    """Verify. A wrong signature is an error here, never an answer."""
    signing = _Signing(given)
    ask = ours.Verify(signature=given["Signature"], **signing.parts)
    need = Need(specs.SIGN, signing.algorithm)
    answer, key, _ = await at.use("key.verify", ask, given["KeyId"], need)
    if not answer.valid:
        raise AWSError("KMSInvalidSignatureException")
    return {
        "KeyId": at.place.key(key.id), "SignatureValid": True,
        "SigningAlgorithm": signing.algorithm,
    }  # fmt: skip


async def generate_mac(at: Visitor, given: Given) -> Given:
    """GenerateMac."""
    algorithm, ask = given["MacAlgorithm"], ours.MAC(message=given["Message"])
    answer, key, _ = await at.use("key.mac", ask, given["KeyId"], Need(specs.MAC, algorithm))
    return {"Mac": answer.tag, "MacAlgorithm": algorithm, "KeyId": at.place.key(key.id)}


async def verify_mac(at: Visitor, given: Given) -> Given:
    """VerifyMac. A wrong one is an error here, never an answer."""
    algorithm, tag = given["MacAlgorithm"], given["Mac"]
    # No tag is longer: such a one is as wrong as one without a byte.
    ask = ours.VerifyMAC(message=given["Message"], tag=tag if len(tag) <= _TAG_BYTES_MAX else b"")
    answer, key, _ = await at.use("key.verify-mac", ask, given["KeyId"], Need(specs.MAC, algorithm))
    if not answer.valid:
        raise AWSError("KMSInvalidMacException")
    return {"KeyId": at.place.key(key.id), "MacValid": True, "MacAlgorithm": algorithm}


async def get_public_key(at: Visitor, given: Given) -> Given:
    """GetPublicKey."""
    name, ask = given["KeyId"], ours.ReadPublicKey()
    terms = Terms(key=PUBLISHED, whole=True)
    reply = await at.reply("key.read-public-key", ask, names.target(name, at.place), terms)
    if reply.code == InvalidRequest.code and reply.key is not None:
        arn = at.place.key(reply.key.id)
        spec, _ = spec_and_usage(reply.key.algorithm, reply.key.purpose, arn)
        said = f"{arn} key spec is {spec} which is not valid for this operation."
        raise AWSError("UnsupportedOperationException", said)
    found, key, _ = at.used("key.read-public-key", reply, name, None)
    arn = at.place.key(key.id)
    spec, usage = spec_and_usage(key.algorithm, key.purpose, arn)
    return {
        "KeyId": arn, "PublicKey": found.der,
        "CustomerMasterKeySpec": spec, "KeySpec": spec, "KeyUsage": usage,
        specs.LISTED_AS[usage]: specs.SPECS[spec].usages[usage],
    }  # fmt: skip


async def derive_shared_secret(at: Visitor, given: Given) -> Given:
    """DeriveSharedSecret."""
    algorithm, ask = given["KeyAgreementAlgorithm"], ours.Agree(public_key=given["PublicKey"])
    answer, key, _ = await at.use("key.agree", ask, given["KeyId"], Need(specs.AGREE, algorithm))
    return {
        "KeyId": at.place.key(key.id), "SharedSecret": answer.shared_secret,
        "KeyAgreementAlgorithm": algorithm,
        "KeyOrigin": "EXTERNAL" if key.origin is Origin.IMPORTED else "AWS_KMS",
    }  # fmt: skip


async def encapsulate(at: Visitor, given: Given) -> Given:
    """Encapsulate."""
    algorithm = given["EncapsulationAlgorithm"]
    ask, need = (
        ours.Encapsulate(scheme=specs.SCHEMES[algorithm]),
        Need(specs.ENCAPSULATE, algorithm),
    )
    answer, key, _ = await at.use("key.encapsulate", ask, given["KeyId"], need)
    return {
        "KeyId": at.place.key(key.id), "SharedSecret": answer.shared_secret,
        "SharedSecretCiphertextBlob": answer.ciphertext, "EncapsulationAlgorithm": algorithm,
    }  # fmt: skip


async def decapsulate(at: Visitor, given: Given) -> Given:
    """Decapsulate."""
    algorithm, blob = given["EncapsulationAlgorithm"], given["SharedSecretCiphertextBlob"]
    ask = ours.Decapsulate(ciphertext=blob, scheme=specs.SCHEMES[algorithm])
    need = Need(specs.ENCAPSULATE, algorithm)
    answer, key, _ = await at.use("key.decapsulate", ask, given["KeyId"], need)
    return {
        "KeyId": at.place.key(key.id), "SharedSecret": answer.shared_secret,
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
    need = Need(specs.ENCRYPT, specs.SYMMETRIC)
    ask = ours.GenerateDataKeyPair(
        algorithm=specs.SPECS[spec].algorithm,
        context=context_of(given, "EncryptionContext", need),
        with_plaintext=with_plaintext,
    )
    answer, key, _ = await at.use("key.generate-data-key-pair", ask, given["KeyId"], need)
    made = {
        "PrivateKeyCiphertextBlob": answer.ciphertext, "PublicKey": answer.public_key,
        "KeyId": at.place.key(key.id), "KeyPairSpec": spec,
        "KeyMaterialId": material_id(key.id, answer.key_version),
    }  # fmt: skip
    if answer.private_key is not UNSET:
        made["PrivateKeyPlaintext"] = answer.private_key
    return made


def _no(wrong: bool, said: str) -> None:  # noqa: FBT001 - a condition
    if wrong:
        raise validation(said)
