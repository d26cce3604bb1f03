"""A seal on the system calls of a room: what it has no business with fails with EPERM.

Whoever in the process asks for it:

- custodian: no network at all, and no file is opened or made after this; but opened, if a file
  moves the clock for a test (`moved_clock`)
- ledger: no network
- gate: takes connections, makes none
- courier: makes connections, takes none; opens, renames and removes files, and nothing else of them
- each of them: no other program, no new process, no look into other processes, no new kernel
  interfaces

Sockets that the supervisor hands over go on working: a filter judges calls, not descriptors. See
seccomp(2).
"""

import ctypes
import os
import platform
import struct
from collections.abc import Mapping
from typing import Final

from strongroom.node import moved_clock
from strongroom.node.control import Measure
from strongroom.node.rooms import Room

# name -> (number on x86_64, number on aarch64); -1: there is none.
_NETWORK: Final = {
    "socket": (41, 198),
    "connect": (42, 203),
    "accept": (43, 202),
    "accept4": (288, 242),
    "bind": (49, 200),
    "listen": (50, 201),
    "socketpair": (53, 199),
}
_DIALLING: Final = {name: _NETWORK[name] for name in ("connect", "bind")}
_ANSWERING: Final = {name: _NETWORK[name] for name in ("accept", "accept4", "bind", "listen")}
_FILES: Final = {
    "open": (2, -1),
    "creat": (85, -1),
    "openat": (257, 56),
    "openat2": (437, 437),
    "truncate": (76, 45),
    "rename": (82, -1),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "link": (86, -1),
    "linkat": (265, 37),
    "symlink": (88, -1),
    "symlinkat": (266, 36),
    "unlink": (87, -1),
    "unlinkat": (263, 35),
    "mkdir": (83, -1),
    "mkdirat": (258, 34),
    "rmdir": (84, -1),
    "mknod": (133, -1),
    "mknodat": (259, 33),
    "chmod": (90, -1),
    "fchmodat": (268, 53),
    "chown": (92, -1),
    "fchownat": (260, 54),
    "memfd_create": (319, 279),
}
# A file sink is opened, moved aside and removed; so are what says where a name is (resolver(5)).
_ODD_FILES: Final = {
    name: numbers
    for name, numbers in _FILES.items()
    if not name.startswith(("open", "creat", "rename", "unlink"))
}
_PROCESSES: Final = {
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, -1),
    "vfork": (58, -1),
    "kill": (62, 129),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
}
# A ring does what a filter would refuse: what is asked through it is no system call.
_RINGS: Final = {
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
}
_KERNEL: Final = {
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "mount": (165, 40),
    "unshare": (272, 97),
    "setns": (308, 268),
}
_DENIED: Final = {
    Room.GATE: _DIALLING | _PROCESSES | _RINGS | _KERNEL,
    Room.CUSTODIAN: _NETWORK | _FILES | _PROCESSES | _RINGS | _KERNEL,
    Room.LEDGER: _NETWORK | _PROCESSES | _RINGS | _KERNEL,
    Room.COURIER: _ANSWERING | _ODD_FILES | _PROCESSES | _RINGS | _KERNEL,
}

# machine -> (column above, AUDIT_ARCH, clone, clone3, seccomp)
_MACHINES: Final = {
    "x86_64": (0, 0xC000003E, 56, 435, 317),
    "aarch64": (1, 0xC00000B7, 220, 435, 277),
}

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_ANY_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data, little-endian
_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000
_EPERM: Final = 0x00050001
_ENOSYS: Final = 0x00050026
_CLONE_THREAD: Final = 0x00010000
_X32_BIT: Final = 0x40000000
_SET_MODE_FILTER, _ALL_THREADS = 1, 1

_OPENING: Final = ("open", "openat")  # how the C library opens what says the time
_MOVED: Final = "files can be opened: one of them says what time it is"


def refuse_rings() -> None:
    """Refuse io_uring from now on. After `no_new_privs`; before the event loop, which makes a ring.

    A ring that is there when the room is sealed would be a way around the seal: files are opened
    and peers dialled through it by a call that names neither. Refused at first, the loop does
    without.
    """
    _seal(_RINGS)


def seal(room: Room) -> Measure:
    """Seal this process, all its threads, for good. After `no_new_privs`."""
    denied = _DENIED[room]
    if denied.keys().isdisjoint(_OPENING) or not moved_clock.is_read_from_file():
        return _seal(denied)
    measure = _seal({name: denied[name] for name in denied if name not in _OPENING})
    return Measure(measure.name, active=False, note=measure.note or _MOVED)


def _seal(denied: Mapping[str, tuple[int, int]]) -> Measure:
    machine = platform.machine()
    if machine not in _MACHINES:
        return Measure("system-calls-limited", active=False, note=f"not written for {machine}")
    code = _program(denied, machine)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(
        _MACHINES[machine][4], _SET_MODE_FILTER, _ALL_THREADS, ctypes.create_string_buffer(program)
    )
    if result != 0:
        return Measure("system-calls-limited", active=False, note=os.strerror(ctypes.get_errno()))
    return Measure("system-calls-limited", active=True)


def _program(denied: Mapping[str, tuple[int, int]], machine: str) -> bytes:
    column, architecture, clone, clone3, _ = _MACHINES[machine]
    lines = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        # The x32 interface has other numbers for the same calls.
        lines += [(_AT_LEAST, 0, 1, _X32_BIT), (_RETURN, 0, 0, _EPERM)]
    for numbers in denied.values():
        if numbers[column] >= 0:
            lines += [(_EQUAL, 0, 1, numbers[column]), (_RETURN, 0, 0, _EPERM)]
    lines += [
        # clone3 has its flags behind a pointer; told that there is none, the C library uses clone.
        (_EQUAL, 0, 1, clone3),
        (_RETURN, 0, 0, _ENOSYS),
        (_EQUAL, 0, 3, clone),  # threads, yes; processes, no
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_ANY_BIT, 1, 0, _CLONE_THREAD),
        (_RETURN, 0, 0, _EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("HBBI", *line) for line in lines)
