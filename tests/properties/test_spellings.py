"""One value has one spelling: entries, tokens, ids and names, parsed and printed again."""

import hashlib
import json
import re
import string

import msgspec
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from strongroom.domain import tokens
from strongroom.domain.errors import Unauthenticated
from strongroom.domain.events import Event, Outcome, canonical
from strongroom.domain.times import rfc3339
from strongroom.domain.words import Name
from strongroom.tlog.merkle import Frontier, leaf_hash

texts = st.text(max_size=20)
details = st.dictionaries(
    st.sampled_from(["count", "failed", "contexts", "keys", "roles"]),
    st.one_of(texts, st.integers(-(2**53), 2**53), st.lists(texts, max_size=3)),
)
events = st.builds(
    Event,
    action=texts,
    details=details,
    format=st.just(1),
    missing=texts,
    namespace=texts,
    object=texts,
    outcome=st.sampled_from(Outcome),
    policies=st.lists(texts, max_size=3),
    principal=texts,
    reason=texts,
    request=texts,
    source=texts,
    time=texts,
    token=texts,
    version=st.integers(0, 2**32 - 1),
)


@given(events)
def test_an_entry_decodes_to_itself_and_encodes_to_the_same_bytes(event):
    encoded = canonical(event)
    decoded = msgspec.json.decode(encoded, type=Event)
    assert decoded == event
    assert canonical(decoded) == encoded


@given(events)
def test_an_entry_is_the_json_that_others_would_write(event):
    """Against Python's own encoder: sorted, no spaces, UTF-8, what is empty left out."""
    fields = {name: getattr(event, name) for name in Event.__struct_fields__}
    optional = {"details", "missing", "object", "policies", "principal", "reason", "source"}
    optional |= {"records", "sealed", "token", "version"}
    fields = {n: v for n, v in fields.items() if n not in optional or v}
    written = json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert canonical(event) == written.encode()


def test_an_entry_that_would_break_its_format_is_our_mistake_and_not_written():
    event = Event(
        action="x" * 65_536, format=1, namespace="", outcome=Outcome.ALLOWED, request="", time=""
    )
    with pytest.raises(RuntimeError):
        canonical(event)


@given(st.integers(0, 253_402_300_799_999_999), st.integers(0, 253_402_300_799_999_999))
def test_times_sort_as_text_as_they_do_as_numbers(one, other):
    assert (rfc3339(one) < rfc3339(other)) is (one < other)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", rfc3339(one))


ids = st.binary(min_size=tokens.ID_BYTES, max_size=tokens.ID_BYTES)
secrets = st.binary(min_size=tokens.SECRET_BYTES, max_size=tokens.SECRET_BYTES)


@given(ids, secrets)
def test_a_tokens_id_is_read_from_its_text(token_id, secret):
    text = tokens.spell(token_id, secret)
    assert re.fullmatch(r"srt_[a-z2-7]{72}", text)
    assert tokens.token_id(text) == token_id
    assert tokens.parse_text_id(tokens.text_id(token_id)) == token_id


@given(ids, secrets, st.data())
def test_a_token_with_any_other_letter_is_none(token_id, secret, data):
    text = tokens.spell(token_id, secret)
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from(string.printable + "é\0"))
    assume(letter != text[place])
    altered = text[:place] + letter + text[place + 1 :]
    for bad in (altered, text[:place], text + letter, " " + text, text + "\n", text.upper()):
        with pytest.raises(Unauthenticated) as refusal:
            tokens.token_id(bad)
        assert refusal.value.args == (Unauthenticated.title,)


@given(st.text(max_size=90))
@example("a" * 16)
@example("A" * 16)
@example("aaaaaaaaaaaaaaa=")
def test_a_text_is_an_id_in_its_one_spelling_or_not_at_all(text):
    found = tokens.parse_text_id(text)
    assert found is None or tokens.text_id(found) == text


@given(st.text(max_size=90))
@example("srt_" + "\u0131" * 72)  # upper-cases to an ASCII letter
@example("srt_" + "\u017f" * 72)
def test_a_text_that_we_did_not_spell_is_no_token(text):
    with pytest.raises(Unauthenticated):
        tokens.token_id(text)


def a_name(text):
    try:
        msgspec.convert(text, Name)
    except msgspec.ValidationError:
        return False
    return True


@given(st.text(max_size=70))
@example("a\n")
@example("a" * 64)
@example("A")
@example("\uff41")  # full width
@example("a-")
@example(".a")
@example("")
def test_a_name_is_what_an_independent_reading_of_the_rule_takes(text):
    letters = string.ascii_lowercase + string.digits
    expected = (
        1 <= len(text) <= 63
        and all(letter in letters + "._-" for letter in text)
        and text[0] in letters
        and text[-1] in letters
    )
    assert a_name(text) is expected


@given(st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?", fullmatch=True))
def test_a_good_name_is_taken_and_its_other_spellings_are_not(name):
    assert a_name(name)
    for other in (name + "\n", " " + name, name.upper() if name.upper() != name else name + "-"):
        assert not a_name(other)


@given(st.lists(st.binary(max_size=8), max_size=40))
def test_a_frontier_is_read_back_and_its_root_is_rfc_6962s(entries):
    frontier = Frontier()
    for entry in entries:
        frontier.append(leaf_hash(entry))
    again = Frontier.from_bytes(frontier.to_bytes())
    assert (again.size, again.to_bytes()) == (len(entries), frontier.to_bytes())
    assert again.root() == root_as_the_rfc_defines_it(entries)


def root_as_the_rfc_defines_it(entries):
    if not entries:
        return hashlib.sha256().digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\0" + entries[0]).digest()
    half = 1
    while half * 2 < len(entries):
        half *= 2
    left, right = map(root_as_the_rfc_defines_it, (entries[:half], entries[half:]))
    return hashlib.sha256(b"\1" + left + right).digest()
