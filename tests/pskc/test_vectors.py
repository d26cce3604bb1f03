"""RFC 6030 figures and other documents (vectors/data/otp): those that open, those that do not."""

import json
from pathlib import Path

import pytest

from strongroom.domain.sensitive import Sensitive
from strongroom.pskc import errors, locks, reading

_DATA = Path(__file__).parent.parent / "vectors" / "data" / "otp"
_CASES = json.loads((_DATA / "rfc6030.json").read_text())["documents"]
# Our errors of each cause. A wrong key, MAC and padding are one.
_CAUSES = {
    "no key": errors.LockedError,
    "mac": errors.NotAuthenticError,
    "padding": errors.NotAuthenticError,
    "unwrap": errors.NotAuthenticError,
    "no mac": errors.UnprotectedError,
    "mac algorithm": errors.UnsupportedError,
    "prf": errors.UnsupportedError,
}
_ALL_ALIKE = {str(errors.NotAuthenticError(1)).partition(":")[2]}


def unlock(how):
    how = how or {}
    if "pre_shared_key_hex" in how:
        return locks.pre_shared_key(Sensitive(how["pre_shared_key_hex"].encode()))
    if "password" in how:
        return locks.Password(Sensitive(how["password"].encode()))
    if "private_key" in how:
        return locks.private_key(Sensitive((_DATA / how["private_key"]).read_bytes()))
    return None


def keys_of(case):
    with (_DATA / case["file"]).open("rb") as file:
        return list(reading.read(file, unlock(case["open_with"])))


def said(key):
    """A key as the vectors describe it: without what the document does not say."""
    described = {
        "id": key.id,
        "algorithm": key.algorithm,
        "issuer": key.issuer or None,
        "manufacturer": key.device.manufacturer or None,
        "serial": key.device.serial or None,
        "digits": key.digits,
        "encoding": key.encoding or None,
        "counter": key.counter,
        "period": key.interval,
        "time_drift": key.drift,
        "suite": key.suite or None,
        "secret_hex": key.secret and key.secret.reveal().hex(),
    }
    return {name: value for name, value in described.items() if value is not None}


def _wanted(entry):
    # "mac": "ok" says what happened, not what the key is.
    return {name: value for name, value in entry.items() if value is not None and name != "mac"}


def _named(case):
    return case["about"][:60]


def test_every_case_is_run():
    assert len(_CASES) == 39
    assert {case["file"] for case in _CASES} == {
        path.relative_to(_DATA).as_posix() for path in (_DATA / "pskc").glob("*.xml")
    }


@pytest.mark.parametrize("case", [case for case in _CASES if case["accept"]], ids=_named)
def test_a_document_says_what_its_author_says(case):
    assert [said(key) for key in keys_of(case)] == [_wanted(entry) for entry in case["keys"]]


@pytest.mark.parametrize("case", [case for case in _CASES if not case["accept"]], ids=_named)
def test_a_bad_document_is_refused_for_its_cause(case):
    with pytest.raises(errors.PSKCError) as caught:
        keys_of(case)
    cause = _CAUSES.get(case["refuse_reason"], errors.MalformedError)
    assert caught.type is cause
    if cause is errors.NotAuthenticError:
        assert str(caught.value).partition(":")[2] in _ALL_ALIKE
