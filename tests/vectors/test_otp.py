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


def _named(case):
    return f"{case['suite']} {case['q'][:20]}"


@pytest.mark.parametrize("case", list(_ocra_cases()), ids=_named)
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


_HOTP = _load("rfc4226.json")
_TOTP = _load("rfc6238.json")


@pytest.mark.parametrize("case", _HOTP["values"] + _HOTP["computed_here"]["values"], ids=str)
def test_hotp_values_are_those_of_the_rfc(case):
    one_time = opened(bytes.fromhex(_HOTP["secret"]["hex"]), Hash.SHA1)
    counter, digits = int(case["counter"]), case.get("digits", 6)

    assert one_time.code(counter, digits) == case["code"]
    assert one_time.matches(counter, 1, digits, case["code"]) == 0
    assert one_time.matches(counter - 2, 5, digits, case["code"]) == 2
    assert one_time.matches(counter + 1, 3, digits, case["code"]) == -1


def _step(case):
    return case["time"] // case.get("period", 30)


@pytest.mark.parametrize("case", _TOTP["values"] + _TOTP["computed_here"]["values"], ids=str)
def test_totp_values_are_those_of_the_rfc(case):
    secret = bytes.fromhex(_TOTP["secrets"][case["algorithm"]]["hex"])
    one_time = opened(secret, Hash(case["algorithm"]))

    assert one_time.matches(_step(case), 1, case.get("digits", 8), case["code"]) == 0


@pytest.mark.parametrize("case", _TOTP["must_not_match"]["values"], ids=str)
def test_codes_of_the_wrong_seed_are_wrong(case):
    secret = bytes.fromhex(_TOTP["secrets"][case["algorithm"]]["hex"])
    one_time = opened(secret, Hash(case["algorithm"]))

    assert one_time.matches(_step(case) - 1, 3, 8, case["code"]) == -1


@pytest.mark.parametrize(
    "code",
    [
        "", "75522", "7552244", " 755224", "755224 ", "75522\u0664",
        "\uff17\uff15\uff15\uff12\uff12\uff14", "+55224", "x" * 64,
    ],
)  # fmt: skip
def test_what_is_no_code_matches_nothing(code):
    one_time = opened(bytes.fromhex(_HOTP["secret"]["hex"]), Hash.SHA1)

    assert one_time.matches(0, 100, 6, code) == -1
