"""HOTP, TOTP, OCRA and otpauth URIs against vectors from outside (data/otp/README.md)."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from strongroom.adapters.software.provider import SoftwareNamespace
from strongroom.domain.errors import InvalidRequest
from strongroom.domain.otp import ocra, otpauth
from strongroom.domain.otp.credential import Hash
from strongroom.domain.sensitive import Sensitive

_DATA = Path(__file__).parent / "data" / "otp"


def _load(name):
    return json.loads((_DATA / name).read_text())


_OCRA = _load("rfc6287.json")
_URIS = _load("otpauth-uri.json")["cases"]


def opened(secret, hash_):
    """A secret as a custodian has it."""
    namespace = SoftwareNamespace(Sensitive(os.urandom(32)))
    return namespace.open_otp(hash_, namespace.import_otp(Sensitive(secret), b"here"), b"here")


def _ocra_cases():
    for group in _OCRA["groups"]:
        for value in group["values"]:
            yield {**{k: v for k, v in group.items() if k != "values"}, **value}
    yield from _OCRA["computed_here"]["values"]


def _inputs(case, suite):
    pin = b""
    if suite.pin is not None:
        pin = hashlib.new(suite.pin.lower(), case["pin"].encode()).digest()
    return ocra.OCRAInputs(
        counter=case.get("counter", 0), question=case["q"], pin=pin,
        time=case.get("time_steps", 0),
    )  # fmt: skip


@pytest.mark.parametrize(
    "case", _ocra_cases(), ids=lambda case: f"{case['suite']} {case['q'][:20]}"
)
def test_ocra_responses_are_those_of_the_rfc(case):
    suite = ocra.parse(case["suite"])
    key = bytes.fromhex(_OCRA["keys"][str(case["key_bytes"])]["hex"])
    inputs = _inputs(case, suite)
    one_time = opened(key, suite.hash)

    assert one_time.ocra(suite, inputs) == case["code"]
    assert one_time.ocra_matches(suite, [inputs], case["code"]) == 0
    if "data_input_sha256" in case:
        made = ocra.data_input(suite, inputs)
        assert hashlib.sha256(made).hexdigest() == case["data_input_sha256"]


@pytest.mark.parametrize("case", _OCRA["invalid_suites"]["values"], ids=lambda case: case["why"])
def test_ocra_suites_that_are_none_are_refused(case):
    with pytest.raises(InvalidRequest):
        ocra.parse(case["suite"])


@pytest.mark.parametrize("case", [c for c in _URIS if c["valid"]], ids=lambda case: case["id"])
def test_valid_uris_are_read_and_written_as_they_were(case):
    read = otpauth.parse(case["uri"])
    expect = case["expect"]

    assert (read.type, read.account, read.issuer or None) == (
        expect["type"], expect["account"], expect["issuer"],
    )  # fmt: skip
    assert read.secret.reveal().hex() == expect["secret_hex"]
    assert (read.hash, read.digits) == (Hash(expect["algorithm"]), expect["digits"])
    assert read.period == expect.get("period", 0)
    assert read.counter == expect.get("counter", 0)
    again = otpauth.parse(otpauth.spell(read))
    assert again.secret.reveal() == read.secret.reveal()
    for name in ("type", "account", "issuer", "hash", "digits", "period", "counter"):
        assert getattr(again, name) == getattr(read, name)


@pytest.mark.parametrize("case", [c for c in _URIS if not c["valid"]], ids=lambda case: case["id"])
def test_other_uris_are_refused_without_repeating_them(case):
    with pytest.raises(InvalidRequest) as refused:
        otpauth.parse(case["uri"])

    secret = case["uri"].partition("secret=")[2].partition("&")[0]
    assert not secret or secret not in refused.value.detail
