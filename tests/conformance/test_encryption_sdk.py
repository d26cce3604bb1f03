"""AWS's Encryption SDK for Python, unchanged: master key providers, and its library's keyrings.

It makes and opens messages by itself, and has Strongroom make and open their data keys.
"""

import hashlib
import io
import os
import re
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization

from tests.conformance.conftest import Regions, forget, node_modules
from tests.support import clients
from tests.support.tree import ROOT

TEXT = bytes(range(200))  # a frame of 128 bytes, and the last
CONTEXT = {"tenant": "a", "purpose": "cards"}
REGION = "us-east-1"  # of the environment of development
ELSEWHERE = "eu-west-1"
SUITES = [
    "AES_128_GCM_IV12_TAG16", "AES_192_GCM_IV12_TAG16", "AES_256_GCM_IV12_TAG16",
    "AES_128_GCM_IV12_TAG16_HKDF_SHA256", "AES_192_GCM_IV12_TAG16_HKDF_SHA256",
    "AES_256_GCM_IV12_TAG16_HKDF_SHA256", "AES_128_GCM_IV12_TAG16_HKDF_SHA256_ECDSA_P256",
    "AES_192_GCM_IV12_TAG16_HKDF_SHA384_ECDSA_P384",
    "AES_256_GCM_IV12_TAG16_HKDF_SHA384_ECDSA_P384",
    "AES_256_GCM_HKDF_SHA512_COMMIT_KEY", "AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384",
]  # fmt: skip


@pytest.fixture(scope="module")
def esdk(told):
    clients.on_path("encryption-sdk")
    import aws_encryption_sdk

    return aws_encryption_sdk


@pytest.fixture(scope="module")
def kms(esdk):
    import boto3

    return boto3.client("kms")


@pytest.fixture(scope="module")
def key(kms):
    return made(kms)


@pytest.fixture(scope="module")
def client(esdk):
    return esdk.EncryptionSDKClient()


@pytest.fixture(scope="module")
def provider(esdk, key):
    return esdk.StrictAwsKmsMasterKeyProvider(key_ids=[key])


@pytest.fixture
def refused(client):
    """Why a message is not opened: its own check, or ours."""
    from aws_encryption_sdk.exceptions import AWSEncryptionSDKClientError
    from cryptography.exceptions import InvalidSignature, InvalidTag

    def refused(sealed, *, client=client, **how):
        with pytest.raises((AWSEncryptionSDKClientError, InvalidTag, InvalidSignature)) as info:
            client.decrypt(source=sealed, **how)
        return repr(info.value)

    return refused


def made(kms, **how):
    return kms.create_key(**how)["KeyMetadata"]["Arn"]


def test_the_page_shows_what_happens(play):
    play("aws-encryption-sdk.md", clients.folder("encryption-sdk"))


# --- messages -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 4096, 1 << 20])
def test_a_message_of_any_size_opens_again(client, provider, size):
    text = os.urandom(size)
    sealed, _ = client.encrypt(source=text, key_provider=provider, encryption_context=CONTEXT)
    opened, header = client.decrypt(source=sealed, key_provider=provider)
    assert opened == text
    assert CONTEXT.items() <= header.encryption_context.items()


def test_a_hundred_megabytes_go_through_in_a_stream(client, provider, tmp_path):
    part, parts = os.urandom(1 << 20), 100
    whole = hashlib.sha256()
    for _ in range(parts):
        whole.update(part)

    class Source(io.RawIOBase):
        left = parts

        def readable(self):
            return True

        def readinto(self, buffer):
            self.left -= 1
            if self.left < 0:
                return 0
            buffer[: len(part)] = part
            return len(part)

    how = {"key_provider": provider, "frame_length": 1 << 20}
    with (
        (tmp_path / "sealed").open("wb") as sealed,
        client.stream(mode="e", source=io.BufferedReader(Source(), len(part)), **how) as chunks,
    ):
        for chunk in chunks:
            sealed.write(chunk)
    found = hashlib.sha256()
    with (
        (tmp_path / "sealed").open("rb") as sealed,
        client.stream(mode="d", source=sealed, key_provider=provider) as chunks,
    ):
        for chunk in chunks:
            found.update(chunk)
    assert found.digest() == whole.digest()
    (tmp_path / "sealed").unlink()


@pytest.mark.parametrize("suite", SUITES)
def test_every_suite_has_a_data_key_of_its_length(esdk, key, provider, client, refused, suite):
    commits = "COMMIT" in suite
    Policy = esdk.CommitmentPolicy  # noqa: N806 - a class
    policy = (
        Policy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT if commits else Policy.FORBID_ENCRYPT_ALLOW_DECRYPT
    )
    fitting = esdk.EncryptionSDKClient(commitment_policy=policy)
    algorithm = esdk.Algorithm[suite]
    sealed, header = fitting.encrypt(source=b"hello", key_provider=provider, algorithm=algorithm)
    assert header.algorithm is algorithm
    assert fitting.decrypt(source=sealed, key_provider=provider)[0] == b"hello"
    if not commits:
        assert "CommitmentPolicy" in refused(sealed, key_provider=provider)


def test_all_suites_are_tried(esdk):
    assert [suite.name for suite in esdk.Algorithm] == SUITES


# --- what was changed -----------------------------------------------------------------------------


def regions(sealed):
    """The parts of a message of the format's version 2, in order: name -> where it is."""
    found, at = {}, 0

    def take(name, length):
        nonlocal at
        found[name] = range(at, at + length)
        at += length
        return int.from_bytes(sealed[at - length : at])

    take("version", 1)
    take("algorithm", 2)
    take("message id", 32)
    take("context", take("context length", 2))
    assert take("count of data keys", 2) == 1
    take("provider", take("provider length", 2))
    take("key's name", take("key's name length", 2))
    take("data key", take("data key length", 2))
    take("content type", 1)
    frame = take("frame length", 4)
    take("commitment", 32)
    take("header's tag", 16)
    take("first frame's number", 4)
    take("first frame's nonce", 12)
    take("first frame", frame)
    take("first frame's tag", 16)
    take("end mark", 4)
    take("last frame's number", 4)
    take("last frame's nonce", 12)
    take("last frame", take("last frame's length", 4))
    take("last frame's tag", 16)
    take("signature", take("signature length", 2))
    assert at == len(sealed)
    return found


@pytest.fixture(scope="module")
def message(client, provider):
    how = {"key_provider": provider, "encryption_context": CONTEXT, "frame_length": 128}
    return client.encrypt(source=TEXT, **how)[0]


def test_a_changed_byte_anywhere_is_noticed(message, provider, refused):
    for name, where in regions(message).items():
        for place in {where[0], where[len(where) // 2], where[-1]}:
            changed = bytearray(message)
            changed[place] ^= 1
            assert refused(bytes(changed), key_provider=provider), name


def test_a_message_that_ends_early_is_noticed(message, provider, refused):
    for name, where in regions(message).items():
        assert refused(message[: where[0]], key_provider=provider), name
    assert refused(message[:-1], key_provider=provider)


def test_a_data_key_of_another_key_or_message_opens_nothing(
    esdk, client, kms, message, provider, refused, caplog
):
    where = regions(message)["data key"]
    for other, why in (
        (esdk.StrictAwsKmsMasterKeyProvider(key_ids=[made(kms)]), "IncorrectKeyException"),
        (provider, "InvalidCiphertextException"),  # bound to that message's context
    ):
        sealed, _ = client.encrypt(source=b"", key_provider=other, encryption_context=CONTEXT)
        data_key = sealed[where.start : where.stop]
        caplog.clear()
        refused(message[: where.start] + data_key + message[where.stop :], key_provider=provider)
        assert why in caplog.text


# --- master key providers -------------------------------------------------------------------------


def test_any_key_of_the_account_is_found_and_none_of_another(esdk, client, message, key, refused):
    from aws_encryption_sdk.key_providers.kms import DiscoveryFilter

    def finding(account):
        allowed = DiscoveryFilter(account_ids=[account], partition="aws")
        return esdk.DiscoveryAwsKmsMasterKeyProvider(discovery_filter=allowed)

    for found in (finding(key.split(":")[4]), esdk.DiscoveryAwsKmsMasterKeyProvider()):
        assert client.decrypt(source=message, key_provider=found)[0] == TEXT
    assert "not allowed" in refused(message, key_provider=finding("1" * 12))


def test_each_of_several_keys_opens_and_no_other(esdk, client, kms, refused, caplog):
    keys = [made(kms) for _ in range(3)]
    strict = [esdk.StrictAwsKmsMasterKeyProvider(key_ids=[name]) for name in keys]
    both = esdk.StrictAwsKmsMasterKeyProvider(key_ids=keys[:2])
    sealed, _ = client.encrypt(source=b"hello", key_provider=both)
    for provider in strict[:2]:
        assert client.decrypt(source=sealed, key_provider=provider)[0] == b"hello"
    refused(sealed, key_provider=strict[2])
    kms.disable_key(KeyId=keys[0])
    refused(sealed, key_provider=strict[0])
    assert "DisabledException" in caplog.text
    assert client.decrypt(source=sealed, key_provider=both)[0] == b"hello"


def test_who_may_not_use_a_key_opens_nothing(esdk, account, message, key, refused, caplog):
    import botocore.session

    watcher = account.newcomer("watcher", "auditor")
    session = botocore.session.Session()
    session.set_credentials(watcher["access_key"], watcher["secret_access_key"])
    theirs = esdk.StrictAwsKmsMasterKeyProvider(key_ids=[key], botocore_session=session)
    refused(message, key_provider=theirs)
    assert "AccessDeniedException" in caplog.text
    assert "user/watcher is not authorized to perform: kms:Decrypt" in caplog.text


def test_messages_from_before_a_rotation_open(esdk, client, kms):
    key = made(kms)
    provider = esdk.StrictAwsKmsMasterKeyProvider(key_ids=[key])
    sealed, _ = client.encrypt(source=b"hello", key_provider=provider)
    kms.rotate_key_on_demand(KeyId=key)
    assert client.decrypt(source=sealed, key_provider=provider)[0] == b"hello"


def test_a_cache_asks_once_for_several_messages(esdk, client, provider, node):
    log, actions = node.client(), ("key.generate-data-key", "key.decrypt")
    before = [len(log.events(action=action)) for action in actions]
    manager = esdk.CachingCryptoMaterialsManager(
        master_key_provider=provider,
        cache=esdk.LocalCryptoMaterialsCache(capacity=10), max_age=600.0, max_messages_encrypted=3,
    )  # fmt: skip
    sealed = [client.encrypt(source=b"hello", materials_manager=manager)[0] for _ in range(4)]
    for one in sealed * 2:
        assert client.decrypt(source=one, materials_manager=manager)[0] == b"hello"
    # Three messages under one data key, the fourth under another; each is opened once.
    assert [len(log.events(action=action)) for action in actions] == [one + 2 for one in before]


# --- the keyrings of the material providers library -----------------------------------------------


@pytest.fixture(scope="module")
def models(esdk):
    from aws_cryptographic_material_providers.mpl import models

    return models


@pytest.fixture(scope="module")
def mpl(esdk):
    from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
    from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig

    return AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())


@pytest.fixture(scope="module")
def keyring(mpl, models, kms):
    """A keyring of one of AWS's kinds: `keyring("Kms", kms_key_id=...)`."""

    def keyring(kind, **how):
        words = re.sub("(?!^)([A-Z])", r"_\1", kind).lower()  # KmsMrk: create_aws_kms_mrk_keyring
        make = getattr(mpl, f"create_aws_{words}_keyring")
        asked = getattr(models, f"CreateAws{kind}KeyringInput")
        return make(input=asked(**{"kms_client": kms} | how))

    return keyring


@pytest.fixture
def opens(client):
    """A message made with one keyring is opened with others."""

    def opens(keyring, *others, **how):
        sealed, _ = client.encrypt(
            source=b"hello", keyring=keyring, encryption_context=CONTEXT, **how
        )
        for other in others or [keyring]:
            opened, _ = client.decrypt(source=sealed, keyring=other, encryption_context=CONTEXT)
            assert opened == b"hello"
        return sealed

    return opens


def filtered(models, account):
    return models.DiscoveryFilter(account_ids=[account], partition="aws")


def test_a_keyring_of_one_key(keyring, kms, key, opens, refused, client, provider, message):
    one = keyring("Kms", kms_key_id=key)
    sealed = opens(one)
    # Both libraries speak the same format.
    assert client.decrypt(source=sealed, key_provider=provider)[0] == b"hello"
    assert client.decrypt(source=message, keyring=one)[0] == TEXT
    refused(sealed, keyring=keyring("Kms", kms_key_id=made(kms)))
    refused(sealed, keyring=one, encryption_context=CONTEXT | {"tenant": "b"})
    where = regions(message)["data key"][20]
    changed = message[:where] + bytes([message[where] ^ 1]) + message[where + 1 :]
    assert "No Configured KMS Key was able to decrypt" in refused(changed, keyring=one)


def test_a_keyring_that_finds_keys(keyring, models, key, opens, refused):
    sealed = opens(
        keyring("Kms", kms_key_id=key),
        keyring("KmsDiscovery"),
        keyring("KmsDiscovery", discovery_filter=filtered(models, key.split(":")[4])),
    )
    other = keyring("KmsDiscovery", discovery_filter=filtered(models, "1" * 12))
    refused(sealed, keyring=other)


def test_keyrings_of_several_keys_find_the_address_themselves(mpl, models, kms, keyring, opens):
    keys = [made(kms) for _ in range(2)]
    several = mpl.create_aws_kms_multi_keyring(
        input=models.CreateAwsKmsMultiKeyringInput(generator=keys[0], kms_key_ids=keys[1:])
    )
    finding = mpl.create_aws_kms_discovery_multi_keyring(
        input=models.CreateAwsKmsDiscoveryMultiKeyringInput(
            regions=[ELSEWHERE, REGION], discovery_filter=filtered(models, keys[0].split(":")[4])
        )
    )
    opens(several, several, finding, *(keyring("Kms", kms_key_id=name) for name in keys))


@pytest.mark.parametrize("algorithm", ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"])
def test_a_keyring_of_an_rsa_key_asks_only_to_open(esdk, keyring, kms, opens, algorithm):
    name = made(kms, KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    public = serialization.load_der_public_key(kms.get_public_key(KeyId=name)["PublicKey"])
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    how = {"encryption_algorithm": algorithm, "public_key": public.public_bytes(*form)}
    one = keyring("KmsRsa", kms_key_id=name, **how)
    opens(one, algorithm=esdk.Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY)


@pytest.mark.parametrize("curve", ["ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521"])
def test_keyrings_of_two_sides_that_agree_on_a_secret(keyring, models, kms, opens, refused, curve):
    how = {"KeySpec": curve, "KeyUsage": "KEY_AGREEMENT"}
    mine, theirs, strangers = (made(kms, **how) for _ in range(3))
    public = {name: kms.get_public_key(KeyId=name)["PublicKey"] for name in (mine, theirs)}

    def sending(sender, recipient):
        scheme = models.KmsEcdhStaticConfigurationsKmsPrivateKeyToStaticPublicKey(
            models.KmsPrivateKeyToStaticPublicKeyInput(
                sender_kms_identifier=sender, sender_public_key=public[sender],
                recipient_public_key=public[recipient],
            )
        )  # fmt: skip
        return keyring("KmsEcdh", curve_spec=curve, key_agreement_scheme=scheme)

    def receiving(recipient):
        scheme = models.KmsEcdhStaticConfigurationsKmsPublicKeyDiscovery(
            models.KmsPublicKeyDiscoveryInput(recipient_kms_identifier=recipient)
        )
        return keyring("KmsEcdh", curve_spec=curve, key_agreement_scheme=scheme)

    sealed = opens(sending(mine, theirs), receiving(theirs), sending(theirs, mine))
    refused(sealed, keyring=receiving(strangers))


def test_a_key_of_ours_and_a_key_of_ones_own_open_alike(mpl, models, keyring, key, opens):
    own = mpl.create_raw_aes_keyring(
        input=models.CreateRawAesKeyringInput(
            key_namespace="vault", key_name="paper", wrapping_key=os.urandom(32),
            wrapping_alg=models.AesWrappingAlg.ALG_AES256_GCM_IV12_TAG16,
        )
    )  # fmt: skip
    ours = keyring("Kms", kms_key_id=key)
    both = mpl.create_multi_keyring(
        input=models.CreateMultiKeyringInput(generator=ours, child_keyrings=[own])
    )
    opens(both, both, ours, own)


def test_keyrings_for_multi_region_keys_take_others(keyring, models, key, opens):
    finding = filtered(models, key.split(":")[4])
    opens(
        keyring("KmsMrk", kms_key_id=key),
        keyring("Kms", kms_key_id=key),
        keyring("KmsMrkDiscovery", region=REGION, discovery_filter=finding),
    )


@pytest.fixture(scope="module")
def replicated(esdk, node):
    """A key and its replica elsewhere, in the Regions of an account, and that one's clients.

    Meanwhile, the environment is that of somebody there.
    """
    import boto3

    regions = Regions(boto3, node, here=REGION, there=ELSEWHERE)
    there = regions.principal("sdk")
    key = regions.key_of(REGION, "sdk")
    primary = made(there[REGION], MultiRegion=True)
    answer = there[REGION].replicate_key(KeyId=primary, ReplicaRegion=ELSEWHERE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", key["access_key"])
        patch.setenv("AWS_SECRET_ACCESS_KEY", key["secret_access_key"])
        forget()
        yield primary, answer["ReplicaKeyMetadata"]["Arn"], there
    forget()


def test_what_one_region_seals_the_other_opens(keyring, models, client, replicated, opens):
    from aws_encryption_sdk.key_providers import kms as kms_providers

    primary, replica, kms = replicated
    account = primary.split(":")[4]
    here = keyring("KmsMrk", kms_key_id=primary, kms_client=kms[REGION])
    away = keyring("KmsMrk", kms_key_id=replica, kms_client=kms[ELSEWHERE])
    finding = keyring(
        "KmsMrkDiscovery", region=ELSEWHERE, kms_client=kms[ELSEWHERE],
        discovery_filter=filtered(models, account),
    )  # fmt: skip
    sealed = opens(here, here, away, finding)
    opens(away, away, here)
    aware = kms_providers.MRKAwareStrictAwsKmsMasterKeyProvider(key_ids=[replica])
    assert client.decrypt(source=sealed, key_provider=aware)[0] == b"hello"


# --- other languages' -----------------------------------------------------------------------------


def test_javascripts_opens_what_pythons_sealed_and_the_other_way_round(
    client, provider, key, environment, tmp_path
):
    place = node_modules(tmp_path)
    sealed, _ = client.encrypt(source=b"hello", key_provider=provider, encryption_context=CONTEXT)
    program = ROOT / "tests" / "conformance" / "clients" / "javascript" / "both.mjs"
    (place / "both.mjs").write_bytes(program.read_bytes())
    ended = subprocess.run(
        ["node", "both.mjs", key], cwd=place, env=environment, input=sealed,
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert client.decrypt(source=ended.stdout, key_provider=provider)[0] == b"hello"
