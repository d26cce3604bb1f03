"""Batches: an outcome for each item, one entry for all, and the loop is others' meanwhile."""

import asyncio
import gc
import os
import time

import msgspec
import pytest

from strongroom.domain import limits
from strongroom.domain.calls import Call
from strongroom.services.batch import Uses
from tests.support.desks import START_US, House, at_once

OPERATIONS = ("key.encrypt", "key.decrypt", "key.sign", "key.verify", "key.mac", "key.verify-mac",
              "key.re-encrypt")  # fmt: skip
KEYS = (("signer", "ec-p256", "sign-verify"), ("maker", "hmac-sha256", "mac"))
FORBID = (
    'forbid (principal, action == Action::"key.re-encrypt", resource)'
    ' when { context.encryption.hasTag("stop") };'
)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("batches") / "store.db")
    desk = made.desk()
    for name, algorithm, purpose in KEYS:
        desk.ask(made.admin, "key.create", name=name, algorithm=algorithm, purpose=purpose)
    for name in ("old", "older", "new"):
        desk.ask(made.admin, "key.create", name=name)
    return made


@pytest.fixture
def desk(house):
    return house.desk()


def entry(house, desk, request):
    """The call's one entry."""
    house.clock.now += 1
    (event,) = desk.ask(house.admin, "audit.read", request=request).events
    return event


def done(house, desk, operation, target="", **fields):
    """Outcomes and entry."""
    request, reply = desk.reply(house.app, operation, target, **fields)
    assert not reply.code, reply.detail
    answer = msgspec.msgpack.decode(reply.answer)
    return answer["items"], entry(house, desk, request)


def codes(items):
    return [item.get("error", {}).get("code", "") for item in items]


def sealed(house, desk, name, plaintext, **fields):
    return desk.ask(house.app, "key.encrypt", name, plaintext=plaintext, **fields).ciphertext


def opened(house, desk, blob, **fields):
    return desk.ask(house.app, "key.decrypt", ciphertext=blob, **fields).plaintext


# --- MAC and signatures ---------------------------------------------------------------------------


def test_tags_of_a_batch_are_those_of_single_calls(house, desk):
    messages = [b"a", b"", b"c" * 65_536]
    items, event = done(house, desk, "key.mac", "maker", items=[{"message": m} for m in messages])
    single = [desk.ask(house.app, "key.mac", "maker", message=m).tag for m in messages]
    assert [item["tag"] for item in items] == single
    assert (event.details, event.version) == ({"count": 3, "failed": 0}, 1)


def test_wrong_tag_in_a_batch_is_an_answer_and_the_entry_counts_the_right_ones(house, desk):
    tag = desk.ask(house.app, "key.mac", "maker", message=b"m").tag
    asked = [
        {"message": b"m", "tag": tag}, {"message": b"n", "tag": tag},
        {"message": b"m", "tag": tag[:-1]}, {"message": b"m", "tag": tag},
    ]  # fmt: skip
    items, event = done(house, desk, "key.verify-mac", "maker", items=asked)
    assert [item["valid"] for item in items] == [True, False, False, True]
    assert event.details == {"count": 4, "failed": 0, "valid": 2}


def test_batch_of_verifications_has_an_outcome_for_each(house, desk):
    signature = desk.ask(house.app, "key.sign", "signer", message=b"m").signature
    asked = [
        {"message": b"m", "signature": signature}, {"message": b"n", "signature": signature},
        {"digest": bytes(48), "signature": signature}, {"message": b"m", "signature": b""},
    ]  # fmt: skip
    items, event = done(house, desk, "key.verify", "signer", items=asked)
    assert [item.get("valid") for item in items] == [True, False, None, False]
    assert codes(items) == ["", "", "invalid-request", ""]
    assert event.details == {
        "count": 4, "failed": 1, "valid": 1, "scheme": "ecdsa-sha256",
    }  # fmt: skip


def test_batch_of_an_old_version_needs_its_number(house, desk):
    desk.ask(house.admin, "key.create", name="m2", algorithm="hmac-sha256", purpose="mac")
    tag = desk.ask(house.app, "key.mac", "m2", message=b"m").tag
    desk.ask(house.admin, "key.rotate", "m2")
    asked = {"items": [{"message": b"m", "tag": tag}]}
    items, event = done(house, desk, "key.verify-mac", "m2", **asked)
    assert (items[0]["valid"], event.version) == (False, 2)
    items, event = done(house, desk, "key.verify-mac", "m2", key_version=1, **asked)
    assert (items[0]["valid"], event.version) == (True, 1)
    code = desk.refusal(house.app, "key.verify-mac", "m2", key_version=3, **asked)
    assert code == "not-found"


# --- re-encrypt -----------------------------------------------------------------------------------


def test_batch_of_ciphertexts_of_several_keys_becomes_one_of_one_key(house, desk):
    desk.ask(house.admin, "key.rotate", "new")
    first = sealed(house, desk, "old", b"1", context={"a": "1"})
    desk.ask(house.admin, "key.rotate", "old")
    asked = [
        {"ciphertext": first, "context": {"a": "1"}},
        {"ciphertext": sealed(house, desk, "old", b"2"), "new_context": {"b": "2"}},
        {"ciphertext": sealed(house, desk, "older", b"3")},
        {"ciphertext": first},  # its context is missing
        {"ciphertext": first, "context": {"a": "1"}, "new_context": {}},
        {"ciphertext": b"no ciphertext"},
    ]
    items, event = done(house, desk, "key.re-encrypt", "new", items=asked)
    assert codes(items) == ["", "", "", "invalid-ciphertext", "", "invalid-ciphertext"]
    good = [item for item in items if "error" not in item]
    assert [(item["source_key"], item["source_version"]) for item in good] == [
        ("old", 1), ("old", 2), ("older", 1), ("old", 1),
    ]  # fmt: skip
    contexts = [{"a": "1"}, {"b": "2"}, {}, {}]
    texts = [
        opened(house, desk, item["ciphertext"], context=context)
        for item, context in zip(good, contexts, strict=True)
    ]
    assert texts == [b"1", b"2", b"3", b"1"]
    assert (event.object, event.version) == ("key/new", 2)
    assert len(event.details.pop("contexts")) == 64
    assert event.details == {
        "count": 6, "failed": 2, "uses": ["old/1:2", "old/2:1", "older/1:1"],
    }  # fmt: skip


def test_decision_on_each_context_of_a_re_encryption_is_of_its_own(house, desk):
    """Either context can be what a policy forbids; the entry is about what was done."""
    desk.ask(house.admin, "policy.write", "stop", text=FORBID)
    plain, stopped = (
        sealed(house, desk, "old", b"1"),
        sealed(house, desk, "old", b"2", context={"stop": "1"}),
    )
    asked = [
        {"ciphertext": plain},
        {"ciphertext": plain, "new_context": {"stop": "1"}},
        {"ciphertext": stopped, "context": {"stop": "1"}, "new_context": {}},
        {"ciphertext": plain},
        {"ciphertext": stopped, "context": {"stop": "1"}, "new_context": {}},
    ]
    try:
        items, event = done(house, desk, "key.re-encrypt", "new", items=asked)
        all_bad = desk.refusal(house.app, "key.re-encrypt", "new", items=asked[1:3])
    finally:
        desk.ask(house.admin, "policy.delete", "stop")
    assert codes(items) == ["", "not-allowed", "not-allowed", "", "not-allowed"]
    assert (event.outcome, event.object, event.missing) == ("allowed", "key/new", "")
    assert event.policies == ["role:key-user"]
    assert event.details["failed"] == 3
    assert all_bad == "not-allowed"


def test_source_that_may_not_be_used_spoils_its_items_only(house, desk):
    good, bad = sealed(house, desk, "old", b"1"), sealed(house, desk, "older", b"2")
    asked = [{"ciphertext": good}, {"ciphertext": bad}]
    desk.ask(house.admin, "key.disable", "older")
    try:
        items, event = done(house, desk, "key.re-encrypt", "new", items=asked)
    finally:
        desk.ask(house.admin, "key.enable", "older")
    assert codes(items) == ["", "key-not-usable"]
    assert event.details["uses"] == ["old/2:1"] or event.details["uses"] == ["old/1:1"]
    desk.ask(house.admin, "key.disable", "new")
    try:
        code = desk.refusal(house.app, "key.re-encrypt", "new", items=asked)
    finally:
        desk.ask(house.admin, "key.enable", "new")
    assert code == "key-not-usable"


def test_foreign_ciphertext_in_a_batch_looks_like_none(house, desk):
    foreign = desk.ask(house.admin, "namespace.create", name="foreign").token
    desk.ask(foreign, "key.create", name="theirs")
    desk.ask(foreign, "principal.create", name="user", roles=["key-user"])
    user = desk.ask(foreign, "token.create", principal="user").token
    blob = desk.ask(user, "key.encrypt", "theirs", plaintext=b"x").ciphertext
    absent = blob[:1] + bytes(16) + blob[17:]
    asked = [{"ciphertext": one} for one in (sealed(house, desk, "old", b"1"), blob, absent)]
    for operation, target in (("key.re-encrypt", "new"), ("key.decrypt", "")):
        items, event = done(house, desk, operation, target, items=asked)
        assert "error" not in items[0]
        assert items[1] == items[2]
        assert codes(items) == ["", "invalid-ciphertext", "invalid-ciphertext"]
        assert "theirs" not in repr(event)


# --- what an entry says ---------------------------------------------------------------------------


def test_entry_of_decryptions_says_how_often_each_version_was_used(house, desk):
    desk.ask(house.admin, "key.create", name="counted")
    blobs = [sealed(house, desk, "counted", b"1")]
    desk.ask(house.admin, "key.rotate", "counted")
    blobs += [sealed(house, desk, "counted", b"2"), sealed(house, desk, "older", b"3")]
    asked = [{"ciphertext": blobs[at]} for at in (0, 1, 1, 2)] + [{"ciphertext": b"bad"}]
    items, event = done(house, desk, "key.decrypt", items=asked)
    assert codes(items)[-1] == "invalid-ciphertext"
    assert event.details == {
        "count": 5, "failed": 1, "uses": ["counted/1:1", "counted/2:2", "older/1:1"],
    }  # fmt: skip
    assert event.object == "key/"
    _, event = done(house, desk, "key.decrypt", "counted", items=asked[:3])
    assert event.details["uses"] == ["counted/1:1", "counted/2:2"]
    assert event.object == "key/counted"


def test_uses_that_do_not_fit_in_an_entry_refuse_the_batch(house, desk, monkeypatch):
    monkeypatch.setattr(limits, "BATCH_VERSIONS_MAX", 1)
    blobs = [sealed(house, desk, name, b"x") for name in ("old", "older")]
    asked = [{"ciphertext": blob} for blob in blobs]
    for operation, target in (("key.decrypt", ""), ("key.re-encrypt", "new")):
        assert desk.refusal(house.app, operation, target, items=asked) == "too-large"
        assert not desk.refusal(house.app, operation, target, items=asked[:1])


def test_most_uses_of_the_longest_names_fit_in_an_entry():
    uses = Uses()
    for number in range(limits.BATCH_VERSIONS_MAX):
        for _ in range(2):
            uses.add("n" * limits.NAME_CHARACTERS_MAX, 2**31 - 1 - number)
    size = len(msgspec.json.encode(uses.details()))
    assert size < limits.ENTRY_BYTES_MAX - 2 * limits.POLICIES_MAX * limits.NAME_CHARACTERS_MAX


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("items", [[], [{}] * 1_001, [{"colour": 1}], 7, [7]])
def test_what_is_no_batch_is_refused(house, desk, operation, items):
    assert desk.refusal(house.app, operation, "demo", items=items) == "invalid-request"


@pytest.mark.parametrize(
    ("operation", "target", "fields"),
    [
        ("key.mac", "maker", {"message": b"m", "items": [{"message": b"m"}]}),
        ("key.verify-mac", "maker", {"items": [{"message": b"m", "tag": b""}], "tag": b""}),
        ("key.verify-mac", "maker", {"message": b"m"}),
        ("key.verify-mac", "maker", {"tag": b""}),
        ("key.verify-mac", "maker", {}),
        ("key.verify", "signer", {"items": [{"message": b"", "signature": b""}],
                                  "signature": b""}),
        ("key.verify", "signer", {"items": [{"message": b"", "signature": b""}], "message": b""}),
        ("key.verify", "signer", {"message": b"m"}),
        ("key.verify", "signer", {"signature": b""}),
        ("key.verify", "signer", {"items": [{"signature": b""}]}),
        ("key.re-encrypt", "new", {"items": [{"ciphertext": b""}], "ciphertext": b""}),
        ("key.re-encrypt", "new", {"items": [{"ciphertext": b""}], "context": {"a": "b"}}),
        ("key.re-encrypt", "new", {"items": [{"ciphertext": b""}], "new_context": {}}),
        ("key.re-encrypt", "new", {}),
    ],
)  # fmt: skip
def test_half_one_and_half_a_batch_is_refused(house, desk, operation, target, fields):
    assert desk.refusal(house.app, operation, target, **fields) == "invalid-request"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_batch_without_the_right_is_refused_whole_and_on_record(house, desk, operation):
    item = {
        "key.encrypt": {"plaintext": b"x"}, "key.sign": {"message": b"x"},
        "key.verify": {"message": b"x", "signature": b"x"}, "key.mac": {"message": b"x"},
        "key.verify-mac": {"message": b"x", "tag": b"x"},
    }.get(operation, {"ciphertext": b"x"})  # fmt: skip
    manager = desk.ask(house.admin, "principal.create", name=f"no-{operation}").name
    token = desk.ask(house.admin, "token.create", principal=manager).token
    for target in ("demo", "nothing"):
        request, reply = desk.reply(token, operation, target, items=[item, item])
        assert (reply.code, reply.answer) == ("not-allowed", b"")
        event = entry(house, desk, request)
        assert (event.outcome, event.reason, event.details) == ("refused", "not-allowed", {})


# --- the loop -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("algorithm", "count"),
    [("ec-p384", 200), ("ec-p521", 200), ("ml-dsa-44", 200), ("rsa-2048", 600)],
)
def test_batch_of_slow_items_does_not_hold_the_loop(house, desk, algorithm, count):
    """Measured in the loop's own time: what another process takes of the machine is not ours."""
    desk.ask(house.admin, "key.create", name=algorithm, algorithm=algorithm, purpose="sign-verify")
    signature = desk.ask(house.app, "key.sign", algorithm, message=b"m").signature
    for operation, item in (
        ("key.sign", {"message": b"m"}),
        ("key.verify", {"message": b"m", "signature": signature}),
    ):
        desk.ask(house.app, operation, algorithm, **item)  # policies and key are known then
        gc.collect()
        gc.disable()  # whose garbage is collected when is not a batch's matter
        try:
            held, turns = at_once(_watched(house, desk, operation, algorithm, [item] * count))
        finally:
            gc.enable()
        assert turns > 3, operation
        assert held < 0.020, operation


async def _watched(house, desk, operation, target, items):
    """The longest turn while the batch was under way, and how many turns others had."""
    request = f"{START_US // 1000:012x}" + os.urandom(10).hex()
    ask = msgspec.msgpack.encode({"items": items})
    call = Call(operation, target, house.app, "127.0.0.1", request, ask)
    task = asyncio.create_task(desk.desk.answer(call))
    held, turns, before = 0.0, 0, time.thread_time()
    while not task.done():
        await asyncio.sleep(0)
        now = time.thread_time()
        held, turns, before = max(held, now - before), turns + 1, now
    assert not task.result().code
    return held, turns
