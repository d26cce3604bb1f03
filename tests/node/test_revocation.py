"""Revocation is immediate: what starts after the acknowledged change is refused, everywhere.

Clients encrypt as fast as they can through several gates and custodians while the right is taken
away and given back, again and again. Each request's start is noted; none that started after the
acknowledgement may succeed.
"""

import threading
import time

import pytest

from tests.support.nodes import Node, eventually

_ROUNDS = 8
_CLIENTS = 8


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    with Node(tmp_path_factory.mktemp("node") / "data", gates=2, custodians=2) as node:
        yield node


class Load:
    """Clients that encrypt without pause."""

    def __init__(self, node, key, token):
        self._node, self._key, self._token = node, key, token
        self._end = threading.Event()
        self.done = [[] for _ in range(_CLIENTS)]  # (start, end, status)
        self._threads = [threading.Thread(target=self._ask, args=(done,)) for done in self.done]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, done):
        client = self._node.client(self._token)
        count = 0
        while not self._end.is_set():
            count += 1
            if count % 50 == 0:
                client.close()  # another connection may meet another gate
            began = time.monotonic()
            status = client.encrypt(self._key, b"x" * 32).status
            done.append((began, time.monotonic(), status))
        client.close()

    def some_since(self, moment):
        """Wait a little, and until some request lies wholly after the moment; what time it is."""
        time.sleep(0.1)
        eventually(lambda: self.statuses(moment, float("inf")), seconds=30)
        return time.monotonic()

    def statuses(self, after, before):
        """Of the requests that lie wholly between the two moments."""
        return [
            status
            for done in self.done
            for began, ended, status in list(done)
            if after < began and ended < before
        ]


def _check(node, load, revoke, restore, refused):
    for _ in range(_ROUNDS):
        assert revoke().status in (200, 201, 204)
        revoked = time.monotonic()
        restoring = load.some_since(revoked)
        assert restore().status in (200, 201, 204)
        restored = time.monotonic()
        end = load.some_since(restored)
        assert set(load.statuses(revoked, restoring)) == {refused}
        assert set(load.statuses(restored, end)) == {200}


def test_no_encrypt_succeeds_after_disable_has_returned(node):
    admin = node.client()
    with Load(node, "demo", node.app) as load:
        _check(
            node, load,
            lambda: admin.ask("POST", "/v1/keys/demo/disable"),
            lambda: admin.ask("POST", "/v1/keys/demo/enable"),
            refused=409,
        )  # fmt: skip


def test_no_encrypt_succeeds_after_a_policy_forbids_it(node):
    admin = node.client()
    forbid = 'forbid (principal == Principal::"app", action == Action::"key.encrypt", resource);'
    with Load(node, "demo", node.app) as load:
        _check(
            node, load,
            lambda: admin.ask("PUT", "/v1/policies/stop", {"text": forbid}),
            lambda: admin.ask("DELETE", "/v1/policies/stop"),
            refused=403,
        )  # fmt: skip


def test_no_encrypt_succeeds_after_the_principal_was_disabled(node):
    admin = node.client()
    with Load(node, "demo", node.app) as load:
        _check(
            node, load,
            lambda: admin.ask("PATCH", "/v1/principals/app", {"disabled": True}),
            lambda: admin.ask("PATCH", "/v1/principals/app", {"disabled": False}),
            refused=401,
        )  # fmt: skip


def test_no_encrypt_succeeds_after_its_token_was_revoked(node):
    admin = node.client()
    for _ in range(3):
        made = admin.ask("POST", "/v1/tokens", {"principal": "app"}).json
        with Load(node, "demo", made["token"]) as load:
            load.some_since(0)
            assert admin.ask("DELETE", f"/v1/tokens/{made['id']}").status == 204
            revoked = time.monotonic()
            load.some_since(revoked)
        assert set(load.statuses(revoked, float("inf"))) == {401}
        assert 200 in load.statuses(0, revoked)
