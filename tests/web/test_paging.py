"""A long list in pages: each entry is on exactly one of them."""

from __future__ import annotations

import pytest

from quizserver.web.paging import Paging


@pytest.mark.parametrize("total", [0, 1, 49, 50, 51, 100, 20_000])
def test_every_entry_is_on_exactly_one_page(total: int):
    pages = [
        Paging.at_page(number, total, 50)
        for number in range(1, Paging.at_page(1, total, 50).page_count + 1)
    ]
    numbers = [n for page in pages for n in range(page.offset + 1, page.last + 1)]
    assert numbers == list(range(1, total + 1))
    assert all(page.first == page.offset + 1 for page in pages if total)


@pytest.mark.parametrize(
    ("number", "nearest"), [(-3, 1), (0, 1), (1, 1), (3, 3), (4, 3), (10**8, 3)]
)
def test_a_missing_page_becomes_the_nearest(number: int, nearest: int):
    assert Paging.at_page(number, 101, 50).page == nearest


@pytest.mark.parametrize("argument", ["", "x", "-2", "2.0", "1e3", "²", "9" * 400])
def test_an_address_that_names_no_page_gives_the_first(argument: str):
    assert Paging.from_query(argument, 101, 50).page == 1
    assert Paging.from_query("2", 101, 50).page == 2
