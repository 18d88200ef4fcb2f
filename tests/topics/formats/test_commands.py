"""The commands ``import`` and ``export``: reports, exit codes, files."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from quizserver.cli import main

BANK = Path(__file__).parent / "banks" / "tensors.md"


def run(*command_line: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in command_line])


def test_an_import_writes_what_it_can_reports_the_rest_and_exits_with_1(content: Path):
    result = run("import", BANK, "--topic", "tensors", "--content", content)
    assert result.exit_code == 1
    assert f"{BANK}:66:1: No option is marked as right." in result.stdout
    assert "8 questions came into" in result.stderr
    assert "7 problems, named above." in result.stderr
    assert len(list((content / "tensors").glob("*.md"))) == 8
    assert run("check", "--content", content).exit_code == 0


def test_an_import_reports_in_json(content: Path):
    result = run("import", BANK, "--topic", "tensors", "--content", content, "--json", "--dry-run")
    report = json.loads(result.stdout)
    assert result.exit_code == 1
    assert report["dry_run"] is True
    keys = {"path", "line", "title", "left_behind", "warnings"}
    assert [set(row) for row in report["brought"]] == [keys] * 8
    assert set(report["left_out"][0]) == {
        "path",
        "line",
        "column",
        "severity",
        "code",
        "message",
        "hint",
    }
    assert not (content / "tensors").exists()


def test_a_clean_import_exits_with_0_and_a_second_one_with_1(content: Path, tmp_path: Path):
    bank = tmp_path / "quiz.gift"
    bank.write_text("::Fifth::Which is the fifth?{=e ~f}\n")
    assert run("import", bank, "--topic", "numbers", "--content", content).exit_code == 0
    second_result = run("import", bank, "--topic", "numbers", "--content", content)
    assert second_result.exit_code == 1
    assert "is there already" in second_result.stdout
    overwrite_result = run(
        "import", bank, "--topic", "numbers", "--content", content, "--overwrite"
    )
    assert overwrite_result.exit_code == 0


def test_images_on_other_servers_are_listed_once_with_the_files_to_save(
    content: Path, tmp_path: Path
):
    bank = tmp_path / "bank.md"
    image = "![a](https://example.org/a.png)\n\n- [x] a\n- [ ] b\n"
    bank.write_text(f"## One?\n\n{image}\n## Two?\n\n{image}")
    command_line = ("import", bank, "--topic", "numbers", "--content", content)
    result = run(*command_line)
    assert "1 image on other servers, which are not fetched." in result.stdout
    (wanted,) = json.loads(run(*command_line, "--json").stdout)["images_elsewhere"]
    assert f"https://example.org/a.png\n    {tmp_path / wanted['saved_path']}" in result.stdout
    assert (wanted["bank"], wanted["lines"]) == (str(bank), [1, 8])


def test_of_an_import_that_cannot_be_written_nothing_comes(content: Path):
    (content / "tensors").write_text("a file")
    result = run("import", BANK, "--topic", "tensors", "--content", content)
    assert result.exit_code == 1
    assert "a file lies where the folder should be. Nothing was imported." in result.stderr


def test_an_import_needs_a_name_that_can_be_an_address(content: Path):
    result = run("import", BANK, "--topic", "../up", "--content", content)
    assert result.exit_code == 2
    assert "cannot be a topic's name" in result.output


@pytest.mark.parametrize(("format_name", "name"), [("gift", "b.gift"), ("moodle", "b.xml")])
def test_what_was_exported_comes_back(content: Path, tmp_path: Path, format_name: str, name: str):
    output = tmp_path / name
    result = run("export", "numbers", "--format", format_name, "-o", output, "--content", content)
    assert result.exit_code == 0, result.output
    assert "2 questions written." in result.stderr
    assert "Left behind: all-or-nothing grading" in result.stderr
    other = tmp_path / "other"
    other.mkdir()
    import_result = run("import", output, "--topic", "numbers", "--content", other)
    assert import_result.exit_code == 0, import_result.output
    assert sorted(path.name for path in other.glob("*/*.md")) == ["even.md", "sides.md"]
    assert "## References" in (other / "numbers" / "even.md").read_text()


def test_one_question_can_be_exported_alone_and_to_standard_output(content: Path):
    result = run("export", "numbers/sides", "--format", "gift", "-o", "-", "--content", content)
    assert result.exit_code == 0
    assert "::How many sides has a triangle?::" in result.stdout
    assert "even" not in result.stdout


def test_an_export_replaces_a_file_only_if_asked_to(content: Path, tmp_path: Path):
    output = tmp_path / "b.zip"
    output.write_bytes(b"mine")
    command_line = ("export", "--format", "qti", "-o", output, "--content", content)
    refused_result = run(*command_line)
    assert (refused_result.exit_code, output.read_bytes()) == (1, b"mine")
    report = json.loads(run(*command_line, "--overwrite", "--json").stdout)
    assert output.read_bytes().startswith(b"PK")
    assert report["written"] == ["even", "sides"]
    assert {"question": "even", "what": "its hints"} in report["left_behind"]


@pytest.mark.parametrize("flags", [(), ("--overwrite",)])
def test_an_export_that_fails_midway_leaves_what_was_there(
    content: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...]
):
    folder = tmp_path / "out"
    folder.mkdir()
    files_before = {"b.xml": b"mine"} if flags else {}
    for name, data in files_before.items():
        (folder / name).write_bytes(data)

    def fail_to_sync(_file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail_to_sync)
    result = run(
        "export", "--format", "moodle", "-o", folder / "b.xml", "--content", content, *flags
    )
    assert (result.exit_code, "No space left" in result.stderr) == (1, True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files_before


def test_an_export_names_a_broken_question_and_exits_with_1(content: Path, tmp_path: Path):
    (content / "numbers" / "bad.md").write_text("# Bad\n\n- [ ] One\n- [ ] Two\n")
    output = tmp_path / "b.zip"
    result = run("export", "numbers", "--format", "qti", "-o", output, "--content", content)
    assert result.exit_code == 1
    assert "numbers/bad.md:3" in result.stderr
    assert output.exists()


@pytest.mark.parametrize("target", ["nowhere", "numbers/nothing"])
def test_an_export_of_an_unknown_target_lists_what_there_is(
    content: Path, tmp_path: Path, target: str
):
    result = run("export", target, "--format", "qti", "-o", tmp_path / "x", "--content", content)
    assert result.exit_code == 2
    assert "numbers" in result.output or "even" in result.output
    assert not (tmp_path / "x").exists()
