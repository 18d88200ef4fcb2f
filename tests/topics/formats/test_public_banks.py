"""Plain banks as people publish them: what the file shows on a code host is what comes in."""

from __future__ import annotations

import pytest

from quizserver.topics.formats.banks import import_bank
from quizserver.topics.formats.escape import escape_literal_signs, escape_option_line
from quizserver.topics.formats.model import ImportedBank, QuestionData
from quizserver.topics.render import plain_text, render_markdown
from tests.topics.formats.meaning import item_of, question_of

LIST = "\n\n- [x] yes\n- [ ] no\n"


def plain_bank(text: str) -> ImportedBank:
    return import_bank("bank.md", text.encode())


def one(text: str) -> QuestionData:
    imported = plain_bank(text)
    assert not imported.problems, imported.problems
    (brought,) = imported.questions
    question_of(brought.source)
    return item_of(brought.source)


def options(*texts: str) -> list[str]:
    boxes = "\n".join(f"- [{'x' if n == 0 else ' '}] {text}" for n, text in enumerate(texts))
    item = one(f"#### Q1. Which?\n\n{boxes}\n")
    return [
        plain_text(render_markdown(option.text, prefix="", rewrite=lambda _n, u: u))
        for option in item.options
    ]


def test_options_that_differ_in_signs_alone_stay_apart():
    text = "#### Q1. Which?\n\n- [ ] 3\n- [x] -3\n- [ ] a.b\n- [ ] a[b]\n- [ ] a(b)\n"
    (brought,) = plain_bank(text).questions
    question = question_of(brought.source)
    assert [(o.text, o.right) for o in question.options] == [
        ("3", False), ("-3", True), ("a.b", False), ("a[b]", False), ("a(b)", False),
    ]  # fmt: skip
    ids = [option.id for option in question.options]
    assert len(set(ids)) == 5
    assert (ids[0], ids[2]) == ("3", "a-b"), "an id is written only where the text's own is taken"
    again = plain_bank(text.replace("- [ ] a.b\n", "")).questions[0]
    assert [o.id for o in question_of(again.source).options][1] == ids[1], "it comes of the text"


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
    assert options(*texts) == list(texts)


@pytest.mark.parametrize(
    "text",
    [
        "`<head>` and\n\n```html\n<head>\n```\n",
        "<b>bold</b> and a<br>break",
        "![x](<with spaces.png>) and <https://example.org>",
        "$a<b>c$ and $x$, $$y<z>w$$",
        "\\<b> stays",
        "a  \n- a list",
    ],
)
def test_what_is_meant_as_markdown_stays_as_it_is(text: str):
    assert escape_literal_signs(text) == text


def test_a_tag_in_a_question_is_shown():
    item = one(f"#### Q1. What goes into the <head> element?{LIST}")
    assert plain_text(render_markdown(item.title, prefix="", rewrite=lambda _n, u: u)) == (
        "What goes into the <head> element?"
    )


def test_a_line_break_made_of_spaces_stays_one():
    item = one("#### Q1. Which?\n\n- [x] `x = 1`  \n      `y = 2`\n- [ ] none  \n")
    assert [o.text for o in item.options] == ["`x = 1`\\\n`y = 2`", "none"]


def test_only_an_option_that_begins_a_block_is_changed():
    assert [escape_option_line(line) for line in ("a > b", "#x", "--", "-", "> a")] == [
        "a > b", "#x", "--", "-", "&gt; a",
    ]  # fmt: skip


def test_an_option_may_be_a_list():
    text = "#### Q1. Which?\n\n- [x]\n  - a: 1\n  - b: 2\n- [ ]\n  - a: 2\n  - b: 1\n"
    (brought,) = plain_bank(text).questions
    item = item_of(brought.source)
    assert [o.text.strip() for o in item.options] == ["- a: 1\n- b: 2", "- a: 2\n- b: 1"]
    assert "- [x]\n  - a: 1\n  - b: 2\n" in brought.source, "as people read it in the file too"


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
    assert one(f"#### Q1. Which?\n\n{options}").shuffle is shuffle


def test_a_list_above_the_options_is_no_option():
    item = one(f"#### Q1. Which?\n\nGiven:\n\n- a\n- b{LIST}")
    assert "- a\n- b" in item.stem
    assert [o.text for o in item.options] == ["yes", "no"]


@pytest.mark.parametrize("between", ["Here it is as text:", "##### The same again"])
def test_a_second_list_of_options_is_never_joined_to_the_first(between: str):
    (problem,) = plain_bank(
        f"#### Q1. Which?\n\n- [ ] A\n- [x] B\n\n{between}\n\n- [ ] first\n- [x] second\n"
    ).problems
    assert (problem.line, problem.code) == (6, "two-lists")
    assert "Indent it" in problem.hint


def test_a_paragraph_below_every_option_belongs_to_each():
    item = one("#### Q1. Which?\n\n- [ ] A\n\nIt is one.\n\n- [x] B\n\nIt is two.\n\n- [ ] C\n")
    assert [o.text for o in item.options] == ["A\n\nIt is one.", "B\n\nIt is two.", "C"]


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
    assert one(heading + LIST).title == "Which?"


@pytest.mark.parametrize(
    "title",
    ["C4.5 or CART?", "B2B or B2C?", "3.js or Vue?", "Python 3: what?", "В 2020 году?", "第3种?"],
)
def test_a_name_with_a_number_stays(title: str):
    assert one(f"#### {title}{LIST}").title == title


def test_underlined_headings_are_headings():
    text = f"Bank\n====\n\nQ1. One?\n--------{LIST}\nWhy.\n\nTwo?\n---{LIST}"
    assert [(b.title, b.line) for b in plain_bank(text).questions] == [("One?", 4), ("Two?", 12)]


def test_rules_between_questions_end_up_in_none():
    text = f"# Bank\n\n---\n\n## One?{LIST}\nWhy.\n---\n\n## Two?{LIST}\n---\n[Source](https://a.org)\n\n***\n"
    first, second = (item_of(b.source) for b in plain_bank(text).questions)
    assert (first.explanation, first.references) == ("Why.", "")
    assert (second.explanation, second.references) == ("", "[Source](https://a.org)")


def test_a_rule_within_an_explanation_stays_one():
    item = one(f"## One?{LIST}\nWhy.\n---\nMore.\n")
    assert item.explanation == "Why.\n\n* * *\n\nMore."


def test_code_in_an_explanation_keeps_its_blank_lines():
    code = "```py\nx = 1\n\n\ny = 2\n---\n```"
    assert one(f"## One?{LIST}\n**Explanation:** - So:\n\n{code}\n").explanation == f"So:\n\n{code}"


@pytest.mark.parametrize(
    "word", ["reference", "(Referencia)", "Tham khảo", "Quelle 1", "Référence"]
)
def test_a_link_behind_the_right_option_never_tells_the_key(word: str):
    item = one(f"## One?\n\n- [x] yes [{word}](https://a.org/)\n- [ ] no\n")
    assert [o.text for o in item.options] == ["yes", "no"]
    assert item.references == f"[{word}](https://a.org/)"


def test_numbered_links_are_references():
    item = one(f"## One?{LIST}\n1. [Source one](https://a.org/1)\n2. [Two](https://a.org/2)\n")
    assert item.references == "[Source one](https://a.org/1)\n\n[Two](https://a.org/2)"
    assert item.explanation == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("## Which?\n\n- [x] a\n- [ ] b\n- [ ] b\n", 'as another one ("- [ ] b").'),
        (f"## Which?\n\n![a](https://a.org/b.png){LIST}", "Save the picture beside the bank"),
        (f"## Which?\n\n[a](../b.md){LIST}", "Write its whole address"),
    ],
)
def test_a_reason_names_the_line_and_speaks_to_the_banks_reader(text: str, shown: str):
    (problem,) = plain_bank(text).problems
    assert shown in str(problem)
    assert "in line" not in str(problem)


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"PK\x03\x04rest", "a zip archive"), ("# Ä?".encode("utf-16"), "UTF-16 text")],
)
def test_a_file_that_is_no_bank_is_named_once(data: bytes, message: str):
    (problem,) = import_bank("bank.txt", data).problems
    assert message in problem.message
