"""What bounds a key's use, whoever uses it: operations, a window, how often, what context."""

import asyncio
import itertools

import pytest

from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain.times import DAY_US, rfc3339
from tests.support.deeds import entries
from tests.support.desks import START_US, House, at_once

SECOND_US = 1_000_000


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path / "store.db")
    made.store._db.execute("PRAGMA synchronous = OFF")  # a power cut is not the subject
    yield made
    made.store.close()


@pytest.fixture
def desk(house):
    return house.desk()


def bounded(desk, house, name="bound", algorithm="aes-256-gcm", **control):
    return desk.ask(
        house.admin, "key.create", name=name, algorithm=algorithm, control=control
    ).control


def refused(desk, house, operation="key.encrypt", target="bound", **fields):
    fields = fields or {"plaintext": b"x"}
    _, reply = desk.reply(house.app, operation, target, **fields)
    return reply.code, reply.detail


def encrypt(desk, house, count=0, name="bound"):
    """The code; of a batch where a count is given."""
    fields = {"items": [{"plaintext": b"x"}] * count} if count else {"plaintext": b"x"}
    return desk.refusal(house.app, "key.encrypt", name, **fields)


# --- operations -----------------------------------------------------------------------------------


def test_only_the_operations_of_the_list_are_done_whoever_asks(desk, house):
    view = bounded(desk, house, operations=["key.encrypt"])
    assert view.operations == ["key.encrypt"]
    made = desk.ask(house.app, "key.encrypt", "bound", plaintext=b"x").ciphertext
    for token, (operation, target, fields) in itertools.product(
        (house.app, house.admin),
        (("key.decrypt", "bound", {"ciphertext": made}), ("key.decrypt", "", {"ciphertext": made}),
         ("key.decrypt", "", {"items": [{"ciphertext": made}]}),
         ("key.generate-data-key", "bound", {}), ("key.re-encrypt", "demo", {"ciphertext": made}),
         ("key.re-encrypt", "bound", {"ciphertext": made})),
    ):  # fmt: skip
        _, reply = desk.reply(token, operation, target, **fields)
        assert reply.code == "key-not-usable"
        assert reply.detail == f"the key is not for {operation}: key.encrypt only"


def test_a_list_of_operations_does_not_give_a_right(desk, house):
    bounded(desk, house, operations=["key.decrypt"])
    desk.ask(house.admin, "principal.create", name="nobody")
    token = desk.ask(house.admin, "token.create", principal="nobody").token
    assert desk.refusal(token, "key.decrypt", "bound", ciphertext=b"x") == "not-allowed"


def test_the_key_is_still_managed(desk, house):
    bounded(desk, house, operations=["key.decrypt"], not_after=rfc3339(START_US - 1))
    for operation in ("key.read", "key.rotate", "key.disable", "key.enable", "key.update"):
        assert not desk.refusal(house.admin, operation, "bound")


@pytest.mark.parametrize("name", ["key.read", "key.rotate", "key.update", "token.create", "x", ""])
def test_what_uses_no_material_is_no_operation_of_the_list(desk, house, name):
    control = {"operations": [name]}
    for operation, target, fields in (
        ("key.create", "", {"name": "x"}), ("key.update", "demo", {}),
    ):  # fmt: skip
        code = desk.refusal(house.admin, operation, target, control=control, **fields)
        assert code == "invalid-request"


# --- a window -------------------------------------------------------------------------------------


def test_a_window_holds_to_the_microsecond(desk, house):
    begin, end = START_US + DAY_US, START_US + 2 * DAY_US
    view = bounded(desk, house, not_before=rfc3339(begin), not_after=rfc3339(end))
    assert (view.not_before, view.not_after) == (rfc3339(begin), rfc3339(end))
    desks = (desk, house.desk())
    for now, words in (
        (begin - 1, f"is not used before {rfc3339(begin)}"), (begin, ""), (end - 1, ""),
        (end, f"is not used after {rfc3339(end)}"), (end + DAY_US, "is not used after"),
    ):  # fmt: skip
        house.clock.now = now
        for one in desks:
            code, detail = refused(one, house)
            assert code == ("key-not-usable" if words else "")
            assert words in detail


def test_a_window_shuts_for_decryption_too(desk, house):
    bounded(desk, house, not_after=rfc3339(START_US + DAY_US))
    blob = desk.ask(house.app, "key.encrypt", "bound", plaintext=b"x").ciphertext
    house.clock.now += DAY_US
    assert desk.refusal(house.app, "key.decrypt", ciphertext=blob) == "key-not-usable"


@pytest.mark.parametrize(
    "control",
    [
        {"not_before": rfc3339(START_US), "not_after": rfc3339(START_US)},
        {"not_before": rfc3339(START_US + 1), "not_after": rfc3339(START_US)},
        {"not_before": "tomorrow"},
        {"not_after": "2026-01-01"},
        {"rate_uses": 1},
        {"rate_seconds": 1},
        {"rate_uses": 1, "rate_seconds": 3_601},
        {"rate_uses": 100_001, "rate_seconds": 1},
        {"uses_max": -1},
        {"uses_max": 2**53},
        {"required_context": [""]},
        {"required_context": ["x"] * 17},
        {"operations": ["key.encrypt"] * 33},
        {"unknown": 1},
    ],
)
def test_bounds_that_are_none_are_refused(desk, house, control):
    assert desk.refusal(house.admin, "key.create", name="x", control=control) == "invalid-request"
    assert desk.refusal(house.admin, "key.update", "demo", control=control) == "invalid-request"


# --- how often in all -----------------------------------------------------------------------------


class Meeting(DirectLedger):
    """Everybody's commits come after everybody has decided."""

    async def commit(self, commit):
        for _ in range(3):
            await asyncio.sleep(0)
        return await super().commit(commit)


def uses(house, name="bound"):
    """Counted from the log, by items."""
    return sum(
        details.get("count", 1) - details.get("failed", 0)
        for entry in entries(house, action="key.encrypt", outcome="allowed", object=f"key/{name}")
        for details in [entry.get("details", {})]
    )


def test_a_key_is_used_as_often_as_it_may_and_not_once_more(desk, house):
    bounded(desk, house, uses_max=5)
    desks = [desk, house.desk()]
    codes = [encrypt(desks[number % 2], house) for number in range(8)]
    assert codes == [""] * 5 + ["key-not-usable"] * 3
    assert refused(desk, house) == ("key-not-usable", "the key has been used as often as it may")
    house.store.close()
    house.store = SQLiteStore.open(house.path)
    assert encrypt(house.desk(), house) == "key-not-usable"
    assert uses(house) == 5


def test_of_a_thousand_uses_two_custodians_with_batches_at_once_take_a_thousand(house):
    desks = [house.desk(ledger=Meeting(house.store)) for _ in range(2)]
    bounded(desks[0], house, uses_max=1_000)
    sizes = [7, 93, 31, 1, 64, 150, 11, 2] * 8

    async def all_at_once():
        return await asyncio.gather(*(
            one.replied(house.app, "key.encrypt", "bound", items=[{"plaintext": b"x"}] * size)
            for size in sizes for one in desks
        ))  # fmt: skip

    replies = at_once(all_at_once())
    assert {reply.code for _, reply in replies} == {"", "key-not-usable"}
    taken = sum(
        size for size, (_, reply) in zip(
            [size for size in sizes for _ in desks], replies, strict=True
        ) if not reply.code
    )  # fmt: skip
    assert taken == uses(house) <= 1_000
    while not encrypt(desks[0], house):  # the rest goes one by one
        taken += 1
    assert taken == uses(house) == 1_000
    assert desks[1].ask(house.admin, "key.read-usage", "bound").uses == 1_000


def test_a_batch_that_is_too_large_takes_nothing(desk, house):
    bounded(desk, house, uses_max=10)
    assert not encrypt(desk, house, 8)
    assert encrypt(desk, house, 3) == "key-not-usable"
    assert not encrypt(desk, house, 2)
    assert encrypt(desk, house) == "key-not-usable"


def test_every_use_of_every_version_counts(desk, house):
    bounded(desk, house, uses_max=6)
    blob = desk.ask(house.app, "key.encrypt", "bound", plaintext=b"x").ciphertext
    desk.ask(house.admin, "key.rotate", "bound")
    desk.ask(house.app, "key.decrypt", ciphertext=blob)
    desk.ask(house.app, "key.generate-data-key", "bound")
    desk.ask(house.app, "key.re-encrypt", "demo", ciphertext=blob)  # as the source
    demo = desk.ask(house.app, "key.encrypt", "demo", plaintext=b"x").ciphertext
    desk.ask(house.app, "key.re-encrypt", "bound", ciphertext=demo)  # as the destination
    assert not encrypt(desk, house)
    assert desk.refusal(house.app, "key.decrypt", ciphertext=blob) == "key-not-usable"
    assert desk.refusal(house.app, "key.re-encrypt", "demo", ciphertext=blob) == "key-not-usable"


def test_to_re_encrypt_within_a_key_is_two_uses(desk, house):
    bounded(desk, house, uses_max=4)
    blob = desk.ask(house.app, "key.encrypt", "bound", plaintext=b"x").ciphertext
    assert not desk.refusal(house.app, "key.re-encrypt", "bound", ciphertext=blob)
    assert desk.refusal(house.app, "key.re-encrypt", "bound", ciphertext=blob) == "key-not-usable"
    assert not encrypt(desk, house)


def test_refused_uses_do_not_count(desk, house):
    bounded(desk, house, uses_max=3)
    blob = desk.ask(
        house.app, "key.encrypt", "bound", plaintext=b"x", context={"a": "1"}
    ).ciphertext
    for _ in range(5):
        assert desk.refusal(house.app, "key.decrypt", ciphertext=blob) == "invalid-ciphertext"
    items = [{"ciphertext": blob}] * 9 + [{"ciphertext": blob, "context": {"a": "1"}}]
    desk.ask(house.app, "key.decrypt", items=items)
    assert not encrypt(desk, house)
    assert encrypt(desk, house) == "key-not-usable"


def test_a_bound_that_is_given_later_counts_what_was_before(desk, house):
    other = house.desk()
    assert not encrypt(other, house, 5, "demo")
    desk.ask(house.admin, "key.update", "demo", control={"uses_max": 6})
    assert not encrypt(other, house, name="demo")
    assert encrypt(other, house, name="demo") == "key-not-usable"
    desk.ask(house.admin, "key.update", "demo", control={"uses_max": 7})
    assert not encrypt(other, house, name="demo")
    assert encrypt(other, house, name="demo") == "key-not-usable"
    desk.ask(house.admin, "key.update", "demo", control={})
    assert not encrypt(other, house, name="demo")


@pytest.mark.parametrize("control", [{"uses_max": 100}, {"rate_uses": 100, "rate_seconds": 60}])
def test_one_call_does_not_use_two_keys_that_are_counted(desk, house, control):
    bounded(desk, house, "one", **control)
    bounded(desk, house, "two", **control)
    blobs = [
        desk.ask(house.app, "key.encrypt", name, plaintext=b"x").ciphertext
        for name in ("one", "two")
    ]
    assert desk.refusal(house.app, "key.re-encrypt", "two", ciphertext=blobs[0]) == (
        "invalid-request"
    )
    items = desk.ask(house.app, "key.decrypt", items=[{"ciphertext": blob} for blob in blobs]).items
    assert items[0].plaintext == b"x"
    assert items[1].error.code == "invalid-request"
    assert [desk.ask(house.admin, "key.read-usage", n).uses for n in ("one", "two")] == [2, 1]


def test_a_raw_cipher_keeps_its_own_count_right_when_it_is_refused(desk, house):
    """It reserves blocks of uses with its commits; a refused one reserves and spends nothing."""
    bounded(desk, house, algorithm="aes-256-gcm-raw", uses_max=3)
    codes = [encrypt(desk, house) for _ in range(6)]
    assert codes == [""] * 3 + ["key-not-usable"] * 3
    desk.ask(house.admin, "key.update", "bound", control={"uses_max": 5})
    assert [encrypt(desk, house) for _ in range(3)] == ["", "", "key-not-usable"]


# --- how often in a time --------------------------------------------------------------------------


def test_a_rate_is_kept_and_frees_again_when_its_time_has_passed(desk, house):
    bounded(desk, house, rate_uses=4, rate_seconds=60)
    desks = [desk, house.desk()]
    assert [encrypt(desks[n % 2], house) for n in range(6)] == [""] * 4 + ["rate-limited"] * 2
    house.clock.now += 60 * SECOND_US - 1
    assert encrypt(desk, house) == "rate-limited"
    house.clock.now += 1
    assert [encrypt(desks[n % 2], house) for n in range(5)] == [""] * 4 + ["rate-limited"]


def test_a_window_slides(desk, house):
    """Never more than the rate in any sixty seconds, at whatever moment one begins to count."""
    bounded(desk, house, rate_uses=10, rate_seconds=60)
    kept = []
    for step in range(400):
        house.clock.now = START_US + step * SECOND_US
        if not encrypt(desk, house):
            kept.append(step)
    assert max(sum(step <= at < step + 60 for at in kept) for step in range(400)) == 10
    # Nor is much given away: a use counts for a thirty-second part of the time too long at most.
    assert len(kept) >= 400 // 63 * 10


def test_a_clock_that_goes_back_frees_nothing(desk, house):
    bounded(desk, house, rate_uses=2, rate_seconds=60)
    assert [encrypt(desk, house) for _ in range(3)] == ["", "", "rate-limited"]
    for now in (START_US - 1, START_US - 61 * SECOND_US, START_US - 300 * DAY_US):
        house.clock.now = now
        assert encrypt(desk, house) == "rate-limited"
    house.clock.now = START_US + 60 * SECOND_US
    assert not encrypt(desk, house)


def test_refused_uses_do_not_prolong_it(desk, house):
    bounded(desk, house, rate_uses=1, rate_seconds=10)
    assert not encrypt(desk, house)
    for _ in range(9):
        house.clock.now += SECOND_US
        assert encrypt(desk, house) == "rate-limited"
    house.clock.now += SECOND_US
    assert not encrypt(desk, house)


def test_a_batch_counts_with_all_its_items(desk, house):
    bounded(desk, house, rate_uses=10, rate_seconds=60)
    assert encrypt(desk, house, 11) == "rate-limited"
    assert not encrypt(desk, house, 9)
    assert encrypt(desk, house, 2) == "rate-limited"
    assert not encrypt(desk, house)


def test_of_calls_at_once_no_more_than_the_rate_is_answered(house):
    desks = [house.desk(ledger=Meeting(house.store)) for _ in range(2)]
    bounded(desks[0], house, rate_uses=25, rate_seconds=60)

    async def all_at_once():
        return await asyncio.gather(*(
            desks[number % 2].replied(house.app, "key.encrypt", "bound", plaintext=b"x")
            for number in range(80)
        ))  # fmt: skip

    codes = [reply.code for _, reply in at_once(all_at_once())]
    assert (codes.count(""), codes.count("rate-limited")) == (25, 55)


def test_total_and_rate_hold_together(desk, house):
    bounded(desk, house, uses_max=3, rate_uses=2, rate_seconds=60)
    assert [encrypt(desk, house) for _ in range(3)] == ["", "", "rate-limited"]
    house.clock.now += 60 * SECOND_US
    assert [encrypt(desk, house) for _ in range(2)] == ["", "key-not-usable"]


# --- context --------------------------------------------------------------------------------------

GIVEN = {"tenant": "1", "purpose": "pay", "more": ""}
LACKING = ({}, {"tenant": "1"}, {"purpose": "pay"}, {"Tenant": "1", "purpose": "pay"})


@pytest.mark.parametrize("context", LACKING)
def test_who_leaves_out_what_the_context_must_have_is_refused_everywhere(desk, house, context):
    free = desk.ask(house.app, "key.encrypt", "demo", plaintext=b"x", context=context).ciphertext
    bounded(desk, house, required_context=["tenant", "purpose"])
    blob = desk.ask(house.app, "key.encrypt", "bound", plaintext=b"x", context=GIVEN).ciphertext
    asked = [
        ("key.encrypt", "bound", {"plaintext": b"x", "context": context}),
        ("key.encrypt", "bound", {"items": [{"plaintext": b"x", "context": context}]}),
        ("key.generate-data-key", "bound", {"context": context}),
        ("key.generate-data-key-pair", "bound", {"algorithm": "ed25519", "context": context}),
        # Refused for what is missing, before it is found that this is not the right context.
        ("key.decrypt", "", {"ciphertext": blob, "context": context}),
        ("key.decrypt", "bound", {"ciphertext": blob, "context": context}),
        ("key.decrypt", "", {"items": [{"ciphertext": blob, "context": context}]}),
        ("key.re-encrypt", "demo", {"ciphertext": blob, "context": context}),
        ("key.re-encrypt", "bound", {"ciphertext": free, "context": context}),
        ("key.re-encrypt", "bound",
         {"ciphertext": free, "context": context, "new_context": context}),
        ("key.re-encrypt", "bound",
         {"items": [{"ciphertext": free, "context": context, "new_context": context}]}),
    ]  # fmt: skip
    for operation, target, fields in asked:
        code, detail = refused(desk, house, operation, target, **fields)
        assert code == "invalid-request", operation
        assert "needs these names in the context: tenant, purpose" in detail
    again = {"ciphertext": free, "context": context, "new_context": GIVEN}
    made = desk.ask(house.app, "key.re-encrypt", "bound", **again).ciphertext
    assert desk.ask(house.app, "key.decrypt", ciphertext=made, context=GIVEN).plaintext == b"x"
    back = {"ciphertext": blob, "context": GIVEN, "new_context": {}}
    made = desk.ask(house.app, "key.re-encrypt", "demo", **back).ciphertext
    assert desk.ask(house.app, "key.decrypt", ciphertext=made).plaintext == b"x"


def test_in_a_batch_only_those_items_are_refused(desk, house):
    bounded(desk, house, required_context=["tenant"])
    contexts = ({"tenant": "1"}, {}, {"tenant": "1"}, {"other": "1"}, {"tenant": ""}, {})
    items = desk.ask(
        house.app, "key.encrypt", "bound",
        items=[{"plaintext": b"x", "context": context} for context in contexts],
    ).items  # fmt: skip
    good = ["tenant" in context for context in contexts]
    assert [bool(getattr(item, "ciphertext", None)) for item in items] == good
    assert {item.error.code for item, ok in zip(items, good, strict=True) if not ok} == {
        "invalid-request"
    }


@pytest.mark.parametrize("algorithm", ["hmac-sha256", "ed25519", "aes-256-gcm-raw", "rsa-2048"])
def test_a_key_that_has_no_context_requires_none(desk, house, algorithm):
    control = {"required_context": ["tenant"]}
    fields = {"name": "x", "algorithm": algorithm, "control": control}
    if algorithm == "rsa-2048":
        fields["purpose"] = "decrypt"
    assert desk.refusal(house.admin, "key.create", **fields) == "invalid-request"


# --- at once and everywhere -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("control", "code"),
    [
        ({"operations": ["key.decrypt"]}, "key-not-usable"),
        ({"not_before": rfc3339(START_US + 1)}, "key-not-usable"),
        ({"not_after": rfc3339(START_US)}, "key-not-usable"),
        ({"uses_max": 1}, "key-not-usable"),
        ({"rate_uses": 1, "rate_seconds": 1}, ""),
        ({"required_context": ["a"]}, "invalid-request"),
    ],
)
def test_a_change_holds_at_once_for_who_knew_the_key_before(desk, house, control, code):
    warm = house.desk()
    for _ in range(2):
        assert not encrypt(warm, house, name="demo")
        desk.ask(house.admin, "key.update", "demo", control=control)
        assert encrypt(warm, house, name="demo") == code
        if "rate_uses" in control:
            assert encrypt(warm, house, name="demo") == "rate-limited"
            house.clock.now += SECOND_US
        desk.ask(house.admin, "key.update", "demo", control={})
    assert not encrypt(warm, house, name="demo")


def test_a_control_replaces_the_one_before_as_a_whole(desk, house):
    bounded(desk, house, uses_max=1, operations=["key.decrypt"])
    view = desk.ask(house.admin, "key.update", "bound", control={"required_context": ["a"]}).control
    assert (view.uses_max, view.operations, view.required_context) == (0, [], ["a"])
    view = desk.ask(house.admin, "key.update", "bound", labels={"x": "y"}).control
    assert view.required_context == ["a"]
