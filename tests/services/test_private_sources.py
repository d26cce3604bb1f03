"""Addresses that are private: hidden in entries, sealed beside them, erased without a trace."""

import hashlib
import itertools
import os
import re
from pathlib import Path

import msgspec
import pytest

from strongroom.adapters.cedar import CedarEngine
from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.adapters.software import SoftwareProvider
from strongroom.domain.calls import ANSWER_DECODERS, Call
from strongroom.domain.errors import TamperedRecord
from strongroom.domain.sensitive import Sensitive
from strongroom.node.metrics import Meter
from strongroom.services.audit_keys import SALT_BYTES, SOURCE, Hidden
from strongroom.services.facts import Facts
from strongroom.tlog.merkle import Frontier, leaf_hash
from tests.support.desks import START_US, House, at_once

HERE, THERE = "192.0.2.17", "2001:db8::17"
TOKEN = re.compile("hmac:[0-9a-f]{32}")
COMMITMENT = re.compile("[1-9][0-9]*:[0-9a-f]{64}")


@pytest.fixture
def house(tmp_path):
    return House(tmp_path / "store.db")


@pytest.fixture
def desk(house):
    return house.desk()


@pytest.fixture
def private(house, desk):
    desk.ask(house.admin, "namespace.update", private_sources=True)
    return desk


def send(desk, token, operation, target="", *, source=HERE, **fields):
    """The request's id and the reply, from that address."""
    request = f"{START_US // 1000:012x}" + os.urandom(10).hex()
    call = Call(operation, target, token, source, request, msgspec.msgpack.encode(fields))
    return request, at_once(desk.desk.answer(call))


def view(house, desk, request):
    (event,) = desk.ask(house.admin, "audit.read", request=request).events
    return event


def stored(house, request):
    """The entry as it is in the log, and what is kept beside it."""
    position = 0
    while entries := house.store.entries(position, 100):
        for entry in entries:
            event = msgspec.json.decode(entry.body)
            if event["request"] == request:
                return event, entry
        position = entries[-1].position + 1
    raise AssertionError("there is no such entry")


def facts_of(house):
    provider = SoftwareProvider(Sensitive(house.root))
    return Facts(DirectLedger(house.store), provider, CedarEngine(), Meter())


def keys_of(house):
    return at_once(facts_of(house).namespace(house.first)).audit_keys


def files(house):
    found = sorted(Path(house.path).parent.glob(Path(house.path).name + "*"))
    return b"".join(path.read_bytes() for path in found)


# --- off ------------------------------------------------------------------------------------------


def test_addresses_are_on_record_as_they_are_unless_the_namespace_says_otherwise(house, desk):
    request, _ = send(desk, house.app, "key.list")
    event, entry = stored(house, request)
    assert event["source"] == HERE
    assert "sealed" not in event
    assert entry.sealed == b""
    assert view(house, desk, request).opened == {}
    assert keys_of(house) is None


def test_switched_off_again_addresses_are_on_record_and_old_ones_still_open(house, private):
    before, _ = send(private, house.app, "identity.read")
    private.ask(house.admin, "namespace.update", private_sources=False)
    after, _ = send(private, house.app, "identity.read")
    assert stored(house, after)[0]["source"] == HERE
    assert view(house, private, before).opened == {"source": HERE}


# --- what an entry says ---------------------------------------------------------------------------


def test_an_entry_has_a_token_in_the_place_of_the_address(house, private):
    request, _ = send(private, house.app, "identity.read")
    event, entry = stored(house, request)
    assert TOKEN.fullmatch(event["source"])
    assert COMMITMENT.fullmatch(event["sealed"])
    assert HERE not in entry.body.decode()
    assert HERE.encode() not in entry.sealed


@pytest.mark.parametrize(
    ("who", "operation", "fields", "code"),
    [
        ("admin", "key.encrypt", {"plaintext": b"x"}, ""),
        ("app", "key.rotate", {}, "not-allowed"),
        ("admin", "key.read", {"nonsense": 1}, "invalid-request"),
        ("nobody", "key.list", {}, "unauthenticated"),
        ("nonsense", "key.list", {}, "unauthenticated"),
        ("nobody", "jwks.read-published", {}, "not-found"),
    ],
)
def test_no_entry_of_any_kind_has_the_address(house, private, who, operation, fields, code):
    """Not even of those who prove nothing: they are on record in the first namespace."""
    token = {"admin": house.admin, "app": house.app, "nobody": "", "nonsense": "srt_x"}[who]
    target = "demo" if operation in {"key.encrypt", "key.rotate", "key.read"} else ""
    request, reply = send(private, token, operation, target, **fields)
    assert reply.code == code
    event, entry = stored(house, request)
    assert TOKEN.fullmatch(event["source"])
    assert HERE not in entry.body.decode()
    assert view(house, private, request).opened == {"source": HERE}


def test_no_address_is_in_any_file_of_the_store(house, private):
    marker = "198.51.100.123"
    for operation in ("identity.read", "key.list", "key.create"):
        send(private, house.app, operation, source=marker)
    send(private, "", "key.list", source=marker)
    assert marker.encode() not in files(house)


def test_the_same_address_has_the_same_token_and_another_has_another(house, private):
    other = house.desk()
    requests = [
        send(desk, house.app, "identity.read", source=source)[0]
        for desk, source in ((private, HERE), (other, HERE), (private, THERE))
    ]
    one, same, another = (stored(house, request)[0]["source"] for request in requests)
    assert one == same != another


def test_namespaces_have_nothing_in_common(house, private):
    foreign = private.ask(house.admin, "namespace.create", name="other").token
    private.ask(foreign, "namespace.update", private_sources=True)
    mine, _ = send(private, house.admin, "identity.read")
    theirs, _ = send(private, foreign, "identity.read")
    assert stored(house, mine)[0]["source"] != stored(house, theirs)[0]["source"]


def test_an_identifier_of_another_kind_has_another_token(house, private):
    keys = keys_of(house)
    assert keys.token(HERE, kind=SOURCE) != keys.token(HERE, kind="user")
    # Lengths stand in front: no kind and text run into each other.
    assert keys.token("bc", kind="a") != keys.token("c", kind="ab")


def test_two_entries_of_one_address_have_different_commitments(house, private):
    """Else one could try all addresses until a commitment fits."""
    requests = [send(private, house.app, "identity.read")[0] for _ in range(2)]
    sealed = [stored(house, request) for request in requests]
    assert sealed[0][0]["sealed"] != sealed[1][0]["sealed"]
    assert sealed[0][1].sealed != sealed[1][1].sealed


def test_whoever_is_told_salt_and_address_can_check_them_against_the_entry(house, private):
    request, _ = send(private, house.app, "identity.read")
    event, entry = stored(house, request)
    context = {"strongroom": "sealed-details/1", "request": request}
    said = keys_of(house)._cipher.decrypt(entry.sealed, context)
    assert said[SALT_BYTES:] == b'{"source":"192.0.2.17"}'
    assert event["sealed"] == "1:" + hashlib.sha256(said).hexdigest()


# --- reading --------------------------------------------------------------------------------------


def test_an_auditor_sees_the_address_and_others_do_not_read_at_all(house, private):
    request, _ = send(private, house.app, "identity.read")
    private.ask(house.admin, "principal.create", name="eve", roles=["auditor"])
    auditor = private.ask(house.admin, "token.create", principal="eve").token
    (event,) = private.ask(auditor, "audit.read", request=request).events
    assert event.opened == {"source": HERE}
    assert not event.erased
    assert private.refusal(house.app, "audit.read") == "not-allowed"


def test_entries_are_found_by_address(house, private):
    for source in (HERE, THERE, HERE):
        send(private, house.app, "identity.read", source=source)
    for source, count in ((HERE, 2), (THERE, 1), ("192.0.2.1", 0), ("", 3)):
        query = {"action": "identity.read", "source": source}
        page = private.ask(house.admin, "audit.read", **query)
        assert len(page.events) == count
        assert all(event.opened["source"] == source or not source for event in page.events)


def test_entries_are_found_by_token_and_by_address_from_before(house, desk):
    before, _ = send(desk, house.app, "identity.read")
    desk.ask(house.admin, "namespace.update", private_sources=True)
    after, _ = send(desk, house.app, "identity.read")
    query = {"action": "identity.read", "source": HERE}
    found = desk.ask(house.admin, "audit.read", **query).events
    assert [event.request for event in found] == [before, after]
    query["source"] = found[1].source
    assert [event.request for event in desk.ask(house.admin, "audit.read", **query).events] == [
        after
    ]


def test_a_search_by_address_leads_on_page_by_page(house, private):
    wanted = []
    for number in range(12):
        source = HERE if number % 5 == 0 else THERE
        request, _ = send(private, house.app, "identity.read", source=source)
        wanted += [request] if source == HERE else []
    found, token = [], ""
    for _ in range(100):
        query = {"action": "identity.read", "source": HERE, "limit": 2, "page_token": token}
        page = private.ask(house.admin, "audit.read", **query)
        found += [event.request for event in page.events]
        token = page.next_page_token
        if int(token) + 1 >= page.tree_size:
            break
    assert found == wanted


# --- erasing --------------------------------------------------------------------------------------


def test_erased_details_are_gone_and_later_ones_are_there(house, private):
    before, _ = send(private, house.app, "identity.read")
    answer = private.ask(house.admin, "audit.erase-details")
    assert (answer.details_generation, answer.identifiers_generation) == (2, 1)
    after, _ = send(private, house.app, "identity.read")
    old, new = view(house, private, before), view(house, private, after)
    assert (old.opened, old.erased) == ({}, True)
    assert (new.opened, new.erased) == ({"source": HERE}, False)
    assert old.source == new.source  # which says only that they are the same


def test_with_identifiers_the_old_tokens_have_nothing_in_common_with_the_new(house, private):
    before, _ = send(private, house.app, "identity.read")
    answer = private.ask(house.admin, "audit.erase-details", identifiers=True)
    assert (answer.details_generation, answer.identifiers_generation) == (2, 2)
    after, _ = send(private, house.app, "identity.read")
    assert stored(house, before)[0]["source"] != stored(house, after)[0]["source"]
    query = {"action": "identity.read", "source": HERE}
    found = private.ask(house.admin, "audit.read", **query).events
    assert [event.request for event in found] == [after]


def test_erasing_is_on_record_and_who_did_it_is_not_erased_with_it(house, private):
    request, reply = send(private, house.admin, "audit.erase-details", identifiers=True)
    assert reply.code == ""
    event = view(house, private, request)
    assert (event.action, event.principal) == ("audit.erase-details", "admin")
    assert event.details == {"details_generation": 2, "identifiers_generation": 2}
    assert event.opened == {"source": HERE}
    assert event.records[0].startswith(f"u/{house.first.hex()}/2/")


def test_the_old_wrapped_key_is_in_no_file(house, private):
    old = keys_of(house).body
    text = msgspec.json.encode(old.details)[1:-1]
    assert text in files(house)
    private.ask(house.admin, "audit.erase-details")
    assert text not in files(house)
    other = msgspec.json.encode(old.identifiers)[1:-1]
    assert other in files(house)
    private.ask(house.admin, "audit.erase-details", identifiers=True)
    assert other not in files(house)


def test_every_leaf_and_the_root_stay_what_they_were(house, private):
    for source in (HERE, THERE):
        send(private, house.app, "identity.read", source=source)
    before = house.store.entries(0, 1_000)
    private.ask(house.admin, "audit.erase-details", identifiers=True)
    after = house.store.entries(0, 1_000)
    assert after[: len(before)] == before
    frontier = Frontier()
    for entry in after:
        assert leaf_hash(entry.body) == entry.leaf_hash
        frontier.append(entry.leaf_hash)
    assert frontier.root() == house.store.tree.root


def test_erasing_in_one_process_holds_at_once_in_another(house, private):
    other = house.desk()
    before, _ = send(other, house.app, "identity.read")
    assert view(house, other, before).opened == {"source": HERE}
    for number in range(3):
        private.ask(house.admin, "audit.erase-details")
        assert view(house, other, before).erased
        after, _ = send(other, house.app, "identity.read")
        assert stored(house, after)[0]["sealed"].startswith(f"{number + 2}:")
        assert view(house, private, after).opened == {"source": HERE}


def test_another_namespaces_details_stay(house, private):
    foreign = private.ask(house.admin, "namespace.create", name="other").token
    private.ask(foreign, "namespace.update", private_sources=True)
    request, _ = send(private, foreign, "identity.read")
    private.ask(house.admin, "audit.erase-details", identifiers=True)
    (event,) = private.ask(foreign, "audit.read", request=request).events
    assert event.opened == {"source": HERE}


def test_where_addresses_never_were_private_there_is_nothing_to_erase(house, desk):
    request, reply = send(desk, house.admin, "audit.erase-details")
    assert reply.code == "invalid-request"
    assert "no details to erase" in reply.detail
    assert view(house, desk, request).outcome == "refused"


@pytest.mark.parametrize("token", ["app", "auditor", "nobody"])
def test_who_has_not_the_right_erases_nothing(house, private, token):
    private.ask(house.admin, "principal.create", name="eve", roles=["auditor"])
    auditor = private.ask(house.admin, "token.create", principal="eve").token
    known = {"app": house.app, "auditor": auditor, "nobody": ""}[token]
    expected = "not-allowed" if known else "unauthenticated"
    assert private.refusal(known, "audit.erase-details") == expected
    assert keys_of(house).body.details_generation == 1


def test_switching_on_again_makes_no_new_keys(house, private):
    first = keys_of(house).body
    request, _ = send(private, house.app, "identity.read")
    for value in (False, True, True):
        private.ask(house.admin, "namespace.update", private_sources=value)
    assert keys_of(house).body == first
    assert view(house, private, request).opened == {"source": HERE}


# --- edited rows ----------------------------------------------------------------------------------


def corrupt(house, sql, *values):
    house.store._db.execute(sql, values)


def test_a_blob_that_was_edited_is_refused(house, private):
    request, _ = send(private, house.app, "identity.read")
    _, entry = stored(house, request)
    for at in (0, 1, 20, 21, 60, 90, len(entry.sealed) - 1):
        blob = bytearray(entry.sealed)
        blob[at] ^= 1
        corrupt(
            house, "UPDATE sealed SET details = ? WHERE position = ?", bytes(blob), entry.position
        )
        assert private.refusal(house.admin, "audit.read", request=request) == "tampered-record"
    for blob in (b"", entry.sealed[:-1], entry.sealed + b"x"):
        corrupt(house, "UPDATE sealed SET details = ? WHERE position = ?", blob, entry.position)
        assert private.refusal(house.admin, "audit.read", request=request) == "tampered-record"


def test_a_blob_that_is_gone_is_not_taken_for_an_erased_one(house, private):
    request, _ = send(private, house.app, "identity.read")
    _, entry = stored(house, request)
    corrupt(house, "DELETE FROM sealed WHERE position = ?", entry.position)
    assert private.refusal(house.admin, "audit.read", request=request) == "tampered-record"


def test_two_entries_blobs_cannot_change_places(house, private):
    requests = [
        send(private, house.app, "identity.read", source=source)[0] for source in (HERE, THERE)
    ]
    entries = [stored(house, request)[1] for request in requests]
    for one, other in itertools.permutations(entries):
        corrupt(
            house, "UPDATE sealed SET details = ? WHERE position = ?", one.sealed, other.position
        )
    for request in requests:
        assert private.refusal(house.admin, "audit.read", request=request) == "tampered-record"


ZEROS = "0" * 64


@pytest.mark.parametrize(
    "commitment",
    ["", "1", "1:", f"0:{ZEROS}", f"1:{ZEROS}", f"2:{ZEROS}", f"01:{ZEROS}", f"1:{'A' * 64}",
     f"{'9' * 5_000}:{ZEROS}", f"\u0661:{ZEROS}", f"1:{ZEROS}\n"],
)  # fmt: skip
def test_a_commitment_that_does_not_fit_is_refused(house, private, commitment):
    request, _ = send(private, house.app, "identity.read")
    _, entry = stored(house, request)
    with pytest.raises(TamperedRecord):
        keys_of(house).open(Hidden(commitment, entry.sealed), request=request)


def test_details_that_were_erased_cannot_be_claimed_of_an_entry_of_now(house, private):
    """Which key it was is in the entry, so in the tree: not in what stands beside it."""
    private.ask(house.admin, "audit.erase-details")
    request, _ = send(private, house.app, "identity.read")
    _, entry = stored(house, request)
    older = entry.sealed[:17] + (1).to_bytes(4, "big") + entry.sealed[21:]
    corrupt(house, "UPDATE sealed SET details = ? WHERE position = ?", older, entry.position)
    assert private.refusal(house.admin, "audit.read", request=request) == "tampered-record"


def test_without_its_keys_record_the_namespace_does_not_fall_back_to_open_addresses(house, private):
    corrupt(house, "DELETE FROM records WHERE kind = 'u'")
    fresh = house.desk()
    request, reply = send(fresh, house.app, "identity.read")
    assert reply.code == "tampered-record"
    event, entry = stored(house, request)
    assert "source" not in event
    assert HERE not in entry.body.decode()


def test_where_it_is_off_a_deleted_keys_record_is_noticed_by_who_reads_what_it_sealed(
    house, private
):
    request, _ = send(private, house.app, "identity.read")
    private.ask(house.admin, "namespace.update", private_sources=False)
    corrupt(house, "DELETE FROM records WHERE kind = 'u'")
    fresh = house.desk()
    assert fresh.refusal(house.admin, "audit.read", request=request) == "tampered-record"
    assert fresh.ask(house.app, "identity.read").principal == "app"


def test_an_older_keys_record_put_back_opens_nothing_newer(house, private):
    query = "SELECT * FROM records WHERE kind = 'u'"
    old = house.store._db.execute(query).fetchall()
    private.ask(house.admin, "audit.erase-details")
    request, _ = send(private, house.app, "identity.read")
    corrupt(house, "DELETE FROM records WHERE kind = 'u'")
    marks = ", ".join("?" * len(old[0]))
    corrupt(house, f"INSERT INTO records VALUES ({marks})", *old[0])
    fresh = house.desk()
    assert fresh.refusal(house.admin, "audit.read", request=request) == "tampered-record"


def test_another_namespaces_keys_record_is_refused(house, private):
    foreign = private.ask(house.admin, "namespace.create", name="other").token
    private.ask(foreign, "namespace.update", private_sources=True)
    rows = house.store._db.execute("SELECT id, body, mac FROM records WHERE kind = 'u'").fetchall()
    (one, *_), (_, body, mac) = rows
    corrupt(
        house, "UPDATE records SET body = ?, mac = ? WHERE kind = 'u' AND id = ?", body, mac, one
    )
    codes = {house.desk().refusal(token, "identity.read") for token in (house.admin, foreign)}
    assert codes == {"", "tampered-record"}


# --- races ----------------------------------------------------------------------------------------


class Between(DirectLedger):
    """Lets something happen just before the next commit."""

    def __init__(self, store):
        super().__init__(store)
        self.then = None

    async def commit(self, commit):
        if self.then is not None:
            then, self.then = self.then, None
            await then()
        return await super().commit(commit)


@pytest.mark.parametrize("who", ["app", "nobody"])
@pytest.mark.parametrize(
    "change",
    [("namespace.update", {"private_sources": True}), ("audit.erase-details", {})],
    ids=["on", "erased"],
)
def test_what_was_decided_before_a_change_is_not_on_record_by_the_old_rule(house, who, change):
    operation, fields = change
    other, ledger = house.desk(), Between(house.store)
    if operation == "audit.erase-details":
        other.ask(house.admin, "namespace.update", private_sources=True)
    desk = house.desk(ledger=ledger)
    send(desk, house.app, "identity.read")  # it knows the namespace as it is

    async def happen():
        _, reply = await other.replied(house.admin, operation, **fields)
        assert reply.code == ""

    ledger.then = happen
    token = house.app if who == "app" else ""
    request, reply = send(desk, token, "identity.read")
    assert reply.code == ("" if who == "app" else "unauthenticated")
    seen = view(house, other, request)
    assert TOKEN.fullmatch(seen.source)
    assert seen.opened == {"source": HERE}


def test_an_answer_is_decoded_by_the_type_that_the_table_names(house, private):
    _, reply = send(private, house.admin, "audit.erase-details")
    answer = ANSWER_DECODERS["audit.erase-details"][reply.variant].decode(reply.answer)
    assert answer.details_generation == 2
