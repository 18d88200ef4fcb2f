"""Numbers and moments as the language of whoever reads them writes them.

English is written here, the same as Babel writes it for ``en-GB``; other languages by Babel, whose
data are read for them alone. What is data and no prose looks the same in every language: values of
knobs and curves, the numbers at axes (``web/scales.py``), files and JSON.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from quizserver.translation import ENGLISH, current_language

if TYPE_CHECKING:
    from babel import Locale


def format_count(number: int) -> str:
    """A whole number with its thousands set apart: 12,345."""
    if current_language() is ENGLISH:
        return f"{number:,}"
    from babel.numbers import format_decimal

    return format_decimal(number, locale=_locale())


def format_decimal(number: float, digits: int) -> str:
    """A number with so many digits after its point: 1.5."""
    if current_language() is ENGLISH:
        return f"{number:.{digits}f}"
    from babel.numbers import format_decimal as format_by_babel

    return format_by_babel(number, f"0.{'0' * digits}", locale=_locale())


def spell_number(number: int) -> str:
    """A small number as a word where the sentence lets it be one: English does, to five.

    Other languages bend it to the noun, so they get digits.
    """
    words = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}
    return words.get(number, str(number)) if current_language() is ENGLISH else str(number)


def format_date_and_time(moment: datetime) -> str:
    """The day and the minute that the moment's own clock shows: 2 March 2026, 14:05."""
    if current_language() is ENGLISH:
        return f"{moment:%-d %B %Y, %H:%M}"
    from babel.dates import format_date, format_time

    # Of a moment with a zone, Babel would tell the time in UTC.
    clock = moment.replace(tzinfo=None)
    day = format_date(clock, "long", locale=_locale())
    return f"{day}, {format_time(clock, 'short', locale=_locale())}"


def _locale() -> Locale:
    from babel import Locale

    return Locale.parse(current_language().tag, sep="-")
