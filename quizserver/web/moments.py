"""Moments as people read them: always with the offset from UTC of the clock that is meant.

A page without scripts can't know the reader's time zone, so it is written in UTC;
``static/js/local-times.js`` rewrites it on the reader's own clocks.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from flask import Flask
from markupsafe import Markup

from quizserver.locale_formats import format_date_and_time


def format_moment(moment: datetime, tz: tzinfo = UTC) -> str:
    """The moment as text for people, always with the offset from UTC."""
    local = moment.astimezone(tz)
    offset = local.strftime("%z")
    offset_text = "" if offset == "+0000" else f"{offset[:3]}:{offset[3:5]}".replace("-", "−")
    return f"{format_date_and_time(local)} UTC{offset_text}"


def time_element(moment: datetime) -> Markup:
    """The moment as an element that scripts rewrite on the reader's clocks."""
    return Markup('<time datetime="{}" data-local>{}</time>').format(
        moment.isoformat(), format_moment(moment)
    )


def install_moments(app: Flask) -> None:
    """Gives templates ``time_element(moment)``, and the filter ``format_utc`` for attributes."""
    app.add_template_global(time_element)
    app.add_template_filter(format_moment, "format_utc")
