"""The server that clients talk to, and who may read its log."""

import pytest

from strongroom.client import Client
from tests.support.standin import StandIn


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with StandIn(tmp_path_factory.mktemp("client") / "store.db") as standing:
        yield standing


@pytest.fixture(scope="module")
def auditor(server):
    with Client(server.url, server.admin) as admin:
        admin.create_principal("auditor", roles=["auditor"])
        token = admin.create_token("auditor").token
    with Client(server.url, token) as client:
        yield client
