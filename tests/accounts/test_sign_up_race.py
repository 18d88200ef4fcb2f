"""Two sign-ups with one address at once: one gets it, the other is told so."""

from __future__ import annotations

from quizserver.accounts import store
from quizserver.db.session import Database
from tests.accounts.racing import run_at_once


def test_one_of_two_sign_ups_at_once_gets_the_address(database: Database):
    for attempt in range(4):
        address = f"ana{attempt}@example.org"

        def sign_up(number: int, address: str = address) -> str:
            try:
                with database.write() as session:
                    guest = store.ensure_guest(session, f"{address} {number}")
                    store.register_account(session, guest.id, address, "hash")
            except store.AddressTakenError:
                return "taken"
            return "registered"

        assert sorted(run_at_once(sign_up, 4)) == ["registered", "taken", "taken", "taken"]
