"""All that this package refuses with. The text of each is one sentence, for people.

TlogError
├── ProofError        a proof proves something else, or there is no such proof
├── NoteError         a note is malformed, or not signed as is asked
├── VKeyError         a public key's text is malformed
├── CheckpointError   a checkpoint's text is malformed
├── PolicyError       a policy cannot be kept, or a checkpoint does not keep it
├── TileError         a tile's path or content is malformed
└── ReceiptError      a receipt is malformed
"""


class TlogError(Exception):
    """Something about a log is not as it must be."""


class ProofError(TlogError):
    """A proof proves something else, or there is no such proof."""


class NoteError(TlogError):
    """A note is malformed, or not signed as is asked."""


class VKeyError(TlogError):
    """A public key's text is malformed."""


class CheckpointError(TlogError):
    """A checkpoint's text is malformed."""


class PolicyError(TlogError):
    """A policy cannot be kept, or a checkpoint does not keep it."""


class TileError(TlogError):
    """A tile's path or content is malformed."""


class ReceiptError(TlogError):
    """A receipt is malformed."""
