"""A node as developers start it, and AWS's own client for it."""

import sys

import pytest

from tests.support import clients
from tests.support.nodes import Node

REGION = "eu-central-1"


@pytest.fixture(scope="session")
def boto3():
    """AWS's SDK for Python, unchanged."""
    sys.path.append(str(clients.folder("boto3")))
    import boto3 as found

    return found


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    with Node(tmp_path_factory.mktemp("aws") / "data") as running:
        yield running


class Account:
    """A namespace, and clients of its principals."""

    def __init__(self, boto3, node):
        self._boto3, self._node = boto3, node
        self.admin = node.client()

    def key_of(self, principal):
        answer = self.admin.ask("POST", "/v1/access-keys", {"principal": principal})
        assert answer.status == 201, answer
        return answer.json

    def principal(self, name, *roles):
        answer = self.admin.ask("POST", "/v1/principals", {"name": name, "roles": list(roles)})
        assert answer.status == 201, answer
        return self.client(self.key_of(name))

    def client(self, key, *, region=REGION, secret=None, **more):
        from botocore.config import Config

        return self._boto3.client(
            "kms", region_name=region, endpoint_url=self._node.url,
            aws_access_key_id=key["access_key"],
            aws_secret_access_key=secret or key["secret_access_key"],
            # Whatever fails is to be seen, and not tried again.
            config=Config(retries={"total_max_attempts": 1}), **more,
        )  # fmt: skip


@pytest.fixture(scope="module")
def account(boto3, node):
    return Account(boto3, node)


@pytest.fixture(scope="module")
def kms(account):
    """A client who may make keys and use them."""
    return account.client(account.key_of("admin"))
