"""The command as a person runs it: in this process where that is enough, as its own where not."""

import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import NamedTuple

import pytest

from strongroom.cli.run import run
from tests.support.otp_people import People
from tests.support.standin import StandIn

SOURCE = Path(__file__).parent.parent.parent / "src"


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def server(tmp_path):
    with StandIn(tmp_path / "store.db") as standing:
        yield standing


@pytest.fixture
def nobody(monkeypatch, tmp_path):
    """An environment in which nothing says where a server is."""
    for name in list(os.environ):
        if name.startswith("STRONGROOM_"):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    # Wide enough for any line of typer's.
    monkeypatch.setenv("COLUMNS", "200")
    return home


@pytest.fixture
def cli(nobody, server, monkeypatch, capsys):
    """Run the command as the administrator; `cli.app` as the application; see what it says."""
    return Command(server, monkeypatch, capsys)


class Command:
    def __init__(self, server, monkeypatch, capsys):
        self._server, self._monkeypatch, self._capsys = server, monkeypatch, capsys
        monkeypatch.setenv("STRONGROOM_URL", server.url)
        monkeypatch.setenv("STRONGROOM_TOKEN", server.admin)
        monkeypatch.setenv("APP", server.app)

    def __call__(self, *arguments, stdin=b""):
        given = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
        self._monkeypatch.setattr("sys.stdin", given)
        self._capsys.readouterr()
        code = run(arguments)
        out, err = self._capsys.readouterr()
        assert "Traceback" not in err
        assert self._server.admin not in out + err
        return Result(code, out, err)

    @property
    def server(self):
        """The stand-in that it talks to."""
        return self._server

    def app(self, *arguments):
        return self(*arguments, "--token-from", "APP")

    def does(self, *arguments, stdin=b""):
        """What it prints when it succeeds."""
        result = self(*arguments, stdin=stdin)
        assert result.code == 0, result
        return result.out

    def process(self, *arguments, stdin=b"", env=None, **options):
        """As a process of its own, with bytes in and out."""
        return subprocess.run(
            [sys.executable, "-m", "strongroom.cli", *map(str, arguments)],
            input=stdin,
            env={**os.environ, "PYTHONPATH": str(SOURCE), **(env or {})},
            capture_output=True,
            timeout=120,
            check=False,
            **options,
        )


def on_a_terminal(arguments, stdin=b"", *, columns=80):
    """Run with a terminal for standard output; exit code, what the terminal got, and the errors."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "TERM": "xterm"}
    environment.pop("COLUMNS", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "strongroom.cli", *arguments],
        stdin=subprocess.PIPE,
        stdout=slave,
        stderr=subprocess.PIPE,
        env=environment,
    )
    os.close(slave)
    _, err = process.communicate(stdin, timeout=120)
    shown = b""
    while True:
        try:
            part = os.read(master, 4096)
        except OSError:  # how Linux says that the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(master)
    return process.returncode, shown, err


@pytest.fixture
def people(cli, monkeypatch, tmp_path):
    """Those who have to do with one-time passwords."""
    return People(cli, monkeypatch, tmp_path)
