"""Google's Tink with its client for AWS KMS, unchanged."""

import os

import pytest

from tests.support import clients


@pytest.fixture(scope="module")
def tink(told):
    clients.on_path("tink")
    import tink
    from tink import aead

    aead.register()
    return tink


@pytest.fixture(scope="module")
def kms(tink):
    import boto3

    return boto3.client("kms")


@pytest.fixture(scope="module")
def key(kms):
    return "aws-kms://" + kms.create_key()["KeyMetadata"]["Arn"]


@pytest.fixture(scope="module")
def remote(tink, key):
    """A key of ours, as Tink uses it."""
    from tink.integration import awskms

    return awskms.AwsKmsClient(key, None).get_aead(key)


@pytest.fixture(scope="module")
def envelope(tink, remote):
    return tink.aead.KmsEnvelopeAead(tink.aead.aead_key_templates.AES256_GCM, remote)


def test_the_page_shows_what_happens(play):
    play("tink.md", clients.folder("tink"))


@pytest.mark.parametrize("size", [0, 1, 4096, 1 << 20])
def test_an_envelope_of_any_size_opens_again(envelope, size):
    text = os.urandom(size)
    assert envelope.decrypt(envelope.encrypt(text, b"customer 17"), b"customer 17") == text


def test_a_changed_envelope_does_not_open(tink, envelope):
    sealed = envelope.encrypt(b"hello", b"customer 17")
    length = int.from_bytes(sealed[:4])  # of the data key, which follows
    for place in (0, 3, 4, 20, 3 + length, 4 + length, len(sealed) - 1):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(tink.TinkError):
            envelope.decrypt(bytes(changed), b"customer 17")
    for end in (0, 3, 4, 20, 4 + length, len(sealed) - 1):
        with pytest.raises(tink.TinkError):
            envelope.decrypt(sealed[:end], b"customer 17")
    with pytest.raises(tink.TinkError):
        envelope.decrypt(sealed, b"customer 18")


def test_what_tink_says_belongs_to_it_is_the_context_here(tink, remote, kms):
    sealed = remote.encrypt(b"hello", b"customer 17")
    opened = kms.decrypt(
        CiphertextBlob=sealed, EncryptionContext={"associatedData": b"customer 17".hex()}
    )
    assert opened["Plaintext"] == b"hello"
    assert remote.decrypt(remote.encrypt(b"hello", b""), b"") == b"hello"
    for other in (b"", b"customer 18"):
        with pytest.raises(tink.TinkError, match="InvalidCiphertextException"):
            remote.decrypt(sealed, other)


def test_one_key_does_not_open_what_another_sealed(tink, key, remote, kms):
    from tink.integration import awskms

    other = "aws-kms://" + kms.create_key()["KeyMetadata"]["Arn"]
    theirs = awskms.new_client(boto3_client=kms).get_aead(other)
    sealed = theirs.encrypt(b"hello", b"")
    with pytest.raises(tink.TinkError, match="IncorrectKeyException"):
        remote.decrypt(sealed, b"")
    kms.disable_key(KeyId=other.removeprefix("aws-kms://"))
    with pytest.raises(tink.TinkError, match="DisabledException"):
        theirs.decrypt(sealed, b"")
