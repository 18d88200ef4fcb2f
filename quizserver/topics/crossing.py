"""What a file says about others: links, images, embedded questions, simulations."""

from __future__ import annotations

from collections.abc import Iterator

from quizserver.topics.claims import missing_simulations
from quizserver.topics.identity import did_you_mean
from quizserver.topics.lesson import LessonDraft
from quizserver.topics.links import Site, resolve
from quizserver.topics.question import Draft
from quizserver.topics.references import Reference
from quizserver.topics.text import Flaw


def crossing_flaws(draft: Draft | LessonDraft, site: Site) -> Iterator[Flaw]:
    """The flaws of a file that depend on what else there is."""
    for reference in draft.references:
        yield from _target_flaws(reference, draft.path, site)
    yield from missing_simulations(draft, site.files)
    if isinstance(draft, LessonDraft):
        yield from _embedded_flaws(draft, site)


def _target_flaws(reference: Reference, path: str, site: Site) -> Iterator[Flaw]:
    target = resolve(site, path, reference.name, reference.url)
    if target.code is not None:
        place = (reference.line, reference.column)
        yield Flaw(*place, target.code, target.message, target.hint)


def _embedded_flaws(draft: LessonDraft, site: Site) -> Iterator[Flaw]:
    for block in draft.questions:
        identifier = block.content.strip()
        at = (block.line + 1, 1) if identifier else (block.line, block.column)
        if not identifier:
            hint = "Write the question's id between the fences."
            yield Flaw(*at, "empty-block", "This block names no question.", hint)
        elif identifier not in site.questions and identifier not in site.broken:
            message = f'There is no question "{identifier.splitlines()[0]}".'
            hint = did_you_mean(identifier, site.questions)
            yield Flaw(*at, "unknown-question", message, hint)
