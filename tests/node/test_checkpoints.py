"""A whole node's checkpoints: in time, one log, whoever ends in the middle."""

import os
import shutil
import signal
import sqlite3
import statistics
import subprocess
import time
from pathlib import Path

import pytest

from strongroom.adapters.seals.key_file import FILE_NAME, KeyFile
from strongroom.adapters.software import SoftwareProvider
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain.records import Kind, Ref
from strongroom.domain.things import LOG_ID
from strongroom.services.log_keys import open_log, verifier_of
from strongroom.services.sealing import Sealing
from tests.support.checkpoints import Watched, asked, newest, positions
from tests.support.load import Load
from tests.support.nodes import ENVIRONMENT, Node, eventually, strongroom, when_quiet


@pytest.fixture
def node(tmp_path):
    with Node(tmp_path / "data", gates=1, custodians=2) as node:
        yield node


def vkeys(node):
    """What the log is verified with; while nothing runs."""
    store = SQLiteStore.open(str(node.store))
    provider = SoftwareProvider(KeyFile(node.directory / FILE_NAME).open())
    (record,) = store.load([Ref(Kind.LOG, LOG_ID)])
    found = verifier_of(open_log(Sealing(provider, store.deployment), record), provider).vkeys
    store.close()
    return found


def entries(node):
    return asked(node.store, "SELECT count(*) FROM entries")[0][0]


def signed_size(node):
    note = newest(node.store)
    return int(note.split(b"\n")[1]) if note else 0


def metric(client, name):
    text = client.ask("GET", "/metrics").body.decode()
    return float(next(line for line in text.splitlines() if line.startswith(name)).split()[-1])


def test_an_acknowledged_entry_is_in_a_signed_checkpoint_within_two_seconds_under_load(node):
    client = node.client(node.app)

    def waits():
        answered, end = [], time.monotonic() + 6
        while time.monotonic() < end or len(answered) < 50:
            answer = client.encrypt("demo", b"x")
            assert answer.status == 200
            answered.append((answer.request_id, time.monotonic()))
            time.sleep(0.02)
        eventually(lambda: watched.covered(positions(node.store)[answered[-1][0]]), seconds=5)
        where = positions(node.store)
        return [watched.covered(where[request]) - at for request, at in answered]

    with Watched(node) as watched, Load(node) as load:
        # Two seconds, and what this machine takes to look.
        when_quiet(waits, lambda found: statistics.median(found) < 1.2 and max(found) < 2.5)
    assert load.answered > 200
    assert node.stop() == 0
    watched.require_one_log(vkeys(node))


def test_an_idle_log_is_signed_to_its_end_and_then_no_more(node):
    node.client(node.app).encrypt("demo", b"x")
    eventually(lambda: signed_size(node) == entries(node), seconds=3)
    before = newest(node.store)
    time.sleep(2.5)
    assert newest(node.store) == before
    eventually(lambda: metric(node.client(), "strongroom_checkpoint_age_seconds") < 2)


def test_what_came_last_is_signed_before_a_node_that_is_stopped_ends(node):
    node.client(node.app).encrypt("demo", b"x")
    assert node.stop() == 0
    assert signed_size(node) == entries(node)
    anchor = (node.directory / "anchor" / "checkpoint").read_bytes()
    assert anchor.startswith(newest(node.store))


@pytest.mark.parametrize("room", ["custodian-1", "ledger"])
def test_whoever_is_killed_under_load_the_log_is_one(node, room):
    client = node.client()
    with Watched(node) as watched, Load(node) as load:
        for _ in range(4):
            time.sleep(0.7)
            before = client.rooms()[room]["pid"]
            os.kill(before, signal.SIGKILL)
            eventually(lambda: _pid(client, room) not in (None, before), seconds=8)  # noqa: B023 - called at once
            size = entries(node)
            eventually(lambda: signed_size(node) >= size, seconds=4)  # noqa: B023 - likewise
    load.check()
    assert node.stop() == 0
    auditor = watched.require_one_log(vkeys(node))
    assert len(auditor.seen) >= 4  # one after each kill at least


def _pid(client, room):
    try:
        return client.rooms()[room]["pid"]
    except (OSError, KeyError, ValueError):
        client.close()
        return None


def test_a_supervisor_that_is_killed_and_started_again_continues_the_log(node):
    with Watched(node) as watched:
        for _ in range(3):
            with Load(node) as load:
                time.sleep(1.5)
                node.kill()
                load.end()
            node.start()
            load.check()
        eventually(lambda: signed_size(node) == entries(node), seconds=5)
        assert node.stop() == 0
    auditor = watched.require_one_log(vkeys(node))
    assert len(auditor.seen) >= 5
    assert "not the log" not in node.log.read_text()


def test_two_custodians_are_never_notaries_at_once(node):
    """Both would write the anchor; the supervisor hears the one it appointed, and no other."""
    client = node.client()
    for _ in range(3):
        rooms = client.rooms()
        for name in ("custodian-1", "custodian-2"):
            os.kill(rooms[name]["pid"], signal.SIGKILL)
        eventually(lambda: _pid(client, "custodian-1") not in (None, rooms["custodian-1"]["pid"]))  # noqa: B023 - called at once
        eventually(lambda: _pid(client, "custodian-2") not in (None, rooms["custodian-2"]["pid"]))  # noqa: B023 - likewise
        eventually(lambda: signed_size(node) == entries(node), seconds=15)
    assert "does not go back" not in node.log.read_text()


# --- an anchor that cannot be written -------------------------------------------------------------


def test_without_an_anchor_nothing_is_committed_after_ten_seconds_until_there_is_one(node):
    admin, app = node.client(), node.client(node.app)
    eventually(lambda: signed_size(node) == entries(node), seconds=4)
    # Where the new file would be made there is something else: the disk's word for no.
    (node.directory / "anchor" / "checkpoint.new").mkdir()
    assert app.encrypt("demo", b"x").status == 200
    began = time.monotonic()
    eventually(lambda: "entries wait for a signed checkpoint" in node.log.read_text(), seconds=5)
    assert 1.5 < time.monotonic() - began < 9
    assert "the anchor cannot be written" in node.log.read_text()
    assert metric(admin, "strongroom_checkpoint_age_seconds") >= 2
    eventually(lambda: app.encrypt("demo", b"x").status == 503, seconds=12)
    assert 8.5 < time.monotonic() - began < 20
    refused = app.encrypt("demo", b"x")
    assert refused.json["code"] == "unavailable"
    assert "no checkpoint of the audit log was signed for 10 seconds" in refused.json["detail"]
    assert admin.ask("GET", "/v1/ready").status == 503
    assert admin.ask("GET", "/v1/health").status == 200
    size = entries(node)
    (node.directory / "anchor" / "checkpoint.new").rmdir()
    eventually(lambda: app.encrypt("demo", b"x").status == 200, seconds=5)
    eventually(lambda: signed_size(node) > size, seconds=5)
    assert "entries are in signed checkpoints again" in node.log.read_text()


# --- a database that is another one ---------------------------------------------------------------


def backup(node, to):
    source, target = sqlite3.connect(node.store), sqlite3.connect(to)
    source.backup(target)
    source.close()
    target.close()


def put_in_place(node, copy):
    for suffix in ("-wal", "-shm"):
        Path(f"{node.store}{suffix}").unlink(missing_ok=True)
    new = node.store.with_suffix(".other")
    shutil.copy(copy, new)
    new.replace(node.store)


@pytest.fixture
def older(node, tmp_path):
    """A copy of the database, of before the newest checkpoint."""
    eventually(lambda: signed_size(node) == entries(node), seconds=4)
    backup(node, tmp_path / "older.db")
    for _ in range(5):
        node.client(node.app).encrypt("demo", b"x")
    eventually(lambda: signed_size(node) == entries(node), seconds=4)
    return tmp_path / "older.db"


def require_fenced(node, what):
    client = node.client(node.app)
    refused = client.encrypt("demo", b"x")
    assert (refused.status, refused.json["code"]) == (503, "restored")
    assert what in refused.json["detail"]
    assert client.ask("GET", "/v1/status").json["code"] == "restored"
    ready = client.ask("GET", "/v1/ready")
    assert ready.status == 503
    assert what in ready.json["detail"]
    assert client.ask("GET", "/v1/health").status == 200


def environment(node):
    return {"STRONGROOM_URL": node.url, "STRONGROOM_TOKEN": node.admin}


def test_a_node_over_an_older_database_begins_and_does_nothing(node, older):
    assert node.stop() == 0
    anchor = (node.directory / "anchor" / "checkpoint").read_bytes()
    put_in_place(node, older)
    size = entries(node)
    node.spawn()
    eventually(lambda: "refuses everything" in node.log.read_text())
    node.read_environment()
    require_fenced(node, "it is an older copy")
    shown = strongroom("status", env={**ENVIRONMENT, **environment(node)})
    assert shown.returncode == 1
    assert "it is an older copy" in shown.stderr
    assert "accept-restore" in shown.stderr
    time.sleep(1.5)
    assert node.stop() == 0
    assert entries(node) == size
    assert (node.directory / "anchor" / "checkpoint").read_bytes() == anchor


def test_a_database_exchanged_beneath_a_running_node_stops_it_at_once(node, older):
    """The ledger is started again over an older copy; the notary knows better."""
    anchor = (node.directory / "anchor" / "checkpoint").read_bytes()
    put_in_place(node, older)
    os.kill(node.client().rooms()["ledger"]["pid"], signal.SIGKILL)
    client = node.client(node.app)

    def fenced():
        answer = client.encrypt("demo", b"x")
        return answer.status == 503 and answer.json["code"] == "restored"

    eventually(fenced, seconds=6)
    require_fenced(node, "signed")
    assert "nothing is done any more" in node.log.read_text()
    # Nor does a custodian that is started again.
    for pid in _custodians(node):
        os.kill(pid, signal.SIGKILL)
    eventually(fenced, seconds=6)
    assert (node.directory / "anchor" / "checkpoint").read_bytes() == anchor


def _custodians(node):
    ps = ["ps", "--ppid", str(node.process.pid), "-o", "pid=,args="]
    listed = subprocess.run(ps, capture_output=True, text=True, check=False).stdout.splitlines()
    return [int(line.split()[0]) for line in listed if " custodian " in line]
