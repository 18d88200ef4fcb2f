"""Reads plain banks: many questions with task lists in one markdown file.

Accepts what people write (``-[x]``, ``- []``, ``* [X]``, code that is not indented below its
option) but never guesses a key: a question without a right option is a problem.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from quizserver.topics.formats.embedded_images import EmbeddedImages, relocate_markdown_images
from quizserver.topics.formats.escape import escape_literal_signs, escape_option_line
from quizserver.topics.formats.markdown_source import demote_headings, refuse_complex_text
from quizserver.topics.formats.model import OptionData, QuestionData, UnsupportedQuestionError
from quizserver.topics.formats.plain.options import (
    LINK_DEFINITION,
    LIST_MARKER,
    REFERENCE_WORD,
    PlainOption,
    dedent_lines,
    is_image_line,
    is_link_line,
    split_question,
)
from quizserver.topics.formats.plain.split import (
    BankSection,
    question_sections,
    strip_question_number,
    track_fences,
)
from quizserver.topics.formats.text_banks import decode_text_bank
from quizserver.topics.formats.titles import split_title
from quizserver.topics.line_kinds import is_thematic_break
from quizserver.topics.markdown import (
    LabelDefinition,
    SectionName,
    scan_markdown,
    section_name,
)
from quizserver.topics.model import Diagnostic
from quizserver.topics.slugs import slugify
from quizserver.topics.source_text import LARGEST_PAGE

_TRAILING_LINK = re.compile(
    rf"[ \t]*[*_(–-]*(\[[(*_]*{REFERENCE_WORD}[^\[\]]{{0,30}}\]"
    r"\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*\))[)*_.]*$",
    re.IGNORECASE,
)
_RULE = "* * *"  # not ---, which below a line would make it a heading
_OPTION_LABEL = re.compile(
    r"[*_`(]*(?P<label>[A-Za-z]|\d)(?:[*_`]*[.):][*_`)]*(?=\s)|[*_`)]*(?=\n|[ \t]*!\[))"
)
_EXPLANATION_LABEL = re.compile(
    r"^[*_ ]*Explanation[*_ ]*[:\-–]*[*_]*[: ]*(?:[-–] )?", re.IGNORECASE
)


def read_plain(name: str, data: bytes) -> Iterator[QuestionData | Diagnostic]:
    """Yields each question of a plain bank, or why it cannot be imported."""
    text, problems = decode_text_bank(name, data)
    yield from problems
    lines = _blank_front_matter(text.split("\n"))
    definitions = _link_definitions(lines)
    for section in question_sections(lines):
        try:
            yield _read_question(section, definitions)
        except UnsupportedQuestionError as error:
            yield error.to_diagnostic(name, section.line)


def _blank_front_matter(lines: list[str]) -> list[str]:
    if lines[0].rstrip() != "---":
        return lines
    ends = (
        number for number, line in enumerate(lines[1:200], 1) if line.rstrip() in ("---", "...")
    )
    end = next(ends, 0)
    return [""] * (end + 1) + lines[end + 1 :] if end else lines


def _link_definitions(lines: list[str]) -> tuple[LabelDefinition, ...]:
    """The link definitions of the whole bank; footnotes stay in their questions."""
    definition_lines = [line for line in lines if LINK_DEFINITION.match(line)][:2000]
    if not definition_lines:
        return ()
    return scan_markdown("\n".join(definition_lines), front_matter=False).definitions


def _read_question(section: BankSection, definitions: tuple[LabelDefinition, ...]) -> QuestionData:
    images = EmbeddedImages(slugify(strip_question_number(section.heading) or "question"))
    section = _move_images(section, images)
    if sum(len(line) + 1 for _, line in section.body) > LARGEST_PAGE:
        message = f"This question is longer than {LARGEST_PAGE:,} bytes."
        raise UnsupportedQuestionError("too-large", message, "Split it.")
    refuse_complex_text("\n".join(line for _, line in section.body))
    if section.open_fence is not None:
        message = "The code block that begins here has no end."
        hint = "Close it with the same fence on a line of its own."
        raise UnsupportedQuestionError("open-fence", message, hint, section.open_fence)
    if not section.has_boxes:
        message = "This question has no options."
        raise UnsupportedQuestionError(
            "no-task-list", message, "Add a line for each: - [x] right, - [ ] wrong."
        )
    section, footnotes = _move_footnotes(section)
    definitions += footnotes
    section = _escape_section(section, definitions)
    stem, plain_options, following = split_question(section)
    if not any(option.right for option in plain_options):
        message = "No option is marked as right."
        raise UnsupportedQuestionError(
            "no-right-option", message, "Mark each right option with [x]."
        )
    heading = strip_question_number(section.heading)
    body = dedent_lines(stem)
    if not heading:
        heading, body = split_title(body)
    references: list[str] = []
    options = tuple(_convert_option(option, references) for option in plain_options)
    hints, explanation = _read_following_lines(following, references)

    return QuestionData(
        title=heading,
        stem=demote_headings(body),
        options=options,
        line=section.line,
        hints=tuple(hints),
        explanation=demote_headings(explanation),
        references="\n\n".join(dict.fromkeys(references)),
        shuffle=not _have_ordered_labels(options),
        images=images.by_path,
        definitions=definitions,
    )


def _move_images(section: BankSection, images: EmbeddedImages) -> BankSection:
    """The section with the paths of the images that it holds in the place of their data."""

    def move(line: str) -> str:
        return relocate_markdown_images(line, images.relocate_data_url)

    body = tuple((number, move(line)) for number, line in section.body)
    return replace(section, heading=move(section.heading), body=body)


def _have_ordered_labels(options: Sequence[OptionData]) -> bool:
    """Whether the options begin with letters or numbers in order, which explanations may cite."""
    matches = [_OPTION_LABEL.match(option.text) for option in options]
    labels = [match["label"].lower() for match in matches if match]
    return labels in (
        [chr(ord("a") + number) for number in range(len(options))],
        [str(number) for number in range(1, len(options) + 1)],
    )


def _move_footnotes(section: BankSection) -> tuple[BankSection, tuple[LabelDefinition, ...]]:
    """The section without its footnotes, which its texts may use before or after them."""
    if not any("[^" in line for _, line in section.body):
        return section, ()
    source = scan_markdown("\n".join(line for _, line in section.body), front_matter=False)
    footnotes = tuple(d for d in source.definitions if d.label.startswith("^"))
    numbers = {line.number for footnote in footnotes for line in footnote.content.lines}
    body = tuple(line for number, line in enumerate(section.body, 1) if number not in numbers)
    return replace(section, body=body), footnotes


def _escape_section(section: BankSection, definitions: tuple[LabelDefinition, ...]) -> BankSection:
    text = "\n".join([section.heading, *(line for _, line in section.body)])
    labels = {definition.label for definition in definitions}
    heading, *lines = escape_literal_signs(text, labels).split("\n")
    numbers = (number for number, _ in section.body)
    return replace(section, heading=heading, body=tuple(zip(numbers, lines, strict=True)))


def _convert_option(option: PlainOption, references: list[str]) -> OptionData:
    """The option's text and feedback; links at the ends of lines go to ``references``."""
    has_gap = option.text[1:2] == [""]
    other_lines = dedent_lines(option.text[1:])
    lines = [
        escape_option_line(option.text[0]),
        *([""] if has_gap and other_lines else []),
        *other_lines.split("\n"),
    ]
    own_lines: list[str] = []
    feedback: list[str] = list(option.feedback)
    for line, in_code, opens_code in track_fences(lines):
        is_prose = not in_code and not opens_code
        if is_prose and own_lines and line.lstrip().startswith(">"):
            feedback.append(re.sub(r"^\s*> ?", "", line))
            continue
        trailing = _TRAILING_LINK.search(line) if is_prose else None
        if trailing:
            references.append(trailing[1])
            line = line[: trailing.start()]
        own_lines.append(line.rstrip())
    return OptionData(
        "\n".join(own_lines).strip("\n"), option.right, "\n".join(feedback).strip("\n")
    )


def _read_following_lines(lines: list[str], references: list[str]) -> tuple[list[str], str]:
    """The hints and the explanation after the options; lines of links go to ``references``."""
    hints: list[str] = []
    explanation: list[str] = []
    target = explanation
    for line, in_code, opens_code in track_fences(lines):
        heading = None if in_code else re.match(r"#{1,6}\s+(.*)", line)
        name = section_name(heading[1]) if heading else None
        if name is SectionName.HINT:
            hints.append("")
            target = []
        elif name is SectionName.REFERENCES:
            target = references
        elif name is not None:
            target = explanation
        elif not in_code and not opens_code and is_link_line(line.strip()):
            if not is_image_line(line.strip()):
                references.append(re.sub(rf"^{LIST_MARKER}", "", line.strip()))
            else:
                target.append(line)
        elif not in_code and is_thematic_break(line):
            explanation += ["", _RULE, ""]  # perhaps one between questions
            target = explanation
        elif hints and target is not explanation and target is not references:
            hints[-1] += f"{line}\n"
        elif line.strip() or in_code or (target is explanation and target[-1:] != [""]):
            target.append(line)
    explanation_text = _EXPLANATION_LABEL.sub(
        "", _strip_rules_around("\n".join(explanation)), count=1
    )
    return [hint.strip() for hint in hints if hint.strip()], explanation_text.strip("\n")


def _strip_rules_around(text: str) -> str:
    text = text.strip("\n")
    while text == _RULE or text.endswith(f"\n{_RULE}") or text.startswith(f"{_RULE}\n"):
        text = text.removesuffix(_RULE).removeprefix(_RULE).strip("\n")
    return text
