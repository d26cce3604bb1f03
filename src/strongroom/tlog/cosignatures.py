"""What is signed by who vouches for a checkpoint (C2SP tlog-cosignature).

A cosignature's bytes are `u64(seconds since 1970) · signature`. Who gives one says that at that
time, this was the largest tree of the log that it had seen, and that it continues all those before.
"""

from typing import Final

from strongroom.tlog import checkpoints, spelling
from strongroom.tlog.errors import NoteError
from strongroom.tlog.vkeys import Algorithm, VKey

SIGNATURE_BYTES: Final = {
    Algorithm.ED25519_COSIGNATURE: 64,
    Algorithm.ML_DSA_44_COSIGNATURE: 2420,
}
_TIME_BYTES: Final = 8


def message(vkey: VKey, text: str, time_seconds: int) -> bytes:
    """The bytes that a cosigner with that key signs for the checkpoint with that text.

    Raises `CheckpointError` if the text is no checkpoint.
    """
    checkpoint = checkpoints.parse(text)
    if vkey.algorithm == Algorithm.ED25519_COSIGNATURE:
        return f"cosignature/v1\ntime {time_seconds}\n{text}".encode()
    if vkey.algorithm == Algorithm.ML_DSA_44_COSIGNATURE:
        return b"".join(
            (
                b"subtree/v1\n\0",
                _short(vkey.name),
                time_seconds.to_bytes(_TIME_BYTES, "big"),
                _short(checkpoint.origin),
                (0).to_bytes(8, "big"),  # from the first leaf: the whole tree
                checkpoint.size.to_bytes(8, "big"),
                checkpoint.root,
            )
        )
    raise RuntimeError("this kind of key does not cosign")


def signed(vkey: VKey, text: str, blob: bytes) -> tuple[bytes, bytes]:
    """The bytes that a key signed, and the signature, of its signature in a note with that text.

    Raises `CheckpointError` and `NoteError` for what no cosigner signs.
    """
    if vkey.algorithm not in SIGNATURE_BYTES:
        return text.encode(), blob
    time_seconds, signature = split(vkey, blob)
    return message(vkey, text, time_seconds), signature


def join(time_seconds: int, signature: bytes) -> bytes:
    """A cosignature's bytes."""
    return time_seconds.to_bytes(_TIME_BYTES, "big") + signature


def split(vkey: VKey, blob: bytes) -> tuple[int, bytes]:
    """The seconds since 1970 and the signature of a cosignature's bytes. Raises `NoteError`."""
    time_seconds = int.from_bytes(blob[:_TIME_BYTES], "big")
    signature = blob[_TIME_BYTES:]
    if len(signature) != SIGNATURE_BYTES.get(vkey.algorithm) or time_seconds > spelling.SIZE_MAX:
        raise NoteError("a cosignature is malformed")
    return time_seconds, signature


def _short(text: str) -> bytes:
    """TLS's `opaque<1..2^8-1>` (RFC 8446, 3.4). The types see to it that nothing is longer."""
    encoded = text.encode()
    return bytes((len(encoded),)) + encoded
