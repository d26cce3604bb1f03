"""Many at once, over several desks: one acceptance, and no more guesses than are allowed."""

import asyncio

import pytest

from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.domain.calls import ANSWER_DECODERS
from strongroom.domain.otp.credential import State, Type, spell
from strongroom.services.otp.turns import Turns
from tests.support.desks import at_once
from tests.support.otp import SECRET, hotp


class Slow(DirectLedger):
    """A ledger that lets others in between what is asked of it, as one behind a wire does."""

    async def credentials(self, namespace, ids):
        rows = await super().credentials(namespace, ids)
        await asyncio.sleep(0)
        return rows

    async def commit(self, commit):
        await asyncio.sleep(0)
        return await super().commit(commit)


@pytest.fixture
def desks(bank):
    return [bank.house.desk(ledger=Slow(bank.store)) for _ in range(4)]


def answers(replies, operation="otp.verify"):
    return [
        ANSWER_DECODERS[operation][reply.variant].decode(reply.answer)
        for _, reply in replies
        if not reply.code
    ]


async def at_the_same_time(desks, asks):
    """Each of the asks at one of the desks, in turns."""
    return await asyncio.gather(
        *(
            desks[number % len(desks)].replied(*ask, **fields)
            for number, (ask, fields) in enumerate(asks)
        )
    )


@pytest.mark.parametrize("type_", [Type.TOTP, Type.HOTP])
def test_a_thousand_submissions_of_a_right_code_are_one_acceptance(bank, desks, type_):
    bank.profile(rate_attempts=1_000, rate_seconds=1, lock_limit=100)
    name = bank.credential(type=type_)
    code = bank.code() if type_ is Type.TOTP else hotp(SECRET, 3)
    ask = ((bank.verifier, "otp.verify", name), {"code": code})
    replies = at_once(at_the_same_time(desks, [ask] * 1_000))
    found = [answer.valid for answer in answers(replies)]
    assert found.count(True) == 1
    # Whoever lost too often is told that nothing is known: that is no acceptance.
    assert {reply.code for _, reply in replies} <= {"", "unavailable"}
    results = [entry["details"]["result"] for entry in bank.entries("otp.verify")]
    assert results.count("valid") == 1


def test_of_many_guesses_at_once_no_more_than_allowed_are_weighed(bank, desks):
    bank.profile(rate_attempts=1_000, rate_seconds=1, lock_limit=5)
    name = bank.credential()
    asks = [((bank.verifier, "otp.verify", name), {"code": f"{number}x"}) for number in range(400)]
    asks.append(((bank.verifier, "otp.verify", name), {"code": bank.code()}))
    replies = at_once(at_the_same_time(desks, asks))
    assert not any(answer.valid for answer in answers(replies))
    reasons = [entry["details"]["reason"] for entry in bank.entries("otp.verify")]
    assert reasons.count("wrong-code") == 5
    assert set(reasons) == {"wrong-code", "delayed"}
    assert bank.held(name).body.failures == 5


def test_batches_single_ones_and_users_race_for_the_same_code(bank, desks):
    bank.profile(rate_attempts=1_000, rate_seconds=1, lock_limit=100)
    name = bank.credential()
    others = [bank.credential(SECRET + bytes([number]), user="bob") for number in range(3)]
    code = bank.code()
    asks = []
    for number in range(60):
        items = [{"id": one, "code": code} for one in (*others[: number % 3], name)]
        asks += [
            ((bank.verifier, "otp.verify", name), {"code": code}),
            ((bank.verifier, "otp.verify"), {"items": items}),
            ((bank.verifier, "otp.verify-user"), {"user": "alice", "code": code}),
        ]
    replies = at_once(at_the_same_time(desks, asks))
    single, batch, user = (replies[first::3] for first in range(3))
    accepted = sum(answer.valid for answer in answers(single))
    accepted += sum(
        item.valid for answer in answers(batch) for item in answer.items if item.id == name
    )
    accepted += sum(answer.valid for answer in answers(user, "otp.verify-user"))
    assert accepted == 1


def test_one_is_activated_once(bank, desks):
    bank.profile(rate_attempts=1_000, rate_seconds=1, lock_limit=100)
    name = bank.credential(state=State.PENDING, proved=False)
    ask = ((bank.enroller, "otp.activate", name), {"code": bank.code()})
    replies = at_once(at_the_same_time(desks, [ask] * 50))
    assert [answer.active for answer in answers(replies, "otp.activate")].count(True) == 1
    assert {reply.code for _, reply in replies} <= {"", "key-not-usable", "unavailable"}


def test_one_that_is_stopped_meanwhile_is_not_right_any_more(bank):
    """It is suspended between the reading and the commit of a right code."""

    class Between(DirectLedger):
        async def commit(self, commit):
            if commit.entry.action == "otp.verify" and bank.held(name).state is State.ACTIVE:
                bank.change(name, state=State.SUSPENDED)
            return await super().commit(commit)

    name = bank.credential()
    desk = bank.house.desk(ledger=Between(bank.store))
    assert not bank.verify(name, bank.code(), desk)
    assert bank.last("otp.verify") == {"result": "failed", "reason": "suspended"}


def test_a_profile_that_was_changed_meanwhile_holds(bank):
    """The decision stands on it: the window is closed between the reading and the commit."""
    changed = []

    class Between(DirectLedger):
        async def commit(self, commit):
            if commit.entry.action == "otp.verify" and not changed:
                changed.append(True)
                bank.profile(drift_window=0)
            return await super().commit(commit)

    name = bank.credential()
    desk = bank.house.desk(ledger=Between(bank.store))
    assert not bank.verify(name, bank.code(1), desk)


def test_who_loses_every_race_is_told_that_nothing_is_known(bank):
    """Not that the code is wrong; and nothing of it is on record as an outcome."""

    class Between(DirectLedger):
        async def commit(self, commit):
            if commit.entry.action == "otp.verify":
                bank.change(name)
            return await super().commit(commit)

    name = bank.credential()
    desk = bank.house.desk(ledger=Between(bank.store))
    assert desk.refusal(bank.verifier, "otp.verify", name, code=bank.code()) == "unavailable"
    assert bank.entries("otp.verify") == []
    assert bank.verify(name, bank.code())


def test_batches_in_any_order_do_not_wait_for_each_other(bank):
    names = [bank.credential(SECRET + bytes([number])) for number in range(6)]
    desk = bank.house.desk(ledger=Slow(bank.store))

    def items(order):
        return [
            {"id": one, "code": bank.code(secret=SECRET + bytes([names.index(one)]))}
            for one in order
        ]

    orders = [names, names[::-1], names[::2], names[1::2] + names[::2]]
    asks = [((bank.verifier, "otp.verify"), {"items": items(order)}) for order in orders * 5]
    replies = at_once(asyncio.wait_for(at_the_same_time([desk], asks), 20))
    accepted = [item.id for answer in answers(replies) for item in answer.items if item.valid]
    assert sorted(accepted) == sorted(names)


def test_a_pseudonym_in_the_place_of_an_id_keeps_nobody_waiting(bank):
    """Who knows a user's pseudonym spells it as an id, beside that of the user's credential."""
    names = [bank.credential(SECRET + bytes([number])) for number in range(4)]
    items = [{"id": one, "code": "1"} for one in (*names, spell(bank.held(names[0]).user))]
    desk = bank.house.desk(ledger=Slow(bank.store))
    asks = [
        ((bank.verifier, "otp.verify"), {"items": items}),
        ((bank.verifier, "otp.verify-user"), {"user": "alice", "code": "1"}),
    ]
    replies = at_once(asyncio.wait_for(at_the_same_time([desk], asks * 10), 20))
    assert {reply.code for _, reply in replies} == {""}


def test_who_gives_up_waiting_for_a_turn_leaves_it_to_the_others():
    async def story():
        turns, seen = Turns(), []

        async def take(number, ids):
            async with turns.of(ids):
                seen.append(number)
                await asyncio.sleep(0.01)

        first = asyncio.create_task(take(1, [b"a", b"b"]))
        await asyncio.sleep(0)
        gone = asyncio.create_task(take(2, [b"b", b"a", b"c"]))
        last = asyncio.create_task(take(3, [b"b"]))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(first, gone, last, return_exceptions=True)
        assert seen == [1, 3]
        assert turns._taken == {}

    at_once(story())


def test_a_turn_that_is_given_to_who_just_gave_up_goes_on_to_the_next():
    async def story():
        turns, seen = Turns(), []

        async def take(number):
            async with turns.of([b"a"]):
                seen.append(number)

        async with turns.of([b"a"]):
            gone, last = asyncio.create_task(take(1)), asyncio.create_task(take(2))
            await asyncio.sleep(0)
        gone.cancel()  # after it was given the turn, before it could take it
        late = asyncio.create_task(take(3))
        await asyncio.gather(gone, last, late, return_exceptions=True)
        assert gone.cancelled()
        assert seen == [2, 3]
        assert turns._taken == {}

    at_once(story())
