"""The roles with what each may do, and an entry of the log of roles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from quizserver.translation import N_, gettext

# In pages they follow the word "may"; in order from the least to the most.
ROLE_PERMISSIONS: Mapping[str, str] = {
    N_("learner"): N_("read, answer questions, run experiments and join classes"),
    N_("author"): N_("do what a learner may, and write lessons and questions"),
    N_("instructor"): N_("do what a learner may, make classes, and see the work of their classes"),
    N_("admin"): N_("do what authors and instructors may, look into every class, and grant roles"),
}


@dataclass(frozen=True, slots=True)
class RoleGrant:
    """One change of a role, or an account that was made with one.

    ``by`` is an address, or None for the server's command line.
    """

    email: str
    before: str
    after: str
    by: str | None
    at: datetime


_WITH_ARTICLE = {
    "learner": N_("a learner"),
    "author": N_("an author"),
    "instructor": N_("an instructor"),
    "admin": N_("an admin"),
}


def role_with_article(role: str) -> str:
    """The role with its article: "a learner", "an author"."""
    return gettext(_WITH_ARTICLE[role])
