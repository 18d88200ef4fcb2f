"""A browser for tests: fills forms, keeps cookies, sends the CSRF token of the page."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse


def collapse_white_space(html: str) -> str:
    """A page as browsers read it: but for preformatted text, much white space is one space."""
    parts = re.split(r"(<(textarea|pre)\b.*?</\2>)", html, flags=re.DOTALL)
    # Of each three parts the second is preformatted, and the third the name of its element.
    return "".join(
        part if i % 3 else re.sub(r"\s+", " ", part) for i, part in enumerate(parts) if i % 3 < 2
    )


class Form(HTMLParser):
    """The fields of the first form of a page whose action ends with ``action``."""

    def __init__(self, page: str, action: str) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self.choices: list[str] = []
        self.url: str | None = None
        self._action = action
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and self.url is None and values.get("action", "").endswith(self._action):
            self.url, self._inside = values["action"], True
        elif tag == "input" and self._inside and "name" in values:
            if values.get("type") in {"radio", "checkbox"}:
                self.choices.append(values["value"])
                if "checked" not in values:
                    return
            self.fields.setdefault(values["name"], []).append(values.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False


class Visitor:
    """One person with one browser."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.page = ""
        self.status = 0

    def open(self, url: str) -> str:
        return self._store_response(self.client.get(url, follow_redirects=True))

    def send(self, action: str, **fields: Any) -> str:
        """Fills in the form with this ``action`` on the current page and submits it."""
        form = Form(self.page, action)
        assert form.url is not None, f"no form to {action} in this page"
        return self.post(form.url, form.fields | {k: v for k, v in fields.items() if v is not None})

    def post(self, url: str, data: dict[str, Any]) -> str:
        return self._store_response(self.client.post(url, data=data, follow_redirects=True))

    def answer(self, question: str, *options: str) -> str:
        self.open(f"/questions/{question}?again=1")
        return self.send(f"/questions/{question}/answer", option=list(options))

    def order(self, question: str) -> list[str]:
        """The option ids as the form shows them."""
        return Form(self.open(f"/questions/{question}?again=1"), "/answer").choices

    def sign_up(self, email: str, password: str = "correct horse") -> str:
        self.open("/sign-up")
        return self.send("/sign-up", email=email, password=password)

    def sign_in(self, email: str, password: str = "correct horse") -> str:
        self.open("/sign-in")
        return self.send("/sign-in", email=email, password=password)

    def sign_out(self) -> str:
        self.open("/account")
        return self.send("/sign-out")

    @property
    def text(self) -> str:
        """The text of the page, without its tags."""
        return " ".join(re.sub(r"<[^>]+>", " ", self.page).split())

    def _store_response(self, response: TestResponse) -> str:
        self.status, page = response.status_code, response.get_data(as_text=True)
        self.page = collapse_white_space(page) if response.mimetype == "text/html" else page
        return self.page
