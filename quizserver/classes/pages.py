"""The pages of classes: mine, a new one, and one as its instructors and its learners see it."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current import Current
from quizserver.attempts import store as attempts
from quizserver.classes import codes, due, store
from quizserver.classes.columns import columns
from quizserver.classes.demo.words import INSTRUCTOR, MODEL
from quizserver.classes.forms import NameForm, TitleForm
from quizserver.classes.guards import Guards
from quizserver.classes.instructors import store as instructors
from quizserver.classes.joining import pages as joining
from quizserver.classes.members import store as members
from quizserver.classes.model import Class, Member
from quizserver.classes.roster import pages as roster
from quizserver.classes.settings import pages as class_settings
from quizserver.classes.views import class_lines, next_step, topic_lines
from quizserver.db.session import Database
from quizserver.settings import Settings
from quizserver.topics.library import Library


def pages(
    *,
    database: Database,
    library: Library,
    current: Current,
    limiter: Limiter,
    settings: Settings,
) -> Blueprint:
    """The blueprint of classes, but for what their instructors read off the answers."""
    blueprint = Blueprint("classes", __name__)
    guards = Guards(database=database, current=current)
    blueprint.register_error_handler(store.GoneError, _gone)
    # Without scripts there is no telling where a reader is: moments name their distance from UTC.
    blueprint.add_app_template_filter(lambda moment: due.told(moment, UTC), "told_utc")
    blueprint.add_app_template_filter(codes.spelled, "spelled_code")
    joining.add(blueprint, database=database, current=current, limiter=limiter, settings=settings)
    roster.add(blueprint, database=database, current=current, guards=guards)
    class_settings.add(blueprint, database=database, library=library, guards=guards)

    @blueprint.get("/classes")
    def classes() -> AnyResponse | str:
        account = current.account()
        if account is None:
            return redirect(url_for("accounts.sign_in", next=url_for("classes.classes")), 303)
        with database.read() as session:
            mine = instructors.classes_of(session, account.id)
            learning = members.classes_of(session, account.id)
            before = members.classes_of(session, account.id, states=("left", "removed"))
            ids = {each.id for each in mine}
            others = store.everything(session) if account.administers else []
            others = [each for each in others if each.id not in ids]
            sizes = members.sizes(session, [each.id for each in [*mine, *others]])
            taught = ids | instructors.taught(session, [each.id for each in others])
        return render_template(
            "classes/classes.html",
            account=account,
            mine=class_lines(mine, sizes, taught),
            learning=learning,
            before=before,
            others=class_lines(others, sizes, taught),
        )

    @blueprint.route("/classes/new", methods=["GET", "POST"])
    def new() -> AnyResponse | tuple[str, int]:
        account, form = guards.teacher(), TitleForm()
        if not form.validate_on_submit():
            return render_template("classes/new.html", form=form), 422 if form.errors else 200
        with database.write() as session:
            made = store.create(session, form.title.data, account.id, datetime.now(UTC))
        flash("The class is there. Choose its topics, then share the join code.")
        return redirect(url_for("classes.overview", class_id=made.id), 303)

    @blueprint.get("/classes/<int:class_id>")
    def overview(class_id: int) -> tuple[str, int]:
        whole = guards.seen_whole(class_id)
        if whole is None:
            found, member = guards.member_of(class_id)
            return _learner_page(found, member, NameForm(formdata=None, data={"name": member.name}))
        account = current.account()
        assert account is not None
        with database.read() as session:
            topics = store.topics(session, class_id)
            teachers = instructors.of_class(session, class_id)
            mine = members.member(session, class_id, account.id)
            learners = members.sizes(session, [class_id]).get(class_id, 0)
        snapshot = library.snapshot()
        page = render_template(
            "classes/overview.html",
            room=whole,
            topics=topic_lines(topics, snapshot, {}, datetime.now(UTC), url_for),
            questions=len(columns(topics, snapshot)),
            teachers=teachers,
            invented=MODEL if INSTRUCTOR in {each.email for each in teachers} else None,
            learners=learners,
            me=account,
            learns=mine is not None and mine.state == "active" and not mine.instructs,
            site=request.host_url.rstrip("/"),
        )
        return page, 200

    @blueprint.post("/classes/<int:class_id>/name")
    def rename_me(class_id: int) -> AnyResponse | tuple[str, int]:
        found, member = guards.member_of(class_id)
        form = NameForm()
        if not form.validate_on_submit():
            return _learner_page(found, member, form)
        with database.write() as session:
            members.change_name(session, class_id, member.person_id, form.name.data)
        flash("Your name in this class is changed.")
        return redirect(url_for("classes.overview", class_id=class_id), 303)

    @blueprint.route("/classes/<int:class_id>/leave", methods=["GET", "POST"])
    def leave(class_id: int) -> AnyResponse | str:
        found, member = guards.member_of(class_id)
        with database.read() as session:
            instructs = instructors.instructs(session, class_id, member.person_id)
        if instructs:
            flash("Instructors leave a class by stepping down.")
            return redirect(url_for("classes.roster", class_id=class_id), 303)
        if request.method == "GET":
            return render_template("classes/leave.html", room=found, member=member)
        with database.write() as session:
            members.leave(session, class_id, member.person_id, datetime.now(UTC))
        flash(f"You have left {found.title}. Everything you did is still yours.")
        return redirect(url_for("classes.classes"), 303)

    def _learner_page(found: Class, member: Member, form: NameForm) -> tuple[str, int]:
        snapshot = library.snapshot()
        with database.read() as session:
            topics = store.topics(session, found.id)
            teachers = instructors.of_class(session, found.id)
            standings = attempts.standings(session, member.person_id)
        lines = topic_lines(topics, snapshot, standings, datetime.now(UTC), url_for)
        page = render_template(
            "classes/learner.html",
            room=found,
            member=member,
            form=form,
            topics=lines,
            answered=sum(line.answered for line in lines),
            total=sum(len(line.questions) for line in lines),
            first_try_right=sum(line.first_try_right for line in lines),
            next=next_step(columns(topics, snapshot), standings, url_for),
            teachers=teachers,
        )
        return page, 422 if form.errors else 200

    return blueprint


def _gone(_error: Exception) -> ResponseReturnValue:
    """What a co-instructor deleted while this was sent is no page, like what never was."""
    return current_app.handle_http_exception(NotFound())
