"""Checks a question by itself: each diagnostic has its position and says how to fix it.

Also warns of text that looks like front matter, an option or feedback but is parsed as something
else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import unescape
from pathlib import PurePosixPath

from quizserver.topics.front_matter import CheckedYaml, QuestionFrontMatter
from quizserver.topics.key_by_form import check_key_by_form
from quizserver.topics.line_kinds import FRONT_MATTER_KEY, LineKind, starts_list_item
from quizserver.topics.markdown import SECTION_NAMES, SectionName, used_definitions
from quizserver.topics.model import Diagnostic
from quizserver.topics.question_parser import QuestionFields, Section
from quizserver.topics.significant_text import significant_text
from quizserver.topics.slugs import ID_RULE, did_you_mean, is_id, slugify
from quizserver.topics.tangles import MOST_REPEATED
from quizserver.topics.task_lists import STRAY_BOX, ItemList, ListItem, parse_list
from quizserver.visible_text import has_visible_character

MOST_OPTIONS = 50
MOST_HINTS = 20


def check_question(
    path: str, fields: QuestionFields, front: CheckedYaml[QuestionFrontMatter]
) -> Iterator[Diagnostic]:
    """What is wrong with the question at ``path``, except inside its lines."""
    items = fields.task_lists[0].items if fields.task_lists else ()
    option_ids = [item.option_id for item in items]
    yield from front.diagnostics
    unread_front = list(check_unread_front(fields))
    if unread_front or fields.source.front_matter_closed is False:
        yield from unread_front  # whatever else seems wrong comes of that
        return
    yield from _check_question_id(path, front)
    yield from _check_title(fields, front)
    yield from _check_described_curve(front)
    yield from _check_task_lists(fields)
    yield from _check_counts(fields)
    yield from _check_items(items)
    yield from _check_duplicates(items, option_ids)
    yield from _check_sections(fields)
    yield from _check_claim_options(front, items, option_ids)
    if len(items) <= MOST_OPTIONS:
        yield from check_key_by_form(items, fields.source.definitions)


def _check_question_id(path: str, front: CheckedYaml[QuestionFrontMatter]) -> Iterator[Diagnostic]:
    stem = PurePosixPath(path).stem
    written_id = front.model.id if front.model else None
    position = front.document.position_of(("id",))
    if written_id is not None and not is_id(written_id):
        message = f'"{written_id}" cannot be a question\'s id.'
        yield Diagnostic(*position, "bad-question-id", message, f"An id is {ID_RULE}.", True)
    elif written_id is None and not is_id(stem):
        message = f"The file's name \"{stem}\" cannot be a question's id."
        hint = (
            f"Rename the file, or add the front matter id: {slugify(stem)} (as it is served now)."
        )
        yield Diagnostic(1, 1, "bad-question-id", message, hint)


def _check_title(
    fields: QuestionFields, front: CheckedYaml[QuestionFrontMatter]
) -> Iterator[Diagnostic]:
    title = (front.model and front.model.title) or (fields.title and fields.title.text) or ""
    if not has_visible_character(unescape(title)):
        line, column = (fields.title.line, 1) if fields.title else (_first_prose_line(fields), 1)
        hint = "Begin with a line such as: # The strange loss"
        yield Diagnostic(line, column, "no-title", "This question has no title.", hint)


def _first_prose_line(fields: QuestionFields) -> int:
    return min(fields.source.front_matter_length + 1, len(fields.source.lines))


def _check_described_curve(front: CheckedYaml[QuestionFrontMatter]) -> Iterator[Diagnostic]:
    points = front.model.described if front.model else []
    if len(points) == 1:
        position = front.document.position_of(("described",))
        message = "A described curve needs at least two points."
        yield Diagnostic(*position, "bad-described", message, "Add [1, the loss at the end].", True)
    for index, (x, y) in enumerate(points):
        position = front.document.position_of(("described", index))
        if not 0 <= x <= 1 or y < 0:
            message = f"The point [{x:g}, {y:g}] lies outside the picture."
            hint = "x is a fraction of the training (0 to 1), y of the first loss (0 or more)."
            yield Diagnostic(*position, "bad-described", message, hint, True)
        elif index and x <= points[index - 1][0]:
            message = f"The curve goes back from x = {points[index - 1][0]:g} to {x:g}."
            yield Diagnostic(
                *position, "bad-described", message, "Put the points in order of x.", True
            )


def _check_task_lists(fields: QuestionFields) -> Iterator[Diagnostic]:
    task_lists = fields.task_lists
    for fence in fields.source.fences:
        if not fence.closed:
            message = "The code block that begins here has no end."
            hint = "Close it with the same fence on a line of its own."
            yield Diagnostic(fence.first_line, fence.column, "open-fence", message, hint, True)
        if kind := fence.embedded_kind:
            message = f"A {kind} can be embedded in a lesson only; here this is shown as code."
            hint = "Move the block to lesson.md."
            if kind == "simulation":
                hint = "Name it in the front matter (simulation: …): it is shown after the answer."
            yield Diagnostic(fence.first_line, fence.column, "misplaced-block", message, hint)
    if not task_lists:
        yield from check_stem_boxes(fields)
        line, column = (fields.title.line, fields.title.column) if fields.title else (1, 1)
        hint = "Add one line for each option: - [x] right, - [ ] wrong."
        yield Diagnostic(line, column, "no-task-list", "This question has no options.", hint, True)
        return
    for extra_list in task_lists[1:]:
        item = extra_list.items[0]
        message = (
            f"A second task list begins here (the first is in line {task_lists[0].items[0].line})."
        )
        hint = "Put all options into one list, with no text between them."
        yield Diagnostic(item.line, item.column, "two-task-lists", message, hint, True)
    yield from _check_key(task_lists[0])
    yield from check_stem_boxes(fields)
    for quote in task_lists[0].loose_quotes[:1]:
        message = "This quotation belongs to no option."
        hint = "Indent it by two spaces to make it the feedback of the option above it."
        yield Diagnostic(quote.number, 1, "loose-feedback", message, hint)
    for section in fields.sections:
        if section.name is SectionName.AFTER_OPTIONS:
            message = "This text after the options belongs to no section."
            hint = "Move it above the options, or under ## Answer (until then it is kept there)."
            yield Diagnostic(section.line, 1, "text-after-options", message, hint)


def _check_counts(fields: QuestionFields) -> Iterator[Diagnostic]:
    """Each of these parts is converted by itself, with the footnotes and links that it uses."""
    items = fields.task_lists[0].items if fields.task_lists else ()
    hints = [section for section in fields.sections if section.name is SectionName.HINT]
    counted = (
        ("options", MOST_OPTIONS, [item.line for item in items]),
        ("hints", MOST_HINTS, [hint.line for hint in hints]),
    )
    for noun, most, lines in counted:
        if len(lines) > most:
            message = f"This question has {len(lines)} {noun}; it may have {most}."
            yield Diagnostic(lines[most], 1, "too-many", message, "Split the question.", True)
            return
    texts = [section.text for section in fields.sections]
    texts += [text for item in items for text in (item.text, item.feedback_text or "")]
    repeated = sum(
        len(definition.text)
        for text in texts
        for definition in used_definitions(text, fields.source.definitions)
    )
    if repeated > MOST_REPEATED:
        first = fields.source.definitions[0]
        message = f"The parts of this question use {repeated:,} characters of footnotes and links."
        hint = f"Each part repeats those it uses; together it may be {MOST_REPEATED:,}."
        yield Diagnostic(first.line, first.column, "too-many", message, hint, True)


def _check_key(options: ItemList) -> Iterator[Diagnostic]:
    first = options.items[0]
    if len(options.items) < 2:
        message = "There is only one option."
        yield Diagnostic(first.line, first.column, "one-option", message, "Add another.", True)
    if not any(item.is_right for item in options.items):
        message = "No option is marked as right."
        hint = "Mark each right option with [x]."
        yield Diagnostic(first.line, first.column, "no-right-option", message, hint, True)


def _check_items(items: Sequence[ListItem]) -> Iterator[Diagnostic]:
    for item in items:
        position = (item.line, item.column)
        yield from _check_box(item)
        if not has_visible_character(unescape(item.text)):
            message = "This option is empty."
            yield Diagnostic(
                *position, "empty-option", message, "Write its text, or delete it.", True
            )
        if item.feedback is not None and not (item.feedback_text or "").strip():
            message = "This feedback is empty."
            line = item.feedback.lines[0].number
            yield Diagnostic(line, 1, "empty-feedback", message, "Write it, or delete the >.")
        if item.stray_box:
            message = "This option is not an item of the list, but part of the option above it."
            yield Diagnostic(
                *item.stray_box,
                "malformed-box",
                message,
                "Begin the line with - and a space.",
                True,
            )
        if item.nested_list:
            message = "A task list inside an option: its boxes would be shown."
            hint = "Options stand side by side, none inside another."
            yield Diagnostic(*item.nested_list, "nested-task-list", message, hint, True)
        yield from _check_option_ids(item)


def _check_box(item: ListItem) -> Iterator[Diagnostic]:
    position = (item.line, item.column)
    if item.box is None:
        message = "This item of the task list has no box."
        yield Diagnostic(*position, "malformed-box", message, "Begin it with [ ] or [x].", True)
    elif not (item.box in (" ", "x") and item.spaced):
        letter = item.box.strip().lower()
        expected_box = "[x]" if letter == "x" else "[ ] or [x]"
        message = (
            f"[{item.box}] is not a box."
            if item.box not in (" ", "x")
            else "A space is missing after the box."
        )
        hint = f"Write {expected_box}, then a space."
        yield Diagnostic(*position, "malformed-box", message, hint, letter != "x")


def _check_option_ids(item: ListItem) -> Iterator[Diagnostic]:
    for written_id, line, column in item.ids[:1]:
        if not is_id(written_id):
            message = f'"{written_id}" cannot be an option\'s id.'
            yield Diagnostic(line, column, "bad-option-id", message, f"An id is {ID_RULE}.", True)
    if len(item.ids) == 1 and text_follows(item, item.ids[0][1]):
        _, line, column = item.ids[0]
        message = "An option's id stands at its end, but text follows in the next line."
        hint = "Begin that line with > if it is feedback; else put the id behind it."
        yield Diagnostic(line, column, "text-after-id", message, hint)
    for written_id, line, column in item.ids[1:]:
        message = f'This option has a second id, "{written_id}".'
        yield Diagnostic(line, column, "two-option-ids", message, "Keep the first.", True)


def _check_duplicates(items: Sequence[ListItem], option_ids: Sequence[str]) -> Iterator[Diagnostic]:
    by_id: dict[str, ListItem] = {}
    by_text: dict[str, ListItem] = {}
    for item, identifier in zip(items, option_ids, strict=True):
        text = significant_text(item.body)
        if text and text in by_text:
            message = f"This option says the same as the one in line {by_text[text].line}."
            yield Diagnostic(
                item.line, item.column, "duplicate-option", message, "Change one.", True
            )
        elif identifier in by_id and text:
            line, column = item.ids[0][1:] if item.ids else (item.line, item.column)
            message = f'The option in line {by_id[identifier].line} has the id "{identifier}" too.'
            hint = "Give this one another: {#another-id} at its end."
            yield Diagnostic(line, column, "duplicate-option-id", message, hint, True)
        by_id.setdefault(identifier, item)
        by_text.setdefault(text, item)


def _check_sections(fields: QuestionFields) -> Iterator[Diagnostic]:
    for section in fields.sections:
        heading = section.heading
        if heading is None:
            continue
        position = (heading.line, heading.column)
        if section.name is SectionName.UNKNOWN:
            suggestion = did_you_mean(heading.text, SECTION_NAMES)
            message = f'The section "{heading.text}" is unknown.'
            hint = f"{suggestion} (In the stem, use ### headings.)"
            yield Diagnostic(*position, "unknown-section", message, hint)
        elif heading.column == heading.level + 1 and heading.last_line == heading.line:
            message = f'A space is missing before "{heading.text}".'
            yield Diagnostic(*position, "unspaced-heading", message, "Write it after the #.")
        elif not section.text.strip():
            message = f'The section "{heading.text}" is empty.'
            yield Diagnostic(
                *position, "empty-section", message, "Write it, or delete its heading."
            )
        elif section.name is SectionName.HINT:
            yield from check_hint_boxes(fields, section)


def _check_claim_options(
    front: CheckedYaml[QuestionFrontMatter], items: Sequence[ListItem], option_ids: Sequence[str]
) -> Iterator[Diagnostic]:
    claims = front.model.claims if front.model else []
    claimed_options = {claim.option for claim in claims}
    for index, claim in enumerate(claims):
        if claim.option is not None and claim.option not in option_ids:
            message = f'This question has no option "{claim.option}".'
            position = front.document.position_of(("claims", index, "option"))
            yield Diagnostic(
                *position, "unknown-option", message, did_you_mean(claim.option, option_ids)
            )
        if claim.option is None and claim.expect is None:
            message = "A claim of no option must say what is expected of it."
            position = front.document.position_of(("claims", index))
            hint = "Add expect: supported (or refuted), or option: …"
            yield Diagnostic(*position, "no-expectation", message, hint, True)
    if not claims:
        return
    for item, identifier in zip(items, option_ids, strict=True):
        if identifier not in claimed_options:
            message = f'The option "{identifier}" has no claim, though the question has claims.'
            hint = f"Add - {{option: {identifier}, arm: …, shape: …}} to the front matter."
            yield Diagnostic(item.line, item.column, "option-without-claim", message, hint)


_DASHES = re.compile(r"^\s*[-\u2010-\u2015\u2212]+\s*$")


def check_unread_front(fields: QuestionFields) -> Iterator[Diagnostic]:
    """Text that looks like front matter but is not read, because its opening fence is wrong."""
    lines = fields.source.body
    first_index = next((n for n, line in enumerate(lines) if line.strip()), 0)
    if fields.source.front_matter_length or first_index + 1 == len(lines):
        return
    if not _DASHES.match(lines[first_index]):
        return
    if FRONT_MATTER_KEY.match(lines[first_index + 1]):
        message = "The front matter that seems to begin here is not read as such."
        hint = "Put three hyphens, ---, and nothing else into the first line of the file."
        yield Diagnostic(first_index + 1, 1, "unread-front-matter", message, hint, True)


def check_stem_boxes(fields: QuestionFields) -> Iterator[Diagnostic]:
    """Text in the stem that looks like an option; shown, its box would give the key away."""
    for line in fields.sections[0].content.lines:
        if line.kind is LineKind.PROSE and (match := STRAY_BOX.match(line.text)):
            message = "This is not read as an option, but as a part of the question."
            hint = "Begin each option with a hyphen, a space and its box: - [x] or - [ ]."
            yield Diagnostic(line.number, match.start(1) + 1, "malformed-box", message, hint, True)


def check_hint_boxes(fields: QuestionFields, section: Section) -> Iterator[Diagnostic]:
    source = fields.source
    for line in section.content.lines:
        if line.kind is LineKind.PROSE and starts_list_item(line.text):
            items = parse_list(source, line.number - 1, line.number).items
            if items and items[0].is_task and items[0].spaced:
                message = "A task list in a hint would show the key."
                hint = "Move it into the stem, or write the items without boxes."
                position = (items[0].line, items[0].column)
                yield Diagnostic(*position, "task-list-in-hint", message, hint, True)
                return


def text_follows(item: ListItem, id_line: int) -> bool:
    """Whether the paragraph that ends with an id in ``id_line`` has another line."""
    return any(
        line.number == id_line + 1 and line.kind is LineKind.PROSE and line.text.strip()
        for line in item.body.lines
    )
