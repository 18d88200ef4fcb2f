"""A neutral question as the markdown file that our authors would have written, and back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import yaml

from quizserver.topics.definitions import find_definitions, needed
from quizserver.topics.formats.model import Choice, Item, RefusedError
from quizserver.topics.headings import Name, headings, section_name
from quizserver.topics.identity import digest, slug
from quizserver.topics.question import Draft
from quizserver.topics.scan import scan

MOST_BLOCKS = 1000
_BEGINS_BLOCK = re.compile(r"[ \t]*(?:`{3}|~{3}|[-*+][ \t]|\d{1,9}[.)][ \t])")
_FENCES = re.compile(r"^[ \t>]*(?:[-*+][ \t]+)?(?:`{3}|~{3})", re.MULTILINE)


def compose(item: Item) -> str:
    """The text of the question's file. It is checked elsewhere: not every item makes a good one.

    Definitions of links and footnotes, which each text brings along, go to the end, once each.
    """
    item, definitions = _without_definitions(item)
    front: dict[str, object] = {}
    heading = item.title
    if section_name(item.title) is not None or not item.title:
        front["title"] = item.title or "Question"
        heading = ""
    if item.tags:
        front["tags"] = list(item.tags)
    if not item.shuffle:
        front["shuffle"] = False
    parts = [f"# {heading}"] if heading else []
    parts += [item.stem] if item.stem else []
    gap = "\n\n" if any(option.feedback or "\n" in option.text for option in item.options) else "\n"
    marks = _marks(item.options)
    parts.append(gap.join(map(_option, item.options, marks)))
    for hint in item.hints:
        parts.append(f"## Hint\n\n{hint}")
    if item.explanation:
        parts.append(f"## Explanation\n\n{item.explanation}")
    if item.references:
        parts.append(f"## References\n\n{item.references}")
    return _front(front) + "\n\n".join([*parts, *definitions]) + "\n"


def _without_definitions(item: Item) -> tuple[Item, list[str]]:
    found: dict[str, None] = {}

    def rest(text: str) -> str:
        if "]:" not in text:
            return text
        source = scan(text, front_matter=False)
        definitions, taken = find_definitions(source)
        found.update(dict.fromkeys(definition.text for definition in definitions))
        kept = [line for n, line in enumerate(source.lines, 1) if n not in taken]
        return "\n".join(kept).strip("\n")

    options = tuple(
        Choice(rest(option.text), option.right, rest(option.feedback)) for option in item.options
    )
    bare = replace(
        item,
        stem=rest(item.stem),
        options=options,
        hints=tuple(map(rest, item.hints)),
        explanation=rest(item.explanation),
        references=rest(item.references),
    )
    return bare, list(found)


def _front(values: dict[str, object]) -> str:
    if not values:
        return ""
    lines = [f"{key}: {_yaml(value)}\n" for key, value in values.items()]
    return f"---\n{''.join(lines)}---\n\n"


def _yaml(value: object) -> str:
    """``value`` on one line of YAML."""
    written = yaml.safe_dump(value, allow_unicode=True, default_flow_style=True, width=10**6)
    return written.removesuffix("...\n").strip()


def _marks(options: Sequence[Choice]) -> list[str]:
    """The id to write behind each option: none, unless the one made of its text is taken.

    Ids are made of letters and digits alone, so ``a.b`` and ``a[b]`` would share one.
    """
    taken: dict[str, str] = {}
    marks: list[str] = []
    for option in options:
        text = " ".join(option.text.split())
        own = slug(text)
        shared = taken.setdefault(own, text) != text
        marks.append(f" {{#{own}-{digest(text, 8)}}}" if shared else "")
    return marks


def _option(option: Choice, mark: str) -> str:
    lines = option.text.split("\n")
    box = "- [x]" if option.right else "- [ ]"
    below = _BEGINS_BLOCK.match(lines[0]) and len(lines) > 1
    first, rest = (box, lines) if below else (f"{box} {lines[0]}", lines[1:])
    body = [first + mark, *(f"  {line}" if line.strip() else "" for line in rest)]
    if option.feedback:
        body.append("")
        body += [f"  > {line}".rstrip() for line in option.feedback.split("\n")]
    return "\n".join(body)


def decomposed(draft: Draft, *, line: int = 1) -> Item:
    """The neutral question that a checked file holds, each text with the definitions it uses."""
    fields = draft.fields
    front = draft.front.model

    def whole(text: str | None) -> str:
        used = needed(text or "", draft.definitions)
        return "\n\n".join(part for part in ((text or "").strip("\n").rstrip(), used) if part)

    def of(*names: Name) -> list[str]:
        return [whole(s.text) for s in fields.sections if s.name in names and s.text.strip()]

    items = fields.task_lists[0].items if fields.task_lists else ()
    heading = fields.title.text if fields.title else ""
    return Item(
        title=heading or (front.title or "" if front else ""),
        stem=whole(fields.sections[0].text),
        options=tuple(
            Choice(
                whole(item.text),
                item.box is not None and item.box.strip().lower() == "x",
                whole(item.feedback_text),
            )
            for item in items
        ),
        line=line,
        hints=tuple(of(Name.HINT)),
        explanation="\n\n".join(of(Name.AFTER_OPTIONS, Name.ANSWER, Name.UNKNOWN)),
        references="\n\n".join(of(Name.REFERENCES)),
        tags=tuple(dict.fromkeys(front.tags)) if front else (),
        shuffle=front.shuffle if front else True,
        id=draft.id,
    )


def refuse_tangle(text: str) -> None:
    """Raises RefusedError for more code blocks or comments than anybody writes into a question.

    Finding where each of them ends takes time that grows with the square of their number.
    """
    if text.count("<!--") + len(_FENCES.findall(text)) > MOST_BLOCKS:
        message = f"This question holds more than {MOST_BLOCKS:,} code blocks or comments."
        raise RefusedError("tangle", message, "Split it.")


def split_references(text: str) -> tuple[str, str]:
    """The explanation and the references of a text that may hold a heading for the latter.

    Raises RefusedError for a text too tangled to look through.
    """
    refuse_tangle(text)
    source = scan(text, front_matter=False)
    for heading in headings(source):
        if section_name(heading.text) is Name.REFERENCES:
            before = "\n".join(source.lines[: heading.line - 1]).strip()
            return before, "\n".join(source.lines[heading.last :]).strip()
    return text.strip(), ""


def demoted(text: str) -> str:
    """``text`` with its headings of the first two levels at the third: below a question's own.

    Raises RefusedError for a text too tangled to look through.
    """
    if "#" not in text:
        return text
    refuse_tangle(text)
    source = scan(text, front_matter=False)
    lines = list(source.lines)
    for heading in headings(source):
        if (
            heading.level < 3
            and heading.last == heading.line
            and section_name(heading.text) is None
        ):
            lines[heading.line - 1] = f"### {heading.text}"
    return "\n".join(lines)
