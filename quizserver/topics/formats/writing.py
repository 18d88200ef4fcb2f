"""Served questions to a bank in another format, and what that format has no room for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from quizserver.topics.formats.gift_out import write_gift
from quizserver.topics.formats.model import Files, Written
from quizserver.topics.formats.moodle_out import write_moodle
from quizserver.topics.formats.pictures import none
from quizserver.topics.formats.portable import Portable, losses, portable
from quizserver.topics.formats.qti import write_qti
from quizserver.topics.model import Question

_WRITERS: Mapping[str, Callable[[Sequence[Portable]], bytes]] = {
    "gift": write_gift,
    "moodle": write_moodle,
    "qti": write_qti,
}


def write_bank(kind: str, questions: Sequence[Question], files: Files | None) -> Written:
    """See ``formats.write``."""
    if kind not in _WRITERS:
        raise ValueError(f"{kind!r} is not written; known are {', '.join(_WRITERS)}")
    each = [portable(question, files or none) for question in questions]
    data = _WRITERS[kind](each)
    return Written(data, losses(each))
