"""Lists of keys: what matches, page by page, over more keys than one call looks at."""

import asyncio
import itertools

import pytest

from strongroom.adapters.cedar import CedarEngine
from strongroom.adapters.sqlite.store import SQLiteStore
from strongroom.domain import limits
from strongroom.domain.times import DAY_US, rfc3339
from tests.support.desks import START_US, House, at_once

KEYS = {
    # name: algorithm, labels, description, what is done with it
    "alpha": ("aes-256-gcm", {"team": "pay"}, "Card numbers", ""),
    "beta": ("aes-256-gcm", {"team": "shop", "tier": ""}, "", "key.disable"),
    "delta": ("ed25519", {"team": "pay"}, "signs Invoices", ""),
    "epsilon": ("hmac-sha256", {}, "card TAGS", "key.deactivate"),
    "eta": ("rsa-2048", {"tier": "team"}, "", "key.mark-compromised"),
    "gamma": ("aes-256-gcm-raw", {"team": "pay=pal"}, "a=b", "key.schedule-destruction"),
}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("lists") / "store.db", dev=False)
    desk = made.desk()
    for name, (algorithm, labels, description, operation) in KEYS.items():
        fields = {"purpose": "sign-verify"} if algorithm == "rsa-2048" else {}
        desk.ask(
            made.admin, "key.create", name=name, algorithm=algorithm, labels=labels,
            description=description, **fields,
        )  # fmt: skip
        if operation:
            desk.ask(made.admin, operation, name)
    other = desk.ask(made.admin, "namespace.create", name="other").token
    desk.ask(other, "key.create", name="foreign", labels={"team": "pay"})
    yield made
    made.store.close()


@pytest.fixture
def desk(house):
    return house.desk()


def listed(desk, house, limit=100, **fields):
    """All names, and how many pages it took."""
    names, token, pages = [], "", 0
    while pages == 0 or token:
        page = desk.ask(house.admin, "key.list", limit=limit, page_token=token, **fields)
        assert len(page.keys) <= limit
        assert page.next_page_token == "" or page.next_page_token > token
        names += [key.name for key in page.keys]
        token, pages = page.next_page_token, pages + 1
    return names, pages


FILTERS = [
    ({}, "alpha beta delta epsilon eta gamma"),
    ({"state": "active"}, "alpha delta"),
    ({"state": "suspended"}, "beta"),
    ({"state": "deactivated"}, "epsilon"),
    ({"state": "compromised"}, "eta"),
    ({"state": "destruction-scheduled"}, "gamma"),
    ({"state": "destroyed"}, ""),
    ({"algorithm": "aes-256-gcm"}, "alpha beta"),
    ({"algorithm": "ed25519"}, "delta"),
    ({"algorithm": "ed448"}, ""),
    ({"purpose": "sign-verify"}, "delta eta"),
    ({"purpose": "encrypt-decrypt"}, "alpha beta gamma"),
    ({"purpose": "mac"}, "epsilon"),
    ({"label": "team"}, "alpha beta delta gamma"),
    ({"label": "team=pay"}, "alpha delta"),
    ({"label": "team=pay=pal"}, "gamma"),
    ({"label": "tier="}, "beta"),
    ({"label": "tier"}, "beta eta"),
    ({"label": "Team"}, ""),
    ({"label": "team=p"}, ""),
    ({"search": "eta"}, "beta eta"),
    ({"search": "ETA"}, "beta eta"),
    ({"search": "card"}, "alpha epsilon"),
    ({"search": "a=b"}, "gamma"),
    ({"search": "%"}, ""),
    ({"search": ".*"}, ""),
    ({"search": "foreign"}, ""),
    ({"label": "team", "state": "active"}, "alpha delta"),
    ({"label": "team=pay", "purpose": "sign-verify", "search": "invoice"}, "delta"),
    ({"label": "team=pay", "state": "suspended"}, ""),
]


@pytest.mark.parametrize(("conditions", "names"), FILTERS)
@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 1_000])
def test_a_list_has_the_keys_that_match_everything_and_no_other(
    desk, house, conditions, names, limit
):
    """Page by page, of any size, in the order of names."""
    found, pages = listed(desk, house, limit, **conditions)
    assert found == names.split()
    assert pages <= max(1, -(-len(found) // limit)) + 1


def test_a_list_without_conditions_ends_with_its_last_key(desk, house):
    for limit, pages in ((1, 6), (2, 3), (3, 2), (5, 2), (6, 1)):
        assert listed(desk, house, limit)[1] == pages


@pytest.mark.parametrize(
    "fields",
    [{"state": "gone"}, {"algorithm": "des"}, {"purpose": "fun"}, {"limit": 0}, {"limit": 1_001},
     {"label": "x" * 321}, {"search": "x" * 129}, {"page_token": "x" * 513}, {"unknown": 1}],
)  # fmt: skip
def test_what_is_no_condition_is_refused(desk, house, fields):
    assert desk.refusal(house.admin, "key.list", **fields) == "invalid-request"


def test_a_state_that_a_date_brings_is_found_before_anybody_wrote_it_down(house, tmp_path):
    other = House(tmp_path / "store.db", dev=False)
    desk = other.desk()
    first, last = START_US + DAY_US, START_US + 2 * DAY_US
    desk.ask(
        other.admin, "key.create", name="dated", activates=rfc3339(first),
        deactivates=rfc3339(last),
    )  # fmt: skip
    for now, state in (
        (first - 1, "pre-activation"), (first, "active"), (last - 1, "active"),
        (last, "deactivated"),
    ):  # fmt: skip
        other.clock.now = now
        for asked in ("pre-activation", "active", "deactivated"):
            found, _ = listed(desk, other, state=asked)
            assert found == (["dated"] if asked == state else [])
    other.store.close()
    assert house.clock.now == START_US


# --- more keys than one call looks at -------------------------------------------------------------

MANY = 5_200
RARE = {"k00000", "k00999", "k01000", "k04999", "k05000", "k05199"}


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("crowd") / "store.db", dev=False)
    made.store._db.execute("PRAGMA synchronous = OFF")  # a power cut is not the subject
    desk = made.desk(CedarEngine())
    for number in range(MANY):
        name = f"k{number:05}"
        labels = {"rare": "yes"} if name in RARE else {}
        desk.ask(made.admin, "key.create", name=name, labels=labels)
    yield made
    made.store.close()


class Counting:
    """A store that says how many records of a list were read."""

    def __init__(self, store):
        self._store, self.read = store, 0

    def __getattr__(self, name):
        return getattr(self._store, name)

    def page(self, *args):
        records = self._store.page(*args)
        self.read += len(records)
        return records


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_what_is_rare_is_found_among_many(crowd, limit):
    names, pages = listed(crowd.desk(), crowd, limit, label="rare=yes")
    assert names == sorted(RARE)
    assert pages <= len(RARE) + 2


def test_one_call_looks_at_a_bounded_number_of_keys_and_leads_on(crowd):
    counting = Counting(crowd.store)
    assert isinstance(crowd.store, SQLiteStore)
    desk = crowd.at(counting).desk()
    page = desk.ask(crowd.admin, "key.list", label="nowhere")
    assert (page.keys, page.next_page_token) == ([], f"k{limits.LIST_SCANNED_MAX - 1:05}")
    assert counting.read <= limits.LIST_SCANNED_MAX * 1.01
    page = desk.ask(crowd.admin, "key.list", label="nowhere", page_token=page.next_page_token)
    assert (page.keys, page.next_page_token) == ([], "")
    counting.read = 0
    desk.ask(crowd.admin, "key.list", limit=10)
    assert counting.read <= 11  # without conditions, no more than are shown


@pytest.mark.parametrize("limit", [999, 1_000])
def test_every_key_is_in_one_page_of_the_list(crowd, limit):
    names, pages = listed(crowd.desk(), crowd, limit)
    assert names == [f"k{number:05}" for number in range(MANY)]
    assert pages == -(-MANY // limit)
    conditions = itertools.product(({"state": "active"}, {"search": "k"}), (limit,))
    for condition, size in conditions:
        assert listed(crowd.desk(), crowd, size, **condition)[0] == names


def test_a_page_token_leads_on_from_a_name_whether_or_not_it_is_there(crowd):
    page = crowd.desk().ask(crowd.admin, "key.list", limit=2, page_token="k00010-gone")
    assert [key.name for key in page.keys] == ["k00011", "k00012"]
    page = crowd.desk().ask(crowd.admin, "key.list", limit=2, page_token="zzz")
    assert (page.keys, page.next_page_token) == ([], "")


def test_others_are_answered_while_one_looks_through_a_long_list(crowd):
    desk = crowd.desk()

    async def meanwhile():
        looking = asyncio.ensure_future(desk.replied(crowd.admin, "key.list", label="nowhere"))
        answered = 0
        while not looking.done():
            await desk.replied(crowd.admin, "key.read", "k00001")
            answered += 1
            await asyncio.sleep(0)
        await looking
        return answered

    assert at_once(meanwhile()) > 50
