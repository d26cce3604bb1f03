"""However a run ends, it ends in words, with its code, and without a traceback."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from strongroom.cli import run as run_module
from strongroom.cli.run import run
from tests.cli.conftest import SOURCE
from tests.support.ports import free_port


class Silent:
    """Takes connections and says nothing."""

    def __init__(self, listening):
        self._listening = listening
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"

    def asked(self):
        """Wait until somebody has asked; the connection."""
        line, _ = self._listening.accept()
        assert line.recv(65_536)
        return line


@pytest.fixture
def silent_server():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(60)
        yield Silent(listening)


def answering(tmp_path, answer):
    """The URL of a server that gives everybody this answer."""
    listening = socket.create_server(("127.0.0.1", 0))
    program = (
        "import socket, sys\n"
        "listening = socket.socket(fileno=int(sys.argv[1]))\n"
        "while True:\n"
        "    line = listening.accept()[0]\n"
        "    line.recv(65536)\n"
        "    line.sendall(bytes.fromhex(sys.argv[2]))\n"
        "    line.close()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(listening.fileno()), answer.hex()],
        pass_fds=[listening.fileno()],
    )
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    listening.close()
    return url, process


@pytest.fixture
def answer(tmp_path):
    processes = []

    def start(content, status=b"200 OK", headers=b""):
        head = b"HTTP/1.1 %s\r\ncontent-length: %d\r\n%s\r\n" % (status, len(content), headers)
        url, process = answering(tmp_path, head + content)
        processes.append(process)
        return url

    yield start
    for process in processes:
        process.kill()
        process.wait()


def test_no_server_is_said_with_what_to_do(cli):
    port = free_port()
    result = cli("whoami", "--url", f"http://127.0.0.1:{port}")
    assert result.code == 7
    assert f"No answer from http://127.0.0.1:{port}: connection refused." in result.err
    assert "Is the server running there?" in result.err


def test_name_that_no_dns_knows_is_said(cli):
    result = cli("whoami", "--url", "https://kms.invalid")
    assert result.code == 7
    assert "No answer from https://kms.invalid" in result.err


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"<html>hello</html>", b"200 OK"),
        (b"{}", b"200 OK"),
        (b"", b"200 OK"),
        (b"[1, 2", b"200 OK"),
        (b"\xff", b"200 OK"),
        (b"<html>no</html>", b"404 Not Found"),
        (b'{"detail": "no code"}', b"400 Bad Request"),
        (b'{"code": 7}', b"400 Bad Request"),
        (b"", b"302 Found"),
    ],
)
def test_what_is_not_strongroom_is_said_to_be_so(cli, answer, content, status):
    result = cli("whoami", "--url", answer(content, status))
    assert result.code == 1
    assert "What answered" in result.err


def test_redirect_is_not_followed(cli, answer, server):
    asked = len(server.asked)
    location = b"location: %s/v1/whoami\r\n" % server.url.encode()
    result = cli("whoami", "--url", answer(b"", b"307 Temporary Redirect", location))
    assert result.code == 1
    assert len(server.asked) == asked


def test_gateway_without_a_server_behind_it_is_unavailable(cli, answer):
    assert cli("whoami", "--url", answer(b"<html/>", b"502 Bad Gateway")).code == 7


def test_server_that_cannot_answer_now_is_unavailable(cli, server):
    server.away = True
    result = cli("whoami")
    assert result.code == 7
    assert "No custodian can take this now." in result.err


def test_broken_answer_leaves_the_outcome_open(cli, answer):
    url = answer(b"", b"200 OK\r\nx: ", b"transfer-encoding: chunked\r\n")
    result = cli("key", "rotate", "demo", "--url", url)
    assert result.code in (1, 7)
    assert "Traceback" not in result.err


def test_proxies_of_the_environment_are_not_used(cli, monkeypatch):
    for name in ("http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert cli("whoami").code == 0


def test_hostile_names_and_texts_reach_no_terminal(cli, answer):
    evil = "\\u001b]0;owned\\u0007\\u202e\\u0085\\u2028\\ud83d\\ude00\\udb40\\udc01"
    page = (
        '{"keys": [{"name": "%s", "id": "%s", "algorithm": "aes-256-gcm", "purpose":'
        ' "encrypt-decrypt", "protection": "software", "origin": "generated", "state": "active",'
        ' "current_version": 1, "labels": {"%s": "%s"}, "description": "%s", "created": "%s",'
        ' "activates": "%s", "deactivates": "", "destroys": "", "destroyed": "", "min_version": 1,'
        ' "rotation_days": 0, "rotation_uses": 0, "rotates": "%s", "exportable": false,'
        ' "deletion_protection": false, "control": {"operations": ["%s"], "not_before": "%s",'
        ' "not_after": "", "uses_max": 0, "rate_uses": 0, "rate_seconds": 0,'
        ' "required_context": ["%s"]}, "revision": 1}], "next_page_token": "%s"}'
    ) % ((evil,) * 12)
    url = answer(page.encode())
    for output in ("table", "json"):
        result = cli("key", "list", "--url", url, "--output", output)
        assert result.code == 0, result
        for character in "\x1b\x07\u202e\x85\u2028\U000e0001":
            assert character not in result.out + result.err
        assert "\\u001b]0;owned" in result.out
        assert "\U0001f600" in result.out  # a letter like another
        assert len(result.out.splitlines()) == 2 or output == "json"


def test_hostile_json_is_still_the_same_json(cli, answer):
    import json

    said = {
        "roles": [{"name": '\x1b\x7f\u202e\u2028\U000e0001"\\', "summary": "", "policy": "a\nb"}]
    }
    url = answer(json.dumps(said).encode())
    assert json.loads(cli.does("role", "list", "--url", url, "-o", "json")) == said


def test_hostile_refusal_reaches_no_terminal(cli, answer):
    problem = b'{"code": "invalid-request", "detail": "\\u001b[2Jx", "request_id": "\\u0007"}'
    result = cli("whoami", "--url", answer(problem, b"400 Bad Request"))
    assert result.code == 1
    assert "\\u001b[2Jx" in result.err
    assert "\x1b" not in result.err
    assert "\x07" not in result.err


def test_mistake_of_ours_is_a_sentence_without_the_data(cli, monkeypatch):
    def fails(*_):
        raise KeyError("secret")

    monkeypatch.setattr("strongroom.client.calls.list_roles", fails)
    result = cli("role", "list")
    assert result.code == 1
    assert "This is a mistake in strongroom: KeyError." in result.err
    assert "secret" not in result.err
    monkeypatch.setenv("STRONGROOM_DEBUG", "1")
    with pytest.raises(KeyError):
        run(["role", "list"])


def test_argument_that_is_no_text_is_a_sentence(cli):
    result = cli.process("key", "create", "k", "--description", os.fsdecode(b"\xff"))
    assert result.returncode == 2
    assert b"not valid Unicode" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["key"], ["audit"]])
def test_command_that_is_not_whole_shows_help(cli, arguments):
    result = cli(*arguments)
    assert result.code == 2
    assert "Usage: strongroom" in result.out + result.err


def test_help_names_the_exit_codes(cli):
    result = cli("--help")
    assert result.code == 0
    assert "6 conflict" in result.out
    assert cli("key", "-h").code == 0


def test_version_is_one_line(cli):
    assert cli.does("--version").startswith("strongroom ")
    assert len(cli.does("--version").splitlines()) == 1


def shell(command, **environment):
    return subprocess.run(
        ["/bin/bash", "-c", command.replace("strongroom", f"{sys.executable} -m strongroom.cli")],
        env={**os.environ, "PYTHONPATH": str(SOURCE), **environment},
        capture_output=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("command", ["key list", "--help", "role list -o json", "policy schema"])
def test_reader_that_went_away_is_no_noise(cli, command):
    # The reader is gone before anything is written.
    ran = shell(f"strongroom {command} | true; exit ${{PIPESTATUS[0]}}")
    assert (ran.returncode, ran.stderr) == (141, b"")


def test_decrypted_bytes_into_a_closed_pipe_are_no_noise(cli, tmp_path):
    (tmp_path / "c").write_bytes(cli.process("encrypt", "demo", stdin=bytes(65_536)).stdout)
    ran = shell(f"strongroom decrypt --in {tmp_path}/c | true; exit ${{PIPESTATUS[0]}}")
    assert (ran.returncode, ran.stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_is_said(cli):
    ran = shell("strongroom key list > /dev/full")
    assert ran.returncode == 1
    assert ran.stderr == b"The output cannot be written: No space left on device.\n"


def test_closed_streams_are_no_reason_to_fail(cli):
    ran = shell("strongroom key list >&- 2>&- <&-")
    assert (ran.returncode, ran.stderr) == (0, b"")
    ran = shell("strongroom encrypt demo <&-")
    assert (ran.returncode, ran.stdout) == (2, b"")
    assert b"Standard input is closed" in ran.stderr


def test_output_that_cannot_show_every_letter_shows_the_rest(cli):
    cli.does("key", "create", "k", "--description", "grün €")
    latin = {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    assert b"gr\xfcn \\u20ac" in shell("strongroom key show k", **latin).stdout
    assert b"gr\\u00fcn \\u20ac" in shell("strongroom key show k -o json", **latin).stdout


def test_interrupt_ends_quietly_while_waiting_for_an_answer(cli, silent_server):
    process = subprocess.Popen(
        [sys.executable, "-m", "strongroom.cli", "whoami", "--url", silent_server.url],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with silent_server.asked():
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"")


@pytest.mark.parametrize(
    "module", ["strongroom.cli.run", "typer", "strongroom.cli.app", "httpx", "rich.table"]
)
def test_interrupt_while_something_is_imported_shows_no_traceback(cli, module):
    program = (
        "import sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "sys.argv[1:] = ['key', 'list']\n"
        "import strongroom.cli\n"
        "strongroom.cli.main()\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (130, b"")


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["--help"], {"httpx", "strongroom.bootstrap", "strongroom.doors", "apsw", "cryptography"}),
        (["key", "list", "--print-curl"], {"httpx", "rich", "ssl", "asyncio"}),
        (["key", "list"], {"click", "strongroom.bootstrap", "apsw", "cryptography", "uvicorn"}),
    ],
)
def test_command_loads_only_what_it_uses(cli, arguments, absent):
    """The start-up time, without a clock: what is not loaded costs nothing."""
    program = (
        "import sys\n"
        "from strongroom.cli.run import run\n"
        f"code = run({arguments!r})\n"
        f"sys.exit(code or ' '.join({absent!r} & set(sys.modules)) or 0)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_run_never_raises(nobody, monkeypatch):
    def fails(*_):
        raise MemoryError

    monkeypatch.setattr(run_module, "_ready_streams", lambda: None)
    monkeypatch.setattr("strongroom.cli.app.build", fails)
    assert run(["whoami"]) == 1


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("strongroom ke", "key"),
        ("strongroom key ro", "rotate"),
        ("strongroom key list --out", "--output"),
        ("strongroom key list --output j", "json"),
    ],
)
def test_shell_completion_offers_what_there_is(nobody, words, offered):
    ran = shell(
        "strongroom",
        _STRONGROOM_COMPLETE="complete_bash",
        COMP_WORDS=words,
        COMP_CWORD=str(words.count(" ")),
    )
    assert offered in ran.stdout.decode().split()
    assert ran.stderr == b""
