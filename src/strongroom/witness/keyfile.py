"""The witness's private keys: a file that nobody else may read, one key on each line.

    PRIVATE+KEY+name+key id+base64(algorithm · seed of 32 bytes)

That is the form of Go's `sumdb/note`, with the algorithm of the cosignature.
"""

import os
import secrets
import stat
import time
from pathlib import Path
from typing import Final

from strongroom.tlog import spelling
from strongroom.tlog.errors import TlogError
from strongroom.tlog.keys import Cosigner
from strongroom.tlog.vkeys import Algorithm
from strongroom.witness.refusals import CannotServe

ALGORITHMS: Final = (Algorithm.ED25519_COSIGNATURE, Algorithm.ML_DSA_44_COSIGNATURE)
_PREFIX: Final = "PRIVATE+KEY"
_SEED_BYTES: Final = 32
_BYTES_MAX: Final = 4096


def make(path: Path, name: str) -> list[Cosigner]:
    """New keys, one of each algorithm; the file is on disk then. Raises `CannotServe`."""
    made = []
    lines = []
    for algorithm in ALGORITHMS:
        seed = secrets.token_bytes(_SEED_BYTES)
        try:
            signer = _signer(name, algorithm, seed)
        except TlogError as error:
            raise CannotServe(f"{name[:80]!r} cannot name a witness: {error}") from error
        made.append(signer)
        lines.append(_line(signer, algorithm, seed))
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(descriptor)
    except OSError as error:
        raise CannotServe(f"{path} cannot be written: {error.strerror}") from error
    return made


def load(path: Path) -> list[Cosigner]:
    """The keys. Raises `CannotServe`: missing, readable by others, or not what `make` writes."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode) or mode & 0o077:
                raise CannotServe(f"{path} must be a file for nobody else: chmod 600")
            raw = file.read(_BYTES_MAX)
    except OSError as error:
        raise CannotServe(f"{path} cannot be read: {error.strerror}") from error
    try:
        signers = [_parsed(line) for line in raw.decode("ascii").splitlines(keepends=True)]
    except (ValueError, IndexError, TlogError):
        # Not the reason, which might quote a part of it.
        raise CannotServe(f"{path} does not hold the keys of a witness") from None
    if not signers or len({signer.vkey for signer in signers}) != len(signers):
        raise CannotServe(f"{path} does not hold the keys of a witness")
    return signers


def _parsed(line: str) -> Cosigner:
    # The name has no `+`, base 64 may.
    _, _, name, _, encoded = line.removesuffix("\n").split("+", 4)
    typed = spelling.unbase64(encoded)
    algorithm, seed = Algorithm(typed[0]), typed[1:]
    if algorithm not in ALGORITHMS or len(seed) != _SEED_BYTES:
        raise ValueError("not a key that cosigns")
    signer = _signer(name, algorithm, seed)
    if _line(signer, algorithm, seed) != line:
        raise ValueError("a key is misspelt")
    return signer


def _line(signer: Cosigner, algorithm: Algorithm, seed: bytes) -> str:
    typed = spelling.base64(bytes((algorithm,)) + seed)
    return f"{_PREFIX}+{signer.vkey.name}+{signer.vkey.key_id.hex()}+{typed}\n"


def _signer(name: str, algorithm: Algorithm, seed: bytes) -> Cosigner:
    return Cosigner(name, algorithm, seed, lambda: int(time.time()))
