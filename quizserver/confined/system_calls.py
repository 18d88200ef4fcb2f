"""Denies a process the system calls that start processes and that make or empty files (seccomp).

Resource limits can't: the kernel counts the processes of a whole user, and those of root not at
all; and it bounds the size of a file, not how many are made.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
import sys
from collections.abc import Iterable, Mapping, Sequence

# The number of this error is used for nothing else, so that what was denied can be told by it.
DENIED = getattr(errno, "EUSERS", errno.EPERM)

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_ALLOW = 0x7FFF0000  # SECCOMP_RET_ALLOW
_ERROR = 0x00050000  # SECCOMP_RET_ERRNO, with the number of the error in the lower half

# Opcodes of the kernel's packet filters, which seccomp runs on (number, architecture, arguments).
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16

_CLONE_THREAD = 0x00010000
_MAKES_FILE = 0o100 | 0o1000 | 0o20000000  # O_CREAT, O_TRUNC, the bit of O_TMPFILE

# The audit name of each architecture, and its numbers of the calls.
_ARCHITECTURES: Mapping[str, tuple[int, Mapping[str, int]]] = {
    "x86_64": (
        0xC000003E,
        {
            "open": 2, "clone": 56, "fork": 57, "vfork": 58, "truncate": 76, "ftruncate": 77,
            "rename": 82, "mkdir": 83, "rmdir": 84, "creat": 85, "link": 86, "unlink": 87,
            "symlink": 88, "mknod": 133, "openat": 257, "mkdirat": 258, "mknodat": 259,
            "unlinkat": 263, "renameat": 264, "linkat": 265, "symlinkat": 266, "renameat2": 316,
            "io_uring_setup": 425, "clone3": 435, "openat2": 437,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "mknodat": 33, "mkdirat": 34, "unlinkat": 35, "symlinkat": 36, "linkat": 37,
            "renameat": 38, "truncate": 45, "ftruncate": 46, "openat": 56, "clone": 220,
            "renameat2": 276, "io_uring_setup": 425, "clone3": 435, "openat2": 437,
        },
    ),
}  # fmt: skip

# Their flags lie in memory, where a filter can't look: without them the C library falls back on
# the older calls, which are looked at.
_HIDDEN_FLAGS = ("clone3", "openat2", "io_uring_setup")
# Which argument holds the flags of the calls that are denied for some flags only.
_FLAGS = {"clone": 0, "open": 1, "openat": 2}

_Instruction = tuple[int, int, int, int]

# Loaded before any fork, so that a child only calls it.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def deny_processes_and_files() -> bool:
    """From now on this process can start threads but no process, and read files but not make,
    empty, rename or delete one: such a call fails with the error ``DENIED``.

    It can't be undone. False where the system has no such filters; nothing is denied then.
    """
    architecture = _ARCHITECTURES.get(platform.machine())
    if _libc is None or architecture is None:
        return False
    program = _encode_program(_build_program(*architecture))
    instructions = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: how many instructions, and where they are
    header = struct.pack("HP", len(program) // 8, ctypes.addressof(instructions))
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(_libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0) == 0)


def _build_program(architecture: int, numbers: Mapping[str, int]) -> list[_Instruction]:
    deny, hide = _ERROR | DENIED, _ERROR | errno.ENOSYS
    program: list[_Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_IF_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, hide),
        (_LOAD, 0, 0, _NUMBER_AT),
        # the other numbering of x86-64
        (_IF_AT_LEAST, 0, 1, 0x40000000),
        (_RETURN, 0, 0, hide),
    ]
    plain = [n for name, n in numbers.items() if name not in (*_FLAGS, *_HIDDEN_FLAGS)]
    program += _return_for(plain, deny)
    program += _return_for([numbers[name] for name in _HIDDEN_FLAGS], hide)
    for name, argument in _FLAGS.items():
        if name in numbers:
            thread = name == "clone"
            program += [
                (_IF_EQUAL, 0, 4, numbers[name]),
                (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument),
                (_IF_ANY_BIT, 0, 1, _CLONE_THREAD if thread else _MAKES_FILE),
                (_RETURN, 0, 0, _ALLOW if thread else deny),
                (_RETURN, 0, 0, deny if thread else _ALLOW),
            ]
    return [*program, (_RETURN, 0, 0, _ALLOW)]


def _return_for(numbers: Iterable[int], result: int) -> list[_Instruction]:
    return [
        instruction
        for number in numbers
        for instruction in ((_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, result))
    ]


def _encode_program(program: Sequence[_Instruction]) -> bytes:
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program)
