"""Checks what a file refers to: links, images, embedded questions, simulations."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from quizserver.topics.inline_markup import Link
from quizserver.topics.lesson import ParsedLesson
from quizserver.topics.links import SiteMap, resolve_link
from quizserver.topics.model import MOST_PROBLEMS, Diagnostic
from quizserver.topics.question import ParsedQuestion
from quizserver.topics.simulation_links import check_simulations_exist
from quizserver.topics.slugs import did_you_mean


def check_cross_references(
    page: ParsedQuestion | ParsedLesson, site_map: SiteMap
) -> Iterator[Diagnostic]:
    """The diagnostics of a file that depend on which other files there are.

    Of broken links, those that come first in the file.
    """
    problems = (
        problem for link in page.links for problem in _check_link(link, page.path, site_map)
    )
    yield from islice(problems, MOST_PROBLEMS)
    yield from check_simulations_exist(page, site_map.files)
    if isinstance(page, ParsedLesson):
        yield from _check_question_blocks(page, site_map)


def _check_link(link: Link, path: str, site_map: SiteMap) -> Iterator[Diagnostic]:
    resolved = resolve_link(site_map, path, link.attribute, link.url)
    if resolved.code is not None:
        position = (link.line, link.column)
        hint = resolved.suggest() if resolved.suggest is not None else resolved.hint
        yield Diagnostic(*position, resolved.code, resolved.message, hint)


def _check_question_blocks(lesson: ParsedLesson, site_map: SiteMap) -> Iterator[Diagnostic]:
    for block in lesson.question_blocks:
        question_id = block.content.strip()
        position = (block.line + 1, 1) if question_id else (block.line, block.column)
        if not question_id:
            hint = "Write the question's id between the fences."
            yield Diagnostic(*position, "empty-block", "This block names no question.", hint)
        elif (
            question_id not in site_map.question_ids
            and question_id not in site_map.broken_question_ids
        ):
            message = f'There is no question "{question_id.splitlines()[0]}".'
            hint = did_you_mean(question_id, site_map.question_ids)
            yield Diagnostic(*position, "unknown-question", message, hint)
