"""Jobs: the same done to all that a filter finds, once each; paused, paced, cut off, ended."""

import asyncio
import os

import pytest
from msgspec.structs import replace

from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.domain.errors import Unavailable
from strongroom.domain.otp.credential import CredentialRow, State, Type, spell
from strongroom.domain.records import Kind, Ref
from strongroom.ports.store import Move, Write
from tests.support.desks import Refused, at_once
from tests.support.otp import SECOND_US, ledger_calls

STEWARD = "strongroom:steward"


def create(bank, action, **fields):
    """A job's id."""
    if "filter" not in fields:
        fields["all"] = True
    return bank.desk.ask(bank.officer, "otp.create-job", action=action, **fields).id


def read(bank, job):
    return bank.desk.ask(bank.officer, "otp.read-job", job)


def update(bank, job, **fields):
    return bank.desk.ask(bank.officer, "otp.update-job", job, **fields)


def done(bank, job):
    """What the job says when it has come to its end."""
    bank.desk.attend()
    view = read(bank, job)
    assert (view.state, view.progress) == ("done", 100)
    return view


def counted(view):
    return view.looked_at, view.done, view.skipped


def states(bank, names):
    return [bank.held(name).state for name in names]


def generations(bank, names):
    return [bank.held(name).body.newest.generation for name in names]


# --- what they do ---------------------------------------------------------------------------------


def test_each_credential_is_changed_once_and_on_record_for_itself(bank):
    names = [bank.credential() for _ in range(5)]
    job = create(bank, "suspend", description="stolen phones")
    assert counted(done(bank, job)) == (5, 5, 0)
    assert set(states(bank, names)) == {State.SUSPENDED}
    entries = bank.entries("otp.suspend")
    assert sorted(one["object"] for one in entries) == sorted(f"otp/{name}" for name in names)
    assert {one["principal"] for one in entries} == {STEWARD}
    assert all(one["details"] == {"job": job} for one in entries)
    last = bank.last("otp.finish-job")
    assert last == {"action": "suspend", "job": job, "looked_at": 5, "done": 5, "skipped": 0}


def test_those_in_a_state_in_which_it_cannot_be_done_are_passed_over(bank):
    names = [bank.credential(state=state) for state in State]
    view = done(bank, create(bank, "suspend"))
    assert counted(view) == (5, 2, 3)
    kept = [State.SUSPENDED, State.SUSPENDED, State.SUSPENDED, State.REVOKED, State.DESTROYED]
    assert states(bank, names) == kept


def test_what_was_suspended_is_resumed_to_what_it_was(bank):
    proved, unproved = bank.credential(), bank.credential(state=State.PENDING, proved=False)
    done(bank, create(bank, "suspend"))
    done(bank, create(bank, "resume", filter={"state": "suspended"}))
    assert states(bank, [proved, unproved]) == [State.ACTIVE, State.PENDING]


def test_a_revocation_and_a_destruction_say_what_ended_them_and_a_destruction_erases(bank):
    name = bank.credential()
    (secret,) = bank.held(name).body.secrets
    assert secret.wrapped in bank.files()
    done(bank, create(bank, "revoke"))
    assert bank.last("otp.revoke")["generations"] == 1
    done(bank, create(bank, "destroy"))
    body = bank.held(name).body
    (ended,) = bank.entries("otp.destroy")
    assert (body.secrets, body.ended_by) == ((), ended["request"])
    assert secret.wrapped not in bank.files()


def test_only_those_are_meant_that_the_filter_finds(bank):
    meant = bank.credential(type=Type.HOTP, period=0, serial="A-1")
    others = [bank.credential(type=Type.HOTP, period=0), bank.credential(serial="A-1")]
    view = done(bank, create(bank, "suspend", filter={"type": "hotp", "serial": "A-1"}))
    assert counted(view) == (3, 1, 0)
    assert states(bank, [meant, *others]) == [State.SUSPENDED, State.ACTIVE, State.ACTIVE]


def test_the_user_of_a_filter_is_kept_as_a_pseudonym(bank):
    meant, other = bank.credential(user="alice@bank.example"), bank.credential(user="bob")
    job = create(bank, "suspend", filter={"user": "alice@bank.example"})
    assert done(bank, job).filter.user != "alice@bank.example"
    assert states(bank, [meant, other]) == [State.SUSPENDED, State.ACTIVE]
    assert b"alice@bank.example" not in bank.files()
    assert bank.last("otp.create-job")["filter"] == ["user"]


def test_a_filter_that_was_forgotten_is_refused(bank):
    refused = bank.desk.refusal(bank.officer, "otp.create-job", action="destroy")
    both = bank.desk.refusal(
        bank.officer, "otp.create-job", action="destroy", filter={"serial": "A"}, all=True
    )
    assert (refused, both) == ("invalid-request", "invalid-request")
    assert bank.desk.attend() == 0


# --- rotation of a population ---------------------------------------------------------------------


def test_a_rotation_lets_both_work_and_waits_for_a_link(bank):
    bank.profile(grace_seconds=3_600)
    name = bank.credential()
    done(bank, create(bank, "rotate"))
    view = bank.desk.ask(bank.helpdesk, "otp.read", name)
    assert (view.generation, view.rotating, view.reminders) == (2, True, ["not-fetched"])
    assert view.link_expires == ""
    assert bank.verify(name, bank.code())
    details = bank.last("otp.rotate")
    assert (details["generation"], details["delivery"]) == (2, "later")
    assert details["grace_ends"] == view.grace_ends


def test_a_secret_that_was_to_follow_before_the_job_is_replaced_too(bank):
    name = bank.credential(new=os.urandom(20), grace_us=bank.clock.now + 3_600 * SECOND_US)
    (_, given_up) = bank.held(name).body.secrets
    done(bank, create(bank, "rotate"))
    assert [secret.generation for secret in bank.held(name).body.secrets] == [1, 3]
    assert given_up.wrapped not in bank.files()


def test_one_that_was_rotated_since_the_job_began_is_passed_over(bank):
    name = bank.credential()
    job = create(bank, "rotate")
    bank.desk.ask(bank.enroller, "otp.rotate", name, delivery="later")
    assert counted(done(bank, job)) == (1, 0, 1)
    assert generations(bank, [name]) == [2]


def test_one_that_was_enrolled_since_the_job_began_is_passed_over_an_imported_one_is_not(bank):
    bank.pass_(0.5)
    job = create(bank, "rotate")
    bank.pass_(1)
    names = [bank.credential(), bank.credential(imported=True)]
    assert counted(done(bank, job)) == (2, 1, 1)
    assert generations(bank, names) == [1, 2]


def test_pending_ones_get_their_new_secret_by_their_link(bank):
    name = bank.credential(state=State.PENDING, proved=False)
    assert counted(done(bank, create(bank, "rotate"))) == (1, 0, 1)
    assert generations(bank, [name]) == [1]


# --- pace -----------------------------------------------------------------------------------------


def pass_and_attend(bank, seconds):
    """Let time pass as a custodian lives through it: each 50 ms it looks."""
    for _ in range(int(seconds * 20)):
        bank.pass_(0.05)
        bank.desk.attend()


def test_the_pace_is_kept(bank):
    for _ in range(70):
        bank.credential()
    job = create(bank, "suspend", per_second=20)
    bank.desk.attend()
    for second in (1, 2, 3):
        pass_and_attend(bank, 1)
        assert 20 * second <= read(bank, job).done <= 20 * second * 1.2 + 5


def test_the_pace_is_of_those_that_are_meant(bank):
    for _ in range(60):
        bank.credential()
    for _ in range(4):
        bank.credential(serial="A-1")
    job = create(bank, "suspend", filter={"serial": "A-1"}, per_second=4)
    bank.desk.attend()
    pass_and_attend(bank, 1.1)
    assert read(bank, job).done == 4


def test_another_pace_holds_at_once(bank):
    for _ in range(30):
        bank.credential()
    job = create(bank, "suspend", per_second=1)
    bank.desk.attend()
    assert read(bank, job).done == 1
    update(bank, job, per_second=0)
    bank.desk.attend()
    assert read(bank, job).done == 30


def test_a_custodian_rests_no_longer_than_until_the_next_step(bank):
    for _ in range(30):
        bank.credential()
    create(bank, "suspend", per_second=40)

    async def watched():
        watch = asyncio.ensure_future(bank.desk.duties.watch())
        for _ in range(60):
            await asyncio.sleep(0.01)
            bank.clock.now += 10_000
        watch.cancel()

    at_once(watched())
    assert 20 <= len(bank.entries("otp.suspend")) <= 30


# --- paused, ended --------------------------------------------------------------------------------


def test_a_paused_job_does_nothing_and_goes_on_where_it_was(bank):
    names = [bank.credential() for _ in range(6)]
    job = create(bank, "suspend", per_second=4)
    bank.desk.attend()
    update(bank, job, state="paused")
    bank.pass_(3_600)
    assert bank.desk.attend() == 0
    assert states(bank, names).count(State.SUSPENDED) == 1
    update(bank, job, state="running", per_second=0)
    assert counted(done(bank, job)) == (6, 6, 0)
    assert len(bank.entries("otp.suspend")) == 6


def test_a_cancelled_job_stays_so(bank):
    names = [bank.credential() for _ in range(6)]
    job = create(bank, "suspend", per_second=4)
    bank.desk.attend()
    view = update(bank, job, state="cancelled")
    assert view.ended
    bank.pass_(3_600)
    assert bank.desk.attend() == 0
    assert states(bank, names).count(State.SUSPENDED) == 1
    with pytest.raises(Refused, match="the job is cancelled") as refused:
        update(bank, job, state="running")
    assert refused.value.code == "key-not-usable"


def test_done_is_what_only_a_job_says(bank):
    job = create(bank, "suspend", per_second=1)
    assert bank.desk.refusal(bank.officer, "otp.update-job", job, state="done") == "invalid-request"


def test_who_pauses_it_in_the_middle_of_a_step_stops_the_step(bank):
    names = [bank.credential() for _ in range(60)]
    job = create(bank, "suspend")

    class Pausing(DirectLedger):
        commits = 0

        async def commit(self, commit):
            Pausing.commits += 1
            if Pausing.commits == 30:
                call = bank.desk.replied(bank.officer, "otp.update-job", job, state="paused")
                _, reply = await call
                assert not reply.code
            return await super().commit(commit)

    other = bank.house.desk(ledger=Pausing(bank.store))
    other.attend()
    # Those whose commits were on their way when it was paused were refused.
    assert states(bank, names).count(State.SUSPENDED) == 29
    update(bank, job, state="running")
    assert counted(done(bank, job))[0] == 60
    assert len(bank.entries("otp.suspend")) == 60


def test_who_has_a_new_secret_of_the_job_gets_no_other_though_it_was_paused_in_that_step(bank):
    """They may have it in their phones long before the job goes on."""
    names = [bank.credential() for _ in range(40)]
    bank.rotate(names[0], b"n" * 20)
    job = create(bank, "rotate")

    class Pausing(DirectLedger):
        commits = 0

        async def commit(self, commit):
            Pausing.commits += 1
            if Pausing.commits == 30:
                call = bank.desk.replied(bank.officer, "otp.update-job", job, state="paused")
                _, reply = await call
                assert not reply.code
            return await super().commit(commit)

    bank.house.desk(ledger=Pausing(bank.store)).attend()
    before = {name: bank.held(name).body.newest for name in names}
    new = [name for name in names if bank.held(name).body.renewed_us]
    assert len(new) == 29
    # One of them has proved it, and has no other any more.
    bank.change(new[0], secrets=(replace(before[new[0]], proved=True),), grace_us=0)
    before[new[0]] = bank.held(new[0]).body.newest
    bank.profile(grace_seconds=60 * 86_400)
    update(bank, job, state="running")
    done(bank, job)
    assert all(bank.held(name).body.newest == before[name] for name in new)
    assert all(bank.held(name).body.renewed_us for name in names)


# --- cut off, at once -----------------------------------------------------------------------------


class Breaking(DirectLedger):
    """Fails from a commit on; that one may have been kept."""

    def __init__(self, store, left, *, kept):
        super().__init__(store)
        self.left = left
        self._kept = kept

    async def commit(self, commit):
        self.left -= 1
        if self.left > 0:
            return await super().commit(commit)
        if not self.left and self._kept:
            await super().commit(commit)
        raise Unavailable


@pytest.mark.parametrize("kept", [False, True], ids=["lost", "kept"])
@pytest.mark.parametrize("action", ["suspend", "rotate", "destroy"])
def test_cut_off_at_any_commit_it_goes_on_and_does_nothing_twice(bank, action, kept):
    for nth in range(1, 8):
        names = [bank.credential(serial=f"A-{nth}") for _ in range(5)]
        job = create(bank, action, filter={"serial": f"A-{nth}"})
        before = len(bank.entries(f"otp.{action}"))
        broken = bank.house.desk(ledger=Breaking(bank.store, nth, kept=kept))
        if nth < 7:  # five changes, and the job's own record
            with pytest.raises(Unavailable):
                broken.attend()
        # Who comes next knows only what is in the store.
        bank.desk = bank.house.desk()
        view = done(bank, job)
        assert view.done + view.skipped == 5
        entries = [one["object"] for one in bank.entries(f"otp.{action}")][before:]
        assert sorted(entries) == sorted(f"otp/{name}" for name in names)
        if action == "rotate":
            assert generations(bank, names) == [2] * 5


def test_two_custodians_at_once_change_each_credential_once(bank):
    names = [bank.credential() for _ in range(50)]
    job = create(bank, "rotate")
    desks = [bank.house.desk() for _ in range(2)]

    async def both():
        return await asyncio.gather(*(desk.duties.turn() for desk in desks))

    at_once(both())
    done(bank, job)
    assert generations(bank, names) == [2] * 50
    assert len(bank.entries("otp.rotate")) == 50


def test_a_population_of_several_pages_is_changed_whole(bank):
    body = bank.held(bank.credential()).body
    bank.keep(
        *(
            bank.rows.new(
                os.urandom(16), namespace=bank.house.first, user=b"", state=State.ACTIVE, body=body
            )
            for _ in range(450)
        )
    )
    assert counted(done(bank, create(bank, "suspend"))) == (451, 451, 0)


# --- edited rows ----------------------------------------------------------------------------------


def test_an_edited_row_is_passed_over_and_the_others_are_changed(bank):
    names = [bank.credential() for _ in range(4)]
    held = bank.held(names[0])
    edited = CredentialRow(
        held.id, held.namespace, held.user, held.revision + 1, "active", 0, b"edited", b"0" * 16
    )
    bank.keep(Move(edited, held.revision))
    assert counted(done(bank, create(bank, "suspend"))) == (4, 3, 1)
    assert states(bank, names[1:]) == [State.SUSPENDED] * 3


def test_an_edited_job_is_left_alone_and_others_go_on(bank):
    names = [bank.credential() for _ in range(4)]
    bad = create(bank, "destroy")
    ref = Ref(Kind.OTP_JOB, bytes.fromhex(bad))
    (record,) = bank.store.load([ref])
    good = create(bank, "suspend")
    bank.keep(writes=(Write(replace(record, mac=b"0" * 32, revision=2), 1, 1),))
    done(bank, good)
    assert set(states(bank, names)) == {State.SUSPENDED}
    assert bank.desk.refusal(bank.officer, "otp.read-job", bad) == "tampered-record"


# --- shown ----------------------------------------------------------------------------------------


def test_jobs_are_listed_by_age_page_by_page(bank):
    jobs = []
    for number in range(5):
        bank.pass_(1)
        jobs.append(create(bank, "suspend", per_second=1, description=f"job {number}"))
    found, token = [], ""
    while not found or token:
        page = bank.desk.ask(bank.officer, "otp.list-jobs", limit=2, page_token=token)
        found += [view.id for view in page.items]
        token = page.next_page_token
    assert found == jobs


def test_a_job_says_how_far_it_has_come(bank):
    for _ in range(40):
        bank.credential()
    job = create(bank, "suspend", per_second=40)
    seen = []
    while (view := read(bank, job)).state == "running":
        seen.append(view.progress)
        bank.pass_(0.25)
        bank.desk.attend()
    assert seen == sorted(seen)
    assert len(set(seen)) > 2
    assert view.progress == 100
    assert view.ended


def test_a_job_that_is_not_there_is_not_found(bank):
    for name in ("0" * 32, "x", spell(b"1" * 16)):
        assert bank.desk.refusal(bank.officer, "otp.read-job", name) == "not-found"


def test_between_jobs_nothing_is_written(bank):
    bank.credential()
    done(bank, create(bank, "suspend"))
    ledger, size = DirectLedger(bank.store), bank.store.tree.size
    remembering, calls = ledger_calls(ledger)
    bank.house.desk(ledger=remembering).attend()
    assert bank.store.tree.size == size
    assert "commit" not in [name for name, _ in calls]


def test_an_action_that_there_is_not_is_refused(bank):
    refused = bank.desk.refusal(bank.officer, "otp.create-job", action="unlock", all=True)
    assert refused == "invalid-request"
