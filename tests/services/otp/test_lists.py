"""Lists of credentials: what a filter means, page by page, and what somebody should see to."""

import os

import msgspec
import pytest

from strongroom.domain import limits
from strongroom.domain.otp.credential import Body, Hash, State, Type, parse, spell
from strongroom.domain.times import rfc3339
from strongroom.ports.store import Move
from strongroom.services.otp.rows import pseudonym
from tests.support.otp import SECOND_US, Bank

DAY_S = 86_400


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """A bank with one of each, by name."""
    bank = Bank(tmp_path_factory.mktemp("lists") / "store.db")
    bank.profile("strict", remind_days=10)
    now_s = bank.clock.now // SECOND_US
    bank.names = {
        "plain": bank.credential(),
        "hers": bank.credential(user="bob", serial="B-7"),
        "counter": bank.credential(type=Type.HOTP, imported=True),
        "ocra": bank.credential(type=Type.OCRA, suite="OCRA-1:HOTP-SHA1-6:QN08"),
        "strict": bank.credential(profile="strict", rotates_s=now_s + 10 * DAY_S),
        "not due": bank.credential(profile="strict", rotates_s=now_s + 10 * DAY_S + 1),
        "locked": bank.credential(locked=True),
        "old": bank.credential(created_s=now_s - DAY_S),
        "handed over": bank.credential(state=State.PENDING, proved=False),
        "unfetched": bank.enrol("carol").credential.id,
        "suspended": bank.credential(state=State.SUSPENDED, user="bob"),
        "rotating": bank.credential(new=b"n" * 20),
        "revoked": bank.credential(state=State.REVOKED, locked=True, rotates_s=1),
        "destroyed": bank.credential(),
    }
    bank.change(bank.names["destroyed"], state=State.DESTROYED, secrets=())
    yield bank
    bank.store.close()


def listed(bank, limit=100, who="helpdesk", **fields):
    """All ids, and how many pages it took."""
    found, token, pages = [], "", 0
    while not pages or token:
        page = bank.desk.ask(
            getattr(bank, who), "otp.list", limit=limit, page_token=token, **fields
        )
        assert len(page.items) <= limit
        found += page.items
        token, pages = page.next_page_token, pages + 1
    assert [view.id for view in found] == sorted({view.id for view in found}, key=parse)
    return [view.id for view in found], pages


def named(bank, *names):
    return sorted((bank.names[name] for name in names), key=parse)


FILTERS = [
    ({"user": "bob"}, ["hers", "suspended"]),
    ({"user": "bob", "state": "active"}, ["hers"]),
    ({"user": "nobody"}, []),
    ({"state": "suspended"}, ["suspended"]),
    ({"state": "pending"}, ["handed over", "unfetched"]),
    ({"state": "destroyed"}, ["destroyed"]),
    ({"type": "hotp"}, ["counter"]),
    ({"type": "ocra"}, ["ocra"]),
    ({"profile": "strict"}, ["strict", "not due"]),
    ({"serial": "B-7"}, ["hers"]),
    ({"imported": True}, ["counter"]),
    ({"locked": True}, ["locked", "revoked"]),
    ({"locked": True, "state": "active"}, ["locked"]),
    ({"reminder": "locked"}, ["locked"]),  # of a revoked one, nobody has to see to anything
    ({"reminder": "rotation-due"}, ["strict"]),
    ({"reminder": "not-fetched"}, ["unfetched"]),
    ({"reminder": "not-proved"}, ["handed over", "rotating"]),
    ({"created_before": "2026-09-21T14:13:20Z"}, ["old"]),
    ({"created_before": "2026-09-21T14:13:19Z", "created_after": "2026-09-20T14:13:20Z"}, ["old"]),
    ({"created_before": "2026-09-21T14:13:19Z", "created_after": "2026-09-20T14:13:21Z"}, []),
]


@pytest.mark.parametrize(("fields", "names"), FILTERS)
def test_a_filter_finds_what_it_means_and_nothing_else(town, fields, names):
    assert listed(town, **fields) == (named(town, *names), 1)


def test_default_is_the_profile_of_those_that_name_none(town):
    found, _ = listed(town, profile="default")
    assert found == named(town, *(set(town.names) - {"strict", "not due"}))


def test_without_a_filter_all_are_listed_and_no_decoy(town):
    assert not town.verify("otp-" + "a" * 26, "123456")
    assert listed(town) == (named(town, *town.names), 1)
    assert town.last("otp.list") == {"count": len(town.names)}


@pytest.mark.parametrize("limit", [1, 3, len(FILTERS), 14])
def test_pages_together_are_the_list(town, limit):
    found, pages = listed(town, limit=limit)
    assert found == named(town, *town.names)
    assert pages == -(-len(town.names) // limit)
    assert listed(town, limit=1, user="bob") == (named(town, "hers", "suspended"), 2)


def test_reading_one_says_the_same_as_the_list(town):
    page = town.desk.ask(town.helpdesk, "otp.list")
    for view in page.items:
        assert town.desk.ask(town.helpdesk, "otp.read", view.id) == view


def test_a_view_has_nothing_secret(town):
    page = town.desk.ask(town.helpdesk, "otp.list")
    text = msgspec.json.encode(page)
    for view in page.items:
        body = town.held(view.id).body
        assert all(secret.wrapped.hex().encode() not in text for secret in body.secrets)
        assert view.subject == pseudonym(town.handle, _user(town, view.id)).hex()
    assert not {"secret", "secrets", "key", "link", "user"} & set(page.items[0].__struct_fields__)


def _user(town, name):
    users = {"hers": "bob", "suspended": "bob", "unfetched": "carol"}
    (known,) = (short for short, one in town.names.items() if one == name)
    return users.get(known, "alice")


@pytest.mark.parametrize(
    "fields",
    [
        {"limit": 0},
        {"limit": limits.PAGE_ITEMS_MAX + 1},
        {"page_token": "nonsense"},
        {"page_token": "otp-" + "a" * 25},
        {"page_token": "otp-" + "A" * 26},
        {"state": "asleep"},
        {"type": "motp"},
        {"reminder": "everything"},
        {"created_before": "yesterday"},
        {"created_after": "2026-09-21"},
        {"nonsense": 1},
        {"user": ""},
    ],
)
def test_what_is_malformed_is_refused(town, fields):
    assert town.desk.refusal(town.helpdesk, "otp.list", **fields) == "invalid-request"


def test_anothers_are_not_listed(town):
    foreign = town.desk.ask(town.admin, "namespace.create", name="other").token
    town.desk.ask(foreign, "principal.create", name="helpdesk", roles=["otp-helpdesk"])
    helpdesk = town.desk.ask(foreign, "token.create", principal="helpdesk").token
    for fields in ({}, {"user": "alice"}, {"page_token": "otp-" + "a" * 26}):
        assert town.desk.ask(helpdesk, "otp.list", **fields).items == []


def test_an_edited_row_is_not_listed_but_refused(bank):
    name = bank.credential()
    (row,) = bank.store.credentials(bank.house.first, [parse(name)])
    bank.keep(Move(msgspec.structs.replace(row, state="pending"), row.revision))
    assert bank.desk.refusal(bank.helpdesk, "otp.list") == "tampered-record"
    assert bank.desk.refusal(bank.helpdesk, "otp.read", name) == "tampered-record"


def test_a_page_looks_at_a_bounded_number_and_the_next_one_goes_on(bank):
    created_s = bank.clock.now // SECOND_US
    body = Body(Type.TOTP, Hash.SHA1, 6, 30, created_s, ())
    rare = msgspec.structs.replace(body, serial="rare")
    ids = sorted(os.urandom(16) for _ in range(limits.LIST_SCANNED_MAX + 200))
    bank.keep(
        *(
            bank.rows.new(
                one, namespace=bank.house.first, user=b"u" * 16, state=State.REVOKED,
                body=rare if one in (ids[0], ids[-1]) else body,
            )
            for one in ids
        )
    )  # fmt: skip
    first = bank.desk.ask(bank.helpdesk, "otp.list", serial="rare")
    assert [view.id for view in first.items] == [spell(ids[0])]
    assert first.next_page_token == spell(ids[limits.LIST_SCANNED_MAX - 1])
    second = bank.desk.ask(
        bank.helpdesk, "otp.list", serial="rare", page_token=first.next_page_token
    )
    assert [view.id for view in second.items] == [spell(ids[-1])]
    assert second.next_page_token == ""


def test_a_time_between_is_shown_as_it_is(bank):
    grace_us = bank.clock.now + 60 * SECOND_US
    name = bank.credential(new=b"n" * 20, grace_us=grace_us)
    view = bank.desk.ask(bank.helpdesk, "otp.read", name)
    assert (view.rotating, view.grace_ends) == (True, rfc3339(grace_us))
    bank.pass_(60)
    view = bank.desk.ask(bank.helpdesk, "otp.read", name)
    assert (view.rotating, view.grace_ends) == (False, "")
