"""Plain banks: what people write is imported, and what cannot be is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from quizserver.topics.formats.banks import import_bank
from quizserver.topics.formats.images import images_beside
from quizserver.topics.formats.model import ImportedBank
from quizserver.topics.model import Question
from tests.topics.formats.meaning import build_question, read_question_data

BANKS = Path(__file__).parent / "banks"


def import_plain(text: str) -> ImportedBank:
    return import_bank("bank.md", text.encode())


def import_one(text: str) -> Question:
    imported = import_plain(text)
    assert not imported.problems, imported.problems
    (imported_question,) = imported.questions
    return build_question(imported_question.source)


@pytest.fixture(scope="module")
def bank() -> ImportedBank:
    path = BANKS / "tensors.md"
    return import_bank("tensors.md", path.read_bytes(), load_image=images_beside(BANKS))


def test_every_question_is_imported_or_reported_with_its_line_and_reason(bank: ImportedBank):
    assert [question.line for question in bank.questions] == [5, 18, 48, 56, 71, 113, 123, 141]
    assert [(problem.line, problem.code) for problem in bank.problems] == [
        (66, "no-right-option"),
        (80, "duplicate-question"),
        (89, "contradicting-key"),
        (98, "missing-image"),
        (107, "open-fence"),
        (130, "no-task-list"),
        (136, "duplicate-option"),
    ]
    assert all(problem.path == "tensors.md" and problem.message for problem in bank.problems)


def test_malformed_boxes_are_read_as_they_were_meant(bank: ImportedBank):
    boxes = build_question(bank.questions[2].source)
    assert [(o.text, o.right) for o in boxes.options] == [
        ("ReLU", True),
        ("Sigmoid", True),
        ("Momentum", False),
        ("Batch norm", False),
        ("GELU", True),
    ]


def test_code_below_an_option_belongs_to_it_though_it_is_not_indented(bank: ImportedBank):
    loops = build_question(bank.questions[1].source)
    assert [o.html.count("<pre>") for o in loops.options] == [1, 1, 1]
    assert "for i in range(3):\n\n    print(i)" in read_question_data(loops.source).options[1].text
    assert loops.explanation_html is not None
    assert loops.explanation_html.count("<pre>") == 1, "code after the last option's own explains"


def test_a_heading_inside_code_begins_no_question(bank: ImportedBank):
    assert "#### a comment, not a heading" in read_question_data(bank.questions[0].source).stem


def test_equal_titles_get_slugs_that_differ_and_last(bank: ImportedBank):
    slugs = [question.slug for question in bank.questions]
    assert slugs[0] == "what-does-this-code-print"
    assert slugs[4].startswith("what-does-this-code-print-")
    assert len(set(slugs)) == len(slugs)


def test_a_link_that_would_tell_the_key_goes_to_the_references(bank: ImportedBank):
    image = build_question(bank.questions[3].source)
    assert [o.text for o in image.options] == ["a decrease", "an increase that goes on"]
    assert "example.org/curve" in (image.references_html or "")
    assert "A falling curve" in (image.explanation_html or "")


def test_images_beside_the_bank_are_imported(bank: ImportedBank):
    (image,) = bank.questions[3].images
    assert image.path == "images/curve.png"
    assert image.data == (BANKS / "images" / "curve.png").read_bytes()


def test_link_definitions_at_the_end_reach_the_questions_that_use_them(bank: ImportedBank):
    after = build_question(bank.questions[5].source)
    assert 'href="https://example.org/docs"' in (after.explanation_html or "")
    assert after.options[0].feedback_html == "<p>Right, with feedback.</p>"
    assert all("docs]:" not in b.source for b in bank.questions if b.line != 113)


def test_a_list_above_the_options_may_use_a_link_definition_of_the_bank():
    question = import_one(
        "## Which?\n\nSee [docs]:\n\n- a\n- b\n\n- [x] this\n- [ ] that\n\n"
        "[docs]: https://example.org/docs\n"
    )
    assert 'href="https://example.org/docs"' in question.stem_html
    assert [option.text for option in question.options] == ["this", "that"]


@pytest.mark.parametrize(
    "heading",
    [
        "## Which?",
        "### Q1. Which?",
        "#### 1. Which?",
        "#### 12) Which?",
        "#### Q 3 : Which?",
        "#### Question 7: Which?",
        "#### **Q9**. Which?",
        "##### Q10 - Which?",
        "# Which?",
    ],
)
def test_numbers_are_no_part_of_a_title(heading: str):
    assert import_one(f"{heading}\n\n- [x] this\n- [ ] that\n").title == "Which?"


@pytest.mark.parametrize("heading", ["#### 3 ways out?", "#### 2.5 is what?", "#### Questions?"])
def test_a_number_that_is_part_of_the_title_stays(heading: str):
    assert import_one(f"{heading}\n\n- [x] this\n- [ ] that\n").title == heading.strip("# ")


def test_a_bare_number_takes_its_title_from_the_text():
    question = import_one("#### Q1.\n\nWhich is it?\n\nThink.\n\n- [x] this\n- [ ] that\n")
    assert (question.title, "Think." in question.stem_html) == ("Which is it?", True)


def test_headings_below_a_question_belong_to_it():
    question = import_one(
        "#### Q1. Which?\n\n- [x] this\n- [ ] that\n\n"
        "##### Hint\n\nLook.\n\n## Explanation\n\nSo.\n"
    )
    assert question.hints_html == ("<p>Look.</p>",)
    assert question.explanation_html == "<p>So.</p>"


def test_chapters_and_prose_are_no_questions_and_no_problems():
    imported = import_plain(
        "# Bank\n\nWelcome.\n\n## Part one\n\n#### Which?\n\n- [x] a\n- [ ] b\n"
    )
    assert (len(imported.questions), imported.problems) == (1, ())


def test_a_task_list_in_code_is_no_option():
    question = import_one("## Which?\n\n```md\n- [x] no\n```\n\n- [x] a\n- [ ] b\n")
    assert [o.text for o in question.options] == ["a", "b"]


def test_windows_newlines_and_a_byte_order_mark_make_no_difference():
    text = "## Which?\r\n\r\n- [x] a\r\n- [ ] b\r\n"
    (imported_question,) = import_bank("bank.md", b"\xef\xbb\xbf" + text.encode()).questions
    assert imported_question.source == "# Which?\n\n- [x] a\n- [ ] b\n"


def test_a_question_with_an_unreadable_byte_is_left_out_alone():
    data = "## One?\n\n- [x] caf\xe9\n- [ ] b\n".encode("latin-1")
    imported = import_bank("bank.md", data + b"\n## Two?\n\n- [x] a\n- [ ] b\n")
    assert [question.title for question in imported.questions] == ["Two?"]
    assert {problem.code for problem in imported.problems} == {
        "not-utf-8",
        "unreadable-character",
    }


def test_an_image_may_not_lead_out_of_the_banks_folder(tmp_path: Path):
    (tmp_path / "bank").mkdir()
    (tmp_path / "secret.png").write_bytes((BANKS / "images" / "curve.png").read_bytes())
    (tmp_path / "bank" / "way.png").symlink_to(tmp_path / "secret.png")
    for url in ("../secret.png", "way.png", "%2e%2e/secret.png"):
        text = f"## Which?\n\n![x]({url})\n\n- [x] a\n- [ ] b\n"
        imported = import_bank(
            "bank.md", text.encode(), load_image=images_beside(tmp_path / "bank")
        )
        assert not imported.questions
        assert imported.problems[0].code in ("image-outside", "missing-image")


def test_an_image_must_be_what_its_name_says(tmp_path: Path):
    (tmp_path / "a.png").write_bytes(b"<script>")
    text = b"## Which?\n\n![x](a.png)\n\n- [x] a\n- [ ] b\n"
    (problem,) = import_bank("bank.md", text, load_image=images_beside(tmp_path)).problems
    assert problem.code == "image-type"


def test_a_file_without_questions_is_reported():
    (problem,) = import_plain("# Just prose\n\nNothing here.\n").problems
    assert problem.code == "no-questions"


def test_numbered_links_of_options_become_references_of_the_question():
    question = import_one(
        "# Which one?\n\n- [x] Adam [1](https://a.example) scales steps [[2]](https://b.example)\n"
        "- [ ] Momentum\n- [ ] `[3](https://c.example)`\n"
    )
    assert [option.text for option in question.options] == [
        "Adam scales steps",
        "Momentum",
        "[3](https://c.example)",
    ]
    assert question.references_html is not None
    assert question.references_html.index("a.example") < question.references_html.index("b.example")
    assert "c.example" not in question.references_html


def test_an_option_that_is_a_numbered_link_keeps_it_and_the_warning_comes_along():
    imported = import_plain(
        "# Which one?\n\n- [x] [1](https://a.example)\n- [ ] Another one\n- [ ] A third\n"
    )
    assert not imported.problems
    (question,) = imported.questions
    assert [warning.code for warning in question.warnings] == ["key-by-form"]
