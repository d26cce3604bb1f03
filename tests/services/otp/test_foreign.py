"""Another namespace's credential is none, even to those who have every duty in their own."""

import msgspec
import pytest

from strongroom.domain.calls import ANSWER_DECODERS
from strongroom.domain.otp.credential import State
from strongroom.domain.records import Kind
from tests.support.otp import ROLES, SECRET, Bank

MISSING = "otp-" + "a" * 26

# Who asks, and with what.
ASKS = {
    "read": ("helpdesk", {}),
    "verify": ("verifier", {}),
    "activate": ("enroller", {}),
    "resync": ("helpdesk", {"first": "123456", "second": "123457"}),
    "challenge": ("verifier", {}),
    "compute": ("verifier", {}),
    "rotate": ("enroller", {}),
    "link": ("enroller", {}),
    "suspend": ("helpdesk", {}),
    "resume": ("helpdesk", {}),
    "unlock": ("helpdesk", {}),
    "revoke": ("officer", {}),
    "destroy": ("officer", {}),
}
SHOWS = 'permit (principal == Principal::"verifier", action == Action::"otp.compute", resource);'


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """A bank, and the tokens of another namespace."""
    bank = Bank(tmp_path_factory.mktemp("foreign") / "store.db")
    manager = bank.desk.ask(bank.admin, "namespace.create", name="other").token
    bank.desk.ask(manager, "policy.write", "compute", text=SHOWS)
    bank.theirs = {}
    for role in ROLES:
        bank.desk.ask(manager, "principal.create", name=role, roles=[f"otp-{role}"])
        bank.theirs[role] = bank.desk.ask(manager, "token.create", principal=role).token
    yield bank
    bank.store.close()


@pytest.mark.parametrize("operation", ASKS)
@pytest.mark.parametrize("state", [State.ACTIVE, State.PENDING, State.SUSPENDED])
def test_who_has_the_right_elsewhere_cannot_tell_it_from_nothing(town, operation, state):
    who, fields = ASKS[operation]
    name = town.credential(state=state, proved=state is not State.PENDING)
    held = town.held(name)
    if operation in {"verify", "activate"}:
        fields = {"code": town.code()}  # the right one
    told = [
        town.desk.reply(town.theirs[who], f"otp.{operation}", one, **fields)[1]
        for one in (name, MISSING)
    ]
    assert told[0].code != "not-allowed"
    if operation == "challenge":
        # A question is asked for both: each another one, of the same form.
        told = [_without_what_is_random(reply) for reply in told]
    assert msgspec.msgpack.encode(told[0]) == msgspec.msgpack.encode(told[1])
    assert town.held(name) == held


def _without_what_is_random(reply):
    view = ANSWER_DECODERS["otp.challenge"][reply.variant].decode(reply.answer)
    assert view.question.isdigit()
    return (len(view.question), view.suite, view.expires)


def test_nor_in_a_batch_nor_by_its_user(town):
    name = town.credential()
    items = [{"id": one, "code": town.code()} for one in (name, MISSING)]
    answer = town.desk.ask(town.theirs["verifier"], "otp.verify", items=items)
    assert [item.valid for item in answer.items] == [False, False]
    asked = {"user": "alice", "code": town.code()}
    assert not town.desk.ask(town.theirs["verifier"], "otp.verify-user", **asked).valid
    assert town.held(name).revision == 1
    assert town.verify(name, town.code())


def test_the_same_user_is_another_pseudonym_there(town):
    mine = town.desk.ask(town.enroller, "otp.enrol", user="zoe").credential
    theirs = town.desk.ask(town.theirs["enroller"], "otp.enrol", user="zoe").credential
    assert mine.subject != theirs.subject


def test_a_row_that_was_put_into_the_other_namespace_does_not_open(town):
    """Who edits the database, and asks with the other namespace's rights."""
    name = town.credential(SECRET)
    other = town.store.find(Kind.NAMESPACE, b"", "other").id
    database = town.store._db
    database.execute(
        "UPDATE credentials SET namespace = ? WHERE id = ?", (other, town.held(name).id)
    )
    assert database.changes() == 1
    refusal = town.desk.refusal(town.theirs["verifier"], "otp.verify", name, code=town.code())
    assert refusal == "tampered-record"
