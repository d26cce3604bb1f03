"""HOTP, TOTP, OCRA, otpauth URIs and exports against vectors from outside (data/otp/README.md)."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from strongroom.adapters.software.provider import SoftwareNamespace
from strongroom.domain.errors import InvalidRequest
from strongroom.domain.otp import migration, ocra, otpauth
from strongroom.domain.otp.credential import Hash, Type
from strongroom.domain.sensitive import Sensitive

_DATA = Path(__file__).parent / "data" / "otp"


def _load(name):
    return json.loads((_DATA / name).read_text())


_OCRA = _load("rfc6287.json")
_URIS = _load("otpauth-uri.json")["cases"]
_EXPORTS = _load("own-migration.json")["cases"]


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


# How a cause in the vectors is said in our messages.
_CAUSES = {
    "algorithm": "the algorithm", "control-character": "control characters",
    "counter": "the counter", "counter-missing": "needs a counter", "digits": "the digits",
    "duplicate-parameter": "a parameter twice", "fragment": "fragment", "issuer": "an issuer",
    "issuer-mismatch": "two issuers", "label": "a label", "percent-encoding": "percent-encoded",
    "period": "the period", "scheme": "begins with", "secret-base32": "is base32",
    "secret-length": "a length", "secret-missing": "needs a secret", "secret-padding": "a length",
    "secret-trailing-bits": "bits left over", "type": "the type", "utf-8": "UTF-8",
}  # fmt: skip


def told(read):
    """What was read, as the vectors say it."""
    parts = {
        "type": read.type, "account": read.account, "issuer": read.issuer or None,
        "secret_hex": read.secret.reveal().hex(), "algorithm": read.hash, "digits": read.digits,
    }  # fmt: skip
    timed = read.type is Type.TOTP
    assert (read.counter if timed else read.period) == 0
    return parts | ({"period": read.period} if timed else {"counter": read.counter})


@pytest.mark.parametrize("case", [c for c in _URIS if c["valid"]], ids=lambda case: case["id"])
def test_valid_uris_are_read_and_written_as_they_were(case):
    read = otpauth.parse(case["uri"])

    assert told(read) == case["expect"]
    assert told(otpauth.parse(otpauth.spell(read))) == case["expect"]


@pytest.mark.parametrize("case", [c for c in _URIS if not c["valid"]], ids=lambda case: case["id"])
def test_other_uris_are_refused_without_repeating_them(case):
    with pytest.raises(InvalidRequest) as refused:
        otpauth.parse(case["uri"])

    assert _CAUSES[case["reason"]] in refused.value.detail
    secret = case["uri"].partition("secret=")[2].partition("&")[0]
    assert not secret or secret not in refused.value.detail


@pytest.mark.parametrize("case", [c for c in _EXPORTS if c["valid"]], ids=lambda case: case["id"])
def test_exports_are_read(case):
    batch = migration.parse(case["uri"])

    assert [told(entry) for entry in batch.entries] == case["expect"]
    assert {"size": batch.size, "index": batch.index} == case["batch"]


@pytest.mark.parametrize(
    "case", [c for c in _EXPORTS if not c["valid"]], ids=lambda case: case["id"]
)
def test_other_exports_are_refused_and_the_entry_is_named(case):
    with pytest.raises(InvalidRequest) as refused:
        migration.parse(case["uri"])

    assert case["reason"] in refused.value.detail
    assert ("entry" in refused.value.detail) is ("entry" in case)
    assert "entry" not in case or refused.value.detail.startswith(f"entry {case['entry']} of")


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
