"""boto3 with the Regions of an account: three namespaces, one of another account beside them."""

from typing import NamedTuple

import pytest

from tests.conformance.conftest import Account

EU, US, AP = "eu-west-1", "us-east-1", "ap-south-1"


class Regions:
    """One account's clients, Region by Region, of one access key."""

    def __init__(self, boto3, node, **namespaces):
        first = node.client()
        self.accounts, self.tokens = {}, {}
        of = {}
        for name, region in namespaces.items():
            body = {"name": name, "region": region.replace("_", "-"), **of}
            answer = first.ask("POST", "/v1/namespaces", body)
            assert answer.status == 201, answer
            of = {"account_of": name}
            account = Account(boto3, node)
            account.admin = node.client(answer.json["token"])
            self.accounts[body["region"]] = account

    def admin(self, region):
        return self.accounts[region].admin

    def key_of(self, region, principal):
        return self.accounts[region].key_of(principal)

    def clients(self, key):
        account = next(iter(self.accounts.values()))
        return {region: account.client(key, region=region) for region in self.accounts}

    def principal(self, name, *roles, regions=(EU, US, AP)):
        """The clients of one who is there in those Regions, by an access key of the first.

        Without roles, they may do everything.
        """
        for region in regions:
            admin = self.admin(region)
            body = {"name": name, "roles": list(roles)}
            assert admin.ask("POST", "/v1/principals", body).status == 201
            if not roles:
                body = {"text": f'permit (principal == Principal::"{name}", action, resource);'}
                assert admin.ask("PUT", f"/v1/policies/{name}", body).status == 200
        return self.clients(self.key_of(regions[0], name))


@pytest.fixture(scope="module")
def regions(boto3, node):
    return Regions(boto3, node, eu=EU, us=US, ap=AP)


@pytest.fixture(scope="module")
def kms(regions):
    """The clients of one who may do all there is, by Region."""
    return regions.principal("op")


@pytest.fixture(scope="module")
def others(boto3, node):
    """Those of another account, in one of the Regions."""
    other = Regions(boto3, node, other=EU)
    return other.principal("op", regions=(EU,))


class Refused(NamedTuple):
    code: str
    message: str


def refused(call, **how):
    """What a call is refused with."""
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as info:
        call(**how)
    assert info.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    error = info.value.response["Error"]
    return Refused(error["Code"], error.get("Message", ""))


def made(kms, **how):
    return kms.create_key(**how)["KeyMetadata"]


# --- Regions --------------------------------------------------------------------------------------


def test_a_key_is_in_one_region_and_its_arn_says_in_which(kms):
    key = made(kms[US])
    account = key["AWSAccountId"]
    assert key["Arn"] == f"arn:aws:kms:{US}:{account}:key/{key['KeyId']}"
    assert key["KeyId"] in {each["KeyId"] for each in kms[US].list_keys()["Keys"]}
    blob = kms[US].encrypt(KeyId=key["Arn"], Plaintext=b"x")["CiphertextBlob"]
    for region in (EU, AP):
        there = kms[region]
        assert made(there)["AWSAccountId"] == account
        assert key["KeyId"] not in {each["KeyId"] for each in there.list_keys()["Keys"]}
        arn = f"arn:aws:kms:{region}:{account}:key/{key['KeyId']}"
        for name in (key["KeyId"], arn):
            found = refused(there.describe_key, KeyId=name)
            assert found == ("NotFoundException", f"Key '{arn}' does not exist")
        found = refused(there.describe_key, KeyId=key["Arn"])
        assert found == ("NotFoundException", f"Invalid arn {US}")
        assert refused(there.decrypt, CiphertextBlob=blob).code == "NotFoundException"


def test_an_alias_is_in_one_region(kms):
    key = made(kms[EU])["KeyId"]
    kms[EU].create_alias(AliasName="alias/here", TargetKeyId=key)
    assert refused(kms[US].describe_key, KeyId="alias/here").code == "NotFoundException"
    kms[US].create_alias(AliasName="alias/here", TargetKeyId=made(kms[US])["KeyId"])
    assert kms[EU].describe_key(KeyId="alias/here")["KeyMetadata"]["KeyId"] == key


def test_who_is_not_there_or_disabled_there_is_nobody_there(regions):
    app = regions.principal("app", regions=(EU, US))
    said = "The security token included in the request is invalid."
    unknown = ("UnrecognizedClientException", said)
    app[EU].list_keys()
    app[US].list_keys()
    assert refused(app[AP].list_keys) == unknown
    body = {"disabled": True}
    assert regions.admin(US).ask("PATCH", "/v1/principals/app", body).status == 200
    assert refused(app[US].list_keys) == unknown
    app[EU].list_keys()
    assert regions.admin(US).ask("PATCH", "/v1/principals/app", {"disabled": False}).status == 200
    app[US].list_keys()


def test_no_client_comes_to_a_region_of_another_account(kms, others, regions, boto3):
    key = made(others[EU])
    account = regions.accounts[EU]
    assert key["AWSAccountId"] != made(kms[EU])["AWSAccountId"]
    assert refused(kms[EU].describe_key, KeyId=key["KeyId"]).code == "NotFoundException"
    assert refused(kms[EU].describe_key, KeyId=key["Arn"]).code == "NotFoundException"
    nowhere = account.client(account.key_of("op"), region="sa-east-1")
    assert refused(nowhere.list_keys).code == "UnrecognizedClientException"
