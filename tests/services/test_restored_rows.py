"""Somebody puts back an older row, with the MAC that it had: genuine, and out of date.

What a custodian at work makes of it; that a node does not begin with such a row is in
`test_standing.py`. `docs/design/LIMITATIONS.md` speaks of it in words.
"""

import apsw
import pytest

from tests.support.desks import House
from tests.support.rows import INSERT, SELECT


@pytest.fixture
def house(tmp_path):
    made = furnished(tmp_path / "store.db")
    yield made
    made.db.close()
    made.store.close()


def furnished(path):
    made = House(path)
    # The store's own library: another one in the same process would undo its locks.
    made.db = apsw.Connection(made.path)
    return made


def rows(house):
    return house.db.execute(SELECT).fetchall()


def put_back(house, old, kind):
    with house.db as db:
        for row in old:
            if row[0] == kind:
                db.execute(INSERT.replace("INSERT", "REPLACE"), row)


def revoke_token(house, desk):
    desk.ask(house.admin, "token.revoke", desk.ask(house.app, "identity.read").token)


CHANGES = {
    "k": lambda house, desk: desk.ask(house.admin, "key.disable", "demo"),
    "t": revoke_token,
    "p": lambda house, desk: desk.ask(house.admin, "principal.update", "app", disabled=True),
    "o": lambda house, desk: desk.ask(
        house.admin,
        "policy.write",
        "stop",
        text='forbid (principal, action == Action::"key.encrypt", resource);',
    ),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_custodian_that_has_seen_the_newer_row_does_not_go_back(house, kind):
    old, desk = rows(house), house.desk()
    CHANGES[kind](house, desk)
    code = desk.refusal(house.app, "key.encrypt", "demo", plaintext=b"x")
    assert code
    put_back(house, old, kind)
    assert desk.refusal(house.app, "key.encrypt", "demo", plaintext=b"x") == code


def test_the_change_itself_stays_on_record(house):
    old = rows(house)
    request, _ = house.desk().reply(house.admin, "key.disable", "demo")
    put_back(house, old, "k")
    (entry,) = house.desk().ask(house.admin, "audit.read", request=request).events
    assert (entry.action, entry.object, entry.details["state"]) == (
        "key.disable",
        "key/demo",
        "suspended",
    )


def test_a_key_put_back_to_before_its_rotation_cannot_be_rotated_over_the_newer_version(house):
    old, desk = rows(house), house.desk()
    desk.ask(house.admin, "key.rotate", "demo")
    sealed = desk.ask(house.app, "key.encrypt", "demo", plaintext=b"x").ciphertext
    put_back(house, old, "k")
    fresh = house.desk()
    assert fresh.refusal(house.admin, "key.rotate", "demo") == "changed-meanwhile"
    assert fresh.ask(house.app, "key.decrypt", ciphertext=sealed).plaintext == b"x"


def test_an_older_row_of_another_deployment_is_refused(house, tmp_path):
    other = furnished(tmp_path / "other.db")
    foreign = rows(other)
    other.db.close()
    other.store.close()
    with house.db as db:
        db.execute("DELETE FROM records WHERE kind = 'k'")
        for row in foreign:
            if row[0] == "k":
                moved = (*row[:2], house.first, *row[3:])
                db.execute(INSERT, moved)
    assert (
        house.desk().refusal(house.app, "key.encrypt", "demo", plaintext=b"x") == "tampered-record"
    )
