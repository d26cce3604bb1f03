"""Many who wait for the same large record, and lists over a store that somebody edited."""

import sqlite3
import threading
from collections import Counter

import pytest

from strongroom.domain import limits
from tests.support.nodes import Node

FILLER = "// " + "\N{KEY}" * (limits.POLICY_CHARACTERS_MAX - 200) + "\n"
POLICY = 'permit (principal in Role::"operator", action == Action::"status.read", resource);'
THREADS = 64


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    with Node(tmp_path_factory.mktemp("node") / "data") as node:
        yield node


def _at_once(node, token, work):
    """What each of many clients, each with its own connection, got; together."""
    seen = Counter()

    def run(number):
        client = node.client(token, timeout=60)
        for status in work(client, number):
            seen[status] += 1

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def test_changed_policies_of_two_megabytes_hold_nobody_up(node):
    """Those who wait for them get more, together, than a frame may hold."""
    admin = node.client(node.admin)
    for number in range(30):
        answer = admin.ask("PUT", f"/v1/policies/large-{number}", {"text": FILLER + POLICY})
        assert answer.status == 200, answer

    def encrypt(client, number):
        for turn in range(6):
            if number == 0:
                text = f"{FILLER}// {turn}\n{POLICY}"
                yield client.ask(
                    "PUT", "/v1/policies/large-0", {"text": text}, token=node.admin
                ).status
            yield client.encrypt("demo", b"x").status

    assert set(_at_once(node, node.app, encrypt)) == {200}


def test_writers_of_one_large_record_get_their_turn_or_are_told_to_come_again(node):
    """What they send to the ledger is more, together, than a frame may hold."""

    def write(client, number):
        text = f"{FILLER}// {number}\n{POLICY}"
        yield client.ask("PUT", "/v1/policies/large-1", {"text": text}).status

    seen = _at_once(node, node.admin, write)
    assert set(seen) <= {200, 503}
    assert seen[200] > 10
    # Nobody hung up on anybody: all rooms are those that began.
    rooms = node.client(node.admin).ask("GET", "/v1/status").json["rooms"]
    assert {room["restarts"] for room in rooms} == {0}
    assert "hung up" not in node.log.read_text()


def test_lists_are_read_again_after_one_could_not_be(node):
    admin = node.client(node.admin)
    store = sqlite3.connect(node.directory / "strongroom.db", isolation_level=None)
    (frontier,) = store.execute("SELECT value FROM meta WHERE name = 'frontier'").fetchone()
    store.execute("UPDATE meta SET value = x'00' WHERE name = 'frontier'")
    assert admin.ask("GET", "/v1/audit/events").status == 503
    store.execute("UPDATE meta SET value = ? WHERE name = 'frontier'", (frontier,))
    assert admin.ask("GET", "/v1/audit/events").status == 200
    store.close()
