"""GIFT as Moodle reads it, and what of it has no counterpart here."""

from __future__ import annotations

import pytest

from quizserver.topics.formats.banks import export_bank, import_bank
from quizserver.topics.formats.model import ImportedBank, QuestionData
from tests.topics.formats.meaning import item_of, question_of, texts


def gift(text: str) -> ImportedBank:
    return import_bank("bank.gift", text.encode())


def one(text: str) -> QuestionData:
    imported = gift(text)
    assert not imported.problems, imported.problems
    (brought,) = imported.questions
    return item_of(brought.source)


def key(item: QuestionData) -> list[tuple[str, bool]]:
    return [(option.text, option.right) for option in item.options]


def test_multiple_choice_with_title_comment_and_feedback():
    item = one(
        "// a comment\n::Plateaus:: What ends a plateau?{\n  =momentum #Yes, often.\n"
        "  ~a smaller rate # No.\n  ~patience\n  ####Look at the gradient.\n}\n"
    )
    assert (item.title, item.stem) == ("Plateaus", "What ends a plateau?")
    assert key(item) == [("momentum", True), ("a smaller rate", False), ("patience", False)]
    assert [option.feedback for option in item.options] == ["Yes, often.", "No.", ""]
    assert item.explanation == "Look at the gradient."


def test_several_questions_on_few_lines():
    imported = gift("One {=a ~b}\n\n// c\nTwo {~a =b}\n\n\n\nThree? {=1 ~2 ~3}\n")
    assert [(b.title, b.line) for b in imported.questions] == [
        ("One", 1),
        ("Two", 4),
        ("Three?", 8),
    ]


def test_weights_make_a_multiple_answer_question():
    item = one("Which?{~%50%a ~%50%b ~%-100%c}")
    assert key(item) == [("a", True), ("b", True), ("c", False)]
    uneven = gift("Which?{~%70%a ~%30%b ~c}").questions[0]
    assert "partial credit" in uneven.notes[0]


def test_partial_credit_beside_the_right_answer_is_left_behind_and_told():
    brought = gift("Which?{=a ~%50%b ~c}").questions[0]
    assert key(item_of(brought.source)) == [("a", True), ("b", False), ("c", False)]
    assert brought.notes


@pytest.mark.parametrize(
    ("answers", "right"),
    [("{T}", "True"), ("{TRUE}", "True"), ("{F#no#yes}", "False"), ("{ FALSE }", "False")],
)
def test_true_and_false_keep_their_order(answers: str, right: str):
    item = one(f"It learns.{answers}")
    assert [option.text for option in item.options if option.right] == [right]
    assert [option.text for option in item.options] == ["True", "False"]
    assert item.shuffle is False
    if "#" in answers:
        assert [option.feedback for option in item.options] == ["no", "yes"]


def test_escapes_are_taken_off():
    item = one(r"What is 1 \= 2\: \{a\}, x\~y, \#1, \\n and a\nb?{=\=\{ ~C\# ~\:\:}")
    assert item.title == "What is 1 = 2: {a}, x~y, #1, \\\\n and a" or "\\\\n" in item.stem
    assert [option.text.replace("&#61;", "=") for option in item.options] == ["={", "C#", "::"]


def test_a_missing_word_becomes_a_blank():
    item = one("Momentum {=adds up ~removes} small pushes.")
    assert item.title == r"Momentum \_\_\_\_\_ small pushes."


def test_formats_are_converted():
    html = one("[html]<p>Is <b>x</b> &lt; 2?</p><pre>a\nb</pre>{=yes ~no}")
    assert (html.title, html.stem) == ("Is **x** &lt; 2?", "```\na\nb\n```")
    markdown = one("[markdown]Is **x** so?{=`a` ~*b*}")
    assert (markdown.title, key(markdown)) == ("Is **x** so?", [("`a`", True), ("*b*", False)])
    plain = one("[plain]Is *x* so?{=`a` ~<b>}")
    assert (plain.title, key(plain)[0][0]) == (r"Is \*x\* so?", r"\`a\`")
    usual = one("Is <b>x</b> * 2?{=a ~b}")
    assert usual.title == r"Is **x** \* 2?"


def test_a_category_is_a_tag_and_comments_may_hold_more():
    text = (
        "$CATEGORY: $course$/top/Loss curves\n\nOne?{=a ~b}\n\n// [id:two] [tag:x y]\nTwo?{=a ~b}"
    )
    first, second = gift(text).questions
    assert item_of(first.source).tags == ("Loss curves",)
    assert (second.slug, item_of(second.source).tags) == ("two", ("x y",))


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
def test_what_has_no_counterpart_is_named_and_the_rest_comes_in(text: str, code: str):
    imported = gift(f"First?{{=a ~b}}\n\n{text}\n\n::Last::Last?{{=a ~b}}\n")
    assert [(problem.code, problem.line) for problem in imported.problems] == [(code, 3)]
    assert [brought.title for brought in imported.questions] == ["First?", "Last"]


def test_a_blank_line_inside_answers_does_not_cut_them():
    imported = gift("One?{\n=a\n\n~b\n}\n\nTwo?{=a ~b}")
    assert [key(item_of(b.source))[0] for b in imported.questions] == [("a", True), ("a", True)]
    assert not imported.problems


def test_what_is_written_says_what_it_loses():
    source = (
        "---\nshuffle: false\n---\n\n# Which $x$?\n\n"
        "- [x] a\n- [x] b\n- [ ] c\n\n## Hint\n\nLook.\n"
    )
    written = export_bank("gift", [question_of(source)])
    text = written.data.decode()
    assert "~%50%a" in text
    assert "~%-100%c" in text
    told = " ".join(loss.what for loss in written.omissions)
    for word in ("hints", "order", "formulas", "all-or-nothing"):
        assert word in told


def test_three_right_options_share_as_moodle_writes_it():
    written = export_bank("gift", [question_of("# W?\n\n- [x] a\n- [x] b\n- [x] c\n- [ ] d\n")])
    assert written.data.decode().count("%33.33333%") == 3


@pytest.mark.parametrize("kind", ["gift", "moodle"])
def test_more_shares_than_moodle_knows_are_told(kind: str):
    right = "".join(f"- [x] {number}\n" for number in range(11))
    written = export_bank(kind, [question_of(f"# W?\n\n{right}- [ ] d\n")])
    assert any("exact weights" in loss.what for loss in written.omissions)


def test_a_text_that_begins_like_a_format_or_a_weight_is_told_apart():
    source = (
        "# W?\n\n- [x] %100% of it\n- [ ] %5%\n- [ ] [html]\n\n## Explanation\n\n[plain] is one.\n"
    )
    text = export_bank("gift", [question_of(source)]).data.decode()
    for written in (
        "=[markdown]%100% of",
        "~[markdown]%5%",
        "~[markdown][html]",
        "####[markdown][pl",
    ):
        assert written in text
    (brought,) = gift(text).questions
    assert texts(brought.source) == texts(source)
