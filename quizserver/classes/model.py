"""Classes, their members and their topics, as plain values."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from quizserver.topics.model import RevealRule
from quizserver.visible_text import shown_line

ClassRole = Literal["learner", "instructor"]
MemberState = Literal["active", "left", "removed"]

STUCK_ATTEMPTS = 3
"""A learner is stuck at a question after this many attempts of which none is right."""


def fold_text(text: str) -> str:
    """The text without case, accents and differences of Unicode form, for comparing names."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def member_label(name: str, email: str) -> str:
    """The name in the class as lists show it, or else the email address."""
    return shown_line(name, email)


@dataclass(frozen=True, slots=True)
class Class:
    """A class of learners. Nobody can join while ``join_code`` is None.

    ``reveal`` says when its learners are shown answers; None: as each question says.
    ``title`` is as pages show it: a stored one of which nothing can be seen is the class's number.
    """

    id: int
    title: str
    join_code: str | None
    created_at: datetime
    reveal: RevealRule | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", shown_line(self.title, f"Class {self.id}"))


@dataclass(frozen=True, slots=True)
class Member:
    """The membership of a person in a class; ``account_role`` is their role on this server.

    It is kept when they leave or are removed, and becomes active again when they come back.
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
        """The name in the class, or else the email address."""
        return member_label(self.name, self.email)

    @property
    def is_instructor(self) -> bool:
        """Whether they instruct the class, with an account that may still teach."""
        teaches = self.account_role in ("instructor", "admin")
        return self.state == "active" and self.role == "instructor" and teaches

    @property
    def is_counted(self) -> bool:
        """Whether they count in the statistics: staff and instructors never do."""
        return self.state == "active" and self.role == "learner" and self.account_role == "learner"


@dataclass(frozen=True, slots=True)
class ClassTopic:
    """A topic of a class with its position, and the moment at which it is due, if any."""

    topic: str
    position: int
    due_at: datetime | None
