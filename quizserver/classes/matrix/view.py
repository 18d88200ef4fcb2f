"""Which part of a matrix somebody looks at, in which order: what its address says. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from quizserver.classes.columns import Column
from quizserver.classes.matrix.model import SHOWS, Show

ROWS = 50
COLUMNS = 40
SEARCH_MAX = 100

Sort = Literal["name", "right", "attempts", "latest", "question"]
StateFilter = Literal["", "new", "stuck", "done"]


@dataclass(frozen=True, slots=True)
class View:
    """``question`` is what the learners are sorted by when ``sort`` says so. Pages are from 1."""

    show: Show = "best"
    sort: Sort = "name"
    down: bool = False
    question: str = ""
    search: str = ""
    topic: str = ""
    state: StateFilter = ""
    page: int = 1
    columns: int = 1

    @property
    def needs_totals(self) -> bool:
        """Whether the order or the choice of learners rests on what each has done in all."""
        return bool(self.state) or self.sort in {"right", "attempts", "latest"}

    @property
    def filtered(self) -> bool:
        return bool(self.search or self.topic or self.state)

    def at(self, page: int, columns: int) -> View:
        """This view on another page of learners and of columns."""
        return replace(self, page=page, columns=columns)

    def address(self, **changes: Any) -> dict[str, Any]:
        """The arguments of the address of this view with ``changes``; what is usual is left out.

        Another choice or order of learners begins on its first page.
        """
        if changes.keys() & {"sort", "search", "topic", "state"}:
            changes = {"page": 1} | changes
        if "topic" in changes:
            changes = {"columns": 1} | changes
        view = replace(self, **changes)
        sort = f"question:{view.question}" if view.sort == "question" else view.sort
        asked: dict[str, Any] = {
            "show": view.show,
            "sort": f"-{sort}" if view.down else sort,
            "search": view.search,
            "topic": view.topic,
            "state": view.state,
            "page": view.page,
            "columns": view.columns,
        }
        return {name: value for name, value in asked.items() if value != _USUAL[name]}


_USUAL = {
    "show": "best",
    "sort": "name",
    "search": "",
    "topic": "",
    "state": "",
    "page": 1,
    "columns": 1,
}


def read(args: Mapping[str, str], columns: Sequence[Column]) -> View:
    """The view that an address asks for. What it says that can't be, such as a topic that is not
    among the ``columns``, is left at what is usual."""
    sort, down, question = _sort(args.get("sort", ""), columns)
    show, state = args.get("show", ""), args.get("state", "")
    topic = args.get("topic", "")
    return View(
        show=next((each for each in SHOWS if each == show), "best"),
        sort=sort,
        down=down,
        question=question,
        search=" ".join(args.get("search", "")[:SEARCH_MAX].split()),
        topic=topic if topic in {column.topic for column in columns} else "",
        state=next((each for each in get_args(StateFilter) if each == state), ""),
        page=_number(args.get("page", "")),
        columns=_number(args.get("columns", "")),
    )


def _sort(text: str, columns: Sequence[Column]) -> tuple[Sort, bool, str]:
    name, _, question = text.removeprefix("-").partition(":")
    down = text.startswith("-")
    if name == "question":
        known = question in {column.question for column in columns}
        return ("question", down, question) if known else ("name", False, "")
    found = next((each for each in get_args(Sort) if each == name), None)
    return (found, down, "") if found is not None else ("name", False, "")


def _number(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdecimal() and len(text) < 7 else 1
