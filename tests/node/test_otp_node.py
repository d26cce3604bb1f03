"""One-time passwords of a running node: two gates, two custodians, and whichever is killed."""

import http.client
import os
import signal
import threading
import time

import pytest

from tests.support.nodes import Node, eventually, when_quiet
from tests.support.otp import hotp, totp
from tests.support.otp_nodes import Branch

AT_ONCE = 200
LOST = (OSError, http.client.HTTPException)


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    with Node(tmp_path_factory.mktemp("node") / "data", gates=2, custodians=2) as node:
        yield node


@pytest.fixture(scope="module")
def branch(node):
    return Branch(node)


def accepted(node, name):
    """How often the log says that a code of it was right."""
    entries = node.client().events(action="otp.verify")
    results = [one["details"]["result"] for one in entries if one["object"] == f"otp/{name}"]
    return results.count("valid")


def test_of_many_who_show_one_right_code_at_once_one_is_let_in(node, branch):
    name, secret = branch.credential(type="totp")
    code = totp(secret, time.time_ns() // 1000)
    answers = branch.at_once(AT_ONCE, lambda client: branch.verify(name, code, client))
    assert {answer.status for answer in answers} == {200}
    assert sum(answer.json["valid"] for answer in answers) == 1
    assert accepted(node, name) == 1


@pytest.mark.parametrize("room", ["custodian-1", "custodian-2", "ledger"])
def test_who_is_killed_lets_nobody_in_twice(node, branch, room):
    name, secret = branch.credential()
    code, valid, lock = hotp(secret, 0), [], threading.Lock()
    pid = node.client().rooms()[room]["pid"]
    begun = threading.Barrier(21)

    def try_it(client):
        begun.wait()
        for _ in range(5):
            try:
                answer = branch.verify(name, code, client)
            except LOST:
                continue
            if answer.status == 200 and answer.json["valid"]:
                with lock:
                    valid.append(client)

    killer = threading.Thread(target=lambda: (begun.wait(), os.kill(pid, signal.SIGKILL)))
    killer.start()
    branch.at_once(20, try_it)
    killer.join()
    eventually(lambda: node.client().ask("GET", "/v1/status").status == 200)
    eventually(lambda: branch.verify(name, code).status == 200)
    # An answer may have got lost, an acceptance not: it is on record, and there is one.
    assert len(valid) <= 1
    assert accepted(node, name) == 1


def test_a_code_that_was_used_stays_used_when_all_is_killed_and_started_again(node, branch):
    name, secret = branch.credential()
    assert branch.is_right(name, secret, 0)
    node.kill()
    node.start()
    branch.again()
    assert not branch.is_right(name, secret, 0)
    assert branch.is_right(name, secret, 1)


def test_who_is_suspended_is_so_in_every_process_at_once(branch):
    name, secret = branch.credential()
    assert branch.is_right(name, secret, 0)
    code = hotp(secret, 1)
    assert branch.helpdesk.ask("POST", f"/v1/otp/{name}/suspend").status == 200
    answers = branch.at_once(30, lambda client: branch.verify(name, code, client))
    assert [answer.json for answer in answers] == [{"valid": False}] * 30
    assert branch.helpdesk.ask("POST", f"/v1/otp/{name}/resume").status == 200
    assert branch.is_right(name, secret, 1)


# --- jobs -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def population(branch):
    """Ids of many: those of their own serial are left to the other tests."""
    return branch.imported([os.urandom(20) for _ in range(1_500)], digits=8)


MANY = {"imported": True}


def test_a_pace_is_kept_in_real_time(branch, population):
    job = branch.job(action="suspend", filter=MANY, per_second=100)
    eventually(lambda: branch.read_job(job)["done"] > 0)

    def pace():
        began, first = time.monotonic(), branch.read_job(job)["done"]
        time.sleep(2)
        return (branch.read_job(job)["done"] - first) / (time.monotonic() - began)

    when_quiet(pace, lambda found: 80 <= found <= 120)
    # Paused at once, and from another connection; then as fast as it goes.
    asked = branch.officer.ask("PATCH", f"/v1/otp-jobs/{job}", {"state": "paused"})
    assert asked.status == 200
    done = branch.read_job(job)["done"]
    time.sleep(1.2)
    assert branch.read_job(job)["done"] == done < len(population)
    going = {"state": "running", "per_second": 0}
    assert branch.officer.ask("PATCH", f"/v1/otp-jobs/{job}", going).status == 200
    eventually(lambda: branch.read_job(job)["state"] == "done", seconds=30)
    view = branch.read_job(job)
    assert view["done"] + view["skipped"] == view["looked_at"] >= len(population)


def test_codes_are_verified_while_a_job_runs_and_it_can_be_stopped_at_full_speed(
    branch, population
):
    job = branch.job(action="resume", filter=MANY)
    name, secret = branch.credential()
    seconds, counter = [], 0
    while counter < 100 and branch.read_job(job)["state"] == "running":
        began = time.monotonic()
        assert branch.is_right(name, secret, counter)
        seconds.append(time.monotonic() - began)
        counter += 1
        if counter == 9:
            asked = branch.officer.ask("PATCH", f"/v1/otp-jobs/{job}", {"state": "cancelled"})
            assert asked.status == 200
    assert counter == 9
    assert sorted(seconds)[5] < 1  # one may fall into a moment when the machine does much else
    assert branch.read_job(job)["done"] < len(population)
