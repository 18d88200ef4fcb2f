"""GIFT: read as Moodle reads it, with a report of what has no counterpart here."""

from __future__ import annotations

import pytest

from quizserver.topics.formats.banks import export_bank, import_bank
from quizserver.topics.formats.model import ImportedBank, QuestionData
from tests.topics.formats.meaning import build_question, exact_texts, read_question_data


def import_gift(text: str) -> ImportedBank:
    return import_bank("bank.gift", text.encode())


def import_one(text: str) -> QuestionData:
    imported = import_gift(text)
    assert not imported.problems, imported.problems
    (imported_question,) = imported.questions
    return read_question_data(imported_question.source)


def option_key(data: QuestionData) -> list[tuple[str, bool]]:
    return [(option.text, option.right) for option in data.options]


def test_multiple_choice_with_title_comment_and_feedback():
    data = import_one(
        "// a comment\n::Plateaus:: What ends a plateau?{\n  =momentum #Yes, often.\n"
        "  ~a smaller rate # No.\n  ~patience\n  ####Look at the gradient.\n}\n"
    )
    assert (data.title, data.stem) == ("Plateaus", "What ends a plateau?")
    assert option_key(data) == [("momentum", True), ("a smaller rate", False), ("patience", False)]
    assert [option.feedback for option in data.options] == ["Yes, often.", "No.", ""]
    assert data.explanation == "Look at the gradient."


def test_several_questions_on_few_lines():
    imported = import_gift("One {=a ~b}\n\n// c\nTwo {~a =b}\n\n\n\nThree? {=1 ~2 ~3}\n")
    assert [(b.title, b.line) for b in imported.questions] == [
        ("One", 1),
        ("Two", 4),
        ("Three?", 8),
    ]


def test_weights_make_a_multiple_answer_question():
    data = import_one("Which?{~%50%a ~%50%b ~%-100%c}")
    assert option_key(data) == [("a", True), ("b", True), ("c", False)]
    uneven = import_gift("Which?{~%70%a ~%30%b ~c}").questions[0]
    assert "partial credit" in uneven.notes[0]


def test_partial_credit_beside_the_right_answer_is_left_behind_and_reported():
    imported_question = import_gift("Which?{=a ~%50%b ~c}").questions[0]
    assert option_key(read_question_data(imported_question.source)) == [
        ("a", True),
        ("b", False),
        ("c", False),
    ]
    assert imported_question.notes


@pytest.mark.parametrize(
    ("answers", "right"),
    [("{T}", "True"), ("{TRUE}", "True"), ("{F#no#yes}", "False"), ("{ FALSE }", "False")],
)
def test_true_and_false_keep_their_order(answers: str, right: str):
    data = import_one(f"It learns.{answers}")
    assert [option.text for option in data.options if option.right] == [right]
    assert [option.text for option in data.options] == ["True", "False"]
    assert data.shuffle is False
    if "#" in answers:
        assert [option.feedback for option in data.options] == ["no", "yes"]


def test_escapes_are_removed():
    data = import_one(r"What is 1 \= 2\: \{a\}, x\~y, \#1, \\n and a\nb?{=\=\{ ~C\# ~\:\:}")
    assert data.title == "What is 1 = 2: {a}, x~y, #1, \\\\n and a" or "\\\\n" in data.stem
    assert [option.text.replace("&#61;", "=") for option in data.options] == ["={", "C#", "::"]


def test_a_missing_word_becomes_a_blank():
    data = import_one("Momentum {=adds up ~removes} small pushes.")
    assert data.title == r"Momentum \_\_\_\_\_ small pushes."


def test_formats_are_converted():
    html = import_one("[html]<p>Is <b>x</b> &lt; 2?</p><pre>a\nb</pre>{=yes ~no}")
    assert (html.title, html.stem) == ("Is **x** &lt; 2?", "```\na\nb\n```")
    markdown = import_one("[markdown]Is **x** so?{=`a` ~*b*}")
    assert (markdown.title, option_key(markdown)) == (
        "Is **x** so?",
        [("`a`", True), ("*b*", False)],
    )
    plain = import_one("[plain]Is *x* so?{=`a` ~<b>}")
    assert (plain.title, option_key(plain)[0][0]) == (r"Is \*x\* so?", r"\`a\`")
    moodle_format = import_one("Is <b>x</b> * 2?{=a ~b}")
    assert moodle_format.title == r"Is **x** \* 2?"


def test_a_category_is_a_tag_and_comments_may_hold_more():
    text = (
        "$CATEGORY: $course$/top/Loss curves\n\nOne?{=a ~b}\n\n// [id:two] [tag:x y]\nTwo?{=a ~b}"
    )
    first, second = import_gift(text).questions
    assert read_question_data(first.source).tags == ("Loss curves",)
    assert (second.slug, read_question_data(second.source).tags) == ("two", ("x y",))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("How many?{#42:1}", "numerical"),
        ("Who?{=Ada =Lovelace}", "short-answer"),
        ("Match.{=a -> b =c -> d}", "matching"),
        ("Write.{}", "essay"),
        ("Just a text.", "no-answers"),
        ("Which?{~a ~b}", "no-right-option"),
        ("Which?{=a =b ~c}", "any-of-several"),
        ("Which?{=a ~b", "brace-mismatch"),
        ("Which?{=a ~b} and {=c ~d}", "brace-mismatch"),
        ("Which?{=a ~a}", "duplicate-option"),
        ("Which?{=a ~}", "empty-option"),
        ("Which?{a ~b =c}", "text-before-answers"),
        ("[html]<img src='http://x.org/a.png' alt='a'>?{=a ~b}", "external-image"),
    ],
)
def test_what_has_no_counterpart_is_reported_and_the_rest_is_imported(text: str, code: str):
    imported = import_gift(f"First?{{=a ~b}}\n\n{text}\n\n::Last::Last?{{=a ~b}}\n")
    assert [(problem.code, problem.line) for problem in imported.problems] == [(code, 3)]
    assert [question.title for question in imported.questions] == ["First?", "Last"]


def test_a_blank_line_inside_answers_does_not_cut_them():
    imported = import_gift("One?{\n=a\n\n~b\n}\n\nTwo?{=a ~b}")
    assert [option_key(read_question_data(b.source))[0] for b in imported.questions] == [
        ("a", True),
        ("a", True),
    ]
    assert not imported.problems


def test_an_export_reports_what_it_leaves_behind():
    source = (
        "---\nshuffle: false\n---\n\n# Which $x$?\n\n"
        "- [x] a\n- [x] b\n- [ ] c\n\n## Hint\n\nLook.\n"
    )
    exported = export_bank("gift", [build_question(source)])
    text = exported.data.decode()
    assert "~%50%a" in text
    assert "~%-100%c" in text
    omitted_words = " ".join(omission.what for omission in exported.omissions)
    for word in ("hints", "order", "formulas", "all-or-nothing"):
        assert word in omitted_words


def test_three_right_options_share_as_moodle_writes_it():
    exported = export_bank("gift", [build_question("# W?\n\n- [x] a\n- [x] b\n- [x] c\n- [ ] d\n")])
    assert exported.data.decode().count("%33.33333%") == 3


@pytest.mark.parametrize("format_name", ["gift", "moodle"])
def test_more_shares_than_moodle_knows_are_reported(format_name: str):
    right = "".join(f"- [x] {number}\n" for number in range(11))
    exported = export_bank(format_name, [build_question(f"# W?\n\n{right}- [ ] d\n")])
    assert any("exact weights" in omission.what for omission in exported.omissions)


def test_a_text_that_begins_like_a_format_or_a_weight_names_its_format():
    source = (
        "# W?\n\n- [x] %100% of it\n- [ ] %5%\n- [ ] [html]\n\n## Explanation\n\n[plain] is one.\n"
    )
    text = export_bank("gift", [build_question(source)]).data.decode()
    for answer in (
        "=[markdown]%100% of",
        "~[markdown]%5%",
        "~[markdown][html]",
        "####[markdown][pl",
    ):
        assert answer in text
    (imported_question,) = import_gift(text).questions
    assert exact_texts(imported_question.source) == exact_texts(source)
