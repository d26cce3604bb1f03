"""A credential's life under attempts, against a plain reference.

Any order of right, old, future and wrong codes, over rival desks and at the same time, alone and in
batches, while the clock goes on and back, secrets rotate, and somebody suspends, resumes and
unlocks: what is accepted, what is counted and why is what a reference says that is written as
plainly as the rules are.
"""

import asyncio
import os
import tempfile
from fractions import Fraction
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.domain.calls import ANSWER_DECODERS
from strongroom.domain.otp.credential import State, Type
from strongroom.domain.otp.profile import Lockout
from tests.support.desks import at_once
from tests.support.otp import SECOND_US, STEP_US, Bank, hotp

ATTEMPTS, SECONDS = 6, 60  # the rate
LIMIT, DELAY, LONGEST, MOST = 3, 20, 100, 7
AHEAD, REACH, BELIEVED, RESYNC = 3, 1, 3, 8
CLOCKS = st.sampled_from([0, 1, 10, 29, 30, 31, 60, 61, 300, 3_600, -1, -30, -61, -3_600])
PLACES = st.integers(-3, 5)


class Slow(DirectLedger):
    """Lets rivals in between what it is asked."""

    async def commit(self, commit):
        await asyncio.sleep(0)
        return await super().commit(commit)


class World:
    """A bank for all runs: to make one takes longer than a run does."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.bank = Bank(Path(self.folder.name) / "store.db")
        self.desks = [self.bank.house.desk(ledger=Slow(self.bank.store)) for _ in range(3)]
        self.lockout = None

    def rules(self, lockout):
        if lockout is not self.lockout:
            self.lockout = lockout
            self.bank.profile(
                lockout=lockout, lock_limit=LIMIT, delay_seconds=DELAY, delay_max_seconds=LONGEST,
                failures_max=MOST, rate_attempts=ATTEMPTS, rate_seconds=SECONDS, look_ahead=AHEAD,
                drift_window=REACH, drift_limit=BELIEVED, resync_window=RESYNC,
            )  # fmt: skip


class Reference:
    """One credential, as the rules say it is. Secrets are told apart by their bytes."""

    def __init__(self, kind, lockout, secret):
        self.kind, self.lockout = kind, lockout
        self.state = "pending"
        self.next = {secret: 0}  # of each secret, the first place that is not used up
        self.drift = {secret: 0}
        self.order = [secret]
        self.grace = None
        self.failures, self.locked, self.delayed = 0, False, 0
        self.level, self.leaked = Fraction(0), None  # a bucket that leaks

    def attempt(self, code, now, *, proves=False):
        """The reason; empty if it is right."""
        hindered = self._hindered(now, proves=proves)
        if hindered:
            return hindered
        tried = self.order
        if proves or (self.grace is not None and now >= self.grace):
            tried = self.order[-1:]
        found = {secret: self._find(secret, code, now) for secret in tried}
        right = [
            secret
            for secret, place in found.items()
            if place is not None and place >= self.next[secret]
        ]
        if not right:
            self._fail(now)
            return "wrong-code" if all(place is None for place in found.values()) else "replayed"
        for secret in right:
            self.next[secret] = found[secret] + 1
            if self.kind is Type.TOTP:
                off = found[secret] - now // STEP_US
                self.drift[secret] = max(-BELIEVED, min(BELIEVED, off))
        if len(self.order) > 1 and self.order[-1] in right:
            self.order, self.grace = self.order[-1:], None
        self.failures, self.delayed = 0, 0
        if proves:
            self.state = "active"
        return ""

    def resync(self, first, second, now):
        if self._hindered(now, proves=True):
            return False
        late = self.grace is not None and now >= self.grace
        found = False
        for secret in self.order[-1:] if late else self.order:
            for place in self._far(secret, now):
                if place < self.next[secret] or place < 0:
                    continue
                if (hotp(secret, place), hotp(secret, place + 1)) == (first, second):
                    self.next[secret] = place + 2
                    if self.kind is Type.TOTP:
                        self.drift[secret] = place + 1 - now // STEP_US
                    found = True
                    break
        if found:
            self.failures, self.delayed = 0, 0
        else:
            self._fail(now)
        return found

    def _hindered(self, now, *, proves):
        if self.state == "suspended" or (self.state == "pending" and not proves):
            return self.state
        if self.locked:
            return "locked"
        if now < self.delayed:
            return "delayed"
        return "" if self._drips(now) else "rate"

    def _drips(self, now):
        rate = Fraction(ATTEMPTS, SECONDS * SECOND_US)
        if self.leaked is not None:
            # A clock that goes back makes the bucket no fuller than full, and no emptier.
            self.level = min(
                Fraction(ATTEMPTS), max(Fraction(0), self.level - (now - self.leaked) * rate)
            )
        self.leaked = now
        if self.level + 1 > ATTEMPTS:
            return False
        self.level += 1
        return True

    def _find(self, secret, code, now):
        if self.kind is Type.HOTP:
            places = range(self.next[secret], self.next[secret] + AHEAD + 1)
        else:
            middle = now // STEP_US + self.drift[secret]
            places = range(middle - REACH, middle + REACH + 1)
        return next((place for place in places if hotp(secret, place) == code), None)

    def _far(self, secret, now):
        if self.kind is Type.HOTP:
            return range(self.next[secret], self.next[secret] + RESYNC + 1)
        middle = now // STEP_US
        return range(middle - BELIEVED - 1, middle + BELIEVED)

    def _fail(self, now):
        self.failures += 1
        if self.failures >= MOST or (self.lockout is Lockout.LOCK and self.failures >= LIMIT):
            self.locked = True
        if self.lockout is Lockout.DELAY and self.failures >= LIMIT:
            self.delayed = now + min(LONGEST, DELAY * 2 ** (self.failures - LIMIT)) * SECOND_US


world = World()


class Life(RuleBasedStateMachine):
    """See the head of this module."""

    @initialize(
        kind=st.sampled_from([Type.TOTP, Type.HOTP]), lockout=st.sampled_from(list(Lockout))
    )
    def begin(self, kind, lockout):
        world.rules(lockout)
        self.bank = world.bank
        self.bank.store._db.execute("PRAGMA synchronous = OFF")  # a power cut is not the subject
        self.secret = os.urandom(20)
        self.name = self.bank.credential(self.secret, type=kind, state=State.PENDING, proved=False)
        self.reference = Reference(kind, lockout, self.secret)

    @property
    def now(self):
        return self.bank.clock.now

    def code(self, place, *, newest=True):
        """A code near where one would be right."""
        reference = self.reference
        secret = reference.order[-1 if newest else 0]
        if reference.kind is Type.HOTP:
            return hotp(secret, max(0, reference.next[secret] + place))
        return hotp(secret, max(0, self.now // STEP_US + reference.drift[secret] + place))

    @rule(desk=st.integers(0, 2), newest=st.booleans(), place=PLACES)
    def verify(self, desk, newest, place):
        code = self.code(place, newest=newest)
        expected = self.reference.attempt(code, self.now)
        assert self.bank.verify(self.name, code, world.desks[desk]) is (expected == "")
        assert self.bank.last("otp.verify").get("reason", "") == expected

    @rule(desk=st.integers(0, 2))
    def guess(self, desk):
        expected = self.reference.attempt("12345x", self.now)
        assert expected != ""
        assert not self.bank.verify(self.name, "12345x", world.desks[desk])
        assert self.bank.last("otp.verify")["reason"] == expected

    @rule(place=PLACES)
    def activate(self, place):
        code = self.code(place)
        desk, ask = world.desks[0], (self.bank.enroller, "otp.activate", self.name)
        if self.reference.state == "active" and self.proved():
            assert desk.refusal(*ask, code=code) == "key-not-usable"
            return
        expected = self.reference.attempt(code, self.now, proves=True)
        assert desk.ask(*ask, code=code).active is (expected == "")

    def proved(self):
        return self.bank.held(self.name).body.newest.proved

    @rule(newest=st.booleans(), places=st.lists(PLACES, min_size=2, max_size=6))
    def race(self, newest, places):
        """Some codes at the same time at rival desks: as many are right as one after the other.

        Which of them comes first is nobody's to say; so they are all the same code.
        """
        code = self.code(places[0], newest=newest)
        expected = [self.reference.attempt(code, self.now) for _ in places]

        async def at_the_same_time():
            return await asyncio.gather(
                *(
                    world.desks[number % 3].replied(
                        self.bank.verifier, "otp.verify", self.name, code=code
                    )
                    for number in range(len(places))
                )
            )

        replies = at_once(at_the_same_time())
        found = [
            ANSWER_DECODERS["otp.verify"][reply.variant].decode(reply.answer).valid
            for _, reply in replies
        ]
        assert sum(found) == expected.count("") <= 1

    @rule(newest=st.booleans(), places=st.lists(PLACES, min_size=1, max_size=5))
    def batch(self, newest, places):
        items = [{"id": self.name, "code": self.code(place, newest=newest)} for place in places]
        expected = [self.reference.attempt(item["code"], self.now) for item in items]
        told = world.desks[0].ask(self.bank.verifier, "otp.verify", items=items).items
        assert [item.valid for item in told] == [reason == "" for reason in expected]
        words = [item.partition(":")[2] for item in self.bank.last("otp.verify")["items"]]
        assert words == [reason or "valid" for reason in expected]

    @rule(newest=st.booleans(), place=st.integers(-2, 8), apart=st.integers(0, 2))
    def resync(self, newest, place, apart):
        first, second = self.code(place, newest=newest), self.code(place + apart, newest=newest)
        expected = self.reference.resync(first, second, self.now)
        told = world.desks[1].ask(
            self.bank.helpdesk, "otp.resync", self.name, first=first, second=second
        )
        assert told.resynced is expected

    @rule(seconds=CLOCKS)
    def time_goes(self, seconds):
        self.bank.pass_(seconds)

    @precondition(lambda self: self.reference.state == "active" and len(self.reference.order) == 1)
    @rule()
    def rotate(self):
        new = os.urandom(20)
        self.bank.rotate(self.name, new, grace_s=300)
        self.reference.order.append(new)
        self.reference.next[new] = self.reference.drift[new] = 0
        self.reference.grace = self.now + 300 * SECOND_US

    @precondition(lambda self: self.reference.state == "active")
    @rule()
    def suspend(self):
        self.bank.change(self.name, state=State.SUSPENDED)
        self.reference.state = "suspended"

    @precondition(lambda self: self.reference.state == "suspended")
    @rule()
    def resume(self):
        self.bank.change(self.name, state=State.ACTIVE)
        self.reference.state = "active"

    @rule()
    def unlock(self):
        self.bank.change(self.name, failures=0, delayed_us=0, locked=False)
        self.reference.failures, self.reference.delayed, self.reference.locked = 0, 0, False

    @invariant()
    def they_agree(self):
        if not hasattr(self, "reference"):
            return
        held, reference = self.bank.held(self.name), self.reference
        body = held.body
        assert held.state == reference.state
        assert (body.failures, body.locked) == (reference.failures, reference.locked)
        assert body.delayed_us == reference.delayed
        assert [one.moved for one in body.secrets] == [
            reference.next[one] for one in reference.order
        ]
        assert [one.drift for one in body.secrets] == [
            reference.drift[one] for one in reference.order
        ]


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=120, stateful_step_count=30, deadline=None)
