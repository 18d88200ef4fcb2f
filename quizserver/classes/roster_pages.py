"""The roster of a class: removes and takes back learners, adds and removes instructors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current_user import CurrentUser
from quizserver.audit import store as audit_store
from quizserver.audit.actions import ActionCode
from quizserver.audit.model import PersonRef
from quizserver.classes import instructors_store as instructors
from quizserver.classes import members_store as members
from quizserver.classes.forms import InstructorForm
from quizserver.classes.guards import ClassGuards
from quizserver.classes.model import Class, Member
from quizserver.classes.views import roster_page
from quizserver.db.session import Database
from quizserver.translation import N_, gettext

SEARCH_MAX = 100
MemberChange = Callable[[Session, int, int, datetime], bool]


def add_roster_rules(blueprint: Blueprint, pages: RosterPages) -> None:
    """Adds the roster and its buttons."""
    roster = "/classes/<int:class_id>/roster"
    instructor = "/classes/<int:class_id>/instructors"
    add_rule, post = blueprint.add_url_rule, ["POST"]
    add_rule(roster, "roster", pages.show_roster)
    add_rule(f"{roster}/<int:person_id>/remove", "remove", pages.remove_learner, methods=post)
    add_rule(f"{roster}/<int:person_id>/take-back", "take_back", pages.take_back, methods=post)
    add_rule(instructor, "add_instructor", pages.add_instructor, methods=post)
    add_rule(f"{instructor}/<int:person_id>/remove", "step_down", pages.step_down, methods=post)


@dataclass(frozen=True, slots=True)
class RosterPages:
    """The views of the roster and its buttons."""

    database: Database
    current: CurrentUser
    guards: ClassGuards

    def show_roster(self, class_id: int) -> tuple[str, int]:
        return self._roster_page(self.guards.require_managed_class(class_id), InstructorForm())

    def remove_learner(self, class_id: int, person_id: int) -> AnyResponse:
        messages = (
            N_("%(name)s is no longer in the class."),
            N_("%(name)s was not in the class as a learner."),
        )
        return self._change_member(class_id, person_id, members.remove_learner, *messages)

    def take_back(self, class_id: int, person_id: int) -> AnyResponse:
        messages = (
            N_("%(name)s is in the class again."),
            N_("%(name)s had not been removed, or is back already."),
        )
        return self._change_member(class_id, person_id, members.take_back_learner, *messages)

    def add_instructor(self, class_id: int) -> AnyResponse | tuple[str, int]:
        class_ = self.guards.require_managed_class(class_id)
        form = InstructorForm()
        if not form.validate_on_submit():
            return self._roster_page(class_, form)
        try:
            with self.database.write() as session:
                before = _instructor_ids(session, class_id)
                promoted = instructors.promote_to_instructor(
                    session, class_id, form.email.data, datetime.now(UTC)
                )
                if promoted.person_id not in before:
                    self._record(session, "instructor-added", class_, promoted)
        except members.MembershipError as error:
            form.email.errors = [str(error)]
            return self._roster_page(class_, form)
        flash(gettext("%(email)s instructs this class now.", email=form.email.data))
        return _redirect_to_roster(class_id)

    def step_down(self, class_id: int, person_id: int) -> AnyResponse:
        """Removes an instructor: by themselves, or by an admin of the server."""
        class_ = self.guards.require_managed_class(class_id)
        account = self.current.account()
        assert account is not None
        is_self = account.id == person_id
        if not is_self and not account.is_admin:
            flash(
                gettext(
                    "Instructors step down by themselves; an admin of this server can remove them."
                )
            )
            return _redirect_to_roster(class_id)
        try:
            with self.database.write() as session:
                member = members.find_member(session, class_id, person_id)
                instructors.step_down_instructor(session, class_id, person_id, datetime.now(UTC))
                if member is not None and member.is_instructor:
                    self._record(session, "instructor-removed", class_, member)
        except members.MembershipError as error:
            flash(str(error))
            return _redirect_to_roster(class_id)
        flash(
            gettext("You no longer instruct that class.")
            if is_self
            else gettext("They no longer instruct it.")
        )
        if is_self:
            return redirect(url_for("classes.classes"), 303)
        return _redirect_to_roster(class_id)

    def _record(
        self, session: Session, action: ActionCode, class_: Class, instructor: Member
    ) -> None:
        audit_store.record_audit_event(
            session,
            action,
            source="web",
            now=datetime.now(UTC),
            actor=self.current.account(),
            subject=PersonRef(instructor.person_id, instructor.email),
            about=class_.title,
            detail={"class": class_.id},
        )

    def _change_member(
        self,
        class_id: int,
        person_id: int,
        change: MemberChange,
        success_text: str,
        failure_text: str,
    ) -> AnyResponse:
        self.guards.require_managed_class(class_id)
        with self.database.write() as session:
            changed = change(session, class_id, person_id, datetime.now(UTC))
            member = members.find_member(session, class_id, person_id)
        if member is None:
            flash(gettext("They are not on the roster any more."))
        else:
            flash(gettext(success_text if changed else failure_text, name=member.label))
        return _redirect_to_roster(class_id)

    def _roster_page(self, class_: Class, form: InstructorForm) -> tuple[str, int]:
        account = self.current.account()
        assert account is not None
        with self.database.read() as session:
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


def _instructor_ids(session: Session, class_id: int) -> set[int]:
    return {member.person_id for member in instructors.class_instructors(session, class_id)}


def _redirect_to_roster(class_id: int) -> AnyResponse:
    """Back to the page of the roster, and the search, from which the form was sent."""
    page, search = (request.args.get(name, "")[:SEARCH_MAX] or None for name in ("page", "search"))
    return redirect(url_for("classes.roster", class_id=class_id, page=page, search=search), 303)
