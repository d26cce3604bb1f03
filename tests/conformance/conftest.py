"""A node as developers start it, and AWS's own client for it."""

import os
import shutil
import sys

import pytest

from tests.support import clients
from tests.support.native_words import watched
from tests.support.nodes import Node
from tests.support.terminal import Terminal
from tests.support.tree import ROOT

REGION = "eu-central-1"


@pytest.fixture(scope="session")
def boto3():
    """AWS's SDK for Python, unchanged."""
    clients.on_path("boto3")
    import boto3 as found

    return found


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    with Node(tmp_path_factory.mktemp("aws") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def environment(node, tmp_path_factory):
    """All that a client is told: what is in the environment of development. Nothing is retried."""
    lines = (node.directory / "dev.env").read_text().splitlines()
    aws = dict(line.split("=", 1) for line in lines if line.startswith("AWS_"))
    # Whatever a client would read at home is nobody's.
    return {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path_factory.mktemp("home")),
        "AWS_MAX_ATTEMPTS": "1", **aws,
    }  # fmt: skip


@pytest.fixture(scope="module")
def told(environment):
    """This process is told the same."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        forget()
        yield
    forget()


def forget():
    """What AWS's SDK, where it is imported, remembers of the last environment."""
    if "boto3" in sys.modules:
        sys.modules["boto3"].DEFAULT_SESSION = None


@pytest.fixture
def play(node, tmp_path):
    """Type what a page shows, where a client's packages are."""

    def play(page, *packages):
        (tmp_path / "strongroom-dev").symlink_to(node.directory)
        with Terminal(tmp_path, node=node, packages=packages) as terminal:
            terminal.play((ROOT / "docs" / "compat" / page).read_text())

    return play


def node_modules(folder):
    """That folder, where Node.js finds AWS's packages."""
    if not shutil.which("node"):
        clients.loudly_skip("NO NODE.JS HERE: AWS's packages for JavaScript are not tried", "")
    (folder / "node_modules").symlink_to(clients.folder("javascript") / "node_modules")
    return folder


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
        return self.client(self.newcomer(name, *roles))

    def newcomer(self, name, *roles):
        """An access key of a new principal."""
        answer = self.admin.ask("POST", "/v1/principals", {"name": name, "roles": list(roles)})
        assert answer.status == 201, answer
        return self.key_of(name)

    def client(self, key, *, region=REGION, secret=None, **more):
        from botocore.config import Config

        made = self._boto3.client(
            "kms", region_name=region, endpoint_url=self._node.url,
            aws_access_key_id=key["access_key"],
            aws_secret_access_key=secret or key["secret_access_key"],
            # Whatever fails is to be seen, and not tried again.
            config=Config(retries={"total_max_attempts": 1}), **more,
        )  # fmt: skip
        return watched(made)


class Regions:
    """One account's clients, Region by Region, of one access key."""

    def __init__(self, boto3, node, **namespaces):
        first = node.client()
        self.accounts, of = {}, {}
        for name, region in namespaces.items():
            body = {"name": name, "region": region, **of}
            answer = first.ask("POST", "/v1/namespaces", body)
            assert answer.status == 201, answer
            of = {"account_of": name}
            account = Account(boto3, node)
            account.admin = node.client(answer.json["token"])
            self.accounts[region] = account

    def admin(self, region):
        return self.accounts[region].admin

    def key_of(self, region, principal):
        return self.accounts[region].key_of(principal)

    def clients(self, key):
        account = next(iter(self.accounts.values()))
        return {region: account.client(key, region=region) for region in self.accounts}

    def principal(self, name, *roles, regions=()):
        """The clients of one who is there in those Regions, or all, by an access key of the first.

        Without roles, they may do everything.
        """
        regions = regions or tuple(self.accounts)
        for region in regions:
            admin = self.admin(region)
            body = {"name": name, "roles": list(roles)}
            assert admin.ask("POST", "/v1/principals", body).status == 201
            if not roles:
                body = {"text": f'permit (principal == Principal::"{name}", action, resource);'}
                assert admin.ask("PUT", f"/v1/policies/{name}", body).status == 200
        return self.clients(self.key_of(regions[0], name))


@pytest.fixture(scope="module")
def account(boto3, node):
    return Account(boto3, node)


@pytest.fixture(scope="module")
def kms(account):
    """A client who may make keys and use them."""
    return account.client(account.key_of("admin"))
