"""Go's `sumdb/note` and `sumdb/tlog` say the same as we do: of ours, of theirs, of broken ones."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.tlog import checkpoints, keys, notes, tiles, vkeys
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.errors import TlogError
from strongroom.tlog.proofs import verify_consistency, verify_inclusion
from strongroom.tlog.tiles import ENTRIES, Tile
from tests.support import golang
from tests.support.logs import Log

pytestmark = pytest.mark.skipif(bool(golang.missing()), reason=golang.missing())

ENTRIES_OF_LOG = [b"entry %d" % i * (i % 5) for i in range(700)]
LOG = Log(ENTRIES_OF_LOG)
ROOTS = [LOG.root(size) for size in range(len(ENTRIES_OF_LOG) + 1)]
SIGNER = keys.NoteSigner("log.example/audit", b"l" * 32)
VERIFIER = keys.verifier(SIGNER.vkey)

sizes = st.integers(1, len(ENTRIES_OF_LOG))
asking = settings(deadline=None, max_examples=100)


@pytest.fixture(scope="module")
def go(tmp_path_factory):
    with golang.running(tmp_path_factory.mktemp("go")) as asked:
        assert asked.ask("log", entries=ENTRIES_OF_LOG)["size"] == len(ENTRIES_OF_LOG)
        yield asked


@pytest.fixture(scope="module")
def attentive(go):
    """Whether Go notices a changed tile.

    An old one, such as Debian 12's 1.19, does not look at the first tile behind those that the root
    is made of (`TileHashReader` of sumdb/tlog, mended since): what it believes is nothing to go by.
    """
    served = {tile.path: LOG.tile(tile) for tile in tiles_of(259)}
    served["tile/0/000"] = b"\xff" + served["tile/0/000"][1:]
    return not go.takes("check tiles", tiles=served, root=ROOTS[259], size=259, index=0)


def ours(function, *args, **facts):
    """Whether we take it."""
    try:
        function(*args, **facts)
    except TlogError:
        return False
    return True


def hashes(answer):
    return [golang.raw(text) for text in answer.get("hashes", [])]


@asking
@given(size=sizes)
def test_roots(go, size):
    assert golang.raw(go.ask("root", size=size)["hash"]) == ROOTS[size]


def test_the_root_of_nothing(go):
    """Of which an old Go, such as Debian 12's 1.19, thinks as of no root yet."""
    assert golang.raw(go.ask("root", size=0)["hash"]) in {ROOTS[0], bytes(32)}


@asking
@given(size=sizes, data=st.data())
def test_proofs_are_the_same(go, size, data):
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    made = hashes(go.ask("prove inclusion", size=size, index=index))
    assert made == LOG.inclusion(index, size)
    verify_inclusion(made, index=index, size=size, leaf=LOG.leaves[index], root=ROOTS[size])
    made = hashes(go.ask("prove consistency", size=size, old=old))
    assert made == LOG.consistency(old, size)
    verify_consistency(made, old=old, new=size, old_root=ROOTS[old], new_root=ROOTS[size])


def broken(draw, proof):
    """The proof, or one with something changed."""
    place = draw(st.integers(0, max(len(proof) - 1, 0)))
    kind = draw(st.sampled_from(["as it is", "bit", "dropped", "added", "short"]))
    if kind == "added":
        return [*proof[:place], b"\xff" * 32, *proof[place:]]
    if kind == "as it is" or not proof:
        return proof
    one = proof[place]
    bit = draw(st.integers(0, 255))
    flipped = (int.from_bytes(one, "big") ^ 1 << bit).to_bytes(32, "big")
    instead = {"bit": [flipped], "dropped": [], "short": [one[1:]]}[kind]
    return [*proof[:place], *instead, *proof[place + 1 :]]


def near(draw, value):
    """The value, mostly, or one beside it."""
    return value + draw(st.sampled_from([0, 0, 0, 0, 1, -1]))


@asking
@given(size=sizes, data=st.data())
def test_of_inclusion_we_believe_the_same(go, size, data):
    index = data.draw(st.integers(0, size - 1))
    proof = broken(data.draw, LOG.inclusion(index, size))
    leaf, root = LOG.leaves[index], ROOTS[size]
    index, size = near(data.draw, index), near(data.draw, size)
    theirs = go.takes("check inclusion", proof=proof, index=index, size=size, leaf=leaf, root=root)
    assert theirs == ours(verify_inclusion, proof, index=index, size=size, leaf=leaf, root=root)


@asking
@given(new=sizes, data=st.data())
def test_of_consistency_we_believe_the_same(go, new, data):
    old = data.draw(st.integers(1, new))
    proof = broken(data.draw, LOG.consistency(old, new))
    old_root, new_root = ROOTS[old], ROOTS[new]
    old, new = near(data.draw, old), near(data.draw, new)
    theirs = go.takes(
        "check consistency", proof=proof, old=old, size=new, oldroot=old_root, root=new_root
    )
    assert theirs == ours(
        verify_consistency, proof, old=old, new=new, old_root=old_root, new_root=new_root
    )


def tiles_of(size, after=0):
    return [tile for level in tiles.levels(size) for tile in tiles.tiles(level, size, after=after)]


@asking
@given(size=sizes, data=st.data())
def test_tiles_are_the_same(go, size, data):
    after = data.draw(st.integers(0, size))
    answer = go.ask("tiles", size=size, old=after)
    expected = tiles_of(size, after)
    found = dict(zip(answer.get("texts", []), hashes(answer), strict=True))
    assert {tile.path: LOG.tile(tile) for tile in expected}.items() <= found.items()
    # An old Go names all widths through which a tile grew, and the one before, too.
    more = [tiles.parse_path(path) for path in found.keys() - {tile.path for tile in expected}]
    widest = {(tile.level, tile.n): tile.width for tile in tiles_of(size)}
    assert all(tile.width <= widest[tile.level, tile.n] for tile in more)


@asking
@given(size=sizes, data=st.data())
def test_go_reads_our_tiles_and_notices_when_one_is_changed(go, attentive, size, data):
    index = data.draw(st.integers(0, size - 1))
    served = {tile.path: LOG.tile(tile) for tile in tiles_of(size)}
    asked = {"root": ROOTS[size], "size": size, "index": index}
    assert hashes(go.ask("check tiles", tiles=served, **asked)) == [LOG.leaves[index]]
    if not attentive:
        return
    # Any bit of the tile that has the leaf: Go recomputes the root from all of them.
    path = Tile(0, index // 256, min(size - index // 256 * 256, 256)).path
    bit = data.draw(st.integers(0, 8 * len(served[path]) - 1))
    number = int.from_bytes(served[path], "big") ^ 1 << bit
    served[path] = number.to_bytes(len(served[path]), "big")
    assert not go.takes("check tiles", tiles=served, **asked)


PATHS = [
    "tile/0/000", "tile/7/000.p/1", "tile/entries/x001/x234/067.p/17", "tile/0/x001/000",
    "tile/0/0", "tile/0/0000", "tile/0/x000/000", "tile/0/000.p/0", "tile/0/000.p/256",
    "tile/0/000.p/01", "tile/00/000", "tile/-1/000", "tile/0/001/000", "tile/0/000/", "tile/0/",
    "tile/0/xx01/000", "tile/+1/000", "tile/0/000.p/", "tile/0/000.p/1/", "tile/0/ 00", "",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_of_paths_we_believe_the_same(go, path):
    assert go.takes("path", path=path) == ours(tiles.parse_path, path)
    if go.takes("path", path=path):
        tile = tiles.parse_path(path)
        assert go.ask("path", path=path)["texts"] == [str(tile.level), str(tile.n), str(tile.width)]


@asking
@given(entries=st.lists(st.binary(max_size=400), max_size=20), data=st.data())
def test_go_hashes_the_entries_of_our_bundles(go, entries, data):
    raw = tiles.bundle(entries)
    assert hashes(go.ask("bundle", raw=raw)) == Log(entries).leaves
    # Cut anywhere, it is another bundle or none, for both.
    cut = raw[: data.draw(st.integers(0, len(raw)))]
    if go.takes("bundle", raw=cut):
        count = len(hashes(go.ask("bundle", raw=cut)))
        assert tiles.unbundle(cut, count) == entries[:count]
    else:
        assert not any(ours(tiles.unbundle, cut, count) for count in range(len(entries) + 2))


def test_go_hashes_the_entries_of_our_whole_log(go):
    for tile in tiles.tiles(ENTRIES, len(ENTRIES_OF_LOG)):
        level_0 = Tile(0, tile.n, tile.width)
        assert hashes(go.ask("bundle", raw=LOG.tile(tile))) == tiles.split(
            level_0, LOG.tile(level_0)
        )


# Lines of any characters but what separates lines or is a control character: what a text may have.
lines = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20), min_size=1, max_size=5
)


def opened(go, raw, vkey=SIGNER.vkey):
    return go.takes("open", raw=raw, key=str(vkey))


def believed(raw, verifier=VERIFIER):
    return ours(lambda: notes.check(notes.parse(raw), verifier))


@asking
@given(lines=lines)
def test_go_opens_our_notes_and_we_open_theirs(go, lines):
    text = "\n".join([*lines, ""])
    raw = notes.sign(text, [SIGNER]).to_bytes()
    assert go.ask("open", raw=raw, key=str(SIGNER.vkey))["text"] == text
    typed = base64.b64encode(b"\1" + b"l" * 32).decode()
    private = f"PRIVATE+KEY+{SIGNER.vkey.name}+{SIGNER.vkey.key_id.hex()}+{typed}"
    assert golang.raw(go.ask("sign", text=text, key=private)["hash"]) == raw


@asking
@given(lines=lines, data=st.data())
def test_a_changed_note_is_opened_by_neither(go, lines, data):
    """But for bits that pad base 64, which Go overlooks: two spellings of one note."""
    raw = notes.sign("\n".join([*lines, ""]), [SIGNER]).to_bytes()
    place = data.draw(st.integers(0, len(raw) - 1))
    instead = data.draw(
        st.one_of(st.binary(max_size=2), st.sampled_from([b"\n", b"\r", b" ", b"\0"]))
    )
    changed = raw[:place] + instead + raw[place + 1 :]
    if changed == raw:
        return
    assert not believed(changed)
    if opened(go, changed):
        padded = changed.rpartition(b"\xe2\x80\x94 log.example/audit ")[2].strip()
        assert base64.b64encode(base64.b64decode(padded)) != padded


def test_signatures_beside_the_known_one(go):
    text = "text\n"
    known = str(notes.sign(text, [SIGNER]).signatures[0])
    stranger = str(notes.signature(text, keys.NoteSigner("s.example", b"s" * 32)))
    wrong = str(notes.signature("other\n", SIGNER))
    for below, believable in [
        (known + stranger, True), (stranger + known, True), (known + known, True),
        (stranger, False), (wrong, False), (wrong + known, False), (known + "\n", False),
        (known + known[:-1], False), ("", False),
    ]:  # fmt: skip
        raw = f"{text}\n{below}".encode()
        assert (believed(raw), opened(go, raw)) == (believable, believable)
    # Of a key's several signatures Go looks at the first alone. We look at all of them.
    raw = f"{text}\n{known}{wrong}".encode()
    assert (believed(raw), opened(go, raw)) == (False, True)


@asking
@given(size=st.integers(0, 2**63 - 1), root=st.binary(min_size=32, max_size=32))
def test_go_reads_our_checkpoints(go, size, root):
    checkpoint = Checkpoint("log.example/audit", size, root if size else ROOTS[0])
    answer = go.ask("checkpoint", text=checkpoint.text)
    assert answer.get("size", 0) == size
    assert golang.raw(answer["hash"]) == checkpoint.root


@pytest.mark.parametrize(
    "size", ["", "-1", "-0", "+1", "01", "1_0", " 1", "0x1", str(2**63), "1" * 30, "1.0"]
)
def test_other_spellings_of_a_size_are_read_by_neither(go, size):
    text = Checkpoint("log.example", 7, ROOTS[7]).text.replace("\n7\n", f"\n{size}\n")
    assert not ours(checkpoints.parse, text)
    assert not go.takes("checkpoint", text=text)


def test_keys_texts(go):
    text = str(SIGNER.vkey)
    raw = notes.sign("text\n", [SIGNER]).to_bytes()
    for changed, believable in [
        (text, True),
        (text[:-1], False),
        (text + "=", False),
        (text.replace("log", "gol"), False),
        (text.replace("+A", "+B"), False),
        (text.replace("log", ""), False),
        (text.replace("log.", "log "), False),
    ]:
        assert ours(vkeys.parse, changed) == believable
        assert go.takes("open", raw=raw, key=changed) == believable
