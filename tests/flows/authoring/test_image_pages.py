"""Uploaded images: which are accepted, under which name, and who sees them."""

from __future__ import annotations

import io
import re
from contextlib import closing
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from quizserver.authoring.images import detect_suffix, safe_image_name
from quizserver.settings import Settings
from tests.flows.authoring.editor_visits import EDITED, PNG, save_text, send_image
from tests.flows.browser_client import Visitor


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, upload_kb=400)


def test_an_image_is_put_beside_the_page_and_its_reference_is_given(author: Visitor, content: Path):
    send_image(author, PNG, "My Curve (1).PNG", alt="A [steep] curve")
    assert author.status == 200
    assert (content / "numbers/my-curve-1.png").read_bytes() == PNG
    assert "![A \\[steep\\] curve](my-curve-1.png)" in author.text
    text = EDITED.replace("\n\n", "\n\n![A curve](my-curve-1.png)\n\n")
    save_text(author, text, "check")
    assert "No problems" in author.text


def test_an_svg_as_drawing_programs_write_it_is_taken(author: Visitor, content: Path):
    data = (
        b'<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://x/svg11.dtd">'
        b'<svg xmlns="http://www.w3.org/2000/svg"><style>*{stroke-linejoin: round}</style>'
        b'<path clip-path="url(#p)" d="M 0 0"/></svg>'
    )
    send_image(author, data, "curve.svg")
    assert author.status == 200
    assert (content / "numbers/curve.svg").read_bytes() == data


@pytest.mark.parametrize(
    ("uploaded_name", "name"),
    [
        ("C:\\plots\\My Curve.PNG", "my-curve.png"),
        ("../../etc/passwd", "passwd.png"),
        ("長い.png", "image-e0d1f089.png"),
        ("a" * 200 + ".png", "a" * 60 + ".png"),
        ("con.svg", "con.png"),
    ],
)
def test_the_name_of_an_image_is_a_safe_one_with_the_suffix_of_its_bytes(
    uploaded_name: str, name: str
):
    assert safe_image_name(uploaded_name, detect_suffix(PNG)) == name


def test_an_image_is_not_overwritten_without_being_asked(author: Visitor, content: Path):
    send_image(author, PNG, "curve.png")
    send_image(author, PNG + b"1", "curve.png")
    assert author.status == 409
    assert (content / "numbers/curve.png").read_bytes() == PNG
    send_image(author, PNG + b"1", "curve.png", overwrite="1")
    assert (content / "numbers/curve.png").read_bytes() == PNG + b"1"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"import os\n", "This is no"),
        (b"<html><script>alert(1)</script></html>", "This is no"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "&lt;script&gt;"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>', "onload"),
        (
            b'<!DOCTYPE svg [<!ENTITY a "a">]><svg xmlns="http://www.w3.org/2000/svg"/>',
            "definitions",
        ),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><style>@import "//x";</style></svg>', "outside"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" fill="url(//x/y)"/>', "outside"),
        (
            '<?xml version="1.0" encoding="iso-8859-1"?>'
            '<svg xmlns="http://www.w3.org/2000/svg"><text>é</text></svg>'.encode("latin-1"),
            "UTF-8",
        ),
    ],
)
def test_what_is_no_image_or_does_more_than_draw_is_refused(
    author: Visitor, content: Path, data: bytes, message: str
):
    before = sorted(content.rglob("*"))
    send_image(author, data, "x.png")
    assert author.status == 422
    assert message in author.page
    assert sorted(content.rglob("*")) == before


def test_an_image_may_be_larger_than_other_requests_but_not_larger_than_set(
    author: Visitor, visitor: Visitor, content: Path, settings: Settings
):
    size = (settings.body_kb + 10) * 1024
    send_image(author, PNG + b"0" * size, "large.png")
    assert author.status == 200
    assert (content / "numbers/large.png").stat().st_size > size
    send_image(author, PNG + b"0" * 400 * 1024, "huge.png")
    assert author.status == 422
    assert "400 KiB" in author.text
    send_image(author, PNG + b"0" * 480 * 1024, "enormous.png")
    assert author.status == 413
    assert not (content / "numbers/huge.png").exists()
    assert visitor.open("/sign-up")
    visitor.send("/sign-up", email="x" * size, password="correct horse")
    assert visitor.status == 413, "only authors may send so much"


def test_an_author_sees_the_images_of_a_topic_that_is_not_published_and_sees_them_change(
    author: Visitor, visitor: Visitor, content: Path
):
    author.open("/write")
    author.send("/write/topics", folder="fresh", title="Fresh")
    author.send("/write/fresh/images", image=(io.BytesIO(PNG), "dot.png"), alt="A dot")
    url = "/write/fresh/lesson.md"
    save_text(author, "# Fresh\n\n![A dot](dot.png)\n", url=url)

    def image_url() -> str:
        image = re.search(r'<img [^>]*src="(/write/fresh/images/dot[^"]*)"', author.open(url))
        assert image
        return unescape(image[1])

    def download(url: str) -> bytes:
        with closing(author.client.get(url)) as response:
            return response.data

    first_url = image_url()
    assert download(first_url) == PNG
    assert visitor.client.get(first_url).status_code == 404
    author.send(
        "/write/fresh/images", image=(io.BytesIO(PNG + b"1"), "dot.png"), alt="A dot", overwrite="1"
    )
    assert image_url() != first_url, "a browser does not take the image from its cache"
    assert download(image_url()) == PNG + b"1"
    (content / "fresh/simulation.py").write_text("x = 1\n")
    for name in ("simulation.py", "lesson.md", ".hidden.png", "../numbers/even.md"):
        assert author.client.get(f"/write/fresh/images/{name}").status_code == 404, name


def test_an_image_needs_words_for_those_who_cannot_see_it(author: Visitor, content: Path):
    send_image(author, PNG, "curve.png", alt="  ")
    assert author.status == 422
    assert not (content / "numbers/curve.png").exists()
