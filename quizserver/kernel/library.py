"""The kernel that this machine can run: compiled for its processor, or else the WebAssembly module
under wasmtime. Both give the same bits.

``load_library`` chooses. What it loads never fits other sources than those that are there: a file
that was built from others is refused, with what to run.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import logging
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from quizserver.kernel import recipe
from quizserver.kernel.processor import usable_variants

if TYPE_CHECKING:
    from quizserver.kernel.arena import Arena

log = logging.getLogger(__name__)

CHOICE_VARIABLE = "QUIZSERVER_KERNEL"
WASM_CHOICE = "wasm"
BUILD_ADVICE = "`python -m quizserver.kernel.build` builds it again (in a checkout: make kernel)"


class KernelUnavailableError(RuntimeError):
    """This machine can run no kernel, or not the one that was asked for; the message says why and
    what to do."""


class KernelLibrary(ABC):
    """The functions of the kernel's sources, and memory for them.

    ``version`` is that of the sources, 16 hexadecimal digits. ``kind`` says what runs: "native
    x86-64-v3", "wasmtime".

    Several threads may use one library, each with arenas of its own. A native kernel runs their
    calls at the same time, and Python goes on meanwhile; under wasmtime one call waits for another.
    A process that is forked may go on with the library of its parent.
    """

    version: str
    kind: str

    @abstractmethod
    def call(self, name: str, *words: int) -> int:
        """Calls the exported function with whole numbers and addresses; returns its result.

        Raises KeyError for a name that the kernel does not export.
        """

    @abstractmethod
    def open_arena(self) -> Arena:
        """A new arena, for use in a ``with`` block."""


class NativeLibrary(KernelLibrary):
    """A library that was compiled for this machine's processor."""

    def __init__(self, path: Path, variant: str, digest: str) -> None:
        """Loads the file. Raises KernelUnavailableError when its bytes are not those with this
        SHA-256, OSError when the system does not load it."""
        # A file that was cut off would end the whole process when it is used.
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise KernelUnavailableError(f"{path} is damaged")
        self._functions = ctypes.CDLL(str(path))
        self._prepared: dict[str, Callable[..., int]] = {}
        self._functions.kernel_version.restype = ctypes.c_char_p
        self.version = _version_in(self._functions.kernel_version() or b"")
        self.kind = f"native {variant}"

    def call(self, name: str, *words: int) -> int:
        # Looked up once: a point of a small network takes little longer than looking it up.
        function = self._prepared.get(name)
        if function is None:
            function = self._prepare(name, len(words))
        return function(*words)

    def _prepare(self, name: str, words: int) -> Callable[..., int]:
        try:
            function = self._functions[name]
        except AttributeError:
            raise KeyError(name) from None
        function.restype = ctypes.c_ssize_t
        function.argtypes = [ctypes.c_ssize_t] * words
        self._prepared[name] = function
        return function

    def open_arena(self) -> Arena:
        from quizserver.kernel.arena import NativeArena

        return NativeArena()


def load_library(choice: str | None = None) -> KernelLibrary:
    """The library of this process: the one that QUIZSERVER_KERNEL names, or the best that this
    machine runs. Says in the log when wasmtime has to serve.

    It is chosen once. A process that is forked later has the same one, also where it has no
    such variable; so whoever forks processes that train calls this before.

    ``choice`` names another one for this call ("x86-64-v2", "wasm"; "" means the best). Raises
    KernelUnavailableError.
    """
    with _lock:
        if choice not in _loaded:
            name = os.environ.get(CHOICE_VARIABLE, "").strip() if choice is None else choice
            try:
                library = _load_chosen(name) if name else _load_best()
                _check_arithmetic(library)
                _loaded[choice] = library
            except KernelUnavailableError as error:
                _loaded[choice] = error
        outcome = _loaded[choice]
    if isinstance(outcome, KernelUnavailableError):
        raise KernelUnavailableError(str(outcome))
    return outcome


def check_kernel() -> bool:
    """Loads the library, for this process and its forks, and says in the log which one it is.

    False where this machine can run none; the log says why and what to do. A worker calls it when
    it starts, and takes no run without one.
    """
    try:
        library = load_library()
    except KernelUnavailableError as error:
        log.error("No run is trained on this machine. %s", error)
        return False
    log.info("the training kernel is %s, version %s", library.kind, library.version)
    return True


_loaded: dict[str | None, KernelLibrary | KernelUnavailableError] = {}
"""By choice, None being that of the process."""
_lock = threading.Lock()


def _load_best() -> KernelLibrary:
    problems: list[str] = []
    try:
        libraries = _read_manifest(recipe.BUILT)
        variants = [v.name for v in usable_variants() if v.name in libraries]
        if not variants:
            problems.append("none was built for this machine's processor")
    except KernelUnavailableError as error:
        problems.append(str(error))
        variants = []
    for variant in variants:
        try:
            return _load_native(variant)
        except KernelUnavailableError as error:
            problems.append(str(error))
    reason = "; ".join(problems)
    try:
        library = _load_wasm()
    except KernelUnavailableError as error:
        raise KernelUnavailableError(
            f"This machine can't run the training kernel. Natively: {reason}. Under wasmtime:"
            f" {error}. {BUILD_ADVICE}."
        ) from error
    log.warning(
        "The training kernel runs under wasmtime, at about a third of its speed: no native one"
        " (%s). %s.", reason, BUILD_ADVICE,
    )  # fmt: skip
    return library


def _load_chosen(choice: str) -> KernelLibrary:
    """The library of this name alone. Raises KernelUnavailableError."""
    variants = [variant.name for variant in usable_variants()]
    try:
        if choice == WASM_CHOICE:
            return _load_wasm()
        if choice in variants:
            return _load_native(choice)
    except KernelUnavailableError as error:
        raise KernelUnavailableError(
            f"The training kernel {choice}, which {CHOICE_VARIABLE} names, can't be run: {error}."
            f" {BUILD_ADVICE}."
        ) from error
    known = ", ".join([*variants, WASM_CHOICE])
    raise KernelUnavailableError(
        f"{CHOICE_VARIABLE} is {choice!r}, which this machine can't run; it can run {known}."
    )


def _load_native(variant: str) -> KernelLibrary:
    """Raises KernelUnavailableError."""
    libraries = _read_manifest(recipe.BUILT)
    if variant not in libraries:
        raise KernelUnavailableError(f"{variant} was not built")
    file, digest = libraries[variant]
    path = recipe.BUILT / file
    try:
        library = NativeLibrary(path, variant, digest)
    except (OSError, AttributeError) as error:
        raise KernelUnavailableError(f"{path} can't be loaded ({error})") from error
    _check_version(library.version, str(path))
    return library


def _load_wasm() -> KernelLibrary:
    """Raises KernelUnavailableError."""
    from quizserver.kernel.wasm_library import WasmLibrary

    library = WasmLibrary(recipe.WASM_FILE)
    _check_version(library.version, str(recipe.WASM_FILE))
    return library


def _check_arithmetic(library: KernelLibrary) -> None:
    """Raises KernelUnavailableError when this process rounds in another way than all others."""
    from quizserver.kernel.arithmetic import find_arithmetic_fault

    fault = find_arithmetic_fault(library)
    if fault:
        raise KernelUnavailableError(
            f"The training kernel ({library.kind}) would give other curves here than elsewhere:"
            f" {fault}. A library that this process loaded may have changed that."
        )


def _read_manifest(folder: Path) -> dict[str, tuple[str, str]]:
    """The native libraries by variant: name of the file, SHA-256. Raises KernelUnavailableError."""
    path = folder / recipe.MANIFEST
    try:
        manifest = json.loads(path.read_text("utf-8"))
        version = str(manifest["version"])
        libraries = {
            str(name): (str(each["file"]), str(each["sha256"]))
            for name, each in manifest["libraries"].items()
        }
    except FileNotFoundError:
        raise KernelUnavailableError("none was built") from None
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise KernelUnavailableError(f"{path} can't be read ({error})") from error
    _check_version(version, str(folder))
    return libraries


def _check_version(version: str, where: str) -> None:
    """Raises KernelUnavailableError when the sources have another version."""
    try:
        expected = recipe.source_version()
    except OSError as error:
        raise KernelUnavailableError(f"the kernel's sources can't be read ({error})") from error
    if version != expected:
        raise KernelUnavailableError(
            f"{where} was built from other sources ({version or 'unknown'}) than those that are"
            f" there now ({expected})"
        )


def _version_in(text: bytes) -> str:
    """The version in what ``kernel_version`` returned."""
    return text.removeprefix(recipe.VERSION_MARK).decode("ascii", "replace")
