"""What is written and read again means the same: every shipped question, and invented ones."""

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
from tests.topics.formats.meaning import item_of, question_of, shown, texts, title

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
def sources(draw: Callable[..., object]) -> str:
    """The file of a question that our checker accepts."""
    texts = draw(st.lists(OPTION, min_size=2, max_size=5, unique=True))
    right = draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts)).filter(any))
    notes = draw(st.lists(st.one_of(st.just(""), TEXT), min_size=len(texts), max_size=len(texts)))
    item = QuestionData(
        title=draw(LINE),
        stem=draw(st.one_of(st.just(""), TEXT)),
        options=tuple(map(OptionData, texts, right, notes)),
        hints=tuple(draw(st.lists(TEXT, max_size=2))),
        explanation=draw(st.one_of(st.just(""), TEXT)),
        references=draw(st.one_of(st.just(""), LINE)),
        shuffle=draw(st.booleans()),
    )
    source = compose_markdown(item)
    draft = parse_question("topic/question.md", source)
    assume(not draft.diagnostics and item_of(source).title.strip() == item.title.strip())
    # A text that repeats the title is the title; and a title that would be a list is no title.
    assume(title(item) and item.stem != item.title and escape_line_start(item.title) == item.title)
    return source


MANY = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


@MANY
@given(source=sources())
def test_gift_keeps_every_text_to_the_letter(source: str):
    written = export_bank("gift", [question_of(source)])
    imported = import_bank("bank.gift", written.data)
    assert not imported.problems
    (back,) = imported.questions
    assert texts(back.source) == texts(source)


@MANY
@given(source=sources())
def test_moodle_xml_keeps_what_a_reader_sees(source: str):
    written = export_bank("moodle", [question_of(source)])
    imported = import_bank("bank.xml", written.data)
    assert not imported.problems
    (back,) = imported.questions
    assert shown(back.source) == shown(source)


@pytest.fixture(scope="module")
def shipped() -> Snapshot:
    return Library(Settings().content).snapshot()


def files_of(snapshot: Snapshot) -> Callable[[str], bytes | None]:
    def files(path: str) -> bytes | None:
        topic, _, inside = path.partition("/")
        found = image_in_topic(snapshot, topic, inside)
        return found.read_bytes() if found else None

    return files


def test_every_shipped_question_comes_back_from_moodle_xml(shipped: Snapshot):
    questions = list(shipped.questions.values())
    written = export_bank("moodle", questions, load_image=files_of(shipped))
    imported = import_bank("all.xml", written.data)
    assert not imported.problems
    assert [back.slug for back in imported.questions] == [question.id for question in questions]
    for back, question in zip(imported.questions, questions, strict=True):
        assert shown(back.source) == shown(question.source)
        assert item_of(back.source).tags == question.tags
        assert bool(back.images) == ("![" in question.source)


def test_every_shipped_question_comes_back_from_gift(shipped: Snapshot):
    questions = list(shipped.questions.values())
    folder = Path(Settings().content)
    pictures = {path.name: path.read_bytes() for path in folder.glob("*/*.svg")}
    imported = import_bank("all.gift", export_bank("gift", questions).data, load_image=pictures.get)
    assert not imported.problems
    assert [back.slug for back in imported.questions] == [question.id for question in questions]
    for back, question in zip(imported.questions, questions, strict=True):
        assert texts(back.source) == texts(question.source)


def test_several_questions_and_topics_keep_their_order_and_tags():
    first = question_of("# One?\n\n- [x] a\n- [ ] b\n", "t/one.md", "t")
    second = question_of(
        "---\ntags: [a b, c]\n---\n\n# Two?\n\n- [x] a\n- [x] b\n", "u/two.md", "u"
    )
    for kind, name in (("gift", "b.gift"), ("moodle", "b.xml")):
        back = import_bank(name, export_bank(kind, [first, second]).data)
        assert [each.slug for each in back.questions] == ["one", "two"]
        assert item_of(back.questions[1].source).tags == ("a b", "c")
        assert item_of(back.questions[0].source).tags == ("t",), "a category becomes a tag"
