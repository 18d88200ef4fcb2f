"""Texts of scripts, in the language of their page."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Browser

from tests.browser.script_pages import ADDRESS, open_script_page

POLISH = {
    "Done.": "Gotowe.",
    "%(num)s run of %(title)s": {
        "one": "%(num)s bieg: %(title)s",
        "few": "%(num)s biegi: %(title)s",
        "many": "%(num)s biegów: %(title)s",
    },
}
PROGRAM = """async ([address, tag, texts]) => {
  document.documentElement.lang = tag;
  if (texts) {
    const meta = { name: "translations", content: texts };
    document.head.append(Object.assign(document.createElement("meta"), meta));
  }
  const { gettext, ngettext, language } = await import(address);
  const counted = [0, 1, 2, 5, 22].map((number) =>
    ngettext("%(num)s run of %(title)s", "%(num)s runs of %(title)s", number, { title: "A" }));
  return [language, gettext("Done."), gettext("Kept: %(n)s", { n: 3 }), ...counted];
}"""


def texts_in(chromium: Browser, tag: str, texts: object = None) -> Any:
    page = open_script_page(chromium)
    address = f"{ADDRESS}js/translation.js"
    results = page.evaluate(PROGRAM, [address, tag, texts and json.dumps(texts)])
    page.close()
    return results


def test_texts_are_translated_where_the_page_brings_translations(chromium: Browser) -> None:
    assert texts_in(chromium, "pl", POLISH) == [
        "pl", "Gotowe.", "Kept: 3",
        "0 biegów: A", "1 bieg: A", "2 biegi: A", "5 biegów: A", "22 biegi: A",
    ]  # fmt: skip


def test_texts_of_an_english_page_are_as_they_are_written(chromium: Browser) -> None:
    assert texts_in(chromium, "en") == [
        "en-GB", "Done.", "Kept: 3",
        "0 runs of A", "1 run of A", "2 runs of A", "5 runs of A", "22 runs of A",
    ]  # fmt: skip
