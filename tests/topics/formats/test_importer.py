"""Files written by an import: complete, checked, and replacing others only if asked to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from quizserver.evidence.claim_checks import create_claim_checker
from quizserver.lab.catalog import SimulationCatalog
from quizserver.topics.content_checks import check_content
from quizserver.topics.formats.banks import import_bank
from quizserver.topics.formats.images import images_beside
from quizserver.topics.formats.importer import (
    ImportResult,
    WrittenQuestion,
    topic_name_problem,
    write_questions,
)

BANKS = Path(__file__).parent / "banks"
TWO_QUESTIONS = "## One?\n\n- [x] a\n- [ ] b\n\n## Two?\n\n- [x] a\n- [ ] b\n"


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_imported_questions_pass_the_checker(tmp_path: Path):
    bank = BANKS / "tensors.md"
    imported = import_bank("tensors.md", bank.read_bytes(), load_image=images_beside(BANKS))
    result = write_questions("tensors.md", imported, tmp_path, "tensors")
    assert (
        check_content(
            tmp_path, content=tmp_path, claim_checker=create_claim_checker(SimulationCatalog())
        )
        == []
    )
    assert len(result.written) == 8
    assert {entry.path for entry in result.written} == {
        p for p in files_below(tmp_path) if "images" not in p
    }
    assert "tensors/images/curve.png" in files_below(tmp_path)
    assert result.problems == imported.problems


def test_existing_files_are_replaced_only_if_asked_to(tmp_path: Path):
    write_questions("b", import_bank("b.md", TWO_QUESTIONS.encode()), tmp_path, "t")
    edited_text = "# One?\n\n- [ ] a\n- [x] b\n"
    (tmp_path / "t" / "one.md").write_text(edited_text)
    second_result = write_questions("b", import_bank("b.md", TWO_QUESTIONS.encode()), tmp_path, "t")
    assert [problem.code for problem in second_result.problems] == ["there-already"] * 2
    assert [problem.line for problem in second_result.problems] == [1, 6]
    assert (tmp_path / "t" / "one.md").read_text() == edited_text
    overwrite_result = write_questions(
        "b", import_bank("b.md", TWO_QUESTIONS.encode()), tmp_path, "t", overwrite=True
    )
    assert not overwrite_result.problems
    assert (tmp_path / "t" / "one.md").read_text() == "# One?\n\n- [x] a\n- [ ] b\n"


def test_a_dry_run_reports_the_same_and_writes_nothing(tmp_path: Path):
    dry_result = write_questions(
        "b", import_bank("b.md", TWO_QUESTIONS.encode()), tmp_path, "t", dry_run=True
    )
    assert files_below(tmp_path) == {}
    assert dry_result == write_questions(
        "b", import_bank("b.md", TWO_QUESTIONS.encode()), tmp_path, "t"
    )


def test_an_id_of_another_topic_is_left_alone_and_the_import_repeats(tmp_path: Path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.md").write_text("---\nid: one\n---\n\n# Else?\n\n- [x] a\n- [ ] b\n")
    first = write_questions("b", import_bank("b.md", TWO_QUESTIONS.encode()), tmp_path, "t")
    paths = [entry.path for entry in first.written]
    assert paths[0].startswith("t/one-")
    assert paths[1] == "t/two.md"
    assert check_content(tmp_path, content=tmp_path, claim_checker=None) == []
    second_result = write_questions("b", import_bank("b.md", TWO_QUESTIONS.encode()), tmp_path, "t")
    assert [problem.code for problem in second_result.problems] == ["there-already"] * 2


TEMPLATE = "## What does this print?\n\n```\n{code}\n```\n\n- [x] {right}\n- [ ] {wrong}\n"


def test_another_question_of_the_same_title_gets_a_file_of_its_own(tmp_path: Path):
    first = TEMPLATE.format(code="1", right="one", wrong="two")
    second = TEMPLATE.format(code="2", right="three", wrong="four")
    write_questions("a", import_bank("a.md", first.encode()), tmp_path, "t")
    before = files_below(tmp_path)
    for overwrite in (False, True, True):
        second_result = write_questions(
            "b", import_bank("b.md", second.encode()), tmp_path, "t", overwrite=overwrite
        )
        assert second_result.problems == ()
        (path,) = (entry.path for entry in second_result.written)
        assert path.startswith("t/what-does-this-print-")
    assert before.items() < files_below(tmp_path).items()
    assert len(files_below(tmp_path)) == 2
    assert check_content(tmp_path, content=tmp_path, claim_checker=None) == []


def test_an_edited_question_is_recognised(tmp_path: Path):
    source = TEMPLATE.format(code="1", right="one", wrong="two")
    write_questions("a", import_bank("a.md", source.encode()), tmp_path, "t")
    file = tmp_path / "t" / "what-does-this-print.md"
    file.write_text(file.read_text().replace("one", "uno").replace("```\n1\n```", "`1`"))
    second_result = write_questions("a", import_bank("a.md", source.encode()), tmp_path, "t")
    assert [problem.code for problem in second_result.problems] == ["there-already"]


@pytest.mark.parametrize("dry_run", [True, False])
def test_two_banks_of_one_import_never_replace_each_others_questions(tmp_path: Path, dry_run: bool):
    def import_text(text: str, earlier: Sequence[WrittenQuestion]) -> ImportResult:
        imported = import_bank("b.md", text.encode())
        return write_questions(
            "b", imported, tmp_path, "t", overwrite=True, dry_run=dry_run, earlier=earlier
        )

    first = import_text(TWO_QUESTIONS, ())
    second = import_text(TWO_QUESTIONS, first.written)
    assert (len(first.written), len(second.written)) == (2, 0)
    assert {"another of these banks" in problem.message for problem in second.problems} == {True}
    assert bool(files_below(tmp_path)) is not dry_run


def test_an_image_of_that_name_with_other_bytes_is_kept(tmp_path: Path):
    (tmp_path / "t" / "images").mkdir(parents=True)
    (tmp_path / "t" / "images" / "curve.png").write_bytes(b"mine")
    text = b"## See?\n\n![x](images/curve.png)\n\n- [x] a\n- [ ] b\n"
    result = write_questions(
        "b", import_bank("b.md", text, load_image=images_beside(BANKS)), tmp_path, "t"
    )
    assert [problem.code for problem in result.problems] == ["image-there"]
    assert files_below(tmp_path) == {"t/images/curve.png": b"mine"}


def test_links_to_this_servers_questions_are_checked_where_they_lead(tmp_path: Path):
    text = (
        "## One?\n\nSee [it](/questions/two).\n\n- [x] a\n- [ ] b\n\n"
        "## Two?\n\n- [x] a\n- [ ] b\n\n"
        "## Three?\n\nSee [it](/questions/nine).\n\n- [x] a\n- [ ] b\n"
    )
    result = write_questions("b", import_bank("b.md", text.encode()), tmp_path, "t")
    assert [entry.path for entry in result.written] == ["t/one.md", "t/two.md"]
    assert [problem.code for problem in result.problems] == ["broken-link"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_cannot_be_written_is_a_problem_of_each_question(tmp_path: Path):
    (tmp_path / "t").mkdir(mode=0o500)
    result = write_questions("b", import_bank("b.md", TWO_QUESTIONS.encode()), tmp_path, "t")
    assert [problem.code for problem in result.problems] == ["not-written"] * 2


def test_a_file_in_place_of_the_folder_is_a_problem_and_no_traceback(tmp_path: Path):
    (tmp_path / "t").write_text("a file, not a folder")
    result = write_questions("b", import_bank("b.md", TWO_QUESTIONS.encode()), tmp_path, "t")
    assert [problem.code for problem in result.problems] == ["not-written"] * 2


def test_no_temporary_file_stays_behind(tmp_path: Path):
    write_questions("b", import_bank("b.md", TWO_QUESTIONS.encode()), tmp_path, "t")
    write_questions("b", import_bank("b.md", TWO_QUESTIONS.encode()), tmp_path, "t", overwrite=True)
    assert set(files_below(tmp_path)) == {"t/one.md", "t/two.md"}


@pytest.mark.parametrize("name", ["../up", "a/b", "", "Große", ".hidden", "a b"])
def test_a_topic_has_a_name_that_can_be_an_address(name: str):
    assert topic_name_problem(name)
    assert topic_name_problem("loss-curves") is None
