"""Files written by an import: complete, checked, and replacing others only if asked to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from quizserver.evidence.claim_checks import create_claim_checker
from quizserver.lab.catalog import SimulationCatalog
from quizserver.topics.content_checks import check_content
from quizserver.topics.formats.banks import import_bank
from quizserver.topics.formats.images import images_beside
from quizserver.topics.formats.import_plan import (
    ImportPlan,
    RowState,
    plan_import,
    topic_name_problem,
)
from quizserver.topics.formats.importer import (
    ImportWriteError,
    take_back_import,
    write_import,
)
from quizserver.topics.formats.model import ImportedBank
from quizserver.topics.page_file import PageFile, parse_page_file

BANKS = Path(__file__).parent / "banks"
TWO_QUESTIONS = "## One?\n\n- [x] a\n- [ ] b\n\n## Two?\n\n- [x] a\n- [ ] b\n"


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write_questions(
    name: str, imported: ImportedBank, content: Path, topic: str, *, overwrite: bool = False
) -> ImportPlan:
    plan = plan_import([(name, imported)], content, topic, overwrite=overwrite)
    write_import(plan)
    return plan


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
    assert {row.path for row in result.written} == {
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


def test_a_plan_writes_nothing_and_says_what_becomes_of_each_question(tmp_path: Path):
    imported = import_bank("b.md", TWO_QUESTIONS.encode())

    def states(*, overwrite: bool = False) -> list[RowState]:
        before = files_below(tmp_path)
        plan = plan_import([("b", imported)], tmp_path, "t", overwrite=overwrite)
        assert files_below(tmp_path) == before
        return [row.state for row in plan.rows]

    assert states() == [RowState.NEW, RowState.NEW]
    write_questions("b", imported, tmp_path, "t")
    (tmp_path / "t" / "one.md").write_text("# One?\n\n- [ ] a\n- [x] b\n")
    assert states() == [RowState.REFUSED, RowState.SAME]
    assert states(overwrite=True) == [RowState.REPLACES, RowState.SAME]


def test_what_an_import_wrote_can_be_taken_back(tmp_path: Path):
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "one.md").write_text("# One?\n\n- [ ] a\n- [x] b\n")
    before = files_below(tmp_path)
    image = b"## See?\n\n![x](images/curve.png)\n\n- [x] a\n- [ ] b\n"
    imported = import_bank(
        "b.md", TWO_QUESTIONS.encode() + b"\n" + image, load_image=images_beside(BANKS)
    )
    written = write_import(plan_import([("b", imported)], tmp_path, "t", overwrite=True))
    assert [file.path for file in written.files] == [
        "t/one.md",
        "t/two.md",
        "t/images/curve.png",
        "t/see.md",
    ]
    assert take_back_import(tmp_path, written) == ()
    assert files_below(tmp_path) == before
    assert not (tmp_path / "t" / "images").exists()


def test_what_was_edited_since_the_import_is_not_taken_back(tmp_path: Path):
    imported = import_bank("b.md", TWO_QUESTIONS.encode())
    written = write_import(plan_import([("b", imported)], tmp_path, "t"))
    (tmp_path / "t" / "two.md").write_text("mine")
    assert take_back_import(tmp_path, written) == ("t/two.md",)
    assert files_below(tmp_path) == {"t/two.md": b"mine"}


def test_an_import_takes_no_longer_in_a_large_content_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "other").mkdir()
    for number in range(50):
        page = f"---\nid: other-{number}\n---\n\n# Other {number}?\n\n- [x] a\n- [ ] b\n"
        (tmp_path / "other" / f"q{number}.md").write_text(page)
    parsed: list[str] = []

    def parse(path: str, data: bytes) -> PageFile:
        parsed.append(path)
        return parse_page_file(path, data)

    monkeypatch.setattr("quizserver.topics.formats.content_index.parse_page_file", parse)
    bank = f"{TWO_QUESTIONS}\n## Other 7?\n\n- [x] c\n- [ ] d\n"
    plan = plan_import([("b", import_bank("b.md", bank.encode()))], tmp_path, "t")
    assert [row.state for row in plan.rows] == [RowState.NEW] * 3
    assert plan.rows[2].path.startswith("t/other-7-")
    assert parsed == ["other/q7.md"]


def test_an_id_of_another_topic_is_left_alone_and_the_import_repeats(tmp_path: Path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.md").write_text("---\nid: one\n---\n\n# Else?\n\n- [x] a\n- [ ] b\n")
    first = write_questions("b", import_bank("b.md", TWO_QUESTIONS.encode()), tmp_path, "t")
    paths = [row.path for row in first.written]
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
        (path,) = (row.path for row in second_result.rows)
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


def test_two_banks_of_one_import_never_replace_each_others_questions(tmp_path: Path):
    imported = import_bank("b.md", TWO_QUESTIONS.encode())
    plan = plan_import([("a", imported), ("b", imported)], tmp_path, "t", overwrite=True)
    assert [row.state for row in plan.rows] == [RowState.NEW] * 2 + [RowState.REFUSED] * 2
    assert {problem.path for problem in plan.problems} == {"b"}
    assert {"another of these banks" in problem.message for problem in plan.problems} == {True}


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
    assert [row.path for row in result.written] == ["t/one.md", "t/two.md"]
    assert [problem.code for problem in result.problems] == ["broken-link"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_of_an_import_into_a_folder_that_cannot_be_written_nothing_comes(tmp_path: Path):
    (tmp_path / "t").mkdir(mode=0o500)
    with pytest.raises(ImportWriteError, match=r"t/one\.md cannot be written"):
        write_questions("b", import_bank("b.md", TWO_QUESTIONS.encode()), tmp_path, "t")


def test_a_file_in_place_of_the_folder_is_an_error_that_says_so(tmp_path: Path):
    (tmp_path / "t").write_text("a file, not a folder")
    with pytest.raises(ImportWriteError, match="a file lies where the folder should be"):
        write_questions("b", import_bank("b.md", TWO_QUESTIONS.encode()), tmp_path, "t")


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_import_that_fails_midway_leaves_what_was_there(tmp_path: Path, overwrite: bool):
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "one.md").write_text("# One?\n\n- [ ] a\n- [x] b\n")
    before = files_below(tmp_path)
    imported = import_bank("b.md", f"{TWO_QUESTIONS}\n## Z?\n\n- [x] a\n- [ ] b\n".encode())
    plan = plan_import([("b", imported)], tmp_path, "t", overwrite=overwrite)
    (tmp_path / "t" / "z.md").mkdir()  # made by somebody else in between
    with pytest.raises(ImportWriteError, match=r"t/z\.md cannot be written"):
        write_import(plan)
    assert files_below(tmp_path) == before


def test_no_temporary_file_stays_behind(tmp_path: Path):
    write_questions("b", import_bank("b.md", TWO_QUESTIONS.encode()), tmp_path, "t")
    write_questions("b", import_bank("b.md", TWO_QUESTIONS.encode()), tmp_path, "t", overwrite=True)
    assert set(files_below(tmp_path)) == {"t/one.md", "t/two.md"}


@pytest.mark.parametrize("name", ["../up", "a/b", "", "Große", ".hidden", "a b"])
def test_a_topic_has_a_name_that_can_be_an_address(name: str):
    assert topic_name_problem(name)
    assert topic_name_problem("loss-curves") is None


def test_a_question_of_another_topic_is_not_brought_again(tmp_path: Path):
    imported = import_bank("b.md", TWO_QUESTIONS.encode())
    write_questions("b", imported, tmp_path, "one-topic")
    for topic in ("two", "three"):
        plan = plan_import([("b", imported)], tmp_path, topic, overwrite=True)
        assert [row.state for row in plan.rows] == [RowState.REFUSED] * 2
        assert [row.path for row in plan.rows] == ["one-topic/one.md", "one-topic/two.md"]
