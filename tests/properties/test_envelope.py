"""Ciphertext format 1, wrap format 1 and the bindings: whatever is changed is refused, alike."""

import os

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from strongroom.adapters.software import SoftwareProvider
from strongroom.domain import limits
from strongroom.domain.algorithms import Algorithm, Purpose
from strongroom.domain.binding import bind, bind_context
from strongroom.domain.envelope import split
from strongroom.domain.errors import InvalidCiphertext, InvalidRequest, TamperedRecord
from strongroom.domain.sensitive import Sensitive

PROVIDER = SoftwareProvider(Sensitive(os.urandom(32)))
WRAPPED_NAMESPACE = PROVIDER.generate_namespace_key(b"here")
NAMESPACE = PROVIDER.open_namespace_key(WRAPPED_NAMESPACE, b"here")
WRAPPED = NAMESPACE.generate(Algorithm.AES_256_GCM, b"there").wrapped
KEY = bytes(range(16))


def open_material(wrapped, binding):
    return NAMESPACE.open(Algorithm.AES_256_GCM, Purpose.ENCRYPT_DECRYPT, wrapped, binding)


MATERIAL = open_material(WRAPPED, b"there")

texts = st.text(max_size=8)
contexts = st.dictionaries(texts, texts, max_size=4)
versions = st.integers(1, 2**32 - 1)


def dull(blob, context):
    """It is refused, in the one way: nothing in the refusal depends on the reason."""
    with pytest.raises(InvalidCiphertext) as refusal:
        MATERIAL.decrypt(blob, context)
    assert refusal.value.args == (InvalidCiphertext.title,)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


@given(st.binary(max_size=300), contexts, versions, st.binary(min_size=16, max_size=16))
def test_what_was_encrypted_decrypts(plaintext, context, version, key_id):
    blob = MATERIAL.encrypt(key_id, version, plaintext, context)
    assert len(blob) == 101 + len(plaintext)
    parts = split(blob)
    assert (parts.key_id, parts.version) == (key_id, version)
    assert MATERIAL.decrypt(blob, dict(reversed(context.items()))) == plaintext


@given(st.binary(max_size=60), contexts, st.data())
def test_any_changed_byte_is_refused(plaintext, context, data):
    blob = MATERIAL.encrypt(KEY, 1, plaintext, context)
    place = data.draw(st.integers(0, len(blob) - 1))
    change = data.draw(st.integers(1, 255))
    dull(blob[:place] + bytes([blob[place] ^ change]) + blob[place + 1 :], context)


@given(st.binary(max_size=60), st.data())
def test_any_cut_insertion_or_tail_is_refused(plaintext, data):
    blob = MATERIAL.encrypt(KEY, 1, plaintext, {})
    place = data.draw(st.integers(0, len(blob)))
    dull(blob[:place] + data.draw(st.binary(min_size=1, max_size=5)) + blob[place:], {})
    if place < len(blob):
        dull(blob[:place], {})
        dull(blob[place + 1 :], {})


@given(st.binary(max_size=400), contexts)
def test_what_is_no_ciphertext_is_refused_like_a_bad_one(blob, context):
    dull(blob, context)


@given(contexts, contexts)
@example({"ab": "c"}, {"a": "bc"})
@example({"a": "", "b": ""}, {"ab": ""})
@example({"a": "b"}, {"b": "a"})
@example({}, {"": ""})
@example({"": ""}, {"\0": ""})
def test_contexts_that_differ_never_open_each_others_ciphertexts(one, other):
    assert (bind_context(one) == bind_context(other)) is (one == other)
    blob = MATERIAL.encrypt(KEY, 1, b"x", one)
    if one == other:
        assert MATERIAL.decrypt(blob, other) == b"x"
    else:
        dull(blob, other)


@given(st.lists(st.binary(max_size=6), max_size=4), st.lists(st.binary(max_size=6), max_size=4))
@example([b"ab", b"c"], [b"a", b"bc"])
@example([b""], [])
def test_two_lists_of_parts_never_bind_to_the_same_bytes(one, other):
    assert (bind(*one) == bind(*other)) is (one == other)


@given(st.integers(limits.CONTEXT_PAIRS_MAX + 1, limits.CONTEXT_PAIRS_MAX + 5))
@settings(max_examples=5)
def test_a_context_beyond_its_pairs_is_refused(count):
    with pytest.raises(InvalidRequest):
        MATERIAL.encrypt(KEY, 1, b"", {str(number): "" for number in range(count)})


@pytest.mark.parametrize("letter", ["x", "é", "😀"])
def test_a_context_is_measured_in_bytes(letter):
    size = len(letter.encode())
    fits = {"": letter * (limits.CONTEXT_BYTES_MAX // size)}
    bind_context(fits)
    with pytest.raises(InvalidRequest):
        bind_context({"": fits[""] + letter})


@given(st.binary(min_size=16, max_size=16), versions)
def test_the_same_material_does_not_open_another_keys_or_versions_ciphertext(key_id, version):
    blob = MATERIAL.encrypt(KEY, 1, b"x", {})
    if (key_id, version) != (KEY, 1):
        dull(blob[:1] + key_id + version.to_bytes(4, "big") + blob[21:], {})


@given(st.data())
def test_any_changed_byte_of_wrapped_material_is_refused(data):
    for wrapped, opener, binding in (
        (WRAPPED_NAMESPACE, PROVIDER.open_namespace_key, b"here"),
        (WRAPPED, open_material, b"there"),
    ):
        place = data.draw(st.integers(0, len(wrapped) - 1))
        change = data.draw(st.integers(1, 255))
        altered = wrapped[:place] + bytes([wrapped[place] ^ change]) + wrapped[place + 1 :]
        for bad in (altered, wrapped[:place], wrapped + b"\0"):
            with pytest.raises(TamperedRecord) as refusal:
                opener(bad, binding)
            assert refusal.value.args == (TamperedRecord.title,)


@given(st.binary(max_size=12))
def test_wrapped_material_opens_in_its_own_place_only(binding):
    if binding != b"there":
        with pytest.raises(TamperedRecord):
            open_material(WRAPPED, binding)
    if binding != b"here":
        with pytest.raises(TamperedRecord):
            PROVIDER.open_namespace_key(WRAPPED_NAMESPACE, binding)


def test_a_namespace_key_and_a_versions_material_do_not_pass_for_each_other():
    with pytest.raises(TamperedRecord):
        PROVIDER.open_namespace_key(WRAPPED, b"there")
    with pytest.raises(TamperedRecord):
        open_material(WRAPPED_NAMESPACE, b"here")


def test_no_two_ciphertexts_share_their_random_part():
    blobs = [MATERIAL.encrypt(KEY, 1, b"", {}) for _ in range(2_000)]
    assert len({blob[21:53] for blob in blobs}) == len(blobs)
