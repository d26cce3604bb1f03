"""The RFCs' vectors, imported and verified by the API: each code is right at its place, and once.

A question of OCRA is the server's to ask: for RFC 6287 it is put where the API would have put it.
"""

import hashlib
import json
import re
from itertools import groupby
from pathlib import Path

import pytest

from strongroom.domain.otp.credential import Challenge, Type
from tests.support.otp import SECOND_US, Bank

_VECTORS = Path(__file__).parents[2] / "vectors" / "data" / "otp"


def vectors(name):
    return json.loads((_VECTORS / name).read_text())


def imported(bank, number, secret, **item):
    """A credential, made by the API of a secret from elsewhere; of another user each time."""
    item |= {"secret": secret, "user": f"user-{number}"}
    (made,) = bank.desk.ask(bank.migrator, "otp.import", items=[item]).items
    assert made.created
    return made.id


def once(bank, name, code, **fields):
    assert bank.verify(name, code, **fields)
    assert not bank.verify(name, code, **fields)


def test_rfc_4226(bank):
    bank.profile(look_ahead=0)
    told = vectors("rfc4226.json")
    secret = bytes.fromhex(told["secret"]["hex"])
    values = [(value["counter"], told["digits"], value["code"]) for value in told["values"]]
    values += [
        (int(value["counter"]), value["digits"], value["code"])
        for value in told["computed_here"]["values"]
        if int(value["counter"]) < 2**64 - 1  # which could not be followed by any
    ]
    assert len(values) > 25
    for number, (counter, digits, code) in enumerate(values):
        if counter < 2**63:
            name = imported(bank, number, secret, type="hotp", counter=counter, digits=digits)
        else:  # further than the API lets anybody import
            name = bank.credential(secret, type=Type.HOTP, moved=counter, digits=digits)
        once(bank, name, code)


def test_rfc_4226_in_a_row(bank):
    """As a device is used: one after the other, of one credential."""
    told = vectors("rfc4226.json")
    name = imported(bank, 0, bytes.fromhex(told["secret"]["hex"]), type="hotp", counter=0)
    for value in told["values"]:
        bank.pass_(60)
        once(bank, name, value["code"])


def _time(value):
    return value["time"]


def test_rfc_6238(tmp_path):
    told = vectors("rfc6238.json")
    right = [value | {"right": True} for value in told["values"] + told["computed_here"]["values"]]
    wrong = [value | {"right": False} for value in told["must_not_match"]["values"]]
    assert (len(right), len(wrong)) == (34, 12)
    for number, (time_s, values) in enumerate(groupby(sorted(right + wrong, key=_time), key=_time)):
        bank = Bank(tmp_path / f"{number}.db", now_us=time_s * SECOND_US)
        bank.profile(drift_window=0)
        made = []
        for value in values:
            secret = bytes.fromhex(told["secrets"][value["algorithm"]]["hex"])
            name = imported(
                bank, len(made), secret, algorithm=value["algorithm"],
                digits=value.get("digits", told["digits"]),
                period=value.get("period", told["period"]),
            )  # fmt: skip
            made.append(name)
            if value["right"]:
                once(bank, name, value["code"])
            else:
                assert not bank.verify(name, value["code"])
        bank.store.close()


def _ocra():
    told = vectors("rfc6287.json")
    for group in [
        *told["groups"],
        *({"values": [one]} | one for one in told["computed_here"]["values"]),
    ]:
        for value in group["values"]:
            yield group | value


def test_rfc_6287(tmp_path):
    """Each as the answer to a challenge with the vector's question."""
    told, count = vectors("rfc6287.json"), 0
    bank = Bank(tmp_path / "store.db")
    bank.profile(look_ahead=0, drift_window=0)
    now = bank.clock.now
    for value in _ocra():
        if "time_steps" in value:
            seconds = {"S": 1, "M": 60, "H": 3_600}[value["suite"][-1]]
            seconds *= int(value["suite"].rpartition("-T")[2][:-1])
            bank.clock.now = value["time_steps"] * seconds * SECOND_US
        else:
            bank.clock.now = now
        secret = bytes.fromhex(told["keys"][str(value["key_bytes"])]["hex"])
        pin = b""
        if "pin" in value:
            hash_ = re.search("-PSHA(1|256|512)", value["suite"])[1]
            pin = hashlib.new(f"sha{hash_}", value["pin"].encode()).digest()
        later = bank.clock.now + 60 * SECOND_US
        name = bank.credential(
            secret, type=Type.OCRA, suite=value["suite"], moved=int(value.get("counter", 0)),
            hash=value["suite"].split(":")[1].split("-")[1],
            challenges=(Challenge(7, value["q"], later),),
        )  # fmt: skip
        once(bank, name, value["code"], challenge=7, pin=pin)
        count += 1
    assert count == 83
    bank.store.close()


@pytest.mark.parametrize("change", ["pin", "question", "counter", "secret"])
def test_a_response_to_anything_else_is_wrong(bank, change):
    """RFC 6287, C.1, the second suite, where one of its inputs is another."""
    bank.profile(look_ahead=0)
    told = vectors("rfc6287.json")
    group = told["groups"][1]
    value = group["values"][0]
    secret = bytes.fromhex(told["keys"][str(group["key_bytes"])]["hex"])
    pin = bytes.fromhex(group["pin_sha1"])
    question, counter = value["q"], value["counter"]
    name = bank.credential(
        secret[::-1] if change == "secret" else secret, type=Type.OCRA, suite=group["suite"],
        hash="SHA256", moved=counter + (change == "counter"),
        challenges=(Challenge(7, "0" * 8 if change == "question" else question, 2**60),),
    )  # fmt: skip
    assert not bank.verify(
        name, value["code"], challenge=7, pin=pin[::-1] if change == "pin" else pin
    )
