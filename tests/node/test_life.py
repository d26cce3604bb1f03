"""A key's life in a whole node: two gates and two custodians, sealed, and the steward at work.

The node begins on a directory that was left a month ago: what came due since is done once. What
comes due in some seconds is asked for first and looked at last.
"""

import base64
import os
import signal
import threading
import time
from collections import Counter

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from strongroom.domain import limits
from strongroom.domain.times import rfc3339
from tests.support.nodes import Node, eventually
from tests.support.past import abandoned, files_have, left, wrapped
from tests.support.travel import arrived, travelling

STEWARD = "strongroom:steward"
DAYS = 31
LATE_SECONDS_MAX = 60  # docs/operate: a minute late at most
OF_EACH_KIND = [
    "aes-256-gcm", "hmac-sha256", "rsa-2048", "ec-p256", "ed25519", "ml-dsa-65", "x25519",
    "ml-kem-768", "x25519-ml-kem-768",
]  # fmt: skip
SEVERAL = 210  # versions; more than the steward erases in one commit


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    """The directory that was left, and the material in it that is to be gone."""
    directory = tmp_path_factory.mktemp("past") / "data"
    house = abandoned(directory, days=DAYS)
    desk, admin = house.desk(), house.admin
    before = wrapped(directory / "strongroom.db")
    desk.ask(admin, "key.create", name="doomed", rotation_days=0)
    for _ in range(SEVERAL - 1):
        desk.ask(admin, "key.rotate", "doomed")
    doomed = wrapped(directory / "strongroom.db") - before
    desk.ask(admin, "key.schedule-destruction", "doomed", days=7)
    desk.ask(admin, "key.create", name="spared")
    desk.ask(admin, "key.schedule-destruction", "spared", days=DAYS + 1)
    desk.ask(admin, "key.create", name="turning", rotation_days=1)
    desk.ask(admin, "key.create", name="empty", origin="imported")
    desk.ask(admin, "key.import-parameters", "empty", wrapping_key="rsa-2048")
    assert len(doomed) == SEVERAL
    assert files_have(directory / "strongroom.db", doomed) == doomed
    left(house, directory)
    return directory, doomed


@pytest.fixture(scope="module")
def node(past):
    with Node(past[0], gates=2, custodians=2) as node:
        yield node


@pytest.fixture(scope="module")
def admin(node):
    return node.client(timeout=60)


@pytest.fixture(scope="module")
def app(node):
    return node.client(node.app)


@pytest.fixture(scope="module", autouse=True)
def soon(node, admin):
    """What is to happen in some seconds: key, action, when."""
    at_us = time.time_ns() // 1000 + 15_000_000  # they are made by then
    made(admin, name="starts", activates=rfc3339(at_us))
    made(admin, name="ends", deactivates=rfc3339(at_us))
    made(admin, name="lent", origin="imported")
    brought(admin, "lent", os.urandom(32), expires=rfc3339(at_us))
    material = wrapped(node.store)
    return material, [
        ("starts", "key.activate", at_us), ("ends", "key.deactivate", at_us),
        ("lent", "key.expire-material", at_us),
    ]  # fmt: skip


def made(admin, **fields):
    answer = admin.ask("POST", "/v1/keys", fields)
    assert answer.status == 201, answer
    return answer.json


def asked(client, key, what, **fields):
    answer = client.ask("POST", f"/v1/keys/{key}/{what}", fields)
    assert answer.status == 200, answer
    return answer.json


def brought(admin, key, material, **fields):
    """Material imported as its owner does it."""
    given = asked(admin, key, "import-parameters", wrapping_key="rsa-2048")
    blob = travelling(base64.b64decode(given["public_key"]), material)
    body = {
        "import_token": given["import_token"],
        "wrapped_material": base64.b64encode(blob).decode(), **fields,
    }  # fmt: skip
    return asked(admin, key, "import", **body)


def hammered(node, ask, beside, clients=8):
    """Statuses and versions that so many clients got, who asked until `beside` had returned."""
    ended, got, wrong = threading.Event(), Counter(), []

    def one():
        client, mine = node.client(node.app), Counter()
        try:
            while not ended.is_set():
                answer = ask(client)
                mine[answer.status, answer.json.get("key_version")] += 1
        except BaseException as error:
            wrong.append(error)
            raise
        finally:
            client.close()
        got.update(mine)

    threads = [threading.Thread(target=one) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        beside()
    finally:
        ended.set()
        for thread in threads:
            thread.join(timeout=120)
    assert not wrong
    return got


# --- what came due while nothing ran --------------------------------------------------------------


def deeds(admin, key):
    events = admin.events(principal=STEWARD, key=key)
    return [(event["action"], event.get("details", {})) for event in events]


def test_what_was_missed_is_done_once_and_what_is_not_due_is_left(past, node, admin):
    _, doomed = past
    eventually(
        lambda: (
            all(deeds(admin, key) for key in ("turning", "empty"))
            and admin.ask("GET", "/v1/keys/doomed").json["state"] == "destroyed"
        ),
        seconds=LATE_SECONDS_MAX,
    )
    erased = [details["versions"] for action, details in deeds(admin, "doomed")]
    assert sum(erased) == SEVERAL
    assert len(erased) > 1
    assert not files_have(node.store, doomed)
    assert admin.ask("GET", "/v1/keys/spared").json["state"] == "destruction-scheduled"
    assert deeds(admin, "spared") == []
    assert deeds(admin, "turning") == [("key.rotate", {})]
    ((action, _),) = deeds(admin, "empty")
    assert action == "key.expire-import"


# --- under load -----------------------------------------------------------------------------------


def test_rotations_by_uses_are_seen_by_nobody_and_make_no_version_twice(node, admin):
    made(admin, name="busy", rotation_uses=limits.ROTATION_USES_MIN)

    def until_some_rotations():
        eventually(
            lambda: admin.ask("GET", "/v1/keys/busy").json["current_version"] >= 4, seconds=60
        )

    got = hammered(node, lambda client: client.encrypt("busy", b"x"), until_some_rotations, 16)
    assert {status for status, _ in got} == {200}
    current = admin.ask("GET", "/v1/keys/busy").json["current_version"]
    rotations = admin.events(action="key.rotate", key="busy")
    assert [event["version"] for event in rotations] == list(range(2, current + 1))
    # Never before the rule says so.
    assert all(got[200, version] >= limits.ROTATION_USES_MIN for version in range(1, current))


def test_an_alias_that_is_moved_always_names_a_key(node, admin):
    for name in ("left", "right"):
        made(admin, name=name)
    write = admin.ask("PUT", "/v1/aliases/either", {"key": "left"})
    assert write.status == 200

    def moves():
        for number in range(30):
            body = {"key": ("right", "left")[number % 2]}
            assert admin.ask("PUT", "/v1/aliases/either", body).status == 200

    got = hammered(node, lambda client: client.encrypt("alias:either", b"x"), moves)
    assert {status for status, _ in got} == {200}
    assert {"key/left", "key/right"} <= {
        event["object"] for event in admin.events(action="key.encrypt")
    }


def test_a_disabled_version_opens_nothing_once_that_was_answered(node, admin, app):
    made(admin, name="stopped")
    ciphertext = app.encrypt("stopped", b"x").json["ciphertext"]
    asked(admin, "stopped", "rotate")
    after = []

    def stops():
        for _ in range(10):
            asked(admin, "stopped", "disable", key_version=1)
            for _ in range(3):  # each may meet another gate and custodian
                client = node.client(node.app)
                after.append(client.decrypt(ciphertext).status)
                client.close()
            asked(admin, "stopped", "enable", key_version=1)
            after.append(app.decrypt(ciphertext).status)

    got = hammered(node, lambda client: client.decrypt(ciphertext), stops)
    assert after == [409, 409, 409, 200] * 10
    assert {status for status, _ in got} == {200, 409}


@pytest.mark.parametrize(
    ("control", "most", "refused"),
    [({"uses_max": 120}, 120, 409), ({"rate_uses": 70, "rate_seconds": 3_600}, 70, 429)],
    ids=["ever", "rate"],
)
def test_a_bound_is_kept_to_the_last_use(node, admin, control, most, refused):
    name = f"bound-{refused}"
    made(admin, name=name, control=control)
    answers = Counter()

    def until_refused():
        client, status = node.client(node.app), 200
        while status == 200:
            status = client.encrypt(name, b"x").status
            answers[status] += 1
        client.close()

    threads = [threading.Thread(target=until_refused) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert answers == {200: most, refused: 16}
    assert admin.ask("GET", f"/v1/keys/{name}/usage").json["uses"] == most


# --- in a sealed custodian ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exporter(node, admin):
    body = {"name": "exporter", "roles": ["key-exporter"]}
    assert admin.ask("POST", "/v1/principals", body).status == 201
    token = admin.ask("POST", "/v1/tokens", {"principal": "exporter"}).json["token"]
    return node.client(token)


@pytest.fixture(scope="module")
def recipient():
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return base64.b64encode(public).decode(), private


@pytest.mark.parametrize("algorithm", OF_EACH_KIND)
def test_material_of_each_kind_goes_out_and_comes_in(admin, exporter, recipient, algorithm):
    public, private = recipient
    made(admin, name=f"out-{algorithm}", algorithm=algorithm, exportable=True)
    asked(admin, f"out-{algorithm}", "rotate")
    exported = asked(exporter, f"out-{algorithm}", "export", public_key=public, key_version=1)
    material = arrived(private, base64.b64decode(exported["wrapped_material"]))
    made(admin, name=f"in-{algorithm}", algorithm=algorithm, origin="imported")
    assert brought(admin, f"in-{algorithm}", material)["current_version"] == 1
    backup = asked(admin, f"out-{algorithm}", "backup")
    assert backup["versions"] == 2
    refused = admin.ask("POST", "/v1/restore", {"backup": backup["backup"], "name": "again"})
    assert (refused.status, refused.json["code"]) == (409, "already-exists")


@pytest.mark.parametrize(
    ("length", "status"), [(limits.BACKUP_BYTES_MAX, 400), (limits.BACKUP_BYTES_MAX + 1, 413)]
)
def test_the_largest_backup_passes_the_gate_and_no_larger_one(admin, length, status):
    blob = base64.b64encode(b"SRBK\x01".ljust(length, b" ")).decode()
    assert admin.ask("POST", "/v1/restore", {"backup": blob}).status == status


def test_a_rotation_after_the_last_time_there_is_is_refused_and_lists_go_on(admin):
    body = {"name": "never", "activates": "9998-01-01T00:00:00Z", "rotation_days": 3_650}
    assert admin.ask("POST", "/v1/keys", body).status == 400
    assert admin.ask("GET", "/v1/keys?limit=1000").status == 200


# --- what was to happen in some seconds -----------------------------------------------------------


def test_what_comes_due_is_done_within_a_minute_also_by_a_killed_ones_successor(node, admin, soon):
    at_us = time.time_ns() // 1000 + 5_000_000
    made(admin, name="ends-later", deactivates=rfc3339(at_us))
    killed = admin.rooms()["custodian-1"]["pid"]
    os.kill(killed, signal.SIGKILL)

    def succeeded():
        answer = admin.ask("GET", "/v1/status")
        if answer.status != 200:
            return False
        return killed not in [room["pid"] for room in answer.json["rooms"]]

    eventually(succeeded)
    material, expected = soon
    for key, action, due_us in [*expected, ("ends-later", "key.deactivate", at_us)]:
        eventually(lambda key=key: deeds(admin, key), seconds=LATE_SECONDS_MAX)
        (event,) = admin.events(principal=STEWARD, key=key)
        assert event["action"] == action
        done = event["time"]
        assert rfc3339(due_us) <= done <= rfc3339(due_us + LATE_SECONDS_MAX * 1_000_000)
    gone = material - wrapped(node.store)
    assert gone
    assert not files_have(node.store, gone)
    assert not admin.ask("GET", "/v1/keys/lent").json["versions"][0]["material"]


def test_the_log_says_nothing_of_any_failure(node):
    said = node.log.read_text()
    assert '"level": "error"' not in said
    assert "ended and is started again" in said  # the custodian that was killed
