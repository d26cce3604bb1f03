"""JWK sets: what is in them, who reads them, and that a change holds at once."""

import base64
import itertools

import apsw
import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from joserfc.jwk import import_key

from strongroom.adapters.cedar import CedarEngine
from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.adapters.software import SoftwareProvider
from strongroom.adapters.system import SystemRandomness
from strongroom.domain import limits
from strongroom.domain.algorithms import ALGORITHMS, Purpose
from strongroom.domain.calls import Call
from strongroom.domain.sensitive import Sensitive
from strongroom.domain.times import rfc3339
from strongroom.node.metrics import Meter
from strongroom.services.custodian import assemble
from tests.support.desks import Client, House

DAY_US = 86_400_000_000
SIGNING = [a for a, row in ALGORITHMS.items() if Purpose.SIGN_VERIFY in row.schemes]


@pytest.fixture
def house(tmp_path):
    return House(tmp_path / "store.db")


@pytest.fixture
def desk(house):
    return house.desk()


def signer(house, desk, name="signer", algorithm="ed25519", **fields):
    desk.ask(
        house.admin, "key.create", name=name, algorithm=algorithm, purpose="sign-verify", **fields
    )


def kids(house, desk):
    return [jwk["kid"] for jwk in desk.ask(house.admin, "jwks.read").keys]


def publish(house, desk, *, on=True):
    desk.ask(house.admin, "namespace.update", publishes_keys=on)


def published(desk, name="default"):
    return [jwk["kid"] for jwk in desk.ask("", "jwks.read-published", name).keys]


def entries(house, desk, **query):
    return desk.ask(house.admin, "audit.read", limit=1000, **query).events


# --- what is in them ------------------------------------------------------------------------------


def test_every_signing_key_is_listed_and_the_others_are_not(house, desk):
    for algorithm, row in ALGORITHMS.items():
        for purpose in row.schemes:
            if algorithm not in ("rsa-3072", "rsa-4096"):
                desk.ask(
                    house.admin, "key.create", name=f"{algorithm}-{purpose}", algorithm=algorithm,
                    purpose=purpose,
                )  # fmt: skip
    listed = {jwk["kid"]: jwk for jwk in desk.ask(house.admin, "jwks.read").keys}
    names = {f"{a}-sign-verify" for a in SIGNING if a not in ("rsa-3072", "rsa-4096")}
    assert listed.keys() == {f"{name}/1" for name in names}
    for kid, jwk in listed.items():
        public = desk.ask(house.app, "key.read-public-key", kid.removesuffix("/1")).jwk
        extra = {"kid": kid, "use": "sig"}
        alg = {
            "ec-p256": "ES256", "ec-p384": "ES384", "ec-p521": "ES512", "ec-secp256k1": "ES256K",
            "ml-dsa-44": "ML-DSA-44", "ml-dsa-65": "ML-DSA-65", "ml-dsa-87": "ML-DSA-87",
        }.get(kid.removesuffix("-sign-verify/1"))  # fmt: skip
        assert jwk == public | extra | ({"alg": alg} if alg else {})
        # Nothing private is a member of it: RFC 7518, 6.2.2 and 6.3.2; RFC 8037, 2; RFC 9964.
        assert jwk.keys().isdisjoint({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})


@pytest.mark.parametrize(
    "algorithm",
    [a for a, row in ALGORITHMS.items() if row.kind == "asymmetric" and not a.startswith("rsa-4")],
)
def test_the_jwk_of_a_public_key_is_one_that_another_library_loads(house, desk, algorithm):
    desk.ask(house.admin, "key.create", name="pair", algorithm=algorithm)
    answer = desk.ask(house.app, "key.read-public-key", "pair")
    if Purpose.ENCAPSULATE in ALGORITHMS[algorithm].schemes and algorithm != "x25519":
        assert answer.jwk is msgspec.UNSET  # no RFC says how these are written
        return
    if algorithm.startswith("ml-dsa"):
        # That library has no ML-DSA yet: what RFC 9964 says, member by member.
        raw = serialization.load_der_public_key(answer.der).public_bytes_raw()
        pub = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        assert answer.jwk == {"kty": "AKP", "alg": algorithm.upper(), "pub": pub}
        return
    key = import_key(answer.jwk)
    assert not key.is_private
    assert key.as_dict(private=False).items() >= answer.jwk.items()
    assert key.as_pem(private=False).decode().split() == answer.pem.split()


def rotate(house, desk, name="signer", times=1):
    for _ in range(times):
        house.clock.now += 1_000_000
        desk.ask(house.admin, "key.rotate", name)


def test_old_versions_stay_until_they_are_retired(house, desk):
    signer(house, desk)
    rotate(house, desk, times=3)
    assert kids(house, desk) == ["signer/4", "signer/3", "signer/2", "signer/1"]
    desk.ask(house.admin, "key.update", "signer", min_version=3)
    assert kids(house, desk) == ["signer/4", "signer/3"]


ACTS = ("disable", "deactivate", "mark-compromised", "schedule-destruction")


@pytest.mark.parametrize("of_version", [False, True])
@pytest.mark.parametrize("acts", [(), *itertools.permutations(ACTS, 1), *itertools.permutations(
    ACTS, 2), ("disable", "enable"), ("schedule-destruction", "cancel-destruction"),
    ("deactivate", "schedule-destruction", "cancel-destruction")])  # fmt: skip
def test_a_version_is_listed_if_signatures_are_verified_with_it(house, desk, acts, of_version):
    """The whole product of two acts on the key or on a version: the set and `key.verify` agree."""
    signer(house, desk)
    signature = desk.ask(house.app, "key.sign", "signer", message=b"m").signature
    signer(house, desk, "other")
    for act in acts:
        target = {"key_version": 1} if of_version else {}
        desk.reply(house.admin, f"key.{act}", "signer", **target)
    code = desk.refusal(house.app, "key.verify", "signer", message=b"m", signature=signature)
    assert code in ("", "key-not-usable", "not-allowed")
    assert ("signer/1" in kids(house, desk)) is (code == "")
    assert "other/1" in kids(house, desk)


def test_a_destroyed_key_is_not_listed(house, desk):
    signer(house, desk)
    desk.ask(house.admin, "key.schedule-destruction", "signer", days=7)
    house.clock.now += 8 * DAY_US
    assert desk.steward() == 1
    assert desk.ask(house.admin, "key.read", "signer").state == "destroyed"
    assert kids(house, desk) == []


def test_a_key_that_its_profile_forbids_is_not_listed(house, desk):
    signer(house, desk, "wallet", "ec-secp256k1")
    signer(house, desk)
    assert set(kids(house, desk)) == {"wallet/1", "signer/1"}
    desk.ask(house.admin, "namespace.update", profile="approved")
    assert kids(house, desk) == ["signer/1"]


def test_time_alone_brings_keys_in_and_takes_them_out(house, desk):
    """A set that was kept does not outlive the moment at which it changes by itself."""
    publish(house, desk)
    now = house.clock.now
    hours = [rfc3339(now + hour * 3_600_000_000) for hour in range(6)]
    signer(house, desk, "later", activates=hours[1])
    signer(house, desk, "window", control={"not_before": hours[2], "not_after": hours[4]})
    signer(house, desk, "ends", deactivates=hours[3])
    seen = []
    for hour in range(6):
        for moment in (-1, 0):
            house.clock.now = max(now, now + hour * 3_600_000_000 + moment)
            assert published(desk) == kids(house, desk)
            seen.append({kid.removesuffix("/1") for kid in published(desk)})
    ends, later, window = {"ends"}, {"ends", "later"}, {"ends", "later", "window"}
    assert seen == [ends, ends, ends, later, later, window, window, window, window, later, later,
                    later]  # fmt: skip


def test_a_set_is_bounded_and_no_key_crowds_out_another(house, desk):
    for name in ("a", "b", "c"):
        signer(house, desk, name)
    rotate(house, desk, "b", limits.JWK_SET_KEYS_MAX + 5)
    listed = kids(house, desk)
    assert len(listed) == limits.JWK_SET_KEYS_MAX
    newest = limits.JWK_SET_KEYS_MAX + 6
    assert set(listed[:3]) == {"a/1", f"b/{newest}", "c/1"}
    assert listed[3:] == [f"b/{newest - back}" for back in range(1, limits.JWK_SET_KEYS_MAX - 2)]


def test_of_more_keys_than_a_set_holds_the_newest_are_in_it(house, desk):
    for number in range(limits.JWK_SET_KEYS_MAX + 3):
        house.clock.now += 1_000_000
        signer(house, desk, f"k{number:03}")
    assert kids(house, desk) == [
        f"k{number:03}/1" for number in range(limits.JWK_SET_KEYS_MAX + 2, 2, -1)
    ]


# --- who reads them -------------------------------------------------------------------------------


def test_a_set_is_read_by_who_may_and_of_the_own_namespace_alone(house, desk):
    signer(house, desk)
    acme = desk.ask(house.admin, "namespace.create", name="acme").token
    signer(house, desk, "other")
    assert desk.ask(acme, "jwks.read").keys == []
    assert len(desk.ask(house.app, "jwks.read").keys) == 2
    desk.ask(house.admin, "principal.create", name="watcher", roles=["operator"])
    watcher = desk.ask(house.admin, "token.create", principal="watcher").token
    assert desk.refusal(watcher, "jwks.read") == "not-allowed"
    assert desk.refusal("", "jwks.read") == "unauthenticated"


def test_what_is_not_published_looks_like_what_is_not_there(house, desk):
    signer(house, desk)
    replies = [
        desk.reply(token, "jwks.read-published", target)[1]
        for token in ("", house.admin)
        for target in ("default", "nowhere", "", "-", "Default", "alias:default")
    ]
    assert {(reply.code, reply.detail) for reply in replies} == {("not-found", "Not found")}


def test_anybody_reads_a_published_set_and_no_token_is_looked_at(house, desk):
    publish(house, desk)
    signer(house, desk)
    for token in ("", "nonsense", house.admin, "srt_" + "a" * 72):
        request, reply = desk.reply(token, "jwks.read-published", "default")
        assert reply.code == ""
        (event,) = entries(house, desk, request=request)
        assert (event.principal, event.token, event.namespace) == ("", "", "default")
        assert (event.object, event.outcome) == ("namespace/default", "allowed")
        assert (event.details, event.policies) == ({"count": 1}, [])


def test_publishing_one_namespace_publishes_no_other(house, desk):
    acme = desk.ask(house.admin, "namespace.create", name="acme").token
    signer(house, desk, "ours")
    desk.ask(acme, "key.create", name="theirs", algorithm="ed25519")
    desk.ask(acme, "namespace.update", publishes_keys=True)
    assert published(desk, "acme") == ["theirs/1"]
    assert desk.refusal("", "jwks.read-published", "default") == "not-found"


def test_entries_of_strangers_are_where_they_belong(house, desk):
    """In the namespace that was asked for; of one that is not there, in the first."""
    acme = desk.ask(house.admin, "namespace.create", name="acme").token
    asked = {name: desk.reply("", "jwks.read-published", name)[0] for name in ("acme", "emca")}

    def event(token, request):
        return [
            (one.namespace, one.object, one.outcome, one.reason, one.principal)
            for one in desk.ask(token, "audit.read", request=request).events
        ]

    assert event(acme, asked["acme"]) == [("acme", "namespace/acme", "refused", "not-found", "")]
    assert event(house.admin, asked["acme"]) == []
    assert event(house.admin, asked["emca"]) == [
        ("default", "namespace/emca", "refused", "not-found", "")
    ]
    assert event(acme, asked["emca"]) == []


def test_what_is_no_name_is_not_on_record(house, desk):
    request, reply = desk.reply("", "jwks.read-published", "srt_A secret of somebody's")
    assert reply.code == "not-found"
    (event,) = entries(house, desk, request=request)
    assert event.object == "namespace/-"


def test_only_operations_that_say_so_are_anonymous(house, desk):
    publish(house, desk)
    assert desk.refusal("", "key.read-public-key", "demo") == "unauthenticated"
    assert desk.refusal("", "jwks.read") == "unauthenticated"
    assert desk.refusal("", "namespace.read") == "unauthenticated"


def test_no_policy_is_needed_or_weighed_for_what_is_published(house, desk):
    """The switch is the namespace's: a policy that forbids all forbids everybody but strangers."""
    publish(house, desk)
    signer(house, desk)
    text = 'forbid (principal, action == Action::"jwks.read", resource);'
    desk.ask(house.admin, "policy.write", "none", text=text)
    assert desk.refusal(house.admin, "jwks.read") == "not-allowed"
    assert published(desk) == ["signer/1"]


# --- changes --------------------------------------------------------------------------------------


def test_a_change_by_one_process_holds_at_once_in_another(house):
    one, other = house.desk(), house.desk()
    signer(house, one)
    assert other.refusal("", "jwks.read-published", "default") == "not-found"
    publish(house, one)
    assert published(other) == ["signer/1"]
    one.ask(house.admin, "key.rotate", "signer")
    assert published(other) == ["signer/2", "signer/1"]
    signer(house, one, "second")
    assert set(published(other)) == {"signer/2", "signer/1", "second/1"}
    one.ask(house.admin, "key.mark-compromised", "signer", key_version=2)
    assert set(published(other)) == {"signer/1", "second/1"}
    one.ask(house.admin, "key.disable", "signer")
    assert published(other) == ["second/1"]
    publish(house, one, on=False)
    assert other.refusal("", "jwks.read-published", "default") == "not-found"


class Late(DirectLedger):
    """Lets something happen after everything was read and before the decision is kept."""

    def __init__(self, store):
        super().__init__(store)
        self.before = []

    async def commit(self, commit):
        if self.before:
            await self.before.pop()()
        return await super().commit(commit)


def over(ledger, house):
    """A desk over that ledger."""
    staff = assemble(
        ledger=ledger, provider=SoftwareProvider(Sensitive(house.root)), engine=CedarEngine(),
        clock=house.clock, randomness=SystemRandomness(), watch=Meter(),
        first_namespace=house.first, seal="test",
    )  # fmt: skip
    return Client(staff.desk)


@pytest.mark.parametrize("who", ["admin", "stranger"])
@pytest.mark.parametrize("kept", [False, True])
def test_a_set_that_changes_while_it_is_handed_out_is_made_again(house, desk, who, kept):
    publish(house, desk)
    signer(house, desk)
    signer(house, desk, "second")
    ledger = Late(house.store)
    late = over(ledger, house)
    if kept:
        published(late)

    async def disabled_meanwhile():
        call = Call(
            "key.disable", "signer", house.admin, "", "a" * 32, msgspec.msgpack.encode({})
        )  # fmt: skip
        reply = await house.desk().desk.answer(call)
        assert reply.code == ""

    ledger.before.append(disabled_meanwhile)
    listed = kids(house, late) if who == "admin" else published(late)
    assert listed == ["second/1"]
    assert not ledger.before


class Counting(DirectLedger):
    """Counts what is read page by page."""

    def __init__(self, store):
        super().__init__(store)
        self.pages = 0

    async def page(self, kind, namespace, after, limit):
        self.pages += 1
        return await super().page(kind, namespace, after, limit)


def test_strangers_who_ask_again_have_nothing_read_again(house, desk):
    """A flood costs an entry each, but not the reading of all keys."""
    publish(house, desk)
    signer(house, desk)
    ledger = Counting(house.store)
    client = over(ledger, house)
    for _ in range(20):
        assert published(client) == ["signer/1"]
    assert ledger.pages == 1
    assert client.refusal("", "jwks.read-published", "nowhere") == "not-found"
    assert ledger.pages == 1
    client.ask(house.app, "key.encrypt", "demo", plaintext=b"x")
    assert published(client) == ["signer/1"]
    assert ledger.pages == 1
    client.ask(house.admin, "key.disable", "signer")
    assert published(client) == []
    assert ledger.pages == 2


@pytest.mark.parametrize("column", ["revision", "request", "body", "mac"])
@pytest.mark.parametrize("kind", ["n", "k", "v"])
def test_a_touched_row_refuses_the_whole_set_and_is_on_record(house, desk, kind, column):
    publish(house, desk)
    signer(house, desk)
    edits = {
        "revision": "revision + 1", "request": "'x'", "mac": "zeroblob(32)",
        "body": "replace(body, '\":', '\": ')",
    }  # fmt: skip
    db = apsw.Connection(house.path)
    db.execute(f"UPDATE records SET {column} = {edits[column]} WHERE kind = ?", (kind,))
    db.close()
    size = house.store.tree.size
    assert house.desk().refusal("", "jwks.read-published", "default") == "tampered-record"
    assert house.store.tree.size == size + 1


class Mixing(DirectLedger):
    """Answers with the versions of another key."""

    def __init__(self, store, other):
        super().__init__(store)
        self.other = other

    async def family(self, kind, prefix, limit):
        return await super().family(kind, self.other, limit)


def test_another_keys_version_is_not_published_as_this_ones(house, desk):
    acme = desk.ask(house.admin, "namespace.create", name="acme").token
    publish(house, desk)
    signer(house, desk)
    theirs = desk.ask(acme, "key.create", name="theirs", algorithm="ed25519")
    client = over(Mixing(house.store, bytes.fromhex(theirs.id)), house)
    assert client.refusal("", "jwks.read-published", "default") == "tampered-record"


def test_another_namespaces_row_does_not_stand_in_for_a_published_one(house, desk):
    acme = desk.ask(house.admin, "namespace.create", name="acme").token
    publish(house, desk)
    signer(house, desk)
    desk.ask(acme, "key.create", name="theirs", algorithm="ed25519")
    db = apsw.Connection(house.path)
    db.execute("UPDATE records SET name = 'x' WHERE kind = 'n' AND name = 'default'")
    db.execute("UPDATE records SET name = 'default' WHERE kind = 'n' AND name = 'acme'")
    db.close()
    assert house.desk().refusal("", "jwks.read-published", "default") == "tampered-record"
