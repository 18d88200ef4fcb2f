"""How many guesses an attacker gets in an hour, and that the owner gets in all the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from quizserver.accounts.tries import (
    HOUR,
    Rate,
    TooManyTriesError,
    check_rates,
    parse_rates,
    slowed_rates,
)
from quizserver.accounts.try_limits import TryLimits, TrySource
from quizserver.db.session import Database
from quizserver.db.tables import access_try
from quizserver.settings import Settings
from quizserver.web.clients import client_network
from tests.accounts.racing import run_at_once

ANA, NOW = "ana@example.org", datetime(2027, 3, 1, 12, tzinfo=UTC)
OWNER = TrySource("192.0.2.7", is_stranger=True)
KNOWN_BROWSER = TrySource("a browser of hers", is_stranger=False)


@pytest.fixture
def limits(database: Database) -> TryLimits:
    return TryLimits.from_settings(database, Settings(), "a secret")


def is_admitted(
    limits: TryLimits, source: TrySource, now: datetime = NOW, email: str = ANA
) -> bool:
    try:
        limits.begin_password_try(email, source, now)
    except TooManyTriesError:
        return False
    return True


def stranger(number: int) -> TrySource:
    return TrySource(f"198.51.100.{number}", is_stranger=True)


@pytest.mark.one_database
def test_from_one_address_an_attacker_gets_sixty_guesses_an_hour(limits: TryLimits):
    assert [is_admitted(limits, stranger(1)) for _ in range(12)] == [True] * 10 + [False] * 2
    for hour in range(2):
        times = [NOW + hour * HOUR + n * timedelta(seconds=40) for n in range(1, 90)]
        admitted = [is_admitted(limits, stranger(1), now) for now in times]
        assert sum(admitted) == (50, 60)[hour], "with the ten of the first minute: 60 in each hour"


def guess_from_other_addresses(database: Database, count: int) -> None:
    """Adds wrong tries at the account of the first one, from so many other clients."""
    with database.write() as session:
        row = session.execute(sa.select(access_try).limit(1)).one()._asdict()
        del row["id"]
        session.execute(
            sa.insert(access_try), [row | {"source_key": f"another {n}"} for n in range(count)]
        )


def count_admitted(limits: TryLimits, source: TrySource, now: datetime) -> int:
    return sum(is_admitted(limits, source, now) for _ in range(8))


def test_from_many_addresses_there_is_little_more_for_each_and_the_owner_gets_in(
    limits: TryLimits, database: Database
):
    """From N addresses an attacker gets 500 guesses an hour, and N more: one from each address."""
    assert is_admitted(limits, stranger(1))
    guess_from_other_addresses(database, 98)
    assert is_admitted(limits, stranger(1))
    assert [count_admitted(limits, stranger(n), NOW) for n in (2, 3, 4)] == [5, 5, 5]
    guess_from_other_addresses(database, 500 - 100 - 15)
    later = NOW + timedelta(minutes=59)
    assert [count_admitted(limits, stranger(n), later) for n in range(5, 15)] == [1] * 10
    assert count_admitted(limits, stranger(2), later) == 0
    assert is_admitted(limits, OWNER, later), "from an address of their own"
    assert count_admitted(limits, KNOWN_BROWSER, later) == 8, "as if nobody were guessing"
    assert is_admitted(limits, stranger(2), later, "bob@example.org"), (
        "other accounts are not slowed"
    )


def test_a_known_browser_is_limited_by_itself_alone(limits: TryLimits):
    assert [is_admitted(limits, KNOWN_BROWSER) for _ in range(11)] == [True] * 10 + [False]
    assert is_admitted(limits, TrySource("another of hers", is_stranger=False))
    assert is_admitted(limits, OWNER)


@pytest.mark.one_database
def test_many_accounts_tried_from_one_address_share_its_limit(database: Database):
    settings = Settings(limit_sign_in_client="20/minute;60/hour")
    limits = TryLimits.from_settings(database, settings, "a secret")
    emails = [f"{n}@example.org" for n in range(25)]
    admitted = [is_admitted(limits, stranger(1), NOW, email) for email in emails]
    assert sum(admitted) == 20
    times = [NOW + n * timedelta(minutes=1) for n in range(2, 59)]
    admitted = [is_admitted(limits, stranger(1), now, f"{now:%M}@example.org") for now in times]
    assert sum(admitted) == 40
    assert not is_admitted(limits, stranger(1), NOW + timedelta(minutes=59), "z@example.org")
    assert is_admitted(limits, stranger(2), NOW + timedelta(minutes=59), "z@example.org")


def test_the_right_password_takes_nothing_from_an_account_and_counts_for_the_client(
    database: Database,
):
    settings = Settings(limit_sign_in_client="20/minute")
    limits = TryLimits.from_settings(database, settings, "a secret")
    for _ in range(20):
        try_id = limits.begin_password_try(ANA, stranger(1), NOW)
        with database.write() as session:
            limits.mark_right(session, try_id)
    assert not is_admitted(limits, stranger(1)), "twenty in one minute"
    assert is_admitted(limits, stranger(1), NOW + timedelta(minutes=1, seconds=1))


def test_tries_at_once_are_no_more_than_one_after_another(limits: TryLimits):
    outcomes = run_at_once(lambda _n: is_admitted(limits, stranger(1)), 30)
    assert sum(outcomes) == 10


def test_sign_ups_are_counted_by_client(limits: TryLimits):
    for _ in range(60):
        limits.begin_sign_up("198.51.100.1", NOW)
    with pytest.raises(TooManyTriesError) as caught:
        limits.begin_sign_up("198.51.100.1", NOW + timedelta(minutes=10))
    assert caught.value.seconds == 50 * 60
    limits.begin_sign_up("198.51.100.2", NOW)
    assert is_admitted(limits, stranger(1)), "they are no tries of a password"


def test_neither_address_is_stored_in_words_and_old_tries_are_deleted(
    limits: TryLimits, database: Database
):
    assert is_admitted(limits, OWNER)
    with database.read() as session:
        stored = [str(value) for row in session.execute(sa.select(access_try)) for value in row]
    assert not any(word in value for value in stored for word in (ANA, "192.0.2"))
    assert is_admitted(limits, OWNER, NOW + 2 * HOUR)
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(access_try)) == 1


def test_rates_are_read_from_settings():
    assert parse_rates("10/minute;60/hour") == (Rate(10, timedelta(minutes=1)), Rate(60, HOUR))
    assert parse_rates("5/day") == (Rate(5, timedelta(days=1)),)


@pytest.mark.parametrize(("wrong", "an_hour"), [(99, 60), (100, 5), (499, 5), (500, 1), (9999, 1)])
def test_the_more_wrong_passwords_the_fewer_tries_from_one_address(wrong: int, an_hour: int):
    rates = slowed_rates(parse_rates("10/minute;60/hour"), wrong)
    assert min(rate.count for rate in rates if rate.span == HOUR) == an_hour


def test_a_refusal_says_how_long_to_wait_for_the_longest_of_the_rates():
    rates = parse_rates("2/minute;3/hour")
    times = [NOW - timedelta(seconds=s) for s in (10, 20, 600)]
    check_rates(rates, times[1:2], NOW)
    with pytest.raises(TooManyTriesError) as caught:
        check_rates(rates, times[:2], NOW)
    assert caught.value.seconds == 40
    with pytest.raises(TooManyTriesError) as caught:
        check_rates(rates, times, NOW)
    assert caught.value.seconds == 3000


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2ff:a::1", "2001:db8:1:200::/56"),
        ("2001:db8:1:200::", "2001:db8:1:200::/56"),
        ("fe80::1%eth0", "fe80::/56"),
        ("nonsense", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_block_of_ipv6_addresses_is_one_client(address: str | None, network: str):
    assert client_network(address) == network
