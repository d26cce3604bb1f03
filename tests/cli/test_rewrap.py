"""`rewrap`: records whose ciphertexts change keys, and nothing else of them."""

import base64
import contextlib
import json
import os
import pty
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from strongroom.cli import checkpoints, rewrapping
from strongroom.client.synchronous import Client
from strongroom.domain import envelope
from strongroom.domain.asks import DecryptItem, EncryptItem
from tests.cli.conftest import SOURCE


@pytest.fixture
def client(cli, server):
    with Client(server.url, server.app) as connected:
        yield connected


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sealed(client, plaintexts, key="demo", contexts=None):
    """Base64 of a ciphertext for each."""
    made = []
    contexts = contexts or [{}] * len(plaintexts)
    for start in range(0, len(plaintexts), 1_000):
        items = [
            EncryptItem(plaintext=plaintext, context=context)
            for plaintext, context in zip(
                plaintexts[start : start + 1_000], contexts[start : start + 1_000], strict=True
            )
        ]
        made += client.encrypt_batch(key, items).items
    return [base64.b64encode(item.ciphertext).decode() for item in made]


def opened(client, texts, contexts=None):
    """Plaintexts, and the versions of the keys that they are under."""
    found = []
    contexts = contexts or [{}] * len(texts)
    for start in range(0, len(texts), 1_000):
        items = [
            DecryptItem(ciphertext=base64.b64decode(text), context=context)
            for text, context in zip(
                texts[start : start + 1_000], contexts[start : start + 1_000], strict=True
            )
        ]
        found += client.decrypt_batch(items).items
    return [(item.plaintext, item.key_version) for item in found]


def test_lines_come_out_under_the_current_version_in_their_order(cli, client, here):
    plaintexts = [f"card {number}".encode() for number in range(2_500)]
    old = sealed(client, plaintexts)
    cli.does("key", "rotate", "demo")
    Path("old").write_text("\n".join(old) + "\n")
    result = cli("rewrap", "demo", "--in", "old", "--out", "new")
    assert (result.code, result.out) == (0, "")
    assert result.err == "2,500 records: 2,500 rewrapped under demo.\n"
    new = Path("new").read_text().splitlines()
    assert opened(client, new) == [(plaintext, 2) for plaintext in plaintexts]
    assert sorted(os.path.basename(path) for path in here.glob("[!hs]*")) == ["new", "old"]
    assert stat.S_IMODE(os.stat("old").st_mode) == stat.S_IMODE(os.stat("new").st_mode)


def test_what_is_under_the_current_version_stays_unless_every_is_asked_for(
    cli, client, server, here
):
    old = sealed(client, [b"1"])
    cli.does("key", "rotate", "demo")
    current = sealed(client, [b"2"])
    other = sealed(client, [b"3"], "demo")  # as current
    data = "\n".join(old + current + other) + "\n"
    server.asked.clear()
    first = cli.process("rewrap", "demo", stdin=data.encode())
    assert first.stderr == b"3 records: 1 rewrapped under demo, 2 were already.\n"
    lines = first.stdout.decode().splitlines()
    assert lines[1:] == current + other
    assert lines[0] != old[0]
    again = cli.process("rewrap", "demo", stdin=first.stdout)
    assert again.stdout == first.stdout
    assert server.asked.count("key.re-encrypt") == 1
    every = cli.process("rewrap", "demo", "--every", stdin=first.stdout)
    assert every.stderr == b"3 records: 3 rewrapped under demo.\n"
    assert not set(every.stdout.decode().splitlines()) & set(lines)


def test_json_and_csv_keep_the_rest_and_have_their_contexts(cli, client, here):
    cli.does("key", "create", "home")
    contexts = [{"tenant": name, "app": "shop"} for name in ("acme", "zenith")]
    first, second = sealed(client, [b"1", b"2"], contexts=contexts)
    options = ["--context", "app=shop", "--context-field"]
    Path("a.json").write_text(
        f'{{"id": 1.0, "card": {{"c": "{first}"}}, "tenant": "acme"}}\n'
        f'{{ "tenant":"zenith" ,"card":{{"c":"{second}"}}}}\n{{"card":null}}\n'
    )
    cli.does("rewrap", "home", "--format", "json", "--field", "card.c", "--in", "a.json",
             "--out", "b.json", *options, "tenant=tenant")  # fmt: skip
    lines = Path("b.json").read_text().splitlines()
    new = [json.loads(line)["card"]["c"] for line in lines[:2]]
    text = Path("b.json").read_text().replace(new[0], first).replace(new[1], second)
    assert text == Path("a.json").read_text()
    assert opened(client, new, contexts) == [(b"1", 1), (b"2", 1)]
    ids = {base64.b64decode(text)[1:17] for text in new}
    assert {envelope.split(base64.b64decode(text)).key_id for text in new} == ids
    assert ids != {base64.b64decode(first)[1:17]}

    Path("a.csv").write_bytes(
        f'who,"the card",note\r\nacme,{first},"a, ""b"""\r\nzenith,"{second}",\r\n,,\r\n'.encode()
    )
    cli.does("rewrap", "home", "--format", "csv", "--column", "the card", "--in", "a.csv",
             "--out", "b.csv", *options, "tenant=who")  # fmt: skip
    data = Path("b.csv").read_bytes()
    new = [row.split(b",")[1].strip(b'"') for row in data.splitlines()[1:3]]
    back = data.replace(new[0], first.encode()).replace(new[1], second.encode())
    assert back == Path("a.csv").read_bytes()
    assert opened(client, [text.decode() for text in new], contexts) == [(b"1", 1), (b"2", 1)]


def test_what_fails_is_left_and_told_and_the_exit_code_says_so(cli, client, here):
    cli.does("key", "create", "other")
    good = sealed(client, [b"SECRET-1"])[0]
    bound = sealed(client, [b"SECRET-2"], contexts=[{"a": "b"}])[0]
    off = sealed(client, [b"SECRET-3"], "other")[0]
    cli.does("key", "disable", "other")
    altered = good[:-6] + ("AAAAA=" if good[-6:] != "AAAAA=" else "BBBBB=")
    lines = [good, bound, off, "no base64!", altered, "AAAA", good]
    Path("in").write_text("\n".join(lines) + "\n")
    cli.does("key", "rotate", "demo")
    result = cli("rewrap", "demo", "--in", "in", "--out", "out", "-o", "json")
    assert result.code == 10
    assert json.loads(result.out) == {
        "records": 7, "rewrapped": 2, "current": 0, "without": 0, "failed": 5,
    }  # fmt: skip
    assert "out.errors says which, and why." in result.err
    new = Path("out").read_text().splitlines()
    assert new[1:6] == lines[1:6]
    assert opened(client, [new[0], new[6]]) == [(b"SECRET-1", 2)] * 2
    told = [json.loads(line) for line in Path("out.errors").read_text().splitlines()]
    assert [(each["line"], each["code"]) for each in told] == [
        (2, "invalid-ciphertext"), (3, "key-not-usable"), (4, "invalid-ciphertext"),
        (5, "invalid-ciphertext"), (6, "invalid-ciphertext"),
    ]  # fmt: skip
    for text in (Path("out.errors").read_text(), result.err, result.out):
        assert "SECRET" not in text
        assert good[:40] not in text
    piped = cli.process("rewrap", "demo", stdin=("\n".join(lines) + "\n").encode())
    assert piped.returncode == 10
    assert b"Line 3: key-not-usable: " in piped.stderr


def test_batch_in_which_all_is_bad_tells_each(cli, client, here):
    """The server refuses it whole; each record gets the reason of its own all the same."""
    cli.does("key", "create", "other")
    texts = sealed(client, [b"1", b"2"], contexts=[{"a": "b"}] * 2)
    texts += sealed(client, [b"3", b"4"], "other")
    cli.does("key", "disable", "other")
    cli.does("key", "rotate", "demo")
    Path("in").write_text("\n".join(texts))
    assert cli("rewrap", "demo", "--in", "in", "--out", "out", "--errors", "bad").code == 10
    told = [json.loads(line)["code"] for line in Path("bad").read_text().splitlines()]
    assert told == ["invalid-ciphertext"] * 2 + ["key-not-usable"] * 2
    assert Path("out").read_text() == Path("in").read_text()


def test_missing_right_stops_the_run_at_once(cli, client, server, here):
    Path("in").write_text("\n".join(sealed(client, [b"x"] * 2_000)))
    cli.does("key", "rotate", "demo")
    text = 'forbid (principal, action == Action::"key.re-encrypt", resource);'
    cli.does("policy", "put", "stop", stdin=text.encode())
    server.asked.clear()
    result = cli("rewrap", "demo", "--in", "in", "--out", "out")
    assert result.code == 4
    assert "Not allowed: key.re-encrypt demo" in result.err
    assert "--resume goes on" in result.err
    assert server.asked.count("key.re-encrypt") <= rewrapping.BATCHES_UNDER_WAY
    cli.does("policy", "delete", "stop")
    cli.does("rewrap", "demo", "--in", "in", "--out", "out", "--resume")
    assert opened(client, Path("out").read_text().splitlines()) == [(b"x", 2)] * 2_000


def test_server_that_is_away_for_a_moment_is_asked_again(cli, client, server, here, monkeypatch):
    Path("in").write_text("\n".join(sealed(client, [b"x"])))
    cli.does("key", "rotate", "demo")
    monkeypatch.setattr(rewrapping, "RETRY_SECONDS", (0.0, 0.0))
    answer, left = server.ask, [2]

    async def ask(call):
        server.away = call.operation == "key.re-encrypt" and left[0] > 0
        left[0] -= server.away
        return await answer(call)

    monkeypatch.setattr(server, "ask", ask)
    cli.does("rewrap", "demo", "--in", "in", "--out", "out")
    assert left == [0]
    left[0] = 9
    assert cli("rewrap", "demo", "--in", "in", "--out", "other").code == 7
    left[0] = 0
    cli.does("rewrap", "demo", "--in", "in", "--out", "other", "--resume")
    assert opened(client, Path("other").read_text().splitlines()) == [(b"x", 2)]


def test_terminal_sees_a_bar_and_nothing_of_it_afterwards(cli, client, here):
    Path("in").write_text("\n".join(sealed(client, [b"x"] * 2_000)) + "\n")
    cli.does("key", "rotate", "demo")
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "strongroom.cli", "rewrap", "demo", "--in", "in", "--out", "out"],
        env={**os.environ, "PYTHONPATH": str(SOURCE), "TERM": "xterm"},
        stderr=slave,
    )
    os.close(slave)
    shown = b""
    with contextlib.suppress(OSError):  # how Linux says that the other end is closed
        while part := os.read(master, 4_096):
            shown += part
    os.close(master)
    assert process.wait(120) == 0
    assert b"100%" in shown
    assert shown.rstrip().splitlines()[-1].endswith(b"2,000 rewrapped under demo.\x1b[0m")


# --- going on -------------------------------------------------------------------------------------


def rows(client, count):
    """CSV of which every tenth row has a context that no column tells: it fails."""
    contexts = [{"who": f"t{n}"} if n % 10 else {"who": "other"} for n in range(count)]
    texts = sealed(client, [b"card %d" % n for n in range(count)], contexts=contexts)
    body = "".join(f't{n},{text},"row\n{n}"\r\n' for n, text in enumerate(texts))
    return ("who,card,note\r\n" + body).encode()


def check(client, data, out, errors):
    """The output is the input, but for the ciphertexts, which are those of the same plaintexts."""
    before, after = data.split(b"\r\n"), out.split(b"\r\n")
    assert len(before) == len(after)
    assert after[0] == before[0]
    texts, contexts, expected, failed = [], [], [], []
    for n, (old, new) in enumerate(zip(before[1:-1], after[1:-1], strict=True)):
        _, old_text, _ = old.split(b",")
        who, new_text, _ = new.split(b",")
        assert new.replace(new_text, old_text) == old
        if n % 10:
            texts.append(new_text.decode())
            contexts.append({"who": who.decode()})
            expected.append((b"card %d" % n, 2))
        else:
            assert new == old
            failed.append(2 + 2 * n)
    assert opened(client, texts, contexts) == expected
    assert [json.loads(line)["line"] for line in errors.splitlines()] == failed
    assert {json.loads(line)["code"] for line in errors.splitlines()} == {"invalid-ciphertext"}


COMMAND = ("rewrap", "demo", "--format", "csv", "--column", "card", "--context-field", "who=who",
           "--in", "in.csv", "--out", "out.csv")  # fmt: skip


KILLED = """
import os, signal, sys
from strongroom.cli import rewrapping, run
rewrapping.CHECKPOINT_SECONDS = 0
rewrapping._BATCH_RECORDS_MAX = 500
left, fsync = [int(sys.argv[1])], os.fsync
def dying(descriptor):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    fsync(descriptor)
os.fsync = dying
sys.exit(run.run(sys.argv[2:]))
"""


def test_killed_and_gone_on_with_it_is_as_if_nothing_had_happened(cli, client, here):
    """Killed at its first fsync; gone on with and killed at the second; and so on to the end."""
    data = rows(client, 3_000)
    Path("in.csv").write_bytes(data)
    cli.does("key", "rotate", "demo")
    killed = 0
    for at in range(1, 40):
        more = ["--resume"] if Path("out.csv.rewrap").exists() else []
        process = subprocess.run(
            [sys.executable, "-c", KILLED, str(at), *COMMAND, *more],
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            capture_output=True,
            check=False,
            timeout=120,
        )
        if process.returncode != -signal.SIGKILL:
            break
        killed += 1
    assert process.returncode == 10, process.stderr
    assert killed > 5
    assert not Path("out.csv.rewrap").exists()
    check(client, data, Path("out.csv").read_bytes(), Path("out.csv.errors").read_text())


@pytest.mark.parametrize("piped", [False, True])
def test_stopped_after_any_batch_it_goes_on_there(cli, client, here, monkeypatch, piped):
    data = rows(client, 60)
    Path("in.csv").write_bytes(data)
    cli.does("key", "rotate", "demo")
    monkeypatch.setattr(rewrapping, "_BATCH_RECORDS_MAX", 7)
    monkeypatch.setattr(rewrapping, "CHECKPOINT_SECONDS", 0)
    command = [word for word in COMMAND if not piped or word not in ("--in", "in.csv")]
    write, written = checkpoints.Files.write, []

    def stopping(self, *given):
        # After it was written and before it counts: what is on disk is ahead of the state.
        written.append(1)
        if len(written) % 2 == 0:
            self._out.write(b"half a rec")
            self._out.flush()
            raise KeyboardInterrupt
        write(self, *given)

    monkeypatch.setattr(checkpoints.Files, "write", stopping)
    more = []
    for _ in range(20):
        result = cli(*command, *more, stdin=data if piped else b"")
        if result.code != 130:
            break
        more = ["--resume"]
    assert result.code == 10, result
    assert more
    check(client, data, Path("out.csv").read_bytes(), Path("out.csv.errors").read_text())


def test_what_cannot_be_gone_on_with_is_refused(cli, client, here, monkeypatch):
    Path("in").write_text("\n".join(sealed(client, [b"x"] * 30)) + "\n")
    cli.does("key", "rotate", "demo")
    command = ["rewrap", "demo", "--in", "in", "--out", "out"]
    missing = cli(*command, "--resume")
    assert (missing.code, missing.err.splitlines()[0]) == (2, "There is no unfinished run for out.")
    monkeypatch.setattr(rewrapping, "_BATCH_RECORDS_MAX", 10)
    finish = checkpoints.Files.finish
    monkeypatch.setattr(checkpoints.Files, "finish", lambda _: (_ for _ in ()).throw(OSError))
    with pytest.raises(OSError):  # noqa: PT011 - that it ended is all that matters
        raise_from(cli, command)
    monkeypatch.setattr(checkpoints.Files, "finish", finish)
    assert "unfinished run" in cli(*command).err
    other = cli("rewrap", "demo", "--in", "in", "--out", "out", "--every", "--resume")
    assert (other.code, "other options" in other.err) == (2, True)
    kept = Path("in").read_text()
    Path("in").write_text("\n".join(sealed(client, [b"y"] * 30)) + "\n")
    changed = cli(*command, "--resume")
    assert (changed.code, "not the one" in changed.err) == (2, True)
    Path("in").write_text(kept)
    whole = Path("out").read_bytes()
    Path("out").write_bytes(whole[:100])
    assert "shorter than it was" in cli(*command, "--resume").err
    Path("out").write_bytes(whole)
    state = Path("out.rewrap").read_text()
    for bad in ("", "{", "[]", state.replace('"format":1', '"format":2')):
        Path("out.rewrap").write_text(bad)
        assert cli(*command, "--resume").code == 2, bad
    Path("out.rewrap").write_text(state)
    assert cli(*command, "--resume").code == 0
    assert Path("out").read_bytes() == whole
    assert cli(*command).code == 6  # it exists
    assert cli(*command, "--force").code == 0


def raise_from(cli, command):
    """Run the command; an error that it does not know is raised."""
    from strongroom.cli.app import build

    build()(list(command), standalone_mode=False)


def test_second_run_with_the_same_output_is_refused(cli, client, here):
    target = checkpoints.Files("out", "out.errors", "x", resume=False, force=False)
    try:
        with pytest.raises(Exception, match="Another run is writing to out"):
            checkpoints.Files("out", "out.errors", "x", resume=True, force=False)
    finally:
        target.close()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--format", "xml"], "--format is one of"),
        (["--format", "json"], "needs --field"),
        (["--field", "x"], "needs --field"),
        (["--format", "csv"], "needs --column"),
        (["--column", "x"], "needs --column"),
        (["--context-field", "a=b"], "no --context-field"),
        (["--context-field", "a"], "NAME=VALUE"),
        (["--resume"], "need --out"),
        (["--errors", "x"], "need --out"),
        (["--out", "x", "--resume", "--force"], "contradict"),
        (["--in", "a", "--out", "./a"], "different files"),
        (["--out", "a", "--errors", "a"], "different files"),
        (["--in", "absent"], "cannot be read"),
        (["--print-curl"], "many requests"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_sent(cli, server, here, arguments, says):
    result = cli("rewrap", "demo", *arguments)
    assert (result.code, says in result.err) == (2, True), result.err
    assert server.asked == []


def test_key_that_is_not_there_is_told_before_a_file_is_made(cli, here):
    Path("in").write_text("AAAA\n")
    assert cli("rewrap", "nothing", "--in", "in", "--out", "out").code == 5
    assert not Path("out").exists()
    assert not Path("out.rewrap").exists()


def test_policy_that_is_needed_can_be_printed(cli, here):
    shown = cli.does("rewrap", "demo", "--print-policy", "--for", "job")
    assert 'Action::"key.re-encrypt"' in shown
