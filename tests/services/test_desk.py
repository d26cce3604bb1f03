"""What can be asked of a custodian, and what is refused, over a real store."""

import re

import apsw
import pytest

from strongroom.domain.operations import OPERATIONS
from tests.support.desks import House

# A minimal good ask for each operation that needs fields or a target.
ASKS = {
    "key.create": ("", {"name": "new"}),
    "key.read": ("demo", {}),
    "key.update": ("demo", {"labels": {"a": "b"}}),
    "key.rotate": ("demo", {}),
    "key.enable": ("demo", {}),
    "key.disable": ("demo", {}),
    "key.encrypt": ("demo", {"plaintext": b"x"}),
    "key.decrypt": ("demo", {"ciphertext": b"x"}),
    "principal.create": ("", {"name": "new"}),
    "principal.read": ("app", {}),
    "principal.update": ("app", {"description": "x"}),
    "token.create": ("", {"principal": "app"}),
    "token.revoke": ("a" * 16, {}),
    "namespace.create": ("", {"name": "new"}),
    "policy.read": ("mine", {}),
    "policy.write": ("mine", {"text": "permit (principal, action, resource);"}),
    "policy.delete": ("mine", {}),
    "authorize.explain": ("", {"principal": "app", "action": "key.encrypt"}),
    "decision.read": ("0" * 32, {}),
}


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path / "store.db")
    yield made
    made.store.close()


@pytest.fixture
def desk(house):
    return house.desk()


def events(desk, house, **query):
    return desk.ask(house.admin, "audit.read", **query).events


def test_an_application_encrypts_and_decrypts_and_manages_nothing(desk, house):
    sealed = desk.ask(house.app, "key.encrypt", "demo", plaintext=b"4111", context={"t": "a"})
    opened = desk.ask(
        house.app, "key.decrypt", "demo", ciphertext=sealed.ciphertext, context={"t": "a"}
    )
    assert (opened.plaintext, opened.key_version) == (b"4111", 1)
    assert desk.refusal(house.app, "key.create", name="other") == "not-allowed"
    assert desk.refusal(house.app, "key.disable", "demo") == "not-allowed"


def test_the_ciphertext_names_its_key(desk, house):
    sealed = desk.ask(house.app, "key.encrypt", "demo", plaintext=b"x")
    assert desk.ask(house.app, "key.decrypt", ciphertext=sealed.ciphertext).plaintext == b"x"


def test_old_versions_decrypt_after_a_rotation(desk, house):
    old = desk.ask(house.app, "key.encrypt", "demo", plaintext=b"old").ciphertext
    view = desk.ask(house.admin, "key.rotate", "demo")
    assert (view.current_version, [v.version for v in view.versions]) == (2, [2, 1])
    new = desk.ask(house.app, "key.encrypt", "demo", plaintext=b"new")
    assert new.key_version == 2
    opened = [
        desk.ask(house.app, "key.decrypt", ciphertext=b).plaintext for b in (old, new.ciphertext)
    ]
    assert opened == [b"old", b"new"]


def test_a_disabled_key_neither_encrypts_nor_decrypts_nor_rotates(desk, house):
    sealed = desk.ask(house.app, "key.encrypt", "demo", plaintext=b"x").ciphertext
    assert desk.ask(house.admin, "key.disable", "demo").state == "suspended"
    assert desk.refusal(house.app, "key.encrypt", "demo", plaintext=b"x") == "key-not-usable"
    assert desk.refusal(house.app, "key.decrypt", ciphertext=sealed) == "key-not-usable"
    assert desk.refusal(house.admin, "key.rotate", "demo") == "key-not-usable"
    desk.ask(house.admin, "key.enable", "demo")
    assert desk.ask(house.app, "key.decrypt", ciphertext=sealed).plaintext == b"x"


@pytest.mark.parametrize(
    ("operation", "target", "fields", "code"),
    [
        ("key.disable", "demo", {}, "key-not-usable"),
        (
            "policy.write",
            "stop",
            {"text": 'forbid (principal, action == Action::"key.encrypt", resource);'},
            "not-allowed",
        ),
        ("principal.update", "app", {"disabled": True}, "unauthenticated"),
        ("principal.update", "app", {"roles": []}, "not-allowed"),
    ],
)
def test_a_change_by_one_process_holds_at_once_in_another(house, operation, target, fields, code):
    """Both desks have everything in their caches; the second is not told before it commits."""
    one, other = house.desk(), house.desk()
    other.ask(house.app, "key.encrypt", "demo", plaintext=b"x")
    one.ask(house.admin, operation, target, **fields)
    assert other.refusal(house.app, "key.encrypt", "demo", plaintext=b"x") == code


def test_a_revoked_token_is_refused_at_once_in_another_process(house):
    one, other = house.desk(), house.desk()
    token = other.ask(house.app, "identity.read").token
    one.ask(house.admin, "token.revoke", token)
    assert other.refusal(house.app, "key.encrypt", "demo", plaintext=b"x") == "unauthenticated"


def test_an_expired_token_proves_nothing(desk, house):
    short = desk.ask(house.admin, "token.create", principal="app", days=1).token
    desk.ask(short, "identity.read")
    house.clock.now += 86_400_000_000
    assert desk.refusal(short, "identity.read") == "unauthenticated"


@pytest.mark.parametrize(
    "change",
    [
        lambda t: "",
        lambda t: t[:-1],
        lambda t: t.upper(),
        lambda t: t + "a",
        lambda t: t[:30] + ("a" if t[30] != "a" else "b") + t[31:],
        lambda t: "x" * 76,
    ],
)
def test_bad_evidence_is_refused_alike_and_on_record(desk, house, change):
    assert (
        desk.refusal(change(house.app), "key.encrypt", "demo", plaintext=b"x") == "unauthenticated"
    )
    last = events(desk, house, outcome="refused")[-1]
    assert (last.reason, last.principal, last.object) == ("unauthenticated", "", "key/demo")


def test_a_batch_has_an_outcome_for_each_item_and_one_entry(desk, house):
    items = [{"plaintext": b"a"}, {"plaintext": b"b", "context": {"k": "v"}}]
    sealed = desk.ask(house.app, "key.encrypt", "demo", items=items).items
    asked = [
        {"ciphertext": sealed[0].ciphertext},
        {"ciphertext": sealed[1].ciphertext},  # its context is missing
        {"ciphertext": sealed[1].ciphertext, "context": {"k": "v"}},
    ]
    opened = desk.ask(house.app, "key.decrypt", items=asked).items
    assert opened[0].plaintext == b"a"
    assert opened[1].error.code == "invalid-ciphertext"
    assert opened[2].plaintext == b"b"
    (entry,) = events(desk, house, action="key.decrypt")
    assert entry.details["count"] == 3
    assert entry.details["failed"] == 1
    assert entry.object == "key/demo"


def test_a_batch_of_which_nothing_succeeds_is_refused_whole(desk, house):
    assert (
        desk.refusal(house.app, "key.decrypt", "demo", items=[{"ciphertext": b"x"}])
        == "invalid-ciphertext"
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"plaintext": b"x", "items": [{"plaintext": b"x"}]},
        {"items": []},
        {"plaintext": 7},
        {"plaintext": b"x", "other": 1},
        {"plaintext": b"x" * 65_537},
        {"plaintext": b"x", "context": {str(n): "" for n in range(65)}},
        {"plaintext": b"x", "context": {"a": "b" * 8_192}},
    ],
)
def test_a_custodian_does_not_believe_a_gate(desk, house, fields):
    assert desk.refusal(house.app, "key.encrypt", "demo", **fields) == "invalid-request"


def test_every_allowed_operation_has_an_entry_with_its_request_id(desk, house):
    request, _ = desk.reply(house.app, "key.encrypt", "demo", plaintext=b"x")
    (entry,) = events(desk, house, request=request)
    assert (
        entry.principal,
        entry.action,
        entry.object,
        entry.version,
        entry.outcome,
        entry.policies,
    ) == ("app", "key.encrypt", "key/demo", 1, "allowed", ["role:key-user"])


def test_a_refusal_can_be_looked_up_and_says_what_is_missing(desk, house):
    request, reply = desk.reply(house.app, "key.create", name="x")
    assert reply.decision == request
    assert "role" not in reply.detail
    decision = desk.ask(house.admin, "decision.read", request)
    assert "key-manager" in decision.missing
    assert desk.refusal(house.app, "decision.read", request) == "not-allowed"


def test_without_the_right_a_missing_key_looks_like_one_that_is_there(desk, house):
    nobody = (
        desk.ask(house.admin, "principal.create", name="nobody")
        and desk.ask(house.admin, "token.create", principal="nobody").token
    )
    there, missing = [
        desk.reply(nobody, "key.encrypt", name, plaintext=b"x")[1] for name in ("demo", "none")
    ]
    assert (
        (there.code, there.detail)
        == (missing.code, missing.detail)
        == ("not-allowed", "Not allowed")
    )
    blob = desk.ask(house.app, "key.encrypt", "demo", plaintext=b"x").ciphertext
    codes = {
        desk.refusal(nobody, "key.decrypt", ciphertext=b)
        for b in (blob, b"junk", blob[:1] + bytes(16) + blob[17:])
    }
    assert codes == {"not-allowed"}
    assert desk.refusal(house.app, "key.encrypt", "none", plaintext=b"x") == "not-found"


def test_names_are_taken_once_and_conflicting_roles_refused(desk, house):
    assert desk.refusal(house.admin, "key.create", name="demo") == "already-exists"
    assert desk.refusal(house.admin, "principal.create", name="app") == "already-exists"
    assert (
        desk.refusal(house.admin, "principal.create", name="x", roles=["administrator", "key-user"])
        == "invalid-request"
    )
    assert (
        desk.refusal(house.admin, "principal.create", name="x", roles=["emperor"])
        == "invalid-request"
    )


def test_an_ungoverned_policy_text_is_refused(desk, house):
    assert (
        desk.refusal(house.admin, "policy.write", "mine", text="permit everything")
        == "invalid-request"
    )
    assert desk.ask(house.admin, "policy.list").policies == []


def test_another_namespace_sees_and_reaches_nothing(desk, house):
    """Every operation, by a foreign administrator and user: own objects stay unseen, untouched."""
    foreign = desk.ask(house.admin, "namespace.create", name="other").token
    desk.ask(foreign, "principal.create", name="user", roles=["key-user"])
    user = desk.ask(foreign, "token.create", principal="user").token
    blob = desk.ask(house.app, "key.encrypt", "demo", plaintext=b"x").ciphertext
    desk.ask(house.admin, "policy.write", "mine", text="permit (principal, action, resource);")
    token = desk.ask(house.app, "identity.read").token
    decided, _ = desk.reply("", "key.read", "demo")
    asks = {
        **ASKS,
        "policy.write": (
            "own",
            {"text": 'permit (principal == Principal::"user", action, resource);'},
        ),
        "token.revoke": (token, {}),
        "decision.read": (decided, {}),
        "key.decrypt": ("", {"ciphertext": blob}),
    }
    addressed = {
        "key.read",
        "key.update",
        "key.rotate",
        "key.enable",
        "key.disable",
        "key.encrypt",
        "key.decrypt",
        "principal.read",
        "principal.update",
        "token.create",
        "token.revoke",
        "policy.read",
        "policy.delete",
        "decision.read",
        "authorize.explain",
    }
    for operation in OPERATIONS:
        target, fields = asks.get(operation, ("", {}))
        for caller in (foreign, user):
            _, reply = desk.reply(caller, operation, target, **fields)
            if operation in addressed:
                assert reply.code in {"not-found", "not-allowed", "invalid-ciphertext"}, operation
                missing = {
                    **dict.fromkeys(("decision.read",), "f" * 32),
                    "token.revoke": "b" * 16,
                }.get(operation, "nothing")
                other = dict(fields)
                if operation in ("token.create", "authorize.explain"):
                    other["principal"] = "nothing"
                if operation == "key.decrypt":
                    missing, other = "", {"ciphertext": blob[:1] + bytes(16) + blob[17:]}
                _, unknown = desk.reply(caller, operation, missing, **other)
                assert (reply.code, reply.detail) == (unknown.code, unknown.detail), operation
            if not reply.code and reply.answer:
                # Without what is base64 of chance, in which any four letters may come up.
                shown = re.sub(rb"[A-Za-z0-9+/=]{40,}", b"", reply.answer)
                assert b"demo" not in shown or operation in ("audit.read", "role.list"), operation
    assert desk.ask(house.app, "key.decrypt", ciphertext=blob).plaintext == b"x"
    assert all(e.namespace == "other" for e in desk.ask(foreign, "audit.read").events)


@pytest.mark.parametrize(
    "column", ["kind", "namespace", "name", "revision", "request", "body", "mac"]
)
@pytest.mark.parametrize("kind", ["n", "k", "v", "p", "t", "o"])
def test_an_edited_column_is_refused_and_on_record(house, kind, column):
    edits = {
        "kind": "'x'",
        "namespace": "x'00'",
        "name": "name || 'x'",
        "revision": "revision + 1",
        "request": "'x'",
        "body": "replace(body, '\":', '\": ')",
        "mac": "zeroblob(32)",
    }
    # By apsw, as the store itself: a second SQLite in this process would drop its locks.
    db = apsw.Connection(house.path)
    db.execute(f"UPDATE records SET {column} = {edits[column]} WHERE kind = ?", (kind,))
    db.close()
    desk = house.desk()
    before = house.store.tree.size
    code = desk.refusal(house.app, "key.encrypt", "demo", plaintext=b"x")
    assert code in {"tampered-record", "unauthenticated", "not-found", "not-allowed"}
    assert code == "tampered-record" or (kind, column) in {
        ("t", "kind"),
        ("k", "kind"),
        ("k", "name"),
        ("k", "namespace"),
    }
    assert house.store.tree.size == before + 1


def test_swapped_rows_are_refused(desk, house):
    """Every pair of rows of one kind: the contents change places, the ids stay."""
    for name in ("two", "three"):
        desk.ask(house.admin, "key.create", name=name)
    blobs = {
        n: desk.ask(house.app, "key.encrypt", n, plaintext=n.encode()).ciphertext
        for n in ("demo", "two", "three")
    }
    db = apsw.Connection(house.path)
    swap = "UPDATE records SET request=?, revision=?, body=?, mac=? WHERE kind=? AND id=?"
    for kind in ("k", "v"):
        rows = db.execute(
            "SELECT id, name, revision, request, body, mac FROM records"
            " WHERE kind = ? AND live = 1",
            (kind,),
        ).fetchall()
        for one in rows:
            for other in rows:
                if one[0] >= other[0]:
                    continue
                for target, source in ((one, other), (other, one)):
                    db.execute(
                        swap,
                        (source[3], source[2], source[4], source[5], kind, target[0]),
                    )
                fresh = house.desk()
                touched = [n for n, b in blobs.items() if b[1:17] in (one[0][:16], other[0][:16])]
                assert len(touched) == 2
                for name in touched:
                    assert (
                        fresh.refusal(house.app, "key.decrypt", ciphertext=blobs[name])
                        == "tampered-record"
                    )
                for row in (one, other):
                    db.execute(
                        swap,
                        (row[3], row[2], row[4], row[5], kind, row[0]),
                    )
    db.close()
    assert house.desk().ask(house.app, "key.decrypt", ciphertext=blobs["two"]).plaintext == b"two"


def test_nobody_changes_their_own_roles_or_shuts_themselves_out(desk, house):
    for change in ({"roles": ["key-user"]}, {"disabled": True}, {"roles": []}):
        assert desk.refusal(house.admin, "principal.update", "admin", **change) == "invalid-request"
    assert desk.ask(house.admin, "principal.update", "admin", description="me").description == "me"
    assert desk.ask(house.admin, "principal.update", "app", roles=["auditor"]).roles == ["auditor"]


def test_a_policy_on_labels_holds_for_the_key_that_is_made(desk, house):
    text = (
        'forbid (principal, action == Action::"key.create", resource)'
        ' when { resource.hasTag("team") && resource.getTag("team") == "payments" };'
    )
    desk.ask(house.admin, "policy.write", "stop", text=text)
    assert desk.refusal(house.admin, "key.create", name="a", labels={"team": "payments"}) == (
        "not-allowed"
    )
    assert desk.ask(house.admin, "key.create", name="b", labels={"team": "other"}).name == "b"


def test_entry_of_a_batch_names_the_decision_on_what_was_done(desk, house):
    """The last item is denied by its context; the entry is about the first, which was not."""
    text = (
        'forbid (principal, action == Action::"key.encrypt", resource)'
        ' when { context.encryption.hasTag("stop") };'
    )
    desk.ask(house.admin, "policy.write", "stop", text=text)
    items = [{"plaintext": b"a"}, {"plaintext": b"b", "context": {"stop": "1"}}]
    request, reply = desk.reply(house.app, "key.encrypt", "demo", items=items)
    assert not reply.code
    house.clock.now += 1
    (event,) = desk.ask(house.admin, "audit.read", action="key.encrypt").events
    assert event.request == request
    assert event.outcome == "allowed"
    assert event.policies == ["role:key-user"]
    assert not event.missing
    assert event.details["failed"] == 1
