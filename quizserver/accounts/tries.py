"""How often a password may be tried: rates, and how long to wait before the next try. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from quizserver.settings import RATE_SECONDS

HOUR = timedelta(hours=1)


class TooManyTriesError(ValueError):
    """No further try is allowed yet; ``seconds`` says after how many one is."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"wait {seconds:.0f} s")
        self.seconds = max(1, math.ceil(seconds))


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``count`` tries within any span of this length."""

    count: int
    span: timedelta


# From so many wrong passwords at one account within an hour on, all clients together, each client
# may try only so often an hour. An owner thus gets through from an address of their own, however
# many take part in guessing, and those who do get little more for each further address.
SLOWED = ((100, Rate(5, HOUR)), (500, Rate(1, HOUR)))


def parse_rates(text: str) -> tuple[Rate, ...]:
    """The rates of a setting such as ``10/minute;60/hour``."""
    rates = []
    for part in text.split(";"):
        count, _, unit = part.partition("/")
        rates.append(Rate(int(count), timedelta(seconds=RATE_SECONDS[unit])))
    return tuple(rates)


def slowed_rates(rates: tuple[Rate, ...], wrong_within_hour: int) -> tuple[Rate, ...]:
    """The rates for one client at an account with that many wrong passwords from all clients."""
    reached = [rate for count, rate in SLOWED if wrong_within_hour >= count]
    return (*rates, *reached)


def longest_span(rates: Sequence[Rate]) -> timedelta:
    return max(rate.span for rate in rates)


def most_counted(rates: Sequence[Rate]) -> int:
    return max(rate.count for rate in rates)


def check_rates(rates: Sequence[Rate], moments: Sequence[datetime], now: datetime) -> None:
    """Raises TooManyTriesError when one more try would break a rate.

    ``moments`` are those of the tries so far, the latest first, at least ``most_counted`` of them
    if there are as many.
    """
    waits = [
        (moments[rate.count - 1] + rate.span - now).total_seconds()
        for rate in rates
        if len(moments) >= rate.count
    ]
    wait = max(waits, default=0.0)
    if wait > 0:
        raise TooManyTriesError(wait)
