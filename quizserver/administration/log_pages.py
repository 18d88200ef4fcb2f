"""The page on which admins read the audit log, and its download."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Blueprint, Response, render_template, request

from quizserver.accounts.current_user import CurrentUser
from quizserver.accounts.guards import require_admin
from quizserver.accounts.model import EMAIL_MAX
from quizserver.administration.log_export import event_csv
from quizserver.audit import store
from quizserver.audit.actions import ACTION_TEXTS, action_label, detail_summary
from quizserver.audit.model import EventFilter, actor_text
from quizserver.db.session import Database
from quizserver.web.downloads import attachment_response
from quizserver.web.paging import Paging

EVENTS_PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class LogPages:
    """The views of the audit log, for admins alone."""

    database: Database
    current: CurrentUser

    def show_log(self) -> str:
        wanted = _read_filter()
        with self.database.read() as session:
            total = store.count_events(session, wanted)
            paging = Paging.from_query(request.args.get("page", ""), total, EVENTS_PER_PAGE)
            events = store.list_events(session, wanted, offset=paging.offset, limit=paging.per_page)
        return render_template(
            "administration/log.html",
            events=events,
            paging=paging,
            wanted=wanted,
            action_choices=[(code, text.label) for code, text in ACTION_TEXTS.items()],
            action_label=action_label,
            detail_summary=detail_summary,
            actor_text=actor_text,
            query={"action": wanted.action, "q": wanted.address or None},
        )

    def download_log(self) -> Response:
        wanted = _read_filter()

        def read_lines() -> Iterator[str]:
            with self.database.read() as session:
                yield from event_csv(store.read_events(session, wanted))

        return attachment_response(
            read_lines(), filename="quizserver-log.csv", content_type="text/csv; charset=utf-8"
        )


def create_log_blueprint(pages: LogPages) -> Blueprint:
    """The blueprint ``audit``: every address is guarded by ``require_admin``."""
    blueprint = Blueprint("audit", __name__, url_prefix="/admin/log")
    blueprint.before_request(lambda: require_admin(pages.current))
    blueprint.add_url_rule("", "log", pages.show_log)
    blueprint.add_url_rule("/log.csv", "csv", pages.download_log)
    return blueprint


def _read_filter() -> EventFilter:
    """What the address asks for; an action that there is not counts as none."""
    action = request.args.get("action")
    return EventFilter(
        action=action if action in ACTION_TEXTS else None,
        address=request.args.get("q", "")[:EMAIL_MAX],
    )
