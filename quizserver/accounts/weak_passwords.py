"""Passwords that are tried first by whoever guesses: common ones, and words of this very site."""

from __future__ import annotations

import re
from pathlib import Path

COMMON_PASSWORDS = Path(__file__).parent / "vendor" / "common-passwords.txt"
SITE_WORDS = (
    "quizserver", "quiz", "server", "machinelearning", "machine", "learning", "lessons", "lesson",
    "questions", "question", "simulation", "experiment", "teacher", "instructor", "student",
    "learner", "author", "administrator", "admin", "classroom", "class", "school", "course",
    "password", "welcome",
)  # fmt: skip
"""Words that a password may hold, but not be made of alone."""
# The longest first. Taken away one by one: "(a|b|ab)+" would try every way to cut a long password.
_SITE_WORD = re.compile("|".join(sorted(map(re.escape, SITE_WORDS), key=len, reverse=True)))


def is_common_password(password: str) -> bool:
    """Whether it is one of the passwords that breaches brought to light most often, in any case."""
    word = password.strip().casefold()
    # Read each time: it takes less than a millisecond, and no process holds the list for it.
    return "\n" not in word and f"\n{word}\n".encode() in b"\n" + COMMON_PASSWORDS.read_bytes()


def is_made_of_site_words(password: str) -> bool:
    """Whether its letters alone, without digits and signs, are nothing but words of this site."""
    letters = "".join(character for character in password.casefold() if character.isalpha())
    return bool(letters) and _SITE_WORD.sub("", letters) == ""
