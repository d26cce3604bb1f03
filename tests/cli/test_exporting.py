"""`strongroom audit export`: formats, and the whole log in a folder."""

import csv
import io
import json
import os
import shutil
import stat

import pytest

from strongroom.adapters.sqlite import search
from strongroom.cli import folders
from strongroom.domain import limits
from strongroom.export.formats import FORMATS
from strongroom.tlog.merkle import leaf_hash
from strongroom.verify.program import main as verify


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_every_entry_once(cli, name):
    cli.does("key", "create", "k")
    cli.app("key", "disable", "demo")
    text = cli.does("audit", "export", "--format", name)
    assert text.count("key.disable") >= 1
    assert text.startswith(FORMATS[name].header.decode())
    if name == "csv":
        rows = list(csv.reader(io.StringIO(text, newline="")))
        assert [row[0] for row in rows] == ["position", "0", "1", "2"]
    else:
        assert len(text.splitlines()) == 3


def test_a_line_has_the_entry_as_it_was_hashed(cli):
    cli.does("key", "create", "k", "--label", "ä=ö")
    for line in cli.does("audit", "export", "--format", "jsonl").splitlines():
        body = line.partition('"entry":')[2].removesuffix("}")
        assert leaf_hash(body.encode()).hex() == json.loads(line)["leaf_hash"]


def test_conditions_hold(cli):
    cli.does("key", "create", "k")
    cli.app("key", "disable", "k")
    found = lines(cli.does("audit", "export", "--format", "jsonl", "--outcome", "refused"))
    assert [each["entry"]["action"] for each in found] == ["key.disable"]


def test_an_export_ends_where_the_log_ended_when_it_began(cli, monkeypatch):
    monkeypatch.setattr(limits, "PAGE_ITEMS_MAX", 2)
    for _ in range(5):
        cli.does("whoami")
    result = cli("audit", "export", "--format", "jsonl")
    assert [each["position"] for each in lines(result.out)] == list(range(6))
    assert result.err == "6 entries exported.\n"


def test_a_part_that_holds_nothing_does_not_end_it(cli, monkeypatch):
    monkeypatch.setattr(search, "_COST_MAX", 3)
    for _ in range(10):
        cli.does("whoami")
    cli.app("key", "disable", "demo")
    result = cli("audit", "export", "--format", "jsonl", "--principal", "app")
    assert len(lines(result.out)) == 1
    assert result.err == "1 entry exported.\n"


def test_a_file_is_there_when_it_is_whole(cli, tmp_path):
    path = tmp_path / "log.csv"
    result = cli("audit", "export", "--format", "csv", "--out", path)
    assert (result.code, result.out) == (0, "")
    assert path.read_bytes().startswith(FORMATS["csv"].header)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert not path.with_name("log.csv.part").exists()
    assert cli("audit", "export", "--format", "csv", "--out", path).code == 6
    cli.does("audit", "export", "--format", "csv", "--out", path, "--force")


def test_what_was_cut_off_is_gone_on_with(cli, server, tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "PAGE_ITEMS_MAX", 2)
    for _ in range(6):
        cli.does("whoami")
    path = tmp_path / "log.jsonl"
    real, count = server._desk.answer, 0

    async def failing(call):
        nonlocal count
        count += call.operation == "audit.read"
        if count == 3:
            server.away = True
        return await real(call)

    monkeypatch.setattr(server._desk, "answer", failing)
    cut = cli("audit", "export", "--format", "jsonl", "--out", path)
    assert cut.code == 7
    assert not path.exists()
    assert "--page-token 5" in cut.err
    server.away = False
    size = 7
    rest = ["--page-token", "5", "--until", "2100-01-01T00:00:00Z"]
    cli.does("audit", "export", "--format", "jsonl", "--out", path, *rest)
    positions = [each["position"] for each in lines(path.read_text())]
    assert positions[:size] == list(range(size))
    assert positions == sorted(set(positions))


def test_a_csv_that_is_gone_on_with_has_one_header(cli, monkeypatch):
    cli.does("whoami")
    first = cli.does("audit", "export", "--format", "csv")
    rest = cli.does("audit", "export", "--format", "csv", "--page-token", "0")
    assert first.startswith(FORMATS["csv"].header.decode())
    assert not rest.startswith('"position"')


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--format", "xml"],
        ["--format", "jsonl", "--folder", "{}"],
        ["--folder", "{}", "--principal", "app"],
        ["--folder", "{}", "--out", "x"],
        ["--folder", "{}", "--page-token", "3"],
    ],
)
def test_what_contradicts_itself_is_refused(cli, server, tmp_path, words):
    asked = len(server.asked)
    result = cli("audit", "export", *(word.format(tmp_path / "log") for word in words))
    assert (result.code, result.out) == (2, "")
    assert len(server.asked) == asked
    assert not (tmp_path / "log").exists()


def test_who_may_not_read_exports_nothing(cli, tmp_path):
    path = tmp_path / "log"
    assert cli.app("audit", "export", "--format", "csv", "--out", path).code == 4
    assert cli.app("audit", "export", "--folder", path).code == 4
    assert cli("audit", "export", "--folder", path).code == 4  # administrators read no entries
    assert os.listdir(tmp_path) == [name for name in os.listdir(tmp_path) if "log" not in name]


def test_an_altered_entry_is_not_exported(cli, server):
    cli.does("whoami")
    real = server._desk.answer

    async def altering(call):
        reply = await real(call)
        return type(reply)(reply.answer.replace(b"identity.read", b"identity.reap"), reply.variant)

    server._desk.answer = altering
    result = cli("audit", "export", "--format", "jsonl", "--action", "identity.read")
    assert result.code == 1
    assert "is not what its hash is of" in result.err


# --- the whole log in a folder --------------------------------------------------------------------


class Auditor:
    """An auditor with a folder and the log's keys."""

    def __init__(self, cli, server, tmp_path, monkeypatch, capsys):
        self.cli, self.server, self.capsys = cli, server, capsys
        self.folder, self.keys = tmp_path / "log", tmp_path / "keys"
        cli.does("principal", "create", "auditor", "--role", "auditor")
        made = json.loads(cli.does("token", "create", "auditor", "-o", "json"))
        monkeypatch.setenv("AUDITOR", made["token"])
        cli.does("audit", "key", "--out", self.keys)

    def export(self):
        return self.cli("audit", "export", "--folder", self.folder, "--token-from", "AUDITOR")

    def verify(self, *words):
        code = verify(["folder", str(self.folder), "--key", str(self.keys), *map(str, words)])
        return code, "".join(self.capsys.readouterr())

    def grow(self, entries):
        for _ in range(entries):
            self.cli.does("whoami")

    def fetched(self, work):
        before = len(self.server.asked)
        work()
        return [name for name in self.server.asked[before:] if name != "audit.read-checkpoint"]


@pytest.fixture
def auditor(cli, server, tmp_path, monkeypatch, capsys):
    return Auditor(cli, server, tmp_path, monkeypatch, capsys)


def test_a_folder_is_verified_without_the_server(auditor):
    auditor.grow(3)
    result = auditor.export()
    assert (result.code, result.out) == (0, "")
    assert "entries of strongroom/" in result.err
    code, said = auditor.verify()
    assert code == 0, said
    assert stat.S_IMODE(os.stat(auditor.folder / "checkpoint").st_mode) == 0o600


def test_a_folder_goes_on_and_full_tiles_are_not_fetched_again(auditor, tmp_path):
    from tests.support.desks import Client

    desk = Client(auditor.server._desk)
    for _ in range(300):
        desk.ask(auditor.server.app, "identity.read")
    auditor.export()
    assert auditor.verify()[0] == 0
    kept = tmp_path / "earlier"
    shutil.copy(auditor.folder / "checkpoint", kept)
    auditor.grow(2)
    fetched = auditor.fetched(auditor.export)
    assert sorted(fetched) == ["audit.read-entries", "audit.read-tile"]  # those that have grown
    code, said = auditor.verify("--from", kept)
    assert code == 0, said
    assert len(list((auditor.folder / "tile" / "0").iterdir())) == 2


def test_what_was_interrupted_is_gone_on_with(auditor, monkeypatch):
    auditor.grow(3)
    auditor.export()
    former = (auditor.folder / "checkpoint").read_bytes()
    auditor.grow(3)
    monkeypatch.setattr(folders, "_RETRY_SECONDS", ())
    real = auditor.server._desk.answer

    async def failing(call):
        auditor.server.away = call.operation == "audit.read-entries"
        return await real(call)

    auditor.server._desk.answer = failing
    assert auditor.export().code == 7
    assert (auditor.folder / "checkpoint").read_bytes() == former
    auditor.server._desk.answer, auditor.server.away = real, False
    (auditor.folder / "tile" / "0" / f".000.{'0' * 16}").write_bytes(b"half")  # of a crash
    assert auditor.export().code == 0
    code, said = auditor.verify()
    assert code == 0, said


def test_a_room_that_restarts_does_not_end_it(auditor, monkeypatch):
    monkeypatch.setattr(folders, "_RETRY_SECONDS", (0, 0))
    real, left = auditor.server._desk.answer, 2

    async def failing(call):
        nonlocal left
        if call.operation == "audit.read-tile" and left:
            left -= 1
            from strongroom.domain.calls import Reply

            return Reply(code="unavailable", detail="later")
        return await real(call)

    auditor.server._desk.answer = failing
    assert auditor.export().code == 0
    assert auditor.verify()[0] == 0


def test_a_shorter_or_another_log_is_refused_and_the_folder_stays(auditor, monkeypatch):
    auditor.grow(2)
    auditor.export()
    before = {path: path.read_bytes() for path in auditor.folder.rglob("*") if path.is_file()}
    checkpoint = auditor.folder / "checkpoint"
    text = checkpoint.read_text()
    origin, size, _ = text.split("\n")[:3]
    longer = text.replace(f"\n{size}\n", f"\n{int(size) + 1_000}\n", 1)
    for changed, said in (
        (longer, "is not a continuation of the"),
        (text.replace(origin, "another/log", 1), "The folder is of the log another/log"),
    ):
        checkpoint.write_text(changed)
        result = auditor.export()
        assert (result.code, result.out) == (1, "")
        assert said in result.err
        assert checkpoint.read_text() == changed
    checkpoint.write_text(text)
    assert {
        path: path.read_bytes() for path in auditor.folder.rglob("*") if path.is_file()
    } == before


def test_a_folder_that_holds_something_else_is_not_written_to(auditor, server):
    auditor.folder.mkdir()
    (auditor.folder / "thesis.txt").write_text("mine")
    result = auditor.export()
    assert result.code == 2
    assert os.listdir(auditor.folder) == ["thesis.txt"]
    (auditor.folder / "thesis.txt").unlink()
    auditor.folder.rmdir()
    auditor.folder.write_text("a file")
    assert auditor.export().code == 2


def test_what_is_not_of_its_length_is_not_kept(auditor, server):
    real = auditor.server._desk.answer

    async def shortening(call):
        reply = await real(call)
        if call.operation != "audit.read-tile":
            return reply
        import msgspec

        content = msgspec.msgpack.decode(reply.answer)["content"][:-1]
        return type(reply)(msgspec.msgpack.encode({"content": content}))

    auditor.server._desk.answer = shortening
    result = auditor.export()
    assert result.code == 1
    assert "is not of its length" in result.err
    assert not (auditor.folder / "checkpoint").exists()
