"""What a page says of an image's size is what the browser finds in its file, and nothing jumps."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route

from quizserver.topics.image_sizes import image_size
from quizserver.topics.library import Library
from quizserver.topics.model import HtmlBlock
from quizserver.web.static_files import STATIC_FOLDER
from tests.topics.content_files import FINE, write_files
from tests.topics.test_image_sizes import jpeg

ENCODE = """type => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [321, 123];
    canvas.getContext("2d").fillRect(9, 9, 99, 50);
    return canvas.toDataURL(type).split(",")[1];
}"""
DECODE = """async address => {
    const image = new Image();
    image.src = address;
    await image.decode();
    return [image.naturalWidth, image.naturalHeight];
}"""
SVG = '<svg xmlns="http://www.w3.org/2000/svg" {}><rect width="9" height="9"/></svg>'
SVG_SIZES = [
    'width="320" height="90"',
    'width="72pt" height="10mm"',
    'width="200" viewBox="0 0 10 5"',
    'height="50px" viewBox="0,0,10,5"',
    'width="100" height="40" viewBox="0 0 10 5"',
]


@pytest.fixture
def blank(chromium: Browser) -> Page:
    return chromium.new_page(viewport={"width": 600, "height": 500})


def address(data: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp"])
def test_what_the_browser_writes_is_read(blank: Page, media_type: str) -> None:
    data = base64.b64decode(blank.evaluate(ENCODE, media_type))
    assert image_size(data, media_type) == (321, 123)
    blank.close()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photograph_is_read_as_shown(blank: Page, orientation: int) -> None:
    plain = base64.b64decode(blank.evaluate(ENCODE, "image/jpeg"))
    head = jpeg(1, 1, orientation=orientation)
    exif = head[head.index(b"\xff\xe1") : head.index(b"\xff\xc2")]
    turned = plain[:2] + exif + plain[2:]
    shown = blank.evaluate(DECODE, address(turned, "image/jpeg"))
    assert list(image_size(turned, "image/jpeg") or ()) == shown
    assert shown == ([123, 321] if orientation >= 5 else [321, 123])
    blank.close()


@pytest.mark.parametrize("attributes", SVG_SIZES)
def test_a_drawing_is_read_as_shown(blank: Page, attributes: str) -> None:
    data = SVG.format(attributes).encode()
    shown = blank.evaluate(DECODE, address(data, "image/svg+xml"))
    assert list(image_size(data, "image/svg+xml") or ()) == shown
    blank.close()


def test_the_text_below_an_image_stays_where_it_is(blank: Page, tmp_path: Path) -> None:
    write_files(
        tmp_path, {"t/lesson.md": "# L\n\n![a](a.svg)\n\n![b](b.svg)\n\nEnd.\n", "t/q.md": FINE}
    )
    drawings = {
        "a": SVG.format('width="900" height="300"'),
        "b": SVG.format('viewBox="0 0 24 12"'),
    }
    for name, drawing in drawings.items():
        (tmp_path / f"t/{name}.svg").write_text(drawing)
    lesson = Library(tmp_path).snapshot().topics["t"].lesson
    assert lesson is not None
    html = "".join(block.html for block in lesson.blocks if isinstance(block, HtmlBlock))
    unsized = re.sub(r' (?:width|height)="\d+"', "", html)
    styles = "".join((STATIC_FOLDER / f"css/{name}.css").read_text() for name in ("page", "prose"))

    def end_before_and_after(body: str) -> tuple[float, float]:
        """The place of the last paragraph while the images are not there, and when they are."""
        is_there = False

        def answer(route: Route) -> None:
            if "/files/" not in route.request.url:
                route.fulfill(content_type="text/html", body=page)
            elif is_there:
                name = route.request.url.rsplit("/", 1)[1][0]
                route.fulfill(content_type="image/svg+xml", body=drawings[name])
            else:
                waiting.append(route)

        waiting: list[Route] = []
        head = f"<!doctype html><style>{styles}</style>"
        page = f'{head}<main class="prose">{body.replace("lazy", "eager")}</main>'
        blank.unroute_all()
        blank.route("**/*", answer)
        blank.goto("http://images.test/", wait_until="commit")
        place = "() => document.querySelector('main > p:last-of-type').getBoundingClientRect().top"
        blank.wait_for_selector("main > p:last-of-type")
        before = blank.evaluate(place)
        is_there = True
        for route in waiting:
            answer(route)
        blank.wait_for_function("() => [...document.images].every(i => i.naturalWidth)")
        return before, blank.evaluate(place)

    before, after = end_before_and_after(html)
    assert before == after > 400
    before, unsized_after = end_before_and_after(unsized)
    assert before < unsized_after == after, "as large as without, and there it jumped"
    blank.close()
