"""Pages give images their width and height, from the heads of the files."""

from __future__ import annotations

import os
import re
import struct
import time
import zlib
from pathlib import Path

import pytest

from quizserver.topics.image_sizes import HEAD_BYTES, image_size, read_image_size
from quizserver.topics.library import Library
from quizserver.topics.model import HtmlBlock
from quizserver.topics.sanitise import SizedImage, sanitise_html
from tests.topics.content_files import FINE, write_files


def png(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + chunk + struct.pack(">I", zlib.crc32(chunk))


def jpeg(width: int, height: int, *, orientation: int | None = None, order: str = ">") -> bytes:
    """The head of a JPEG with a comment, a table and, maybe, EXIF before the frame."""
    segments = b"\xff\xfe\0\x06\xff\xc0ab" + b"\xff\xff\xc4\0\x04ab"
    if orientation is not None:
        mark = b"II*\0" if order == "<" else b"MM\0*"
        tags = struct.pack(f"{order}IHHHIHH", 8, 1, 0x0112, 3, 1, orientation, 0)
        exif = b"Exif\0\0" + mark + tags
        segments += b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    return (
        b"\xff\xd8" + segments + b"\xff\xc2\0\x0b\x08" + struct.pack(">HH", height, width) + b"\x03"
    )


def webp(kind: bytes, content: bytes) -> bytes:
    return b"RIFF\0\0\0\0WEBP" + kind + b"\0\0\0\0" + content


SIZES = [
    ("image/png", png(640, 360), (640, 360)),
    ("image/png", png(0, 360), None),
    ("image/png", png(640, 360) + b"\0\0\0\x08eXIf", None),
    ("image/gif", b"GIF89a" + struct.pack("<HH", 300, 20), (300, 20)),
    ("image/jpeg", jpeg(800, 600), (800, 600)),
    ("image/jpeg", jpeg(800, 600, orientation=1), (800, 600)),
    ("image/jpeg", jpeg(800, 600, orientation=6), (600, 800)),
    ("image/jpeg", jpeg(800, 600, orientation=8, order="<"), (600, 800)),
    ("image/webp", webp(b"VP8X", b"\0\0\0\0\xff\x01\0\x0f\0\0"), (512, 16)),
    ("image/webp", webp(b"VP8X", b"\x08\0\0\0\xff\x01\0\x0f\0\0"), None),
    ("image/webp", webp(b"VP8L", b"\x2f" + struct.pack("<I", 299 | 19 << 14)), (300, 20)),
    ("image/webp", webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 301, 21)), (301, 21)),
    ("image/svg+xml", b'<svg width="560" height="285.4"/>', (560, 285)),
    ("image/svg+xml", b"<?xml version='1.0'?><!-- <svg width='1'> --><!DOCTYPE svg PUBLIC 'a'>"
     b"<svg:svg\n data-width='3' width = '72pt'\theight='1in' viewBox='0 0 9 9'>", (96, 96)),
    ("image/svg+xml", b'<svg viewBox="0 0 1000 500" width="200">', (200, 100)),
    ("image/svg+xml", b'<svg viewBox="0,0,1000,500" height="50px">', (100, 50)),
    ("image/svg+xml", b'<svg viewBox="-5 -5 24 12" width="100%" height="100%">', (1600, 800)),
    ("image/svg+xml", b'<svg viewBox="0 0 3200 10">', (3200, 10)),
    ("image/svg+xml", b'<svg viewBox="0 0 10">', None),
    ("image/svg+xml", b'<svg width="10em" height="3em">', None),
    ("image/svg+xml", b'<svg width="0" height="3" viewBox="0 0 5 5">', None),
    ("image/svg+xml", b'<svg width="%s" height="1">' % (b"9" * 400), None),
    ("image/svg+xml", b'<html><svg width="1" height="1">', None),
]  # fmt: skip


@pytest.mark.parametrize(("media_type", "head", "expected"), SIZES)
def test_the_head_of_a_file_tells_its_size(
    media_type: str, head: bytes, expected: tuple[int, int] | None
) -> None:
    assert image_size(head, media_type) == expected


@pytest.mark.parametrize(("media_type", "head", "expected"), [size for size in SIZES if size[2]])
def test_a_file_that_is_cut_off_has_no_size_or_its_own(
    media_type: str, head: bytes, expected: tuple[int, int] | None
) -> None:
    assert {image_size(head[:end], media_type) for end in range(len(head))} <= {None, expected}


def test_no_head_takes_long_to_read() -> None:
    began = time.process_time()
    for part in (b"<!--", b"<svg '", b'<svg "', b"<?", b"<svg ", b"\xff\xd8\xff\xff"):
        for media_type in ("image/svg+xml", "image/jpeg"):
            image_size((b"\xff\xd8" + part * HEAD_BYTES)[:HEAD_BYTES], media_type)
            image_size((part * HEAD_BYTES)[:HEAD_BYTES], media_type)
    assert time.process_time() - began < 5


def test_a_file_that_cannot_be_read_has_none(tmp_path: Path) -> None:
    assert read_image_size(tmp_path / "none.png") is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", ("640", "360")),
        (' width="320"', ("320", "180")),
        (' height="90"', ("160", "90")),
        (' height="5" width="5"', ("5", "5")),
        (' width="50%"', ("640", "360")),
    ],
)
def test_what_an_author_wrote_is_kept_with_the_shape(given: str, expected: tuple[str, str]) -> None:
    def rewrite(_name: str, url: str) -> str | SizedImage:
        return SizedImage("/a%20b.png?c&d", 640, 360) if url == "x.png" else url

    html = f'<p><img alt="a &quot;b&quot; &gt; c" src="x.png"{given}><img src="y.png"></p>'
    known, unknown = sanitise_html(html, prefix="", rewrite=rewrite).split("<img")[1:]
    assert tuple(re.findall(r' width="(\d+)"', known)) == expected[:1]
    assert tuple(re.findall(r' height="(\d+)"', known)) == expected[1:]
    assert "width" not in unknown


def test_a_page_has_the_sizes_of_its_images_and_follows_a_new_file(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "t/lesson.md": "# L\n\nSee ![a curve](a.png).\n",
            "t/q.md": FINE.replace("Stem.", "![c](d.svg)"),
        },
    )
    (tmp_path / "t/a.png").write_bytes(png(640, 360))
    (tmp_path / "t/d.svg").write_text('<svg viewBox="0 0 4000 2000"/>')
    library = Library(tmp_path)

    def lesson_html() -> str:
        lesson = library.snapshot().topics["t"].lesson
        assert lesson is not None
        return "".join(block.html for block in lesson.blocks if isinstance(block, HtmlBlock))

    assert 'width="640" height="360"' in lesson_html()
    assert 'width="4000" height="2000"' in repr(library.snapshot().questions["q"].html.get())
    (tmp_path / "t/a.png").write_bytes(png(300, 200))
    os.utime(tmp_path / "t/a.png", ns=(1, 1))
    library.refresh()
    assert 'width="300" height="200"' in lesson_html()
    (tmp_path / "t/a.png").write_bytes(b"no image")
    library.refresh()
    assert "width=" not in lesson_html()
