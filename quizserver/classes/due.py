"""Parses and formats due moments in a named time zone; they are stored in UTC. Pure."""

from __future__ import annotations

import re
import zoneinfo
from datetime import UTC, datetime, tzinfo
from functools import cache

from quizserver.translation import gettext

UTC_NAME = "UTC"
_FIELD_FORMAT = "%Y-%m-%dT%H:%M"  # the value of <input type="datetime-local">
# Only names of places: the others (Etc/GMT+5, EST5EDT) mislead, as their signs are inverted.
_AREAS = re.compile(
    "(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific)/"
)
# In any time zone these stay within the years of ``datetime``.
_YEARS = range(2000, 2101)
_SECONDS = re.compile(r"(?<=T\d\d:\d\d):\d\d(\.\d+)?$")  # some browsers send them


class DueError(ValueError):
    """A due moment can't be parsed; the message says what to write."""


@cache
def zone_names() -> tuple[str, ...]:
    """The time zones to choose from, UTC first; only UTC where the system has no time zone data."""
    available = zoneinfo.available_timezones()
    return (UTC_NAME, *sorted(name for name in available if _AREAS.match(name)))


def find_zone(name: str | None) -> tzinfo | None:
    """The time zone of that name, or None when it is not one of ``zone_names``."""
    if name == UTC_NAME:
        return UTC
    return zoneinfo.ZoneInfo(name) if name in zone_names() else None


def parse_due(text: str, tz: tzinfo) -> datetime | None:
    """The moment in UTC that ``text`` names in the time zone; None for an empty text.

    When clocks are set back, a time that occurs twice is the first; when they are set forward, a
    time that is skipped is as much later. Raises DueError for a text that is no date and time, or
    not of this century.
    """
    if not text.strip():
        return None
    try:
        text.encode("ascii")  # ``strptime`` takes the digits of every script
        local = datetime.strptime(_SECONDS.sub("", text.strip()), _FIELD_FORMAT).replace(tzinfo=tz)
    except ValueError:
        raise DueError(
            gettext("Write a date and a time, such as 2027-03-01T23:59, or nothing.")
        ) from None
    if local.year not in _YEARS:
        raise DueError(
            gettext("Write a year from %(first)s to %(last)s.", first=_YEARS[0], last=_YEARS[-1])
        )
    return local.astimezone(UTC)


def format_due_field(moment: datetime | None, tz: tzinfo) -> str:
    """The moment in the time zone, as the value of the form's field."""
    return moment.astimezone(tz).strftime(_FIELD_FORMAT) if moment is not None else ""
