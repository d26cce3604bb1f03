"""A clock that is moved from outside, by libfaketime: how testers bring tomorrow about.

The rooms get what moves it, all or none. Only the time of day is moved: what waits for seconds to
pass goes by the monotonic clock, and must not leap. Where a file says how far, rooms read it again
and again, and the seal on system calls leaves them that; `strongroom status` says so.
"""

import os
import sys
from collections.abc import Mapping
from typing import Final

_LIBRARY: Final = "LD_PRELOAD"
_PREFIX: Final = "FAKETIME"
_SAID: Final = "FAKETIME"  # how far; else a file says it
_STEADY: Final = "FAKETIME_DONT_FAKE_MONOTONIC"


def environment(outer: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What of an environment moves the clock; mostly nothing."""
    if "libfaketime" not in outer.get(_LIBRARY, ""):
        return {}
    moving = {name: value for name, value in outer.items() if name.startswith(_PREFIX)}
    return {**moving, _LIBRARY: outer[_LIBRARY], _STEADY: "1"}


def is_read_from_file() -> bool:
    """Whether this process opens a file to learn what time it is."""
    moving = environment()
    return bool(moving) and _SAID not in moving


def keep_steady() -> None:
    """Begin this program again if its monotonic clock is moved, too: now it is not.

    The library looks at its settings when a process begins.
    """
    moving = environment()
    if moving and os.environ.get(_STEADY) != "1":
        program = [sys.executable, *sys.orig_argv[1:]]
        os.execve(sys.executable, program, {**os.environ, **moving})  # noqa: S606 - itself again
