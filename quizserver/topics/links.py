"""Resolves the links and images of a topic's files: a lasting address, or what is wrong."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import quote, unquote, urlsplit

from quizserver.topics.assets import MEDIA_TYPES, image_url, is_image
from quizserver.topics.folder import is_page
from quizserver.topics.image_sizes import ImageSize
from quizserver.topics.sanitise import SizedImage
from quizserver.topics.slugs import did_you_mean

LESSON_PREFIX = "s-"  # of the ids in a lesson, so that links to its headings can be made

_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


@dataclass(frozen=True, slots=True)
class SiteMap:
    """What links can point to. Paths are relative to the content folder, with ``/``."""

    files: frozenset[str] = frozenset()
    page_urls: Mapping[str, str] = field(default_factory=dict)  # a markdown file -> its address
    topic_ids: Mapping[str, str] = field(default_factory=dict)  # a folder's name -> the topic's id
    question_ids: frozenset[str] = frozenset()
    broken_question_ids: frozenset[str] = (
        frozenset()
    )  # ids of questions that cannot be served as they are
    image_sizes: Mapping[str, ImageSize] = field(default_factory=dict)  # those that are known


@dataclass(frozen=True, slots=True)
class ResolvedLink:
    """``url`` is the address for the page (None: none); ``code`` is None when nothing is wrong.

    ``suggest``, if there is one, makes the hint: looking for a similar name takes its time.
    """

    url: str | None
    code: str | None = None
    message: str = ""
    hint: str = ""
    suggest: Callable[[], str] | None = field(default=None, compare=False, repr=False)
    size: ImageSize | None = None

    @property
    def address(self) -> str | SizedImage | None:
        """``url``, with the size of an image where that is known."""
        if self.url is None or self.size is None:
            return self.url
        return SizedImage(self.url, *self.size)


def resolve_link(site_map: SiteMap, page_path: str, attribute: str, url: str) -> ResolvedLink:
    """The target of ``url``, the value of ``attribute`` ("href" or "src") in a page's file.

    Never raises.
    """
    url = url.strip()
    image = attribute == "src"
    if not url:
        return ResolvedLink(None, "empty-link", "This link leads nowhere.", "Write its address.")
    if _UNSAFE.search(url):
        message = "An address may hold no space, backslash or control character."
        return ResolvedLink(None, "bad-link", message, "Write a space as %20.")
    if url.startswith("//") or _SCHEME.match(url):
        return _resolve_external(url, image)
    try:
        parts = urlsplit(url)
        url_path = unquote(parts.path, errors="strict")
    except ValueError:
        return ResolvedLink(
            None, "bad-link", "This is not an address.", "Check it for odd characters."
        )
    if url.startswith("#"):
        return ResolvedLink(None if image else url)
    if url.startswith("/"):
        return _resolve_rooted(site_map, url, url_path, image)
    return _resolve_relative(site_map, page_path, url_path, parts.fragment, image)


def _resolve_external(url: str, image: bool) -> ResolvedLink:
    scheme = url.split(":")[0].lower()
    if image:
        message = "Images from elsewhere are not shown."
        return ResolvedLink(
            None, "external-image", message, "Put the file into the topic's folder."
        )
    if scheme in ("http", "https", "mailto") and not url.startswith("//"):
        return ResolvedLink(url)
    message = "A link may begin with https:, http: or mailto:, or name a file."
    return ResolvedLink(None, "forbidden-link", message, "Write the whole address, from https: on.")


def _resolve_rooted(site_map: SiteMap, url: str, url_path: str, image: bool) -> ResolvedLink:
    if image:
        message = "An image is named relative to the file it stands in."
        return ResolvedLink(
            None, "broken-image", message, 'Write "picture.png" for a file beside it.'
        )
    kind, _, rest = url_path.lstrip("/").partition("/")
    known_ids = {
        "questions": site_map.question_ids,
        "topics": frozenset(site_map.topic_ids.values()),
    }.get(kind)
    if (
        known_ids is not None
        and rest
        and rest not in known_ids
        and rest not in site_map.broken_question_ids
    ):
        message = f'There is no {kind[:-1]} "{rest}".'
        suggest = partial(did_you_mean, rest, known_ids)
        return ResolvedLink(url, "broken-link", message, suggest=suggest)
    return ResolvedLink(url)


def _resolve_relative(
    site_map: SiteMap, page_path: str, url_path: str, fragment: str, image: bool
) -> ResolvedLink:
    folder = page_path.split("/")[0]
    target_path = posixpath.normpath(posixpath.join(posixpath.dirname(page_path), url_path))
    noun = "image" if image else "link"
    if target_path == ".." or target_path.startswith("../") or "\0" in target_path:
        message = f'"{url_path}" leads out of the content folder.'
        return ResolvedLink(None, f"broken-{noun}", message, "Name a file inside it.")
    if not image and target_path in site_map.page_urls:
        anchor = quote(fragment, safe="-._~:")
        lesson = site_map.page_urls[target_path].startswith("/topics/")
        fragment_suffix = f"#{LESSON_PREFIX}{anchor}" if anchor and lesson else ""
        return ResolvedLink(site_map.page_urls[target_path] + fragment_suffix)
    if not image and target_path in site_map.topic_ids:
        return ResolvedLink(f"/topics/{site_map.topic_ids[target_path]}")
    if not image and target_path in site_map.files and is_page(target_path):
        return ResolvedLink(None)  # that page cannot be served, and has diagnostics of its own
    if target_path not in site_map.files:
        message = f'There is no file "{url_path}".'
        suggest = partial(_suggest_file, site_map, target_path, image)
        return ResolvedLink(None, f"broken-{noun}", message, suggest=suggest)
    if target_path.split("/")[0] != folder or folder not in site_map.topic_ids:
        message = f'"{url_path}" lies outside this topic\'s folder.'
        return ResolvedLink(None, f"broken-{noun}", message, "Copy it beside this file.")
    if not is_image(target_path):
        types = ", ".join(sorted(suffix[1:] for suffix in MEDIA_TYPES))
        message = f'"{url_path}" is not of a type that is served.'
        return ResolvedLink(None, f"broken-{noun}", message, f"Served are images: {types}.")
    url = image_url(site_map.topic_ids[folder], target_path[len(folder) + 1 :])
    return ResolvedLink(url, size=site_map.image_sizes.get(target_path) if image else None)


def _suggest_file(site_map: SiteMap, target_path: str, image: bool) -> str:
    """The file beside the missing ``target_path`` that may be meant."""
    siblings = [
        posixpath.basename(name)
        for name in site_map.files
        if posixpath.dirname(name) == posixpath.dirname(target_path)
        and (is_image(name) or (is_page(name) and not image))
    ]
    return did_you_mean(posixpath.basename(target_path), siblings)
