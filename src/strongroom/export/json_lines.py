"""JSON Lines: position, leaf hash, and the entry byte for byte as it was hashed."""

import msgspec

from strongroom.export.entry import Entry


class _Line(msgspec.Struct):
    position: int
    leaf_hash: str
    entry: msgspec.Raw


_encoder = msgspec.json.Encoder()


def line(entry: Entry) -> bytes:
    """One line, with its line feed.

    What follows `"entry":`, up to the last brace, is what the leaf hash is of. Canonical JSON has
    no line breaks, so the line is one.
    """
    said = _Line(entry.position, entry.leaf_hash.hex(), msgspec.Raw(entry.body))
    return _encoder.encode(said) + b"\n"
