"""Exported questions that are imported again mean the same: shipped ones, and generated ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from quizserver.settings import Settings
from quizserver.topics.assets import image_in_topic
from quizserver.topics.formats.banks import export_bank, import_bank
from quizserver.topics.formats.escape import escape_line_start
from quizserver.topics.formats.markdown_source import compose_markdown
from quizserver.topics.formats.model import OptionData, QuestionData
from quizserver.topics.library import Library
from quizserver.topics.model import Snapshot
from quizserver.topics.question import parse_question
from quizserver.topics.sanitise import word_set
from tests.topics.formats.meaning import (
    build_question,
    exact_texts,
    plain_title,
    problems_of,
    read_question_data,
    visible_html,
    visible_texts,
)

WORDS = st.sampled_from(
    sorted(
        word_set(
            "loss rate Why? 2 3.5 C# a_b __init__ -> :: = ~ # { } & % %50% [html] [x] 1. // é "
            "→ $5 \\ x<y &amp; | `code` `{a:1}` `#` $x^2$ $\\frac{1}{2}$ **bold** *em* T ~~gone~~ "
            "TRUE \\* \\[ [link](https://example.org/a_b) H<sub>2</sub>O &lt;br&gt; ! (so) ####"
        )
    )
)
# An empty heading ("# #") is nothing that a reader could see come back.
LINE = (
    st.lists(WORDS, min_size=1, max_size=7)
    .map(" ".join)
    .filter(lambda line: not re.fullmatch(r"#+(\s+#+)*", line))
)
BLOCK = st.one_of(
    LINE,
    LINE,
    st.just("```python\nif a == {1: 2}:\n\n    print('#', \"~\")  # ::x::\n```"),
    st.just("```\nplain ```\n```"),
    st.just("- one\n- two = 2\n    - deeper"),
    st.just("1. first\n2. second"),
    st.just("| a | b |\n| --- | ---: |\n| 1 | `x` |"),
    st.just("$$\\sum_{i=0}^{n} x_i$$"),
    st.just("> quoted\n> text"),
)
TEXT = st.lists(BLOCK, min_size=1, max_size=3).map("\n\n".join)
OPTION = st.one_of(LINE, LINE, st.tuples(LINE, BLOCK).map("\n\n".join))


@st.composite
def question_sources(draw: Callable[..., object]) -> str:
    """The file of a question that our checker accepts."""
    option_texts = draw(st.lists(OPTION, min_size=2, max_size=5, unique=True))
    right = draw(
        st.lists(st.booleans(), min_size=len(option_texts), max_size=len(option_texts)).filter(any)
    )
    feedback = draw(
        st.lists(
            st.one_of(st.just(""), TEXT), min_size=len(option_texts), max_size=len(option_texts)
        )
    )
    data = QuestionData(
        title=draw(LINE),
        stem=draw(st.one_of(st.just(""), TEXT)),
        options=tuple(map(OptionData, option_texts, right, feedback)),
        hints=tuple(draw(st.lists(TEXT, max_size=2))),
        explanation=draw(st.one_of(st.just(""), TEXT)),
        references=draw(st.one_of(st.just(""), LINE)),
        shuffle=draw(st.booleans()),
    )
    source = compose_markdown(data)
    parsed = parse_question("topic/question.md", source)
    assume(
        not problems_of(parsed) and read_question_data(source).title.strip() == data.title.strip()
    )
    # A text that repeats the title is the title; and a title that would be a list is no title.
    assume(
        plain_title(data)
        and data.stem != data.title
        and escape_line_start(data.title) == data.title
    )
    return source


MANY_EXAMPLES = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


@MANY_EXAMPLES
@given(source=question_sources())
def test_gift_keeps_every_text_to_the_letter(source: str):
    exported = export_bank("gift", [build_question(source)])
    imported = import_bank("bank.gift", exported.data)
    assert not imported.problems
    (reimported,) = imported.questions
    assert exact_texts(reimported.source) == exact_texts(source)


@MANY_EXAMPLES
@given(source=question_sources())
def test_moodle_xml_keeps_what_a_reader_sees(source: str):
    exported = export_bank("moodle", [build_question(source)])
    imported = import_bank("bank.xml", exported.data)
    assert not imported.problems
    (reimported,) = imported.questions
    assert visible_texts(reimported.source) == visible_texts(source)


@pytest.fixture(scope="module")
def shipped_snapshot() -> Snapshot:
    return Library(Settings().content).snapshot()


def image_loader(snapshot: Snapshot) -> Callable[[str], bytes | None]:
    def load_image(path: str) -> bytes | None:
        topic, _, inside = path.partition("/")
        image_file = image_in_topic(snapshot, topic, inside)
        return image_file.read_bytes() if image_file else None

    return load_image


def test_every_shipped_question_comes_back_from_moodle_xml(shipped_snapshot: Snapshot):
    questions = list(shipped_snapshot.questions.values())
    exported = export_bank("moodle", questions, load_image=image_loader(shipped_snapshot))
    imported = import_bank("all.xml", exported.data)
    assert not imported.problems
    assert [reimported.slug for reimported in imported.questions] == [
        question.id for question in questions
    ]
    for reimported, question in zip(imported.questions, questions, strict=True):
        assert visible_texts(reimported.source) == visible_texts(question.source)
        assert read_question_data(reimported.source).tags == question.tags
        assert bool(reimported.images) == ("![" in question.source)


def test_every_shipped_question_comes_back_from_qti(shipped_snapshot: Snapshot):
    def kept_texts(source: str) -> dict[str, str]:
        """All texts but the hints, for which QTI has no place; its tables align no cells."""
        texts = {name: str(text) for name, text in visible_texts(source).items() if name != "hints"}
        return {name: re.sub(r' align="\w+"', "", text) for name, text in texts.items()}

    questions = list(shipped_snapshot.questions.values())
    exported = export_bank("qti", questions, load_image=image_loader(shipped_snapshot))
    imported = import_bank("all.zip", exported.data)
    assert not imported.problems
    assert [reimported.slug for reimported in imported.questions] == [
        question.id for question in questions
    ]
    for reimported, question in zip(imported.questions, questions, strict=True):
        assert kept_texts(reimported.source) == kept_texts(question.source)
        assert bool(reimported.images) == ("![" in question.source)


def test_every_shipped_question_comes_back_from_csv(shipped_snapshot: Snapshot):
    def kept_texts(source: str) -> dict[str, object]:
        """All texts but feedback, and hints, of which CSV has one."""
        texts = visible_texts(source)
        options = read_question_data(source).options
        return {name: texts[name] for name in ("title", "stem", "explanation", "references")} | {
            "options": [(visible_html(o.text), o.right) for o in options]
        }

    questions = list(shipped_snapshot.questions.values())
    folder = Path(Settings().content)
    images_by_name = {path.name: path.read_bytes() for path in folder.glob("*/*.svg")}
    exported = export_bank("csv", questions, load_image=image_loader(shipped_snapshot))
    imported = import_bank("all.csv", exported.data, load_image=images_by_name.get)
    assert not imported.problems
    for reimported, question in zip(imported.questions, questions, strict=True):
        assert kept_texts(reimported.source) == kept_texts(question.source)
        assert bool(reimported.images) == ("![" in question.source)


def test_a_cell_that_begins_like_a_formula_comes_back_and_is_none():
    source = "# What does it print?\n\n- [x] =1+1\n- [ ] \\-2\n- [ ] @x\n- [ ] A\n"
    data = export_bank("csv", [build_question(source)]).data
    assert data.startswith(b"\xef\xbb\xbfTitle,Question,Option A")
    assert b",'=1+1,'-2,'@x,A,A," in data
    (reimported,) = import_bank("b.csv", data).questions
    assert visible_texts(reimported.source) == visible_texts(source)


def test_every_shipped_question_comes_back_from_gift(shipped_snapshot: Snapshot):
    questions = list(shipped_snapshot.questions.values())
    folder = Path(Settings().content)
    images_by_name = {path.name: path.read_bytes() for path in folder.glob("*/*.svg")}
    imported = import_bank(
        "all.gift", export_bank("gift", questions).data, load_image=images_by_name.get
    )
    assert not imported.problems
    assert [reimported.slug for reimported in imported.questions] == [
        question.id for question in questions
    ]
    for reimported, question in zip(imported.questions, questions, strict=True):
        assert exact_texts(reimported.source) == exact_texts(question.source)


def test_several_questions_and_topics_keep_their_order_and_tags():
    first = build_question("# One?\n\n- [x] a\n- [ ] b\n", "t/one.md", "t")
    second = build_question(
        "---\ntags: [a b, c]\n---\n\n# Two?\n\n- [x] a\n- [x] b\n", "u/two.md", "u"
    )
    for format_name, name in (("gift", "b.gift"), ("moodle", "b.xml")):
        reimported = import_bank(name, export_bank(format_name, [first, second]).data)
        assert [question.slug for question in reimported.questions] == ["one", "two"]
        assert read_question_data(reimported.questions[1].source).tags == ("a b", "c")
        assert read_question_data(reimported.questions[0].source).tags == ("t",), (
            "a category becomes a tag"
        )
