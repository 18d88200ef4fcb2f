"""Guards that pages for admins share."""

from __future__ import annotations

from flask import abort

from quizserver.accounts.current_user import CurrentUser


def require_admin(current: CurrentUser) -> None:
    """Ends the request with 404 unless an admin sent it: for others the page is missing."""
    account = current.account()
    if account is None or not account.is_admin:
        abort(404)
