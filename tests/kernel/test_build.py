"""What compiles the kernel: the same bytes from the same sources, and an installation that goes on
where nothing can be compiled."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from quizserver.kernel import build as build_module
from quizserver.kernel import recipe
from quizserver.kernel.build import KernelBuildError, build_native, compile_wasm, main
from quizserver.kernel.processor import usable_variants

ROOT = Path(__file__).parents[2]
REBUILD = "The kernel's sources changed: run `make kernel` and commit quizserver/kernel/*.wasm."


def test_the_modules_in_the_repository_are_what_their_sources_give():
    assert compile_wasm() == recipe.WASM_FILE.read_bytes(), REBUILD
    assert compile_wasm(recipe.FLOAT32_UNITS) == recipe.WASM_FLOAT32_FILE.read_bytes(), REBUILD


def test_a_native_library_is_the_same_bytes_wherever_it_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    build_native()
    best, version = usable_variants()[0], recipe.source_version()
    monkeypatch.setattr(recipe, "source_version", lambda: version)
    monkeypatch.setattr(recipe, "VARIANTS", {recipe.this_machine(): (best,)})
    copy = tmp_path / "another folder" / "source"
    shutil.copytree(recipe.SOURCE, copy)
    monkeypatch.setattr(recipe, "SOURCE", copy)
    (library,) = build_native(tmp_path / "built")
    data = library.read_bytes()
    assert (recipe.BUILT / library.name).read_bytes() == data
    assert data.count(recipe.VERSION_MARK + version.encode()) == 1
    for text in (str(tmp_path), str(ROOT), "kernel.c"):
        assert text.encode() not in data

    manifest = json.loads((tmp_path / "built" / recipe.MANIFEST).read_text())
    digest = hashlib.sha256(data).hexdigest()
    assert manifest["libraries"] == {best.name: {"file": library.name, "sha256": digest}}


def test_what_is_there_is_not_compiled_again_and_what_is_damaged_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    compiled: list[str] = []

    def compile_fake(variant: recipe.Variant) -> bytes:
        compiled.append(variant.name)
        return variant.name.encode()

    monkeypatch.setattr(build_module, "_compile_native", compile_fake)
    names = sorted(variant.name for variant in recipe.VARIANTS[recipe.this_machine()])
    libraries = build_native(tmp_path)
    assert sorted(compiled) == names
    assert build_native(tmp_path) == libraries
    assert sorted(compiled) == names
    libraries[0].write_bytes(b"damaged")
    build_native(tmp_path)
    assert libraries[0].read_bytes() == compiled[0].encode()
    monkeypatch.setattr(recipe, "source_version", lambda: "0123456789abcdef")
    build_native(tmp_path)
    assert len(compiled) == 3 * len(names)
    assert {path.name for path in tmp_path.iterdir()} == {
        *(path.name for path in libraries),
        recipe.MANIFEST,
    }


def test_a_source_that_is_wrong_is_shown_as_the_compiler_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    source = tmp_path / "source"
    shutil.copytree(recipe.SOURCE, source)
    with (source / "version.c").open("a") as file:
        file.write("int f(void) { return x; }\n")
    monkeypatch.setattr(recipe, "SOURCE", source)
    monkeypatch.setattr(recipe, "UNITS", (("version.c", ()),))
    monkeypatch.setattr(recipe, "VARIANTS", {recipe.this_machine(): usable_variants()[:1]})
    assert main(["--folder", str(tmp_path / "built")]) == 1
    assert "version.c:6:22: error" in capsys.readouterr().err
    assert not (tmp_path / "built" / recipe.MANIFEST).exists()


def test_a_call_to_a_c_library_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """It would give other bits on another system."""
    (tmp_path / "one.c").write_text("double tanh(double); double f(double x) { return tanh(x); }")
    monkeypatch.setattr(recipe, "SOURCE", tmp_path)
    monkeypatch.setattr(recipe, "UNITS", (("one.c", ("-fvisibility=default",)),))
    monkeypatch.setattr(recipe, "VARIANTS", {recipe.this_machine(): usable_variants()[:1]})
    with pytest.raises(KernelBuildError, match="tanh"):
        build_native(tmp_path / "built")
    with pytest.raises(KernelBuildError, match="tanh"):
        compile_wasm()


def installation_hook() -> Any:
    """What hatchling asks while it installs this checkout."""
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.KernelBuildHook(str(ROOT), {}, None, None, "", "wheel")


def test_an_installation_that_can_not_compile_goes_on_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def refuse(*_args: object, **_flags: object) -> None:
        raise KernelBuildError("there is no compiler here")

    monkeypatch.setattr(build_module, "build_native", refuse)
    build_data: dict[str, Any] = {"force_include": {}, "pure_python": True, "tag": None}
    installation_hook().initialize("standard", build_data)
    assert build_data == {"force_include": {}, "pure_python": True, "tag": None}
    said = "".join(capsys.readouterr())
    assert "there is no compiler here" in said
    assert "wasmtime" in said


def test_a_wheel_has_the_libraries_of_its_platform_and_a_checkout_uses_its_own():
    build_data: dict[str, Any] = {"force_include": {}}
    installation_hook().initialize("standard", build_data)
    assert build_data["pure_python"] is False
    assert build_data["tag"].startswith("py3-none-")
    assert not build_data["tag"].endswith("any")
    names = {Path(place).name for place in build_data["force_include"].values()}
    assert recipe.MANIFEST in names
    assert len(names) == 1 + len(recipe.VARIANTS[recipe.this_machine()])
    build_data = {"force_include": {}}
    installation_hook().initialize("editable", build_data)
    assert build_data == {"force_include": {}}


def test_an_installation_asks_for_the_compiler_only_where_it_has_work(
    monkeypatch: pytest.MonkeyPatch,
):
    build_native()
    assert installation_hook().dependencies() == []
    monkeypatch.setattr(recipe, "source_version", lambda: "0123456789abcdef")
    assert installation_hook().dependencies() == [recipe.COMPILER]
    monkeypatch.setattr(recipe, "this_machine", lambda: "vax")
    assert installation_hook().dependencies() == []
    with pytest.raises(KernelBuildError, match="vax"):
        build_native()


def test_without_a_compiler_the_command_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(build_module, "find_spec", lambda _name: None)
    assert main(["--folder", str(tmp_path)]) == 1
    assert f"pip install {recipe.COMPILER}" in capsys.readouterr().err
