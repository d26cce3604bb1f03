"""What a policy forbids for one credential is forbidden in a batch, too."""

import pytest

from strongroom.adapters.cedar import CedarPolicies
from strongroom.domain.otp.credential import spell
from tests.support.otp import SECRET


@pytest.fixture
def forbidden(bank):
    """A credential that nobody may verify, whatever role they have."""
    name = bank.credential()
    text = f"""forbid (
        principal, action == Action::"otp.verify", resource == Credential::"{name}"
    );"""
    bank.desk.ask(bank.admin, "policy.write", "not-this-one", text=text)
    return name


def batch(bank, *names, code=None):
    return {"items": [{"id": name, "code": code or bank.code()} for name in names]}


def test_alone_it_is_refused(bank, forbidden):
    code = bank.desk.refusal(bank.verifier, "otp.verify", forbidden, code=bank.code())
    assert code == "not-allowed"


def test_in_a_batch_it_is_refused_and_nothing_of_the_batch_is_weighed(bank, forbidden):
    other = bank.credential(user="bob")
    for names in ((forbidden,), (other, forbidden), (forbidden, other)):
        asked = batch(bank, *names)
        assert bank.desk.refusal(bank.verifier, "otp.verify", **asked) == "not-allowed"
    entry = bank.entries("otp.verify")[-1]
    assert (entry["outcome"], entry["object"]) == ("refused", f"otp/{forbidden}")
    assert bank.held(other).revision == bank.held(forbidden).revision == 1


def test_others_are_verified_together(bank, forbidden):
    names = [bank.credential(user="bob"), bank.credential(SECRET + b"2", user="carol")]
    asked = batch(bank, *names, spell(b"?" * 16))
    items = bank.desk.ask(bank.verifier, "otp.verify", **asked).items
    assert [item.valid for item in items] == [True, False, False]
    assert bank.entries("otp.verify")[-1]["object"] == "otp/"


def test_where_no_policy_looks_at_credentials_a_batch_is_one_question(bank, monkeypatch):
    text = 'forbid (principal, action, resource) unless { context.source == "127.0.0.1" };'
    bank.desk.ask(bank.admin, "policy.write", "from-here", text=text)
    asked = []
    weigh = CedarPolicies.weigh

    def counted(self, question):
        asked.append(question.object)
        return weigh(self, question)

    monkeypatch.setattr(CedarPolicies, "weigh", counted)
    bank.desk.ask(bank.verifier, "otp.verify", **batch(bank, *[bank.credential()] * 9, code="x"))
    # And another one: whether the caller is told why.
    assert asked == ["", "default"]
