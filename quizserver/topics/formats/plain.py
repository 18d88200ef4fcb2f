"""Plain task-list banks, as they stand on code hosts: many questions in one markdown file.

Forgives what people write (``-[x]``, ``- []``, ``* [X]``, code that is not indented below its
option) and never guesses a key: a question without a right option is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from quizserver.topics.definitions import Definition, find_definitions, needed
from quizserver.topics.formats.bank import Part, after_line, bare_heading, questions
from quizserver.topics.formats.compose import demoted, refuse_tangle
from quizserver.topics.formats.cutting import (
    DEFINITION,
    MARKER,
    WORD,
    Option,
    cut,
    dedented,
    is_links,
    is_picture,
)
from quizserver.topics.formats.headline import headline
from quizserver.topics.formats.literal import as_meant, option_line
from quizserver.topics.formats.model import Choice, Item, RefusedError
from quizserver.topics.headings import Name, section_name
from quizserver.topics.list_lines import is_rule
from quizserver.topics.model import Problem
from quizserver.topics.scan import scan
from quizserver.topics.text import LARGEST

_TRAILING = re.compile(
    rf"[ \t]*[*_(–-]*(\[[(*_]*{WORD}[^\[\]]{{0,30}}\]"
    r"\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*\))[)*_.]*$",
    re.IGNORECASE,
)
_RULE = "* * *"  # not ---, which below a line would make it a heading
_LABEL = re.compile(
    r"[*_`(]*(?P<label>[A-Za-z]|\d)(?:[*_`]*[.):][*_`)]*(?=\s)|[*_`)]*(?=\n|[ \t]*!\[))"
)
_EXPLANATION = re.compile(r"^[*_ ]*Explanation[*_ ]*[:\-–]*[*_]*[: ]*(?:[-–] )?", re.IGNORECASE)


def read_plain(name: str, text: str) -> Iterator[Item | Problem]:
    """Every question of a bank; ``name`` is the bank's, for what can't be read."""
    lines = _without_front_matter(text.split("\n"))
    definitions = _definitions(lines)
    for part in questions(lines):
        try:
            yield _item(part, definitions)
        except RefusedError as error:
            line = part.line if error.line is None else error.line
            yield Problem(name, line, 1, error.code, error.message, error.hint)


def _without_front_matter(lines: list[str]) -> list[str]:
    if lines[0].rstrip() != "---":
        return lines
    ends = (n for n, line in enumerate(lines[1:200], 1) if line.rstrip() in ("---", "..."))
    end = next(ends, 0)
    return [""] * (end + 1) + lines[end + 1 :] if end else lines


def _definitions(lines: list[str]) -> tuple[Definition, ...]:
    """Link definitions of the whole bank; footnotes stay where they are."""
    chosen = [line for line in lines if DEFINITION.match(line)][:2000]
    found, _ = find_definitions(scan("\n".join(chosen), front_matter=False))
    return found


def _item(part: Part, definitions: tuple[Definition, ...]) -> Item:
    if sum(len(line) + 1 for _, line in part.body) > LARGEST:
        message = f"This question is longer than {LARGEST:,} bytes."
        raise RefusedError("too-large", message, "Split it.")
    refuse_tangle("\n".join(line for _, line in part.body))
    if part.open_fence is not None:
        message = "The code block that begins here has no end."
        hint = "Close it with the same fence on a line of its own."
        raise RefusedError("open-fence", message, hint, part.open_fence)
    if not part.has_boxes:
        message = "This question has no options."
        raise RefusedError(
            "no-task-list", message, "Add a line for each: - [x] right, - [ ] wrong."
        )
    part = _as_meant(part)
    stem, options, after = cut(part)
    if not any(option.right for option in options):
        message = "No option is marked as right."
        raise RefusedError("no-right-option", message, "Mark each right option with [x].")
    heading = bare_heading(part.heading)
    body = dedented(stem)
    if not heading:
        heading, body = headline(body)
    references: list[str] = []
    choices = tuple(_choice(option, references) for option in options)
    hints, explanation = _afterwards(after, references)

    def whole(text: str) -> str:
        named = re.sub(r"\[[^\[\]]*\]\(", "(", text) if definitions else ""
        used = needed(named, definitions) if named else ""
        return "\n\n".join(piece for piece in (text, used) if piece)

    return Item(
        title=heading,
        stem=whole(demoted(body)),
        options=tuple(Choice(whole(c.text), c.right, whole(c.feedback)) for c in choices),
        line=part.line,
        hints=tuple(map(whole, hints)),
        explanation=whole(demoted(explanation)),
        references=whole("\n\n".join(dict.fromkeys(references))),
        shuffle=not _are_lettered(choices),
    )


def _are_lettered(choices: Sequence[Choice]) -> bool:
    """Whether the options bear letters or numbers in order, which explanations may speak of."""
    firsts = [_LABEL.match(choice.text) for choice in choices]
    labels = [first["label"].lower() for first in firsts if first]
    return labels in (
        [chr(ord("a") + n) for n in range(len(choices))],
        [str(n) for n in range(1, len(choices) + 1)],
    )


def _as_meant(part: Part) -> Part:
    written = "\n".join([part.heading, *(line for _, line in part.body)])
    heading, *lines = as_meant(written).split("\n")
    numbers = (number for number, _ in part.body)
    return replace(part, heading=heading, body=tuple(zip(numbers, lines, strict=True)))


def _choice(option: Option, references: list[str]) -> Choice:
    gap = option.text[1:2] == [""]
    rest = dedented(option.text[1:])
    lines = [option_line(option.text[0]), *([""] if gap and rest else []), *rest.split("\n")]
    own: list[str] = []
    feedback: list[str] = list(option.feedback)
    fence = ""
    for line in lines:
        was_open, fence = bool(fence), after_line(line, fence)
        if not was_open and not fence and own and line.lstrip().startswith(">"):
            feedback.append(re.sub(r"^\s*> ?", "", line))
            continue
        trailing = None if was_open or fence else _TRAILING.search(line)
        if trailing:
            references.append(trailing[1])
            line = line[: trailing.start()]
        own.append(line.rstrip())
    return Choice("\n".join(own).strip("\n"), option.right, "\n".join(feedback).strip("\n"))


def _afterwards(lines: list[str], references: list[str]) -> tuple[list[str], str]:
    """Hints and the explanation among what follows the options; links go to ``references``."""
    hints: list[str] = []
    explanation: list[str] = []
    target = explanation
    fence = ""
    for line in lines:
        was_open, fence = bool(fence), after_line(line, fence)
        heading = None if was_open else re.match(r"#{1,6}\s+(.*)", line)
        name = section_name(heading[1]) if heading else None
        if name is Name.HINT:
            hints.append("")
            target = []
        elif name is Name.REFERENCES:
            target = references
        elif name is not None:
            target = explanation
        elif not was_open and not fence and is_links(line.strip()):
            if not is_picture(line.strip()):
                references.append(re.sub(rf"^{MARKER}", "", line.strip()))
            else:
                target.append(line)
        elif not was_open and is_rule(line):
            explanation += ["", _RULE, ""]  # such as stands between questions
            target = explanation
        elif hints and target is not explanation and target is not references:
            hints[-1] += f"{line}\n"
        elif line.strip() or was_open or (target is explanation and target[-1:] != [""]):
            target.append(line)
    said = _EXPLANATION.sub("", _without_rules_around("\n".join(explanation)), count=1)
    return [hint.strip() for hint in hints if hint.strip()], said.strip("\n")


def _without_rules_around(text: str) -> str:
    text = text.strip("\n")
    while text == _RULE or text.endswith(f"\n{_RULE}") or text.startswith(f"{_RULE}\n"):
        text = text.removesuffix(_RULE).removeprefix(_RULE).strip("\n")
    return text
