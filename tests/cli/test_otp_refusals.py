"""After a refusal about one-time passwords, what to do is about these, and about no key."""

import pytest

from strongroom.cli.exits import Exit
from strongroom.cli.failures import refused
from strongroom.client.problems import ProblemError
from tests.support.otp_people import code, line


def test_state_of_a_credential_is_looked_up_there(people):
    credential = people.counter()
    result = people.helpdesk("otp", "resume", credential)
    assert result.code == 6
    assert "strongroom otp show" in result.err
    assert "strongroom key" not in result.err


def test_rate_of_codes_is_the_namespaces(people, cli):
    credential = people.counter()
    cli.does("namespace", "update", "--otp-caller-rate", "1")
    results = [
        people.verifier("otp", "verify", credential, stdin=line(code(counter)))
        for counter in range(3)
    ]
    assert results[-1].code == 7
    assert "strongroom namespace show" in results[-1].err
    assert "strongroom key" not in results[-1].err
    assert "otp" in cli.does("namespace", "show")


@pytest.mark.parametrize("wire_code", ["key-not-usable", "rate-limited"])
def test_of_keys_the_advice_is_as_ever(wire_code):
    error = ProblemError(status=409, code=wire_code, detail="no")
    assert "strongroom key show" in refused(error, "key.encrypt", "demo", "x").advice
    assert refused(error, "key.encrypt", "demo", "x").exit in (Exit.CONFLICT, Exit.UNAVAILABLE)
