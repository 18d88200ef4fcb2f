"""Numbers and moments by language."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from quizserver.locale_formats import format_count, format_date_and_time, spell_number
from quizserver.translation import ENGLISH, Language, speaking

MOMENTS = [
    datetime(2026, 3, 2, 4, 5, tzinfo=UTC),
    datetime(2026, 11, 30, 23, 59, 59, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
    datetime(1999, 12, 31, 0, 0, tzinfo=timezone(timedelta(hours=14))),
    *(datetime(2027, month, 10, 12, 30, tzinfo=UTC) for month in range(1, 13)),
]


def in_language(tag: str, function: Callable[[Any], str], value: object) -> str:
    with speaking(Language(tag, ENGLISH.texts)):
        return function(value)


@pytest.mark.parametrize("moment", MOMENTS)
def test_english_moments_are_what_babel_writes_for_british_english(moment: datetime):
    text = format_date_and_time(moment)
    assert text == in_language("en-GB", format_date_and_time, moment)
    assert text.endswith(f"{moment:%H:%M}"), "on the moment's own clock"


@pytest.mark.parametrize("number", [0, 1, 999, 1000, 12345, 1234567, -4321])
def test_english_counts_are_what_babel_writes_for_british_english(number: int):
    assert format_count(number) == in_language("en-GB", format_count, number)


def test_other_languages_write_numbers_and_moments_their_way():
    moment = datetime(2026, 11, 30, 20, 1, tzinfo=UTC)
    assert in_language("pl", format_date_and_time, moment) == "30 listopada 2026, 20:01"
    assert in_language("pt-BR", format_date_and_time, moment) == "30 de novembro de 2026, 20:01"
    assert in_language("de", format_count, 12345) == "12.345"
    assert in_language("pl", format_count, 12345) == "12\xa0345"


def test_small_numbers_are_words_in_english_alone():
    assert [spell_number(number) for number in (0, 1, 5, 6)] == ["0", "one", "five", "6"]
    assert in_language("pl", spell_number, 2) == "2"
