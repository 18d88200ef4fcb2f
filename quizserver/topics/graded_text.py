"""The digest of what a learner reads before an answer, and of what that answer is graded by."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from quizserver.topics.markdown import LabelDefinition, MarkdownSlice, used_definitions
from quizserver.topics.slugs import hex_digest
from quizserver.topics.task_lists import ListItem


def graded_digest(
    *,
    title: str,
    stem: MarkdownSlice,
    options: Iterable[ListItem],
    hints: Iterable[MarkdownSlice],
    described: Sequence[Sequence[float]],
    definitions: Sequence[LabelDefinition],
) -> str:
    """16 hex digits that are equal for two texts of a question that ask and grade the same.

    Claims, the simulation, feedback, explanation and references are no part of it, nor is the order
    of the lines of the front matter. Whoever knows the digest can try keys until one fits: it stays
    on the server.
    """

    def read_text(content: MarkdownSlice) -> list[str]:
        used = used_definitions(content.text, definitions)
        return [content.text.strip(), *(definition.text for definition in used)]

    parts: list[Any] = [
        title,
        read_text(stem),
        [[item.option_id, item.is_right, read_text(item.body)] for item in options],
        [read_text(hint) for hint in hints],
        [[float(number) for number in point] for point in described],
    ]
    return hex_digest(json.dumps(parts))
