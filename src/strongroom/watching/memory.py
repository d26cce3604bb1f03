"""What the watcher remembers, within bounds, and how it is kept between starts.

When a table is full, the tenth of it that was needed the longest ago is forgotten. What is
forgotten and comes back is new and is learned anew: that may cost a finding, it makes none.
"""

import zlib
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from strongroom.domain import limits
from strongroom.watching.bursts import Burst
from strongroom.watching.hours import Hours
from strongroom.watching.rhythm import Rhythm

_MARK: Final = b"strongroom/watcher/1\n"
_STATE_BYTES_MAX: Final = 256 * 1024 * 1024  # unpacked; full tables take a quarter of it
_T = TypeVar("_T")


class KeyMemory(msgspec.Struct, array_like=True):
    """A key: since when, how often, by whom and from where it is used. Days since 1970."""

    first_day: int
    seen: int  # the day it was last needed
    used: int = 0  # the day of the last use
    uses: int = 0
    state: str = ""  # what the log says of its end: "scheduled for destruction", "destroyed"
    principals: dict[str, int] = {}  # and the day of each one's last use
    networks: dict[str, int] = {}
    rhythm: Rhythm | None = None  # of its decryptions


class PrincipalMemory(msgspec.Struct, array_like=True):
    """A principal: its hours, and whether it is disabled."""

    hours: Hours
    disabled: bool = False


class TokenMemory(msgspec.Struct, array_like=True):
    """A token: whose it is, and whether it was revoked."""

    principal: str
    revoked: bool = False


class Episode(msgspec.Struct, array_like=True):
    """Something that was raised: when it was last seen, in seconds, and how large it was then."""

    seen: int
    size: int


class State(msgspec.Struct, array_like=True):
    """Everything. Names begin with their namespace's and a space, which no name contains."""

    now: int = 0  # seconds since 1970, as the entries say
    hour: int = 0
    namespaces: dict[str, int] = {}  # and the day of the first entry
    keys: dict[str, KeyMemory] = {}
    meetings: int = 0  # of principals and networks with keys, counted anew when some are forgotten
    principals: dict[str, PrincipalMemory] = {}
    tokens: dict[str, TokenMemory] = {}  # in the order in which they were met
    bursts: dict[str, Burst] = {}  # by rule, namespace and subject
    episodes: dict[str, Episode] = {}  # likewise
    raised: dict[str, int] = {}  # findings in this hour, by rule and namespace


def forget_oldest(table: dict[str, _T], seen: Callable[[_T], int] | None = None) -> None:
    """Forget the tenth that was needed, or (without `seen`) met the longest ago."""
    names = list(table) if seen is None else sorted(table, key=lambda name: seen(table[name]))
    for name in names[: len(names) // 10 + 1]:
        del table[name]


def make_room(table: dict[str, _T], most: int, seen: Callable[[_T], int] | None = None) -> None:
    """Likewise, if the table is full."""
    if len(table) >= most:
        forget_oldest(table, seen)


def pack(state: State) -> bytes:
    """The state as bytes, for `unpack`."""
    return _MARK + zlib.compress(msgspec.msgpack.encode(state), 1)


def unpack(raw: bytes) -> State:
    """The state. Raises `ValueError` for anything that `pack` does not make."""
    unpacker = zlib.decompressobj()
    try:
        if not raw.startswith(_MARK):
            raise ValueError
        body = unpacker.decompress(raw[len(_MARK) :], _STATE_BYTES_MAX)
        if not unpacker.eof or unpacker.unused_data:
            raise ValueError
        state = msgspec.msgpack.decode(body, type=State)
        _check(state)
    except (ValueError, zlib.error, msgspec.MsgspecError):
        raise ValueError("this is not the state of a watcher of this release") from None
    return state


def _check(state: State) -> None:
    """Raises `ValueError` where something is longer or shorter than the code counts on."""
    if (
        len(state.namespaces) > limits.WATCHED_NAMESPACES_MAX
        or len(state.keys) > limits.WATCHED_KEYS_MAX
        or len(state.principals) > limits.WATCHED_PRINCIPALS_MAX
        or len(state.tokens) > limits.WATCHED_TOKENS_MAX
        or len(state.bursts) > limits.WATCHED_BURSTS_MAX
        or len(state.episodes) > limits.WATCHED_EPISODES_MAX
    ):
        raise ValueError
    for burst in state.bursts.values():
        burst.check()
    for principal in state.principals.values():
        principal.hours.check()
    for key in state.keys.values():
        if key.rhythm is not None:
            key.rhythm.check()
