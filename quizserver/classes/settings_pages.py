"""What an instructor decides about a class: title, join code, topics with due dates, its end."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from quizserver.classes import due, settings_store, store
from quizserver.classes import members_store as members
from quizserver.classes.forms import TitleForm
from quizserver.classes.guards import ClassGuards
from quizserver.classes.model import Class
from quizserver.classes.topics_form import (
    SubmittedTopics,
    TopicsFormError,
    apply_topics_form,
    topic_form_rows,
    topics_fingerprint,
)
from quizserver.db.session import Database
from quizserver.topics.library import Library


def add_settings_views(
    blueprint: Blueprint, *, database: Database, library: Library, guards: ClassGuards
) -> None:
    """Adds the settings of a class and its deletion."""

    @blueprint.get("/classes/<int:class_id>/settings")
    def settings(class_id: int) -> tuple[str, int]:
        class_ = guards.require_managed_class(class_id)
        return _settings_page(class_, TitleForm(formdata=None, data={"title": class_.title}))

    @blueprint.post("/classes/<int:class_id>/title")
    def rename(class_id: int) -> AnyResponse | tuple[str, int]:
        class_ = guards.require_managed_class(class_id)
        form = TitleForm()
        if not form.validate_on_submit():
            return _settings_page(class_, form)
        with database.write() as writing:
            store.rename_class(writing, class_id, form.title.data)
        flash("The class has its new title.")
        return redirect(url_for("classes.settings", class_id=class_id), 303)

    @blueprint.post("/classes/<int:class_id>/code")
    def change_code(class_id: int) -> AnyResponse:
        guards.require_managed_class(class_id)
        action = request.form.get("do")
        if action not in ("close", "new"):
            abort(400)  # a code that learners hold is replaced only when somebody says so
        with database.write() as writing:
            if action == "close":
                store.clear_join_code(writing, class_id)
                flash("Nobody can join now. Who is in the class stays in it.")
            else:
                store.renew_join_code(writing, class_id)
                flash("The class has a new code. An older one lets nobody in any more.")
        return redirect(url_for("classes.settings", class_id=class_id, _anchor="code"), 303)

    @blueprint.post("/classes/<int:class_id>/topics")
    def choose_topics(class_id: int) -> AnyResponse | tuple[str, int]:
        class_ = guards.require_managed_class(class_id)
        action = request.form.get("do")
        submitted = SubmittedTopics(
            fingerprint=request.form.get("seen", ""),
            zone=request.form.get("zone", due.UTC_NAME),
            topics=request.form.getlist("topic"),
            dues=request.form.getlist("due"),
            add=request.form.get("add", "") if action == "add" else "",
            move=request.form.get("move", ""),
        )
        title_form = TitleForm(formdata=None, data={"title": class_.title})
        try:
            with database.write() as writing:
                store.lock_class(writing, class_id)
                saved_topics = store.class_topics(writing, class_id)
                chosen = apply_topics_form(submitted, saved_topics, library.snapshot())
                store.set_class_topics(writing, class_id, chosen)
        except TopicsFormError as error:
            return _settings_page(class_, title_form, submitted=submitted, errors=error.errors)
        if action == "clocks" and due.find_zone(request.form.get("clocks")) is not None:
            session["zone"] = request.form["clocks"]
        flash("The topics are saved.")
        moved_topic = submitted.add or submitted.move.partition(":")[2]
        # The keyboard goes on at the topic that was moved.
        anchor = f"topic-{moved_topic}" if moved_topic in dict(chosen) else "topics"
        return redirect(url_for("classes.settings", class_id=class_id, _anchor=anchor), 303)

    @blueprint.route("/classes/<int:class_id>/delete", methods=["GET", "POST"])
    def delete(class_id: int) -> AnyResponse | tuple[str, int]:
        class_ = guards.require_managed_class(class_id)
        with database.read() as reading:
            membership_count = members.count_memberships(reading, class_id)
        form = TitleForm()
        if form.validate_on_submit() and form.title.data == class_.title:
            with database.write() as writing:
                store.delete_class(writing, class_id)
            flash(f"The class {class_.title} is deleted. Every answer is still its learner’s.")
            return redirect(url_for("classes.classes"), 303)
        if form.is_submitted():
            form.title.errors = ["That is not the title of this class."]
        page = render_template(
            "classes/delete.html", class_=class_, form=form, member_count=membership_count
        )
        return page, 422 if form.errors else 200

    def _settings_page(
        class_: Class,
        title_form: TitleForm,
        *,
        submitted: SubmittedTopics | None = None,
        errors: dict[str, str] | None = None,
    ) -> tuple[str, int]:
        snapshot, zone = (
            library.snapshot(),
            submitted.zone if submitted is not None else _zone_name(),
        )
        with database.read() as reading:
            topics = store.class_topics(reading, class_.id)
            missing_questions = settings_store.answered_missing_questions(
                reading, class_.id, list(snapshot.questions)
            )
        form_rows = topic_form_rows(topics, submitted, errors or {}, snapshot, _zone_or_utc(zone))
        chosen_topics = {row.topic for row in form_rows}
        page = render_template(
            "classes/settings.html",
            class_=class_,
            form=title_form,
            topic_rows=form_rows,
            topics_revision=topics_fingerprint(topics),
            form_error=(errors or {}).get(""),
            other_topics=[
                topic for topic in snapshot.topics.values() if topic.id not in chosen_topics
            ],
            missing_questions=missing_questions,
            zone=zone,
            zones=due.zone_names(),
            zone_known="zone" in session,
            offset=due.format_moment(datetime.now(UTC), _zone_or_utc(zone)),
        )
        return page, 422 if title_form.errors or errors else 200


def _zone_name() -> str:
    """The time zone that this browser's owner chose last, or chooses with this request."""
    requested = request.args.get("zone")
    if due.find_zone(requested) is not None:
        session["zone"] = requested
    name = session.get("zone")
    return name if isinstance(name, str) and due.find_zone(name) is not None else due.UTC_NAME


def _zone_or_utc(name: str) -> tzinfo:
    return due.find_zone(name) or UTC
