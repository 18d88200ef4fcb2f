"""Browser contexts that one test after the other uses, each as if it were new."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Route

# Answered by a route; of the site of all servers of tests, whose ports don't matter to a browser.
BLANK = "http://127.0.0.1/blank"


class ContextPool:
    """Contexts by their options.

    A context keeps the process that renders its pages, with the scripts that it has compiled; both
    cost a test more than most tests take. What a visitor brings is in the cookies and in the tab:
    both are gone when a context is borrowed. Scripts keep nothing elsewhere
    (``tests/web/test_templates.py``).
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._idle: dict[str, list[tuple[BrowserContext, Page]]] = {}

    @contextmanager
    def borrow(self, **options: Any) -> Iterator[BrowserContext]:
        """A context with these options, without cookies and without pages of other tests."""
        idle = self._idle.setdefault(repr(sorted(options.items())), [])
        context, keeper = idle.pop() if idle else self._open(options)
        yield context
        for page in context.pages:
            if page is not keeper:
                page.close()
        context.clear_cookies()
        idle.append((context, keeper))

    def _open(self, options: dict[str, Any]) -> tuple[BrowserContext, Page]:
        """A context, and the page that keeps its process alive while there is no other."""
        context = self._browser.new_context(**options)
        keeper = context.new_page()
        keeper.route(BLANK, _answer_blank)
        keeper.goto(BLANK)
        return context, keeper

    def close(self) -> None:
        for idle in self._idle.values():
            for context, _ in idle:
                context.close()


def _answer_blank(route: Route) -> None:
    route.fulfill(content_type="text/html", body="<!doctype html><title>Blank</title>")
