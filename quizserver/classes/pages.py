"""The pages of classes: the list, a new one, and one class as its members see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current_user import CurrentUser
from quizserver.attempts import store as attempts
from quizserver.attempts.model import NO_PROGRESS
from quizserver.classes import instructors_store as instructors
from quizserver.classes import join_codes, store
from quizserver.classes import members_store as members
from quizserver.classes.columns import question_columns
from quizserver.classes.counted_store import count_learners
from quizserver.classes.demo.names import INSTRUCTOR_EMAIL, MODEL_TEXT
from quizserver.classes.forms import NameForm, TitleForm
from quizserver.classes.guards import ClassGuards
from quizserver.classes.join_pages import JoinPages, add_join_rules
from quizserver.classes.model import Class, Member
from quizserver.classes.roster_pages import RosterPages, add_roster_rules
from quizserver.classes.settings_pages import SettingsPages, add_settings_rules
from quizserver.classes.views import class_lines, next_step, topic_lines
from quizserver.db.session import Database
from quizserver.settings import Settings
from quizserver.topics.library import Library
from quizserver.translation import gettext


def create_classes_blueprint(
    *,
    database: Database,
    library: Library,
    current: CurrentUser,
    limiter: Limiter,
    settings: Settings,
) -> Blueprint:
    """The blueprint of classes, without item analysis and the matrix."""
    blueprint = Blueprint("classes", __name__)
    blueprint.register_error_handler(store.ClassGoneError, _handle_gone_class)
    blueprint.add_app_template_filter(join_codes.format_code, "format_code")

    guards = ClassGuards(database=database, current=current)
    pages = ClassPages(database, library, current, guards)
    add_rule, get_and_post = blueprint.add_url_rule, ["GET", "POST"]
    add_rule("/classes", "classes", pages.show_classes)
    add_rule("/classes/new", "new", pages.create_class, methods=get_and_post)
    add_rule("/classes/<int:class_id>", "overview", pages.show_class)
    add_rule("/classes/<int:class_id>/name", "rename_me", pages.change_own_name, methods=["POST"])
    add_rule("/classes/<int:class_id>/leave", "leave", pages.leave_class, methods=get_and_post)
    add_join_rules(blueprint, JoinPages(database, current), limiter, settings)
    add_roster_rules(blueprint, RosterPages(database, current, guards))
    add_settings_rules(blueprint, SettingsPages(database, library, current, guards))
    return blueprint


@dataclass(frozen=True, slots=True)
class ClassPages:
    """The views of the list of classes, and of one class for instructors and learners."""

    database: Database
    library: Library
    current: CurrentUser
    guards: ClassGuards

    def show_classes(self) -> AnyResponse | str:
        account = self.current.account()
        if account is None:
            return redirect(url_for("accounts.sign_in", next=url_for("classes.classes")), 303)
        with self.database.read() as session:
            instructed = instructors.classes_instructed_by(session, account.id)
            learning = members.classes_joined_by(session, account.id)
            former = members.classes_joined_by(session, account.id, states=("left", "removed"))
            instructed_ids = {class_.id for class_ in instructed}
            others = store.all_classes(session) if account.is_admin else []
            others = [class_ for class_ in others if class_.id not in instructed_ids]
            sizes = count_learners(session, [class_.id for class_ in [*instructed, *others]])
            ids_with_instructor = instructed_ids | instructors.ids_with_instructor(
                session, [class_.id for class_ in others]
            )
        return render_template(
            "classes/classes.html",
            account=account,
            instructed_classes=class_lines(instructed, sizes, ids_with_instructor),
            active_memberships=learning,
            past_memberships=former,
            other_classes=class_lines(others, sizes, ids_with_instructor),
        )

    def create_class(self) -> AnyResponse | tuple[str, int]:
        account, form = self.guards.require_teacher(), TitleForm()
        if not form.validate_on_submit():
            return render_template("classes/new.html", form=form), 422 if form.errors else 200
        with self.database.write() as session:
            class_ = store.create_class(session, form.title.data, account.id, datetime.now(UTC))
        flash(gettext("The class is there. Choose its topics, then share the join code."))
        return redirect(url_for("classes.overview", class_id=class_.id), 303)

    def show_class(self, class_id: int) -> tuple[str, int]:
        """The page for instructors and admins, or the one for learners."""
        class_ = self.guards.find_managed_class(class_id)
        if class_ is not None:
            return self._instructor_page(class_), 200
        joined_class, member = self.guards.require_membership(class_id)
        form = NameForm(formdata=None, data={"name": member.name})
        return self._learner_page(joined_class, member, form)

    def change_own_name(self, class_id: int) -> AnyResponse | tuple[str, int]:
        class_, member = self.guards.require_membership(class_id)
        form = NameForm()
        if not form.validate_on_submit():
            return self._learner_page(class_, member, form)
        with self.database.write() as session:
            members.change_member_name(session, class_id, member.person_id, form.name.data)
        flash(gettext("Your name in this class is changed."))
        return redirect(url_for("classes.overview", class_id=class_id), 303)

    def leave_class(self, class_id: int) -> AnyResponse | str:
        class_, member = self.guards.require_membership(class_id)
        with self.database.read() as session:
            is_instructor = instructors.is_instructor_of(session, class_id, member.person_id)
        if is_instructor:
            flash(gettext("Instructors leave a class by stepping down."))
            return redirect(url_for("classes.roster", class_id=class_id), 303)
        if request.method == "GET":
            return render_template("classes/leave.html", class_=class_, member=member)
        with self.database.write() as session:
            members.leave_class(session, class_id, member.person_id, datetime.now(UTC))
        flash(
            gettext(
                "You have left %(title)s. Everything you did is still yours.", title=class_.title
            )
        )
        return redirect(url_for("classes.classes"), 303)

    def _instructor_page(self, class_: Class) -> str:
        account = self.current.account()
        assert account is not None
        with self.database.read() as session:
            topics = store.class_topics(session, class_.id)
            teachers = instructors.class_instructors(session, class_.id)
            membership = members.find_member(session, class_.id, account.id)
            learner_count = count_learners(session, [class_.id]).get(class_.id, 0)
        snapshot = self.library.snapshot()
        is_demo = INSTRUCTOR_EMAIL in {teacher.email for teacher in teachers}
        return render_template(
            "classes/overview.html",
            class_=class_,
            topics=topic_lines(topics, snapshot, NO_PROGRESS, datetime.now(UTC), url_for),
            questions=len(question_columns(topics, snapshot)),
            instructors=teachers,
            demo_model=MODEL_TEXT if is_demo else None,
            learners=learner_count,
            account=account,
            is_learner=membership is not None
            and membership.state == "active"
            and not membership.is_instructor,
            site_url=request.host_url.rstrip("/"),
        )

    def _learner_page(self, class_: Class, member: Member, form: NameForm) -> tuple[str, int]:
        snapshot = self.library.snapshot()
        with self.database.read() as session:
            topics = store.class_topics(session, class_.id)
            teachers = instructors.class_instructors(session, class_.id)
            progress = attempts.read_progress(session, member.person_id)
        lines = topic_lines(topics, snapshot, progress, datetime.now(UTC), url_for)
        page = render_template(
            "classes/learner.html",
            class_=class_,
            member=member,
            form=form,
            topics=lines,
            answered=sum(line.answered for line in lines),
            total=sum(len(line.questions) for line in lines),
            all_right=all(q.state == "right" for line in lines for q in line.questions),
            first_try_right=sum(line.first_try_right for line in lines),
            next_question=next_step(question_columns(topics, snapshot), progress, url_for),
            instructors=teachers,
        )
        return page, 422 if form.errors else 200


def _handle_gone_class(_error: Exception) -> ResponseReturnValue:
    """Answers 404 when a co-instructor deleted the class while the form was on its way."""
    return current_app.handle_http_exception(NotFound())
