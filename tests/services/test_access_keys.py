"""Access keys: who signs with one is its principal, now, and nobody else is."""

from pathlib import Path

import msgspec
import pytest

from strongroom.domain import limits, sigv4
from strongroom.domain.sensitive import Sensitive
from tests.support.desks import START_US, House

NOW = "20260921T141320Z"  # START_US
DIGEST = "5f" * 32


def signed(
    made, *, time=NOW, region="eu-central-1", digest=DIGEST, expires=0, session="", secret=""
):
    """The evidence of who signs with an access key."""
    opening = sigv4.Opening(made.access_key, time[:8], region, "kms", ("host", "x-amz-date"))
    signature = sigv4.Signature(opening, time, "0" * 64, digest, expires, session)
    secret = Sensitive((secret or made.secret_access_key).encode())
    key = sigv4.signing_key(secret, time[:8], region, "kms")
    real = sigv4.hmac.digest(key, signature.string_to_sign.encode(), "sha256").hex()
    return sigv4.spell(msgspec.structs.replace(signature, signature=real))


@pytest.fixture
def house(tmp_path):
    return House(tmp_path / "store.db")


@pytest.fixture
def desk(house):
    return house.desk()


@pytest.fixture
def made(desk, house):
    return desk.ask(house.admin, "token.create-access-key", principal="app", description="shop")


def unproven(desk, evidence):
    """What is said of evidence that proves nothing."""
    _, reply = desk.reply(evidence, "identity.read")
    assert reply.code == "unauthenticated", reply
    return reply.detail


def test_the_time_of_the_tests_is_that_of_the_clock():
    evidence = sigv4.Signature(sigv4.Opening("A", NOW[:8], "r", "kms"), NOW, "")
    assert evidence.seconds == START_US // 1_000_000


def test_who_signs_is_the_principal(desk, house, made):
    assert made.access_key.startswith("SRAK")
    assert (len(made.access_key), len(made.secret_access_key)) == (20, 40)
    who = desk.ask(signed(made), "identity.read")
    assert (who.principal, who.token) == ("app", made.id)
    assert len(who.account) == 12
    assert desk.ask(signed(made), "key.encrypt", "demo", plaintext=b"x").key_version == 1
    assert desk.refusal(signed(made), "key.disable", "demo") == "not-allowed"


def test_equal_signatures_are_normal(desk, made):
    evidence = signed(made)
    for _ in range(3):
        desk.ask(evidence, "identity.read")


def test_a_signature_that_was_verified_before_is_too_old_all_the_same(desk, house, made):
    evidence = signed(made)
    desk.ask(evidence, "identity.read")
    house.clock.now += 300_000_000
    desk.ask(evidence, "identity.read")
    house.clock.now += 1
    assert unproven(desk, evidence) == sigv4.EXPIRED


def test_a_signature_that_was_verified_before_is_not_that_of_another_digest(desk, made):
    evidence = signed(made)
    desk.ask(evidence, "identity.read")
    assert unproven(desk, evidence.replace(DIGEST, "60" * 32)) == sigv4.WRONG


def test_a_signature_is_verified_again_when_what_it_was_held_against_has_changed(desk, house, made):
    """Shown by the memory of it: another token or namespace as read, another entry."""
    evidence = signed(made)
    remembered = desk.desk._authenticator._verified
    desk.ask(evidence, "identity.read")
    (first,) = remembered.values()
    desk.ask(evidence, "identity.read")
    assert list(remembered.values()) == [first]
    desk.ask(house.admin, "namespace.update", "default", publishes_keys=True)
    desk.ask(evidence, "identity.read")
    (second,) = remembered.values()
    assert second.namespace is not first.namespace
    assert second.token is first.token


def test_signatures_that_are_remembered_are_so_many_at_most(desk, made):
    authenticator = desk.desk._authenticator
    desk.ask(signed(made), "identity.read")
    (verified,) = authenticator._verified.values()
    for number in range(2 * limits.CACHED_SIGNATURES_MAX):
        authenticator._verify(number.to_bytes(32, "big"), verified)
        assert len(authenticator._verified) <= limits.CACHED_SIGNATURES_MAX
    assert number.to_bytes(32, "big") in authenticator._verified


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"secret": "x" * 40}, sigv4.WRONG),
        ({"time": "20260921T140819Z"}, sigv4.EXPIRED),
        ({"time": "20260921T141821Z"}, sigv4.EXPIRED),
        ({"time": "20260920T141320Z", "expires": 86_399}, sigv4.EXPIRED),
        ({"session": "t"}, sigv4.UNKNOWN_KEY),
    ],
)
def test_any_other_signature_proves_nothing_and_says_why(desk, made, how, why):
    assert unproven(desk, signed(made, **how)) == why


@pytest.mark.parametrize(
    "how",
    [{"time": "20260921T140820Z"}, {"time": "20260921T141820Z"}, {"region": "us-gov-west-1"},
     {"time": "20260920T141320Z", "expires": 86_400}],
)  # fmt: skip
def test_a_signature_of_about_now_is_good_and_a_presigned_one_for_as_long_as_it_says(
    desk, made, how
):
    desk.ask(signed(made, **how), "identity.read")


@pytest.mark.parametrize(
    "field", ["access_key", "date", "region", "service", "time", "signature", "digest"]
)
def test_evidence_with_another_part_proves_nothing(desk, made, field):
    signature = sigv4.parse(signed(made))
    other = {
        "access_key": "SRAKAAAAAAAAAAAAAAAA", "date": "20260920", "region": "us-east-1",
        "service": "s3", "time": "20260921T141321Z", "signature": "1" * 64, "digest": "1" * 64,
    }[field]  # fmt: skip
    replace = msgspec.structs.replace
    if hasattr(signature, field):
        signature = replace(signature, **{field: other})
    else:
        signature = replace(signature, opening=replace(signature.opening, **{field: other}))
    assert unproven(desk, sigv4.spell(signature))


@pytest.mark.parametrize(
    "evidence",
    ["sigv4 ", "sigv4 {}", "sigv4 []", "sigv4 " + "[" * 10_000, "sigv4 null", "sigv4"],
)
def test_evidence_that_no_gate_makes_is_refused(desk, evidence):
    unproven(desk, evidence)


def test_an_access_key_is_no_token_and_a_token_no_access_key(desk, house, made):
    assert desk.refusal(made.secret_access_key, "identity.read") == "unauthenticated"
    token = desk.ask(house.admin, "token.create", principal="app")
    fake = msgspec.structs.replace(made, access_key="SRAK" + token.id.upper())
    assert unproven(desk, signed(fake)) == sigv4.UNKNOWN_KEY


def test_it_is_listed_and_revoked_as_tokens_are_at_once_in_another_process(desk, house, made):
    (listed,) = [one for one in desk.ask(house.admin, "token.list").tokens if one.id == made.id]
    assert (listed.access_key, listed.principal, listed.description) == (
        made.access_key, "app", "shop",
    )  # fmt: skip
    other = house.desk()
    other.ask(signed(made), "identity.read")
    desk.ask(house.admin, "token.revoke", made.id)
    assert unproven(other, signed(made))


def test_it_ends_with_its_time_and_with_its_principal(desk, house, made):
    short = desk.ask(house.admin, "token.create-access-key", principal="app", days=1)
    house.clock.now += 86_400_000_000
    tomorrow = {"time": "20260922T141320Z"}
    assert unproven(desk, signed(short, **tomorrow))
    desk.ask(signed(made, **tomorrow), "identity.read")
    desk.ask(house.admin, "principal.update", "app", disabled=True)
    assert unproven(desk, signed(made, **tomorrow))


# --- temporary ones -------------------------------------------------------------------------------


@pytest.fixture
def temporary(desk, house):
    return desk.ask(
        house.admin, "token.create-access-key", principal="app", session=True, hours=2
    )  # fmt: skip


def test_a_temporary_one_signs_in_a_session_and_is_named_otherwise(desk, temporary):
    assert temporary.access_key == "SRSK" + temporary.id.upper()
    assert temporary.session_token.startswith("srs_")
    assert len(temporary.session_token) == 56
    for _ in range(2):
        who = desk.ask(signed(temporary, session=temporary.session_token), "identity.read")
    assert (who.principal, who.token) == ("app", temporary.id)


def test_it_is_good_for_half_a_day_if_nobody_says_otherwise(desk, house):
    made = desk.ask(house.admin, "token.create-access-key", principal="app", session=True)
    assert made.expires == "2026-09-22T02:13:20.000000Z"


def test_others_have_no_session_and_no_hours(desk, house, made):
    assert made.session_token == ""
    for hours in (1, 0, 37):
        refused = desk.refusal(
            house.admin, "token.create-access-key", principal="app", hours=hours
        )  # fmt: skip
        assert refused == "invalid-request"


@pytest.mark.parametrize("session", ["", "-", "srs_" + "a" * 52, "another's"])
def test_without_its_session_token_it_proves_nothing(desk, house, temporary, session):
    if session == "another's":
        session = desk.ask(
            house.admin, "token.create-access-key", principal="app", session=True
        ).session_token  # fmt: skip
    assert unproven(desk, signed(temporary, session=session)) == sigv4.UNKNOWN_KEY
    # Not after the right one was there, either.
    desk.ask(signed(temporary, session=temporary.session_token), "identity.read")
    assert unproven(desk, signed(temporary, session=session)) == sigv4.UNKNOWN_KEY


def test_a_session_token_is_of_one_access_key_and_of_its_name(desk, made, temporary):
    token = temporary.session_token
    assert unproven(desk, signed(made, session=token)) == sigv4.UNKNOWN_KEY
    for one, name, session in (
        (temporary, "SRAK" + temporary.id.upper(), token),
        (made, "SRSK" + made.id.upper(), ""),
    ):
        renamed = msgspec.structs.replace(one, access_key=name)
        assert unproven(desk, signed(renamed, session=session)) == sigv4.UNKNOWN_KEY


def test_when_the_session_is_over_that_is_said_to_who_can_sign(desk, house, temporary):
    token = temporary.session_token
    later = {"time": "20260921T161320Z"}
    before = {"time": "20260921T161319Z"}
    house.clock.now += 7_200_000_000 - 1
    desk.ask(signed(temporary, session=token, **before), "identity.read")
    house.clock.now += 1
    for how in (before, later):
        assert unproven(desk, signed(temporary, session=token, **how)) == sigv4.SESSION_ENDED
    assert unproven(desk, signed(temporary, session=token, secret="x", **later)) == sigv4.WRONG
    assert unproven(desk, signed(temporary, **later)) == sigv4.UNKNOWN_KEY


def test_a_session_ends_when_it_is_revoked(desk, house, temporary):
    evidence = signed(temporary, session=temporary.session_token)
    desk.ask(evidence, "identity.read")
    desk.ask(house.admin, "token.revoke", temporary.id)
    assert unproven(desk, evidence)


def test_a_session_token_is_in_no_memory_no_record_and_no_text(desk, house, temporary):
    evidence = signed(temporary, session=temporary.session_token)
    desk.ask(evidence, "identity.read")
    kept = desk.desk._authenticator._verified
    (verified,) = kept.values()
    assert verified.signature.session == ""
    assert temporary.session_token not in repr(sigv4.parse(evidence))
    house.store.close()
    place = Path(house.path)
    stored = b"".join(path.read_bytes() for path in place.parent.glob(place.name + "*"))
    assert temporary.id.encode() in stored
    assert temporary.session_token.encode() not in stored


def test_the_window_is_a_setting(house, made):
    narrow = house.desk(signature_seconds=60)
    narrow.ask(signed(made, time="20260921T141220Z"), "identity.read")
    for time in ("20260921T141219Z", "20260921T141421Z"):
        assert unproven(narrow, signed(made, time=time)) == sigv4.EXPIRED
    narrow.ask(signed(made, time="20260921T141219Z", expires=61), "identity.read")


def test_its_secret_is_nowhere_in_the_store(house, made):
    house.store.close()
    place = Path(house.path)
    stored = b"".join(path.read_bytes() for path in place.parent.glob(place.name + "*"))
    assert made.id.encode() in stored
    assert made.secret_access_key.encode() not in stored


def test_who_may_not_make_tokens_makes_no_access_keys(desk, house):
    refused = desk.refusal(house.app, "token.create-access-key", principal="app")
    assert refused == "not-allowed"
    assert desk.refusal(house.admin, "token.create-access-key", principal="nobody") == "not-found"
