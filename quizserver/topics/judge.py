"""What can be wrong in a question by itself, each flaw with its place and how to mend it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from quizserver.topics.front_matter import Checked, QuestionFront
from quizserver.topics.headings import SECTION_NAMES, Name
from quizserver.topics.identity import ID_RULE, did_you_mean, is_id, slug
from quizserver.topics.misread import boxes_in_hint, boxes_in_stem, front_flaws, goes_on
from quizserver.topics.options import Item, ItemList
from quizserver.topics.parse import QuestionFields, embedded_kind
from quizserver.topics.scan import Kind
from quizserver.topics.text import Flaw


def option_id(item: Item) -> str:
    """The id an option lasts under: the one written at its end, else one made of its text."""
    given = item.ids[0][0] if item.ids else ""
    return given if is_id(given) else slug(item.text)


def judge(
    path: str, fields: QuestionFields, front: Checked[QuestionFront], ids: Sequence[str]
) -> Iterator[Flaw]:
    """Every flaw of the question at ``path``; ``ids`` are those of its options, in order."""
    items = fields.task_lists[0].items if fields.task_lists else ()
    yield from front.flaws
    unread = list(front_flaws(fields))
    if unread or (fields.front and not fields.front.closed):
        yield from unread  # whatever else seems wrong comes of that
        return
    yield from _id_flaws(path, front)
    yield from _title_flaws(fields, front)
    yield from _described_flaws(front)
    yield from _list_flaws(fields)
    yield from _item_flaws(items)
    yield from _duplicates(items, ids)
    yield from _section_flaws(fields)
    yield from _claim_flaws(front, items, ids)


def _id_flaws(path: str, front: Checked[QuestionFront]) -> Iterator[Flaw]:
    stem = PurePosixPath(path).stem
    given = front.model.id if front.model else None
    place = front.read.place(("id",))
    if given is not None and not is_id(given):
        message = f'"{given}" cannot be a question\'s id.'
        yield Flaw(*place, "bad-question-id", message, f"An id is {ID_RULE}.", True)
    elif given is None and not is_id(stem):
        message = f"The file's name \"{stem}\" cannot be a question's id."
        hint = f"Rename the file, or add the front matter id: {slug(stem)} (as it is served now)."
        yield Flaw(1, 1, "bad-question-id", message, hint)


def _title_flaws(fields: QuestionFields, front: Checked[QuestionFront]) -> Iterator[Flaw]:
    has_title = fields.title and fields.title.text
    if not has_title and not (front.model and front.model.title):
        line, column = (fields.title.line, 1) if fields.title else (_first_line(fields), 1)
        hint = "Begin with a line such as: # The strange loss"
        yield Flaw(line, column, "no-title", "This question has no title.", hint)


def _first_line(fields: QuestionFields) -> int:
    source = fields.source
    return min(source.kinds.count(Kind.FRONT) + 1, len(source.lines))


def _described_flaws(front: Checked[QuestionFront]) -> Iterator[Flaw]:
    points = front.model.described if front.model else []
    if len(points) == 1:
        place = front.read.place(("described",))
        message = "A described curve needs at least two points."
        yield Flaw(*place, "bad-described", message, "Add [1, the loss at the end].", True)
    for index, (x, y) in enumerate(points):
        place = front.read.place(("described", index))
        if not 0 <= x <= 1 or y < 0:
            message = f"The point [{x:g}, {y:g}] lies outside the picture."
            hint = "x is a fraction of the training (0 to 1), y of the first loss (0 or more)."
            yield Flaw(*place, "bad-described", message, hint, True)
        elif index and x <= points[index - 1][0]:
            message = f"The curve goes back from x = {points[index - 1][0]:g} to {x:g}."
            yield Flaw(*place, "bad-described", message, "Put the points in order of x.", True)


def _list_flaws(fields: QuestionFields) -> Iterator[Flaw]:
    lists = fields.task_lists
    for fence in fields.source.fences:
        if not fence.closed:
            message = "The code block that begins here has no end."
            hint = "Close it with the same fence on a line of its own."
            yield Flaw(fence.first, fence.column, "open-fence", message, hint, True)
        if kind := embedded_kind(fence):
            message = f"A {kind} can be embedded in a lesson only; here this is shown as code."
            hint = "Move the block to lesson.md."
            if kind == "simulation":
                hint = "Name it in the front matter (simulation: …): it is shown after the answer."
            yield Flaw(fence.first, fence.column, "misplaced-block", message, hint)
    if not lists:
        yield from boxes_in_stem(fields)
        line, column = (fields.title.line, fields.title.column) if fields.title else (1, 1)
        hint = "Add one line for each option: - [x] right, - [ ] wrong."
        yield Flaw(line, column, "no-task-list", "This question has no options.", hint, True)
        return
    for extra in lists[1:]:
        item = extra.items[0]
        message = f"A second task list begins here (the first is in line {lists[0].items[0].line})."
        hint = "Put all options into one list, with no text between them."
        yield Flaw(item.line, item.column, "two-task-lists", message, hint, True)
    yield from _key_flaws(lists[0])
    yield from boxes_in_stem(fields)
    for quote in lists[0].loose[:1]:
        message = "This quotation belongs to no option."
        hint = "Indent it by two spaces to make it the feedback of the option above it."
        yield Flaw(quote.number, 1, "loose-feedback", message, hint)
    for section in fields.sections:
        if section.name is Name.AFTER_OPTIONS:
            message = "This text after the options belongs to no section."
            hint = "Move it above the options, or under ## Answer (until then it is kept there)."
            yield Flaw(section.line, 1, "text-after-options", message, hint)


def _key_flaws(options: ItemList) -> Iterator[Flaw]:
    first = options.items[0]
    if len(options.items) < 2:
        message = "There is only one option."
        yield Flaw(first.line, first.column, "one-option", message, "Add another.", True)
    if not any(item.box and item.box.strip().lower() == "x" for item in options.items):
        message = "No option is marked as right."
        hint = "Mark each right option with [x]."
        yield Flaw(first.line, first.column, "no-right-option", message, hint, True)


def _item_flaws(items: Sequence[Item]) -> Iterator[Flaw]:
    for item in items:
        at = (item.line, item.column)
        yield from _box_flaws(item)
        if not item.text.strip():
            message = "This option is empty."
            yield Flaw(*at, "empty-option", message, "Write its text, or delete it.", True)
        if item.feedback is not None and not (item.feedback_text or "").strip():
            message = "This feedback is empty."
            line = item.feedback[0].number
            yield Flaw(line, 1, "empty-feedback", message, "Write it, or delete the >.")
        if item.stray:
            message = "This option is not an item of the list, but part of the option above it."
            yield Flaw(
                *item.stray, "malformed-box", message, "Begin the line with - and a space.", True
            )
        if item.nested:
            message = "A task list inside an option: its boxes would be shown."
            hint = "Options stand side by side, none inside another."
            yield Flaw(*item.nested, "nested-task-list", message, hint, True)
        yield from _option_id_flaws(item)


def _box_flaws(item: Item) -> Iterator[Flaw]:
    at = (item.line, item.column)
    if item.box is None:
        message = "This item of the task list has no box."
        yield Flaw(*at, "malformed-box", message, "Begin it with [ ] or [x].", True)
    elif not (item.box in (" ", "x") and item.spaced):
        mark = item.box.strip().lower()
        wanted = "[x]" if mark == "x" else "[ ] or [x]"
        message = (
            f"[{item.box}] is not a box."
            if item.box not in (" ", "x")
            else "A space is missing after the box."
        )
        hint = f"Write {wanted}, then a space."
        yield Flaw(*at, "malformed-box", message, hint, mark != "x")


def _option_id_flaws(item: Item) -> Iterator[Flaw]:
    for identifier, line, column in item.ids[:1]:
        if not is_id(identifier):
            message = f'"{identifier}" cannot be an option\'s id.'
            yield Flaw(line, column, "bad-option-id", message, f"An id is {ID_RULE}.", True)
    if len(item.ids) == 1 and goes_on(item, item.ids[0][1]):
        _, line, column = item.ids[0]
        message = "An option's id stands at its end, but text follows in the next line."
        hint = "Begin that line with > if it is feedback; else put the id behind it."
        yield Flaw(line, column, "text-after-id", message, hint)
    for identifier, line, column in item.ids[1:]:
        message = f'This option has a second id, "{identifier}".'
        yield Flaw(line, column, "two-option-ids", message, "Keep the first.", True)


def _duplicates(items: Sequence[Item], ids: Sequence[str]) -> Iterator[Flaw]:
    by_id: dict[str, Item] = {}
    by_text: dict[str, Item] = {}
    for item, identifier in zip(items, ids, strict=True):
        text = " ".join(item.text.split())
        if text and text in by_text:
            message = f"This option says the same as the one in line {by_text[text].line}."
            yield Flaw(item.line, item.column, "duplicate-option", message, "Change one.", True)
        elif identifier in by_id and text:
            line, column = item.ids[0][1:] if item.ids else (item.line, item.column)
            message = f'The option in line {by_id[identifier].line} has the id "{identifier}" too.'
            hint = "Give this one another: {#another-id} at its end."
            yield Flaw(line, column, "duplicate-option-id", message, hint, True)
        by_id.setdefault(identifier, item)
        by_text.setdefault(text, item)


def _section_flaws(fields: QuestionFields) -> Iterator[Flaw]:
    for section in fields.sections:
        heading = section.heading
        if heading is None:
            continue
        at = (heading.line, heading.column)
        if section.name is Name.UNKNOWN:
            known = did_you_mean(heading.text, SECTION_NAMES)
            message = f'The section "{heading.text}" is unknown.'
            hint = f"{known} (In the stem, use ### headings.)"
            yield Flaw(*at, "unknown-section", message, hint)
        elif heading.column == heading.level + 1 and heading.last == heading.line:
            message = f'A space is missing before "{heading.text}".'
            yield Flaw(*at, "unspaced-heading", message, "Write it after the #.")
        elif not section.text.strip():
            message = f'The section "{heading.text}" is empty.'
            yield Flaw(*at, "empty-section", message, "Write it, or delete its heading.")
        elif section.name is Name.HINT:
            yield from boxes_in_hint(fields, section)


def _claim_flaws(
    front: Checked[QuestionFront], items: Sequence[Item], ids: Sequence[str]
) -> Iterator[Flaw]:
    claims = front.model.claims if front.model else []
    claimed = {claim.option for claim in claims}
    for index, claim in enumerate(claims):
        if claim.option is not None and claim.option not in ids:
            message = f'This question has no option "{claim.option}".'
            place = front.read.place(("claims", index, "option"))
            yield Flaw(*place, "unknown-option", message, did_you_mean(claim.option, ids))
        if claim.option is None and claim.expect is None:
            message = "A claim of no option must say what is expected of it."
            place = front.read.place(("claims", index))
            hint = "Add expect: supported (or refuted), or option: …"
            yield Flaw(*place, "no-expectation", message, hint, True)
    if not claims:
        return
    for item, identifier in zip(items, ids, strict=True):
        if identifier not in claimed:
            message = f'The option "{identifier}" has no claim, though the question has claims.'
            hint = f"Add - {{option: {identifier}, arm: …, shape: …}} to the front matter."
            yield Flaw(item.line, item.column, "option-without-claim", message, hint)
