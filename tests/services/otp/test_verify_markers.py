"""Codes, PINs, sessions, transactions and secrets are in no entry, file, error or answer."""

import logging
from pathlib import Path

from strongroom.domain.otp.credential import State, Type
from tests.services.test_markers import spellings
from tests.support.otp import hotp

SECRET = b"MARKER-otp-secret-01"
NEW = b"MARKER-otp-secret-02"
# What comes with an attempt is not looked at, whatever it is.
CODE = "MARKER-code-{}"
FIELDS = {
    "pin": b"MARKER-pin", "session": b"MARKER-session",
    "transaction": {"MARKER-name": "MARKER-amount"},
}  # fmt: skip


def test_nothing_secret_is_kept_or_told(bank, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    said, codes = everything(bank)

    assert len(bank.entries("otp.verify")) > 40
    texts = [repr(entry) for entry in bank.entries()] + said
    texts += [record.getMessage() for record in caplog.records] + list(capfd.readouterr())
    for text in texts:
        assert "MARKER" not in text
    for entry in bank.entries():
        assert not any(code in _values(entry.get("details", {})) for code in codes)
    stored = b"".join(
        path.read_bytes() for path in Path(bank.house.path).parent.iterdir() if path.is_file()
    )
    for secret in (SECRET, NEW, b"MARKER-code", b"MARKER-pin", b"MARKER-session", b"MARKER-amount"):
        for form, spelt in spellings(secret).items():
            assert spelt not in stored, form
    assert b"MARKER-user" not in stored


def everything(bank):
    """Ask for all that takes codes. What was answered, and the right codes among them."""
    said = []

    def ask(token, operation, target="", **fields):
        _, reply = bank.desk.reply(token, operation, target, **fields)
        said.append(repr(reply))

    informed = bank.knows_reasons()
    names = [
        bank.credential(SECRET), bank.credential(SECRET, type=Type.HOTP),
        bank.credential(SECRET, new=NEW), bank.credential(SECRET, state=State.SUSPENDED),
        "otp-" + "a" * 26,
    ]  # fmt: skip
    pending = bank.credential(SECRET, state=State.PENDING, proved=False)
    number = 0
    for name in names:
        for token in (bank.verifier, informed, bank.helpdesk):
            for fields in ({}, FIELDS):
                number += 1
                ask(token, "otp.verify", name, code=CODE.format(number), **fields)
    codes = [bank.code(secret=SECRET), bank.code(secret=NEW), hotp(SECRET, 0), hotp(SECRET, 5)]
    for name in names:
        for code in codes:
            ask(bank.verifier, "otp.verify", name, code=code)
    items = [{"id": name, "code": CODE.format("item"), **FIELDS} for name in names]
    ask(bank.verifier, "otp.verify", items=items)
    ask(bank.verifier, "otp.verify-user", user="MARKER-user", code=CODE.format("user"))
    ask(bank.verifier, "otp.verify-user", user="alice", code=CODE.format("user"), **FIELDS)
    ask(bank.verifier, "otp.verify", CODE.format("as-a-target"), code=CODE.format("one"))
    ask(bank.verifier, "otp.verify", names[0], code=CODE.format("x" * 100))
    ask(bank.enroller, "otp.activate", pending, code=CODE.format("activate"))
    ask(bank.enroller, "otp.activate", pending, code=codes[0])
    ask(bank.helpdesk, "otp.resync", names[1], first=CODE.format("1"), second=CODE.format("2"))
    ask(bank.helpdesk, "otp.resync", names[1], first=hotp(SECRET, 9), second=hotp(SECRET, 10))
    ask(bank.verifier, "otp.challenge", names[0], transaction=FIELDS["transaction"])
    ask(bank.verifier, "otp.challenge", names[4], transaction=FIELDS["transaction"])
    return said, [*codes, hotp(SECRET, 9), hotp(SECRET, 10)]


def _values(details):
    """All texts in an entry's details, but ids, in which any six digits may stand."""
    return [
        str(part)
        for value in details.values()
        for item in (value if isinstance(value, list) else [value])
        for part in str(item).split(":")
    ]
