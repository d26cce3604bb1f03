"""A witness over HTTP: `add-checkpoint` of C2SP tlog-witness."""

import base64
from collections.abc import Sequence
from typing import Final

from strongroom.adapters.posting import Poster, PostFailed
from strongroom.ports.witnesses import (
    Answer,
    Cosigned,
    Inconsistent,
    Knows,
    WitnessFailed,
    WitnessSettings,
)

_DIGITS_MAX: Final = 16


class HTTPWitness:
    """See `ports/witnesses.py`. Raises `ValueError` when the URL or a file cannot be used."""

    def __init__(self, settings: WitnessSettings) -> None:
        if "?" in settings.url:
            raise ValueError(f"{settings.url!r} has a query; a witness has an address and a path")
        self._poster = Poster(f"{settings.url.rstrip('/')}/add-checkpoint", ca=settings.tls_ca)

    def ask(self, old: int, proof: Sequence[bytes], checkpoint: bytes) -> Answer:
        """Ask for a cosignature."""
        lines = "".join(f"{base64.b64encode(each).decode()}\n" for each in proof)
        body = f"old {old}\n{lines}\n".encode() + checkpoint
        try:
            status, answer = self._poster.post(body, {"Content-Type": "text/plain; charset=utf-8"})
        except PostFailed as error:
            raise WitnessFailed(str(error)) from error
        if status == 200:  # noqa: PLR2004 - the statuses of C2SP tlog-witness
            return _cosigned(answer)
        if status == 409:  # noqa: PLR2004
            return Knows(_size(answer))
        if status == 422:  # noqa: PLR2004
            return Inconsistent()
        raise WitnessFailed(_REASONS.get(status, f"it answers with status {status}"))

    def close(self) -> None:
        """Hang up."""
        self._poster.close()


_REASONS: Final = {
    403: "it does not know the key of this log",
    404: "it does not know this log",
}


def _cosigned(answer: bytes) -> Cosigned:
    try:
        return Cosigned(answer.decode())
    except UnicodeDecodeError:
        raise WitnessFailed("what it answers is not a signature") from None


def _size(answer: bytes) -> int:
    text = answer[:-1].decode("ascii", "replace")
    if text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MAX:
        known = int(text)
        if answer == b"%d\n" % known:  # one size has one spelling
            return known
    raise WitnessFailed("what it answers is not a size")
