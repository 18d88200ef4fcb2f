"""No text makes a page wider than a phone, whoever writes it."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner
from playwright.sync_api import Browser, Page

from quizserver.cli import main
from tests.serve.server import Server

EMAIL, PASSWORD = "wrapping@example.org", "correct horse"
WIDTH = 320  # CSS pixels
FILE = "/write/strange-loss/strange-loss.md"
PAGES = [
    *("/", "/topics/strange-loss", "/topics/noiseless", "/questions/strange-loss"),
    *("/progress", "/account", "/account/password", "/account/delete", "/no-such-page"),
    *("/classes", "/classes/new", "/join", "/join/CDF-GHJ-KMN"),
    *("/write", FILE, f"{FILE}/history"),
    *("/admin/people", "/admin/people/log", "/admin/log", "/admin/machines"),
]
PARTS = ["", "/matrix", "/items", "/teach", "/roster", "/settings", "/delete"]

# A phone has room for each word of these pages that has at most 12 letters.
BROKEN_WORDS = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    const short = /(?<![\\p{L}\\d_-])\\p{L}{2,12}(?![\\p{L}\\d_-])/gu;
    const broken = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        if (node.parentElement.closest("table, .visually-hidden, script, style")) continue;
        for (const { 0: word, index } of node.data.matchAll(short)) {
            range.setStart(node, index);
            range.setEnd(node, index + word.length);
            const tops = [...range.getClientRects()].map(({ top }) => Math.round(top));
            if (new Set(tops).size > 1) broken.push(word);
        }
    }
    return broken;
}"""
# One German word, and an address, in the place of every text that neither scrolls in a box of its
# own nor is a short label that the page itself writes.
LENGTHEN = """() => {
    const word = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetzesentwurfsfassung";
    const address = "https://example.org/" + "a-long-path/".repeat(8);
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const apart = "table, pre, svg, math, script, style, textarea, .masthead, .code-big,"
        + " .button-small, .password";
    let count = 0;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const isText = /\\p{L}{3}/u.test(node.data) && !node.parentElement.closest(apart);
        if (isText) node.data = count++ % 2 ? word : address;
    }
    return [count, document.documentElement.scrollWidth];
}"""


def test_every_kind_of_page_wraps_the_longest_word(
    chromium: Browser, server: Server, data_folder: Path
) -> None:
    command = ["user", "--data", str(data_folder), "add", EMAIL, "--role", "admin"]
    made = CliRunner().invoke(main, [*command, "--password-stdin"], input=f"{PASSWORD}\n")
    assert made.exit_code == 0, made.output
    context = chromium.new_context(
        base_url=server.url, reduced_motion="reduce", viewport={"width": WIDTH, "height": 800}
    )
    page = context.new_page()
    widths = {path: lengthened(page, path) for path in ("/sign-in", "/sign-up")}
    class_ = sign_in_and_make_a_class(page)
    answer(page)
    widths |= {path: lengthened(page, path) for path in PAGES}
    widths |= {path: lengthened(page, path) for path in (class_ + part for part in PARTS)}
    context.close()
    assert {path: width for path, width in widths.items() if width > WIDTH} == {}


def lengthened(page: Page, path: str) -> int:
    """How wide the page is once all of its texts are long words, in CSS pixels."""
    page.goto(path)
    assert page.evaluate(BROKEN_WORDS) == [], path
    count, width = page.evaluate(LENGTHEN)
    assert count >= 3, path
    return int(width)


def sign_in_and_make_a_class(page: Page) -> str:
    """The path of a class of its own, with a topic."""
    page.goto("/sign-in?next=/classes/new")
    page.fill("input[name=email]", EMAIL)
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/classes/new")
    page.locator("main input[name=title]").fill("A class")
    page.locator("main button[type=submit]").click()
    page.wait_for_url(re.compile(r"/classes/\d+"))
    return page.evaluate("location.pathname.match(/^.classes.\\d+/)[0]")  # type: ignore[no-any-return]


def answer(page: Page) -> None:
    page.goto("/questions/strange-loss")
    page.check("input[value=low-rate]")
    page.get_by_role("button", name="Submit answer").click()
    page.wait_for_selector("#result")
