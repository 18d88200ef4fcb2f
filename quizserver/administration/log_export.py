"""The audit log as CSV, and as lines of text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice

from quizserver.audit.actions import action_label, detail_summary
from quizserver.audit.model import AuditEvent, actor_text
from quizserver.classes.spreadsheet import csv_file

_HEADS = ("at", "action", "by", "source", "to", "about", "detail")
_LINES_PER_CHUNK = 500


def event_csv(events: Iterable[AuditEvent]) -> Iterator[str]:
    """The events as a CSV file, chunk by chunk."""
    rows = (
        (
            *(event.at.isoformat(), event.action, event.actor_email, event.source),
            *(event.subject_email, event.about, json.dumps(event.detail, ensure_ascii=False)),
        )
        for event in events
    )
    # Until a chunk is empty: itertools.batched is newer than the oldest Python that is supported.
    return csv_file(_HEADS, iter(lambda: list(islice(rows, _LINES_PER_CHUNK)), []))


def event_line(event: AuditEvent) -> str:
    """The event as one line for a terminal, its fields separated by tabs."""
    subject = " ".join(text for text in (event.subject_email, event.about) if text)
    fields = (
        f"{event.at:%Y-%m-%d %H:%M} UTC",
        action_label(event.action),
        subject,
        detail_summary(event.action, event.detail),
        f"by {actor_text(event)}",
    )
    return "\t".join(field for field in fields if field)
