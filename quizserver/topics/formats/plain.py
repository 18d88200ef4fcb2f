"""Plain task-list banks, as they stand on code hosts: many questions in one markdown file.

Forgives what people write (``-[x]``, ``- []``, ``* [X]``, code that is not indented below its
option) and never guesses a key: a question without a right option is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from quizserver.topics.definitions import Definition, find_definitions, needed
from quizserver.topics.formats.bank import BOX, Part, after_line, bare_heading, questions
from quizserver.topics.formats.compose import demoted, refuse_tangle
from quizserver.topics.formats.headline import headline
from quizserver.topics.formats.model import Choice, Item, RefusedError
from quizserver.topics.headings import Name, section_name
from quizserver.topics.model import Problem
from quizserver.topics.scan import indent_of, scan
from quizserver.topics.text import LARGEST

_WORD = (
    r"(?:references?|refs?|sources?|docs?|documentation|links?|read more|see|more info|explanation)"
)
_LINKS = re.compile(
    rf"^(?:[-*+][ \t]+)?[*_(]*(?:{_WORD}[^\n\[\]]{{0,40}}?[:\-–]?[*_]*[ \t]*)?[*_]*"
    rf"(?:!?\[[^\[\]]*\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*\)|<?https?://\S+?>?)[)*_.,;]*"
    rf"(?:[ \t,;|&]+(?:and[ \t]+)?(?:\[[^\[\]]*\]\([^()\s]*\)|<?https?://\S+>?)[)*_.,;]*)*$",
    re.IGNORECASE,
)
_TRAILING = re.compile(
    rf"[ \t]*[*_(–-]*(\[[(*_]*{_WORD}[^\[\]]{{0,30}}\]"
    r"\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*\))[)*_.]*$",
    re.IGNORECASE,
)
_EXPLAINS = re.compile(
    r"^[*_>\s]*(?:explanation|note|reason|why|answer|reference|source|hint)\b", re.IGNORECASE
)
_DEFINITION = re.compile(r" {0,3}\[[^\[\]^]+\]:[ \t]*<?\S+")
_EXPLANATION = re.compile(r"^[*_ ]*Explanation[*_ ]*[:\-–]*[*_]*[: ]*", re.IGNORECASE)
_PICTURE = re.compile(r"^!\[[^\[\]]*\]\([^()]*\)$|^<img\b[^>]*>$", re.IGNORECASE)


@dataclass
class _Option:
    line: int
    right: bool
    text: list[str]
    feedback: list[str] = field(default_factory=list)
    pulled: int = 0  # how many blocks below it, not indented, were taken for its own


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
    chosen = [line for line in lines if _DEFINITION.match(line)][:2000]
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
    stem, options, after = _cut(part)
    if not any(option.right for option in options):
        message = "No option is marked as right."
        raise RefusedError("no-right-option", message, "Mark each right option with [x].")
    heading = bare_heading(part.heading)
    body = _dedented(stem)
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
    )


def _cut(part: Part) -> tuple[list[str], list[_Option], list[str]]:
    """The lines above the options, the options, and what follows them."""
    stem: list[str] = []
    options: list[_Option] = []
    chunks: list[list[str]] = []  # blocks below an option that are not indented
    explaining: list[str] = []  # of those, what stands between options but is no part of one
    fence, margin, apart = "", 0, False
    for number, line in part.body:
        if not fence and _DEFINITION.match(line):
            continue
        was_open, fence = bool(fence), after_line(line, fence)
        box = None if was_open else BOX.match(line)
        if box and (not options or indent_of(line) < margin) and not _is_prose_link(line):
            if options:
                explaining += _settle(options[-1], chunks)
            options.append(_Option(number, bool(box["mark"]), [box["rest"].strip()]))
            margin, chunks, apart = indent_of(line) + 2, [], False
            opened = after_line(box["rest"].strip(), "")
            fence = opened or fence
        elif not options:
            stem.append(line)
        elif not line.strip() and not was_open:
            apart = True
            (chunks[-1] if chunks else options[-1].text).append("")
        elif chunks and (was_open or not _new_chunk(line, chunks[-1], fence)):
            chunks[-1].append(line)
        elif was_open or _belongs(line, margin, apart, fence):
            options[-1].text.append(line)
        else:
            chunks.append([line])
    return stem, options, [*explaining, *_last(options, chunks)]


def _is_prose_link(line: str) -> bool:
    return bool(re.match(r"^\s*(?:[-*+]\s+)?\[[ xX]?\][(\[]", line))


def _belongs(line: str, margin: int, apart: bool, fence: str) -> bool:
    """Whether a line below an option is part of it, by how it stands."""
    if indent_of(line) >= margin:
        return True
    if fence or apart:
        return False
    return not _LINKS.match(line.strip()) and not re.match(r"\s*(?:>|#{1,6}\s|-{3}|\*{2}\w)", line)


def _new_chunk(line: str, chunk: list[str], fence: str) -> bool:
    """Whether ``line`` begins another block than the one that ``chunk`` holds."""
    return not chunk[-1].strip() or bool(fence and not after_line(chunk[0], ""))


def _settle(option: _Option, chunks: Sequence[list[str]]) -> list[str]:
    """Gives an option what stands between it and the next; returns what explains instead."""
    explaining: list[str] = []
    for chunk in chunks:
        first = chunk[0].strip()
        if first.startswith(">"):
            option.feedback += [re.sub(r"^\s*> ?", "", line) for line in chunk] + [""]
        elif (_LINKS.match(first) and not _PICTURE.match(first)) or _EXPLAINS.match(first):
            explaining += [*chunk, ""]
        else:
            option.text += ["", *_dedented(chunk).split("\n")]
            option.pulled += 1
    return explaining


def _last(options: list[_Option], chunks: list[list[str]]) -> list[str]:
    """What follows the options; code or images go to the last one when the others have theirs."""
    most = max((option.pulled for option in options[:-1]), default=0)
    taken = 0
    while taken < min(most, len(chunks)) and _is_code_or_picture(chunks[taken]):
        options[-1].text += ["", *_dedented(chunks[taken]).split("\n")]
        taken += 1
    return [line for chunk in chunks[taken:] for line in (*chunk, "")]


def _is_code_or_picture(chunk: list[str]) -> bool:
    return bool(after_line(chunk[0], "")) or bool(_PICTURE.match(chunk[0].strip()))


def _choice(option: _Option, references: list[str]) -> Choice:
    gap = option.text[1:2] == [""]
    rest = _dedented(option.text[1:])
    lines = [option.text[0], *([""] if gap and rest else []), *rest.split("\n")]
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
        elif not was_open and not fence and _LINKS.match(line.strip()) and line.strip():
            if not _PICTURE.match(line.strip()):
                references.append(re.sub(r"^[-*+]\s+", "", line.strip()))
            else:
                target.append(line)
        elif hints and target is not explanation and target is not references:
            hints[-1] += f"{line}\n"
        elif target is not references or line.strip():
            target.append(line)
    text = (
        re.sub(r"\n{3,}", "\n\n", "\n".join(explanation)) if fence == "" else "\n".join(explanation)
    )
    said = text.strip("\n")
    return [hint.strip() for hint in hints if hint.strip()], _EXPLANATION.sub("", said, count=1)


def _dedented(lines: Sequence[str]) -> str:
    """Lines with the indentation taken off that all of them have."""
    expanded = [line.expandtabs(4) for line in lines]
    cut = min((indent_of(line) for line in expanded if line.strip()), default=0)
    return "\n".join(line[cut:].rstrip() for line in expanded).strip("\n")
