"""The query of a matrix page, as its address has it: filters, sorting, pages. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from quizserver.classes.columns import QuestionColumn
from quizserver.classes.matrix.model import SHOWN_ATTEMPTS, ShownAttempt
from quizserver.web.numbers import parse_whole_number

ROWS_PER_PAGE = 50
COLUMNS_PER_PAGE = 40
SEARCH_MAX = 100
PAGE_MAX = 999_999

SortName = Literal["name", "right", "attempts", "latest", "question"]
StateFilter = Literal["", "new", "stuck", "done"]


@dataclass(frozen=True, slots=True)
class MatrixQuery:
    """``question`` is the column to sort by when ``sort`` is "question"; pages count from 1."""

    show: ShownAttempt = "best"
    sort: SortName = "name"
    down: bool = False
    question: str = ""
    search: str = ""
    topic: str = ""
    state: StateFilter = ""
    page: int = 1
    columns: int = 1

    @property
    def needs_totals(self) -> bool:
        """Whether filtering or sorting the learners takes the totals of each."""
        return bool(self.state) or self.sort in {"right", "attempts", "latest"}

    @property
    def is_filtered(self) -> bool:
        return bool(self.search or self.topic or self.state)

    def with_pages(self, page: int, columns: int) -> MatrixQuery:
        """The same query for another page of learners and of columns."""
        return replace(self, page=page, columns=columns)

    def url_arguments(self, **changes: Any) -> dict[str, Any]:
        """The arguments of the address of this query with ``changes``; defaults are left out.

        Another filter or sorting begins on its first page.
        """
        if changes.keys() & {"sort", "search", "topic", "state"}:
            changes = {"page": 1} | changes
        if "topic" in changes:
            changes = {"columns": 1} | changes
        query = replace(self, **changes)
        sort = f"question:{query.question}" if query.sort == "question" else query.sort
        arguments: dict[str, Any] = {
            "show": query.show,
            "sort": f"-{sort}" if query.down else sort,
            "search": query.search,
            "topic": query.topic,
            "state": query.state,
            "page": query.page,
            "columns": query.columns,
        }
        return {name: value for name, value in arguments.items() if value != _DEFAULTS[name]}


_DEFAULTS = {
    "show": "best",
    "sort": "name",
    "search": "",
    "topic": "",
    "state": "",
    "page": 1,
    "columns": 1,
}


def parse_matrix_query(args: Mapping[str, str], columns: Sequence[QuestionColumn]) -> MatrixQuery:
    """The query of an address. An invalid argument, such as a topic that is not in ``columns``,
    counts as its default."""
    sort, down, question = _parse_sort(args.get("sort", ""), columns)
    show, state = args.get("show", ""), args.get("state", "")
    topic = args.get("topic", "")
    return MatrixQuery(
        show=next((name for name in SHOWN_ATTEMPTS if name == show), "best"),
        sort=sort,
        down=down,
        question=question,
        search=" ".join(args.get("search", "")[:SEARCH_MAX].split()),
        topic=topic if topic in {column.topic for column in columns} else "",
        state=next((name for name in get_args(StateFilter) if name == state), ""),
        page=_parse_page(args.get("page", "")),
        columns=_parse_page(args.get("columns", "")),
    )


def _parse_sort(text: str, columns: Sequence[QuestionColumn]) -> tuple[SortName, bool, str]:
    name, _, question = text.removeprefix("-").partition(":")
    down = text.startswith("-")
    if name == "question":
        is_column = question in {column.question for column in columns}
        return ("question", down, question) if is_column else ("name", False, "")
    sort_name = next((candidate for candidate in get_args(SortName) if candidate == name), None)
    return (sort_name, down, "") if sort_name is not None else ("name", False, "")


def _parse_page(text: str) -> int:
    return max(1, parse_whole_number(text, default=1, maximum=PAGE_MAX))
