"""A running server is asked for no more than is needed, and believed in nothing."""

import json
import shutil
import socket
import ssl
import threading

import pytest

from strongroom.tlog import merkle, tiles
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.verify import web
from strongroom.verify.program import main
from tests.support.auditing import ORIGIN, log_signer, signed, vkey, write_folder
from tests.support.certificates import write_certificate
from tests.support.ports import free_port
from tests.support.server_of_folders import serving

KEY = vkey(log_signer())
SIZE = 70_000
TOKEN = "srt_" + "a" * 72


def entry(i):
    return b'{"seq":%d}' % i


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log") / "audit"
    write_folder(folder, map(entry, range(SIZE)))
    return folder


@pytest.fixture
def server(original, monkeypatch):
    monkeypatch.delenv("STRONGROOM_TOKEN", raising=False)
    with serving(original) as bent:
        yield bent


@pytest.fixture
def check(server, capsys):
    def run(*more, url=None):
        code = main(["server", url or server.url, "--key", KEY, *map(str, more)])
        said = capsys.readouterr()
        text = said.err or said.out
        assert text.count("\n") == 1
        return code, text.strip()

    return run


@pytest.fixture
def earlier(tmp_path):
    def make(size, past=entry):
        frontier = merkle.Frontier()
        for i in range(size):
            frontier.append(merkle.leaf_hash(past(i)))
        path = tmp_path / f"earlier-{size}"
        path.write_bytes(signed(Checkpoint(ORIGIN, size, frontier.root())))
        return path

    return make


@pytest.mark.parametrize("size", [0, 1, 255, 256, 300, 65_535, 65_536, 65_537, 69_999, 70_000])
def test_a_server_continues_its_log(check, earlier, size):
    code, said = check("--from", earlier(size))
    assert code == 0, said
    # The entries, too, where they are few.
    assert size < 60_000 or check("--from", earlier(size), "--entries")[0] == 0


def test_the_sentence_says_what_was_checked(check, earlier):
    assert check("--from", earlier(69_990), "--entries") == (
        0,
        (
            f"The log {ORIGIN} has 70000 entries, whose 10 new ones are as it signs,"
            " and continues the earlier checkpoint of 69990."
        ),
    )
    assert check()[1].endswith("; there is no earlier checkpoint to compare it with.")


def test_only_what_is_needed_is_asked_for(check, server, earlier):
    assert check("--from", earlier(69_990), "--entries")[0] == 0
    assert "tile/entries/273.p/112" in server.asked
    assert len([path for path in server.asked if path.startswith("tile/entries/")]) == 1
    assert len(server.asked) == len(set(server.asked)) <= 8


def test_another_past_is_found(check, earlier):
    path = earlier(300, past=lambda i: entry(i if i != 17 else 18))
    assert check("--from", path) == (
        1,
        (
            "WRONG: the log of 70000 entries does not continue the earlier checkpoint:"
            " something among its first 300 entries is not as it was."
        ),
    )


def test_a_log_that_was_taken_back_is_found(check, earlier):
    code, said = check("--from", earlier(70_001))
    assert code == 1
    assert "was taken back" in said


def test_two_faces_are_found(check, earlier):
    code, said = check("--from", earlier(70_000, past=lambda i: b"%d" % i))
    assert code == 1
    assert "two faces" in said


def test_a_new_entry_that_is_not_the_one_is_named(check, server, earlier, original):
    path = "tile/entries/273.p/112"
    changed = (original / path).read_bytes().replace(entry(69_995), entry(69_995)[:-2] + b"x}")
    server.instead[path] = (200, changed, {})
    assert check("--from", earlier(69_990))[0] == 0  # nobody asked
    assert check("--from", earlier(69_990), "--entries") == (
        1,
        f"WRONG: entry 69995, in {path}, is not the one that was logged.",
    )


def test_a_hash_that_is_not_the_one_is_found(check, server, earlier, original):
    path = "tile/0/273.p/112"
    raw = bytearray((original / path).read_bytes())
    raw[110 * 32] ^= 1
    server.instead[path] = (200, bytes(raw), {})
    code, said = check("--from", earlier(69_990))
    assert code == 1
    assert "does not continue" in said
    code, said = check("--entries")
    assert code == 1
    assert said == f"WRONG: {path} was changed: it has a wrong hash for entry 69998."


@pytest.mark.parametrize("bytes_more", [-32, -1, 32])
def test_a_tile_of_another_length_is_not_taken(check, server, earlier, original, bytes_more):
    path = "tile/0/273.p/112"
    raw = (original / path).read_bytes()
    raw = raw + b"\0" * bytes_more if bytes_more > 0 else raw[:bytes_more]
    server.instead[path] = (200, raw, {})
    code, said = check("--from", earlier(69_990))
    assert code == (1 if bytes_more < 0 else 2)
    assert path in said


def test_a_full_tile_is_taken_where_the_partial_one_is_gone(check, server, earlier, tmp_path):
    """A log may give up a partial tile once it is full."""
    folder = tmp_path / "grown"
    old = write_folder(folder, map(entry, range(300)))
    write_folder(folder, map(entry, range(512)))
    (folder / "checkpoint").write_bytes(signed(old))
    shutil.rmtree(folder / "tile/0/001.p")
    shutil.rmtree(folder / "tile/entries/001.p")
    server.folder = folder
    assert check("--from", earlier(290), "--entries")[0] == 0
    assert "tile/0/001" in server.asked
    # However much the server has to say about what is gone.
    server.instead["tile/0/001.p/44"] = (404, b"x" * 100_000, {})
    assert check("--from", earlier(290), "--entries")[0] == 0


def test_a_tile_that_is_missing_is_named(check, server, earlier):
    server.instead["tile/0/273.p/112"] = (404, b"", {})
    assert check("--from", earlier(69_990)) == (
        1,
        "WRONG: the server does not have tile/0/273.p/112, which its log needs.",
    )


def test_a_full_tile_that_is_missing_is_named(check, server, earlier):
    server.instead["tile/entries/000"] = (410, b"", {})
    assert check("--entries") == (
        1,
        "WRONG: the server does not have tile/entries/000, which its log needs.",
    )


# --- what is kept -------------------------------------------------------------------------------


def test_the_new_checkpoint_is_kept(check, earlier, tmp_path, original):
    kept = tmp_path / "kept"
    assert check("--save", kept)[0] == 0
    assert kept.read_bytes() == (original / "checkpoint").read_bytes()
    assert check("--from", kept, "--save", kept)[0] == 0


def test_what_was_compared_with_is_replaced(check, earlier, original):
    path = earlier(300)
    assert check("--from", path, "--save", path)[0] == 0
    assert path.read_bytes() == (original / "checkpoint").read_bytes()


def test_another_checkpoint_is_not_replaced(check, server, earlier):
    one, other = earlier(300), earlier(301)
    before = other.read_bytes()
    code, said = check("--from", one, "--save", other)
    assert code == 2
    assert "would be replaced" in said
    assert other.read_bytes() == before
    assert not server.asked


def test_two_faces_are_kept_both(check, earlier, original):
    path = earlier(300, past=lambda i: b"%d" % i)
    before = path.read_bytes()
    assert check("--from", path, "--save", path)[0] == 1
    assert path.read_bytes() == before
    refused = path.with_name(path.name + ".refused")
    assert refused.read_bytes() == (original / "checkpoint").read_bytes()


def test_a_checkpoint_that_nobody_signed_is_not_kept(check, server, tmp_path):
    forged = signed(Checkpoint(ORIGIN, 1, merkle.leaf_hash(b"")), log_signer("somebody"))
    server.instead["checkpoint"] = (200, forged, {})
    kept = tmp_path / "kept"
    code, said = check("--save", kept)
    assert code == 1
    assert said == f"WRONG: the server's checkpoint does not count: {ORIGIN} has not signed this."
    assert not list(tmp_path.iterdir())


def test_a_place_where_nothing_can_be_kept_is_said(check, tmp_path):
    code, said = check("--save", tmp_path / "none" / "kept")
    assert code == 2
    assert "cannot be written" in said


# --- asking -------------------------------------------------------------------------------------


def test_the_token_comes_from_the_environment_or_a_file(check, server, monkeypatch, tmp_path):
    assert check()[0] == 0
    monkeypatch.setenv("STRONGROOM_TOKEN", TOKEN)
    assert check()[0] == 0
    (tmp_path / "token").write_text(TOKEN[:-1] + "b\n")
    assert check("--token-file", tmp_path / "token")[0] == 0
    assert server.tokens == [None, f"Bearer {TOKEN}", f"Bearer {TOKEN[:-1]}b"]


@pytest.mark.parametrize("token", ["a\r\nX-Evil: 1", "\u00fc", "a\x00b"])
def test_a_token_that_is_none_is_not_sent(check, server, tmp_path, token):
    (tmp_path / "token").write_text(token)
    code, said = check("--token-file", tmp_path / "token")
    assert (code, said) == (2, "Not checked: that is not a token.")
    assert not server.asked


def test_a_refusal_is_passed_on(check, server):
    problem = json.dumps({"title": "No", "detail": "this node is fenced: restored"}).encode()
    server.instead["checkpoint"] = (503, problem, {})
    assert check() == (
        2,
        (
            f"Not checked: {server.url} answers 503 to /audit/checkpoint:"
            " this node is fenced: restored."
        ),
    )


@pytest.mark.parametrize("status", [301, 302, 307, 401, 403, 429, 500])
def test_nothing_else_is_followed_or_believed(check, server, status):
    server.instead["checkpoint"] = (status, b"[]", {"Location": "http://127.0.0.1:1/"})
    code, said = check()
    assert code == 2
    assert f"answers {status}" in said


def test_a_server_without_a_log_is_said(check, server, tmp_path):
    server.folder = tmp_path
    code, said = check()
    assert code == 2
    assert "has no audit log" in said


def test_compressed_answers_are_not_unpacked(check, server):
    server.instead["checkpoint"] = (200, b"", {"Content-Encoding": "gzip"})
    assert check()[0] == 2


def test_an_answer_without_end_is_not_read_to_it(check, server):
    server.instead["checkpoint"] = (200, b"x" * 1_000_000, {})
    code, said = check()
    assert code == 2
    assert "more than" in said


def test_a_connection_that_was_given_up_is_made_again(check, server, earlier):
    server.hang_up_after = 2
    assert check("--from", earlier(69_990))[0] == 0


def test_a_server_that_does_not_answer_is_not_waited_for_for_ever(capsys, monkeypatch):
    monkeypatch.setattr(web, "_SECONDS_MAX", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert main(["server", url, "--key", KEY]) == 2
    assert "no answer within" in capsys.readouterr().err


def test_tls_is_spoken_with_who_has_a_certificate(check, original, tmp_path):
    write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "chain.pem", tmp_path / "key.pem")
    with serving(original, context=context) as bent:
        url = bent.url.replace("http:", "https:")
        assert check("--ca", tmp_path / "chain.pem", url=url)[0] == 0
        code, said = check(url=url)
        assert code == 2
        assert "its certificate is not accepted" in said
        assert len(bent.asked) == 1


@pytest.mark.parametrize("body", [b"[" * 100_000, b"{}", b'{"detail": 7}', b'{"detail": "a\\nb"}'])
def test_what_a_refusal_says_is_shown_only_as_words(check, server, body):
    server.instead["checkpoint"] = (500, body, {})
    code, said = check()
    assert code == 2
    assert said.endswith("to /audit/checkpoint.")


def test_nobody_there_is_said():
    port = free_port()
    assert main(["server", f"http://127.0.0.1:{port}", "--key", KEY]) == 2


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 99_999]
)
def test_what_is_no_http_is_said(capsys, answer):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        code = main(["server", f"http://127.0.0.1:{listening.getsockname()[1]}", "--key", KEY])
        thread.join()
    assert code == 2
    assert "cannot be asked" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url",
    [
        "http://kms.example",
        "ftp://kms.example",
        "https://",
        "kms.example",
        "https://kms.example:99999",
        "https://kms.example/?a=b",
        "https://kms.example/a b",
        "https://kms.example/\n",
        "https://\u00e4.example",
        "https://[::1",
    ],
)
def test_what_is_no_url_is_not_asked(check, url):
    assert check(url=url)[0] == 2


def test_a_password_in_a_url_is_not_repeated(check):
    code, said = check(url="https://me:hunter2@kms.example")
    assert code == 2
    assert "hunter2" not in said


def test_authorities_that_are_none_are_said(check, tmp_path):
    (tmp_path / "ca.pem").write_text("not a certificate")
    for name in ("ca.pem", "missing.pem"):
        code, said = check("--ca", tmp_path / name, url="https://127.0.0.1:1")
        assert code == 2
        assert "no certificates" in said


def test_tiles_are_numbered_as_in_the_standard():
    assert tiles.Tile(0, 1_234_067).path == "tile/0/x001/x234/067"
