"""Arguments, keys, exit codes, and the bar: whatever comes, an answer and no trace."""

import io
import os
import subprocess
import sys

import pytest

from strongroom.tlog import vkeys
from strongroom.verify import folder, program, progress
from strongroom.verify.program import main
from strongroom.verify.progress import Progress
from tests.support.auditing import ORIGIN, WITNESS, cosigner, log_signer, vkey, write_folder
from tests.support.tree import SOURCE, modules

KEY = vkey(log_signer())
LOG_PQ = cosigner("pq", ORIGIN, vkeys.Algorithm.ML_DSA_44_COSIGNATURE)
PQ = cosigner("mldsa", WITNESS, vkeys.Algorithm.ML_DSA_44_COSIGNATURE)


@pytest.fixture
def log(tmp_path):
    write_folder(tmp_path / "log", [b"a", b"b"], log_signer(), LOG_PQ, cosigner(), PQ)
    return tmp_path / "log"


def run(*arguments):
    return main([str(each) for each in arguments])


# --- keys -----------------------------------------------------------------------------------------


def test_keys_may_stand_in_a_file(log, tmp_path):
    (tmp_path / "keys").write_text(f"# the log's\n{KEY}\n\n  {vkey(LOG_PQ)}\n")
    assert run("folder", log, "--key", tmp_path / "keys") == 0


def test_every_key_that_is_given_must_have_signed(log, tmp_path):
    other = cosigner("other", ORIGIN, vkeys.Algorithm.ML_DSA_44_COSIGNATURE)
    assert run("folder", log, "--key", KEY, "--key", vkey(LOG_PQ)) == 0
    assert run("folder", log, "--key", KEY, "--key", vkey(other)) == 1


def test_a_witness_with_two_keys_is_one_witness(log, capsys):
    both = ("--witness", vkey(cosigner()), "--witness", vkey(PQ))
    assert run("folder", log, "--key", KEY, *both) == 0
    assert "at least 1 of its witnesses" in capsys.readouterr().out
    assert run("folder", log, "--key", KEY, *both, "--witnesses", 2) == 2


@pytest.mark.parametrize("number", [-1, 0, 2])
def test_a_number_of_witnesses_that_makes_no_sense_is_refused(log, number):
    witness = ("--witness", vkey(cosigner()))
    assert run("folder", log, "--key", KEY, *witness, f"--witnesses={number}") == 2


def test_witnesses_who_are_not_named_cannot_be_counted(log):
    assert run("folder", log, "--key", KEY, "--witnesses", 1) == 2


def test_a_log_is_not_its_own_witness(log):
    assert run("folder", log, "--key", vkey(LOG_PQ), "--witness", vkey(LOG_PQ)) == 2


@pytest.mark.parametrize(
    "key",
    [
        "",
        "nonsense",
        KEY[:-1],
        KEY.replace("b298fad0", "b298fad1"),
        KEY + "\n",
        "/",
        "\0",
        "a" * 9999,
    ],
)
def test_what_is_no_key_is_refused(log, key, capsys):
    assert run("folder", log, "--key", key) == 2
    assert "neither a verifier key" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"nonsense\n", b"\xff", b"x" * 99_999])
def test_a_file_that_holds_no_keys_is_refused(log, tmp_path, content):
    (tmp_path / "keys").write_bytes(content)
    assert run("folder", log, "--key", tmp_path / "keys") == 2


# --- arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["folder"],
        ["folder", "x"],
        ["folder", "x", "--key"],
        ["folder", "x", "--ke", KEY],
        ["receipt", "x", "--key", KEY, "--from", "y"],
        ["receipt", "x", "y", "--key", KEY],
        ["server", "https://kms.example", "--key", KEY, "--token", "srt_secret"],
        ["folder", "x", "--key", KEY, "--witnesses", "many"],
    ],
)
def test_wrong_arguments_are_refused(arguments, capsys):
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert "usage: strongroom-verify" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["none", "\0", "x" * 5000, "\udcff"])
@pytest.mark.parametrize("command", ["receipt", "folder"])
def test_what_is_not_there_is_not_checked(command, place, capsys):
    assert run(command, place, "--key", KEY) == 2
    assert capsys.readouterr().err.startswith("Not checked: ")


def test_a_mistake_of_ours_is_no_finding(log, monkeypatch, capsys):
    def fail(*_):
        raise TypeError("unexpected")

    monkeypatch.setattr(folder, "check", fail)
    assert run("folder", log, "--key", KEY) == 2
    assert capsys.readouterr().err == (
        "Not checked: this program failed (TypeError: unexpected).\n"
    )


def test_an_interruption_is_no_finding(log, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(folder, "check", fail)
    assert run("folder", log, "--key", KEY) == 130


def start(*arguments, **options):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-m", "strongroom.verify", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        **options,
    )


def test_it_is_a_program(log):
    done = start("folder", log, "--key", KEY)
    assert (done.returncode, done.stderr) == (0, "")
    (log / "tile/0/000.p/2").unlink()
    done = start("folder", log, "--key", KEY)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "WRONG: tile/0/000.p/2 is missing.\n"


def test_it_loads_nothing_of_the_server():
    """An auditor reads what it is made of, and that is little."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, strongroom.verify.program; print(*sorted(sys.modules))",
        ],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    loaded = {name.removeprefix("strongroom.").split(".")[0] for name in done.stdout.split()}
    parts = {path.relative_to(SOURCE).parts[0].removesuffix(".py") for path in modules()}
    assert loaded & parts == {"tlog", "verify"}
    assert not loaded & {"msgspec", "httpx", "starlette", "apsw", "cedarpy", "uvicorn"}


def test_whoever_reads_may_go_away(log):
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run(
        [sys.executable, "-m", "strongroom.verify", "folder", str(log), "--key", KEY],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    os.close(writing)
    assert (process.returncode, process.stderr) == (0, b"")


# --- the bar --------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_long_log_has_a_bar_that_goes_away(monkeypatch):
    monkeypatch.setattr(progress, "_REDRAW_SECONDS", 0)
    terminal = Terminal()
    with Progress(1_000_000, terminal) as bar:
        bar.advance(250_000)
        bar.advance(250_000)
    first, second, end = terminal.getvalue().split("\r\x1b[K")[1:]
    assert first.startswith("[#######.......................]  25%  250,000 of 1,000,000 entries")
    assert second.startswith("[###############...............]  50%")
    assert end == ""


def test_a_short_log_has_none():
    terminal = Terminal()
    with Progress(100, terminal) as bar:
        bar.advance(100)
    assert not terminal.getvalue()


def test_a_file_gets_no_bar():
    stream = io.StringIO()
    with Progress(1_000_000, stream) as bar:
        bar.advance(1_000_000)
    assert not stream.getvalue()


def test_the_sentence_for_people_is_one_line():
    assert program._visible("a\x1bb\u202ec\x9bd") == "a\\x1bb\\u202ec\\x9bd"
