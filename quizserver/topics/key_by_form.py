"""Warns where the form of the options gives the key away to a learner who knows nothing.

What is compared is what a learner sees before the answer: links, images and code, and how long the
words of each option are.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Sequence

from quizserver.topics.line_kinds import CODE_KINDS, HIDDEN_CHARACTER
from quizserver.topics.markdown import LabelDefinition, fold_label
from quizserver.topics.model import Diagnostic
from quizserver.topics.task_lists import ListItem

LONGER_BY = 2
SHORTEST_COMPARED = 20  # characters; below, numbers and single words would be compared

_IMAGE = re.compile(r"!\[[^\[\]]*\](?:\([^()]*\)|\[[^\[\]]*\])|<img\b[^<>]*>", re.IGNORECASE)
_LINK = re.compile(r"\]\(|\]\[|\[\^[^\[\]]+\]|<https?://|<a\b", re.IGNORECASE)
_LABEL = re.compile(r"\[(?P<label>[^\[\]]+)\]")
_ADDRESS = re.compile(r"\]\([^()]*(?:\([^()]*\)[^()]*)*\)|\]\[[^\[\]]*\]|\[\^[^\[\]]+\]")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_LATEX_COMMAND = re.compile(r"\\[A-Za-z]+ ?")
_SIGNS = re.compile(r"[\[\]*_`~$\\{}^]")


def check_key_by_form(
    items: Sequence[ListItem], definitions: Sequence[LabelDefinition]
) -> Iterator[Diagnostic]:
    """A warning for each thing by which right options can be told from wrong ones at sight."""
    right = [item for item in items if item.is_right]
    wrong = [item for item in items if not item.is_right]
    if not right or not wrong:
        return
    labels = {definition.label for definition in definitions}
    features: tuple[tuple[str, Callable[[ListItem], bool]], ...] = (
        ("a link", lambda item: _has_link(item, labels)),
        ("an image", _has_image),
        ("code", _has_code),
    )
    for noun, has_feature in features:
        yield from _check_feature(noun, right, wrong, has_feature)
    shortest_right = min(right, key=displayed_length)
    longest_wrong = max(map(displayed_length, wrong))
    length = displayed_length(shortest_right)
    if length >= max(SHORTEST_COMPARED, LONGER_BY * longest_wrong):
        message = (
            "Every right option is at least twice as long as every wrong one "
            f"({length} characters against {longest_wrong})."
        )
        yield _warning(shortest_right, message, "Shorten it, or say more in the wrong ones.")


def _check_feature(
    noun: str,
    right: Sequence[ListItem],
    wrong: Sequence[ListItem],
    has_feature: Callable[[ListItem], bool],
) -> Iterator[Diagnostic]:
    right_with = [item for item in right if has_feature(item)]
    wrong_with = [item for item in wrong if has_feature(item)]
    if right_with and not wrong_with:
        message = f"Only right options carry {noun}: that shows the key."
        hint = "Give the wrong ones the like, or move it to the feedback or the references."
        yield _warning(right_with[0], message, hint)
    elif len(wrong_with) == len(wrong) and not right_with:
        message = f"Every wrong option carries {noun} and no right one does: that shows the key."
        yield _warning(right[0], message, "Give the right ones the like, or take it out.")


def _warning(item: ListItem, message: str, hint: str) -> Diagnostic:
    return Diagnostic(item.line, item.column, "key-by-form", message, hint, severity="warning")


def _has_link(item: ListItem, labels: set[str]) -> bool:
    prose = _IMAGE.sub("", item.body.prose)
    if _LINK.search(prose):
        return True
    return any(fold_label(match["label"]) in labels for match in _LABEL.finditer(prose))


def _has_image(item: ListItem) -> bool:
    return _IMAGE.search(item.body.prose) is not None


def _has_code(item: ListItem) -> bool:
    if any(line.kind in CODE_KINDS for line in item.body.lines):
        return True
    return HIDDEN_CHARACTER in item.body.prose and any(
        shown == HIDDEN_CHARACTER and sign == "`"
        for shown, sign in zip(item.body.prose, item.body.text, strict=True)
    )


def displayed_length(item: ListItem) -> int:
    """About how many characters of an option a learner sees.

    Not counted are addresses, images, tags, and signs of markup; a command in a formula is one
    character.
    """
    text = _TAG.sub("", _ADDRESS.sub("", _IMAGE.sub("", item.body.text)))
    text = _SIGNS.sub("", _LATEX_COMMAND.sub("x", text))
    return len(" ".join(html.unescape(text).split()))
