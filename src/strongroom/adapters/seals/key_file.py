"""The seal of dev mode: the root key in a file. It keeps nothing from who can read the file."""

import re
from pathlib import Path
from typing import Final

from strongroom.adapters.files import read_private, write_private
from strongroom.domain.sensitive import Sensitive
from strongroom.ports.randomness import Randomness
from strongroom.ports.seal import SealRefused

FILE_NAME: Final = "ONLY-FOR-DEVELOPMENT-root-key"
_FORMAT: Final = re.compile(rb"strongroom root key 1 ([0-9a-f]{64})\n")
_BYTES_MAX: Final = 256


class KeyFile:
    """As said at the head. The file is one line: a format name and 64 hexadecimal digits."""

    kind = "development key file"

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def make(cls, path: Path, randomness: Randomness) -> "KeyFile":
        """A new root key in a new file."""
        root = Sensitive(randomness.bytes(32))
        write_private(path, b"strongroom root key 1 " + root.reveal().hex().encode() + b"\n")
        return cls(path)

    def open(self) -> Sensitive:
        """The root key. Raises `SealRefused`."""
        found = _FORMAT.fullmatch(read_private(self._path, _BYTES_MAX))
        if found is None:
            raise SealRefused(f"{self._path} is not a root key file of this version")
        return Sensitive(bytes.fromhex(found[1].decode()))
