"""The courier in a whole node: sinks that die, are deaf, and are killed for; the room itself."""

import base64
import json
import os
import signal
import time
from pathlib import Path

import pytest

from strongroom.tlog.merkle import leaf_hash
from tests.support.certificates import write_certificate
from tests.support.load import Load
from tests.support.nodes import eventually, strongroom
from tests.support.ports import free_port
from tests.support.receivers import SyslogReceiver, Webhook, server_context
from tests.support.served import served


@pytest.fixture
def place(tmp_path):
    write_certificate(tmp_path)
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_bytes(b"whsec_" + base64.b64encode(bytes(32)))
    return tmp_path


def archive(place):
    """The lines of the file sink, the rotated ones first."""
    path = place / "audit.jsonl"
    files = sorted(place.glob("audit.jsonl.*"), key=lambda each: -int(each.suffix[1:]))
    return [json.loads(line) for each in (*files, path) for line in each.read_bytes().splitlines()]


FILE = '[[sinks]]\nkind = "file"\nname = "archive"\npath = "audit.jsonl"\nfrom = "beginning"\n'


def syslog(receiver):
    return (
        f'[[sinks]]\nkind = "syslog"\nname = "siem"\naddress = "{receiver.address}"\n'
        'tls_ca = "chain.pem"\nfrom = "beginning"\n'
    )


def webhook(receiver, **more):
    settings = "".join(f"{name} = {json.dumps(value)}\n" for name, value in more.items())
    return (
        f'[[sinks]]\nkind = "webhook"\nname = "hook"\nurl = "{receiver.url}"\n'
        f'secret_file = "secret"\ntls_ca = "chain.pem"\nfrom = "beginning"\n{settings}'
    )


def position(message):
    return int(message.partition(b'position="')[2].partition(b'"')[0])


def fresh(positions):
    """Each where it came first."""
    return list(dict.fromkeys(positions))


def test_entries_arrive_at_every_kind_of_sink_as_they_are_in_the_log(place):
    with (
        SyslogReceiver(server_context(place)) as siem,
        Webhook(server_context(place)) as hook,
        served(place, FILE + syslog(siem) + webhook(hook, actions=["key.encrypt"])) as node,
    ):
        client, app = node.client(), node.client(node.app)
        for number in range(20):
            assert app.encrypt("demo", b"%d" % number).status == 200
        uses = client.events(action="key.encrypt", limit=100)

        def there():
            return len(hook.lines) == 20 and len(archive(place)) == len(siem.messages)

        eventually(there)
        lines = archive(place)
        assert [line["position"] for line in lines] == list(range(len(lines)))
        assert fresh(map(position, siem.messages)) == list(range(len(lines)))
        assert [line["entry"]["request"] for line in hook.lines] == [
            each["request"] for each in uses
        ]
        raw = (place / "audit.jsonl").read_bytes().splitlines()
        for line, text in zip(lines, raw, strict=True):
            body = text.partition(b'"entry":')[2][:-1]
            assert leaf_hash(body).hex() == line["leaf_hash"]
        eventually(lambda: node.metric("strongroom_sink_lag_entries", sink="archive") == 0)
        assert node.metric("strongroom_sink_failures_total", sink="siem") == 0
        # At the end it arrives, too.
        app.encrypt("demo", b"last")
        node.stop()
        assert len(hook.lines) == 21
        assert "key.encrypt" in [line["entry"]["action"] for line in archive(place)[-3:]]


def test_dead_and_deaf_sinks_hold_up_neither_operations_nor_the_others(place):
    port = free_port()
    dead = f'[[sinks]]\nkind = "syslog"\nname = "dead"\naddress = "127.0.0.1:{port}"\ntls = false\n'
    nowhere = '[[sinks]]\nkind = "file"\nname = "nowhere"\npath = "no/such/folder"\n'
    with Webhook(server_context(place)) as deaf:
        deaf.stuck.set()
        with served(place, FILE + dead + nowhere + webhook(deaf)) as node:
            client = node.client()
            eventually(lambda: deaf.seen)
            with Load(node) as load:
                eventually(lambda: load.answered > 1_000, 60)
            assert not load.wrong
            assert load.statuses == {200}
            count = client.ask("GET", "/v1/status").json["tree_size"]
            eventually(lambda: len(archive(place)) >= count)
            eventually(lambda: node.said("a sink does not take entries"))
            assert node.metric("strongroom_sink_failures_total", sink="dead") > 0
            assert node.metric("strongroom_sink_failures_total", sink="nowhere") > 0
            assert node.metric("strongroom_sink_lag_entries", sink="hook") >= count
            assert node.metric("strongroom_sink_lag_seconds", sink="hook") > 0
            assert {
                line["name"]: line["reason"] for line in node.said("a sink does not take entries")
            } == {
                "dead": "connection refused",
                "nowhere": "no such file or directory",
            }
            assert client.ask("GET", "/v1/ready").status == 200
            assert node.stop() == 0


def test_receiver_that_dies_in_the_middle_gets_everything_again(place):
    with SyslogReceiver(server_context(place)) as siem:
        siem.dies_after = 3
        with served(place, syslog(siem)) as node:
            client, app = node.client(), node.client(node.app)
            for number in range(30):
                app.encrypt("demo", b"%d" % number)
                if number % 10 == 5:
                    siem.dies_after = 2
                    siem.dies_quietly = not siem.dies_quietly
            size = client.ask("GET", "/v1/status").json["tree_size"]
            eventually(lambda: set(range(size)) <= set(map(position, siem.messages)), 30)
            found = fresh(map(position, siem.messages))
            assert found == list(range(len(found)))


def test_killed_courier_loses_nothing_and_keeps_the_order(place):
    with (
        SyslogReceiver(server_context(place)) as siem,
        Webhook(server_context(place)) as hook,
        served(place, FILE + syslog(siem) + webhook(hook)) as node,
    ):
        client = node.client()
        with Load(node) as load:
            for _ in range(4):
                time.sleep(0.7)
                before = client.rooms()["courier"]["pid"]
                answered = load.answered
                os.kill(before, signal.SIGKILL)
                eventually(lambda before=before: _other_courier(client, before))
                eventually(lambda answered=answered: load.answered > answered + 50)
        assert load.broken == 0
        assert load.statuses == {200}
        size = client.ask("GET", "/v1/status").json["tree_size"]

        def positions():
            return (
                [line["position"] for line in archive(place)],
                [position(message) for message in siem.messages],
                [line["position"] for line in hook.lines],
            )

        eventually(lambda: all(set(range(size)) <= set(each) for each in positions()), 60)
        for each in positions():
            assert fresh(each) == list(range(len(fresh(each))))
        assert client.rooms()["courier"]["restarts"] == 4


def _other_courier(client, before):
    rooms = client.rooms()
    return "courier" in rooms and rooms["courier"]["pid"] != before


def test_stopped_node_goes_on_where_it_was(place):
    with SyslogReceiver(server_context(place)) as siem:
        with served(place, syslog(siem)) as node:
            node.client(node.app).encrypt("demo", b"1")
        first = len(siem.messages)
        with served(place, syslog(siem)) as node:
            node.client(node.app).encrypt("demo", b"2")
        eventually(lambda: len(siem.messages) > first)
        found = list(map(position, siem.messages))
        assert found == list(range(len(found)))


def test_courier_gives_way_and_holds_no_key_and_no_database(place):
    with served(place, FILE) as node:
        client, app = node.client(), node.client(node.app)
        app.encrypt("demo", b"1")
        eventually((place / "audit.jsonl").is_file)
        pid = client.rooms()["courier"]["pid"]
        assert int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[16]) == 10
        held = {os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir()}
        assert str(place / "audit.jsonl") in held
        assert not any("strongroom.db" in each for each in held)
        maps = Path(f"/proc/{pid}/maps").read_text()
        assert "/apsw/" not in maps
        assert "/nacl/" not in maps


def test_sink_that_cannot_be_set_up_is_refused_at_start_in_one_line(place):
    with served(place, "") as node:
        config = node.directory.with_name("strongroom.toml")
    (place / "secret").chmod(0o644)
    with config.open("a") as file:
        file.write('[[sinks]]\nkind = "webhook"\nname = "h"\nurl = "https://h"\n')
        file.write('secret_file = "secret"\n')
    done = strongroom("serve", "--config", config, "--passphrase-file", place / "passphrase")
    assert done.returncode == 2
    assert "the sink 'h'" in done.stderr
    assert "chmod 600" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_secret_of_a_sink_is_in_no_log(place):
    with Webhook(server_context(place)) as hook:
        hook.answers = [500] * 3
        with served(place, webhook(hook)) as node:
            eventually(lambda: hook.requests)
            node.stop()
            said = node.log.read_text()
    assert "a sink takes entries again" in said
    assert (place / "secret").read_text().strip() not in said
