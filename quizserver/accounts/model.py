"""A person, and the rules for addresses and passwords."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from quizserver.accounts.weak_passwords import is_common_password, is_made_of_site_words
from quizserver.translation import gettext

EMAIL_MAX = 254
"""Characters: no address is longer (RFC 5321)."""
PASSWORD_MIN = 8
PASSWORD_MAX = 256


@dataclass(frozen=True, slots=True)
class Person:
    """A person with a row in the database: a guest (no address) or an account.

    ``visitor`` is a random name that stays the same when a guest becomes an account; no cookie can
    be made of it. ``absorbed_by`` is the account that took over a guest's work.
    """

    id: int
    visitor: str
    email: str | None
    role: str
    absorbed_by: int | None
    created_at: datetime

    @property
    def is_guest(self) -> bool:
        """Whether they have no account and have not signed in to one since."""
        return self.email is None and self.absorbed_by is None

    @property
    def may_write(self) -> bool:
        """Whether they may edit topics and see what is wrong with them."""
        return self.role in {"author", "admin"}

    @property
    def may_teach(self) -> bool:
        """Whether they may make classes."""
        return self.role in {"instructor", "admin"}

    @property
    def is_admin(self) -> bool:
        """Whether they may grant roles and see every class."""
        return self.role == "admin"


def normalise_email(text: str) -> str:
    """The normal form of an address, under which it is stored.

    Raises ValueError with a sentence for people when it is not an address.
    """
    # Its tables of domains are needed for signing up and in only, not for the first page.
    from email_validator import EmailNotValidError, validate_email

    try:
        # No look-up of the domain: signing up must work without a network.
        address = validate_email(text.strip(), check_deliverability=False)
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None
    # Not casefold: it would make one address of two (ß and ss).
    return address.normalized.lower()


def password_fault(password: str, email: str) -> str | None:
    """What is wrong with a new password, as a sentence, or None."""
    if len(password) < PASSWORD_MIN:
        return gettext("Use at least %(count)s characters.", count=PASSWORD_MIN)
    if len(password) > PASSWORD_MAX:
        return gettext("Use at most %(count)s characters.", count=PASSWORD_MAX)
    if password.casefold().strip() in {email.casefold(), email.casefold().partition("@")[0]}:
        return gettext("Use something else than your own address.")
    if len(set(password)) < 3:
        return gettext("Use more than two different characters.")
    if is_common_password(password):
        return gettext(
            "This is one of the passwords that are guessed first. Use several words of your own."
        )
    if is_made_of_site_words(password):
        return gettext("Use something else than words of this site.")
    return None
