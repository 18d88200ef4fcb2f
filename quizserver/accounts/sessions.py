"""Sessions: what one browser and one person have, from the first thing that is kept or from signing
in, until somebody ends it. The browser's cookie has a random token, the database its hash."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from quizserver.accounts.model import Person

ACCOUNT_LIFETIME = timedelta(days=365)
"""How long a sign-in lasts. A guest's session has no such end: it alone leads to their work."""
SESSIONS_MAX = 50
"""Sessions that an account may have at once; one more ends the one that was used longest ago."""
SEEN_STEP = timedelta(minutes=10)
"""How coarsely the database knows when a session was last used."""

# A browser or a system is named as soon as its word is found, so that words which others use too
# come last. Nothing else of what a browser says about itself is kept.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chromium", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A session as the database has it. ``browser`` describes the browser that it was opened in,
    and is empty for those that were open when this server learned to tell sessions apart."""

    token_hash: str
    browser: str
    created_at: datetime
    last_seen_at: datetime

    def is_due_for_sighting(self, now: datetime) -> bool:
        """Whether the moment of its last use has to be written again."""
        return now - self.last_seen_at > SEEN_STEP


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A person and their session; None for whoever acts without one, as in a preview."""

    person: Person
    session: BrowserSession | None


@dataclass(frozen=True, slots=True)
class GuestToken:
    """The token of a guest's cookie, with the name by which other tables know the guest."""

    token: str
    visitor: str

    @classmethod
    def from_token(cls, token: str) -> GuestToken:
        # Derived, so that whoever reads the database can't make the cookie of a guest.
        digest = hashlib.sha256(f"visitor\0{token}".encode()).digest()
        return cls(token, base64.urlsafe_b64encode(digest)[:32].decode())


def new_token() -> str:
    """A random token of 256 bits."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """The 64 hex digits under which the database has a token's session."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_over(session: BrowserSession, person: Person, now: datetime) -> bool:
    """Whether a session that nobody ended counts as ended, because it was opened so long ago."""
    return not person.is_guest and now - session.created_at > ACCOUNT_LIFETIME


def describe_browser(user_agent: str) -> str:
    """A browser in a few words of ours, such as "Firefox on Linux"."""
    browser = next((name for word, name in _BROWSERS if word in user_agent), "Another program")
    system = next((name for word, name in _SYSTEMS if word in user_agent), "")
    return f"{browser} on {system}" if system else browser
