"""``python -m tests.kernel.sanitized``: the tests of training with a kernel that watches itself.

gcc's address and undefined-behaviour sanitizers end the process at the first access outside of
what was allocated, misaligned address, overflow or wrong shift. No part of the tests: it takes gcc.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from quizserver.kernel import recipe

TESTS = ("test_training.py", "test_bits.py")
# gcc has another name for the root of a vector, and knows no attribute for a register's width.
SHIM = """
#define __builtin_elementwise_sqrt(x) ({ __typeof__(x) v = (x); \\
    for (unsigned i = 0; i < sizeof v / sizeof v[0]; i++) v[i] = __builtin_sqrt(v[i]); v; })
"""
FLAGS = (
    "-std=gnu11", "-O1", "-g", "-msse4.2", "-DLANES=8", "-ffp-contract=off", "-fno-math-errno",
    "-fPIC", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-w", "-Wno-psabi",
)  # fmt: skip
CHILD = "QUIZSERVER_SANITIZED_KERNEL"


def build(folder: Path) -> Path:
    """The kernel for both types in one library."""
    (folder / "shim.h").write_text(SHIM)
    objects = []
    for name, flags in (("32", recipe.FLOAT32), ("64", recipe.FLOAT64)):
        objects.append(str(folder / f"{name}.o"))
        command = ["gcc", *FLAGS, "-include", str(folder / "shim.h"), *flags]
        source = str(recipe.SOURCE / "kernel.c")
        subprocess.run([*command, "-c", source, "-o", objects[-1]], check=True)
    library = folder / "kernel.so"
    subprocess.run(["gcc", *FLAGS, "-shared", *objects, "-o", str(library)], check=True)
    return library


def run_tests(path: str) -> int:
    """In a process that has the sanitizer loaded: pytest with that library as the only one."""
    import pytest

    from quizserver.kernel import library

    watched = library.NativeLibrary.__new__(library.NativeLibrary)
    watched._functions = ctypes.CDLL(path)
    watched._prepared = {}
    watched.version, watched.kind = recipe.source_version(), "sanitized"
    library.load_library = lambda choice=None: watched
    here = Path(__file__).parent
    return int(pytest.main(["-q", "-x", "-n0", *(str(here / name) for name in TESTS)]))


def main() -> int:
    if CHILD in os.environ:
        return run_tests(os.environ[CHILD])
    with tempfile.TemporaryDirectory() as folder:
        path = build(Path(folder))
        found = subprocess.run(
            ["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
        )
        environment = os.environ | {
            CHILD: str(path),
            "LD_PRELOAD": found.stdout.strip(),
            "ASAN_OPTIONS": "detect_leaks=0",
        }
        command = [sys.executable, "-m", "tests.kernel.sanitized"]
        return subprocess.run(command, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
