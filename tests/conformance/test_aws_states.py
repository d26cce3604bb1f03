"""boto3: every operation in every state of a key, against AWS's own table of the two.

One deployment for all; each case has a key of its own, so that none depends on another.
"""

import datetime as dt
import uuid

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from strongroom.doors.aws.table import TABLE
from tests.conformance.conftest import REGION
from tests.support.aws import FOREVER, bring, external, parameters, refusal, wrapped

# AWS's table of key states (Developer Guide, "Key states of AWS KMS keys"): ok, or the exception by
# its beginning. "-": AWS's table says nothing, or there is no such key.
EXPECTED = """
    operation                        Enabled Disabled PendingDeletion PendingImport Creating
    Encrypt                          ok      Dis      Inv             Inv           Inv
    Decrypt                          ok      Dis      Inv             Inv           Inv
    ReEncrypt/from                   ok      Dis      Inv             Inv           Inv
    ReEncrypt/to                     ok      Dis      Inv             Inv           Inv
    GenerateDataKey                  ok      Dis      Inv             Inv           Inv
    GenerateDataKeyWithoutPlaintext  ok      Dis      Inv             Inv           Inv
    GenerateDataKeyPair              ok      Dis      Inv             Inv           Inv
    GenerateDataKeyPairWithoutPlaintext ok   Dis      Inv             Inv           Inv
    Sign                             ok      Dis      Inv             Inv           Inv
    Verify                           ok      Dis      Inv             Inv           Inv
    GetPublicKey                     ok      Dis      Inv             Inv           Inv
    GenerateMac                      ok      Dis      Inv             Inv           Inv
    VerifyMac                        ok      Dis      Inv             Inv           Inv
    CreateGrant                      ok      Dis      Inv             Inv           Inv
    DescribeKey                      ok      ok       ok              ok            ok
    GetKeyPolicy                     ok      ok       ok              ok            ok
    ListAliases                      ok      ok       ok              ok            ok
    ListGrants                       ok      ok       ok              ok            ok
    ListKeyPolicies                  ok      ok       ok              ok            ok
    ListKeyRotations                 ok      ok       ok              ok            ok
    ListResourceTags                 ok      ok       ok              ok            ok
    GetKeyLastUsage                  ok      ok       ok              ok            ok
    DeleteAlias                      ok      ok       ok              ok            ok
    CreateAlias                      ok      ok       Inv             ok            ok
    UpdateAlias/from                 ok      ok       ok              ok            ok
    UpdateAlias/to                   ok      ok       Inv             ok            ok
    TagResource                      ok      ok       Inv             ok            ok
    UntagResource                    ok      ok       Inv             ok            ok
    UpdateKeyDescription             ok      ok       Inv             ok            ok
    EnableKey                        ok      ok       Inv             Inv           Inv
    DisableKey                       ok      ok       Inv             Inv           Inv
    ScheduleKeyDeletion              ok      ok       Inv             ok            ok
    CancelKeyDeletion                Inv     Inv      ok              Inv           Inv
    EnableKeyRotation                ok      Dis      Inv             Uns           Inv
    DisableKeyRotation               ok      Dis      Inv             Uns           Inv
    GetKeyRotationStatus             ok      ok       ok              Uns           -
    RotateKeyOnDemand                ok      Dis      Inv             Inv           Inv
    GetParametersForImport           ok      ok       Inv             ok            Inv
    ImportKeyMaterial                ok      ok       Inv             ok            Inv
    DeleteImportedKeyMaterial        ok      ok       ok              ok            Inv
"""
CODES = {
    "Dis": "DisabledException",
    "Inv": "KMSInvalidStateException",
    "Uns": "UnsupportedOperationException",
}
MATERIAL, NEXT = bytes(range(32)), bytes(range(1, 33))
# What lacks any of its materials is in that state as what never had one.
LACKING = "PendingImport/lacking"
PAIR = ec.generate_private_key(ec.SECP256R1()).private_bytes(
    Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
)
SPECS = {
    "Sign": ("ECC_NIST_P256", "SIGN_VERIFY", "ec-p256", "sign-verify"),
    "GenerateMac": ("HMAC_256", "GENERATE_VERIFY_MAC", "hmac-sha256", "mac"),
}
SPECS |= dict.fromkeys(("Verify", "GetPublicKey"), SPECS["Sign"])
SPECS |= {"VerifyMac": SPECS["GenerateMac"]}
SYMMETRIC = ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "aes-256-gcm", "encrypt-decrypt")
OF_IMPORTED = {"GetParametersForImport", "ImportKeyMaterial", "DeleteImportedKeyMaterial"}
SIGNS = {"Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"}
TAGS = {"Message": b"x", "MacAlgorithm": "HMAC_SHA_256"}


def cases():
    head, *rows = (line.split() for line in EXPECTED.strip().splitlines())
    for operation, *expected in rows:
        for state, one in zip(head[1:], expected, strict=True):
            if one != "-":
                yield pytest.param(operation, state, one, id=f"{operation}-{state}")
            if state == "PendingImport":
                yield pytest.param(operation, LACKING, one, id=f"{operation}-{LACKING}")


class Bench:
    """Makes keys in a state, with what the operations take."""

    def __init__(self, account, kms):
        self._account, self._kms = account, kms
        found = kms.create_key()["KeyMetadata"]
        self.other, self.number = found["KeyId"], found["AWSAccountId"]
        self.sealed = kms.encrypt(KeyId=self.other, Plaintext=b"x")["CiphertextBlob"]

    def key(self, operation, state):
        spec, usage, *ours = SPECS.get(operation, SYMMETRIC)
        imported = operation in OF_IMPORTED
        if state == "Creating":
            return self._later(*ours, imported=imported)
        if state == LACKING:
            key = self._rotated(spec, usage)
        elif imported or state == "PendingImport":
            key = external(self._kms, spec, usage)["KeyId"]
            if imported and state != "PendingImport":
                bring(self._kms, key, MATERIAL)
        else:
            key = self._kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]
        return key

    def _rotated(self, spec, usage):
        """An imported key, whose first material is not the current one where that can be."""
        key = external(self._kms, spec, usage)["KeyId"]
        bring(self._kms, key, PAIR if spec == "ECC_NIST_P256" else MATERIAL)
        if spec == "SYMMETRIC_DEFAULT":
            bring(self._kms, key, NEXT, ImportType="NEW_KEY_MATERIAL")
            self._kms.rotate_key_on_demand(KeyId=key)
        return key

    def _later(self, algorithm, purpose, *, imported):
        """A key that is made, and not used before a day that is to come."""
        ask = {
            "name": f"later-{uuid.uuid4().hex}", "algorithm": algorithm, "purpose": purpose,
            "activates": (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat(),
            "origin": "imported" if imported else "generated",
        }  # fmt: skip
        made = self._account.admin.ask("POST", "/v1/keys", ask)
        assert made.status == 201, made
        key = str(uuid.UUID(made.json["id"]))
        if imported:
            bring(self._kms, key, MATERIAL)
        return key

    def asked(self, operation, key):
        """The call, with what it needs made beforehand."""
        return getattr(self, f"_{operation.replace('/', '_')}", self._plain)(operation, key)

    def move(self, key, state):
        if state == "Disabled":
            self._kms.disable_key(KeyId=key)
        elif state == "PendingDeletion":
            self._kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        elif state == LACKING:
            self._kms.delete_imported_key_material(KeyId=key, **self._first(key))
        found = self._kms.describe_key(KeyId=key)["KeyMetadata"]
        assert found["KeyState"] == state.partition("/")[0]

    def _first(self, key):
        if self._kms.describe_key(KeyId=key)["KeyMetadata"]["KeySpec"] != "SYMMETRIC_DEFAULT":
            return {}
        everything = {"KeyId": key, "IncludeKeyMaterial": "ALL_KEY_MATERIAL"}
        first, second = self._kms.list_key_rotations(**everything)["Rotations"]
        assert second["KeyMaterialState"] == "CURRENT"
        return {"KeyMaterialId": first["KeyMaterialId"]}

    def _plain(self, operation, key):
        snake = "".join(f"_{one.lower()}" if one.isupper() else one for one in operation)[1:]
        return getattr(self._kms, snake), {"KeyId": key, **_MEMBERS.get(operation, {})}

    def _blob(self, key):
        """A ciphertext of that key's. One that has never been used could not have made it."""
        return self.sealed[:1] + uuid.UUID(key).bytes + self.sealed[17:]

    def _Decrypt(self, _, key):  # noqa: N802 - as the operation
        return self._kms.decrypt, {"CiphertextBlob": self._sealed_by(key)}

    def _ReEncrypt_from(self, _, key):  # noqa: N802 - as the operation
        how = {"CiphertextBlob": self._sealed_by(key), "DestinationKeyId": self.other}
        return self._kms.re_encrypt, how

    def _ReEncrypt_to(self, _, key):  # noqa: N802 - as the operation
        return self._kms.re_encrypt, {"CiphertextBlob": self.sealed, "DestinationKeyId": key}

    def _sealed_by(self, key):
        if self._kms.describe_key(KeyId=key)["KeyMetadata"]["Enabled"]:
            return self._kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
        return self._blob(key)

    def _Verify(self, _, key):  # noqa: N802 - as the operation
        enabled = self._kms.describe_key(KeyId=key)["KeyMetadata"]["Enabled"]
        signature = self._kms.sign(KeyId=key, **SIGNS)["Signature"] if enabled else b"s" * 64
        return self._kms.verify, {"KeyId": key, "Signature": signature, **SIGNS}

    def _VerifyMac(self, _, key):  # noqa: N802 - as the operation
        enabled = self._kms.describe_key(KeyId=key)["KeyMetadata"]["Enabled"]
        tag = self._kms.generate_mac(KeyId=key, **TAGS)["Mac"] if enabled else b"t" * 32
        return self._kms.verify_mac, {"KeyId": key, "Mac": tag, **TAGS}

    def _alias(self, key=""):
        name = f"alias/{uuid.uuid4().hex[:20]}"
        if key:
            self._kms.create_alias(AliasName=name, TargetKeyId=key)
        return {"AliasName": name}

    def _CreateAlias(self, _, key):  # noqa: N802 - as the operation
        return self._kms.create_alias, {**self._alias(), "TargetKeyId": key}

    def _DeleteAlias(self, _, key):  # noqa: N802 - as the operation
        return self._kms.delete_alias, self._alias(key)

    def _UpdateAlias_from(self, _, key):  # noqa: N802 - as the operation
        return self._kms.update_alias, {**self._alias(key), "TargetKeyId": self.other}

    def _UpdateAlias_to(self, _, key):  # noqa: N802 - as the operation
        return self._kms.update_alias, {**self._alias(self.other), "TargetKeyId": key}

    def _CreateGrant(self, operation, key):  # noqa: N802 - as the operation
        call, how = self._plain(operation, key)
        whom = f"arn:aws:iam::{self.number}:user/admin"
        return call, how | {"GranteePrincipal": whom, "Operations": ["DescribeKey"]}

    def _GetKeyLastUsage(self, operation, key):  # noqa: N802 - as the operation
        arn = f"arn:aws:kms:{REGION}:{self.number}:key/{key}"
        return self._plain(operation, arn)

    def _ImportKeyMaterial(self, _, key):  # noqa: N802 - as the operation
        if self._kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Creating":
            token, blob = b"t" * 30, b"m" * 256
        else:
            begun = parameters(self._kms, key)
            token, blob = begun["ImportToken"], wrapped(begun["PublicKey"], MATERIAL)
        how = {"KeyId": key, "ImportToken": token, "EncryptedKeyMaterial": blob, **FOREVER}
        return self._kms.import_key_material, how


_MEMBERS = {
    "Encrypt": {"Plaintext": b"x"},
    "GenerateDataKey": {"KeySpec": "AES_256"},
    "GenerateDataKeyWithoutPlaintext": {"KeySpec": "AES_256"},
    "GenerateDataKeyPair": {"KeyPairSpec": "ECC_NIST_P256"},
    "GenerateDataKeyPairWithoutPlaintext": {"KeyPairSpec": "ECC_NIST_P256"},
    "GenerateMac": TAGS,
    "GetKeyPolicy": {"PolicyName": "default"},
    "GetParametersForImport": {
        "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048",
    },
    "Sign": SIGNS,
    "TagResource": {"Tags": [{"TagKey": "a", "TagValue": "b"}]},
    "UntagResource": {"TagKeys": ["a"]},
    "UpdateKeyDescription": {"Description": "x"},
}  # fmt: skip


@pytest.fixture(scope="module")
def bench(account, kms):
    return Bench(account, kms)


@pytest.mark.parametrize(("operation", "state", "expected"), list(cases()))
def test_the_state_of_a_key_is_on_the_way_of_every_operation(
    kms, bench, operation, state, expected
):
    if TABLE[operation.partition("/")[0]].serve is None:
        pytest.skip("not served")
    key = bench.key(operation, state)
    call, how = bench.asked(operation, key)
    bench.move(key, state)
    if expected == "ok":
        call(**how)
        return
    code, message = refusal(call, **how)
    assert code == CODES[expected]
    state = state.partition("/")[0]
    arn = f"arn:aws:kms:{REGION}:{bench.number}:key/{key}"
    assert message.startswith(arn)
    words = {"Disabled": "is disabled.", "PendingDeletion": "is pending deletion.",
             "PendingImport": "is pending import."}  # fmt: skip
    if state in words and expected != "Uns" and operation != "CancelKeyDeletion":
        assert message == f"{arn} {words[state]}"
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == state
