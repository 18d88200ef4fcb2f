"""Markdown is taken apart as its authors mean it: title, stem, options, feedback, sections."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizserver.topics.lesson_parser import EmbeddedBlock, LessonFields, parse_lesson_fields
from quizserver.topics.markdown import MarkdownSlice, SectionName, scan_markdown
from quizserver.topics.question_parser import QuestionFields, parse_question_fields
from quizserver.topics.task_lists import ListItem

LIST = "- [x] Yes\n- [ ] No\n"


def question_fields(text: str) -> QuestionFields:
    return parse_question_fields(scan_markdown(text))


def lesson_fields(text: str) -> LessonFields:
    return parse_lesson_fields(scan_markdown(text))


def items(text: str) -> tuple[ListItem, ...]:
    return question_fields(text).task_lists[0].items


def names(text: str) -> list[SectionName]:
    return [section.name for section in question_fields(text).sections]


@pytest.mark.parametrize("marker", ["-", "*", "+", "1.", "12)"])
def test_options_may_begin_with_any_list_marker(marker: str) -> None:
    one, two = items(f"# T\n\n{marker} [x] Yes\n{marker} [ ] No\n")
    assert [one.text, one.box, two.text, two.box] == ["Yes", "x", "No", " "]
    assert (one.line, one.column) == (3, len(marker) + 2)


def test_options_may_be_apart_and_have_several_paragraphs_and_code() -> None:
    one, two = items(
        "- [ ] One\n  goes on\nlazily\n\n  Second paragraph\n\n  ```python\n  def f():\n"
        "      - [x] no option\n  ```\n\n\n- [x] Two\n"
    )
    assert one.text == (
        "One\ngoes on\nlazily\n\nSecond paragraph\n\n```python\ndef f():\n    - [x] no option\n```"
    )
    assert (two.text, two.line) == ("Two", 13)


@pytest.mark.parametrize("indent", ["  ", "    ", "      ", "\t"])
def test_an_indented_quotation_is_the_options_feedback(indent: str) -> None:
    one, two = items(f"- [x] Yes\n\n{indent}> Well\n{indent}> done.\n\n- [ ] No\n{indent}> No.\n")
    assert (one.text, one.feedback_text) == ("Yes", "Well\ndone.")
    assert (two.text, two.feedback_text) == ("No", "No.")


def test_feedback_may_hold_code_and_go_on_after_a_blank_line() -> None:
    [one, _] = items(
        "- [x] Yes\n  > Look:\n  >\n  > ```\n  > x = 1\n  > ```\n\n  > And.\n- [ ] No\n"
    )
    assert one.feedback_text == "Look:\n\n```\nx = 1\n```\n\nAnd."
    assert one.text == "Yes"


def test_a_quotation_that_is_the_options_text_in_code_is_no_feedback() -> None:
    [one, _] = items("- [x] Yes\n  ```\n  > x\n  ```\n- [ ] No\n")
    assert one.feedback is None
    assert "> x" in one.text


def test_an_id_is_taken_off_its_options_end() -> None:
    one, two = items("- [x] Yes, `{#not}` {#yes}\n  > Well done.\n- [ ] No\n\n  Never. {#no}\n")
    assert (one.text, one.ids) == ("Yes, `{#not}`", (("yes", 1, 21),))
    assert (two.text, two.ids) == ("No\n\nNever.", (("no", 5, 10),))


def test_a_link_at_an_options_beginning_is_no_box() -> None:
    fields = question_fields("# T\n\n- [x](https://example.org) a\n- [y][z] b\n")
    assert fields.task_lists == ()


def test_an_ordinary_list_belongs_to_the_stem() -> None:
    fields = question_fields(f"# T\n\n- first\n- second\n\nWhich?\n\n{LIST}")
    assert len(fields.task_lists) == 1
    assert "- second" in fields.sections[0].text


def test_a_rule_of_dashes_is_no_list() -> None:
    assert len(items(f"# T\n\n- - -\n\n{LIST}")) == 2


def test_the_title_may_be_underlined() -> None:
    fields = question_fields(
        f"The title\n=========\n\nStem\n\n{LIST}\nAnswer\n------\n\nBecause.\n"
    )
    assert fields.title is not None
    assert (fields.title.text, fields.title.line) == ("The title", 1)
    assert [section.name for section in fields.sections] == [SectionName.STEM, SectionName.ANSWER]
    assert fields.sections[0].text.strip() == "Stem"


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("## Answer", SectionName.ANSWER),
        ("## answer:", SectionName.ANSWER),
        ("## **Explanation**", SectionName.ANSWER),
        ("#### Answer ####", SectionName.ANSWER),
        ("# Answer", SectionName.ANSWER),
        ("## References", SectionName.REFERENCES),
        ("## Hint", SectionName.HINT),
        ("## Hint 2", SectionName.HINT),
        ("### Hints", SectionName.HINT),
        ("## Anwser", SectionName.UNKNOWN),
    ],
)
def test_sections_are_known_by_their_headings(heading: str, name: SectionName) -> None:
    assert names(f"# T\n\n{LIST}\n{heading}\n\nText\n") == [SectionName.STEM, name]


def test_a_hint_inside_the_answer_stays_in_the_answer() -> None:
    """A slip of a heading's level never shows a part of the answer early."""
    text = f"# T\n\n{LIST}\n## Answer\n\nBecause.\n\n### Hint\n\nSecret\n\n## Hint\n\nShown\n"
    fields = question_fields(text)
    assert [s.name for s in fields.sections] == [
        SectionName.STEM,
        SectionName.ANSWER,
        SectionName.HINT,
    ]
    assert "Secret" in fields.sections[1].text


def test_an_answer_inside_a_hint_or_the_stem_is_cut_out() -> None:
    text = f"# T\n\n{LIST}\n## Hint\n\nThink\n\n#### Answer\n\nSecret\n"
    assert names(text) == [SectionName.STEM, SectionName.HINT, SectionName.ANSWER]


def test_a_rule_between_options_and_answer_is_no_text() -> None:
    assert names(f"# T\n\n{LIST}\n---\n\n## Answer\n\nx\n") == [
        SectionName.STEM,
        SectionName.ANSWER,
    ]


def test_a_section_is_known_without_the_space_of_its_heading() -> None:
    """What would be shown as a heading is taken for one, lest a hint shows the answer."""
    text = f"# T\n\n{LIST}\n## Hint\n\nThink\n\n##Answer\n\nSecret\n"
    assert names(text) == [SectionName.STEM, SectionName.HINT, SectionName.ANSWER]
    assert names(f"# T\n\n#hashtag\n\n{LIST}") == [SectionName.STEM]


def test_a_heading_of_the_answer_is_never_the_title() -> None:
    assert question_fields(f"{LIST}\n## Answer\n\n# Secret\n").title is None
    assert question_fields(f"Stem\n\n{LIST}\n# Secret\n").title is None


def test_headings_in_code_begin_nothing() -> None:
    assert names(f"# T\n\n{LIST}\n## Answer\n\n```\n## Hint\n```\n") == [
        SectionName.STEM,
        SectionName.ANSWER,
    ]


def test_text_after_the_options_is_kept_apart_from_the_stem() -> None:
    fields = question_fields(f"# T\n\nStem\n\n{LIST}\nThe key is Yes.\n")
    assert [s.name for s in fields.sections] == [SectionName.STEM, SectionName.AFTER_OPTIONS]
    assert "key" not in fields.sections[0].text


def test_every_section_knows_its_line() -> None:
    text = f"---\nid: a\n---\n# T\n\n{LIST}\n## Hint\n\nThink\n"
    stem, hint = question_fields(text).sections
    lines = text.split("\n")
    assert stem.line == 4
    assert lines[hint.line - 1 :] == hint.text.split("\n")


def test_a_lesson_is_cut_at_its_blocks() -> None:
    code = "```python\nquestion\n```\n"
    text = f"# L\n\nA\n\n```question\nq\n```\nB\n~~~ simulation\narm: x\n~~~\n\n{code}"
    fields = lesson_fields(text)
    blocks = [part for part in fields.parts if isinstance(part, EmbeddedBlock)]
    assert [(b.kind, b.content, b.line) for b in blocks] == [
        ("question", "q", 5),
        ("simulation", "arm: x", 9),
    ]
    assert [part.text.strip() for part in fields.parts if isinstance(part, MarkdownSlice)] == [
        "A",
        "B",
        "```python\nquestion\n```",
    ]


MARKDOWN = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "- [x] a",
                "- [ ] b",
                "  > f",
                "> g",
                "```",
                "# T",
                "## Hint",
                "## Answer",
                "",
                "  c",
                "\td",
                "1. [X] e",
                "===",
                "---",
                "- [ ] ```",
                "{#i}",
                "<!--",
                "-->",
            ]
        ),
        st.text(max_size=8),
    ),
    max_size=25,
).map("\n".join)


@given(MARKDOWN)
def test_any_text_can_be_parsed_and_every_place_is_in_it(text: str) -> None:
    lines = text.split("\n")
    fields = question_fields(text)
    for item in (item for task_list in fields.task_lists for item in task_list.items):
        if item.box is not None:
            assert lines[item.line - 1][item.column - 1] == "["
        for _, line, column in item.ids:
            assert lines[line - 1][column - 1 :].startswith("{#")
        for line in (*item.body.lines, *(item.feedback.lines if item.feedback else ())):
            assert line.text.strip() in lines[line.number - 1]
    for section in fields.sections:
        if section.heading:
            assert lines[section.heading.line - 1].strip()
    lesson_fields(text)


@given(MARKDOWN)
def test_no_line_of_a_question_is_lost(text: str) -> None:
    """Every line of prose turns up in an option, its feedback, a section, a heading or a title."""
    fields = question_fields(text)
    shown = [section.text for section in fields.sections]
    shown += [section.heading.text for section in fields.sections if section.heading]
    shown += [fields.title.text] if fields.title else []
    shown += fields.source.body[: fields.source.front_matter_length]
    for task_list in fields.task_lists:
        shown += [line.text for line in task_list.loose_quotes]
        for item in task_list.items:
            shown += [
                item.text,
                item.feedback_text or "",
                *(written_id for written_id, _, _ in item.ids),
            ]
    everything = "\n".join(shown)
    for letter in "abcdefg":
        if letter in text and "<!--" not in text and "---" not in text:
            assert letter in everything
