"""The roster of a class: learners removed and taken back, instructors added and stepping down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current import Current
from quizserver.classes.forms import InstructorForm
from quizserver.classes.guards import Guards
from quizserver.classes.instructors import store as instructors
from quizserver.classes.members import store as members
from quizserver.classes.model import Class
from quizserver.classes.views import roster_page
from quizserver.db.session import Database

SEARCH_MAX = 100
Change = Callable[[Session, int, int, datetime], bool]


def add(blueprint: Blueprint, *, database: Database, current: Current, guards: Guards) -> None:
    """Adds the roster's page and what can be done on it."""

    @blueprint.get("/classes/<int:class_id>/roster")
    def roster(class_id: int) -> tuple[str, int]:
        return _page(guards.instructor_of(class_id), InstructorForm())

    @blueprint.post("/classes/<int:class_id>/roster/<int:person_id>/remove")
    def remove(class_id: int, person_id: int) -> AnyResponse:
        told = ("{} is no longer in the class.", "{} was not in the class as a learner.")
        return _change(class_id, person_id, members.remove, *told)

    @blueprint.post("/classes/<int:class_id>/roster/<int:person_id>/take-back")
    def take_back(class_id: int, person_id: int) -> AnyResponse:
        told = ("{} is in the class again.", "{} had not been removed, or is back already.")
        return _change(class_id, person_id, members.take_back, *told)

    @blueprint.post("/classes/<int:class_id>/instructors")
    def add_instructor(class_id: int) -> AnyResponse | tuple[str, int]:
        found = guards.instructor_of(class_id)
        form = InstructorForm()
        if not form.validate_on_submit():
            return _page(found, form)
        try:
            with database.write() as session:
                instructors.promote(session, class_id, form.email.data, datetime.now(UTC))
        except members.MembershipError as error:
            form.email.errors = [str(error)]
            return _page(found, form)
        flash(f"{form.email.data} instructs this class now.")
        return _back(class_id)

    @blueprint.post("/classes/<int:class_id>/instructors/<int:person_id>/remove")
    def step_down(class_id: int, person_id: int) -> AnyResponse:
        guards.instructor_of(class_id)
        account = current.account()
        assert account is not None
        mine = account.id == person_id
        if not mine and not account.administers:
            flash("Instructors step down by themselves; an admin of this server can remove them.")
            return _back(class_id)
        try:
            with database.write() as session:
                instructors.step_down(session, class_id, person_id, datetime.now(UTC))
        except members.MembershipError as error:
            flash(str(error))
            return _back(class_id)
        flash("You no longer instruct that class." if mine else "They no longer instruct it.")
        return redirect(url_for("classes.classes"), 303) if mine else _back(class_id)

    def _change(
        class_id: int, person_id: int, change: Change, done: str, otherwise: str
    ) -> AnyResponse:
        guards.instructor_of(class_id)
        with database.write() as session:
            changed = change(session, class_id, person_id, datetime.now(UTC))
            after = members.member(session, class_id, person_id)
        if after is None:
            flash("They are not on the roster any more.")
        else:
            flash((done if changed else otherwise).format(after.label))
        return _back(class_id)

    def _page(found: Class, form: InstructorForm) -> tuple[str, int]:
        account = current.account()
        assert account is not None
        with database.read() as session:
            everybody = members.of_class(session, found.id, state=None)
            teachers = instructors.of_class(session, found.id)
        ids = {each.person_id for each in teachers}
        page = render_template(
            "classes/roster.html",
            room=found,
            form=form,
            teachers=teachers,
            roster=roster_page(
                [each for each in everybody if each.person_id not in ids],
                request.args.get("search", "")[:SEARCH_MAX],
                request.args.get("page", ""),
            ),
            me=account,
        )
        return page, 422 if form.errors else 200


def _back(class_id: int) -> AnyResponse:
    """The page of the roster on which the button was."""
    page, search = (request.args.get(name, "")[:SEARCH_MAX] or None for name in ("page", "search"))
    return redirect(url_for("classes.roster", class_id=class_id, page=page, search=search), 303)
