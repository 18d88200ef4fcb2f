"""A lesson is prose with questions and simulations between."""

from __future__ import annotations

from quizserver.topics.lesson import RenderedLesson, parse_lesson, render_lesson
from quizserver.topics.model import HtmlBlock, QuestionBlock, SimulationBlock

LESSON = """\
---
summary: All about it.
order: 3
---
# The *late* drop

First[^1] with $x$. See [why](#why).

```question
late-drop
```

## Why

~~~ simulation
arm: low-rate
knobs: {rate: 1e-3, size: 8}
~~~

Last[^2].

```python
x = 1
```

[^1]: One.
[^2]: Two.
"""


def built(text: str) -> RenderedLesson:
    draft = parse_lesson("t/lesson.md", text)
    return render_lesson(draft, topic="t", title="Default", rewrite=lambda _name, url: url)


def test_a_summary_of_its_own_has_no_marks_of_footnotes() -> None:
    assert built(LESSON.replace("summary: All about it.\n", "")).summary == "First with x. See why."


def test_blocks_come_in_the_order_they_are_written() -> None:
    lesson = built(LESSON).lesson
    assert [type(block) for block in lesson.blocks] == [
        HtmlBlock,
        QuestionBlock,
        HtmlBlock,
        SimulationBlock,
        HtmlBlock,
    ]
    assert lesson.blocks[1] == QuestionBlock("late-drop")
    assert lesson.blocks[3] == SimulationBlock("simulation", "low-rate", {"rate": 0.001, "size": 8})


def test_prose_is_one_document_across_its_blocks() -> None:
    first, why, last = (b.html for b in built(LESSON).lesson.blocks if isinstance(b, HtmlBlock))
    assert 'href="#s-why"' in first
    assert '<h2 id="s-why">Why</h2>' in why
    assert ">1</a>" in first
    assert ">2</a>" in last
    assert last.count('class="footnote"') == 1
    assert 'class="highlight"' in last


def test_title_summary_order_and_questions_are_for_the_topic() -> None:
    lesson = built(LESSON)
    assert lesson.lesson.title == "The late drop"
    assert (lesson.summary, lesson.topic_order, lesson.question_ids) == (
        "All about it.",
        3,
        ("late-drop",),
    )


def test_the_summary_is_the_first_paragraph_unless_written() -> None:
    assert (
        built("# T\n\n> quoted\n\nThe **first** one\nand more.\n\nSecond.\n").summary
        == "The first one and more."
    )


def test_a_lesson_without_a_title_has_the_topics() -> None:
    assert built("Text.\n").lesson.title == "Default"


def test_a_block_that_cannot_be_read_is_left_out_and_the_rest_is_shown() -> None:
    draft = parse_lesson("t/lesson.md", "# T\n\nA\n\n```simulation\narm: [\n```\n\nB\n")
    assert draft.is_servable
    blocks = render_lesson(draft, topic="t", title="", rewrite=lambda _n, u: u).lesson.blocks
    assert [type(block) for block in blocks] == [HtmlBlock, HtmlBlock]
