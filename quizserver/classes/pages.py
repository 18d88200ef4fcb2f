"""The pages of classes: mine, a new one, and one as its instructors and its learners see it."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current_user import CurrentUser
from quizserver.attempts import store as attempts
from quizserver.classes import due, join_codes, join_pages, roster_pages, settings_pages, store
from quizserver.classes import instructors_store as instructors
from quizserver.classes import members_store as members
from quizserver.classes.columns import question_columns
from quizserver.classes.demo.names import INSTRUCTOR_EMAIL, MODEL_TEXT
from quizserver.classes.forms import NameForm, TitleForm
from quizserver.classes.guards import ClassGuards
from quizserver.classes.model import Class, Member
from quizserver.classes.views import class_lines, next_step, topic_lines
from quizserver.db.session import Database
from quizserver.settings import Settings
from quizserver.topics.library import Library


def create_classes_blueprint(
    *,
    database: Database,
    library: Library,
    current: CurrentUser,
    limiter: Limiter,
    settings: Settings,
) -> Blueprint:
    """The blueprint of classes, but for what their instructors read off the answers."""
    blueprint = Blueprint("classes", __name__)
    guards = ClassGuards(database=database, current=current)
    blueprint.register_error_handler(store.ClassGoneError, _handle_gone_class)
    # Without scripts there is no telling where a reader is: moments name their distance from UTC.
    blueprint.add_app_template_filter(lambda moment: due.format_moment(moment, UTC), "told_utc")
    blueprint.add_app_template_filter(join_codes.format_code, "spelled_code")
    join_pages.add_join_views(
        blueprint, database=database, current=current, limiter=limiter, settings=settings
    )
    roster_pages.add_roster_views(blueprint, database=database, current=current, guards=guards)
    settings_pages.add_settings_views(blueprint, database=database, library=library, guards=guards)

    @blueprint.get("/classes")
    def classes() -> AnyResponse | str:
        account = current.account()
        if account is None:
            return redirect(url_for("accounts.sign_in", next=url_for("classes.classes")), 303)
        with database.read() as session:
            instructed = instructors.classes_instructed_by(session, account.id)
            learning = members.classes_joined_by(session, account.id)
            former = members.classes_joined_by(session, account.id, states=("left", "removed"))
            instructed_ids = {class_.id for class_ in instructed}
            others = store.all_classes(session) if account.is_admin else []
            others = [class_ for class_ in others if class_.id not in instructed_ids]
            sizes = members.count_learners(
                session, [class_.id for class_ in [*instructed, *others]]
            )
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

    @blueprint.route("/classes/new", methods=["GET", "POST"])
    def new() -> AnyResponse | tuple[str, int]:
        account, form = guards.require_teacher(), TitleForm()
        if not form.validate_on_submit():
            return render_template("classes/new.html", form=form), 422 if form.errors else 200
        with database.write() as session:
            class_ = store.create_class(session, form.title.data, account.id, datetime.now(UTC))
        flash("The class is there. Choose its topics, then share the join code.")
        return redirect(url_for("classes.overview", class_id=class_.id), 303)

    @blueprint.get("/classes/<int:class_id>")
    def overview(class_id: int) -> tuple[str, int]:
        class_ = guards.find_managed_class(class_id)
        if class_ is None:
            joined_class, member = guards.require_membership(class_id)
            return _learner_page(
                joined_class, member, NameForm(formdata=None, data={"name": member.name})
            )
        account = current.account()
        assert account is not None
        with database.read() as session:
            topics = store.class_topics(session, class_id)
            teachers = instructors.class_instructors(session, class_id)
            membership = members.find_member(session, class_id, account.id)
            learner_count = members.count_learners(session, [class_id]).get(class_id, 0)
        snapshot = library.snapshot()
        page = render_template(
            "classes/overview.html",
            class_=class_,
            topics=topic_lines(topics, snapshot, {}, datetime.now(UTC), url_for),
            questions=len(question_columns(topics, snapshot)),
            instructors=teachers,
            demo_model=MODEL_TEXT
            if INSTRUCTOR_EMAIL in {teacher.email for teacher in teachers}
            else None,
            learners=learner_count,
            account=account,
            is_learner=membership is not None
            and membership.state == "active"
            and not membership.is_instructor,
            site_url=request.host_url.rstrip("/"),
        )
        return page, 200

    @blueprint.post("/classes/<int:class_id>/name")
    def rename_me(class_id: int) -> AnyResponse | tuple[str, int]:
        class_, member = guards.require_membership(class_id)
        form = NameForm()
        if not form.validate_on_submit():
            return _learner_page(class_, member, form)
        with database.write() as session:
            members.change_member_name(session, class_id, member.person_id, form.name.data)
        flash("Your name in this class is changed.")
        return redirect(url_for("classes.overview", class_id=class_id), 303)

    @blueprint.route("/classes/<int:class_id>/leave", methods=["GET", "POST"])
    def leave(class_id: int) -> AnyResponse | str:
        class_, member = guards.require_membership(class_id)
        with database.read() as session:
            is_instructor = instructors.is_instructor_of(session, class_id, member.person_id)
        if is_instructor:
            flash("Instructors leave a class by stepping down.")
            return redirect(url_for("classes.roster", class_id=class_id), 303)
        if request.method == "GET":
            return render_template("classes/leave.html", class_=class_, member=member)
        with database.write() as session:
            members.leave_class(session, class_id, member.person_id, datetime.now(UTC))
        flash(f"You have left {class_.title}. Everything you did is still yours.")
        return redirect(url_for("classes.classes"), 303)

    def _learner_page(class_: Class, member: Member, form: NameForm) -> tuple[str, int]:
        snapshot = library.snapshot()
        with database.read() as session:
            topics = store.class_topics(session, class_.id)
            teachers = instructors.class_instructors(session, class_.id)
            standings = attempts.read_standings(session, member.person_id)
        lines = topic_lines(topics, snapshot, standings, datetime.now(UTC), url_for)
        page = render_template(
            "classes/learner.html",
            class_=class_,
            member=member,
            form=form,
            topics=lines,
            answered=sum(line.answered for line in lines),
            total=sum(len(line.questions) for line in lines),
            first_try_right=sum(line.first_try_right for line in lines),
            next_question=next_step(question_columns(topics, snapshot), standings, url_for),
            instructors=teachers,
        )
        return page, 422 if form.errors else 200

    return blueprint


def _handle_gone_class(_error: Exception) -> ResponseReturnValue:
    """What a co-instructor deleted while this was sent is no page, like what never was."""
    return current_app.handle_http_exception(NotFound())
