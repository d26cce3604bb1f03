"""The log over HTTP as C2SP tlog-tiles has it: paths, what may be kept, what is no tile."""

import pytest

from strongroom.tlog import checkpoints, notes, proofs, receipts, tiles
from strongroom.tlog.merkle import leaf_hash
from strongroom.tlog.tiles import ENTRIES, Tile
from tests.doors.conftest import Entrance, problem_of
from tests.support.desks import House


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """A log with a full tile."""
    made = Entrance(House(tmp_path_factory.mktemp("grown") / "strongroom.db"))
    desk = made.house.desk()
    for _ in range(260):
        desk.ask(made.house.app, "identity.read")
    made.admin("POST", "/v1/principals", json={"name": "auditor", "roles": ["auditor"]})
    made.auditor = made.admin("POST", "/v1/tokens", json={"principal": "auditor"}).json()["token"]
    made.note = made.notary.sign()
    yield made
    made.house.store.close()


def get(entrance, path, **options):
    return entrance.send("GET", f"/audit/{path}", entrance.auditor, **options)


def test_the_checkpoint_is_text_and_kept_by_nobody(grown):
    response = get(grown, "checkpoint")
    assert response.content == grown.note
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"


def test_a_full_tile_is_kept_for_ever_by_the_caller_alone(grown):
    response = get(grown, "tile/0/000")
    assert len(response.content) == 256 * 32
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["cache-control"] == "private, max-age=31536000, immutable"
    tag = response.headers["etag"]
    again = get(grown, "tile/0/000", headers=[("If-None-Match", tag)])
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["tile/0/001.p/1", "tile/1/000.p/1", "tile/entries/000"])
def test_a_tile_that_grows_and_entries_are_not_kept(grown, path):
    response = get(grown, path)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert "etag" not in response.headers


def test_entries_come_as_they_were_hashed(grown):
    entries = tiles.unbundle(get(grown, "tile/entries/000").content, 256)
    leaves = tiles.split(Tile(0, 0), get(grown, "tile/0/000").content)
    assert [leaf_hash(entry) for entry in entries] == leaves


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/002", "tile/0/001", "tile/0/001.p/255", "tile/1/000", "tile/2/000.p/1",
        "tile/0/x001/000", "tile/entries/001", "tile/entries/x009/x999/x999/x999/x999/999",
    ],
)  # fmt: skip
def test_what_is_beyond_the_checkpoint_is_not_found(grown, path):
    response = get(grown, path)
    assert (response.status_code, problem_of(response)["code"]) == (404, "not-found")


@pytest.mark.parametrize(
    "path",
    [
        "tile", "tile/", "tile/0", "tile/0/", "tile/000", "tile/0/0", "tile/0/00", "tile/0/0000",
        "tile/00/000", "tile/8/000", "tile/-1/000", "tile/+0/000", "tile/0/000/", "tile/0//000",
        "tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01",
        "tile/0/000.p/1/", "tile/0/000.p/1.p/1", "tile/0/x000/000", "tile/0/x001", "tile/0/x001/",
        "tile/0/001/234", "tile/0/X001/234", "tile/0/%30%30%30", "tile/0%2F000", "tile/0/000?",
        "tile/entries", "tile/entries/", "tile/Entries/000", "tile/entries/0/000", "tile/data/000",
        "tile/0/.../000", "tile/0/١٢٣", "checkpoint/", "Checkpoint", "", "issuer/00",
        "tile/0/x999/x999/x999/x999/x999/x999/999", "tile/0/" + "x001/" * 10_000 + "000",
        "tile/" + "9" * 60_000,
    ],
)  # fmt: skip
def test_what_is_no_tiles_path_is_no_path(grown, path):
    if path.endswith("?"):
        assert get(grown, path).status_code == 200  # an empty query is none
        return
    calls = len(grown.custodian.calls)
    response = get(grown, path)
    assert (response.status_code, problem_of(response)["code"]) == (404, "no-such-path")
    assert len(grown.custodian.calls) == calls


def test_a_tile_takes_no_parameters_and_no_body(grown):
    for response in (
        get(grown, "tile/0/000?level=1"),
        get(grown, "tile/0/000", content=b"{}", headers=[("Content-Type", "application/json")]),
        get(grown, "checkpoint?size=1"),
    ):
        assert problem_of(response)["code"] == "invalid-request"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD"])
def test_a_tile_can_only_be_read(grown, method):
    for path in ("tile/0/000", "tile/entries/000", "checkpoint"):
        response = grown.send(method, f"/audit/{path}", grown.auditor)
        assert (response.status_code, response.headers["allow"]) == (405, "GET")


def test_without_a_token_there_is_nothing_and_without_the_right_neither(grown):
    for path in ("tile/0/000", "tile/0/999", "tile/entries/000", "checkpoint"):
        assert grown.send("GET", f"/audit/{path}").status_code == 401
        response = grown.app("GET", f"/audit/{path}")
        assert (response.status_code, problem_of(response)["code"]) == (403, "not-allowed")


def test_a_receipt_is_text_and_its_target_is_on_record(grown):
    made = grown.app("GET", "/v1/whoami").headers["strongroom-request-id"]
    grown.notary.sign()
    response = grown.app("GET", f"/v1/audit/receipts/{made}")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    receipt = receipts.parse(response.content)
    assert made in receipt.extra.decode()
    (entry,) = grown.entries(request=response.headers["strongroom-request-id"])
    assert entry["details"] == {"position": receipt.index, "receipt": made}


@pytest.mark.parametrize("target", ["", "a/b", "A" * 32, "0" * 70, "é"])
def test_what_is_no_requests_id_has_no_receipt(grown, target):
    response = grown.app("GET", f"/v1/audit/receipts/{target}")
    assert response.status_code == 404


def test_a_verifier_finds_its_way_by_paths_alone(grown):
    """From the checkpoint down to an entry, as a client of C2SP tlog-tiles does."""
    note = notes.parse(get(grown, "checkpoint").content)
    checkpoint = checkpoints.parse(note.text)
    index = checkpoint.size - 1
    plan = proofs.plan_inclusion(index, checkpoint.size)
    hashes = []
    for node in plan.nodes:
        tile = tiles.tile_of(node, checkpoint.size)
        hashes.append(tiles.node_from_tile(node, tile, get(grown, tile.path).content))
    bundle = next(iter(tiles.tiles(ENTRIES, checkpoint.size, after=index)))
    entry = tiles.unbundle(get(grown, bundle.path).content, bundle.width)[-1]
    proofs.verify_inclusion(
        plan.proof(hashes), index=index, size=checkpoint.size, leaf=leaf_hash(entry),
        root=checkpoint.root,
    )  # fmt: skip
