"""The kernel refuses the ledger's Nth write or flush, for every N, while it serves.

This is a whole node as users run it; strace makes the system call fail, or makes it the last that
the ledger ever makes. The caller is answered or told `unavailable`; a change and its entry are both
there or neither is; and what comes next is answered again, without a restart unless it was killed.
"""

import itertools

import pytest

from strongroom.adapters.seals.key_file import FILE_NAME, KeyFile
from strongroom.adapters.sqlite.store import SQLiteStore
from tests.support.nodes import Node, eventually
from tests.support.replay import Replay
from tests.support.strace import Injected

_PATHS = {
    "create": "/v1/keys",
    "rotate": "/v1/keys/demo/rotate",
    "disable": "/v1/keys/demo/disable",
}
_REFUSED = [
    ("pwrite64", "error=ENOSPC"),
    ("pwrite64", "error=EIO"),
    ("fdatasync", "error=EIO"),
    ("fdatasync", "error=ENOSPC"),
]


@pytest.fixture
def node(tmp_path):
    with Node(tmp_path / "data") as node:
        yield node
        assert node.stop() == 0
        store = SQLiteStore.open(str(node.store))
        Replay(store, KeyFile(node.directory / FILE_NAME).open().reveal())
        store.close()


def _ledger(client):
    return client.rooms()["ledger"]


def _revision(client, name):
    answer = client.ask("GET", f"/v1/keys/{name}")
    return answer.json["revision"] if answer.status == 200 else 0


def _fault(client, act, call, fault, nth):
    """One change under the fault; whether the fault came."""
    name = f"new-{call}-{nth}" if act == "create" else "demo"
    body = {"name": name} if act == "create" else None
    before = _revision(client, name)
    with Injected(_ledger(client)["pid"], call, fault, nth) as injected:
        answer = client.ask("POST", _PATHS[act], body)
    if answer.status == 503:
        assert answer.json["code"] == "unavailable"
        assert int(answer.headers["retry-after"]) >= 1
        assert injected.reached
    else:
        assert answer.status in {200, 201}, answer
    if "KILL" in fault:
        eventually(lambda: client.ask("GET", "/v1/audit/events").status == 200)
    # From now on as if nothing had been.
    events = client.events(request=answer.request_id)
    assert len(events) in ({1} if answer.status != 503 else {0, 1})
    assert _revision(client, name) - before == len(events)
    again = client.ask("POST", _PATHS[act], body)
    assert again.status == (409 if act == "create" and events else 201 if body else 200)
    if act == "disable":
        assert client.ask("POST", "/v1/keys/demo/enable").status == 200
    assert client.encrypt("demo", b"after").status == 200
    return injected.reached, answer.status


def _every_n(node, act, call, fault):
    client = node.client()
    client.encrypt("demo", b"before")
    pid, statuses = _ledger(client)["pid"], []
    for nth in itertools.count(1):
        reached, status = _fault(client, act, call, fault, nth)
        statuses.append(status)
        if not reached:
            break
    # Each of them was a write that the answer waits for: without it, there is none.
    assert set(statuses[:-1]) == {503}
    assert statuses[-1] in {200, 201}
    restarts = nth - 1 if "KILL" in fault else 0
    assert _ledger(client)["restarts"] == restarts
    assert (_ledger(client)["pid"] == pid) is (restarts == 0)
    return nth


@pytest.mark.parametrize("act", _PATHS)
def test_refused_nth_write_or_flush_is_answered_unavailable_and_the_same_ledger_goes_on(node, act):
    assert _every_n(node, act, "pwrite64", "error=ENOSPC") > 5
    assert _every_n(node, act, "fdatasync", "error=EIO") > 1


@pytest.mark.soak
@pytest.mark.parametrize(("call", "fault"), _REFUSED)
@pytest.mark.parametrize("act", _PATHS)
def test_refused_nth_call_whatever_the_error(node, act, call, fault):
    assert _every_n(node, act, call, fault) > 1


def test_ledger_killed_at_its_nth_flush_splits_nothing(node):
    assert _every_n(node, "rotate", "fdatasync", "signal=SIGKILL") > 1


@pytest.mark.soak
@pytest.mark.parametrize("act", _PATHS)
def test_ledger_killed_at_its_nth_write_splits_nothing(node, act):
    assert _every_n(node, act, "pwrite64", "signal=SIGKILL") > 5
