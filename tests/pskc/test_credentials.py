"""Which keys of a file can be credentials, and as what they are imported and exported."""

import pytest

from strongroom.domain import times
from strongroom.domain.otp.asks import CredentialView, ExportedCredential
from strongroom.domain.otp.credential import Hash, State, Type
from strongroom.domain.sensitive import Sensitive
from strongroom.pskc.credentials import NotImportableError, exported_key, import_item
from strongroom.pskc.keys import Device, Key, PINPolicy, PINUse, Policy, Usage
from strongroom.pskc.names import ALGORITHM

_NOW = times.microseconds("2026-06-01T12:00:00Z")
_EARLIER = times.microseconds("2026-05-01T12:00:00Z")
_LATER = times.microseconds("2026-07-01T12:00:00Z")
_SUITE = "OCRA-1:HOTP-SHA256-8:C-QN08"


def key(kind="totp", **what):
    secret = Sensitive(b"0123456789abcdefghij")
    return Key(**{"id": "K1", "algorithm": ALGORITHM + kind, "secret": secret} | what)


def test_a_time_based_key():
    item = import_item(
        key(interval=60, drift=-4, digits=8, suite="HMAC-SHA256", user="u",
            encoding="DECIMAL", device=Device(serial="S1", user="d")), _NOW
    )  # fmt: skip
    assert (item.type, item.algorithm, item.digits) == (Type.TOTP, Hash.SHA256, 8)
    assert (item.period, item.drift, item.counter) == (60, -4, 0)
    assert (item.serial, item.user) == ("S1", "u")
    assert item.secret == b"0123456789abcdefghij"


def test_what_a_file_does_not_say_is_as_in_the_standards():
    item = import_item(key(device=Device(user="d")), _NOW)
    assert (item.algorithm, item.digits, item.period) == (Hash.SHA1, 6, 30)
    assert (item.serial, item.user) == ("K1", "d")


def test_a_counter_based_key_and_a_challenge_one():
    assert import_item(key("hotp", counter=4_711), _NOW).counter == 4_711
    item = import_item(key("ocra", suite=_SUITE, counter=3, digits=8), _NOW)
    assert (item.type, item.suite, item.counter) == (Type.OCRA, _SUITE, 3)


def test_a_policy_that_allows_it():
    allowed = Policy(
        start_us=_EARLIER, expiry_us=_LATER, usages=(Usage.OTP,), pin=PINPolicy(use=PINUse.LOCAL)
    )
    assert import_item(key(policy=allowed), _NOW).serial == "K1"


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ({"algorithm": ALGORITHM + "pin"}, "PIN"),
        ({"algorithm": "urn:example:other"}, "algorithm"),
        ({"algorithm": ""}, "algorithm"),
        ({"secret": None}, "no secret"),
        ({"secret": None, "policy": Policy(understood=False)}, "no secret|rules"),
        ({"policy": Policy(understood=False)}, "rules"),
        ({"policy": Policy(expiry_us=_NOW)}, "expired"),
        ({"policy": Policy(start_us=_LATER)}, "yet"),
        ({"policy": Policy(usages=(Usage.UNLOCK,))}, "permit"),
        ({"policy": Policy(pin=PINPolicy(use=PINUse.APPEND))}, "PIN"),
        ({"policy": Policy(pin=PINPolicy())}, "PIN"),
        ({"policy": Policy(transactions_max=1)}, "number of times"),
        ({"encoding": "ALPHANUMERIC"}, "decimal"),
        ({"check_digits": True}, "decimal"),
        ({"suite": "HMAC-MD5"}, "suite"),
        ({"suite": "SHA1 "}, "suite"),
        ({"algorithm": ALGORITHM + "ocra", "suite": "OCRA-2"}, "OCRA"),
        ({"algorithm": ALGORITHM + "ocra", "suite": _SUITE, "digits": 6}, "differ"),
        ({"secret": Sensitive(b"marker")}, "bounds"),
        ({"digits": 9}, "bounds"),
        ({"interval": 5}, "bounds"),
        ({"drift": 100_000}, "bounds"),
        ({"device": Device(serial="märker")}, "bounds"),
        ({"user": "marker" * 1_000}, "bounds"),
    ],
)
def test_what_cannot_be_a_credential_is_told_why(what, why):
    with pytest.raises(NotImportableError, match=why) as caught:
        import_item(key(**what), _NOW)
    assert "marker" not in str(caught.value).lower()
    assert "märker" not in str(caught.value).lower()


def view(**what):
    fields = {
        "id": "otp-" + "a" * 26, "state": State.ACTIVE, "type": Type.TOTP, "algorithm": Hash.SHA1,
        "digits": 6, "period": 30, "suite": "", "serial": "",
    }  # fmt: skip
    others = {
        field: {"bool": False, "int": 0, "list": []}.get(str(kind).partition("[")[0], "")
        for field, kind in (
            (name, getattr(annotation, "__name__", str(annotation)))
            for name, annotation in CredentialView.__annotations__.items()
        )
    }
    return CredentialView(**others | fields | what)


@pytest.mark.parametrize(
    "what",
    [
        {},
        {"algorithm": Hash.SHA512, "digits": 8, "period": 60, "serial": "S 1"},
        {"type": Type.HOTP, "period": 0},
        {"type": Type.OCRA, "algorithm": Hash.SHA256, "digits": 8, "period": 0, "suite": _SUITE},
    ],
)
def test_what_is_exported_can_be_imported(what):
    shown = view(**what)
    exported = ExportedCredential(credential=shown, counter=12, drift=2, sealed=b"", info=b"")
    item = import_item(exported_key(exported, Sensitive(b"s" * 20), issuer="Bank"), _NOW)
    assert (item.type, item.secret, item.drift) == (shown.type, b"s" * 20, 2)
    assert item.serial == (shown.serial or shown.id)
    assert item.counter == (0 if shown.type is Type.TOTP else 12)
    if shown.type is Type.OCRA:
        assert item.suite == shown.suite
    else:
        assert (item.algorithm, item.digits) == (shown.algorithm, shown.digits)
    if shown.type is Type.TOTP:
        assert item.period == shown.period
