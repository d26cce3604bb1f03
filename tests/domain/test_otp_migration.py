"""An export in several QR codes is whole, or nothing: a code that is missing is users missing."""

import json
from pathlib import Path

import pytest

from strongroom.domain.errors import InvalidRequest
from strongroom.domain.otp.credential import Type
from strongroom.domain.otp.migration import Batch, joined, parse
from strongroom.domain.otp.otpauth import Otpauth
from strongroom.domain.otp.protobuf import BYTES, NUMBER, Message
from strongroom.domain.sensitive import Sensitive

_VECTORS = Path(__file__).parent.parent / "vectors" / "data" / "otp" / "own-migration.json"
KINDS = {1: NUMBER, 2: BYTES, 3: BYTES}


def entry(name):
    return Otpauth(type=Type.TOTP, secret=Sensitive(b"12345678901234567890"), account=name)


def batch(index, *names, size=3, id_=7):
    return Batch(tuple(map(entry, names)), size, index, id_)


def accounts(*batches):
    return [one.account for one in joined(batches)]


def test_codes_are_put_together_in_their_order_however_they_were_taken():
    one, two, three = batch(0, "a", "b"), batch(1, "c"), batch(2, "d")

    assert accounts(three, one, two) == ["a", "b", "c", "d"]
    assert accounts(batch(0, "a", size=1)) == ["a"]


@pytest.mark.parametrize(
    ("batches", "says"),
    [
        ([], "no QR code"),
        ([batch(1, "c")], "of 3 QR codes are missing: 1, 3"),
        ([batch(0, "a"), batch(2, "d")], "are missing: 2"),
        ([batch(0, "a"), batch(0, "a"), batch(2, "d")], "QR code 1 of the export is there twice"),
        ([batch(0, "a"), batch(1, "c", id_=8)], "not of one export"),
        ([batch(0, "a"), batch(1, "c", size=2)], "not of one export"),
    ],
)
def test_what_is_not_one_whole_export_is_refused(batches, says):
    with pytest.raises(InvalidRequest) as refusal:
        joined(batches)
    assert says in refusal.value.detail


def test_what_was_read_does_not_show_its_secrets():
    case = json.loads(_VECTORS.read_text())["cases"][0]
    read = parse(case["uri"])

    secret = bytes.fromhex(case["expect"][0]["secret_hex"])
    for shown in (repr(read), str(read), repr(joined([read]))):
        assert secret.decode() not in shown
        assert secret.hex() not in shown


def test_a_message_is_read_by_its_fields():
    read = Message(b"\x08\xac\x02\x12\x02hi\x12\x00\x1a\x01x", KINDS, repeated=2)

    assert (read.number(1), read.each, read.blob(3)) == (300, [b"hi", b""], b"x")
    assert (Message(b"", KINDS).number(1), Message(b"", KINDS).blob(3)) == (0, b"")
    assert Message(b"\x08" + b"\xff" * 9 + b"\x01", KINDS).number(1) == 2**64 - 1


@pytest.mark.parametrize(
    "data",
    [
        b"\x08",  # no value
        b"\x08\x80",  # a number that does not end
        b"\x08" + b"\xff" * 9 + b"\x02",  # 2^64 and more
        b"\x08" + b"\x80" * 10 + b"\x01",  # eleven bytes
        b"\x08\x80\x00",  # zero, in two bytes
        b"\x88\x00\x01",  # a field's number, likewise
        b"\x08\x01\x08\x01",  # twice
        b"\x1a\x01x\x1a\x01x",
        b"\x0a\x01x",  # of another kind
        b"\x10\x01",
        b"\x20\x01",  # not known
        b"\x00\x01",  # there is no field 0
        b"\x1a\x02x",  # longer than what is there
        b"\x1a" + b"\xff" * 9 + b"\x01",
        b"\x09" + bytes(8),  # fixed64
        b"\x0b\x0c",  # a group
        b"\x0d" + bytes(4),  # fixed32
        b"\x0e",
        b"\x0f",
    ],
    ids=bytes.hex,
)
def test_what_is_no_message_of_these_fields_is_refused(data):
    with pytest.raises(ValueError, match=r"field|number"):
        Message(data, KINDS, repeated=2)
