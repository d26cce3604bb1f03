"""OCRA suites (RFC 6287, 6): what a response is made of. Parsed and spelt here, computed elsewhere."""

import msgspec

from strongroom.domain.otp.credential import Hash


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed suite. `text` is its spelling, which is part of every response's input.

    `digits` 0: the whole HMAC. `question` is the format, N, A or H, and `question_length` its length.
    `pin`: the hash of the PIN; `session`: bytes of session information, 0: none; `step_seconds`: of
    the time, 0: none.
    """

    text: str
    hash: Hash
    digits: int
    counter: bool = False
    question: str = ""
    question_length: int = 0
    pin: Hash | None = None
    session: int = 0
    step_seconds: int = 0


class OCRAInputs(msgspec.Struct, frozen=True, kw_only=True):
    """What goes into one response beside the secret. `pin` is the PIN's hash; `time` a step."""

    counter: int = 0
    question: str = ""
    pin: bytes = b""
    session: bytes = b""
    time: int = 0


def parse(text: str) -> Suite:
    """The suite that is spelt so. Raises `InvalidRequest` for any other text."""
    raise NotImplementedError(text)
