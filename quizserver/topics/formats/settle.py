"""Neutral questions to checked markdown: slugs, duplicates, pictures, and what can't be brought."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from quizserver.topics.crossing import crossing_flaws
from quizserver.topics.formats.compose import compose, decomposed, refuse_tangle
from quizserver.topics.formats.headline import shown
from quizserver.topics.formats.model import Brought, Files, Imported, Item, Picture, RefusedError
from quizserver.topics.formats.pictures import collect
from quizserver.topics.identity import digest, is_id, slug
from quizserver.topics.links import Site
from quizserver.topics.model import Problem
from quizserver.topics.question import Draft, draft_question
from quizserver.topics.text import LARGEST, Flaw

_APART = "<div></div>"  # shows nothing, and ends a list
TOPIC = "topic"  # stands for the topic's folder, which a format knows nothing of


def settle(name: str, found: Iterable[Item | Problem], files: Files) -> Imported:
    """Check every item as a file of ours; ``name`` is the bank's, for the problems.

    Items that pass are told apart by their slugs: the second of a name gets a digest of its text.
    """
    brought: list[Brought] = []
    problems: list[Problem] = []
    seen: dict[str, Item] = {}
    slugs: set[str] = set()
    for item in found:
        if isinstance(item, Problem):
            problems.append(item)
            continue
        try:
            _refuse_twins(item, seen)
            done = settled(item, slugs, files)
        except RefusedError as error:
            line = item.line if error.line is None else error.line
            problems.append(Problem(name, line, 1, error.code, error.message, error.hint))
            continue
        slugs.add(done.slug)
        brought.append(done)
    return Imported(tuple(brought), tuple(sorted(problems, key=lambda p: (p.line, p.column))))


def _refuse_twins(item: Item, seen: dict[str, Item]) -> None:
    options = sorted(" ".join(option.text.split()) for option in item.options)
    key = digest("\0".join([" ".join(f"{item.title} {item.stem}".split()), *options]), 32)
    earlier = seen.setdefault(key, item)
    if earlier is item:
        return

    def right(of: Item) -> set[str]:
        return {" ".join(option.text.split()) for option in of.options if option.right}

    if right(earlier) == right(item):
        message = f"This is the question of line {earlier.line} again."
        raise RefusedError("duplicate-question", message, "Delete one of them.")
    message = f"This is the question of line {earlier.line} with another key."
    raise RefusedError("contradicting-key", message, "Find out which is right, delete the other.")


def settled(item: Item, slugs: set[str], files: Files) -> Brought:
    """The item as a file that the checker accepts. Raises RefusedError with the first reason."""
    for part in (item.stem, item.explanation, *(option.text for option in item.options)):
        refuse_tangle(part)
    text = compose(item)
    refuse_tangle(text)
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST:
        raise RefusedError("too-large", f"This question is longer than {LARGEST:,} bytes.")
    if "\ufffd" in text:
        message = "This question holds a character that could not be read."
        raise RefusedError("unreadable-character", message, "Save the bank as UTF-8.")
    title = shown(item.title) if item.title else ""
    identifier = _identifier(item, title, text, slugs)
    path = f"{TOPIC}/{identifier}.md"
    draft = draft_question(path, text)
    if item.stem and not item.stem.endswith(_APART) and _merges(draft):
        return settled(replace(item, stem=f"{item.stem}\n\n{_APART}"), slugs, files)
    _refuse_flaws(draft.flaws, text)
    kept = decomposed(draft)
    if not _same(item, kept):
        message = f"Its {_changed(item, kept)} would read otherwise in a file of ours."
        hint = "Look for markdown that ends the part it stands in, such as a heading or a list."
        raise RefusedError("not-kept", message, hint)
    pictures = collect(draft, item.pictures, files)
    # Where an address on this server leads, only its content folder can tell.
    own = tuple(r for r in draft.references if not r.url.strip().startswith("/"))
    flaws = crossing_flaws(replace(draft, references=own), _site(path, pictures))
    _refuse_flaws(list(flaws), text)
    return Brought(text, identifier, title or "Question", item.line, pictures, item.notes)


def _merges(draft: Draft) -> bool:
    """Whether the options were taken for more items of a list that stands right above them."""
    return any(flaw.code == "malformed-box" for flaw in draft.flaws)


def _identifier(item: Item, title: str, text: str, slugs: set[str]) -> str:
    if item.id is not None and is_id(item.id) and item.id not in slugs:
        return item.id
    short = re.sub(r"^option-", "question-", slug(title)) if title else "question"
    return short if short not in slugs else f"{short[:60].strip('-_')}-{digest(text, 8)}"


# What helps those who read the bank, where the checker speaks to those who write a topic.
_HINTS = {
    "external-image": "Save the picture beside the bank, and name that file.",
    "broken-link": "Write its whole address, from https: on, or take the link out.",
}


def _refuse_flaws(flaws: Sequence[Flaw], text: str) -> None:
    if not flaws:
        return
    first = min(flaws, key=lambda flaw: (not flaw.fatal, flaw.line, flaw.column))
    # Lines of the file that would have been are nothing to those who read the bank.
    message = re.sub(r"\b[Tt]he (\w+) in line \d+", r"another \1", first.message)
    message = re.sub(r"the one in line \d+", "another one", message)
    line = " ".join(text.split("\n")[first.line - 1].split())
    shown = line if len(line) <= 60 else f"{line[:59]}…"
    message = f"{message[:1].upper()}{message[1:].rstrip('.:')}"
    message += f' ("{shown}").' if shown else "."
    raise RefusedError(first.code, message, _HINTS.get(first.code, first.hint))


def _site(path: str, pictures: tuple[Picture, ...]) -> Site:
    paths = frozenset({path, *(f"{TOPIC}/{picture.path}" for picture in pictures)})
    return Site(paths, {}, {TOPIC: TOPIC})


_PARTS = {
    "title": "title",
    "stem": "text",
    "options": "options",
    "hints": "hints",
    "explanation": "explanation",
    "references": "references",
}


def _plainest(item: Item) -> Item:
    """The item without what markdown does not tell apart: white space around its texts."""

    def bare(text: str) -> str:
        return "\n".join(line.rstrip() for line in text.strip().split("\n"))

    options = tuple(replace(o, text=bare(o.text), feedback=bare(o.feedback)) for o in item.options)
    return replace(
        item,
        title=bare(item.title),
        stem=bare(item.stem),
        options=options,
        hints=tuple(bare(hint) for hint in item.hints),
        explanation=bare(item.explanation),
        references=bare(item.references),
    )


def _same(item: Item, kept: Item) -> bool:
    a, b = _plainest(item), _plainest(kept)
    return all(getattr(a, part) == getattr(b, part) for part in _PARTS)


def _changed(item: Item, kept: Item) -> str:
    a, b = _plainest(item), _plainest(kept)
    return next(word for part, word in _PARTS.items() if getattr(a, part) != getattr(b, part))
