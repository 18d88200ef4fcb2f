"""The blocks of a lesson, in the order in which a page shows them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from quizserver.topics.model import (
    HtmlBlock,
    Question,
    QuestionBlock,
    SimulationBlock,
    Snapshot,
    Topic,
)

BlockView = tuple[str, Any]


def view_lesson_blocks(
    topic: Topic,
    snapshot: Snapshot,
    *,
    view_question: Callable[[Question], object],
    view_bench: Callable[[SimulationBlock], BlockView],
) -> Iterator[BlockView]:
    """Each block as a kind and what a template of this kind shows.

    ``question`` and ``bench`` make a view of what is embedded, which depends on who looks; a
    question that is not served is "missing".
    """
    for block in topic.lesson.blocks if topic.lesson else ():
        if isinstance(block, HtmlBlock):
            yield "html", block.html
        elif isinstance(block, QuestionBlock):
            served_question = snapshot.questions.get(block.question)
            yield (
                ("question", view_question(served_question))
                if served_question
                else ("missing", block.question)
            )
        else:
            yield view_bench(block)
