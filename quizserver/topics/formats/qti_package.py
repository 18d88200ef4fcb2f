"""Reads QTI: single files of QTI 1.2 and 2.x, and packages of them, such as Canvas's exports.

In a package, the line of a question or a problem is the question's number in it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from urllib.parse import unquote
from xml.etree.ElementTree import Element, ParseError, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from quizserver.topics.formats.embedded_images import EmbeddedImages, ImageRelocator
from quizserver.topics.formats.model import QuestionData, UnsupportedQuestionError
from quizserver.topics.formats.safe_zip import SafeZip, UnsafeZipError
from quizserver.topics.model import Diagnostic

_FILE_BASES = ("$IMS-CC-FILEBASE$", "$CANVAS_COURSE_REFERENCE$/file_contents/course%20files")
_FILE_FOLDERS = ("", "web_resources", "Quiz Files", "media")
_MANIFEST = "imsmanifest.xml"

# Makes, of the images of a question, the function that finds them by their addresses.
RelocatorMaker = Callable[[EmbeddedImages], ImageRelocator]


def read_qti(name: str, data: bytes) -> Iterator[QuestionData | Diagnostic]:
    """Yields each question of a QTI file or package, or why it cannot be imported."""
    number = 0
    try:
        archive = SafeZip(data) if data.startswith(b"PK") else None
        files = _package_files(archive) if archive else iter([("", data)])
        for path, content in files:
            root = _parse(content)
            if root is None:
                message = f"{path or 'This file'} is no well-formed XML, or declares entities."
                hint = "Export the package again."
                yield Diagnostic(number + 1, 1, "bad-xml", message, hint, path=name)
                continue
            for item in _items(root):
                number += 1
                try:
                    yield _read_item(item, number, _relocator_maker(archive, path))
                except UnsupportedQuestionError as error:
                    yield error.to_diagnostic(name, number)
    except UnsafeZipError as error:
        hint = "Export the package again, or split it."
        yield Diagnostic(number + 1, 1, "bad-package", f"{error}.", hint, path=name)


def _package_files(archive: SafeZip) -> Iterator[tuple[str, bytes]]:
    """The XML files of a package but its manifest, in the order that the manifest has."""
    manifest = next((n for n in archive.names if n.rpartition("/")[2] == _MANIFEST), "")
    folder = manifest.rpartition("/")[0]
    root = _parse(archive.read(manifest) or b"") if manifest else None
    listed = [
        posixpath.normpath(posixpath.join(folder, unquote(element.get("href", ""))))
        for element in (root.iter() if root is not None else ())
        if element.tag in ("resource", "file")
    ]
    order = [*dict.fromkeys([*listed, *archive.names])]
    for path in order:
        if path.lower().endswith((".xml", ".qti")) and path != manifest:
            data = archive.read(path)
            if data is not None:
                yield path, data


def _parse(data: bytes) -> Element | None:
    """The root of an XML file, its names without their namespaces."""
    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return None
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    return root


def _items(root: Element) -> Iterator[Element]:
    if root.tag in ("assessmentItem", "qti-assessment-item"):
        yield root
    elif root.tag == "questestinterop":
        yield from root.iter("item")


def _read_item(item: Element, number: int, make_relocator: RelocatorMaker) -> QuestionData:
    from quizserver.topics.formats import qti1_items, qti2_items

    if item.tag == "qti-assessment-item":
        message = "This is an item of QTI 3, which is not read."
        raise UnsupportedQuestionError("not-read", message, "Export it as QTI 2.1 or 2.2.")
    read = qti2_items.read_item if item.tag == "assessmentItem" else qti1_items.read_item
    return read(item, number, make_relocator)


def _relocator_maker(archive: SafeZip | None, item_path: str) -> RelocatorMaker:
    def make(images: EmbeddedImages) -> ImageRelocator:
        def relocate(url: str) -> str | None:
            in_address = images.relocate_data_url(url)
            if in_address is not None or archive is None:
                return in_address or url or None
            path = _member_path(archive, item_path, url)
            data = archive.read(path) if path else None
            if data is None:
                return url or None
            return images.add_image(path.rpartition("/")[2], data)

        return relocate

    return make


def _member_path(archive: SafeZip, item_path: str, url: str) -> str:
    """The member of a package that an address leads to; empty when there is none."""
    address = url.partition("?")[0].replace("%24", "$")
    for base in _FILE_BASES:
        if address.startswith(base):
            address = address.removeprefix(base).lstrip("/")
    path = unquote(address)
    folders = (item_path.rpartition("/")[0], *_FILE_FOLDERS)
    candidates = [posixpath.normpath(posixpath.join(folder, path)) for folder in folders]
    return next((candidate for candidate in candidates if candidate in archive.names), "")


def inner_html(element: Element) -> str:
    """The content of an element as HTML; pictures in ``object`` become ``img``."""
    for picture in element.iter("object"):
        if picture.get("type", "").startswith("image/"):
            alt = "".join(picture.itertext()).strip()
            source, tail = picture.get("data", ""), picture.tail
            picture.clear()
            picture.tag, picture.tail = "img", tail
            picture.attrib.update({"src": source, "alt": alt})
    copy = Element("div")
    copy.text = element.text
    copy.extend(element)
    return str(tostring(copy, encoding="unicode", method="html"))[5:-6]
