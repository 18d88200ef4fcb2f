"""An empty page that may load the bench's modules. Nobody serves it."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, Route

from quizserver.web.static_files import STATIC_FOLDER

ADDRESS = "http://static.test/"


def open_script_page(chromium: Browser) -> Page:
    """A page whose every request is answered with a file of the static folder, or an empty page."""
    page = chromium.new_page()
    page.route("**/*", _answer)
    page.goto(ADDRESS)
    return page


def _answer(route: Route) -> None:
    name = route.request.url.removeprefix(ADDRESS)
    if name.startswith("js/"):
        route.fulfill(path=STATIC_FOLDER / name)
    else:
        route.fulfill(content_type="text/html", body="<!doctype html>")
