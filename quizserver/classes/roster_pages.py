"""The roster of a class: learners removed and taken back, instructors added and stepping down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current_user import CurrentUser
from quizserver.classes import instructors_store as instructors
from quizserver.classes import members_store as members
from quizserver.classes.forms import InstructorForm
from quizserver.classes.guards import ClassGuards
from quizserver.classes.model import Class
from quizserver.classes.views import roster_page
from quizserver.db.session import Database

SEARCH_MAX = 100
MemberChange = Callable[[Session, int, int, datetime], bool]


def add_roster_views(
    blueprint: Blueprint, *, database: Database, current: CurrentUser, guards: ClassGuards
) -> None:
    """Adds the roster's page and what can be done on it."""

    @blueprint.get("/classes/<int:class_id>/roster")
    def roster(class_id: int) -> tuple[str, int]:
        return _roster_page(guards.require_managed_class(class_id), InstructorForm())

    @blueprint.post("/classes/<int:class_id>/roster/<int:person_id>/remove")
    def remove(class_id: int, person_id: int) -> AnyResponse:
        messages = ("{} is no longer in the class.", "{} was not in the class as a learner.")
        return _change_member(class_id, person_id, members.remove_learner, *messages)

    @blueprint.post("/classes/<int:class_id>/roster/<int:person_id>/take-back")
    def take_back(class_id: int, person_id: int) -> AnyResponse:
        messages = ("{} is in the class again.", "{} had not been removed, or is back already.")
        return _change_member(class_id, person_id, members.take_back_learner, *messages)

    @blueprint.post("/classes/<int:class_id>/instructors")
    def add_instructor(class_id: int) -> AnyResponse | tuple[str, int]:
        class_ = guards.require_managed_class(class_id)
        form = InstructorForm()
        if not form.validate_on_submit():
            return _roster_page(class_, form)
        try:
            with database.write() as session:
                instructors.promote_to_instructor(
                    session, class_id, form.email.data, datetime.now(UTC)
                )
        except members.MembershipError as error:
            form.email.errors = [str(error)]
            return _roster_page(class_, form)
        flash(f"{form.email.data} instructs this class now.")
        return _back_to_roster(class_id)

    @blueprint.post("/classes/<int:class_id>/instructors/<int:person_id>/remove")
    def step_down(class_id: int, person_id: int) -> AnyResponse:
        guards.require_managed_class(class_id)
        account = current.account()
        assert account is not None
        is_self = account.id == person_id
        if not is_self and not account.is_admin:
            flash("Instructors step down by themselves; an admin of this server can remove them.")
            return _back_to_roster(class_id)
        try:
            with database.write() as session:
                instructors.step_down_instructor(session, class_id, person_id, datetime.now(UTC))
        except members.MembershipError as error:
            flash(str(error))
            return _back_to_roster(class_id)
        flash("You no longer instruct that class." if is_self else "They no longer instruct it.")
        return redirect(url_for("classes.classes"), 303) if is_self else _back_to_roster(class_id)

    def _change_member(
        class_id: int, person_id: int, change: MemberChange, success_text: str, failure_text: str
    ) -> AnyResponse:
        guards.require_managed_class(class_id)
        with database.write() as session:
            changed = change(session, class_id, person_id, datetime.now(UTC))
            member = members.find_member(session, class_id, person_id)
        if member is None:
            flash("They are not on the roster any more.")
        else:
            flash((success_text if changed else failure_text).format(member.label))
        return _back_to_roster(class_id)

    def _roster_page(class_: Class, form: InstructorForm) -> tuple[str, int]:
        account = current.account()
        assert account is not None
        with database.read() as session:
            all_members = members.class_members(session, class_.id, state=None)
            teachers = instructors.class_instructors(session, class_.id)
        instructor_ids = {member.person_id for member in teachers}
        page = render_template(
            "classes/roster.html",
            class_=class_,
            form=form,
            instructors=teachers,
            roster=roster_page(
                [member for member in all_members if member.person_id not in instructor_ids],
                request.args.get("search", "")[:SEARCH_MAX],
                request.args.get("page", ""),
            ),
            account=account,
        )
        return page, 422 if form.errors else 200


def _back_to_roster(class_id: int) -> AnyResponse:
    """The page of the roster on which the button was."""
    page, search = (request.args.get(name, "")[:SEARCH_MAX] or None for name in ("page", "search"))
    return redirect(url_for("classes.roster", class_id=class_id, page=page, search=search), 303)
