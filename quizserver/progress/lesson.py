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

Shown = tuple[str, Any]


def shown_blocks(
    topic: Topic,
    snapshot: Snapshot,
    *,
    question: Callable[[Question], object],
    bench: Callable[[SimulationBlock], Shown],
) -> Iterator[Shown]:
    """Each block as a kind and what a template of this kind shows.

    ``question`` and ``bench`` make a view of what is embedded, which depends on who looks; a
    question that is not served is "missing".
    """
    for block in topic.lesson.blocks if topic.lesson else ():
        if isinstance(block, HtmlBlock):
            yield "html", block.html
        elif isinstance(block, QuestionBlock):
            found = snapshot.questions.get(block.question)
            yield ("question", question(found)) if found else ("missing", block.question)
        else:
            yield bench(block)
