"""Sinks, against receivers that listen, die, are deaf, or are somebody else."""

import base64
import hashlib
import hmac
import os
import re
import socket
import stat

import pytest
from cryptography.hazmat.primitives import serialization

from strongroom.adapters import posting, sinks
from strongroom.adapters.sinks.syslog import encoded, severity
from strongroom.domain.events import Event, Outcome
from strongroom.ports.sinks import (
    FileSettings,
    Parcel,
    SinkFailed,
    SyslogSettings,
    WebhookSettings,
    host_and_port,
)
from tests.support.certificates import write_certificate
from tests.support.nodes import eventually
from tests.support.ports import free_port
from tests.support.receivers import SyslogReceiver, Webhook, server_context

SECRET = b"0123456789abcdef0123456789abcdef"


class Clock:
    def now_us(self):
        return 1_800_000_000_000_000


def parcel(position, text=None, **fields):
    event = Event(
        action="key.decrypt", format=2, namespace="default", outcome=Outcome.ALLOWED,
        request="r", time="2027-01-15T08:00:00.000001Z",
    )  # fmt: skip
    for name, value in fields.items():
        event = type(event)(
            **{**{f: getattr(event, f) for f in event.__struct_fields__}, name: value}
        )
    line = (text or f'{{"position":{position}}}').encode() + b"\n"
    return Parcel(position, event, line)


def made(settings, header=b""):
    return sinks.made(settings, media_type="application/jsonl", header=header, clock=Clock())


def hand_over(sink, *batches):
    """All of it, until it has arrived."""
    for batch in batches:
        sink.send(batch)
    sink.settle()


@pytest.fixture
def tls(tmp_path):
    write_certificate(tmp_path)
    return tmp_path


@pytest.fixture
def quick(monkeypatch):
    """Nobody waits fifteen seconds for a receiver that is deaf on purpose."""
    monkeypatch.setattr("strongroom.adapters.sinks.syslog._WAIT_SECONDS", 0.5)
    monkeypatch.setattr("strongroom.adapters.posting._WAIT_SECONDS", 0.5)


# --- syslog ---------------------------------------------------------------------------------------


def syslog(receiver, tls=None, **more):
    given = {"name": "siem", "address": receiver.address, "hostname": "kms", **more}
    given |= {"tls": False} if tls is None else {"tls_ca": str(tls / "chain.pem")}
    return made(SyslogSettings(**given))


@pytest.mark.parametrize("polite", [True, False])
def test_messages_arrive_over_tls_and_are_there_when_settled(tls, polite):
    with SyslogReceiver(server_context(tls), polite=polite) as receiver:
        sink = syslog(receiver, tls)
        for first in (0, 3):
            assert sink.send([parcel(first + each) for each in range(3)]) is False
        sink.settle()
        assert receiver.connections == 1
        assert len(receiver.messages) == 6
        sink.settle()  # of nothing
        sink.send([parcel(6)])
        sink.settle()
        assert receiver.connections == 2
        assert receiver.messages[6] == (
            b"<110>1 2027-01-15T08:00:00.000001Z kms strongroom - key.decrypt "
            b'[strongroom@32473 position="6" namespace="default" outcome="allowed"] '
            b'{"position":6}'
        )


def test_messages_arrive_in_the_clear_on_this_machine():
    with SyslogReceiver() as receiver:
        sink = syslog(receiver)
        sink.send([parcel(0), parcel(1)])
        sink.settle()
        assert [b'position="0"' in each for each in receiver.messages] == [True, False]


@pytest.mark.parametrize("over_tls", [True, False])
@pytest.mark.parametrize("quietly", [True, False])
def test_receiver_that_dies_with_something_unread_has_not_got_it(tls, over_tls, quietly):
    """It dies in the middle of a batch, by a reset or as a killed program's connections end."""
    with SyslogReceiver(server_context(tls) if over_tls else None) as receiver:
        receiver.dies_after, receiver.dies_quietly = 2, quietly
        sink = syslog(receiver, tls if over_tls else None)
        parcels = [parcel(each, "x" * 900) for each in range(4_000)]
        with pytest.raises(SinkFailed):
            hand_over(sink, *(parcels[first : first + 500] for first in range(0, 4_000, 500)))
        sink.close()
        # Again, to one that lives.
        sink.send([parcel(0), parcel(1)])
        sink.settle()
        assert receiver.messages[-1].endswith(b'{"position":1}')


def test_receiver_that_went_away_before_the_batch_has_not_got_it():
    """Its end of the connection is in our machine already, and nobody has read it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        sink = made(SyslogSettings(name="siem", address=f"127.0.0.1:{port}", tls=False))
        sink.send([parcel(0)])
        line, _ = listening.accept()
        assert line.recv(65_536)
        line.close()  # in order: it has read everything so far
        with pytest.raises(SinkFailed):
            hand_over(sink, [parcel(1)])
        sink.close()


def test_deaf_receiver_is_given_up_after_a_while(tls, quick):
    with SyslogReceiver(server_context(tls)) as receiver:
        receiver.deaf.set()
        sink = syslog(receiver, tls)
        with pytest.raises(SinkFailed, match="in time"):
            sink.send([parcel(0)])
    with SyslogReceiver() as receiver:
        receiver.deaf.set()
        sink = syslog(receiver)
        sink.send([parcel(0)])
        with pytest.raises(SinkFailed, match="in time"):
            sink.settle()


def test_receiver_that_is_not_there_is_said_so():
    port = free_port()
    sink = made(SyslogSettings(name="siem", address=f"127.0.0.1:{port}", tls=False))
    with pytest.raises(SinkFailed, match="connection refused"):
        sink.send([parcel(0)])


def test_certificate_of_somebody_else_is_refused(tls, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    write_certificate(other)
    with SyslogReceiver(server_context(other)) as receiver:
        with pytest.raises(SinkFailed, match="certificate is not valid"):
            syslog(receiver, tls).send([parcel(0)])
        assert not receiver.messages


def test_certificate_for_another_name_is_refused(tls):
    with SyslogReceiver(server_context(tls)) as receiver:
        sink = syslog(receiver, tls)
        sink._host, name = "127.0.0.2", sink._host  # noqa: F841 - the same machine, not in the names
        with socket.create_server(("127.0.0.2", 0)) as listening:
            sink._port = listening.getsockname()[1]
            listening.settimeout(5)
            import threading

            def serve():
                line, _ = listening.accept()
                try:
                    server_context(tls).wrap_socket(line, server_side=True).close()
                except OSError:
                    line.close()

            thread = threading.Thread(target=serve)
            thread.start()
            with pytest.raises(SinkFailed, match="certificate is not valid"):
                sink.send([parcel(0)])
            thread.join()


def test_receiver_may_ask_for_a_certificate(tls):
    own = {"tls_certificate": str(tls / "chain.pem"), "tls_key": str(tls / "key.pem")}
    with SyslogReceiver(server_context(tls, asks_for_certificate=True)) as receiver:
        sink = syslog(receiver, tls, **own)
        sink.send([parcel(0)])
        sink.settle()
        assert len(receiver.messages) == 1
        without = syslog(receiver, tls)
        with pytest.raises(SinkFailed):  # TLS 1.3 says so with the first bytes that come back
            hand_over(without, [parcel(1)])
        assert len(receiver.messages) == 1


def _message(given, bytes_max=8_192):
    return encoded(given, priority=110, hostname="-", enterprise=32473, bytes_max=bytes_max)


def test_long_message_is_cut_between_characters_and_says_how_long_it_was():
    text = "ä" * 5_000
    for bytes_max in range(1_024, 1_032):
        message = _message(parcel(0, text), bytes_max)
        assert bytes_max - 1 <= len(message) <= bytes_max
        assert b' truncated="10000"]' in message
        assert set(message.decode().partition("] ")[2]) == {"ä"}
    whole = _message(parcel(0, text), 20_000)
    assert b"truncated" not in whole
    assert whole.decode().endswith(text)


def test_structured_data_is_escaped():
    message = _message(parcel(0, namespace='a"]\\b'))
    assert rb'namespace="a\"\]\\b"' in message


def test_severity_says_what_an_entry_is():
    assert severity(parcel(0).event) == 6
    assert severity(parcel(0, outcome=Outcome.REFUSED).event) == 4
    assert severity(parcel(0, action="alert.raise").event) == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"address": "siem.example"}, "not an address"),
        ({"address": "siem.example:0"}, "not an address"),
        ({"address": "siem example:6514"}, "not an address"),
        ({"address": "::1:6514"}, "not an address"),
        ({"address": "siem.example:601", "tls": False}, "TLS is needed"),
        ({"address": "192.0.2.1:601", "tls": False}, "TLS is needed"),
        ({"address": "s:1", "tls_ca": "/nowhere.pem"}, "no certificates that can be read"),
        (
            {"address": "s:1", "tls_certificate": "/nowhere.pem", "tls_key": "/no.pem"},
            "are not a certificate",
        ),
    ],
)
def test_syslog_that_cannot_be_set_up_is_refused(given, said):
    with pytest.raises(ValueError, match=re.escape(said)) as refused:
        made(SyslogSettings(name="siem", **given))
    assert "\n" not in str(refused.value)


def test_authorities_that_are_none_are_refused(tmp_path):
    path = tmp_path / "ca.pem"
    path.write_text("no certificate")
    with pytest.raises(ValueError, match="no certificates that can be read"):
        made(SyslogSettings(name="siem", address="s:1", tls_ca=str(path)))


def test_key_with_a_passphrase_is_refused_and_nobody_is_asked_for_it(tls):
    key = serialization.load_pem_private_key((tls / "key.pem").read_bytes(), None)
    (tls / "locked.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"passphrase"),
        )
    )
    with pytest.raises(ValueError, match="the key has a passphrase"):
        made(
            SyslogSettings(
                name="siem",
                address="s:1",
                tls_certificate=str(tls / "chain.pem"),
                tls_key=str(tls / "locked.pem"),
            )
        )


@pytest.mark.parametrize(
    ("name", "shown"), [("kms1", b" kms1 "), ("", b" - "), ("a b", b" - "), ("kä", b" - ")]
)
def test_name_of_the_machine_is_in_the_message_if_it_can_be(monkeypatch, name, shown):
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    with SyslogReceiver() as receiver:
        hand_over(syslog(receiver, hostname=""), [parcel(0)])
        assert shown in receiver.messages[0].partition(b"[")[0]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("siem.example:6514", ("siem.example", 6514)),
        ("[2001:db8::1]:6514", ("2001:db8::1", 6514)),
        ("127.0.0.1:1", ("127.0.0.1", 1)),
    ],
)
def test_host_and_port_are_read(text, found):
    assert host_and_port(text) == found


# --- webhook --------------------------------------------------------------------------------------


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.touch(mode=0o600)
    path.write_bytes(b"whsec_" + base64.b64encode(SECRET) + b"\n")
    return path


def webhook(receiver, secret, tls=None, path="/in"):
    given = {"name": "hook", "url": receiver.url + path, "secret_file": str(secret)}
    given |= {} if tls is None else {"tls_ca": str(tls / "chain.pem")}
    return made(WebhookSettings(**given))


def test_lines_are_posted_and_signed(tls, secret):
    """The signature is made again here from the standard's words: HMAC of `id.timestamp.body`."""
    with Webhook(server_context(tls)) as receiver:
        sink = webhook(receiver, secret, tls)
        assert sink.send([parcel(7), parcel(9)]) is True
        sink.settle()
        sink.close()
    ((headers, body),) = receiver.requests
    assert body == b'{"position":7}\n{"position":9}\n'
    assert headers["Content-Type"] == "application/jsonl"
    number = f"hook-7-9-{hashlib.sha256(body).hexdigest()[:16]}"
    assert headers["webhook-id"] == number
    assert headers["webhook-timestamp"] == "1800000000"
    signed = number.encode() + b".1800000000." + body
    expected = hmac.new(SECRET, signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(expected).decode()}"
    assert "whsec" not in repr(headers)


def test_connection_is_kept_and_found_closed(secret):
    with Webhook() as receiver:
        sink = webhook(receiver, secret)
        sink.send([parcel(0)])
        sink.send([parcel(1)])
        # The receiver hung up meanwhile: nothing is said of it, and nothing is lost.
        sink._poster._connection.sock.shutdown(socket.SHUT_RDWR)
        sink.send([parcel(2)])
        sink.close()
        assert [line["position"] for line in receiver.lines] == [0, 1, 2]


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 413, 500, 503])
def test_only_success_is_success_and_nobody_is_followed(secret, status):
    with Webhook() as receiver:
        receiver.answers = [status]
        sink = webhook(receiver, secret)
        with pytest.raises(SinkFailed):
            sink.send([parcel(0)])
        sink.close()
        assert [path for path, _, _ in receiver.seen] == ["/in"]
        assert not receiver.requests


def test_webhook_of_somebody_else_is_sent_nothing(tls, secret, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    write_certificate(other)
    with Webhook(server_context(other)) as receiver:
        sink = webhook(receiver, secret, tls)
        with pytest.raises(SinkFailed, match="certificate is not valid"):
            sink.send([parcel(0)])
        assert not receiver.seen


def test_webhook_that_answers_nothing_is_given_up_after_a_while(secret, quick):
    with Webhook() as receiver:
        receiver.stuck.set()
        sink = webhook(receiver, secret)
        with pytest.raises(SinkFailed, match="in time"):
            sink.send([parcel(0)])


def test_receiver_that_is_gone_after_a_while_is_said_so(secret):
    with Webhook() as receiver:
        sink = webhook(receiver, secret)
        sink.send([parcel(0)])
    # The connection that was kept is closed, and there is nobody to make a new one with.
    with pytest.raises(SinkFailed, match="connection refused"):
        sink.send([parcel(1)])


def test_long_answer_is_not_read_and_does_no_harm(secret):
    with Webhook() as receiver:
        receiver.answers = [(200, b"x" * 10_000_000), (200, b"short")]
        sink = webhook(receiver, secret)
        sink.send([parcel(0)])
        sink.send([parcel(1)])
        sink.close()
        assert [line["position"] for line in receiver.lines] == [0, 1]


def test_name_that_nobody_knows_is_said_so(secret):
    sink = made(WebhookSettings(name="h", url="https://nobody.invalid/", secret_file=str(secret)))
    with pytest.raises(SinkFailed, match="name is not known"):
        sink.send([parcel(0)])


def test_what_is_not_http_is_said_so(secret):
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            line, _ = listening.accept()
            with line:
                line.recv(65_536)
                line.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        port = listening.getsockname()[1]
        sink = made(
            WebhookSettings(name="h", url=f"http://127.0.0.1:{port}", secret_file=str(secret))
        )
        with pytest.raises(SinkFailed, match="not HTTP"):
            sink.send([parcel(0)])
        thread.join()


@pytest.mark.parametrize(
    "content",
    [b"", b"whsec_", b"whsec_c2hvcnQ=", base64.b64encode(SECRET), b"whsec_!!", b"hunter2" * 10,
     b"whsec_" + base64.b64encode(bytes(65))],
)  # fmt: skip
def test_secret_that_is_none_is_refused_and_not_shown(secret, content):
    secret.write_bytes(content)
    with pytest.raises(ValueError, match="whsec_ and the base64") as refused:
        made(WebhookSettings(name="h", url="https://siem.example", secret_file=str(secret)))
    assert "hunter2" not in str(refused.value)


def test_secret_that_others_can_read_is_refused(secret):
    secret.chmod(0o640)
    with pytest.raises(ValueError, match="may be read by others"):
        made(WebhookSettings(name="h", url="https://siem.example", secret_file=str(secret)))


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://siem.example/in", (True, "siem.example", 443, "/in")),
        ("https://siem.example:8443?a=b", (True, "siem.example", 8443, "/?a=b")),
        ("http://127.0.0.1", (False, "127.0.0.1", 80, "/")),
        ("http://[::1]:8000/x", (False, "::1", 8000, "/x")),
        ("http://localhost:1/", (False, "localhost", 1, "/")),
    ],
)
def test_url_is_read(url, found):
    assert posting.target(url) == found


@pytest.mark.parametrize(
    "url",
    ["", "siem.example", "ftp://siem.example", "https://", "https://u:p@siem.example",
     "https://siem.example/#x", "http://siem.example", "http://192.0.2.1/", "https://a:b:c/",
     "https://siem.example:99999/", "https://[::1", "https://siem.example/\r\nX: y",
     "https://siem.example/ä", "https://siem.example/a b", "https://siem\u2028example/"],
)  # fmt: skip
def test_url_that_is_none_is_refused(url):
    with pytest.raises(ValueError, match=r"is not a URL|begin with https|percent-encoded"):
        posting.target(url)


# --- file -----------------------------------------------------------------------------------------


def file(path, header=b"", **more):
    return made(FileSettings(name="archive", path=str(path), **more), header)


def test_lines_are_appended_for_the_owner_alone(tmp_path):
    path = tmp_path / "audit.jsonl"
    sink = file(path)
    assert sink.send([parcel(0), parcel(1)]) is True
    sink.close()
    again = file(path)
    again.send([parcel(2)])
    again.close()
    assert path.read_text() == "".join(f'{{"position":{each}}}\n' for each in range(3))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_header_stands_once_in_each_file(tmp_path):
    path = tmp_path / "audit.csv"
    for position in range(2):
        sink = file(path, b"position\r\n")
        sink.send([parcel(position)])
        sink.close()
    assert path.read_bytes().count(b"position\r\n") == 1


def test_line_that_was_cut_short_is_taken_away(tmp_path):
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b'{"position":0}\n{"posi' + b"x" * 200_000)
    sink = file(path)
    sink.send([parcel(1)])
    sink.close()
    assert path.read_bytes() == b'{"position":0}\n{"position":1}\n'
    path.write_bytes(b"torn")
    sink = file(path)
    sink.send([parcel(1)])
    sink.close()
    assert path.read_bytes() == b'{"position":1}\n'


def test_full_disk_leaves_no_part_of_a_batch(tmp_path, monkeypatch):
    path = tmp_path / "audit.jsonl"
    sink = file(path)
    sink.send([parcel(0)])
    real = os.write
    left = [10]

    def full(descriptor, data):
        if not left[0]:
            raise OSError(28, "No space left on device")
        written = real(descriptor, bytes(data[: left[0]]))
        left[0] = 0
        return written

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(SinkFailed, match="no space left"):
        sink.send([parcel(1), parcel(2)])
    monkeypatch.undo()
    assert path.read_bytes() == b'{"position":0}\n'
    sink.send([parcel(1)])
    sink.close()
    assert path.read_bytes() == b'{"position":0}\n{"position":1}\n'


def test_file_is_moved_aside_at_its_size_and_so_many_are_kept(tmp_path):
    path = tmp_path / "audit.jsonl"
    sink = file(path, b"h\n", bytes_max=2**20, keep=2)
    for number in range(8):
        sink.send([parcel(number, f"{number}" * 2**19)])
    sink.close()
    found = {
        each.name: re.sub(rb"(.)\1+", rb"\1", each.read_bytes()) for each in tmp_path.iterdir()
    }
    # One of 512 KiB fits beside the header, two do not.
    assert found == {
        "audit.jsonl": b"h\n7\n", "audit.jsonl.1": b"h\n6\n", "audit.jsonl.2": b"h\n5\n",
    }  # fmt: skip


def test_batch_above_the_size_is_written_whole(tmp_path):
    path = tmp_path / "audit.jsonl"
    sink = file(path, bytes_max=2**20)
    sink.send([parcel(0, "x" * 2**21)])
    sink.close()
    assert path.stat().st_size == 2**21 + 1
    assert not path.with_name("audit.jsonl.1").exists()


@pytest.mark.parametrize("what", ["link", "folder", "pipe", "missing"])
def test_what_is_no_file_of_ours_is_refused(tmp_path, what):
    path = tmp_path / "audit.jsonl"
    if what == "link":
        path.symlink_to(tmp_path / "elsewhere")
    elif what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    else:
        path = tmp_path / "nowhere" / "audit.jsonl"
    with pytest.raises(SinkFailed):
        file(path).send([parcel(0)])
    assert not (tmp_path / "elsewhere").exists()


def test_receivers_of_these_tests_have_heard_everything(tls):
    """So that a test that expects nothing is not deaf itself."""
    with SyslogReceiver(server_context(tls)) as receiver:
        sink = syslog(receiver, tls)
        sink.send([parcel(0)])
        eventually(lambda: len(receiver.messages) == 1)
        sink.close()
