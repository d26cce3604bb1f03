"""What tests of the AWS door do with AWS's client."""

import os

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from cryptography.hazmat.primitives.serialization import load_der_public_key

FOREVER = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
KWP = "RSA_AES_KEY_WRAP_SHA_256"


def refusal(call, **how):
    """The code and message of a call that is refused."""
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as info:
        call(**how)
    error = info.value.response["Error"]
    assert info.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return error["Code"], error.get("Message", "")


def external(kms, spec="SYMMETRIC_DEFAULT", usage="ENCRYPT_DECRYPT"):
    """A key that waits for its material."""
    return kms.create_key(Origin="EXTERNAL", KeySpec=spec, KeyUsage=usage)["KeyMetadata"]


def parameters(kms, key, *, algorithm=KWP, size="RSA_2048"):
    """What an import begins with."""
    return kms.get_parameters_for_import(
        KeyId=key, WrappingAlgorithm=algorithm, WrappingKeySpec=size
    )


def wrapped(public, material, algorithm=KWP):
    """Material as AWS's documentation says to wrap it, by another's code."""
    digest = hashes.SHA1() if algorithm.endswith("SHA_1") else hashes.SHA256()  # noqa: S303 - AWS has it
    oaep = padding.OAEP(padding.MGF1(digest), digest, None)
    recipient = load_der_public_key(public)
    if algorithm.startswith("RSAES"):
        return recipient.encrypt(material, oaep)
    once = os.urandom(32)
    return recipient.encrypt(once, oaep) + aes_key_wrap_with_padding(once, material)


def bring(kms, key, material, *, algorithm=KWP, size="RSA_2048", **how):
    """One import, from its beginning."""
    begun = parameters(kms, key, algorithm=algorithm, size=size)
    if "ValidTo" not in how:
        how = FOREVER | how
    return kms.import_key_material(
        KeyId=key, ImportToken=begun["ImportToken"],
        EncryptedKeyMaterial=wrapped(begun["PublicKey"], material, algorithm), **how,
    )  # fmt: skip
