"""Converts a ``QuestionData`` to the markdown file that an author would write, and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import yaml

from quizserver.topics.formats.model import OptionData, QuestionData, UnsupportedQuestionError
from quizserver.topics.line_kinds import LineKind
from quizserver.topics.markdown import (
    LabelDefinition,
    SectionName,
    scan_fragment,
    scan_markdown,
    section_name,
    used_definitions,
)
from quizserver.topics.question import ParsedQuestion
from quizserver.topics.significant_text import significant_text
from quizserver.topics.slugs import hex_digest, slugify

MAX_BLOCKS = 1000
_BEGINS_BLOCK = re.compile(r"[ \t]*(?:`{3}|~{3}|[-*+][ \t]|\d{1,9}[.)][ \t])")
_HIGH_HEADING = re.compile(r"^ {0,3}##?(?!#)", re.MULTILINE)
_FENCES = re.compile(r"^[ \t>]*(?:[-*+][ \t]+)?(?:`{3}|~{3})", re.MULTILINE)


def compose_markdown(question: QuestionData) -> str:
    """The text of the question's file, unchecked.

    The definitions of links and footnotes in all texts go to the end, each once.
    """
    question, definitions = _move_definitions(question)
    front_matter: dict[str, object] = {}
    heading = question.title
    if section_name(question.title) is not None or not question.title:
        front_matter["title"] = question.title or "Question"
        heading = ""
    if question.tags:
        front_matter["tags"] = list(question.tags)
    if not question.shuffle:
        front_matter["shuffle"] = False
    parts = [f"# {heading}"] if heading else []
    parts += [question.stem] if question.stem else []
    separator = (
        "\n\n"
        if any(option.feedback or "\n" in option.text for option in question.options)
        else "\n"
    )
    id_suffixes = _id_suffixes(question.options)
    parts.append(separator.join(map(_option_markdown, question.options, id_suffixes)))
    for hint in question.hints:
        parts.append(f"## Hint\n\n{hint}")
    if question.explanation:
        parts.append(f"## Explanation\n\n{question.explanation}")
    if question.references:
        parts.append(f"## References\n\n{question.references}")
    return _front_matter_text(front_matter) + "\n\n".join([*parts, *definitions]) + "\n"


def _move_definitions(question: QuestionData) -> tuple[QuestionData, list[str]]:
    """The question with no definitions in its texts, and the definitions that they use."""
    definition_texts: dict[str, None] = {}

    def without_definitions(text: str) -> str:
        used = _used_bank_definitions(text, question.definitions)
        if "]:" in text:
            source = scan_markdown(text, front_matter=False)
            definition_texts.update(dict.fromkeys(d.text for d in source.definitions))
            text = "\n".join(
                line
                for number, line in enumerate(source.lines, 1)
                if number not in source.definition_numbers
            ).strip("\n")
        definition_texts.update(dict.fromkeys(used))
        return text

    stripped = _map_texts(question, without_definitions)
    return replace(stripped, definitions=()), list(definition_texts)


def append_definitions(question: QuestionData) -> QuestionData:
    """The question with the definitions of its bank in each text that uses them."""

    def with_definitions(text: str) -> str:
        used = _used_bank_definitions(text, question.definitions)
        return "\n\n".join(part for part in (text, *used) if part)

    return replace(_map_texts(question, with_definitions), definitions=())


def _used_bank_definitions(text: str, definitions: tuple[LabelDefinition, ...]) -> list[str]:
    """The definitions that ``text`` uses, as markdown. The words of a whole link are no label."""
    if not definitions:
        return []
    text = re.sub(r"\[[^\[\]]*\]\(", "(", text)
    return [definition.text for definition in used_definitions(text, definitions)]


def _map_texts(question: QuestionData, convert: Callable[[str], str]) -> QuestionData:
    """The question with all its texts but the title converted, those of the options first."""
    options = tuple(
        OptionData(convert(option.text), option.right, convert(option.feedback))
        for option in question.options
    )
    return replace(
        question,
        options=options,
        stem=convert(question.stem),
        hints=tuple(map(convert, question.hints)),
        explanation=convert(question.explanation),
        references=convert(question.references),
    )


def _front_matter_text(values: dict[str, object]) -> str:
    if not values:
        return ""
    lines = [f"{key}: {_yaml_value(value)}\n" for key, value in values.items()]
    return f"---\n{''.join(lines)}---\n\n"


def _yaml_value(value: object) -> str:
    """``value`` on one line of YAML."""
    dumped = yaml.safe_dump(value, allow_unicode=True, default_flow_style=True, width=10**6)
    return dumped.removesuffix("...\n").strip()


def _id_suffixes(options: Sequence[OptionData]) -> list[str]:
    """The explicit id behind each option; empty unless the id derived from its text is taken.

    Derived ids contain letters and digits alone, so ``a.b`` and ``a[b]`` would share one.
    """
    text_by_id: dict[str, str] = {}
    suffixes: list[str] = []
    for option in options:
        text = significant_text(option.text)
        option_id = slugify(option.text)
        if text_by_id.get(option_id, text) != text:
            slug, collapsed = option_id, " ".join(option.text.split())
            option_id = f"{slug}-{hex_digest(collapsed, 8)}"
            if text_by_id.get(option_id, text) != text:  # they differ in white space alone
                option_id = f"{slug}-{hex_digest(text, 8)}"
        text_by_id[option_id] = text
        suffixes.append("" if option_id == slugify(option.text) else f" {{#{option_id}}}")
    return suffixes


def _option_markdown(option: OptionData, id_suffix: str) -> str:
    lines = option.text.split("\n")
    box = "- [x]" if option.right else "- [ ]"
    starts_below = _BEGINS_BLOCK.match(lines[0]) and len(lines) > 1
    first, other_lines = (box, lines) if starts_below else (f"{box} {lines[0]}", lines[1:])
    body = [first, *(f"  {line}" if line.strip() else "" for line in other_lines)]
    if id_suffix:
        body[_first_paragraph_end(body)] += id_suffix
    if option.feedback:
        body.append("")
        body += [f"  > {line}".rstrip() for line in option.feedback.split("\n")]
    return "\n".join(body)


def _first_paragraph_end(lines: Sequence[str]) -> int:
    """The index of the last line of the paragraph that begins in the first one.

    An option's id stands behind it: behind an earlier line, text would follow the id.
    """
    kinds = [line.kind for line in scan_fragment("\n".join(lines)).lines]
    end = 0
    while end + 1 < len(lines) and lines[end + 1].strip() and kinds[end + 1] is LineKind.PROSE:
        end += 1
    return end


def extract_question_data(parsed: ParsedQuestion, *, line: int = 1) -> QuestionData:
    """The content of a parsed file, each text with the definitions that it uses."""
    fields = parsed.fields
    front = parsed.front.model

    def with_definitions(text: str | None) -> str:
        definitions = used_definitions(text or "", parsed.definitions)
        parts = ((text or "").strip("\n").rstrip(), *(d.text for d in definitions))
        return "\n\n".join(part for part in parts if part)

    def section_texts(*names: SectionName) -> list[str]:
        return [
            with_definitions(section.text)
            for section in fields.sections
            if section.name in names and section.text.strip()
        ]

    heading = fields.title.text if fields.title else ""
    return QuestionData(
        title=heading or (front.title or "" if front else ""),
        stem=with_definitions(fields.sections[0].text),
        options=tuple(
            OptionData(
                with_definitions(task_item.text),
                task_item.is_right,
                with_definitions(task_item.feedback_text),
            )
            for task_item in parsed.options
        ),
        line=line,
        hints=tuple(section_texts(SectionName.HINT)),
        explanation="\n\n".join(
            section_texts(SectionName.AFTER_OPTIONS, SectionName.ANSWER, SectionName.UNKNOWN)
        ),
        references="\n\n".join(section_texts(SectionName.REFERENCES)),
        tags=tuple(dict.fromkeys(front.tags)) if front else (),
        shuffle=front.shuffle if front else True,
        id=parsed.id,
    )


def refuse_complex_text(text: str) -> None:
    """Raises UnsupportedQuestionError for more than ``MAX_BLOCKS`` code blocks or comments.

    No question of a bank needs so many; they are a sign of text that is something else.
    """
    if text.count("<!--") + len(_FENCES.findall(text)) > MAX_BLOCKS:
        message = f"This question holds more than {MAX_BLOCKS:,} code blocks or comments."
        raise UnsupportedQuestionError("tangle", message, "Split it.")


def split_references(text: str) -> tuple[str, str]:
    """Splits a text at its heading "References" into explanation and references.

    Raises UnsupportedQuestionError for a text with too many blocks.
    """
    if "reference" not in re.sub(r"[*_`]", "", text).lower():
        return text.strip(), ""
    refuse_complex_text(text)
    source = scan_markdown(text, front_matter=False)
    for heading in source.headings:
        if section_name(heading.text) is SectionName.REFERENCES:
            before = "\n".join(source.lines[: heading.line - 1]).strip()
            return before, "\n".join(source.lines[heading.last_line :]).strip()
    return text.strip(), ""


def demote_headings(text: str) -> str:
    """Moves headings of the first two levels to the third, below those of a question's sections.

    Raises UnsupportedQuestionError for a text with too many blocks.
    """
    if not _HIGH_HEADING.search(text):
        return text
    refuse_complex_text(text)
    source = scan_markdown(text, front_matter=False)
    lines = list(source.lines)
    for heading in source.headings:
        if (
            heading.level < 3
            and heading.last_line == heading.line
            and section_name(heading.text) is None
        ):
            lines[heading.line - 1] = f"### {heading.text}"
    return "\n".join(lines)
