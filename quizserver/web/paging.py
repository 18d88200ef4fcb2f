"""A long list in pages: which of them this is, and what stands on it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paging:
    """Page ``page`` of ``pages``, both from 1, of a list of ``total``."""

    page: int
    total: int
    per_page: int

    @classmethod
    def at_page(cls, page: int, total: int, per_page: int) -> Paging:
        """The page asked for, or the nearest that there is."""
        last = max(1, -(-total // per_page))
        return cls(min(max(1, page), last), total, per_page)

    @classmethod
    def from_query(cls, page: str, total: int, per_page: int) -> Paging:
        """The page that an address asks for; the first when it names no number."""
        number = int(page) if page.isdecimal() and len(page) < 10 else 1
        return cls.at_page(number, total, per_page)

    @property
    def page_count(self) -> int:
        return max(1, -(-self.total // self.per_page))

    @property
    def offset(self) -> int:
        """How many stand before this page."""
        return (self.page - 1) * self.per_page

    @property
    def first(self) -> int:
        """The number of the first on this page, from 1; 0 when there is none."""
        return min(self.offset + 1, self.total)

    @property
    def last(self) -> int:
        return min(self.offset + self.per_page, self.total)
