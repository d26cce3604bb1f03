"""What a client may do to a gate by HTTP alone, and what becomes of it."""

import asyncio
import http.client
import json
import os
import socket
import ssl
import struct
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import uvicorn
from uvicorn.server import ServerState

from strongroom.domain import limits
from strongroom.node.connection import Connection
from tests.support.certificates import write_certificate
from tests.support.nodes import Node, Served, strongroom
from tests.support.ports import free_port


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    with Node(tmp_path_factory.mktemp("node") / "data") as node:
        yield node


@pytest.fixture
def line(node):
    host, port = node.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as line:
        yield line


def _response(line):
    """Status and problem, read to the end of the connection or of the body."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = line.recv(65536)
        if not piece:
            return None, None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    headers = dict(each.split(b": ", 1) for each in head.lower().split(b"\r\n")[1:])
    while len(body) < int(headers[b"content-length"]):
        body += line.recv(65536)
    return int(head.split()[1]), json.loads(body)


def _is_closed(line):
    try:
        return line.recv(1) == b""
    except ConnectionResetError:
        return True


def test_what_is_not_http_gets_a_problem_and_is_hung_up_on(line):
    line.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 not http\r\n\r\n")
    status, problem = _response(line)
    assert status == 400
    assert problem["code"] == "invalid-request"
    assert len(problem["request_id"]) == 32
    assert _is_closed(line)


def test_headers_above_the_limit_are_refused(line):
    many = b"".join(b"X-Header-%d: %s\r\n" % (n, b"x" * 1000) for n in range(40))
    line.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n" + many + b"\r\n")
    status, problem = _response(line)
    assert status == 431
    assert str(limits.HEADER_BYTES_MAX) in problem["detail"]
    assert _is_closed(line)


def test_header_that_never_ends_is_refused_before_it_fills_memory(line):
    line.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\nX-Long: ")
    sent = 0
    try:
        while sent < 50 * 1024 * 1024:
            line.sendall(b"x" * 65536)
            sent += 65536
    except OSError:
        pass
    assert sent < 10 * 1024 * 1024


def test_request_line_above_the_limit_is_refused(line):
    line.sendall(b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    status, _ = _response(line)
    assert status == 431


def test_headers_that_trickle_are_given_up_on(line):
    began = time.monotonic()
    line.sendall(b"GET /v1/health HTTP/1.1\r\nHost: ")
    line.settimeout(limits.HEADERS_SECONDS_MAX + 60)
    assert _is_closed(line)
    assert time.monotonic() - began >= limits.HEADERS_SECONDS_MAX - 1


def test_body_that_is_announced_above_the_limit_is_refused_unread(node, line):
    line.sendall(
        b"POST /v1/decrypt HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        + f"Authorization: Bearer {node.app}\r\n".encode()
        + b"Content-Length: 99999999999\r\n\r\n"
    )
    status, problem = _response(line)
    assert status == 413
    assert problem["code"] == "too-large"


def test_two_requests_in_one_go_are_answered_in_their_order(line):
    one = b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n"
    line.sendall(one + b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    data = b""
    while piece := line.recv(65536):
        data += piece
    assert data.index(b"200 OK") < data.index(b"404 Not Found")


def test_many_connections_at_once_are_all_served(node):
    host, port = node.url.removeprefix("http://").split(":")
    lines = [socket.create_connection((host, int(port)), timeout=60) for _ in range(300)]
    for line in lines:
        line.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert {_response(line)[0] for line in lines} == {200}
    for line in lines:
        line.close()


def test_every_page_has_its_own_request_id_and_is_not_kept(node):
    client = node.client()
    seen = set()
    for path in ("/v1/health", "/v1/ready", "/metrics", "/openapi.json", "/docs", "/nothing"):
        answer = client.ask("GET", path)
        seen.add(answer.request_id)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert len(seen) == 6


def test_readable_page_has_no_foreign_assets_and_no_script(node):
    page = node.client().ask("GET", "/docs")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert b"<script" not in page.body
    assert b"src=" not in page.body
    assert b"@import" not in page.body


def test_connections_that_were_reset_leave_nothing_behind(node):
    """Each asks once and resets. A connection needs some KiB: thousands would be seen."""
    host, port = node.url.removeprefix("http://").split(":")
    gate = node.client().rooms()["gate-1"]["pid"]

    def memory():
        return int(Path(f"/proc/{gate}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def reset(count):
        for _ in range(count):
            line = socket.create_connection((host, int(port)), timeout=60)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            line.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert _response(line)[0] == 200
            line.close()

    reset(500)
    before = memory()
    reset(4_000)
    assert memory() - before < 4 * 1024 * 1024


def test_many_ask_for_the_numbers_at_once_and_all_get_them(node):
    clients = [node.client() for _ in range(12)]
    with ThreadPoolExecutor(len(clients)) as pool:
        answers = list(pool.map(lambda client: client.ask("GET", "/metrics"), clients))
        assert {answer.status for answer in answers} == {200}
        assert all(b'room="ledger"' in answer.body for answer in answers)
        answers = list(pool.map(lambda client: client.ask("GET", "/v1/status"), clients))
        assert {len(answer.json["rooms"]) for answer in answers} == {5}


def test_pages_are_to_get_only(node):
    client = node.client()
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert client.ask(method, "/metrics").status == 405


def _chunked(token, trailers):
    return (
        b"POST /v1/decrypt HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        + token
        + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
        + trailers
    )


def test_identity_in_a_trailer_is_none(node, line):
    """A proxy in front that checks headers does not see what comes behind the body."""
    token = f"Authorization: Bearer {node.app}\r\n".encode()
    line.sendall(_chunked(b"", token + b"\r\n"))
    assert _response(line)[0] == 401
    line.sendall(_chunked(token, b"X-Some: trailer\r\n\r\n"))
    assert _response(line)[0] == 400  # of who is known, the body is judged


def test_trailers_without_end_are_hung_up_on_before_they_fill_memory(line):
    line.sendall(_chunked(b"", b""))
    sent = 0
    try:
        while sent < 50 * 1024 * 1024:
            line.sendall(b"X-Some: trailer\r\n" * 4096)
            sent += 17 * 4096
    except OSError:
        pass
    assert sent < 10 * 1024 * 1024


def test_what_is_not_http_leaves_no_line_in_the_log(node):
    """Or anybody could fill the disk."""
    host, port = node.url.removeprefix("http://").split(":")
    before = node.log.read_bytes()
    for sent in (
        b"not http\r\n\r\n",
        b"GET /v1/health HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    ):
        with socket.create_connection((host, int(port)), timeout=60) as line:
            line.sendall(sent)
            assert _response(line)[0] in (200, 400)
    assert node.log.read_bytes() == before


def test_answer_to_what_is_not_http_does_not_overtake_the_one_before(node, line):
    """A proxy would hand it to whoever had sent the request before."""
    body = b'{"plaintext":"eA=="}'
    line.sendall(
        b"POST /v1/keys/demo/encrypt HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        + f"Authorization: Bearer {node.app}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
        + b"not http\r\n\r\n"
    )
    status, answer = _response(line)
    assert status == 200
    assert answer["key_version"] == 1
    assert _is_closed(line)


def test_body_that_is_not_http_gets_a_problem(node, line):
    line.sendall(_chunked(f"Authorization: Bearer {node.app}\r\n".encode(), b"")[:-10] + b"zz\r\n")
    assert _response(line)[0] == 400
    assert _is_closed(line)


class _Transport:
    """A client that takes nothing."""

    aborted = closing = False

    def __init__(self):
        self.sent = b""

    def get_extra_info(self, name, default=None):
        return {"sockname": ("127.0.0.1", 1), "peername": ("127.0.0.1", 2)}.get(name, default)

    def write(self, data):
        self.sent += data

    def is_closing(self):
        return self.closing

    def close(self):
        self.closing = True

    def abort(self):
        self.aborted = True


async def _no_app(scope, receive, send):
    raise AssertionError("nothing was asked")


@pytest.fixture
def idle():
    """A connection in whose loop time stands still, and its client."""
    loop = asyncio.new_event_loop()
    config = uvicorn.Config(_no_app, ws="none", lifespan="off", log_config=None)
    connection = Connection(config, ServerState(), {}, loop)
    transport = _Transport()
    connection.connection_made(transport)
    connection.deadline = None
    yield connection, transport, loop.time()
    loop.close()


def test_client_that_takes_no_answer_is_given_up_on(idle):
    connection, transport, now = idle
    connection.pause_writing()
    connection.expire(now + limits.ANSWER_SECONDS_MAX - 1)
    assert not transport.aborted
    connection.expire(now + limits.ANSWER_SECONDS_MAX + 1)
    assert transport.aborted


def test_client_that_takes_its_answer_slowly_is_not_given_up_on(idle):
    connection, transport, now = idle
    connection.pause_writing()
    connection.resume_writing()
    connection.expire(now + limits.ANSWER_SECONDS_MAX + 1)
    assert not transport.aborted


def test_closed_connection_whose_last_bytes_nobody_takes_ends(idle):
    connection, transport, now = idle
    transport.close()
    connection.expire(now)
    assert not transport.aborted
    connection.expire(now + limits.ANSWER_SECONDS_MAX + 1)
    assert transport.aborted


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    directory = tmp_path_factory.mktemp("tls")
    write_certificate(directory)
    return directory


@pytest.fixture(scope="module")
def encrypted(certificate, tmp_path_factory):
    """A node with a certificate: its port, its first token, and who trusts it."""
    directory = tmp_path_factory.mktemp("encrypted")
    config = directory / "strongroom.toml"
    port = free_port()
    config.write_text(
        f'[server]\nlisten = "127.0.0.1:{port}"\ntls_certificate = "{certificate}/chain.pem"\n'
        f'tls_key = "{certificate}/key.pem"\n[store]\npath = "data/strongroom.db"\n'
        '[seal]\nkind = "passphrase"\nfile = "data/seal.json"\n'
    )
    secret = directory / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text("a passphrase for tests only")
    done = strongroom("init", "--config", config, "--passphrase-file", secret)
    assert done.returncode == 0, done.stderr
    token = done.stdout.strip()
    with Served(config, token, f"https://127.0.0.1:{port}"):
        yield port, token, ssl.create_default_context(cafile=certificate / "chain.pem")


def test_tls_is_served_and_old_versions_are_not(encrypted):
    port, _, trusting = encrypted
    with (
        socket.create_connection(("127.0.0.1", port), timeout=60) as plain,
        trusting.wrap_socket(plain, server_hostname="localhost") as line,
    ):
        assert line.version() == "TLSv1.3"
        line.sendall(b"GET /v1/ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert _response(line)[0] == 200
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname = False
    old.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that it is old is the point
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with (
        socket.create_connection(("127.0.0.1", port), timeout=60) as plain,
        pytest.raises((ssl.SSLError, OSError)),
    ):
        old.wrap_socket(plain)
    # Plain HTTP at a TLS port is no request.
    with socket.create_connection(("127.0.0.1", port), timeout=60) as plain:
        plain.sendall(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" not in plain.recv(1000)


def test_a_key_policy_knows_that_all_comes_by_tls(encrypted):
    port, token, trusting = encrypted
    line = http.client.HTTPSConnection("localhost", port, timeout=60, context=trusting)

    def asked(method, path, body):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        line.request(method, path, json.dumps(body), headers)
        answer = line.getresponse()
        answer.read()
        return answer.status

    assert asked("POST", "/v1/keys", {"name": "card"}) == 201
    allow = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}
    for denied, status in (("false", 200), ("true", 403)):
        deny = allow | {
            "Effect": "Deny", "Action": "kms:Encrypt",
            "Condition": {"Bool": {"aws:SecureTransport": denied}},
        }  # fmt: skip
        policy = {"policy": json.dumps({"Version": "2012-10-17", "Statement": [allow, deny]})}
        assert asked("PUT", "/v1/keys/card/policy", policy) == 200
        assert asked("POST", "/v1/keys/card/encrypt", {"plaintext": "eA=="}) == status
    line.close()
