"""What every room does to itself at start, so that a mistake elsewhere costs less.

In this order:

1. Inherited descriptors are closed.
2. No core dumps.
3. Memory is locked where that is allowed, so that keys are not swapped out.
4. The custodian leaves the network, where it may.
5. Root is given up for a user of the room's own, if one is configured.
6. No capability is left: a room that stays root is a user like any other.
7. Not dumpable: no ptrace and no /proc/PID/mem for others of the same user. After 5, which resets
   it.
8. No new privileges, for this process and its children.
"""

import ctypes
import os
import pwd
import resource
import struct
from typing import Final

from strongroom.node.control import Measure
from strongroom.node.rooms import Room

_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_MCL_CURRENT: Final = 1
_MCL_FUTURE: Final = 2
_MCL_ONFAULT: Final = 4  # only pages that are in use, or every room would hold all it ever mapped
_PR_CAPBSET_DROP: Final = 24
_CAPABILITY_VERSION_3: Final = 0x20080522
_CAPABILITIES_MAX: Final = 64  # as many as the sets have bits
_CLONE_NEWNET: Final = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def harden(room: Room, *, keep: set[int] | None, user: str = "") -> list[Measure]:
    """Take every measure that can be had, and say which. Raises `LookupError` for an unknown user.

    `keep` are the descriptors that stay, beside the standard three; None: all, for the supervisor,
    whose caller has opened them.
    """
    measures: list[Measure] = []
    if keep is not None:
        _close_all_but(keep)  # 1
        measures.append(_done("descriptors-closed"))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # 2
    measures.append(_done("no-core-dumps"))
    if room in (Room.CUSTODIAN, Room.SUPERVISOR):
        measures.append(_lock_memory())  # 3
    if room is Room.CUSTODIAN:
        measures.append(_leave_network())  # 4
    if room is not Room.SUPERVISOR:
        measures.append(_become(user))  # 5
    if room is not Room.SUPERVISOR:
        measures.append(_give_up_capabilities())  # 6
    measures.append(_call("not-dumpable", _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)))  # 7
    measures.append(_call("no-new-privileges", _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)))  # 8
    return measures


def _close_all_but(keep: set[int]) -> None:
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - before any of it is closed
        descriptor = int(name)
        if descriptor > 2 and descriptor not in keep:  # noqa: PLR2004 - the standard three
            try:
                os.close(descriptor)
            except OSError:
                continue  # the descriptor of the listing itself


def _lock_memory() -> Measure:
    if os.geteuid() == 0:
        # For good: the room's own user has a limit, and what is allocated later is locked, too.
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        try:
            resource.setrlimit(resource.RLIMIT_MEMLOCK, unlimited)
        except (ValueError, OSError):
            return Measure("memory-locked", active=False, note="RLIMIT_MEMLOCK cannot be raised")
    elif resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] != resource.RLIM_INFINITY:
        # With a limit, locking would make later allocations fail instead of being swapped.
        return Measure("memory-locked", active=False, note="RLIMIT_MEMLOCK is not unlimited")
    return _call("memory-locked", _libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT))


def _leave_network() -> Measure:
    if os.geteuid() != 0:
        return Measure("network-namespace", active=False, note="needs root")
    return _call("network-namespace", _libc.unshare(_CLONE_NEWNET))


def _become(user: str) -> Measure:
    if not user:
        return Measure("own-user", active=False, note="no user is configured for this room")
    account = pwd.getpwnam(user)
    if os.geteuid() != 0:
        return Measure("own-user", active=os.geteuid() == account.pw_uid, note="not root")
    os.setgroups([])
    os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
    os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
    try:
        os.setuid(0)
    except PermissionError:
        return _done("own-user")
    raise RuntimeError("root could be regained")


def _give_up_capabilities() -> Measure:
    """None is left, nor to be had: root without them is a user like others. See capset(2)."""
    for capability in range(_CAPABILITIES_MAX):
        _libc.prctl(
            _PR_CAPBSET_DROP, capability, 0, 0, 0
        )  # fails beyond the last one, or without right
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    return _call("no-capabilities", _libc.capset(header, bytes(24)))


def _done(name: str) -> Measure:
    return Measure(name, active=True)


def _call(name: str, result: int) -> Measure:
    if result == 0:
        return _done(name)
    return Measure(name, active=False, note=os.strerror(ctypes.get_errno()))
