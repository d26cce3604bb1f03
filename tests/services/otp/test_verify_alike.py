"""To a verifier, everything that is not right is the same: the bytes, and the work for it."""

import asyncio
import dataclasses

import pytest

from strongroom.adapters.direct_ledger import DirectLedger
from strongroom.adapters.software.one_time import SoftwareOneTime
from strongroom.adapters.software.provider import SoftwareNamespace
from strongroom.domain.otp.credential import State, Type, spell
from strongroom.domain.otp.reasons import Reason
from tests.support.desks import at_once
from tests.support.otp import STEP_US, ledger_calls


@dataclasses.dataclass
class Case:
    """A credential that is not verified, and why."""

    reason: Reason
    name: str
    code: str


def cases(bank, code=None):
    """One for each reason that a single attempt can have."""
    code = code or bank.code()
    later = bank.clock.now + 10**12

    def credential(**fields):
        return bank.credential(**fields)

    used = credential(moved=bank.clock.now // STEP_US + 1)
    destroyed = credential()
    bank.change(destroyed, state=State.DESTROYED, secrets=())
    return [
        Case(Reason.UNKNOWN, "otp-" + "a" * 26, code),
        Case(Reason.UNKNOWN, "nonsense", code),
        Case(Reason.UNKNOWN, "otp-" + "z" * 26, code),  # not the spelling of any id
        Case(Reason.WRONG_CODE, credential(), "12345x"),
        Case(Reason.REPLAYED, used, code),
        Case(Reason.PENDING, credential(state=State.PENDING), code),
        Case(Reason.SUSPENDED, credential(state=State.SUSPENDED), code),
        Case(Reason.REVOKED, credential(state=State.REVOKED), code),
        Case(Reason.DESTROYED, destroyed, code),
        Case(Reason.LOCKED, credential(locked=True), code),
        Case(Reason.DELAYED, credential(delayed_us=later), code),
        Case(Reason.RATE, credential(rate_us=bank.clock.now + 60_000_000), code),
    ]


def test_the_answer_is_the_same_byte_for_byte(bank):
    found = {
        (reply.answer, reply.variant, reply.code, reply.detail)
        for case in cases(bank)
        for _, reply in [bank.desk.reply(bank.verifier, "otp.verify", case.name, code=case.code)]
    }
    assert len(found) == 1
    assert b"valid" in next(iter(found))[0]


def test_what_is_on_record_is_not(bank):
    for case in cases(bank):
        assert bank.why(case.name, case.code) == case.reason


def test_who_may_know_is_told(bank):
    token = bank.knows_reasons()
    for case in cases(bank):
        answer = bank.desk.ask(token, "otp.verify", case.name, code=case.code)
        assert (answer.valid, answer.reason) == (False, case.reason)
    good = bank.desk.ask(token, "otp.verify", bank.credential(), code=bank.code())
    assert (good.valid, good.reason) == (True, "")


def test_so_are_those_in_a_batch(bank):
    every = [case for case in cases(bank) if case.name != "nonsense"]
    items = [{"id": case.name, "code": case.code} for case in every]
    told = bank.desk.ask(bank.verifier, "otp.verify", items=items).items
    assert {(item.valid, item.reason) for item in told} == {(False, "")}
    words = [item.rpartition(":")[2] for item in bank.last("otp.verify")["items"]]
    assert words == [case.reason for case in every]


def test_the_ledger_is_asked_the_same(bank):
    """The same methods in the same order; one move of one row in each commit, of like size."""
    ledger, calls = ledger_calls(DirectLedger(bank.store))
    desk = bank.house.desk(ledger=ledger)
    every = cases(bank)
    for case in every:  # what is remembered is remembered
        bank.verify(case.name, "x", desk)
    shapes, sizes = set(), []
    for case in every:
        calls.clear()
        assert not bank.verify(case.name, case.code, desk)
        ((commit,),) = [asked for name, asked in calls if name == "commit"]
        (move,) = commit.moves
        shapes.add(
            (
                tuple(name for name, _ in calls),
                commit.erases,
                len(commit.facts),
                move.row.mac != b"",
            )
        )
        if case.reason is not Reason.DESTROYED:
            sizes.append(len(move.row.body))
    assert len(shapes) == 1
    assert next(iter(shapes))[0] == ("credentials", "commit")
    assert max(sizes) - min(sizes) < 32


def test_secrets_are_opened_and_windows_computed_whatever_hinders(bank, monkeypatch):
    """Counted where the work is done, in the provider: a decoy is opened as any secret is."""
    done = []
    _count(monkeypatch, done, SoftwareNamespace, "open_otp", lambda hash_, wrapped, binding: "open")
    _count(monkeypatch, done, SoftwareOneTime, "matches", lambda first, count, digits, code: count)
    for case in cases(bank):
        done.clear()
        bank.verify(case.name, case.code)
        assert done == ["open", 3], case.reason


def _count(monkeypatch, done, kind, method, what):
    real = getattr(kind, method)

    def counted(self, *given):
        done.append(what(*given))
        return real(self, *given)

    monkeypatch.setattr(kind, method, counted)


def test_a_right_code_has_no_effect_where_something_hinders(bank):
    """Not even that it was tried is told from the row."""
    for case in cases(bank):
        if case.reason in (Reason.UNKNOWN, Reason.WRONG_CODE, Reason.REPLAYED):
            continue
        before = bank.held(case.name)
        bank.verify(case.name, case.code)
        after = bank.held(case.name)
        assert (after.body, after.state) == (before.body, before.state), case.reason
        assert after.revision == before.revision + 1


def test_another_namespaces_credential_is_an_unknown_one(bank):
    made = bank.desk.ask(bank.admin, "namespace.create", name="other")
    bank.desk.ask(made.token, "principal.create", name="login", roles=["otp-verifier"])
    token = bank.desk.ask(made.token, "token.create", principal="login").token
    name = bank.credential()
    theirs = bank.desk.reply(token, "otp.verify", name, code=bank.code())[1]
    nobodys = bank.desk.reply(token, "otp.verify", "otp-" + "a" * 26, code=bank.code())[1]
    assert theirs == nobodys
    assert bank.verify(name, bank.code())


def test_decoys_are_few_and_no_credentials(bank):
    """However many ids are tried, the table does not grow with them; and nobody can name one."""
    before = _rows(bank)
    for number in range(300):
        bank.verify(
            "otp-"
            + f"{number:026}".translate(str.maketrans("01", "ab"))
            .replace("8", "a")
            .replace("9", "b"),
            "1",
        )
    assert 32 < _rows(bank) - before <= 64


def _rows(bank):
    ids = set()
    handle = bank.handle
    for number in range(64):
        decoy = handle.pseudonym("otp-decoy", bytes([number]))[:16]
        if bank.store.credentials(bank.house.first, [decoy])[0] is not None:
            ids.add(decoy)
    return len(ids)


def test_a_decoys_row_is_not_one_of_a_credential(bank):
    bank.verify("otp-" + "a" * 26, "1")
    for number in range(64):
        decoy = bank.handle.pseudonym("otp-decoy", bytes([number]))[:16]
        if bank.store.credentials(bank.house.first, [decoy])[0] is not None:
            assert bank.desk.refusal(bank.verifier, "otp.verify", spell(decoy), code="1") == (
                "tampered-record"
            )
            return
    raise AssertionError("there is no decoy")


def test_without_the_right_nothing_of_it_is_told(bank):
    for token in (bank.enroller, bank.helpdesk, bank.officer, bank.migrator, bank.house.app):
        for name in (bank.credential(), "otp-" + "a" * 26):
            assert bank.desk.refusal(token, "otp.verify", name, code=bank.code()) == "not-allowed"


def test_a_user_with_no_credential_is_like_one_with_a_wrong_code(bank):
    ledger, calls = ledger_calls(DirectLedger(bank.store))
    desk = bank.house.desk(ledger=ledger)
    bank.credential(user="alice")
    answers, shapes = set(), set()
    for user in ("alice", "nobody", "alice", "nobody"):
        calls.clear()
        _, reply = desk.reply(bank.verifier, "otp.verify-user", user=user, code="x")
        answers.add((reply.answer, reply.code))
        moves = [len(asked[0].moves) for name, asked in calls if name == "commit"]
        names = [name for name, _ in calls if name in ("credentials_of", "credentials", "commit")]
        shapes.add((tuple(names), tuple(moves)))
    assert len(answers) == len(shapes) == 1


def test_many_at_once_for_what_is_not_there_do_not_get_in_each_others_way(bank):
    async def all_at_once():
        return await asyncio.gather(
            *(
                bank.desk.replied(bank.verifier, "otp.verify", "otp-" + "a" * 26, code="1")
                for _ in range(50)
            )
        )

    assert {reply.answer for _, reply in at_once(all_at_once())}


@pytest.mark.parametrize(
    "fields", [{"challenge": 7}, {"transaction": {"amount": "1"}}, {"pin": b"1"}, {"session": b"1"}]
)
@pytest.mark.parametrize("type_", [Type.TOTP, Type.HOTP])
def test_a_code_that_answers_for_nothing_is_not_taken_for_a_transaction(bank, type_, fields):
    name = bank.credential(type=type_)
    assert bank.why(name, bank.code(), **fields) == Reason.CHALLENGE
    assert bank.held(name).body.failures == 0


@pytest.mark.parametrize("target", ["123456", "12345678", "alice", "otp-123456"])
def test_a_code_in_the_wrong_place_is_not_on_record(bank, target):
    assert not bank.verify(target, "1")
    assert bank.entries("otp.verify")[-1]["object"] == "otp/-"
