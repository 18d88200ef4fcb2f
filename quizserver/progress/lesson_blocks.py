"""Views of the blocks of a lesson, in the order of the page. Pure."""

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
    """Each block as a pair: its kind, and the value that the template of this kind shows.

    ``view_question`` and ``view_bench`` build the views of embedded questions and simulations,
    which depend on the visitor; a question that is not served is of the kind "missing".
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
