"""Reads Aiken: a question, its options with letters, and a line ``ANSWER:`` with the right one.

Follows docs.moodle.org/en/Aiken_format. Texts of several lines and several right letters, which
that page does not know but other programs write, are read too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from quizserver.topics.formats.model import QuestionData, UnsupportedQuestionError
from quizserver.topics.formats.option_texts import PlainQuestion, build_plain_question
from quizserver.topics.formats.text_banks import decode_text_bank
from quizserver.topics.model import Diagnostic

_OPTION = re.compile(r"^\s*(?P<letter>[A-Za-z])[.)]\s+(?P<text>.*\S)\s*$")
_ANSWER = re.compile(r"^\s*ANSWERS?\s*:\s*(?P<letters>.*?)\s*$", re.IGNORECASE)
_LETTERS = re.compile(r"[A-Za-z](?:\s*[,;&+ ]\s*[A-Za-z])*")


@dataclass
class _Block:
    """The lines of a question; ``line`` is its first."""

    line: int
    text: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)


def read_aiken(name: str, data: bytes) -> Iterator[QuestionData | Diagnostic]:
    """Yields each question of an Aiken file, or why it cannot be imported."""
    text, problems = decode_text_bank(name, data)
    yield from problems
    block = _Block(1)
    for number, line in enumerate(text.split("\n"), 1):
        answer = _ANSWER.match(line)
        if answer is None:
            _add_line(block, number, line)
            continue
        try:
            yield _read_block(block, answer["letters"])
        except UnsupportedQuestionError as error:
            yield error.to_diagnostic(name, block.line)
        block = _Block(number + 1)
    if block.text or block.options:
        message = "No line ANSWER: follows these lines."
        hint = "Write one behind the options of each question, such as ANSWER: B."
        yield Diagnostic(block.line, 1, "no-answer-line", message, hint, path=name)


def _add_line(block: _Block, number: int, line: str) -> None:
    if not line.strip():
        if block.text and not block.options:
            block.text.append("")
        return
    if not block.text and not block.options:
        block.line = number
    option = _OPTION.match(line)
    expected = chr(ord("A") + len(block.options))
    if option and block.text and option["letter"].upper() == expected:
        block.options.append(option["text"])
    elif block.options:
        block.options[-1] += f"\n{line.strip()}"
    else:
        block.text.append(line.strip())


def _read_block(block: _Block, letters: str) -> QuestionData:
    if not block.options:
        message = "There are no options above this line ANSWER:."
        hint = "Begin each option with its letter: A) first, B) second."
        raise UnsupportedQuestionError("no-options", message, hint)
    if not _LETTERS.fullmatch(letters):
        message = f'"{letters[:60]}" names no option.'
        raise UnsupportedQuestionError("bad-answer", message, "Write its letter: ANSWER: B.")
    right = {ord(letter) - ord("A") for letter in re.findall("[A-Z]", letters.upper())}
    if max(right) >= len(block.options):
        message = f"ANSWER: {letters} names an option that is not there."
        raise UnsupportedQuestionError("bad-answer", message, "Write the letter of one that is.")
    question = PlainQuestion(
        "\n".join(block.text).strip(), tuple(block.options), frozenset(right), block.line
    )
    return build_plain_question(question)
