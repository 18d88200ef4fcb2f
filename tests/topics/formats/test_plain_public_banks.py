"""Plain banks as people publish them: imported as a code host shows them."""

from __future__ import annotations

import pytest

from quizserver.topics.formats.banks import import_bank
from quizserver.topics.formats.model import ImportedBank, QuestionData
from quizserver.topics.render import plain_text, render_markdown
from tests.topics.formats.meaning import build_question, read_question_data

LIST = "\n\n- [x] yes\n- [ ] no\n"


def import_plain(text: str) -> ImportedBank:
    return import_bank("bank.md", text.encode())


def import_one(text: str) -> QuestionData:
    imported = import_plain(text)
    assert not imported.problems, imported.problems
    (imported_question,) = imported.questions
    build_question(imported_question.source)
    return read_question_data(imported_question.source)


def visible_options(*texts: str) -> list[str]:
    boxes = "\n".join(f"- [{'x' if n == 0 else ' '}] {text}" for n, text in enumerate(texts))
    data = import_one(f"#### Q1. Which?\n\n{boxes}\n")
    return [
        plain_text(render_markdown(option.text, prefix="", rewrite=lambda _n, u: u))
        for option in data.options
    ]


def test_options_that_differ_in_signs_alone_stay_apart():
    text = "#### Q1. Which?\n\n- [ ] 3\n- [x] -3\n- [ ] a.b\n- [ ] a[b]\n- [ ] a(b)\n"
    (imported_question,) = import_plain(text).questions
    question = build_question(imported_question.source)
    assert [(o.text, o.right) for o in question.options] == [
        ("3", False), ("-3", True), ("a.b", False), ("a[b]", False), ("a(b)", False),
    ]  # fmt: skip
    ids = [option.id for option in question.options]
    assert len(set(ids)) == 5
    assert (ids[0], ids[2]) == ("3", "a-b"), "an id is written only where the text's own is taken"
    shorter_bank_question = import_plain(text.replace("- [ ] a.b\n", "")).questions[0]
    assert [o.id for o in build_question(shorter_bank_question.source).options][1] == ids[1], (
        "it is derived from the text"
    )


@pytest.mark.parametrize(
    "texts",
    [
        ("[1, 2]", "[3] 4", "[[5]]"),
        (">", ">=", "<", "<<"),
        ("#", "# a comment", "#!/bin/sh"),
        ("---", "***", "--amend", "* * *"),
        ("$a,$b", "$PATH:$HOME/bin", "$5", "$$"),
        ("List<String> x", "the <b> tag", "<nav>", "a < b > c"),
        ("<!DOCTYPE html>", "<?php"),
    ],
)
def test_an_option_shows_its_signs(texts: tuple[str, ...]):
    assert visible_options(*texts) == list(texts)


def test_a_tag_in_a_question_is_shown():
    data = import_one(f"#### Q1. What goes into the <head> element?{LIST}")
    assert plain_text(render_markdown(data.title, prefix="", rewrite=lambda _n, u: u)) == (
        "What goes into the <head> element?"
    )


def test_a_line_break_made_of_spaces_stays_one():
    data = import_one("#### Q1. Which?\n\n- [x] `x = 1`  \n      `y = 2`\n- [ ] none  \n")
    assert [o.text for o in data.options] == ["`x = 1`\\\n`y = 2`", "none"]


def test_an_option_may_be_a_list():
    text = "#### Q1. Which?\n\n- [x]\n  - a: 1\n  - b: 2\n- [ ]\n  - a: 2\n  - b: 1\n"
    (imported_question,) = import_plain(text).questions
    data = read_question_data(imported_question.source)
    assert [o.text.strip() for o in data.options] == ["- a: 1\n- b: 2", "- a: 2\n- b: 1"]
    assert "- [x]\n  - a: 1\n  - b: 2\n" in imported_question.source, (
        "as people read it in the file too"
    )


@pytest.mark.parametrize(
    ("options", "shuffle"),
    [
        ("- [x] A\n\n```\nx\n```\n\n- [ ] B\n\n```\ny\n```\n", False),
        ("- [x] A. one\n- [ ] B. two\n", False),
        ("- [x] (a) one\n- [ ] (b) two\n", False),
        ("- [x] **1)** one\n- [ ] **2)** two\n", False),
        ("- [x] 1\n- [ ] 2\n", True),
        ("- [x] A\n- [ ] B\n", True),
        ("- [x] B. one\n- [ ] A. two\n", True),
        ("- [x] A vector\n- [ ] b\n", True),
    ],
)
def test_options_with_letters_in_order_keep_it(options: str, shuffle: bool):
    assert import_one(f"#### Q1. Which?\n\n{options}").shuffle is shuffle


def test_a_list_above_the_options_is_no_option():
    data = import_one(f"#### Q1. Which?\n\nGiven:\n\n- a\n- b{LIST}")
    assert "- a\n- b" in data.stem
    assert [o.text for o in data.options] == ["yes", "no"]


@pytest.mark.parametrize("between", ["Here it is as text:", "##### The same again"])
def test_a_second_list_of_options_is_never_joined_to_the_first(between: str):
    (problem,) = import_plain(
        f"#### Q1. Which?\n\n- [ ] A\n- [x] B\n\n{between}\n\n- [ ] first\n- [x] second\n"
    ).problems
    assert (problem.line, problem.code) == (6, "two-lists")
    assert "Indent it" in problem.hint


def test_a_paragraph_below_every_option_belongs_to_each():
    data = import_one(
        "#### Q1. Which?\n\n- [ ] A\n\nIt is one.\n\n- [x] B\n\nIt is two.\n\n- [ ] C\n"
    )
    assert [o.text for o in data.options] == ["A\n\nIt is one.", "B\n\nIt is two.", "C"]


@pytest.mark.parametrize(
    "heading",
    [
        "#### Q16.Which?",
        "#### C3. Which?",
        "#### 4.Which?",
        "#### Question 2:Which?",
        "#### 问题1. Which?",
        "#### Вопрос 3: Which?",
        "#### Frage 12. Which?",
        "#### 第3：Which?",
    ],
)
def test_numbers_without_a_space_and_in_translations_are_no_part_of_a_title(heading: str):
    assert import_one(heading + LIST).title == "Which?"


@pytest.mark.parametrize(
    "title",
    ["C4.5 or CART?", "B2B or B2C?", "3.js or Vue?", "Python 3: what?", "В 2020 году?", "第3种?"],
)
def test_a_name_with_a_number_stays(title: str):
    assert import_one(f"#### {title}{LIST}").title == title


def test_underlined_headings_are_headings():
    text = f"Bank\n====\n\nQ1. One?\n--------{LIST}\nWhy.\n\nTwo?\n---{LIST}"
    assert [(b.title, b.line) for b in import_plain(text).questions] == [("One?", 4), ("Two?", 12)]


def test_rules_between_questions_end_up_in_none():
    text = f"# Bank\n\n---\n\n## One?{LIST}\nWhy.\n---\n\n## Two?{LIST}\n---\n[Source](https://a.org)\n\n***\n"
    first, second = (read_question_data(b.source) for b in import_plain(text).questions)
    assert (first.explanation, first.references) == ("Why.", "")
    assert (second.explanation, second.references) == ("", "[Source](https://a.org)")


def test_a_rule_within_an_explanation_stays_one():
    data = import_one(f"## One?{LIST}\nWhy.\n---\nMore.\n")
    assert data.explanation == "Why.\n\n* * *\n\nMore."


def test_code_in_an_explanation_keeps_its_blank_lines():
    code = "```py\nx = 1\n\n\ny = 2\n---\n```"
    assert (
        import_one(f"## One?{LIST}\n**Explanation:** - So:\n\n{code}\n").explanation
        == f"So:\n\n{code}"
    )


@pytest.mark.parametrize(
    "word", ["reference", "(Referencia)", "Tham khảo", "Quelle 1", "Référence"]
)
def test_a_link_behind_the_right_option_never_tells_the_key(word: str):
    data = import_one(f"## One?\n\n- [x] yes [{word}](https://a.org/)\n- [ ] no\n")
    assert [o.text for o in data.options] == ["yes", "no"]
    assert data.references == f"[{word}](https://a.org/)"


def test_numbered_links_are_references():
    data = import_one(
        f"## One?{LIST}\n1. [Source one](https://a.org/1)\n2. [Two](https://a.org/2)\n"
    )
    assert data.references == "[Source one](https://a.org/1)\n\n[Two](https://a.org/2)"
    assert data.explanation == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("## Which?\n\n- [x] a\n- [ ] b\n- [ ] b\n", 'as another one ("- [ ] b").'),
        (
            f"## Which?\n\n![a](https://a.org/b.png){LIST}",
            "Save it beside the bank as elsewhere/b-",
        ),
        (f"## Which?\n\n[a](../b.md){LIST}", "Write its whole address"),
    ],
)
def test_a_reason_quotes_the_line_and_addresses_the_reader_of_the_bank(text: str, words: str):
    (problem,) = import_plain(text).problems
    assert words in str(problem)
    assert "in line" not in str(problem)


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"PK\x03\x04rest", "a zip archive"), ("# Ä?".encode("utf-16"), "UTF-16 text")],
)
def test_a_file_that_is_no_bank_is_reported_once(data: bytes, message: str):
    (problem,) = import_bank("bank.txt", data).problems
    assert message in problem.message
