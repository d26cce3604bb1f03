"""The bare crypto loop: ciphertext format 1 in one process, and nothing else."""

import os
import time

from strongroom.adapters.software.format1 import FormatOneCipher
from strongroom.domain.sensitive import Sensitive

_SECONDS = 2.0


def loop(plaintext_bytes: int) -> float:
    """Encrypts a second."""
    material = FormatOneCipher(Sensitive(os.urandom(32)))
    key_id, plaintext = os.urandom(16), os.urandom(plaintext_bytes)
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < _SECONDS:
        for _ in range(1_000):
            material.encrypt(key_id, 1, plaintext, {})
        count += 1_000
    return count / (time.perf_counter() - began)
