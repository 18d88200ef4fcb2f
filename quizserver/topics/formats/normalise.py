"""Composes imported questions as markdown files and checks them.

Gives them ids, finds duplicates and images, and refuses what a file here cannot hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from quizserver.topics.cross_checks import check_cross_references
from quizserver.topics.formats.elsewhere import (
    ImagesElsewhereError,
    load_saved_image,
    replace_image_address,
    saved_path,
    urls_elsewhere,
)
from quizserver.topics.formats.images import MisnamedImageError, collect_images
from quizserver.topics.formats.markdown_source import (
    append_definitions,
    compose_markdown,
    extract_question_data,
    refuse_complex_text,
)
from quizserver.topics.formats.model import (
    ImageElsewhere,
    ImageFile,
    ImageLoader,
    ImportedBank,
    ImportedQuestion,
    QuestionData,
    UnsupportedQuestionError,
)
from quizserver.topics.formats.option_links import move_numbered_links
from quizserver.topics.formats.titles import rendered_title
from quizserver.topics.links import SiteMap
from quizserver.topics.markdown import scan_markdown
from quizserver.topics.model import Diagnostic
from quizserver.topics.question import ParsedQuestion, parse_scanned_question
from quizserver.topics.significant_text import significant_text
from quizserver.topics.slugs import hex_digest, is_id, slugify
from quizserver.topics.source_text import LARGEST_PAGE
from quizserver.topics.tangles import find_tangle

_LIST_SEPARATOR = "<div></div>"  # shows nothing, and ends a list
_PLACEHOLDER_TOPIC = "topic"  # the topic's folder is not known before the files are written


def normalise_questions(
    name: str, entries: Iterable[QuestionData | Diagnostic], load_image: ImageLoader
) -> ImportedBank:
    """Normalises every question of the bank ``name``, in their order.

    Their slugs differ: where one is taken, the next question gets a digest of its text behind it.
    """
    questions: list[ImportedQuestion] = []
    problems: list[Diagnostic] = []
    elsewhere: dict[str, list[int]] = {}
    seen: dict[str, QuestionData] = {}
    taken_slugs: set[str] = set()
    for entry in entries:
        if isinstance(entry, Diagnostic):
            problems.append(entry)
            continue
        try:
            _refuse_duplicate(entry, seen)
            question = _normalise_question(move_numbered_links(entry), taken_slugs, load_image)
        except UnsupportedQuestionError as error:
            problems.append(error.to_diagnostic(name, entry.line))
            if isinstance(error, ImagesElsewhereError):
                for url in error.urls:
                    elsewhere.setdefault(url, []).append(entry.line)
            continue
        taken_slugs.add(question.slug)
        questions.append(question)
    return ImportedBank(
        tuple(questions),
        tuple(sorted(problems, key=lambda problem: (problem.line, problem.column))),
        tuple(
            ImageElsewhere(url, saved_path(url), tuple(sorted(lines)))
            for url, lines in elsewhere.items()
        ),
    )


def _refuse_duplicate(question: QuestionData, seen: dict[str, QuestionData]) -> None:
    options = sorted(significant_text(option.text) for option in question.options)
    stem = significant_text(f"{question.title}\n\n{question.stem}")
    key = hex_digest("\0".join([stem, *options]), 32)
    earlier = seen.setdefault(key, question)
    if earlier is question:
        return

    def right_texts(data: QuestionData) -> set[str]:
        return {significant_text(option.text) for option in data.options if option.right}

    if right_texts(earlier) == right_texts(question):
        message = f"This is the question of line {earlier.line} again."
        raise UnsupportedQuestionError("duplicate-question", message, "Delete one of them.")
    message = f"This is the question of line {earlier.line} with another key."
    raise UnsupportedQuestionError(
        "contradicting-key", message, "Find out which is right, delete the other."
    )


def _normalise_question(
    question: QuestionData, taken_slugs: set[str], load_image: ImageLoader
) -> ImportedQuestion:
    """The question as a file without diagnostics, whose texts are those of ``question``.

    Raises UnsupportedQuestionError with the first reason why there is none.
    """
    source = _compose_source(question)
    title = rendered_title(question.title) if question.title else ""
    identifier = _choose_id(question, title, source, taken_slugs)
    path = f"{_PLACEHOLDER_TOPIC}/{identifier}.md"
    scanned = scan_markdown(source)
    tangle = find_tangle(scanned)
    if tangle is not None:
        raise UnsupportedQuestionError(tangle.code, tangle.message, tangle.hint)
    parsed = parse_scanned_question(path, scanned)
    if question.stem and not question.stem.endswith(_LIST_SEPARATOR) and _merges_with_list(parsed):
        return _normalise_question(
            replace(question, stem=f"{question.stem}\n\n{_LIST_SEPARATOR}"), taken_slugs, load_image
        )
    elsewhere = urls_elsewhere(parsed)
    saved = [load_saved_image(url, load_image) for url in elsewhere]
    missing_urls = [url for url, image in zip(elsewhere, saved, strict=True) if image is None]
    if missing_urls:
        raise ImagesElsewhereError(missing_urls)
    for url, image in zip(elsewhere, saved, strict=True):
        if image is not None:
            question = replace_image_address(question, url, *image)
    if elsewhere:
        return _normalise_question(question, taken_slugs, load_image)
    _refuse_problems(parsed.diagnostics, source)
    changed_part = _first_changed_part(append_definitions(question), extract_question_data(parsed))
    if changed_part is not None:
        message = f"Its {changed_part} would read otherwise in a file of ours."
        hint = "Look for markdown that ends the part it stands in, such as a heading or a list."
        raise UnsupportedQuestionError("not-kept", message, hint)
    try:
        images = collect_images(parsed, question.images, load_image)
    except MisnamedImageError as error:
        renamed = replace_image_address(question, error.url, error.path, error.data)
        if renamed.images.keys() == question.images.keys():
            raise UnsupportedQuestionError(
                "image-type",
                f'"{error.url}" does not hold what its name says.',
                "Save it in the format of its name.",
            ) from None
        return _normalise_question(renamed, taken_slugs, load_image)
    # Addresses on this server are checked when the content folder is known.
    local_references = tuple(
        reference for reference in parsed.links if not reference.url.strip().startswith("/")
    )
    problems = check_cross_references(
        replace(parsed, links=local_references), _imported_site(path, images)
    )
    _refuse_problems(list(problems), source)
    return ImportedQuestion(parsed, title or "Question", question.line, images, question.notes)


def _compose_source(question: QuestionData) -> str:
    """The text of the question's file, unless it is too complex, too large or unreadable."""
    for text in (question.stem, question.explanation, *(o.text for o in question.options)):
        refuse_complex_text(text)
    source = compose_markdown(question)
    refuse_complex_text(source)
    if len(source.encode("utf-8", "surrogatepass")) > LARGEST_PAGE:
        message = f"This question is longer than {LARGEST_PAGE:,} bytes."
        raise UnsupportedQuestionError("too-large", message)
    if "\ufffd" in source:
        message = "This question holds a character that could not be read."
        raise UnsupportedQuestionError("unreadable-character", message, "Save the bank as UTF-8.")
    return source


def _merges_with_list(parsed: ParsedQuestion) -> bool:
    """Whether the options were parsed as items of a list directly above them."""
    return any(problem.code == "malformed-box" for problem in parsed.diagnostics)


def _choose_id(question: QuestionData, title: str, source: str, taken_slugs: set[str]) -> str:
    if question.id is not None and is_id(question.id) and question.id not in taken_slugs:
        return question.id
    question_slug = re.sub(r"^option-", "question-", slugify(title)) if title else "question"
    return (
        question_slug
        if question_slug not in taken_slugs
        else f"{question_slug[:60].strip('-_')}-{hex_digest(source, 8)}"
    )


# Hints for readers of a bank, where those of the checks are for authors of a topic.
_HINTS_FOR_BANKS = {
    "external-image": "Save the picture beside the bank, and name that file.",
    "broken-link": "Write its whole address, from https: on, or take the link out.",
}


def _refuse_problems(diagnostics: Sequence[Diagnostic], source: str) -> None:
    problems = [problem for problem in diagnostics if not problem.is_warning]
    if not problems:
        return
    first = min(problems, key=lambda problem: (not problem.fatal, problem.line, problem.column))
    # Line numbers of the composed file mean nothing to readers of the bank.
    message = re.sub(r"\b[Tt]he (\w+) in line \d+", r"another \1", first.message)
    message = re.sub(r"the one in line \d+", "another one", message)
    excerpt = _excerpt(source.split("\n")[first.line - 1 :])
    message = f"{message[:1].upper()}{message[1:].rstrip('.:')}"
    message += f' ("{excerpt}").' if excerpt else "."
    raise UnsupportedQuestionError(
        first.code, message, _HINTS_FOR_BANKS.get(first.code, first.hint)
    )


def _imported_site(path: str, images: tuple[ImageFile, ...]) -> SiteMap:
    paths = frozenset({path, *(f"{_PLACEHOLDER_TOPIC}/{image.path}" for image in images)})
    return SiteMap(paths, {}, {_PLACEHOLDER_TOPIC: _PLACEHOLDER_TOPIC})


_PART_WORDS = {
    "title": "title",
    "stem": "text",
    "options": "options",
    "hints": "hints",
    "explanation": "explanation",
    "references": "references",
}


def _strip_whitespace(question: QuestionData) -> QuestionData:
    """``question`` without the white space around its texts, which markdown ignores."""

    def strip_lines(text: str) -> str:
        return "\n".join(line.rstrip() for line in text.strip().split("\n"))

    options = tuple(
        replace(option, text=strip_lines(option.text), feedback=strip_lines(option.feedback))
        for option in question.options
    )
    return replace(
        question,
        title=strip_lines(question.title),
        stem=strip_lines(question.stem),
        options=options,
        hints=tuple(strip_lines(hint) for hint in question.hints),
        explanation=strip_lines(question.explanation),
        references=strip_lines(question.references),
    )


def _first_changed_part(question: QuestionData, reread: QuestionData) -> str | None:
    """The first part whose text differs between two questions, in words; None when none does."""
    before, after = _strip_whitespace(question), _strip_whitespace(reread)
    return next(
        (
            word
            for part, word in _PART_WORDS.items()
            if getattr(before, part) != getattr(after, part)
        ),
        None,
    )


def _excerpt(lines: Sequence[str]) -> str:
    """The beginning of some lines: of the first that holds more than a box or a fence."""
    words = ""
    for line in lines[:4]:
        words = " ".join([*words.split(), *line.split()])
        if re.search(r"\w", re.sub(r"^- \[[ x]\]|`{3}\S*|~{3}\S*", "", words)):
            break
    return words if len(words) <= 60 else f"{words[:59]}…"
