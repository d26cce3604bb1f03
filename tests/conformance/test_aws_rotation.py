"""boto3: rotation by itself and on demand, what came of it, and when a key was used last."""

import base64
import datetime as dt
import uuid

import pytest

from tests.conformance.conftest import REGION
from tests.support.aws import bring, external, refusal

ONE, TWO = bytes(range(32)), bytes(range(1, 33))


@pytest.fixture
def key(kms):
    return kms.create_key()["KeyMetadata"]["KeyId"]


def now():
    return dt.datetime.now(dt.UTC)


def test_the_schedule_stands_whatever_is_rotated_on_demand(kms, key):
    status = kms.get_key_rotation_status(KeyId=key)
    assert status["KeyRotationEnabled"] is False
    assert not {"RotationPeriodInDays", "NextRotationDate"} & status.keys()
    kms.enable_key_rotation(KeyId=key)
    status = kms.get_key_rotation_status(KeyId=key)
    assert (status["KeyId"], status["RotationPeriodInDays"]) == (key, 365)
    assert abs(status["NextRotationDate"] - now() - dt.timedelta(days=365)) < dt.timedelta(hours=1)
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=2560)
    planned = kms.get_key_rotation_status(KeyId=key)
    assert planned["RotationPeriodInDays"] == 2560
    kms.rotate_key_on_demand(KeyId=key)
    after = kms.get_key_rotation_status(KeyId=key)
    assert after["NextRotationDate"] == planned["NextRotationDate"]
    assert "OnDemandRotationStartDate" not in after
    long = refusal(kms.enable_key_rotation, KeyId=key, RotationPeriodInDays=2561)
    assert long[0] == "ValidationException"
    kms.schedule_key_deletion(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
    kms.cancel_key_deletion(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is True


def test_a_key_is_rotated_on_demand_25_times_and_all_of_them_are_listed(account, kms, key):
    first = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    for _ in range(25):
        kms.rotate_key_on_demand(KeyId=key)
    arn = kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
    said = (
        "The on-demand rotations limit has been reached for the given keyId. No more on-demand"
        f" rotations can be performed for this key: {arn}"
    )
    assert refusal(kms.rotate_key_on_demand, KeyId=key) == ("LimitExceededException", said)
    # There are more ways to rotate a key, and none of its versions is ever left out.
    path = f"/v1/keys/id:{uuid.UUID(key).hex}/rotate"
    for _ in range(85):
        assert account.admin.ask("POST", path).status == 200
    found, marker, sizes = [], {}, []
    while True:
        page = kms.list_key_rotations(KeyId=key, **marker)
        found += page["Rotations"]
        sizes.append(len(page["Rotations"]))
        if not page["Truncated"]:
            assert "NextMarker" not in page
            break
        marker = {"Marker": page["NextMarker"]}
    assert sizes == [100, 10]
    assert len({one["KeyMaterialId"] for one in found} - {first}) == 110
    assert [one["KeyMaterialState"] for one in found] == ["NON_CURRENT"] * 109 + ["CURRENT"]
    assert {one["RotationType"] for one in found} == {"ON_DEMAND"}
    dates = [one["RotationDate"] for one in found]
    assert dates == sorted(dates)
    assert not {"ImportState", "ExpirationModel", "ValidTo"} & found[0].keys()
    everything = kms.list_key_rotations(
        KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL", Limit=1_000
    )
    assert len(everything["Rotations"]) == 111
    assert everything["Rotations"][0] == {
        "KeyId": key, "KeyMaterialId": first, "KeyMaterialState": "NON_CURRENT",
    }  # fmt: skip
    pages = kms.get_paginator("list_key_rotations").paginate(
        KeyId=key, PaginationConfig={"PageSize": 7}
    )
    assert [one for page in pages for one in page["Rotations"]] == found


def marker_of(after):
    return base64.urlsafe_b64encode(b"strongroom/1 ListKeyRotations " + after).decode()


def test_markers_of_others_and_limits_out_of_bounds_are_refused(kms, key):
    others = kms.list_keys(Limit=1).get("NextMarker") or marker_of(b"x")
    for marker in ("bm9uZQ==", others, marker_of(b"-1")):
        code, _ = refusal(kms.list_key_rotations, KeyId=key, Marker=marker)
        assert code == "InvalidMarkerException"
    assert refusal(kms.list_key_rotations, KeyId=key, Limit=1001)[0] == "ValidationException"
    beyond = marker_of(b"9999999999")  # of ours, and after all that there is
    page = kms.list_key_rotations(KeyId=key, Marker=beyond)
    assert (page["Rotations"], page["Truncated"]) == ([], False)


@pytest.mark.parametrize(
    ("spec", "usage"),
    [("ECC_NIST_P256", "SIGN_VERIFY"), ("HMAC_256", "GENERATE_VERIFY_MAC")],
)
def test_other_keys_do_not_rotate(kms, spec, usage):
    key = kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]
    for call in (
        kms.enable_key_rotation, kms.disable_key_rotation, kms.rotate_key_on_demand,
        kms.list_key_rotations,
    ):  # fmt: skip
        assert refusal(call, KeyId=key)[0] == "UnsupportedOperationException"
    kms.disable_key(KeyId=key)
    for call in (kms.enable_key_rotation, kms.disable_key_rotation, kms.rotate_key_on_demand):
        assert refusal(call, KeyId=key)[0] == "DisabledException"
    for state in (kms.enable_key, kms.disable_key, kms.schedule_key_deletion):
        state(KeyId=key)
        status = kms.get_key_rotation_status(KeyId=key)
        del status["ResponseMetadata"]
        assert status == {"KeyId": key, "KeyRotationEnabled": False}


def test_imported_keys_do_not_rotate_by_themselves(kms):
    found = external(kms)
    bring(kms, found["KeyId"], ONE)
    said = f"{found['Arn']} origin is EXTERNAL which is not valid for this operation."
    for call in (kms.enable_key_rotation, kms.disable_key_rotation, kms.get_key_rotation_status):
        assert refusal(call, KeyId=found["KeyId"]) == ("UnsupportedOperationException", said)


def test_what_expires_is_listed_with_its_end(kms):
    key = external(kms)["KeyId"]
    end = now().replace(microsecond=0) + dt.timedelta(days=5)
    bring(kms, key, ONE, ValidTo=end)
    bring(kms, key, TWO, ImportType="NEW_KEY_MATERIAL", ValidTo=end + dt.timedelta(days=1))
    one, two = kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    assert {one["ExpirationModel"], two["ExpirationModel"]} == {"KEY_MATERIAL_EXPIRES"}
    assert (one["ValidTo"], two["ValidTo"]) == (end, end + dt.timedelta(days=1))
    kms.rotate_key_on_demand(KeyId=key)
    # The earliest end of those that the key needs is the key's.
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["ValidTo"] == end


# --- the last use ---------------------------------------------------------------------------------


def test_a_key_that_was_never_used_says_so(kms, key):
    kms.enable_key_rotation(KeyId=key)
    found = kms.get_key_last_usage(KeyId=key)
    created = kms.describe_key(KeyId=key)["KeyMetadata"]["CreationDate"]
    assert found["KeyLastUsage"] == {}
    assert found["TrackingStartDate"] == found["KeyCreationDate"] == created
    assert found["KeyId"].endswith(f":key/{key}")
    assert refusal(kms.get_key_last_usage, KeyId="alias/x")[0] == "NotFoundException"
    arn = f"arn:aws:kms:{REGION}:{found['KeyId'].split(':')[4]}:key/{uuid.uuid4()}"
    assert refusal(kms.get_key_last_usage, KeyId=arn)[0] == "NotFoundException"


def test_the_last_use_is_named_with_its_request(kms, key):
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    for name, call in (
        ("GenerateDataKey", lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256")),
        ("Decrypt", lambda: kms.decrypt(CiphertextBlob=sealed)),
        ("Encrypt", lambda: kms.encrypt(KeyId=key, Plaintext=b"x")),
    ):
        request = call()["ResponseMetadata"]["RequestId"]
        last = kms.get_key_last_usage(KeyId=key)["KeyLastUsage"]
        assert (last["Operation"], last["CloudTrailEventId"]) == (name, request)
        assert last["KmsRequestId"] == request
        assert abs(last["Timestamp"] - now()) < dt.timedelta(minutes=1)
    # What was refused is no use; what decrypted under the source key is one of it.
    kms.disable_key(KeyId=key)
    refusal(kms.encrypt, KeyId=key, Plaintext=b"x")
    assert kms.get_key_last_usage(KeyId=key)["KeyLastUsage"] == last
    kms.enable_key(KeyId=key)
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    again = kms.re_encrypt(CiphertextBlob=sealed, DestinationKeyId=other)
    for one in (key, other):
        last = kms.get_key_last_usage(KeyId=one)["KeyLastUsage"]
        assert last["Operation"] == "ReEncrypt"
        assert last["CloudTrailEventId"] == again["ResponseMetadata"]["RequestId"]


@pytest.mark.parametrize(
    ("spec", "usage", "call", "how", "name"),
    [
        ("ECC_NIST_P256", "SIGN_VERIFY", "sign",
         {"Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"}, "Sign"),
        ("HMAC_256", "GENERATE_VERIFY_MAC", "generate_mac",
         {"Message": b"x", "MacAlgorithm": "HMAC_SHA_256"}, "GenerateMac"),
        ("ML_KEM_768", "ENCAPSULATE_DECAPSULATE", "encapsulate",
         {"EncapsulationAlgorithm": "ML_KEM"}, "Encapsulate"),
        ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "generate_data_key_pair",
         {"KeyPairSpec": "ECC_NIST_P256"}, "GenerateDataKeyPair"),
    ],
)  # fmt: skip
def test_each_use_has_awss_name(kms, spec, usage, call, how, name):
    key = kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]
    getattr(kms, call)(KeyId=key, **how)
    assert kms.get_key_last_usage(KeyId=key)["KeyLastUsage"]["Operation"] == name
