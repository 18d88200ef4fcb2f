"""Limits on tries of passwords and addresses, counted in the database for all web processes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from quizserver.accounts import tries_store
from quizserver.accounts.tries import (
    HOUR,
    Rate,
    check_rates,
    longest_span,
    most_counted,
    parse_rates,
    slowed_rates,
)
from quizserver.db.session import Database
from quizserver.settings import Settings


@dataclass(frozen=True, slots=True)
class TrySource:
    """From where a password is tried.

    ``name`` is a client's address for a stranger; otherwise a browser in which somebody has signed
    in to this very account before, or a session of it.
    """

    name: str
    is_stranger: bool


@dataclass(frozen=True, slots=True)
class TryLimits:
    """Counts tries before they are made, so that many at once are no more than one after another.

    Addresses are stored as digests that only the server's key makes: people also type passwords
    into the field for the address.
    """

    database: Database
    key: bytes
    account_rates: tuple[Rate, ...]
    client_rates: tuple[Rate, ...]
    sign_up_rates: tuple[Rate, ...]

    @classmethod
    def from_settings(cls, database: Database, settings: Settings, secret: str) -> TryLimits:
        return cls(
            database,
            hashlib.sha256(secret.encode()).digest(),
            parse_rates(settings.limit_sign_in_account),
            parse_rates(settings.limit_sign_in_client),
            parse_rates(settings.limit_sign_up),
        )

    def begin_password_try(self, email: str, source: TrySource, now: datetime) -> int:
        """Counts a try of a password, before it is verified; returns its id for ``mark_right``.

        Raises TooManyTriesError.
        """
        kind, about = ("client", ()) if source.is_stranger else ("browser", (email,))
        return self._begin(
            _Counted(
                account_key=self._digest("account", email),
                source_key=self._digest(kind, source.name, *about),
                account_rates=self.account_rates,
                source_rates=self.client_rates,
                is_stranger=source.is_stranger,
            ),
            now,
        )

    def begin_sign_up(self, client: str, now: datetime) -> int:
        """Counts a sign-up, which makes an account or tells that an address has one.

        Raises TooManyTriesError.
        """
        key = self._digest("sign-up", client)
        return self._begin(_Counted(key, key, (), self.sign_up_rates, is_stranger=False), now)

    def mark_right(self, session: Session, try_id: int) -> None:
        """Takes a try back from the wrong ones, in the transaction for which it was made."""
        tries_store.mark_right(session, try_id)

    def _begin(self, counted: _Counted, now: datetime) -> int:
        # Refused without a turn to write: whoever floods the server should not hold up answers.
        with self.database.read() as session:
            _check_counts(session, counted, now)
        with self.database.write() as session:
            tries_store.lock_counts(session, counted.account_key, counted.source_key)
            _check_counts(session, counted, now)
            kept = (*self.account_rates, *self.client_rates, *self.sign_up_rates, Rate(1, HOUR))
            tries_store.delete_tries_before(session, now - longest_span(kept))
            return tries_store.insert_try(
                session,
                counted.account_key,
                counted.source_key,
                is_stranger=counted.is_stranger,
                now=now,
            )

    def _digest(self, *parts: str) -> str:
        text = "\0".join(parts).encode()
        return hashlib.blake2b(text, key=self.key, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class _Counted:
    """One try as it is counted: wrong ones of a source at an account, all of a source."""

    account_key: str
    source_key: str
    account_rates: tuple[Rate, ...]
    source_rates: tuple[Rate, ...]
    is_stranger: bool


def _check_counts(session: Session, counted: _Counted, now: datetime) -> None:
    """Raises TooManyTriesError when one more try would break a rate."""
    account_rates = counted.account_rates
    if counted.is_stranger:
        wrong = tries_store.count_wrong_tries_of_strangers(session, counted.account_key, now - HOUR)
        account_rates = slowed_rates(account_rates, wrong)
    if account_rates:
        since, limit = now - longest_span(account_rates), most_counted(account_rates)
        moments = tries_store.wrong_tries_at_account(
            session, counted.account_key, counted.source_key, since, limit
        )
        check_rates(account_rates, moments, now)
    since, limit = now - longest_span(counted.source_rates), most_counted(counted.source_rates)
    moments = tries_store.tries_of_source(session, counted.source_key, since, limit)
    check_rates(counted.source_rates, moments, now)
