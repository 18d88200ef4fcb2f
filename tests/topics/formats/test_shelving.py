"""Files written by an import: whole, checked, and never over what is there unless asked."""

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
TWO = "## One?\n\n- [x] a\n- [ ] b\n\n## Two?\n\n- [x] a\n- [ ] b\n"


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_what_comes_in_passes_the_checker(tmp_path: Path):
    bank = BANKS / "tensors.md"
    imported = import_bank("tensors.md", bank.read_bytes(), load_image=images_beside(BANKS))
    outcome = write_questions("tensors.md", imported, tmp_path, "tensors")
    assert (
        check_content(
            tmp_path, content=tmp_path, claim_checker=create_claim_checker(SimulationCatalog())
        )
        == []
    )
    assert len(outcome.written) == 8
    assert {each.path for each in outcome.written} == {
        p for p in files(tmp_path) if "images" not in p
    }
    assert "tensors/images/curve.png" in files(tmp_path)
    assert outcome.problems == imported.problems


def test_nothing_that_is_there_is_overwritten_until_asked(tmp_path: Path):
    write_questions("b", import_bank("b.md", TWO.encode()), tmp_path, "t")
    mine = "# One?\n\n- [ ] a\n- [x] b\n"
    (tmp_path / "t" / "one.md").write_text(mine)
    again = write_questions("b", import_bank("b.md", TWO.encode()), tmp_path, "t")
    assert [problem.code for problem in again.problems] == ["there-already"] * 2
    assert [problem.line for problem in again.problems] == [1, 6]
    assert (tmp_path / "t" / "one.md").read_text() == mine
    asked = write_questions("b", import_bank("b.md", TWO.encode()), tmp_path, "t", overwrite=True)
    assert not asked.problems
    assert (tmp_path / "t" / "one.md").read_text() == "# One?\n\n- [x] a\n- [ ] b\n"


def test_a_dry_run_says_the_same_and_writes_nothing(tmp_path: Path):
    dry = write_questions("b", import_bank("b.md", TWO.encode()), tmp_path, "t", dry_run=True)
    assert files(tmp_path) == {}
    assert dry == write_questions("b", import_bank("b.md", TWO.encode()), tmp_path, "t")


def test_an_id_of_another_topic_is_left_alone_and_the_import_repeats(tmp_path: Path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.md").write_text("---\nid: one\n---\n\n# Else?\n\n- [x] a\n- [ ] b\n")
    first = write_questions("b", import_bank("b.md", TWO.encode()), tmp_path, "t")
    paths = [each.path for each in first.written]
    assert paths[0].startswith("t/one-")
    assert paths[1] == "t/two.md"
    assert check_content(tmp_path, content=tmp_path, claim_checker=None) == []
    again = write_questions("b", import_bank("b.md", TWO.encode()), tmp_path, "t")
    assert [problem.code for problem in again.problems] == ["there-already"] * 2


SAME = "## What does this print?\n\n```\n{code}\n```\n\n- [x] {right}\n- [ ] {wrong}\n"


def test_another_question_of_the_same_title_stands_beside_the_first(tmp_path: Path):
    first = SAME.format(code="1", right="one", wrong="two")
    second = SAME.format(code="2", right="three", wrong="four")
    write_questions("a", import_bank("a.md", first.encode()), tmp_path, "t")
    before = files(tmp_path)
    for overwrite in (False, True, True):
        beside_it = write_questions(
            "b", import_bank("b.md", second.encode()), tmp_path, "t", overwrite=overwrite
        )
        assert beside_it.problems == ()
        (path,) = (each.path for each in beside_it.written)
        assert path.startswith("t/what-does-this-print-")
    assert before.items() < files(tmp_path).items()
    assert len(files(tmp_path)) == 2
    assert check_content(tmp_path, content=tmp_path, claim_checker=None) == []


def test_an_edited_question_is_known_again(tmp_path: Path):
    source = SAME.format(code="1", right="one", wrong="two")
    write_questions("a", import_bank("a.md", source.encode()), tmp_path, "t")
    file = tmp_path / "t" / "what-does-this-print.md"
    file.write_text(file.read_text().replace("one", "uno").replace("```\n1\n```", "`1`"))
    again = write_questions("a", import_bank("a.md", source.encode()), tmp_path, "t")
    assert [problem.code for problem in again.problems] == ["there-already"]


@pytest.mark.parametrize("dry_run", [True, False])
def test_two_banks_of_one_import_never_replace_each_others_questions(tmp_path: Path, dry_run: bool):
    def bring(text: str, earlier: Sequence[WrittenQuestion]) -> ImportResult:
        imported = import_bank("b.md", text.encode())
        return write_questions(
            "b", imported, tmp_path, "t", overwrite=True, dry_run=dry_run, earlier=earlier
        )

    first = bring(TWO, ())
    second = bring(TWO, first.written)
    assert (len(first.written), len(second.written)) == (2, 0)
    assert {"another of these banks" in problem.message for problem in second.problems} == {True}
    assert bool(files(tmp_path)) is not dry_run


def test_an_image_of_that_name_with_other_bytes_is_kept(tmp_path: Path):
    (tmp_path / "t" / "images").mkdir(parents=True)
    (tmp_path / "t" / "images" / "curve.png").write_bytes(b"mine")
    text = b"## See?\n\n![x](images/curve.png)\n\n- [x] a\n- [ ] b\n"
    outcome = write_questions(
        "b", import_bank("b.md", text, load_image=images_beside(BANKS)), tmp_path, "t"
    )
    assert [problem.code for problem in outcome.problems] == ["image-there"]
    assert files(tmp_path) == {"t/images/curve.png": b"mine"}


def test_links_to_this_servers_questions_are_checked_where_they_lead(tmp_path: Path):
    text = (
        "## One?\n\nSee [it](/questions/two).\n\n- [x] a\n- [ ] b\n\n"
        "## Two?\n\n- [x] a\n- [ ] b\n\n"
        "## Three?\n\nSee [it](/questions/nine).\n\n- [x] a\n- [ ] b\n"
    )
    outcome = write_questions("b", import_bank("b.md", text.encode()), tmp_path, "t")
    assert [each.path for each in outcome.written] == ["t/one.md", "t/two.md"]
    assert [problem.code for problem in outcome.problems] == ["broken-link"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_cannot_be_written_is_a_problem_of_each_question(tmp_path: Path):
    (tmp_path / "t").mkdir(mode=0o500)
    outcome = write_questions("b", import_bank("b.md", TWO.encode()), tmp_path, "t")
    assert [problem.code for problem in outcome.problems] == ["not-written"] * 2


def test_a_file_in_the_way_is_a_problem_and_no_traceback(tmp_path: Path):
    (tmp_path / "t").write_text("a file, not a folder")
    outcome = write_questions("b", import_bank("b.md", TWO.encode()), tmp_path, "t")
    assert [problem.code for problem in outcome.problems] == ["not-written"] * 2


def test_no_temporary_file_stays_behind(tmp_path: Path):
    write_questions("b", import_bank("b.md", TWO.encode()), tmp_path, "t")
    write_questions("b", import_bank("b.md", TWO.encode()), tmp_path, "t", overwrite=True)
    assert set(files(tmp_path)) == {"t/one.md", "t/two.md"}


@pytest.mark.parametrize("name", ["../up", "a/b", "", "Große", ".hidden", "a b"])
def test_a_topic_has_a_name_that_can_be_an_address(name: str):
    assert topic_name_problem(name)
    assert topic_name_problem("loss-curves") is None
