"""AWS's command line, unchanged: a person's session, and how it ends when it is refused."""

import base64
import json
import subprocess
import sys

import pytest

from tests.support import clients


@pytest.fixture(scope="module")
def awscli():
    return clients.folder("awscli")


@pytest.fixture
def aws(awscli, environment, tmp_path):
    """Run `aws kms`: what it says, as JSON where it does."""

    def aws(*arguments, fails=None):
        ended = subprocess.run(
            [sys.executable, awscli / "bin" / "aws", "kms", *arguments],
            cwd=tmp_path, env=environment | {"PYTHONPATH": str(awscli)},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if fails:
            assert (ended.returncode, ended.stdout) == (255, "")
            assert ended.stderr == f"\nAn error occurred {fails}\n"
            return None
        assert (ended.returncode, ended.stderr) == (0, "")
        return json.loads(ended.stdout or "{}")

    return aws


def made(aws, *how):
    return aws("create-key", *how)["KeyMetadata"]


def test_the_page_shows_what_happens(play, awscli):
    play("aws-cli.md", awscli)


def test_what_is_encrypted_is_decrypted_from_text_and_from_bytes(aws, tmp_path):
    key = made(aws)
    (tmp_path / "plain").write_bytes(b"h\xc3\xa9llo\n")
    for how in ("file://plain", "fileb://plain"):
        sealed = aws("encrypt", "--key-id", key["Arn"], "--plaintext", how)
        assert sealed["KeyId"] == key["Arn"]
        (tmp_path / "sealed").write_bytes(base64.b64decode(sealed["CiphertextBlob"]))
        opened = aws("decrypt", "--ciphertext-blob", "fileb://sealed")
        assert base64.b64decode(opened["Plaintext"]) == b"h\xc3\xa9llo\n"
    (tmp_path / "plain").write_bytes(bytes(4097))
    aws(
        "encrypt", "--key-id", key["Arn"], "--plaintext", "fileb://plain",
        fails="(ValidationException) when calling the Encrypt operation: 1 validation error"
        " detected: Value at 'plaintext' failed to satisfy constraint: Member must have length"
        " less than or equal to 4096",
    )  # fmt: skip


def test_a_data_key_opens_again_until_its_key_is_to_be_deleted(aws, tmp_path):
    key = made(aws)
    data = aws("generate-data-key", "--key-id", key["KeyId"], "--key-spec", "AES_256")
    assert len(base64.b64decode(data["Plaintext"])) == 32
    (tmp_path / "sealed").write_bytes(base64.b64decode(data["CiphertextBlob"]))
    assert aws("decrypt", "--ciphertext-blob", "fileb://sealed")["Plaintext"] == data["Plaintext"]
    how = ("--key-id", key["KeyId"], "--pending-window-in-days")
    assert aws("schedule-key-deletion", *how, "7")["KeyState"] == "PendingDeletion"
    aws(
        "decrypt", "--ciphertext-blob", "fileb://sealed",
        fails="(KMSInvalidStateException) when calling the Decrypt operation:"
        f" {key['Arn']} is pending deletion.",
    )  # fmt: skip


def test_lists_come_in_pages(aws):
    keys = {made(aws)["KeyId"] for _ in range(3)}
    everything = [key["KeyId"] for key in aws("list-keys", "--page-size", "2")["Keys"]]
    assert len(everything) == len(set(everything))
    assert keys <= set(everything)
    first = aws("list-keys", "--max-items", "2")
    second = aws("list-keys", "--max-items", "2", "--starting-token", first["NextToken"])
    found = [key["KeyId"] for page in (first, second) for key in page["Keys"]]
    assert found == everything[: len(found)]
    assert len(found) >= 3


def test_tags_and_aliases(aws):
    key = made(aws, "--tags", "TagKey=team,TagValue=ops")["KeyId"]
    aws("tag-resource", "--key-id", key, "--tags", "TagKey=tier,TagValue=1")
    aws("untag-resource", "--key-id", key, "--tag-keys", "team")
    tags = aws("list-resource-tags", "--key-id", key)["Tags"]
    assert tags == [{"TagKey": "tier", "TagValue": "1"}]
    aws("create-alias", "--alias-name", "alias/by-hand", "--target-key-id", key)
    (alias,) = aws("list-aliases", "--key-id", key)["Aliases"]
    assert (alias["AliasName"], alias["TargetKeyId"]) == ("alias/by-hand", key)
    arn = alias["AliasArn"]
    aws(
        "create-alias", "--alias-name", "alias/by-hand", "--target-key-id", key,
        fails="(AlreadyExistsException) when calling the CreateAlias operation:"
        f" An alias with the name {arn} already exists",
    )  # fmt: skip
    aws("delete-alias", "--alias-name", "alias/by-hand")
    aws(
        "describe-key", "--key-id", arn,
        fails="(NotFoundException) when calling the DescribeKey operation:"
        f" Alias {arn} is not found.",
    )  # fmt: skip
