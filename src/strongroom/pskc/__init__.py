"""PSKC files (RFC 6030): secrets of tokens, as makers and other servers hand them over.

    wanted(stream)                          what opens it
    survey(stream, unlock)                  the whole of it is good, or an error
    read(stream, unlock, surveyed=...)      its keys, one by one
    write(stream, keys, lock)               a new file

It is used on the client's side: no server opens such a file. `docs/formats/pskc.md` says what is
read and what is refused, `errors.py` how.
"""

from strongroom.pskc.errors import PSKCError
from strongroom.pskc.key_info import KeyInfo, Kind
from strongroom.pskc.keys import Challenge, Device, Key, PINPolicy, Policy, Profile
from strongroom.pskc.locks import (
    InTheOpen,
    Lock,
    Password,
    PreSharedKey,
    PrivateKey,
    PublicKey,
    Unlock,
    pre_shared_key,
    private_key,
    public_key,
)
from strongroom.pskc.reading import Reader, Survey, read, survey, wanted
from strongroom.pskc.writing import write

__all__ = [
    "Challenge",
    "Device",
    "InTheOpen",
    "Key",
    "KeyInfo",
    "Kind",
    "Lock",
    "PINPolicy",
    "PSKCError",
    "Password",
    "Policy",
    "PreSharedKey",
    "PrivateKey",
    "Profile",
    "PublicKey",
    "Reader",
    "Survey",
    "Unlock",
    "pre_shared_key",
    "private_key",
    "public_key",
    "read",
    "survey",
    "wanted",
    "write",
]
