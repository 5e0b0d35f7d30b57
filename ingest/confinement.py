"""What a parser process may not do: a filter of system calls that it can never take off.

A document that takes over its parser finds no network, no file it could write, and no
program it could start. The filter is the kernel's own (seccomp), needs no privilege, and
works inside containers. Elsewhere than on Linux there is none.

Source: https://www.kernel.org/doc/html/latest/userspace-api/seccomp_filter.html; numbers
of system calls: the kernel's unistd.h of either architecture.
"""

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass

_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2  # prctl

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
"""Instructions: load a word of the call, compare it with a constant, end."""

_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_REFUSE, _UNKNOWN = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS

_NUMBER, _ARCHITECTURE = 0, 4
_ARGUMENTS = 16
"""Offsets of what is known of a call; its arguments are eight bytes each, low word first."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | 0o20000000  # the last: O_TMPFILE
_THREAD = 0x00010000
_FIRST_OF_X32 = 0x40000000


@dataclass(frozen=True)
class _Calls:
    """Numbers of system calls on an architecture.

    Attributes:
        architecture: as the kernel names it in what a filter sees.
        refused: those that reach the network, change files, start programs or reach into
            other processes.
        opening: those that open files: the number, and which argument holds the flags.
        clone: makes a thread or a process.
        signal: sends a signal to a thread; the first argument is its process.
    """

    architecture: int
    refused: tuple[int, ...]
    opening: tuple[tuple[int, int], ...]
    clone: int
    signal: int


_HIDDEN = (435, 437)
"""clone3 and openat2, whose arguments a filter cannot see: callers fall back to the former calls
when told that there are none. io_uring, which does what filters do not see, is refused."""
_REFUSED_EVERYWHERE = (425, 426, 427, 428, 429, 430, 438)

_CALLS = {
    "x86_64": _Calls(
        architecture=0xC000003E,
        refused=(
            *(41, 42, 43, 44, 46, 49, 50, 53, 288, 307),  # socket ... accept4, sendmmsg
            *(57, 58, 59, 322),  # fork, vfork, execve, execveat
            *(62, 101, 129, 200, 297, 310, 311, 434, 424),  # kill, ptrace ... pidfds
            *(76, 82, 83, 84, 85, 86, 87, 88, 90, 91, 92, 93, 94, 132, 133),  # truncate ... mknod
            *(235, 258, 259, 260, 261, 263, 264, 265, 266, 268, 280, 316, 452),  # mkdirat ...
            *(188, 189, 190, 197, 198, 199, 165, 166, 161, 272, 308, 321),  # xattrs, mount ... bpf
            *(155, 167, 169, 170, 175, 179, 246, 248, 250, 298, 304, 313, 320, 323),  # root's own
        ),
        opening=((2, 1), (257, 2)),
        clone=56,
        signal=234,
    ),
    "aarch64": _Calls(
        architecture=0xC00000B7,
        refused=(
            *(198, 199, 200, 201, 202, 203, 206, 211, 242, 269),  # socket ... sendmmsg
            *(221, 281),  # execve, execveat
            *(117, 129, 130, 138, 240, 270, 271, 434, 424),  # ptrace, kill ... pidfds
            *(33, 34, 35, 36, 37, 38, 45, 52, 53, 54, 55, 88, 276, 452),  # mknodat ... renameat2
            *(5, 6, 7, 14, 15, 16, 39, 40, 51, 97, 268, 280),  # xattrs, mount ... bpf
            *(41, 60, 104, 105, 142, 161, 217, 219, 224, 241, 265, 273, 282, 294),  # root's own
        ),
        opening=((56, 2),),
        clone=220,
        signal=131,
    ),
}


def confine() -> bool:
    """Give up network, writing, programs and other processes, for good; whether the kernel agreed.

    To be called before the process has a second thread: those that are there already
    stay free.
    """
    calls = _CALLS.get(platform.machine()) if sys.platform == "linux" else None
    if calls is None:
        return False
    code = b"".join(struct.pack("=HBBI", *each) for each in _program(calls))
    instructions = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("@HP", len(code) // 8, ctypes.addressof(instructions))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    none = ctypes.c_ulong(0)
    if prctl(_NO_NEW_PRIVILEGES, ctypes.c_ulong(1), none, none, none):
        return False
    return not prctl(_SET_SECCOMP, ctypes.c_ulong(_FILTER), ctypes.c_char_p(program), none, none)


_Instruction = tuple[int, int, int, int]
"""What to do, instructions to skip if a comparison holds, if it does not, and the constant."""


def _program(calls: _Calls) -> Iterator[_Instruction]:
    """Each part decides on some calls and lets the others go on to the next."""
    yield _LOAD, 0, 0, _ARCHITECTURE
    yield from _returned(_EQUAL, calls.architecture, _KILL, unless=True)
    yield _LOAD, 0, 0, _NUMBER
    yield from _returned(_AT_LEAST, _FIRST_OF_X32, _REFUSE)
    for number in _HIDDEN:
        yield from _returned(_EQUAL, number, _UNKNOWN)
    for number in (*calls.refused, *_REFUSED_EVERYWHERE):
        yield from _returned(_EQUAL, number, _REFUSE)
    for number, argument in calls.opening:
        yield from _decided(number, argument, (_ANY_BIT, 0, 1, _WRITING), _REFUSE, _ALLOW)
    yield from _decided(calls.clone, 0, (_ANY_BIT, 0, 1, _THREAD), _ALLOW, _REFUSE)
    yield from _decided(calls.signal, 0, (_EQUAL, 0, 1, os.getpid()), _ALLOW, _REFUSE)
    yield _RETURN, 0, 0, _ALLOW


def _returned(
    comparison: int, constant: int, verdict: int, *, unless: bool = False
) -> Iterator[_Instruction]:
    """Calls for which a comparison holds, or does not hold, end with a verdict."""
    yield comparison, int(unless), int(not unless), constant
    yield _RETURN, 0, 0, verdict


def _decided(
    number: int, argument: int, test: _Instruction, verdict: int, otherwise: int
) -> Iterator[_Instruction]:
    """One call ends with either verdict, as a test of one of its arguments says."""
    yield _EQUAL, 0, 4, number
    yield _LOAD, 0, 0, _ARGUMENTS + 8 * argument
    yield test
    yield _RETURN, 0, 0, verdict
    yield _RETURN, 0, 0, otherwise
