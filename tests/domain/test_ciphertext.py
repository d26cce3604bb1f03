"""Ciphertext format 1 and wrapping, through the software provider."""

import os

import pytest

from strongroom.adapters.software import SoftwareProvider
from strongroom.domain.algorithms import Algorithm, Purpose
from strongroom.domain.errors import InvalidCiphertext, TamperedRecord
from strongroom.domain.sensitive import Sensitive

KEY_ID = bytes(range(16))


def open_at(namespace, wrapped, binding):
    return namespace.open(Algorithm.AES_256_GCM, Purpose.ENCRYPT_DECRYPT, wrapped, binding)


def material():
    provider = SoftwareProvider(Sensitive(os.urandom(32)))
    namespace = provider.open_namespace_key(provider.generate_namespace_key(b"n"), b"n")
    wrapped = namespace.generate(Algorithm.AES_256_GCM, b"v1").wrapped
    return namespace, wrapped, open_at(namespace, wrapped, b"v1")


def test_what_was_encrypted_decrypts_with_the_context_in_any_order():
    _, _, handle = material()
    blob = handle.encrypt(KEY_ID, 1, b"4111", {"a": "1", "b": "2"})
    assert handle.decrypt(blob, {"b": "2", "a": "1"}) == b"4111"


def test_every_altered_byte_is_refused():
    _, _, handle = material()
    blob = handle.encrypt(KEY_ID, 1, b"4111", {})
    for place in range(len(blob)):
        altered = blob[:place] + bytes([blob[place] ^ 1]) + blob[place + 1 :]
        with pytest.raises(InvalidCiphertext):
            handle.decrypt(altered, {})


def test_contexts_with_the_same_letters_are_not_the_same():
    _, _, handle = material()
    blob = handle.encrypt(KEY_ID, 1, b"x", {"ab": "c"})
    with pytest.raises(InvalidCiphertext):
        handle.decrypt(blob, {"a": "bc"})


def test_another_key_is_refused_by_the_commitment():
    _, _, one = material()
    _, _, other = material()
    with pytest.raises(InvalidCiphertext):
        other.decrypt(one.encrypt(KEY_ID, 1, b"x", {}), {})


def test_wrapped_material_does_not_open_in_another_place():
    namespace, wrapped, _ = material()
    with pytest.raises(TamperedRecord):
        open_at(namespace, wrapped, b"v2")
