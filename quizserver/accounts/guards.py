"""Guards that pages for admins share."""

from __future__ import annotations

from quizserver.accounts.current_user import CurrentUser
from quizserver.web.security_log import refuse_as_missing


def require_admin(current: CurrentUser) -> None:
    """Ends the request with 404 unless an admin sent it: for others the page is missing."""
    account = current.account()
    if account is None or not account.is_admin:
        refuse_as_missing()
