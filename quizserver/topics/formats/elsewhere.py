"""Images that a bank only links to, on other servers: this server fetches none of them.

The report names each with the file beside the bank in which an import looks for it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from quizserver.topics.assets import MEDIA_TYPES, is_image
from quizserver.topics.formats.images import path_with_true_suffix
from quizserver.topics.formats.model import ImageLoader, QuestionData, UnsupportedQuestionError
from quizserver.topics.question import ParsedQuestion
from quizserver.topics.slugs import hex_digest, slugify

FOLDER = "elsewhere"
_ON_A_SERVER = re.compile(r"(?:https?:)?//", re.IGNORECASE)


class ImagesElsewhereError(UnsupportedQuestionError):
    """A question with images on other servers that nobody has put beside the bank: ``urls``."""

    def __init__(self, urls: Sequence[str]) -> None:
        others = f", and {len(urls) - 1} more" if len(urls) > 1 else ""
        message = f"An image lies on another server: {urls[0][:200]}{others}."
        hint = f"Save it beside the bank as {saved_path(urls[0])}, and import again."
        super().__init__("external-image", message, hint)
        self.urls = tuple(urls)


def urls_elsewhere(parsed: ParsedQuestion) -> tuple[str, ...]:
    """The addresses of a question's images on other servers, each once."""
    urls = (link.url.strip() for link in parsed.links if link.attribute == "src")
    return tuple(dict.fromkeys(url for url in urls if _ON_A_SERVER.match(url)))


def saved_path(url: str) -> str:
    """The path beside the bank where an image of that address is looked for."""
    name = posixpath.basename(unquote(urlsplit(url).path, errors="replace"))
    stem, _, suffix = name.rpartition(".")
    ending = f".{suffix.lower()}" if is_image(name) else ".png"
    label = slugify(stem if is_image(name) else name)[:40].strip("-_") or "image"
    return f"{FOLDER}/{label}-{hex_digest(url, 8)}{ending}"


def load_saved_image(url: str, load_image: ImageLoader) -> tuple[str, bytes] | None:
    """The path and the bytes of an image that somebody saved beside the bank; None: nobody did."""
    path = saved_path(url)
    stem = path.rpartition(".")[0]
    for candidate in (path, *(f"{stem}{suffix}" for suffix in MEDIA_TYPES)):
        data = load_image(candidate)
        if data is not None:
            return path_with_true_suffix(candidate, data), data
    return None


def replace_image_address(question: QuestionData, url: str, path: str, data: bytes) -> QuestionData:
    """The question with the image at ``url`` as its own, at ``path``."""
    address = re.compile(
        rf"(?P<before>\]\(\s*<?|\bsrc\s*=\s*[\"']?|^ {{0,3}}\[[^\[\]]*\]:\s*<?)"
        rf"(?:{re.escape(url)}|{re.escape(url.replace('&', '&amp;'))})(?=[\s\"'>)]|$)",
        re.MULTILINE,
    )

    def move(text: str) -> str:
        return address.sub(lambda match: match["before"] + path, text)

    options = tuple(
        replace(option, text=move(option.text), feedback=move(option.feedback))
        for option in question.options
    )
    definitions = tuple(
        replace(
            definition,
            content=definition.content.with_texts(
                [move(line.text) for line in definition.content.lines]
            ),
        )
        for definition in question.definitions
    )
    return replace(
        question,
        title=move(question.title),
        stem=move(question.stem),
        options=options,
        hints=tuple(map(move, question.hints)),
        explanation=move(question.explanation),
        references=move(question.references),
        definitions=definitions,
        images={**question.images, path: data},
    )
