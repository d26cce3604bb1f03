"""Whose signatures count: the keys that the auditor was given, and what they must have signed.

Everything else in this program rests on the root hash that comes out of `trusted`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from strongroom.tlog import keys, notes, vkeys
from strongroom.tlog.checkpoints import Checkpoint
from strongroom.tlog.errors import PolicyError, TlogError
from strongroom.tlog.notes import Verifier
from strongroom.tlog.policies import Policy
from strongroom.verify import files
from strongroom.verify.verdicts import NotChecked, Wrong

_KEYS_BYTES_MAX: Final = 1 << 16


def trusted(raw: bytes, policy: Policy, where: str) -> Checkpoint:
    """The checkpoint that these bytes are. Raises `Wrong`, which begins with `where`.

    1. They are a signed note, spelt in the one way there is.
    2. Every key that was given for the log has signed it, the text is a checkpoint of that log, and
       as many witnesses as were asked for have signed it too: it was shown to them as it is to us.
    """
    try:
        note = notes.parse(raw)  # 1
        return policy.trusted(note)  # 2
    except TlogError as error:
        raise Wrong(f"{where} does not count: {error}") from error


def kept(path: Path, policy: Policy) -> Checkpoint:
    """A checkpoint that the auditor has kept. Raises `NotChecked` if it is of no use.

    Witnesses are not asked for: it was judged when it was kept. Now it is what is compared with.
    """
    raw = files.read_own(path, notes.NOTE_BYTES_MAX)
    try:
        return trusted(raw, Policy(policy.log), str(path))
    except Wrong as error:
        raise NotChecked(f"there is nothing to compare with: {error}") from error


def gather(log: Sequence[str], witnesses: Sequence[str], quorum: int | None) -> Policy:
    """What the arguments ask for: each is a verifier key, or a file of them.

    Without a number, every witness that is named must have signed. Raises `NotChecked`.
    """
    own, others = _verifiers(log), _verifiers(witnesses)
    named = len({verifier.vkey.name for verifier in others})
    if quorum is None:
        quorum = named
    if others and quorum < 1:
        raise NotChecked("of the witnesses that are named, at least one must have signed")
    try:
        return Policy(own, others, quorum)
    except PolicyError as error:
        raise NotChecked(f"these keys cannot be used together: {error}") from error


def witnessed(policy: Policy) -> str:
    """What a sentence adds about witnesses."""
    if not policy.quorum:
        return ""
    return f", seen by at least {policy.quorum} of its witnesses"


def _verifiers(arguments: Sequence[str]) -> tuple[Verifier, ...]:
    return tuple(verifier for argument in arguments for verifier in _of(argument))


def _of(argument: str) -> list[Verifier]:
    """A verifier key; else a file, with a key on each line that is not empty or begins with #."""
    try:
        return [_verifier(argument)]
    except TlogError as error:
        refused = error
    try:
        text = files.read(Path(argument), _KEYS_BYTES_MAX).decode()
    except (OSError, ValueError):
        raise NotChecked(
            f"{argument[:80]!r} is neither a verifier key ({refused}) nor a file of them"
        ) from refused
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        key = line.strip()
        if key and not key.startswith("#"):
            try:
                found.append(_verifier(key))
            except TlogError as error:
                raise NotChecked(f"{argument}, line {number}: {error}") from error
    return found


def _verifier(text: str) -> Verifier:
    return keys.verifier(vkeys.parse(text))
