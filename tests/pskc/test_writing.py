"""What is written is read again, as the same; what cannot be is refused."""

import io
import string

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.domain.sensitive import Sensitive
from strongroom.pskc import errors, limits, locks, reading, writing
from strongroom.pskc.keys import BOUNDS, Challenge, Device, Key, PINPolicy, PINUse, Policy, Usage
from tests.support.pskc import plain, read

_SHARED = locks.PreSharedKey(Sensitive(bytes(range(32))), "Shared & known")
_PASSWORD = locks.Password(Sensitive("Straße nach Süden".encode()), "Pass")
_PAIR = rsa.generate_private_key(65537, 2048)
_LOCKS = {
    "open": (locks.InTheOpen(), None),
    "pre-shared": (_SHARED, _SHARED),
    "password": (_PASSWORD, _PASSWORD),
    "key-pair": (locks.PublicKey(_PAIR.public_key()), locks.PrivateKey(_PAIR)),
}

_WORD = st.text(string.ascii_letters + "<>&\"'é\u2028😀;=", max_size=12)
_TEXT = st.one_of(st.just(""), st.builds(lambda a, b: f"a{a} {b}z", _WORD, _WORD))
_LENGTH = st.none() | st.integers(0, 1_000)
_TIMES = st.just(0) | st.integers(10**14, 10**17)
_PIN = st.builds(
    PINPolicy, use=st.none() | st.sampled_from(PINUse), key=_TEXT, failures_max=_LENGTH,
    length_min=_LENGTH, length_max=_LENGTH, encoding=_TEXT,
)  # fmt: skip
_POLICY = st.builds(
    Policy, start_us=_TIMES, expiry_us=_TIMES, pin=st.none() | _PIN, transactions_max=_LENGTH,
    usages=st.lists(st.sampled_from(Usage), max_size=3).map(tuple),
)  # fmt: skip
_DEVICE = st.builds(Device, **dict.fromkeys(Device.__struct_fields__, _TEXT))
_CHALLENGE = st.builds(
    Challenge, encoding=_TEXT, length_min=_LENGTH, length_max=_LENGTH, check_digits=st.booleans()
)
_KEY = st.builds(
    Key,
    id=_TEXT.filter(bool),
    secret=st.none() | st.binary(min_size=1, max_size=limits.SECRET_BYTES_MAX).map(Sensitive),
    device=_DEVICE, policy=_POLICY, challenge=st.none() | _CHALLENGE,
    digits=_LENGTH, encoding=_TEXT, check_digits=st.booleans(),
    **dict.fromkeys(("algorithm", "suite", "issuer", "friendly_name", "user"), _TEXT),
    **dict.fromkeys(("key_profile", "key_reference"), _TEXT),
    **{name: st.none() | st.integers(*bounds) for name, bounds in BOUNDS.items()},
)  # fmt: skip


def written(keys, lock):
    stream = io.BytesIO()
    assert writing.write(stream, keys, lock) == len(keys)
    return stream.getvalue()


def key(**what):
    return Key(**{"id": "1", "secret": Sensitive(b"s" * 20)} | what)


@settings(max_examples=100, deadline=None)
@given(st.lists(_KEY, min_size=1, max_size=3, unique_by=lambda one: one.id))
def test_what_is_written_is_read_again_as_the_same(keys):
    for lock, unlock in (_LOCKS["open"], _LOCKS["pre-shared"]):
        found = read(written(keys, lock), unlock)
        assert [plain(one) for one in found] == [plain(one) for one in keys]


@pytest.mark.parametrize("lock", _LOCKS)
def test_each_lock_is_opened_by_its_key(lock):
    keys = [key(), key(id="2", secret=Sensitive(b"t" * 64))]
    document = written(keys, _LOCKS[lock][0])
    assert [plain(one) for one in read(document, _LOCKS[lock][1])] == list(map(plain, keys))
    assert (b"cccc" in document) is False
    hidden = b"c3Nzc3Nz" not in document  # base64 of the secret
    assert hidden is (lock != "open")


@pytest.mark.parametrize("lock", ["pre-shared", "password", "key-pair"])
def test_another_key_does_not_open_it_and_none_does_not_either(lock):
    document = written([key()], _LOCKS[lock][0])
    other = {
        "pre-shared": locks.PreSharedKey(Sensitive(bytes(32))),
        "password": locks.Password(Sensitive("Strasse nach Süden".encode())),
        "key-pair": locks.PrivateKey(rsa.generate_private_key(65537, 2048)),
    }[lock]
    with pytest.raises((errors.NotAuthenticError, errors.LockedError)):
        read(document, other)
    with pytest.raises(errors.LockedError):
        read(document)


@pytest.mark.parametrize("lock", ["pre-shared", "key-pair"])
def test_no_byte_of_a_protected_value_can_be_changed(lock):
    document = written([key()], _LOCKS[lock][0])
    tag = b"<ValueMAC>" if lock == "pre-shared" else b"<xenc:CipherValue>"
    # The MAC's own key, the secret's bytes and its MAC.
    places = [
        start + offset
        for start in _after(document, b"<xenc:CipherValue>") + _after(document, tag)
        for offset in (0, 5, 21, 30)
    ]
    for place in places:
        swapped = b"A" if document[place : place + 1] != b"A" else b"B"
        with pytest.raises(errors.NotAuthenticError):
            read(document[:place] + swapped + document[place + 1 :], _LOCKS[lock][1])


def _after(document, tag):
    found, place = [], document.find(tag)
    while place >= 0:
        found.append(place + len(tag))
        place = document.find(tag, place + 1)
    return found


def test_two_files_of_the_same_keys_have_nothing_secret_in_common():
    """A fresh vector for each value, a fresh MAC key for each file."""
    first, second = (written([key(), key(id="2")], _SHARED) for _ in range(2))
    values = [
        document[place : place + 40]
        for document in (first, second)
        for tag in (b"<xenc:CipherValue>", b"<ValueMAC>")
        for place in _after(document, tag)
    ]
    assert len(set(values)) == len(values) == 10


@pytest.mark.parametrize(
    "what",
    [
        {"id": ""},
        {"id": " 1"},
        {"issuer": "line\nbreak"},
        {"issuer": "escape\x1b[31m"},
        {"issuer": "half \ud800"},
        {"issuer": "x" * (limits.TEXT_CHARACTERS_MAX + 1)},
        {"secret": Sensitive(b"")},
        {"secret": Sensitive(bytes(limits.SECRET_BYTES_MAX + 1))},
        {"counter": -1},
        {"counter": 2**63},
        {"digits": -1},
        {"policy": Policy(understood=False)},
        {"policy": Policy(start_us=1)},
    ],
)
def test_a_key_that_would_not_be_read_again_is_not_written(what):
    with pytest.raises(errors.UnwritableError):
        writing.write(io.BytesIO(), [key(**what)], locks.InTheOpen())


def test_no_keys_and_a_key_twice_are_not_written():
    for keys in ([], [key(), key()]):
        with pytest.raises(errors.UnwritableError):
            writing.write(io.BytesIO(), keys, locks.InTheOpen())


@pytest.mark.parametrize(
    "lock",
    [
        locks.PreSharedKey(Sensitive(bytes(16))),
        locks.Password(Sensitive(b"fourteen bytes")),
        locks.Password(Sensitive(b"\xff" * 20)),
        locks.PublicKey(rsa.generate_private_key(65537, 1024).public_key()),  # noqa: S505 - refused
    ],
)
def test_a_weak_lock_is_refused_before_anything_is_written(lock):
    stream = io.BytesIO()
    with pytest.raises(errors.LockedError):
        writing.write(stream, [key()], lock)
    assert stream.getvalue() == b""


def test_key_pairs_come_from_pem_files():
    private = _PAIR.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"phrase"),
    )  # fmt: skip
    public = _PAIR.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    unlock = locks.private_key(Sensitive(private), Sensitive(b"phrase"))
    assert len(read(written([key()], locks.public_key(public)), unlock)) == 1
    for passphrase in (None, Sensitive(b"wrong")):
        with pytest.raises(errors.LockedError):
            locks.private_key(Sensitive(private), passphrase)


def test_a_file_does_not_stay_in_memory_while_it_is_written_and_read():
    """Keys are made, written, read and let go one by one: what waits is one chunk's, at most."""
    stream = io.BytesIO()
    count = writing.write(stream, (key(id=str(number)) for number in range(3_000)), _SHARED)
    stream.seek(0)
    reader = reading.read(stream, _SHARED)
    waiting = max(len(reader._document._built) for _ in reader)
    assert count == reader.keys == 3_000
    assert waiting < 300
