"""Links of a running node: whichever gate and custodian are met, one request sees the secret."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from strongroom.domain.otp import otpauth
from tests.support.nodes import Node

BROWSER = {"Accept": "text/html,*/*;q=0.8"}
READERS = 40


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    with Node(tmp_path_factory.mktemp("node") / "data", gates=2, custodians=2) as node:
        yield node


@pytest.fixture(scope="module")
def clerk(node):
    admin = node.client()
    body = {"name": "clerk", "roles": ["otp-enroller"]}
    assert admin.ask("POST", "/v1/principals", body).status == 201
    token = admin.ask("POST", "/v1/tokens", {"principal": "clerk", "days": 1}).json["token"]
    return node.client(token)


def link(clerk):
    body = {"user": "customer-4711", "account": "alice", "issuer": "Example Bank"}
    made = clerk.ask("POST", "/v1/otp", body)
    assert made.status == 201
    return made.json["link"]["path"]


def test_of_many_who_open_a_link_at_once_one_sees_the_secret(node, clerk):
    path = link(clerk)
    # A connection each, so that both gates are met.
    strangers = [node.client("") for _ in range(READERS)]
    with ThreadPoolExecutor(READERS) as threads:
        answers = list(threads.map(lambda stranger: stranger.ask("GET", path), strangers))
    (seen,) = [answer for answer in answers if answer.status == 200]
    assert {answer.status for answer in answers if answer is not seen} == {410}
    secret = otpauth.parse(seen.json["uri"]).secret.reveal()
    assert len(secret) == 20
    outcomes = [entry["outcome"] for entry in node.client().events(action="otp.fetch")]
    assert outcomes.count("allowed") == 1


def test_a_gate_draws_the_page_in_its_sandbox(node, clerk):
    """What it needs for that was loaded before it could open files no more."""
    for _ in range(4):
        stranger = node.client("")
        path = link(clerk)
        answer = stranger.ask("GET", path, headers=BROWSER)
        assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert b"<svg " in answer.body
        assert b'src="data:image/png;base64,' in answer.body
        again = stranger.ask("GET", path, headers=BROWSER)
        assert (again.status, again.headers["content-type"]) == (410, "text/html; charset=utf-8")
        stranger.close()


def test_no_token_is_in_the_nodes_log_or_figures(node, clerk):
    path = link(clerk)
    for _ in range(2):
        node.client("").ask("GET", path)
    token = path.removeprefix("/enrol/").encode()
    assert token not in node.log.read_bytes()
    figures = node.client().ask("GET", "/metrics")
    assert b'operation="otp.fetch"' in figures.body
    assert token not in figures.body
