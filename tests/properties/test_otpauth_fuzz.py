"""otpauth URIs and exports: whatever comes in, it is read in one way or refused with a cause."""

import base64
import json
import string
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from strongroom.domain.errors import InvalidRequest
from strongroom.domain.otp import migration, otpauth
from strongroom.domain.otp.credential import Hash, Type
from strongroom.domain.otp.otpauth import Otpauth
from strongroom.domain.sensitive import Sensitive

_DATA = Path(__file__).parent.parent / "vectors" / "data" / "otp"
URIS = [case["uri"] for case in json.loads((_DATA / "otpauth-uri.json").read_text())["cases"]]
EXPORTS = [case["uri"] for case in json.loads((_DATA / "own-migration.json").read_text())["cases"]]
EXAMPLES = 500  # each takes less than a millisecond
SPICE = [
    "%",
    "%00",
    "%FF",
    "%3A",
    ":",
    "&",
    "=",
    "#",
    "?",
    "/",
    "+",
    " ",
    "\n",
    "\0",
    "é",
    "\ud800",
]


def fields(read):
    """What was read, so that it can be compared."""
    names = ("type", "hash", "digits", "period", "counter", "account", "issuer")
    return tuple(getattr(read, name) for name in names), read.secret.reveal()


# --- spelt and read again -------------------------------------------------------------------------

NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters=":"), max_size=40
)
SECRETS = st.binary(min_size=1, max_size=otpauth.SECRET_BYTES_MAX)
DIGITS = st.integers(6, 8)
TIMED = st.builds(
    lambda **given: Otpauth(type=Type.TOTP, **given), secret=SECRETS.map(Sensitive),
    hash=st.sampled_from(Hash), digits=DIGITS, period=st.integers(15, 300),
    account=NAMES, issuer=NAMES,
)  # fmt: skip
COUNTED = st.builds(
    lambda **given: Otpauth(type=Type.HOTP, period=0, **given), secret=SECRETS.map(Sensitive),
    hash=st.sampled_from(Hash), digits=DIGITS, counter=st.integers(0, 2**64 - 1),
    account=NAMES, issuer=NAMES,
)  # fmt: skip


@given(TIMED | COUNTED)
def test_what_is_spelt_is_read_as_the_same(what):
    assume(what.account.strip(" ") and not what.account.startswith(" "))
    uri = otpauth.spell(what)
    assume(len(uri) <= otpauth.URI_CHARACTERS_MAX)

    assert fields(otpauth.parse(uri)) == fields(what)
    assert otpauth.spell(otpauth.parse(uri)) == uri
    assert uri.isascii()
    assert uri.isprintable()
    assert " " not in uri


# --- mutated --------------------------------------------------------------------------------------


@st.composite
def mutated(draw, uris):
    """A URI in which some places were cut out, doubled, or overwritten."""
    uri = draw(st.sampled_from(uris))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(uri)))
        end = min(len(uri), start + draw(st.integers(0, 6)))
        piece = draw(st.sampled_from(["", uri[start:end] * 2, *SPICE]) | st.text(max_size=3))
        uri = uri[:start] + piece + uri[end:]
    return uri


def judged(parse, uri):
    """What is read, if anything. What is refused is not repeated."""
    try:
        return parse(uri)
    except InvalidRequest as refusal:
        said = refusal.detail
    assert said.isprintable()
    assert len(said) < 300
    for name in ("secret=", "data="):
        secret = uri.partition(name)[2].partition("&")[0]
        assert len(secret) < 8 or secret not in said
    return None


@settings(max_examples=EXAMPLES)
@given(mutated(URIS) | st.text(max_size=80).map("otpauth://totp/".__add__) | st.text(max_size=80))
def test_a_uri_is_read_in_one_way_or_refused(uri):
    read = judged(otpauth.parse, uri)
    if read is not None:
        assert fields(otpauth.parse(otpauth.spell(read))) == fields(read)
        assert len(read.secret.reveal()) in range(1, otpauth.SECRET_BYTES_MAX + 1)
        assert read.digits in range(6, 9)
        assert (read.period in range(15, 301)) is (read.type is Type.TOTP)
        assert ":" not in read.account + read.issuer


@settings(max_examples=EXAMPLES)
@given(mutated(EXPORTS) | st.text(max_size=80).map("otpauth-migration://offline?data=".__add__))
def test_an_export_is_read_in_one_way_or_refused(uri):
    all_right(judged(migration.parse, uri))


@st.composite
def damaged(draw):
    """An export whose bytes were changed, rather than their spelling."""
    uri = draw(st.sampled_from([uri for uri in EXPORTS if "%" in uri]))
    data = bytearray(migration._data(uri.partition("data=")[2])) if is_base64(uri) else bytearray()
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(data)))
        data[place : place + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return "otpauth-migration://offline?data=" + quote(base64.b64encode(data), safe="")


def is_base64(uri):
    try:
        migration._data(uri.partition("data=")[2])
    except InvalidRequest:
        return False
    return True


@settings(max_examples=EXAMPLES)
@given(damaged() | st.binary(max_size=200).map(
    lambda data: "otpauth-migration://offline?data=" + base64.b64encode(data).decode()
))  # fmt: skip
def test_a_damaged_export_is_read_in_one_way_or_refused(uri):
    all_right(judged(migration.parse, uri))


def all_right(batch):
    """Everything in it can be spelt as a URI, and comes back."""
    if batch is None:
        return
    assert batch.entries
    assert batch.index < batch.size <= migration.CODES_MAX
    for entry in batch.entries:
        assert fields(otpauth.parse(otpauth.spell(entry))) == fields(entry)


# --- written by a plain writer --------------------------------------------------------------------


def number(value):
    """A varint."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + number(rest) if rest else bytes([low])


def numbered(field, value):
    return number(field << 3) + number(value)


def bytes_of(field, data):
    return number(field << 3 | 2) + number(len(data)) + data


HASHES = {Hash.SHA1: 1, Hash.SHA256: 2, Hash.SHA512: 3}


def written(entries, size=1, index=0, id_=1):
    """An export as the app writes it."""
    payload = b""
    for one in entries:
        label = f"{one.issuer}:{one.account}" if one.issuer else one.account
        entry = bytes_of(1, one.secret.reveal()) + bytes_of(2, label.encode())
        entry += bytes_of(3, one.issuer.encode()) + numbered(4, HASHES[one.hash])
        entry += numbered(5, one.digits // 2 - 2) + numbered(6, 1 if one.type is Type.HOTP else 2)
        payload += bytes_of(1, entry + numbered(7, one.counter))
    payload += b"".join(map(numbered, range(2, 6), (1, size, index, id_)))
    return "otpauth-migration://offline?data=" + quote(base64.b64encode(payload), safe="")


EXPORTABLE = st.builds(
    lambda timed, counter, **given: Otpauth(
        type=Type.TOTP if timed else Type.HOTP, period=30 if timed else 0,
        counter=0 if timed else counter, **given,
    ),
    timed=st.booleans(), counter=st.integers(0, 2**63 - 1), secret=SECRETS.map(Sensitive),
    hash=st.sampled_from(Hash), digits=st.sampled_from([6, 8]),
    account=st.text(string.ascii_letters + "äß@ ", min_size=1, max_size=20)
    .map(str.lstrip).filter(bool),
    issuer=st.text(string.ascii_letters + "Öж &", max_size=20),
)  # fmt: skip


@given(st.lists(st.lists(EXPORTABLE, min_size=1, max_size=5), min_size=1, max_size=5), st.randoms())
def test_an_export_in_several_codes_is_read_as_what_was_written(batches, random):
    uris = [
        written(entries, len(batches), index, 2**64 - 5) for index, entries in enumerate(batches)
    ]
    assume(all(len(uri) <= migration.URI_CHARACTERS_MAX for uri in uris))
    random.shuffle(uris)

    read = migration.joined(map(migration.parse, uris))
    assert list(map(fields, read)) == [fields(one) for entries in batches for one in entries]


@pytest.mark.parametrize("length", [10**5, 10**6])
@pytest.mark.parametrize("filler", ["A", "%", "%41", "a=b&", ":", "=", "\0", "/"])
def test_what_is_endless_is_refused_at_once(filler, length):
    for head in ("", "otpauth://totp/", "otpauth://totp/a?secret=", EXPORTS[0]):
        for parse in (otpauth.parse, migration.parse):
            with pytest.raises(InvalidRequest):
                parse(head + filler * length)
