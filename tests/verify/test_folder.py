"""A folder in which anything at all was changed is found out, and what was changed is named."""

import os
import re
import shutil
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.tlog import merkle, notes, tiles
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.tiles import WIDTH, Tile
from strongroom.verify.program import main
from tests.support import auditing
from tests.support.auditing import ORIGIN, cosigner, log_signer, signed, vkey, write_folder

KEY = vkey(log_signer())
SIZE = 600  # two full tiles, one partial, and a level above


def entry(i):
    return b'{"seq":%d}' % i


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log") / "audit"
    write_folder(folder, map(entry, range(SIZE)))
    return folder


@pytest.fixture
def folder(original, tmp_path):
    return shutil.copytree(original, tmp_path / "audit")


@pytest.fixture
def check(capsys):
    def run(folder, *more):
        code = main(["folder", str(folder), "--key", KEY, *map(str, more)])
        said = capsys.readouterr()
        text = said.err or said.out
        assert text.count("\n") == 1
        assert "Traceback" not in text
        return code, text.strip()

    return run


def files_of(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_log_as_it_was_exported_is_right(check, folder):
    assert check(folder) == (
        0,
        f"All of the log {ORIGIN} is as its checkpoint of 600 entries signs.",
    )


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 513])
def test_a_log_of_any_size_is_right(check, tmp_path, size):
    write_folder(tmp_path / "log", map(entry, range(size)))
    assert check(tmp_path / "log")[0] == 0


def test_the_layout_is_that_of_c2sp_tlog_tiles(original):
    assert files_of(original) == [
        "checkpoint",
        "tile/0/000",
        "tile/0/001",
        "tile/0/002.p/88",
        "tile/1/000.p/2",
        "tile/entries/000",
        "tile/entries/001",
        "tile/entries/002.p/88",
    ]


# --- tampering --------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [0, 1, 255, 256, 300, 511, 512, 599])
def test_a_changed_entry_is_named(check, folder, index):
    file = Tile(tiles.ENTRIES, index // WIDTH, 256 if index < 512 else 88)
    path = folder / file.path
    path.write_bytes(path.read_bytes().replace(entry(index), entry(index)[:-2] + b"x}"))
    assert check(folder) == (
        1,
        f"WRONG: entry {index}, in {file.path}, is not the one that was logged.",
    )


def test_each_changed_byte_of_a_hash_tile_is_found_and_its_entry_named(check, folder):
    for path, first in [("tile/0/001", 256), ("tile/0/002.p/88", 512)]:
        whole = (folder / path).read_bytes()
        for at in range(0, len(whole), 37):
            altered = bytearray(whole)
            altered[at] ^= 1
            (folder / path).write_bytes(altered)
            assert check(folder) == (
                1,
                f"WRONG: {path} was changed: it has a wrong hash for entry {first + at // 32}.",
            )
        (folder / path).write_bytes(whole)


def test_a_changed_hash_of_a_tile_is_named_by_that_tile(check, folder):
    path = folder / "tile/1/000.p/2"
    whole = bytearray(path.read_bytes())
    whole[40] ^= 0x80
    path.write_bytes(whole)
    said = "WRONG: tile/1/000.p/2 was changed: it has a wrong hash for tile/0/001."
    assert check(folder) == (1, said)


def test_every_byte_of_every_file_counts(check, tmp_path):
    """Each byte of a small log is changed once: its own files, and the checkpoint's."""
    folder = tmp_path / "log"
    write_folder(folder, map(entry, range(259)))
    for name in files_of(folder):
        path = folder / name
        whole = path.read_bytes()
        # Of the long files each byte of the beginning and the end, and some between.
        middle = range(200, max(200, len(whole) - 200), 53)
        for at in {
            *range(min(200, len(whole))),
            *middle,
            *range(max(0, len(whole) - 200), len(whole)),
        }:
            altered = bytearray(whole)
            altered[at] ^= 1 << at % 8
            path.write_bytes(altered)
            code, said = check(folder)
            assert code == 1, (name, at)
            assert name in said, (name, at)
        path.write_bytes(whole)
    assert check(folder)[0] == 0


@pytest.mark.parametrize("index", [0, 254, 300, 598])
def test_swapped_neighbours_are_found_at_the_first(check, folder, index):
    n = index // WIDTH
    path = folder / Tile(tiles.ENTRIES, n, 256 if n < 2 else 88).path
    count = 256 if n < 2 else 88
    entries = tiles.unbundle(path.read_bytes(), count)
    at = index % WIDTH
    entries[at], entries[at + 1] = entries[at + 1], entries[at]
    path.write_bytes(tiles.bundle(entries))
    code, said = check(folder)
    assert (code, said.split(",")[0]) == (1, f"WRONG: entry {index}")


@pytest.mark.parametrize("index", [0, 100, 255, 599])
def test_a_deleted_entry_is_found_where_it_was(check, folder, index):
    n = index // WIDTH
    count = 256 if n < 2 else 88
    path = folder / Tile(tiles.ENTRIES, n, count).path
    entries = tiles.unbundle(path.read_bytes(), count)
    del entries[index % WIDTH]
    path.write_bytes(tiles.bundle(entries))
    code, said = check(folder)
    assert code == 1
    assert f"entry {index}" in said


def test_an_added_entry_is_found(check, folder):
    path = folder / "tile/entries/000"
    path.write_bytes(path.read_bytes() + tiles.bundle([b"one more"]))
    said = "WRONG: tile/entries/000 goes on after entry 255, which is its last."
    assert check(folder) == (1, said)


def test_each_missing_file_is_named(check, original, tmp_path):
    for name in files_of(original):
        folder = shutil.copytree(original, tmp_path / name.replace("/", "-"))
        (folder / name).unlink()
        code, said = check(folder)
        if name == "checkpoint":
            assert code == 2, said
            assert "No such file" in said
        else:
            assert (code, said) == (1, f"WRONG: {name} is missing.")


def test_each_file_that_is_cut_off_is_named(check, folder):
    for name in files_of(folder):
        whole = (folder / name).read_bytes()
        for kept in (0, 1, len(whole) // 2, len(whole) - 1):
            (folder / name).write_bytes(whole[:kept])
            code, said = check(folder)
            assert code == 1, (name, kept)
            assert name in said, (name, kept)
        (folder / name).write_bytes(whole)


def test_each_file_that_goes_on_is_named(check, folder):
    for name in files_of(folder):
        whole = (folder / name).read_bytes()
        for more in (b"\0", b"\0\0", b"x" * 32):
            (folder / name).write_bytes(whole + more)
            code, said = check(folder)
            assert code == 1, (name, more)
            assert name in said, (name, more)
        (folder / name).write_bytes(whole)


def test_a_missing_empty_entry_at_the_end_is_found(check, tmp_path):
    """Nothing at all hashes like an empty entry; only its length is missing."""
    write_folder(tmp_path / "log", [b"a", b""])
    path = tmp_path / "log/tile/entries/000.p/2"
    path.write_bytes(path.read_bytes()[:-2])
    said = "WRONG: tile/entries/000.p/2 ends within entry 1."
    assert check(tmp_path / "log") == (1, said)


@pytest.mark.parametrize(
    "name",
    [
        "tile/0/003",
        "tile/0/002",
        "tile/0/000.p/5",
        "tile/2/000.p/1",
        "tile/entries/003",
        "tile/entries/0",
        "notes.txt",
        "tile/0/x000/000",
    ],
)
def test_a_file_too_many_is_named(check, folder, name):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"")
    assert check(folder) == (1, f"WRONG: {name} does not belong to a log of 600 entries.")


def test_a_link_to_a_folder_is_no_part_of_a_log(check, folder, tmp_path):
    (folder / "tile").rename(tmp_path / "elsewhere")
    (folder / "tile").symlink_to(tmp_path / "elsewhere")
    assert check(folder) == (1, "WRONG: tile does not belong to a log of 600 entries.")


def test_a_pipe_in_the_place_of_a_tile_holds_nobody_up(check, folder):
    (folder / "tile/0/000").unlink()
    os.mkfifo(folder / "tile/0/000")
    assert check(folder) == (1, "WRONG: tile/0/000 is not a plain file.")


def test_a_folder_in_the_place_of_a_tile_is_no_tile(check, folder):
    (folder / "tile/0/000").unlink()
    (folder / "tile/0/000").mkdir()
    assert check(folder)[0] == 1


def test_a_name_that_would_act_on_the_terminal_is_shown_as_text(check, folder):
    (folder / "\x1b[2J\nAll is well.").write_bytes(b"")
    code, said = check(folder)
    assert code == 1
    assert "\x1b" not in said
    assert r"\x1b[2J" in said


def test_hashes_that_were_made_again_are_found_at_the_last_tile_that_was_not(check, folder):
    """Who changes an entry and its tile has to change the tile above, and the checkpoint."""
    entries = [entry(i) for i in range(256)]
    entries[7] = b"changed"
    (folder / "tile/entries/000").write_bytes(tiles.bundle(entries))
    leaves = [merkle.leaf_hash(each) for each in entries]
    (folder / "tile/0/000").write_bytes(b"".join(leaves))
    code, said = check(folder)
    assert code == 1
    assert re.fullmatch(
        r"WRONG: tile/0/000, with entries 0 to 255, is not what the tile above says.*", said
    )


def test_a_log_that_was_made_again_as_a_whole_is_another_log(check, folder, tmp_path):
    write_folder(tmp_path / "other", (b"other %d" % i for i in range(SIZE)))
    shutil.copy(folder / "checkpoint", tmp_path / "other" / "checkpoint")
    code, said = check(tmp_path / "other")
    assert code == 1
    assert "do not have the root hash that is signed for 600 entries" in said
    assert said.endswith("this is another log.")


def test_a_folder_that_cannot_be_read_is_not_called_wrong(check, folder, monkeypatch):
    real = os.open

    def deny(path, *arguments, **options):
        if str(path).endswith("tile/0/001"):
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", deny)
    said = "Not checked: tile/0/001 cannot be read: Permission denied."
    assert check(folder) == (2, said)


def test_a_folder_whose_list_cannot_be_read_is_not_called_wrong(check, folder, monkeypatch):
    def deny(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", deny)
    assert check(folder) == (2, f"Not checked: {folder} cannot be read: Permission denied.")


# --- signatures ---------------------------------------------------------------------------------


def test_a_checkpoint_that_somebody_else_signed_does_not_count(check, folder):
    root = merkle.root([merkle.leaf_hash(entry(i)) for i in range(SIZE)])
    checkpoint = Checkpoint(ORIGIN, SIZE, root)
    (folder / "checkpoint").write_bytes(signed(checkpoint, log_signer("somebody else")))
    assert check(folder) == (
        1,
        f"WRONG: checkpoint does not count: {ORIGIN} has not signed this.",
    )


def test_a_checkpoint_of_another_log_does_not_count(check, folder):
    root = merkle.root([merkle.leaf_hash(entry(i)) for i in range(SIZE)])
    other = notes.sign(Checkpoint("kms.example/2", SIZE, root).text, [log_signer()])
    (folder / "checkpoint").write_bytes(other.to_bytes())
    code, said = check(folder)
    assert code == 1
    assert "this is a checkpoint of kms.example/2" in said


def test_witnesses_who_signed_are_counted(check, folder):
    root = merkle.root([merkle.leaf_hash(entry(i)) for i in range(SIZE)])
    first, second = cosigner(), cosigner("second", "witness.example/w2")
    both = [each for signer in (first, second) for each in ("--witness", vkey(signer))]
    (folder / "checkpoint").write_bytes(signed(Checkpoint(ORIGIN, SIZE, root), log_signer(), first))
    assert check(folder, "--witness", vkey(first))[0] == 0
    code, said = check(folder, *both, "--witnesses", 1)
    assert (code, "seen by at least 1 of its witnesses" in said) == (0, True)
    assert check(folder, *both) == (
        1,
        "WRONG: checkpoint does not count: 1 witnesses have cosigned this, not 2.",
    )


# --- an earlier checkpoint ----------------------------------------------------------------------


def earlier_of(path, entries, origin=ORIGIN, signer=None):
    root = merkle.root([merkle.leaf_hash(each) for each in entries])
    checkpoint = Checkpoint(origin, len(entries), root)
    path.write_bytes(signed(checkpoint, signer or log_signer()))
    return path


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 512, 599, 600])
def test_a_log_continues_what_it_was(check, folder, tmp_path, size):
    earlier = earlier_of(tmp_path / "earlier", [entry(i) for i in range(size)])
    code, said = check(folder, "--from", earlier)
    assert code == 0
    assert "and it continues the earlier checkpoint" in said


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 512, 599])
def test_a_log_with_another_past_is_found(check, folder, tmp_path, size):
    past = [entry(i) for i in range(size - 1)] + [b"it was otherwise"]
    code, said = check(folder, "--from", earlier_of(tmp_path / "earlier", past))
    assert code == 1
    assert f"something among its first {size} entr" in said


def test_a_log_that_was_taken_back_is_found(check, folder, tmp_path):
    earlier = earlier_of(tmp_path / "earlier", [entry(i) for i in range(601)])
    assert check(folder, "--from", earlier) == (
        1,
        "WRONG: the log was taken back: it had 601 entries at the earlier checkpoint, and has 600.",
    )


def test_two_faces_of_one_size_are_found(check, folder, tmp_path):
    earlier = earlier_of(tmp_path / "earlier", [b"%d" % i for i in range(600)])
    code, said = check(folder, "--from", earlier)
    assert code == 1
    assert "two faces" in said


def test_an_earlier_checkpoint_that_nobody_signed_is_of_no_use(check, folder, tmp_path):
    earlier = earlier_of(tmp_path / "e", [b"x"], signer=log_signer("somebody"))
    code, said = check(folder, "--from", earlier)
    assert code == 2
    assert said.startswith("Not checked: there is nothing to compare with: ")


def test_an_earlier_checkpoint_needs_no_witness(check, tmp_path):
    """It was judged when it was kept. A log may have had no witness yet."""
    write_folder(tmp_path / "log", map(entry, range(600)), log_signer(), cosigner())
    earlier = earlier_of(tmp_path / "earlier", [entry(i) for i in range(300)])
    assert check(tmp_path / "log", "--witness", vkey(cosigner()), "--from", earlier)[0] == 0


def test_an_earlier_checkpoint_that_is_missing_is_of_no_use(check, folder, tmp_path):
    assert check(folder, "--from", tmp_path / "none")[0] == 2


# --- any log, any change ------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(data=st.data(), size=st.integers(1, 1100))
def test_any_change_of_any_log_is_found_and_its_file_named(tmp_path_factory, data, size):
    folder = tmp_path_factory.mktemp("any") / "log"
    entries = data.draw(st.lists(st.binary(max_size=40), min_size=size % 7, max_size=12))
    write_folder(folder, [*entries, *map(entry, range(size - len(entries)))])
    assert main(["folder", str(folder), "--key", KEY]) == 0
    name = data.draw(st.sampled_from(files_of(folder)))
    whole = (folder / name).read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    change = data.draw(st.sampled_from(["flip", "cut", "double", "drop"]))
    altered = {
        "flip": whole[:at] + bytes((whole[at] ^ data.draw(st.integers(1, 255)),)) + whole[at + 1 :],
        "cut": whole[:at],
        "double": whole[: at + 1] + whole[at:],
        "drop": whole[:at] + whole[at + 1 :],
    }[change]
    (folder / name).write_bytes(altered)
    assert main(["folder", str(folder), "--key", KEY]) == 1
    shutil.rmtree(folder)


def test_the_log_of_the_vectors(check, tmp_path, log_vectors):
    """70,000 entries whose roots, tiles and signatures were made and checked by others."""
    size = 70_000
    folder = tmp_path / "log"
    checkpoint = write_folder(folder, map(auditing.vector_entry, range(size)))
    found = {each["size"]: each for each in log_vectors["checkpoints"]}
    assert checkpoint.root.hex() == found[size]["root_hex"]
    (folder / "checkpoint").write_text(found[size]["checkpoint"])
    assert log_vectors["log_vkey"] == KEY
    with_witness = ("--witness", log_vectors["witness_vkey"])
    for old in found.values():
        (tmp_path / "old").write_text(old["checkpoint"])
        assert check(folder, *with_witness, "--from", tmp_path / "old")[0] == 0


@pytest.mark.soak
def test_a_million_entries_take_less_than_a_minute(check, tmp_path):
    write_folder(tmp_path / "log", (b'{"seq":%d,"like":"%0300d"}' % (i, i) for i in range(10**6)))
    began = time.monotonic()
    assert check(tmp_path / "log")[0] == 0
    assert time.monotonic() - began < 60
