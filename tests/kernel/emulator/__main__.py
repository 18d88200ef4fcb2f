"""``make kernel-emulated``: the kernel compiled for ARM and RISC-V, run by qemu, must give the bits
that it gives here. Not a part of the tests, as it takes qemu (Debian: ``qemu-user-static``)."""

from __future__ import annotations

import argparse
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from quizserver.kernel import build, recipe
from quizserver.kernel.arena import ALIGNMENT, Arena
from quizserver.kernel.arithmetic import find_arithmetic_fault
from quizserver.kernel.library import KernelLibrary, load_library
from tests.kernel.bits import digests

HERE = Path(__file__).parent
MEMORY = 16 << 20  # bytes that an arena has, all of which travel with every call
WORDS = 8


class EmulatedLibrary(KernelLibrary):
    """The kernel of another machine, called through a pipe to an emulator.

    One arena at a time, as its memory travels with each call and comes back changed.
    """

    def __init__(self, machine: str, folder: Path) -> None:
        program = folder / f"driver-{machine}"
        self.kind = f"emulated {machine}"
        self.version = recipe.source_version()
        self._names = _exported_names()
        program.write_bytes(_compile_driver(machine, self._names, folder))
        program.chmod(0o755)
        self._process = subprocess.Popen(
            [_find_emulator(machine), str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._memory = np.zeros(MEMORY, np.uint8)
        self._used = ALIGNMENT

    def open_arena(self) -> Arena:
        return _EmulatedArena(self)

    def call(self, name: str, *words: int) -> int:
        base = self._memory.ctypes.data
        addresses = sum(
            1 << index for index, word in enumerate(words) if base <= word < base + MEMORY
        )
        values = [word - base if addresses >> i & 1 else word for i, word in enumerate(words)]
        values += [0] * (WORDS - len(words))
        head = (self._names.index(name), self._used, addresses, *values)
        writer, reader = _pipes(self._process)
        writer.write(struct.pack(f"={3 + WORDS}q", *head))
        writer.write(self._memory[: self._used].tobytes())
        writer.flush()
        (result,) = struct.unpack("=q", _read(reader, 8))
        self._memory[: self._used] = np.frombuffer(_read(reader, self._used), np.uint8)
        return int(result)

    def take(self, size: int) -> tuple[int, NDArray[np.uint8]]:
        start = -(-self._used // ALIGNMENT) * ALIGNMENT
        start += -(self._memory.ctypes.data + start) % ALIGNMENT
        if start + size > MEMORY:
            raise MemoryError(f"more than {MEMORY} bytes")
        self._used = start + size
        return self._memory.ctypes.data + start, self._memory[start : start + size]

    def clear(self) -> None:
        self._memory[:] = 0
        self._used = ALIGNMENT

    def close(self) -> None:
        self._process.communicate()


class _EmulatedArena(Arena):
    def __init__(self, library: EmulatedLibrary) -> None:
        self._library = library

    def _take(self, size: int) -> tuple[int, NDArray[np.uint8]]:
        return self._library.take(size)

    def release(self) -> None:
        self._library.clear()


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


def _read(reader: IO[bytes], count: int) -> bytes:
    data = reader.read(count)
    if len(data) < count:
        raise RuntimeError("the emulated kernel ended")
    return data


def _exported_names() -> list[str]:
    """The functions that the WebAssembly module of the same sources exports."""
    import wasmtime

    module = wasmtime.Module(wasmtime.Engine(), recipe.WASM_FILE.read_bytes())
    return sorted(each.name for each in module.exports if isinstance(each.type, wasmtime.FuncType))


def _compile_driver(machine: str, names: list[str], folder: Path) -> bytes:
    """A program that has the kernel in it, compiled as the library of that machine is."""
    (variant,) = recipe.VARIANTS[machine]
    lines = [f"EXPORTED({number}, {name})\n" for number, name in enumerate(names)]
    (folder / "exports.inc").write_text("".join(lines))
    shutil.copy(HERE / "driver.c", folder)
    flags = ["-Wno-return-type", "-I", str(folder)]
    return build.compile_units(
        variant,
        f"{variant.target}-linux-none",
        flags,
        ["ld.lld", "-s", "--build-id=none"],
        [*recipe.UNITS, (str(folder / "driver.c"), ())],
    )


def _find_emulator(machine: str) -> str:
    for name in (f"qemu-{machine}-static", f"qemu-{machine}"):
        if path := shutil.which(name):
            return path
    sys.exit(f"There is no qemu-{machine} here (Debian: apt install qemu-user-static).")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def compare(machine: str, expected: dict[str, str], folder: Path) -> bool:
    """Whether the machine's bits are those expected; prints which are not."""
    library: Any = EmulatedLibrary(machine, folder)
    fault = find_arithmetic_fault(library)
    found = {} if fault else digests(library)
    library.close()
    different = sorted(name for name in expected if found.get(name) != expected[name])
    _say(f"{library.kind}: {len(expected) - len(different)} of {len(expected)} the same. {fault}")
    for name in different:
        _say(f"  another one: {name}")
    return not different


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kernel.emulator", description=__doc__)
    parser.add_argument("machines", nargs="*", default=["aarch64", "riscv64"])
    options = parser.parse_args()
    native = load_library()
    _say(f"compared with {native.kind}")
    expected = digests(native)
    with tempfile.TemporaryDirectory() as name:
        same = [compare(machine, expected, Path(name)) for machine in options.machines]
    return 0 if all(same) else 1


if __name__ == "__main__":
    sys.exit(main())
