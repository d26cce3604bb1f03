"""The clients keep evidence: receipts, checkpoints, tiles, keys."""

import asyncio
import json

import httpx
import pytest

from strongroom.client import AsyncClient, Client, NoReceiptError, ProblemError, calls, proofs
from strongroom.tlog import checkpoints, keys, notes, receipts, tiles, vkeys
from strongroom.tlog.errors import TlogError
from strongroom.tlog.merkle import leaf_hash
from strongroom.tlog.policies import Policy
from strongroom.tlog.tiles import ENTRIES, Tile


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(proofs, "_WAIT_SECONDS", 0.01)


def with_either(kind, url, token, work, **options):
    """What the work returns with a client of that kind: a function of it, that may be awaited."""

    async def asynchronously():
        async with AsyncClient(url, token, **options) as client:
            return await work(client)

    if kind is AsyncClient:
        return asyncio.run(asynchronously())
    with Client(url, token, **options) as client:
        return work(client)


EITHER = pytest.mark.parametrize("kind", [Client, AsyncClient])


def verified(server, raw):
    """The entry in a receipt, verified as an outsider does."""
    policy = Policy(tuple(keys.verifier(vkeys.parse(text)) for text in server.vkeys))
    receipt = receipts.parse(raw)
    receipt.verify(leaf_hash(receipt.extra), policy)
    return json.loads(receipt.extra)


@EITHER
def test_an_answer_comes_with_its_receipt(server, kind):
    call = calls.encrypt("demo", b"4111")
    proven = with_either(kind, server.url, server.app, lambda client: client.with_receipt(call))
    assert proven.answer.ciphertext
    entry = verified(server, proven.receipt)
    assert (entry["request"], entry["action"]) == (proven.request_id, "key.encrypt")


@EITHER
def test_a_refusal_has_a_receipt_too(server, kind):
    with pytest.raises(ProblemError) as caught:
        with_either(kind, server.url, server.app, lambda client: client.disable_key("demo"))
    request = caught.value.request_id
    raw = with_either(kind, server.url, server.app, lambda client: client.read_receipt(request))
    assert verified(server, raw.content)["outcome"] == "refused"


@EITHER
def test_a_receipt_that_is_late_is_asked_for_again(server, kind):
    left = 3

    def late(request, response):
        nonlocal left
        if request.url.path.startswith("/v1/audit/receipts/") and left:
            left -= 1
            return problem(503, "unavailable")
        return response

    call = calls.whoami()
    proven = with_either(
        kind, server.url, server.app, lambda client: client.with_receipt(call),
        transport=altered(kind, late),
    )  # fmt: skip
    assert left == 0
    assert verified(server, proven.receipt)["action"] == "identity.read"


@EITHER
@pytest.mark.parametrize(
    ("instead", "code"),
    [
        (lambda: problem(503, "unavailable"), "unavailable"),
        (lambda: problem(403, "not-allowed"), "not-allowed"),
        (lambda: text(b"c2sp.org/tlog-proof@v1\n"), "unexpected-answer"),
        (lambda: text(b""), "unexpected-answer"),
        (lambda: httpx.Response(200, html="<p>Welcome</p>"), "unexpected-answer"),
        (lambda: httpx.Response(200, json={"receipt": 1}), "unexpected-answer"),
    ],
)
def test_without_a_receipt_the_answer_is_not_lost(server, kind, instead, code):
    def never(request, response):
        return instead() if "/receipts/" in request.url.path else response

    call = calls.encrypt("demo", b"4111")
    with pytest.raises(NoReceiptError) as caught:
        with_either(
            kind, server.url, server.app, lambda client: client.with_receipt(call),
            transport=altered(kind, never),
        )  # fmt: skip
    assert caught.value.reply.answer.ciphertext
    assert caught.value.reply.request_id in str(caught.value)
    assert caught.value.error.code == code


@EITHER
def test_a_receipt_of_another_request_is_none(server, kind):
    with Client(server.url, server.app) as app:
        other = app.with_receipt(calls.whoami()).receipt

    def exchanged(request, response):
        return text(other) if "/receipts/" in request.url.path else response

    with pytest.raises(NoReceiptError, match="of another request"):
        with_either(
            kind, server.url, server.app, lambda client: client.with_receipt(calls.whoami()),
            transport=altered(kind, exchanged),
        )  # fmt: skip


@EITHER
def test_a_call_that_is_refused_is_refused_as_without(server, kind):
    call = calls.encrypt("nothing-there", b"x")
    with pytest.raises(ProblemError) as caught:
        with_either(kind, server.url, server.app, lambda client: client.with_receipt(call))
    assert caught.value.code == "not-found"


def test_the_log_can_be_read_whole(server, auditor):
    note = notes.parse(auditor.read_checkpoint().content)
    checkpoint = checkpoints.parse(note.text)
    leaves, entries = [], []
    for tile in tiles.tiles(0, checkpoint.size):
        leaves += tiles.split(tile, auditor.read_tile(tile).content)
    for tile in tiles.tiles(ENTRIES, checkpoint.size):
        entries += tiles.unbundle(auditor.read_tile(tile).content, tile.width)
    assert [leaf_hash(entry) for entry in entries] == leaves


def test_the_keys_verify_the_checkpoint_and_others_do_not(server, auditor):
    view = auditor.read_log_keys()
    assert view.keys == list(server.vkeys)
    note = notes.parse(auditor.read_checkpoint().content)
    for text_ in view.keys:
        notes.check(note, keys.verifier(vkeys.parse(text_)))
    stranger = keys.NoteSigner(view.origin, bytes(32)).vkey
    with pytest.raises(TlogError):
        notes.check(note, keys.verifier(stranger))


def test_what_is_refused_is_a_problem(server, auditor):
    with Client(server.url, server.app) as app:
        for ask in (app.read_checkpoint, lambda: app.read_tile(Tile(0, 0, 1))):
            with pytest.raises(ProblemError) as caught:
                ask()
            assert caught.value.code == "not-allowed"
        with pytest.raises(ProblemError) as caught:
            app.read_receipt("0" * 32)
        assert caught.value.code == "not-found"
    with pytest.raises(ProblemError) as caught:
        auditor.read_tile(Tile(7, 0, 1))
    assert caught.value.code == "not-found"


@pytest.mark.parametrize("request_id", ["", "..", "a/b", "a b", "é"])
def test_what_is_no_id_is_not_sent(auditor, request_id):
    with pytest.raises(ValueError, match="not an id"):
        auditor.read_receipt(request_id)


# --- a server that answers otherwise --------------------------------------------------------------


def problem(status, code):
    body = {"title": "No", "status": status, "detail": "no", "code": code}
    return httpx.Response(status, json=body, headers={"Content-Type": "application/problem+json"})


def text(content):
    return httpx.Response(200, content=content, headers={"Content-Type": "text/plain"})


def altered(kind, change):
    """A transport that hands on what `change` makes of a request and its response."""

    class Sync(httpx.HTTPTransport):
        def handle_request(self, request):
            response = super().handle_request(request)
            response.read()
            return handed_on(request, response)

    class Async(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request):
            response = await super().handle_async_request(request)
            await response.aread()
            return handed_on(request, response)

    def handed_on(request, response):
        told = change(request, response)
        if told is response:
            told = httpx.Response(
                response.status_code, content=response.content, headers=response.headers
            )
        return told

    return Sync() if kind is Client else Async()
