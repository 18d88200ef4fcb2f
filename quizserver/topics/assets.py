"""The images beside a topic's files: which of them may be served, to whom, with which headers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from quizserver.topics.model import HtmlBlock, Question, Snapshot, Topic

MEDIA_TYPES: Mapping[str, str] = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
}


def is_image(path: str) -> bool:
    """Whether a file of this name may be served from a topic's folder."""
    return PurePosixPath(path).suffix.lower() in MEDIA_TYPES


def image_in_topic(snapshot: Snapshot, topic: str, relative: str) -> Path | None:
    """The image at ``relative`` (forward slashes) in ``topic``'s folder, or None."""
    topic_model = snapshot.topics.get(topic)
    return image_in_folder(topic_model.folder, relative) if topic_model is not None else None


def image_in_folder(folder: Path, relative: str) -> Path | None:
    """The image at ``relative`` (forward slashes) in ``folder``, or None.

    Never a file outside the folder (also not through ``..`` or a symbolic link), never a hidden
    one, never another type than those of MEDIA_TYPES: markdown, Python and evidence hold the key.
    """
    if not is_image(relative) or "\\" in relative or "\0" in relative:
        return None
    parts = relative.split("/")
    if any(part in ("", ".", "..") or part.startswith(".") for part in parts):
        return None
    try:
        folder = folder.resolve(strict=True)
        path = folder.joinpath(*parts).resolve(strict=True)
        is_inside = path.is_relative_to(folder) and path.is_file()
    except (OSError, ValueError, RuntimeError):
        return None
    return path if is_inside and is_image(path.name) else None


@dataclass(frozen=True, slots=True)
class ImageVisibility:
    """Where an image is shown: in what everybody may read, and in the answers to which questions.

    One that is shown in neither belongs to an unpublished draft, or to nothing.
    """

    public: bool
    question_ids: frozenset[str]


def image_url(topic: str, relative: str) -> str:
    """The address of the image at ``relative`` in the folder of the topic with this id."""
    return f"/topics/{topic}/files/{quote(relative)}"


def image_visibility(topic: Topic, relative: str) -> ImageVisibility:
    """Where the published files of ``topic`` show, or link to, the image at ``relative``."""
    quoted_url = f'"{image_url(topic.id, relative)}"'
    lesson_blocks = topic.lesson.blocks if topic.lesson is not None else ()
    lesson_html = [block.html for block in lesson_blocks if isinstance(block, HtmlBlock)]
    public = any(quoted_url in html for html in lesson_html) or any(
        quoted_url in html for question in topic.questions for html in _html_before_answer(question)
    )
    question_ids = (
        q.id for q in topic.questions if any(quoted_url in html for html in _html_after_answer(q))
    )
    return ImageVisibility(public, frozenset(question_ids))


def _html_before_answer(question: Question) -> Iterable[str]:
    """What a question's page may show before it is answered."""
    yield question.stem_html
    yield from (option.html for option in question.options)
    yield from question.hints_html


def _html_after_answer(question: Question) -> Iterable[str]:
    """What a question's page shows once it is answered: this gives the key away."""
    yield from (option.feedback_html or "" for option in question.options)
    yield question.explanation_html or ""
    yield question.references_html or ""


def image_headers(path: Path) -> dict[str, str]:
    """Response headers for an asset. An SVG opened by itself may run no script and load nothing."""
    media_type = MEDIA_TYPES[path.suffix.lower()]
    policy = (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; object-src 'none';"
        " base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Type": media_type + ("; charset=utf-8" if media_type.endswith("+xml") else ""),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": policy,
    }
