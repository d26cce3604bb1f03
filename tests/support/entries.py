"""Entries of every kind, and entries with whatever text could be in one."""

import hashlib

from hypothesis import strategies as st

from strongroom.domain.events import FORMAT, Event, Outcome, canonical
from strongroom.export.acts import ACTS
from strongroom.export.entry import Entry

# What has a meaning in one of the formats, again and again, and whatever else there is.
NASTY = "=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20'\"\\|,; a={}[]\u2028\x85\x1b"
texts = st.text(st.sampled_from(NASTY) | st.characters(exclude_categories=["Cs"]), max_size=20)
values = texts | st.integers(-(2**53), 2**53) | st.lists(texts, max_size=3)
sources = (
    st.ip_addresses().map(str)
    | st.just("")
    | st.just("hmac:" + "0f" * 16)
    | st.just("fe80::1%eth0")
)


def entry_of(event, position=7):
    body = canonical(event)
    return Entry.read(position, hashlib.sha256(b"\0" + body).digest(), body)


def simple(**fields):
    said = {
        "action": "key.encrypt",
        "format": FORMAT,
        "namespace": "default",
        "outcome": Outcome.ALLOWED,
        "request": "0123456789abcdef" * 2,
        "time": "2026-01-31T12:00:00.123456Z",
    }
    return entry_of(Event(**(said | fields)))


events = st.builds(
    Event,
    action=st.sampled_from(sorted(ACTS)) | texts,
    details=st.dictionaries(texts, values, max_size=3),
    format=st.integers(1, 2),
    missing=texts,
    namespace=texts,
    object=texts | st.builds("key/{}".format, texts),
    outcome=st.sampled_from(Outcome),
    policies=st.lists(texts, max_size=3),
    principal=texts | st.just("strongroom:steward"),
    reason=texts,
    records=st.lists(texts, max_size=2),
    request=texts,
    sealed=texts,
    source=sources,
    time=st.just("2026-01-31T12:00:00.123456Z"),
    token=texts,
    version=st.integers(0, 9),
)
entries = st.builds(entry_of, events, st.integers(0, 2**53))
