"""A process that runs LibreOffice for `ingest.office`, with little of what a program may do.

    python -m ingest.office_worker MEMORY_BYTES SECONDS PROGRAM ARGUMENT...

Memory, processor time and the size of files are limited, and on Linux there is no network:
the kernel refuses sockets other than local ones, to all that is started from here too. It
ends with LibreOffice's exit code, or at once when whoever started it is gone.

Source: https://www.kernel.org/doc/html/latest/userspace-api/seccomp_filter.html
"""

import ctypes
import errno
import os
import platform
import resource
import select
import signal
import struct
import subprocess
import sys

_LARGEST_FILE = 512 << 20
_SECONDS_BETWEEN_LOOKS = 0.05

_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2  # prctl
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EACCES
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_LOCAL = 1  # AF_UNIX
_IO_URING = 425
_SOCKET = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""By processor: its name in the kernel, and the number of the call that makes a socket."""


def main() -> None:
    """Run the program to its end."""
    memory, seconds, command = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    _limit(memory, seconds)
    _leave_network()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 -- no shell
    while (code := process.poll()) is None:
        if select.select([sys.stdin], [], [], _SECONDS_BETWEEN_LOOKS)[0]:  # nobody waits any more
            os.killpg(0, signal.SIGKILL)
    sys.exit(code if code >= 0 else 128 - code)


def _limit(memory: int, seconds: float) -> None:
    if sys.platform == "linux":  # elsewhere the address space cannot be limited
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    cpu = 1 + int(2 * seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_FILE, _LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _leave_network() -> None:
    """Have the kernel refuse all sockets but local ones; where it cannot, settings must do."""
    known = _SOCKET.get(platform.machine())
    if sys.platform != "linux" or known is None:
        return
    architecture, socket = known
    instructions = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 0, 6, architecture),
        (_LOAD, 0, 0, _NUMBER),
        (_EQUAL, 4, 0, _IO_URING),
        (_EQUAL, 0, 2, socket),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_EQUAL, 0, 1, _LOCAL),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    program = b"".join(struct.pack("=HBBI", *each) for each in instructions)
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(instructions), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0:
        libc.prctl(_SET_SECCOMP, _FILTER, ctypes.create_string_buffer(header), 0, 0)


if __name__ == "__main__":
    main()
