"""A long list in pages: the page that an address asks for, and the range of entries on it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from quizserver.web.numbers import parse_whole_number


@dataclass(frozen=True, slots=True)
class Paging:
    """Page ``page``, counted from 1, of a list of ``total`` entries."""

    page: int
    total: int
    per_page: int

    @classmethod
    def at_page(cls, page: int, total: int, per_page: int) -> Paging:
        """The page with this number, or the nearest that exists."""
        paging = cls(1, total, per_page)
        return replace(paging, page=min(max(1, page), paging.page_count))

    @classmethod
    def from_query(cls, page: str, total: int, per_page: int) -> Paging:
        """The page that a query argument names; the first when it is no number."""
        return cls.at_page(parse_whole_number(page, default=1), total, per_page)

    @property
    def page_count(self) -> int:
        return max(1, -(-self.total // self.per_page))

    @property
    def offset(self) -> int:
        """The number of entries before this page."""
        return (self.page - 1) * self.per_page

    @property
    def first(self) -> int:
        """The number of the first entry on this page, from 1; 0 for an empty list."""
        return min(self.offset + 1, self.total)

    @property
    def last(self) -> int:
        return min(self.offset + self.per_page, self.total)
