"""Due moments as people write them: in a time zone that is named, kept in UTC. Pure."""

from __future__ import annotations

import re
import zoneinfo
from datetime import UTC, datetime, tzinfo
from functools import cache

UTC_NAME = "UTC"
_FIELD_FORMAT = "%Y-%m-%dT%H:%M"  # what <input type="datetime-local"> sends and takes
# Places have one name each; the rest (Etc/GMT+5, EST5EDT) mean the opposite of what they seem to.
_AREAS = re.compile(
    "(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific)/"
)
# On any clocks these stay years that a calendar has.
_YEARS = range(2000, 2101)
_SECONDS = re.compile(r"(?<=T\d\d:\d\d):\d\d(\.\d+)?$")  # browsers leave them out, or not


class DueError(ValueError):
    """A due moment can't be read; the message says what to do."""


@cache
def zone_names() -> tuple[str, ...]:
    """The time zones to choose from, UTC first; it alone where the system knows no others."""
    available = zoneinfo.available_timezones()
    return (UTC_NAME, *sorted(name for name in available if _AREAS.match(name)))


def find_zone(name: str | None) -> tzinfo | None:
    """The time zone of that name, or None when it is not one of ``zone_names``."""
    if name == UTC_NAME:
        return UTC
    return zoneinfo.ZoneInfo(name) if name in zone_names() else None


def parse_due(text: str, tz: tzinfo) -> datetime | None:
    """The moment in UTC that ``text`` names on the clocks of ``where``; None for an empty text.

    A time that the clocks show twice is the first of them; one that they skip is as much later.
    Raises DueError when it is no date and time, or in no year of this century.
    """
    if not text.strip():
        return None
    try:
        local = datetime.strptime(_SECONDS.sub("", text.strip()), _FIELD_FORMAT).replace(tzinfo=tz)
    except ValueError:
        raise DueError("Write a date and a time, such as 2027-03-01T23:59, or nothing.") from None
    if local.year not in _YEARS:
        raise DueError(f"Write a year from {_YEARS[0]} to {_YEARS[-1]}.")
    return local.astimezone(UTC)


def format_due_field(moment: datetime | None, tz: tzinfo) -> str:
    """The moment as the form's field holds it, on the clocks of ``where``."""
    return moment.astimezone(tz).strftime(_FIELD_FORMAT) if moment is not None else ""


def format_moment(moment: datetime, tz: tzinfo) -> str:
    """The moment for people, always with how far its clocks are from UTC."""
    local = moment.astimezone(tz)
    offset = local.strftime("%z")
    offset_text = "" if offset == "+0000" else f"{offset[:3]}:{offset[3:5]}".replace("-", "−")
    return f"{local:%-d %B %Y, %H:%M} UTC{offset_text}"
