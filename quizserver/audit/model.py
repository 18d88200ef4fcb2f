"""An event of the audit log, the people in it, and what to look for in the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

Source = Literal["web", "cli", "server"]
"""Where something was done: on a page, on the command line, or by the server by itself."""


class NamedPerson(Protocol):
    """Whoever has a number and perhaps an address, such as ``accounts.model.Person``."""

    @property
    def id(self) -> int | None: ...
    @property
    def email(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class PersonRef:
    """A person by number and address. ``id`` is None once the person is deleted."""

    id: int | None
    email: str | None


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One entry of the log.

    ``actor_email`` is who did it (None: nobody who was signed in), ``subject_email`` to whom, and
    ``about`` to what, such as the path of a page. ``detail`` are JSON values.
    """

    id: int
    at: datetime
    action: str
    source: Source
    actor_email: str | None
    subject_email: str | None
    about: str | None
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are looked for; None and "" take every one.

    ``action`` is one code or several; ``address`` is a part of the address of whoever did it or had
    it done to them; ``subject_id`` and ``person_id`` are the number of the one to whom it was done,
    and of either of them.
    """

    action: str | tuple[str, ...] | None = None
    address: str = ""
    subject_id: int | None = None
    person_id: int | None = None


def export_event(event: AuditEvent) -> dict[str, Any]:
    """The event as JSON values."""
    return {
        "at": event.at.isoformat(),
        "action": event.action,
        "source": event.source,
        "by": event.actor_email,
        "to": event.subject_email,
        "about": event.about,
        "detail": dict(event.detail),
    }


def actor_text(event: AuditEvent) -> str:
    """Who did it, in words."""
    if event.actor_email is not None:
        return event.actor_email
    return {
        "web": "somebody without an account",
        "cli": "the server’s command line",
        "server": "the server by itself",
    }[event.source]
