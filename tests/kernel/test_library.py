"""Which kernel a machine runs, and the memory that it is given."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from quizserver.kernel import arithmetic, recipe
from quizserver.kernel import library as library_module
from quizserver.kernel.arena import FreeList
from quizserver.kernel.arithmetic import find_arithmetic_fault
from quizserver.kernel.library import (
    CHOICE_VARIABLE,
    KernelLibrary,
    KernelUnavailableError,
    check_kernel,
    load_library,
)
from quizserver.kernel.plan import Plan
from quizserver.kernel.processor import read_abilities, usable_variants
from quizserver.kernel.training import Training
from quizserver.kernel.wasm_library import WasmLibrary
from tests.kernel.plans import chain, dataset, make_plan, slot_values, steps

CHOICES = [*(variant.name for variant in usable_variants()), "wasm"]


@pytest.fixture
def fresh_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is loaded yet, and no variable chooses."""
    monkeypatch.setattr(library_module, "_loaded", {})
    monkeypatch.delenv(CHOICE_VARIABLE, raising=False)


@pytest.fixture
def own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_loading: None) -> Path:
    """Copies of the built files, which a test may break."""
    shutil.copytree(recipe.BUILT, tmp_path / "built")
    shutil.copy(recipe.WASM_FILE, tmp_path / "kernel.wasm")
    monkeypatch.setattr(recipe, "BUILT", tmp_path / "built")
    monkeypatch.setattr(recipe, "WASM_FILE", tmp_path / "kernel.wasm")
    return tmp_path


def plan_on(examples: int) -> Plan:
    """Two steps on so many examples."""
    data = (dataset(examples, 2, 1),)
    return make_plan(chain(2, 8, 1), steps(2), replicas=16, datasets=data, outputs=2)


def train(library: KernelLibrary, plan: Plan) -> np.ndarray:
    with Training(plan, slot_values(16), range(16), library) as training:
        training.run(0, 2)
        return training.outputs


def test_the_best_variant_is_chosen_and_knows_what_it_was_built_from(fresh_loading: None):
    library = load_library()
    assert library.kind == f"native {CHOICES[0]}"
    assert library.version == recipe.source_version()
    assert load_library() is library
    assert load_library("").kind == library.kind
    assert load_library("wasm").version == recipe.source_version()
    assert load_library("wasm").kind == "wasmtime"


def test_the_variable_chooses_and_names_what_there_is(
    fresh_loading: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(CHOICE_VARIABLE, "wasm")
    assert load_library().kind == "wasmtime"
    monkeypatch.setenv(CHOICE_VARIABLE, "x86-64-v9")
    assert load_library().kind == "wasmtime", "chosen once"
    library_module._loaded.clear()
    with pytest.raises(KernelUnavailableError, match=f"it can run {', '.join(CHOICES)}"):
        load_library()


@pytest.mark.skipif("x86" not in CHOICES[0], reason="the bits are those of x86")
def test_a_process_that_takes_small_numbers_for_zero_is_refused():
    """As code that was compiled with -ffast-math makes it: the bits 15 and 6 of MXCSR."""
    code = """
import ctypes, mmap
from quizserver.kernel.library import KernelUnavailableError, load_library
page = mmap.mmap(-1, 4096, prot=7)
page.write(bytes([0x0F, 0xAE, 0x17, 0xC3]))  # ldmxcsr [rdi]; ret
set_rounding = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(
    ctypes.addressof(ctypes.c_char.from_buffer(page))
)
for control in (0x9F80, 0x1FC0, 0x5F80, 0x1F80):
    set_rounding(ctypes.byref(ctypes.c_uint32(control)))
    try:
        load_library(CHOICE).kind
        text = "fine"
    except KernelUnavailableError as error:
        text = str(error)
    set_rounding(ctypes.byref(ctypes.c_uint32(0x1F80)))
    print(text)
    load_library.__globals__["_loaded"].clear()
"""
    for choice in (CHOICES[0], "wasm"):
        done = subprocess.run(
            [sys.executable, "-c", code.replace("CHOICE", repr(choice))],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        flushed, also_flushed, upwards, normal = done.stdout.strip().splitlines()
        assert "numbers near zero are taken for zero" in flushed
        assert "numbers near zero are taken for zero" in also_flushed
        assert "not rounded to the nearest" in upwards
        assert normal == "fine"


def test_arithmetic_that_fuses_is_found(monkeypatch: pytest.MonkeyPatch):
    library = load_library("wasm")
    assert find_arithmetic_fault(library) == ""
    cases = arithmetic._cases(23, 127)
    at = next(index for index, case in enumerate(cases) if "product" in case[-1])
    fused = [*cases[:at], (*cases[at][:4], 0x28800000, cases[at][5]), *cases[at + 1 :]]
    monkeypatch.setattr(arithmetic, "_cases", lambda *_: fused)
    assert "rounded before" in find_arithmetic_fault(library)


def test_a_name_that_is_not_exported_is_an_error():
    for choice in CHOICES:
        with pytest.raises(KeyError):
            load_library(choice).call("no_such_function")


def test_arrays_are_zero_aligned_and_apart():
    for choice in CHOICES:
        library = load_library(choice)
        with library.open_arena() as arena:
            given = [arena.allocate((3, n), dtype) for n in (0, 1, 7, 300) for dtype in "fdib"]
            for number, (address, array) in enumerate(given):
                assert address % 64 == 0
                assert array.ctypes.data % 64 == 0
                assert not array.any()
                array[:] = number
            for number, (_, array) in enumerate(given):
                assert (array == number).all()
            assert len({address for address, _ in given}) == len(given)
        # what was used before is zero again
        with library.open_arena() as arena:
            assert not arena.allocate(10_000, "uint8")[1].any()


def test_thousands_of_runs_need_no_more_memory_than_one():
    module = load_library("wasm")
    assert isinstance(module, WasmLibrary)
    plan = plan_on(10_000)
    train(module, plan)
    size = module.memory_size
    free = module._free.free_bytes
    for _ in range(300):
        Training(plan, slot_values(16), range(16), module).close()
    assert module.memory_size == size
    assert module._free.free_bytes == free
    native = load_library(CHOICES[0])
    before = resident_pages()
    for _ in range(300):
        Training(plan, slot_values(16), range(16), native).close()
    assert resident_pages() - before < 1000  # of 30 and more that each run has


def resident_pages() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1])


def test_the_modules_memory_grows_by_need_and_arrays_stay_where_they_are():
    module = WasmLibrary(recipe.WASM_FILE)
    assert module.memory_size < 1 << 20
    with module.open_arena() as arena:
        _, first = arena.allocate(16, "float64")
        first[:] = 7
        for _ in range(8):
            arena.allocate(1 << 22, "uint8")
        assert 8 << 22 <= module.memory_size < 9 << 22
        assert (first == 7).all()
        size = module.memory_size
        with pytest.raises(MemoryError, match="1024 MiB"):
            arena.allocate(recipe.WASM_MEMORY_MAX, "uint8")
        assert module.memory_size == size


def test_free_parts_join_their_neighbours():
    free = FreeList()
    free.give(64, 960)
    taken = [free.take(64) for _ in range(15)]
    assert taken == [64 * n for n in range(1, 16)]
    assert free.take(64) is None
    for address in taken[::2] + taken[1::2]:
        assert address is not None
        free.give(address, 64)
    assert free.take(960) == 64


def test_threads_may_call_at_once():
    plans = [plan_on(1000 + number) for number in range(4)]
    for choice in (CHOICES[0], "wasm"):
        library = load_library(choice)
        expected = [train(library, plan) for plan in plans]
        found: list[bool] = []

        def run(number: int) -> None:
            for _ in range(50):
                same = train(library, plans[number]) == expected[number]  # noqa: B023
                found.append(bool(same.all()))  # noqa: B023

        threads = [threading.Thread(target=run, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [True] * 200


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-900])


def overwrite(path: Path) -> None:
    path.write_bytes(b"not a library" * 500)


@pytest.mark.parametrize("damage", [cut_off, overwrite, Path.unlink])
def test_a_damaged_library_is_named_and_another_serves(
    damage: Callable[[Path], None], own_files: Path, caplog: pytest.LogCaptureFixture
):
    libraries = sorted((own_files / "built").glob("kernel-*"))
    best = next(path for path in libraries if CHOICES[0] in path.name)
    damage(best)
    with pytest.raises(KernelUnavailableError) as caught:
        load_library(CHOICES[0])
    assert str(best) in str(caught.value)
    assert "python -m quizserver.kernel.build" in str(caught.value)
    assert load_library().version == recipe.source_version()
    assert load_library().kind != f"native {CHOICES[0]}"

    library_module._loaded.clear()
    for path in libraries:
        if path.exists():
            damage(path)
    caplog.set_level(logging.INFO)
    assert load_library().kind == "wasmtime"
    (line,) = [r.getMessage() for r in caplog.records if "wasmtime" in r.getMessage()]
    assert str(best) in line

    library_module._loaded.clear()
    damage(own_files / "kernel.wasm")
    with pytest.raises(KernelUnavailableError, match=r"kernel\.wasm") as caught:
        load_library()
    assert "make kernel" in str(caught.value)


def test_a_worker_says_at_start_which_kernel_it_has(
    own_files: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    assert check_kernel()
    assert caplog.messages == [
        f"the training kernel is native {CHOICES[0]}, version {recipe.source_version()}"
    ]
    shutil.rmtree(own_files / "built")
    caplog.clear()
    library_module._loaded.clear()
    assert check_kernel()
    assert "runs under wasmtime" in caplog.messages[0]
    assert "no native one (none was built)" in caplog.messages[0]
    assert caplog.messages[1:] == [
        f"the training kernel is wasmtime, version {recipe.source_version()}"
    ]
    (own_files / "kernel.wasm").unlink()
    caplog.clear()
    library_module._loaded.clear()
    assert not check_kernel()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert caplog.messages[0].startswith("No run is trained on this machine.")
    assert "Natively: none was built. Under wasmtime:" in caplog.messages[0]


@pytest.mark.parametrize(("choice", "can_train"), [("wasm", True), ("none", False)])
def test_a_worker_without_a_kernel_takes_no_run(choice: str, can_train: bool, tmp_path: Path):
    code = f"""
from pathlib import Path
from quizserver.settings import Settings
from quizserver.worker import dispatcher, main

class Dispatcher:
    def __init__(self, *_args, can_train):
        print(can_train)

    def run(self):
        pass

dispatcher.Dispatcher, main._warm_up = Dispatcher, lambda: None
main.run_worker(Settings(data=Path({str(tmp_path)!r})))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {CHOICE_VARIABLE: choice},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == str(can_train), done.stderr
    assert ("No run is trained on this machine" in done.stderr) != can_train


def test_files_that_were_built_from_other_sources_are_refused(
    own_files: Path, monkeypatch: pytest.MonkeyPatch
):
    source = own_files / "source"
    shutil.copytree(recipe.SOURCE, source)
    (source / "version.c").write_text((source / "version.c").read_text() + "\n")
    changed = recipe.source_version(source)
    assert changed != recipe.source_version()
    monkeypatch.setattr(recipe, "source_version", lambda: changed)
    for choice in ("", CHOICES[0], "wasm"):
        with pytest.raises(KernelUnavailableError, match="built from other sources") as caught:
            load_library(choice)
        assert "make kernel" in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", '{"version": 1}', '{"version": "x", "libraries": 3}'])
def test_a_manifest_that_says_nothing_leaves_it_to_wasmtime(text: str, own_files: Path):
    (own_files / "built" / recipe.MANIFEST).write_text(text)
    assert load_library().kind == "wasmtime"


def test_a_library_that_lies_about_its_version_is_refused(own_files: Path):
    """The manifest may be of another build than the file."""
    manifest_path = own_files / "built" / recipe.MANIFEST
    manifest = json.loads(manifest_path.read_text())
    entry = manifest["libraries"][CHOICES[0]]
    path = own_files / "built" / entry["file"]
    version = recipe.source_version().encode()
    assert path.read_bytes().count(version) == 1
    path.write_bytes(path.read_bytes().replace(version, b"0123456789abcdef"))
    entry["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest_path.write_text(json.dumps(manifest))
    with pytest.raises(KernelUnavailableError, match="0123456789abcdef"):
        load_library(CHOICES[0])


def test_variants_are_chosen_by_what_the_processor_can_do(tmp_path: Path):
    cpuinfo = tmp_path / "cpuinfo"
    names = [variant.name for variant in recipe.VARIANTS["x86_64"]]
    for variant, usable in zip(
        recipe.VARIANTS["x86_64"], (names, names[1:], names[2:]), strict=True
    ):
        flags = " ".join(sorted(variant.abilities))
        cpuinfo.write_text(f"processor\t: 0\nflags\t\t: fpu {flags} vmx\nbugs\t: spectre_v1\n")
        found = usable_variants("x86_64", read_abilities(cpuinfo))
        assert [each.name for each in found] == usable
    missing = usable_variants("x86_64", read_abilities(tmp_path / "no-such-file"))
    assert [each.name for each in missing] == names[2:]
    assert [each.name for each in usable_variants("aarch64", frozenset())] == ["aarch64"]
    assert usable_variants("vax", frozenset()) == []


def test_importing_the_library_imports_neither_torch_nor_numpy_nor_wasmtime():
    code = (
        "import sys, quizserver.kernel.library;"
        "assert not {'torch', 'numpy', 'wasmtime', 'dataclasses'} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
