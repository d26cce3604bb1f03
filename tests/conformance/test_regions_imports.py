"""boto3: multi-Region keys whose material is imported, Region by Region, as with AWS."""

import datetime as dt

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.conformance.conftest import Regions
from tests.support.aws import bring, refusal

EU, US, AP = "eu-west-1", "us-east-1", "ap-south-1"
ONE, TWO, THREE = (bytes(range(first, first + 32)) for first in range(3))
NEW, EXISTING = {"ImportType": "NEW_KEY_MATERIAL"}, {"ImportType": "EXISTING_KEY_MATERIAL"}
EVERYTHING = {"IncludeKeyMaterial": "ALL_KEY_MATERIAL"}
WAITS = "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"


@pytest.fixture(scope="module")
def kms(boto3, node):
    """The clients of one who may do all there is, by Region."""
    return Regions(boto3, node, eu=EU, us=US, ap=AP).principal("op")


def made(kms, *regions, **how):
    """A key with its first material in the EU, and replicas in those Regions: its id."""
    found = kms[EU].create_key(MultiRegion=True, Origin="EXTERNAL", **how)["KeyMetadata"]
    key = found["KeyId"]
    assert (found["KeyState"], found["MultiRegion"]) == ("PendingImport", True)
    bring(kms[EU], key, ONE)
    for region in regions:
        kms[EU].replicate_key(KeyId=key, ReplicaRegion=region)
    return key


def described(kms, key):
    return kms.describe_key(KeyId=key)["KeyMetadata"]


def states(kms, key, *regions):
    return [described(kms[region], key)["KeyState"] for region in regions]


def materials(kms, key):
    """What ListKeyRotations says of each material: its state, and whether it is there."""
    return [
        (one["KeyMaterialState"], one["ImportState"])
        for one in kms.list_key_rotations(KeyId=key, **EVERYTHING)["Rotations"]
    ]


def test_a_key_is_replicated_when_it_has_its_material(kms):
    found = kms[EU].create_key(MultiRegion=True, Origin="EXTERNAL")["KeyMetadata"]
    key, arn = found["KeyId"], found["Arn"]
    assert key.startswith("mrk-")
    assert found["MultiRegionConfiguration"]["MultiRegionKeyType"] == "PRIMARY"
    said = ("KMSInvalidStateException", f"{arn} is pending import.")
    replicate = {"KeyId": key, "ReplicaRegion": US}
    assert refusal(kms[EU].replicate_key, **replicate) == said
    bring(kms[EU], key, ONE)
    kms[EU].delete_imported_key_material(KeyId=key)
    assert refusal(kms[EU].replicate_key, **replicate) == said
    bring(kms[EU], key, ONE)
    replica = kms[EU].replicate_key(**replicate)["ReplicaKeyMetadata"]
    assert (replica["KeyState"], replica["Origin"], replica["Enabled"]) == (
        "PendingImport", "EXTERNAL", False,
    )  # fmt: skip
    assert "ExpirationModel" not in replica
    assert refusal(kms[EU].update_primary_region, KeyId=key, PrimaryRegion=US)[0] == (
        "KMSInvalidStateException"
    )


def test_the_same_material_and_no_other_brings_a_replica_to_life(kms):
    key = made(kms, US)
    arn = described(kms[US], key)["Arn"]
    sealed = kms[EU].encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    said = ("KMSInvalidStateException", f"{arn} is pending import.")
    assert refusal(kms[US].decrypt, CiphertextBlob=sealed) == said
    assert refusal(kms[US].disable_key, KeyId=key) == said
    for how in ({}, EXISTING):
        wrong = refusal(bring, kms=kms[US], key=key, material=TWO, **how)
        assert wrong[0] == "IncorrectKeyMaterialException"
    assert refusal(bring, kms=kms[US], key=key, material=TWO, **NEW) == (
        "UnsupportedOperationException", f"{arn} is not a multi-region primary key.",
    )  # fmt: skip
    assert states(kms, key, EU, US) == ["Enabled", "PendingImport"]
    end = dt.datetime.now(dt.UTC) + dt.timedelta(days=3)
    taken = bring(kms[US], key, ONE, ValidTo=end)  # no ImportType: as Terraform's provider asks
    there, here = described(kms[US], key), described(kms[EU], key)
    assert taken["KeyMaterialId"] == there["CurrentKeyMaterialId"] == here["CurrentKeyMaterialId"]
    assert abs(there["ValidTo"] - end) < dt.timedelta(milliseconds=2)
    assert "ValidTo" not in here
    opened = kms[US].decrypt(CiphertextBlob=sealed)
    assert (opened["Plaintext"], opened["KeyId"], opened["KeyMaterialId"]) == (
        b"x", arn, taken["KeyMaterialId"],
    )  # fmt: skip
    back = kms[US].encrypt(KeyId=key, Plaintext=b"y")["CiphertextBlob"]
    assert kms[EU].decrypt(CiphertextBlob=back)["Plaintext"] == b"y"


def test_the_states_of_related_keys_are_independent(kms):
    key = made(kms, US)
    bring(kms[US], key, ONE, **EXISTING)
    kms[EU].delete_imported_key_material(KeyId=key)
    assert states(kms, key, EU, US) == ["PendingImport", "Enabled"]
    bring(kms[EU], key, ONE)
    kms[US].delete_imported_key_material(KeyId=key)
    assert states(kms, key, EU, US) == ["Enabled", "PendingImport"]
    kms[US].schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    waiting = kms[EU].schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert waiting["KeyState"] == "PendingReplicaDeletion"
    for region in (EU, US):
        kms[region].cancel_key_deletion(KeyId=key)
    assert states(kms, key, EU, US) == ["Disabled", "PendingImport"]


def test_new_material_is_current_when_it_is_in_every_region(kms):
    key = made(kms, US, AP)
    first = described(kms[EU], key)["CurrentKeyMaterialId"]
    arn = described(kms[EU], key)["Arn"]
    for region in (US, AP):
        bring(kms[region], key, ONE)
    old = kms[US].encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    second = bring(kms[EU], key, TWO, **NEW)["KeyMaterialId"]
    assert materials(kms[EU], key) == [("CURRENT", "IMPORTED"), (WAITS, "IMPORTED")]
    assert materials(kms[US], key) == [("CURRENT", "IMPORTED"), (WAITS, "PENDING_IMPORT")]
    assert states(kms, key, EU, US, AP) == ["Enabled"] * 3
    code, message = refusal(bring, kms=kms[EU], key=key, material=THREE, **NEW)
    assert (code, f"(id: {second}) is pending rotation" in message) == (
        "KMSInvalidStateException", True,
    )  # fmt: skip
    none = ("KMSInvalidStateException",
            f"No available key material pending rotation for the key: {arn}.")  # fmt: skip
    assert refusal(kms[EU].rotate_key_on_demand, KeyId=key) == none
    taken = bring(kms[US], key, TWO, **EXISTING, KeyMaterialId=second, KeyMaterialDescription="b")
    assert taken["KeyMaterialId"] == second
    assert materials(kms[US], key)[1] == (WAITS, "IMPORTED")
    assert refusal(kms[EU].rotate_key_on_demand, KeyId=key) == none
    bring(kms[AP], key, TWO)
    for region in (EU, US, AP):
        assert materials(kms[region], key)[1] == ("PENDING_ROTATION", "IMPORTED")
        assert described(kms[region], key)["CurrentKeyMaterialId"] == first
    assert refusal(kms[US].rotate_key_on_demand, KeyId=key)[0] == "UnsupportedOperationException"
    assert kms[EU].rotate_key_on_demand(KeyId=key)["KeyId"] == arn
    for region in (EU, US, AP):
        assert described(kms[region], key)["CurrentKeyMaterialId"] == second
        assert materials(kms[region], key) == [
            ("NON_CURRENT", "IMPORTED"), ("CURRENT", "IMPORTED"),
        ]  # fmt: skip
        (rotation,) = kms[region].list_key_rotations(KeyId=key)["Rotations"]
        assert rotation["RotationType"] == "ON_DEMAND"
        assert kms[region].decrypt(CiphertextBlob=old)["KeyMaterialId"] == first
    new = kms[AP].encrypt(KeyId=key, Plaintext=b"y")["CiphertextBlob"]
    assert kms[US].decrypt(CiphertextBlob=new)["KeyMaterialId"] == second
    # From now on, each Region needs both.
    kms[US].delete_imported_key_material(KeyId=key, KeyMaterialId=first)
    assert states(kms, key, EU, US, AP) == ["Enabled", "PendingImport", "Enabled"]
    bring(kms[US], key, ONE, KeyMaterialId=first)
    assert states(kms, key, US) == ["Enabled"]


def test_what_waits_is_deleted_everywhere_with_the_primarys_and_only_here_with_a_replicas(kms):
    key = made(kms, US)
    bring(kms[US], key, ONE)
    second = bring(kms[EU], key, TWO, **NEW)["KeyMaterialId"]
    bring(kms[US], key, TWO)
    gone = {"KeyId": key, "KeyMaterialId": second}
    kms[US].delete_imported_key_material(**gone)
    assert materials(kms[EU], key)[1] == (WAITS, "IMPORTED")
    assert materials(kms[US], key)[1] == (WAITS, "PENDING_IMPORT")
    bring(kms[US], key, TWO)
    assert materials(kms[US], key)[1] == ("PENDING_ROTATION", "IMPORTED")
    kms[EU].delete_imported_key_material(**gone)
    for region in (EU, US):
        assert materials(kms[region], key) == [("CURRENT", "IMPORTED")]
        refused = refusal(bring, kms=kms[region], key=key, material=TWO)
        assert refused[0] == "IncorrectKeyMaterialException"
    assert states(kms, key, EU, US) == ["Enabled"] * 2
    third = bring(kms[EU], key, THREE, **NEW)["KeyMaterialId"]
    bring(kms[US], key, THREE)
    kms[EU].rotate_key_on_demand(KeyId=key)
    assert described(kms[US], key)["CurrentKeyMaterialId"] == third


def test_the_primary_moves_and_new_material_comes_there(kms):
    key = made(kms, US)
    bring(kms[US], key, ONE)
    kms[EU].update_primary_region(KeyId=key, PrimaryRegion=US)
    assert refusal(bring, kms=kms[EU], key=key, material=TWO, **NEW)[0] == (
        "UnsupportedOperationException"
    )
    bring(kms[US], key, TWO, **NEW)
    bring(kms[EU], key, TWO)
    kms[US].rotate_key_on_demand(KeyId=key)
    sealed = kms[EU].encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert kms[US].decrypt(CiphertextBlob=sealed)["Plaintext"] == b"x"


@pytest.mark.parametrize(
    ("spec", "usage"), [("ECC_NIST_P256", "SIGN_VERIFY"), ("HMAC_256", "GENERATE_VERIFY_MAC")]
)
def test_pairs_and_mac_keys_have_one_material_in_all_regions(kms, spec, usage):
    how = {"KeySpec": spec, "KeyUsage": usage}
    found = kms[EU].create_key(MultiRegion=True, Origin="EXTERNAL", **how)["KeyMetadata"]
    key, material, other = found["KeyId"], ONE, TWO
    if usage == "SIGN_VERIFY":
        material, other = (
            ec.generate_private_key(ec.SECP256R1()).private_bytes(
                Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
            )
            for _ in range(2)
        )
    bring(kms[EU], key, material)
    kms[EU].replicate_key(KeyId=key, ReplicaRegion=US)
    assert states(kms, key, EU, US) == ["Enabled", "PendingImport"]
    for region in (EU, US):
        wrong = refusal(bring, kms=kms[region], key=key, material=other)
        assert wrong[0] == "IncorrectKeyMaterialException"
    bring(kms[US], key, material)
    ask = {"KeyId": key, "Message": b"x"}
    if usage == "SIGN_VERIFY":
        ask["SigningAlgorithm"] = "ECDSA_SHA_256"
        assert kms[US].verify(**ask, Signature=kms[EU].sign(**ask)["Signature"])["SignatureValid"]
        keys = [kms[region].get_public_key(KeyId=key)["PublicKey"] for region in (EU, US)]
        assert keys[0] == keys[1]
    else:
        ask["MacAlgorithm"] = "HMAC_SHA_256"
        assert kms[US].verify_mac(**ask, Mac=kms[EU].generate_mac(**ask)["Mac"])["MacValid"]


def test_a_disabled_replica_is_enabled_by_the_last_material_that_it_lacked(kms):
    key = made(kms, US)
    bring(kms[US], key, ONE)
    kms[US].disable_key(KeyId=key)
    kms[US].delete_imported_key_material(KeyId=key)
    bring(kms[US], key, ONE)
    assert states(kms, key, EU, US) == ["Enabled", "Enabled"]
