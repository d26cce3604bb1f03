"""kill -9 in the middle of a job: who comes next goes on, and changes each credential once."""

import os
import signal

import apsw
import msgspec
import pytest

from tests.support.nodes import Node, eventually
from tests.support.otp_nodes import Branch

MANY = 300
PACE = 120  # so that it takes some seconds


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    with Node(tmp_path_factory.mktemp("node") / "data", gates=1, custodians=2) as node:
        yield node


@pytest.fixture(scope="module")
def branch(node):
    return Branch(node)


def changed(node, job, action):
    """The credentials that the log says the job has changed, as often as it says so."""
    db = apsw.Connection(str(node.store), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        db.set_busy_timeout(1_000)
        rows = db.execute("SELECT body FROM entries WHERE action = ?", (action,)).fetchall()
    finally:
        db.close()
    events = [msgspec.json.decode(body) for (body,) in rows]
    return [event["object"] for event in events if event["details"].get("job") == job]


def kill(node, room):
    """Have it end; another begins in its place."""
    client = node.client()
    os.kill(client.rooms()[room]["pid"], signal.SIGKILL)
    eventually(lambda: client.ask("GET", "/v1/status").status == 200)


@pytest.mark.parametrize("action", ["suspend", "rotate"])
def test_a_job_that_is_cut_short_is_finished_and_does_nothing_twice(node, branch, action):
    secrets = [os.urandom(20) for _ in range(MANY)]
    names = branch.imported(secrets, serial=action)
    job = branch.job(action=action, filter={"serial": action}, per_second=PACE)
    seen = []
    for room in ("custodian-1", "ledger", "custodian-1"):
        at_least = len(seen) + 1
        eventually(lambda: len(changed(node, job, f"otp.{action}")) >= at_least)  # noqa: B023 - at once
        kill(node, room)
        seen = changed(node, job, f"otp.{action}")
    assert 0 < len(seen) < MANY  # it was in the middle
    eventually(lambda: branch.read_job(job)["state"] == "done", seconds=30)
    assert sorted(changed(node, job, f"otp.{action}")) == sorted(f"otp/{name}" for name in names)
    view = branch.read_job(job)
    assert view["done"] + view["skipped"] == MANY
    for name in names[:: MANY // 9]:
        shown = branch.helpdesk.ask("GET", f"/v1/otp/{name}").json
        if action == "suspend":
            assert shown["state"] == "suspended"
        else:
            assert (shown["generation"], shown["rotating"]) == (2, True)
            assert shown["reminders"] == ["not-fetched"]


def test_a_job_goes_on_when_all_was_killed_and_stays_paused_when_it_was(node, branch):
    secrets = [os.urandom(20) for _ in range(60)]
    names = branch.imported(secrets, serial="all")
    assert branch.is_right(names[0], secrets[0], 0)
    job = branch.job(action="revoke", filter={"serial": "all"}, per_second=20)
    eventually(lambda: branch.read_job(job)["done"] > 0)
    asked = branch.officer.ask("PATCH", f"/v1/otp-jobs/{job}", {"state": "paused"})
    done = asked.json["done"]
    node.kill()
    node.start()
    branch.again()
    view = branch.read_job(job)
    assert (view["state"], view["done"]) == ("paused", done)
    going = {"state": "running", "per_second": 0}
    assert branch.officer.ask("PATCH", f"/v1/otp-jobs/{job}", going).status == 200
    node.kill()
    node.start()
    branch.again()
    eventually(lambda: branch.read_job(job)["state"] == "done", seconds=30)
    assert sorted(changed(node, job, "otp.revoke")) == sorted(f"otp/{name}" for name in names)
    assert not branch.is_right(names[0], secrets[0], 1)
