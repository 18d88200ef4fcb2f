"""Compiles the kernel: ``python -m quizserver.kernel.build`` for this machine's processors, and
``--wasm`` the WebAssembly module that is in the repository.

The compiler is clang, from the package ``ziglang``. The same sources give the same bytes, wherever
and whenever they are compiled. A file is replaced in one step, so whoever uses the old one goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

from quizserver.atomic_files import write_atomically
from quizserver.kernel import recipe
from quizserver.kernel.recipe import Variant

_SECONDS = 300.0


class KernelBuildError(RuntimeError):
    """The kernel could not be compiled; the message says why."""


def can_build(machine: str | None = None) -> bool:
    """Whether native libraries are made for the machine (this one)."""
    machine = machine or recipe.this_machine()
    return machine in recipe.VARIANTS and sys.platform in {"linux", "darwin"}


def is_built(folder: Path = recipe.BUILT, machine: str | None = None) -> bool:
    """Whether the machine's libraries lie in the folder, undamaged and made of these sources."""
    try:
        manifest = json.loads((folder / recipe.MANIFEST).read_text("utf-8"))
        digests = {each["file"]: each["sha256"] for each in manifest["libraries"].values()}
        return bool(manifest["version"] == recipe.source_version()) and digests == {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in _library_paths(folder, machine or recipe.this_machine())
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return False


def build_native(folder: Path = recipe.BUILT, *, machine: str | None = None) -> list[Path]:
    """Compiles every variant of this machine (or another Linux ``machine``) into ``folder``,
    where they are not there already. Returns the libraries.

    Raises KernelBuildError.
    """
    machine = machine or recipe.this_machine()
    if not can_build(machine):
        raise KernelBuildError(f"no native kernel is made for {sys.platform} on {machine}")
    variants, paths = recipe.VARIANTS[machine], _library_paths(folder, machine)
    if is_built(folder, machine):
        return paths
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max_workers=2) as pool:
        libraries = list(pool.map(_compile_native, variants))
    for path, data in zip(paths, libraries, strict=True):
        write_atomically(path, data, overwrite=True)
    manifest = {
        "version": recipe.source_version(),
        "libraries": {
            variant.name: {"file": path.name, "sha256": hashlib.sha256(data).hexdigest()}
            for variant, path, data in zip(variants, paths, libraries, strict=True)
        },
    }
    # Last, so that it never names a file that is not there yet.
    text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
    write_atomically(folder / recipe.MANIFEST, text.encode(), overwrite=True)
    return paths


def build_wasm() -> list[Path]:
    """Compiles the WebAssembly modules of the repository. Raises KernelBuildError."""
    modules = {
        recipe.WASM_FILE: compile_wasm(),
        recipe.WASM_FLOAT32_FILE: compile_wasm(recipe.FLOAT32_UNITS),
    }
    for path, data in modules.items():
        write_atomically(path, data, overwrite=True)
    return list(modules)


def compile_wasm(units: Sequence[tuple[str, Sequence[str]]] | None = None) -> bytes:
    """The WebAssembly module of the units (the kernel's). Raises KernelBuildError."""
    link = [
        "wasm-ld", "-s", "--no-entry", "--export-dynamic", "--export=__heap_base", "--stack-first",
        "-z", f"stack-size={recipe.WASM_STACK}", f"--max-memory={recipe.WASM_MEMORY_MAX}",
    ]  # fmt: skip
    return compile_units(recipe.WASM, recipe.WASM.target, [], link, units)


def _compile_native(variant: Variant) -> bytes:
    if sys.platform == "darwin":
        # A library of macOS names the system's own, which the compiler's whole driver knows.
        target = f"{variant.target}-macos"
        processor = f"-mcpu={variant.processor}"
        link = ["cc", "-target", target, processor, "-shared", "-s", "-Wl,-install_name,kernel"]
    else:
        target = f"{variant.target}-linux-none"
        link = ["ld.lld", "-shared", "-s", "--build-id=none", "--no-undefined", "--hash-style=gnu"]
    return compile_units(variant, target, ["-fPIC"], link)


def compile_units(
    variant: Variant,
    target: str,
    flags: Sequence[str],
    link: Sequence[str],
    units: Sequence[tuple[str, Sequence[str]]] | None = None,
) -> bytes:
    """Compiles and links the units (the kernel's) for one variant; the bytes of the library.

    Raises KernelBuildError.
    """
    compiler = _find_compiler()
    version = f'-DKERNEL_VERSION="{recipe.source_version()}"'
    with tempfile.TemporaryDirectory(prefix="quizserver-kernel-") as name:
        folder = Path(name)
        objects = []
        for number, (unit, own_flags) in enumerate(units or recipe.UNITS):
            objects.append(f"{number}.o")
            # Paths are relative to the sources, so that no folder of this machine gets in.
            command = [
                compiler, "cc", "-target", target, f"-mcpu={variant.processor}", *recipe.FLAGS,
                *flags, *own_flags, version, "-c", unit, "-o", str(folder / objects[-1]),
            ]  # fmt: skip
            _run(command, recipe.SOURCE, folder)
        _run([compiler, *link, "-o", "library", *objects], folder, folder)
        return (folder / "library").read_bytes()


def _run(command: Sequence[str], directory: Path, cache: Path) -> None:
    """The compiler keeps what it made between two calls; a folder of ours is gone afterwards."""
    environment = os.environ | {
        "ZIG_GLOBAL_CACHE_DIR": str(cache / "cache"),
        "ZIG_LOCAL_CACHE_DIR": str(cache / "cache"),
    }
    try:
        done = subprocess.run(
            command, cwd=directory, env=environment, capture_output=True, text=True,
            errors="replace", timeout=_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise KernelBuildError(f"the compiler could not be run ({error})") from error
    if done.returncode != 0:
        raise KernelBuildError(f"the compiler refused:\n{done.stderr.strip()}")


def _find_compiler() -> str:
    """The path of the compiler. Raises KernelBuildError where its package is not installed."""
    spec = find_spec("ziglang")
    for folder in spec.submodule_search_locations or () if spec else ():
        path = Path(folder) / "zig"
        if path.is_file():
            return str(path)
    raise KernelBuildError(f"there is no compiler here: pip install {recipe.COMPILER}")


def _library_paths(folder: Path, machine: str) -> list[Path]:
    suffix = ".dylib" if sys.platform == "darwin" else ".so"
    return [folder / f"kernel-{variant.name}{suffix}" for variant in recipe.VARIANTS[machine]]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m quizserver.kernel.build", description=__doc__)
    parser.add_argument("--wasm", action="store_true", help="the WebAssembly module as well")
    parser.add_argument("--folder", type=Path, default=recipe.BUILT, help="for native libraries")
    parser.add_argument("--machine", choices=recipe.VARIANTS, help="for another Linux machine")
    options = parser.parse_args(arguments)
    try:
        paths = build_native(options.folder, machine=options.machine)
        if options.wasm:
            paths += build_wasm()
    except (KernelBuildError, OSError) as error:
        sys.stderr.write(f"The kernel was not built: {error}\n")
        return 1
    for path in paths:
        sys.stdout.write(f"{path} ({path.stat().st_size} bytes)\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
