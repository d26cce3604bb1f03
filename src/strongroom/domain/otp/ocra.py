"""OCRA (RFC 6287): suites, and the bytes that a response is made from. Computed elsewhere.

`docs/formats/otpauth.md` is the page about it.
"""

import re
from typing import Final

import msgspec

from strongroom.domain import limits
from strongroom.domain.errors import InvalidRequest
from strongroom.domain.otp.credential import Hash

_QUESTION_BYTES: Final = 128
_PIN_BYTES: Final = {Hash.SHA1: 20, Hash.SHA256: 32, Hash.SHA512: 64}
_UNITS: Final = {"S": (1, 1, 59), "M": (60, 1, 59), "H": (3_600, 1, 48)}
# RFC 6287, 6. Without what it allows and nobody can use: zero digits, a step of no length.
_FUNCTION: Final = re.compile(r"HOTP-(SHA1|SHA256|SHA512)-([4-9]|10)")
_INPUT: Final = re.compile(
    r"(?P<counter>C-)?Q(?P<question>[ANH])(?P<length>[0-9]{2})"
    r"(?:-P(?P<pin>SHA1|SHA256|SHA512))?(?:-S(?P<session>[0-9]{3}))?"
    r"(?:-T(?P<step>0|[1-9][0-9]?)(?P<unit>[SMH]))?"
)
_QUESTIONS: Final = {
    "N": re.compile(r"[0-9]+"),
    "A": re.compile(r"[0-9A-Za-z]+"),
    "H": re.compile(r"[0-9A-Fa-f]+"),
}
_EXAMPLE: Final = "OCRA-1:HOTP-SHA256-8:C-QN08-PSHA1-S064-T1M"


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed suite. `text` is its spelling, which is part of every response's input.

    `question` is the format, N, A or H, and `question_length` its length. `pin`: the hash of the
    PIN; `session`: bytes of session information, 0: none; `step_seconds`: of the time, 0: none.
    """

    text: str
    hash: Hash
    digits: int
    counter: bool = False
    question: str
    question_length: int
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
    """The suite that is spelt so. Raises `InvalidRequest` for any other text, and says why."""
    parts = text.split(":") if len(text) <= limits.OTP_SUITE_CHARACTERS_MAX else []
    if len(parts) != 3:  # noqa: PLR2004 - algorithm, function, input
        raise _refused(f"has three parts with colons between, such as {_EXAMPLE}")
    if parts[0] != "OCRA-1":
        raise _refused('begins with "OCRA-1", in capitals')
    function, found = _FUNCTION.fullmatch(parts[1]), _INPUT.fullmatch(parts[2])
    if function is None:
        raise _refused("names HOTP-SHA1, HOTP-SHA256 or HOTP-SHA512, and 4 to 10 digits")
    if found is None:
        raise _refused(
            "ends in what goes into a response, in this order: C, a question such as QN08 (always),"
            " PSHA1, S064, T1M"
        )
    length, session = int(found["length"]), int(found["session"] or 0)
    if not 4 <= length <= 64:  # noqa: PLR2004 - RFC 6287, 6.3
        raise _refused("has a question of 04 to 64 characters")
    if found["session"] is not None and not session:
        raise _refused("has session information of 001 to 999 bytes, if it has any")
    return Suite(
        text=text,
        hash=Hash(function[1]),
        digits=int(function[2]),
        counter=found["counter"] is not None,
        question=found["question"],
        question_length=length,
        pin=None if found["pin"] is None else Hash(found["pin"]),
        session=session,
        step_seconds=_step_seconds(found["step"], found["unit"]),
    )


def _refused(what: str) -> InvalidRequest:
    return InvalidRequest(f"an OCRA suite {what}", "$.suite")


def _step_seconds(step: str | None, unit: str | None) -> int:
    if step is None or unit is None:
        return 0
    seconds, least, most = _UNITS[unit]
    if not least <= int(step) <= most:
        raise _refused("has time steps of 1 to 59 S or M, or 1 to 48 H, if it has any")
    return int(step) * seconds


def data_input(suite: Suite, inputs: OCRAInputs) -> bytes:
    """The message of the HMAC (RFC 6287, 5.1): suite, zero byte, then C, Q, P, S, T as it has them.

    Session information is filled with zero bytes on its left. Raises `InvalidRequest` for inputs
    that the suite has not, or of another length.
    """
    parts = [suite.text.encode(), b"\0"]
    if suite.counter:
        parts.append(_eight_bytes(inputs.counter))
    parts.append(_question(suite, inputs.question))
    if len(inputs.pin) != (0 if suite.pin is None else _PIN_BYTES[suite.pin]):
        raise InvalidRequest("the PIN's hash is not of the suite's length", "$.pin")
    parts.append(inputs.pin)
    if len(inputs.session) > suite.session:
        raise InvalidRequest("there is more session information than the suite has", "$.session")
    parts.append(inputs.session.rjust(suite.session, b"\0"))
    if suite.step_seconds:
        parts.append(_eight_bytes(inputs.time))
    return b"".join(parts)


def _eight_bytes(value: int) -> bytes:
    if not 0 <= value < 2**64:
        raise InvalidRequest("a counter, and a time step, has 64 bits")
    return value.to_bytes(8, "big")


def _question(suite: Suite, question: str) -> bytes:
    # In mutual mode both sides' questions are joined (RFC 6287, 7.2): twice as long, at most.
    shape = _QUESTIONS[suite.question]
    if not 1 <= len(question) <= 2 * suite.question_length or not shape.fullmatch(question):
        raise InvalidRequest("the question is not of the suite's format", "$.question")
    if suite.question == "A":
        return question.encode().ljust(_QUESTION_BYTES, b"\0")
    digits = f"{int(question):x}" if suite.question == "N" else question
    return bytes.fromhex(digits.ljust(2 * _QUESTION_BYTES, "0"))
