"""Classes, their members and their topics, as plain values."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

ClassRole = Literal["learner", "instructor"]
MemberState = Literal["active", "left", "removed"]

STUCK_ATTEMPTS = 3
"""Wrong this often, although every answer is explained at once: the explanation did not help."""


def fold_text(text: str) -> str:
    """How names are compared: whatever their case, their accents and their spelling in Unicode."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


@dataclass(frozen=True, slots=True)
class Class:
    """An instructor's group. Nobody can join while ``join_code`` is None."""

    id: int
    title: str
    join_code: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a class; ``account_role`` is their role on this server.

    Who left or was removed is kept, with their work, and comes back as they were.
    """

    class_id: int
    person_id: int
    email: str
    name: str
    role: ClassRole
    state: MemberState
    account_role: str
    joined_at: datetime
    state_since: datetime

    @property
    def label(self) -> str:
        """What the class calls them."""
        return self.name or self.email

    @property
    def is_instructor(self) -> bool:
        """Whether they instruct the class: who may no longer teach does not, whatever the role."""
        teaches = self.account_role in ("instructor", "admin")
        return self.state == "active" and self.role == "instructor" and teaches

    @property
    def is_counted(self) -> bool:
        """Whether their answers belong into the statistics: staff and instructors never do."""
        return self.state == "active" and self.role == "learner" and self.account_role == "learner"


@dataclass(frozen=True, slots=True)
class ClassTopic:
    """A topic of a class, in the instructor's order, with the moment it is due if there is one."""

    topic: str
    position: int
    due_at: datetime | None
