"""What a link or an image in a topic's file points to: its lasting address, or what is wrong."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

from quizserver.topics.assets import MEDIA_TYPES, image_address, is_image
from quizserver.topics.folder import is_page
from quizserver.topics.identity import did_you_mean

LESSON_PREFIX = "s-"  # of the ids in a lesson, so that links to its headings can be made

_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


@dataclass(frozen=True, slots=True)
class Site:
    """What there is to point to. Paths are relative to the content folder, with ``/``."""

    files: frozenset[str] = frozenset()
    pages: Mapping[str, str] = field(default_factory=dict)  # a markdown file -> its address
    topics: Mapping[str, str] = field(default_factory=dict)  # a folder's name -> the topic's id
    questions: frozenset[str] = frozenset()
    broken: frozenset[str] = frozenset()  # ids of questions that cannot be served as they are


@dataclass(frozen=True, slots=True)
class Target:
    """``address`` is what the page shall use (None: nothing); ``code`` None means all is well."""

    address: str | None
    code: str | None = None
    message: str = ""
    hint: str = ""


def resolve(site: Site, path: str, name: str, url: str) -> Target:
    """The target of ``url`` as ``name`` ("href" or "src") in the file at ``path``. Never raises."""
    url = url.strip()
    image = name == "src"
    if not url:
        return Target(None, "empty-link", "This link leads nowhere.", "Write its address.")
    if _UNSAFE.search(url):
        message = "An address may hold no space, backslash or control character."
        return Target(None, "bad-link", message, "Write a space as %20.")
    if url.startswith("//") or _SCHEME.match(url):
        return _external(url, image)
    try:
        parts = urlsplit(url)
        wanted = unquote(parts.path, errors="strict")
    except ValueError:
        return Target(None, "bad-link", "This is not an address.", "Check it for odd characters.")
    if url.startswith("#"):
        return Target(None if image else url)
    if url.startswith("/"):
        return _rooted(site, url, wanted, image)
    return _relative(site, path, wanted, parts.fragment, image)


def _external(url: str, image: bool) -> Target:
    scheme = url.split(":")[0].lower()
    if image:
        message = "Images from elsewhere are not shown."
        return Target(None, "external-image", message, "Put the file into the topic's folder.")
    if scheme in ("http", "https", "mailto") and not url.startswith("//"):
        return Target(url)
    message = "A link may begin with https:, http: or mailto:, or name a file."
    return Target(None, "forbidden-link", message, "Write the whole address, from https: on.")


def _rooted(site: Site, url: str, wanted: str, image: bool) -> Target:
    if image:
        message = "An image is named relative to the file it stands in."
        return Target(None, "broken-image", message, 'Write "picture.png" for a file beside it.')
    kind, _, rest = wanted.lstrip("/").partition("/")
    known = {"questions": site.questions, "topics": frozenset(site.topics.values())}.get(kind)
    if known is not None and rest and rest not in known and rest not in site.broken:
        message = f'There is no {kind[:-1]} "{rest}".'
        return Target(url, "broken-link", message, did_you_mean(rest, known))
    return Target(url)


def _relative(site: Site, path: str, wanted: str, fragment: str, image: bool) -> Target:
    folder = path.split("/")[0]
    full = posixpath.normpath(posixpath.join(posixpath.dirname(path), wanted))
    what = "image" if image else "link"
    if full == ".." or full.startswith("../") or "\0" in full:
        message = f'"{wanted}" leads out of the content folder.'
        return Target(None, f"broken-{what}", message, "Name a file inside it.")
    if not image and full in site.pages:
        anchor = quote(fragment, safe="-._~:")
        lesson = site.pages[full].startswith("/topics/")
        mark = f"#{LESSON_PREFIX}{anchor}" if anchor and lesson else ""
        return Target(site.pages[full] + mark)
    if not image and full in site.topics:
        return Target(f"/topics/{site.topics[full]}")
    if not image and full in site.files and is_page(full):
        return Target(None)  # that page cannot be served now, and is told so where it is wrong
    if full not in site.files:
        near = [
            name
            for name in site.files
            if posixpath.dirname(name) == posixpath.dirname(full)
            and (is_image(name) or (is_page(name) and not image))
        ]
        guess = did_you_mean(posixpath.basename(full), map(posixpath.basename, near))
        return Target(None, f"broken-{what}", f'There is no file "{wanted}".', guess)
    if full.split("/")[0] != folder or folder not in site.topics:
        message = f'"{wanted}" lies outside this topic\'s folder.'
        return Target(None, f"broken-{what}", message, "Copy it beside this file.")
    if not is_image(full):
        types = ", ".join(sorted(suffix[1:] for suffix in MEDIA_TYPES))
        message = f'"{wanted}" is not of a type that is served.'
        return Target(None, f"broken-{what}", message, f"Served are images: {types}.")
    return Target(image_address(site.topics[folder], full[len(folder) + 1 :]))
