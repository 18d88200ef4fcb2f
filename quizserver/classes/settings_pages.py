"""The settings of a class: its title, join code and topics with due dates; and its deletion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from quizserver.accounts.current_user import CurrentUser
from quizserver.audit import store as audit_store
from quizserver.classes import due, store
from quizserver.classes import members_store as members
from quizserver.classes.counted_store import answered_missing_questions
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
from quizserver.topics.model import RevealRule
from quizserver.translation import gettext
from quizserver.web.moments import format_moment

REVEAL_CHOICES: Mapping[str, RevealRule | None] = {
    "question": None,
    "tried": "tried",
    "at-once": "at-once",
}
"""What the form sends, and the rule of the class that it stands for."""


def add_settings_rules(blueprint: Blueprint, pages: SettingsPages) -> None:
    """Adds the settings of a class and its deletion."""
    class_url, add_rule, post = "/classes/<int:class_id>", blueprint.add_url_rule, ["POST"]
    add_rule(f"{class_url}/settings", "settings", pages.show_settings)
    add_rule(f"{class_url}/title", "rename", pages.rename_class, methods=post)
    add_rule(f"{class_url}/code", "change_code", pages.change_code, methods=post)
    add_rule(f"{class_url}/reveal", "choose_reveal", pages.choose_reveal, methods=post)
    add_rule(f"{class_url}/topics", "choose_topics", pages.choose_topics, methods=post)
    add_rule(f"{class_url}/delete", "delete", pages.delete_class, methods=["GET", "POST"])


@dataclass(frozen=True, slots=True)
class SettingsPages:
    """The views of a class's settings and of its deletion."""

    database: Database
    library: Library
    current: CurrentUser
    guards: ClassGuards

    def show_settings(self, class_id: int) -> tuple[str, int]:
        return self._settings_page(self.guards.require_managed_class(class_id))

    def rename_class(self, class_id: int) -> AnyResponse | tuple[str, int]:
        class_ = self.guards.require_managed_class(class_id)
        form = TitleForm()
        if not form.validate_on_submit():
            return self._settings_page(class_, title_form=form)
        with self.database.write() as db_session:
            store.rename_class(db_session, class_id, form.title.data)
        flash(gettext("The class has its new title."))
        return _redirect_to_settings(class_id)

    def change_code(self, class_id: int) -> AnyResponse:
        self.guards.require_managed_class(class_id)
        action = request.form.get("do")
        if action not in ("close", "new"):
            abort(400)  # no default: learners may hold the present code
        with self.database.write() as db_session:
            if action == "close":
                store.clear_join_code(db_session, class_id)
                flash(gettext("Nobody can join now. Who is in the class stays in it."))
            else:
                store.renew_join_code(db_session, class_id)
                flash(gettext("The class has a new code. An older one lets nobody in any more."))
        return _redirect_to_settings(class_id, anchor="code")

    def choose_reveal(self, class_id: int) -> AnyResponse:
        """Sets when the learners of the class are shown answers."""
        class_ = self.guards.require_managed_class(class_id)
        choice = request.form.get("reveal", "")
        if choice not in REVEAL_CHOICES:
            abort(400)
        rule = REVEAL_CHOICES[choice]
        with self.database.write() as db_session:
            before = store.change_reveal(db_session, class_id, rule)
            if rule != before:
                audit_store.record_audit_event(
                    db_session,
                    "class-reveal-changed",
                    source="web",
                    now=datetime.now(UTC),
                    actor=self.current.account(),
                    about=class_.title,
                    detail={
                        "class": class_id,
                        "before": before or "question",
                        "after": rule or "question",
                    },
                )
        flash(gettext("The class has this rule from now on. What learners were shown stays shown."))
        return _redirect_to_settings(class_id, anchor="reveal")

    def choose_topics(self, class_id: int) -> AnyResponse | tuple[str, int]:
        class_ = self.guards.require_managed_class(class_id)
        action = request.form.get("do")
        submitted = SubmittedTopics(
            fingerprint=request.form.get("seen", ""),
            zone=request.form.get("zone", due.UTC_NAME),
            topics=request.form.getlist("topic"),
            dues=request.form.getlist("due"),
            add=request.form.get("add", "") if action == "add" else "",
            move=request.form.get("move", ""),
        )
        try:
            with self.database.write() as db_session:
                store.lock_class(db_session, class_id)
                saved_topics = store.class_topics(db_session, class_id)
                chosen = apply_topics_form(submitted, saved_topics, self.library.snapshot())
                store.set_class_topics(db_session, class_id, chosen)
        except TopicsFormError as error:
            return self._settings_page(class_, submitted=submitted, topic_errors=error.errors)
        if action == "clocks" and due.find_zone(request.form.get("clocks")) is not None:
            session["zone"] = request.form["clocks"]
        flash(gettext("The topics are saved."))
        moved_topic = submitted.add or submitted.move.partition(":")[2]
        # Keyboard focus stays near the topic that was moved.
        anchor = f"topic-{moved_topic}" if moved_topic in dict(chosen) else "topics"
        return _redirect_to_settings(class_id, anchor=anchor)

    def delete_class(self, class_id: int) -> AnyResponse | tuple[str, int]:
        class_ = self.guards.require_managed_class(class_id)
        with self.database.read() as db_session:
            membership_count = members.count_memberships(db_session, class_id)
        form = TitleForm()
        if form.validate_on_submit() and form.title.data == class_.title:
            with self.database.write() as db_session:
                audit_store.record_audit_event(
                    db_session,
                    "class-deleted",
                    source="web",
                    now=datetime.now(UTC),
                    actor=self.current.account(),
                    about=class_.title,
                    detail={"class": class_id, "members": membership_count},
                )
                store.delete_class(db_session, class_id)
            flash(
                gettext(
                    "The class %(title)s is deleted. Every answer is still its learner’s.",
                    title=class_.title,
                )
            )
            return redirect(url_for("classes.classes"), 303)
        if form.is_submitted():
            form.title.errors = [gettext("That is not the title of this class.")]
        page = render_template(
            "classes/delete.html", class_=class_, form=form, member_count=membership_count
        )
        return page, 422 if form.errors else 200

    def _settings_page(
        self,
        class_: Class,
        *,
        title_form: TitleForm | None = None,
        submitted: SubmittedTopics | None = None,
        topic_errors: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[str, int]:
        """The settings as saved, or with one of the two forms as it was submitted."""
        if title_form is None:
            title_form = TitleForm(formdata=None, data={"title": class_.title})
        snapshot = self.library.snapshot()
        zone = submitted.zone if submitted is not None else _read_zone_name()
        tz = due.find_zone(zone) or UTC
        with self.database.read() as db_session:
            topics = store.class_topics(db_session, class_.id)
            missing_questions = answered_missing_questions(
                db_session, class_.id, list(snapshot.questions)
            )
        form_rows = topic_form_rows(topics, submitted, topic_errors, snapshot, tz)
        chosen_topics = {row.topic for row in form_rows}
        page = render_template(
            "classes/settings.html",
            class_=class_,
            form=title_form,
            topic_rows=form_rows,
            topics_revision=topics_fingerprint(topics),
            form_error=topic_errors.get(""),
            other_topics=[
                topic for topic in snapshot.topics.values() if topic.id not in chosen_topics
            ],
            missing_questions=missing_questions,
            time_zone=zone,
            time_zones=due.zone_names(),
            has_time_zone="zone" in session,
            utc_offset=format_moment(datetime.now(UTC), tz),
        )
        return page, 422 if title_form.errors or topic_errors else 200


def _redirect_to_settings(class_id: int, *, anchor: str | None = None) -> AnyResponse:
    return redirect(url_for("classes.settings", class_id=class_id, _anchor=anchor), 303)


def _read_zone_name() -> str:
    """The time zone that the address names, or else the one that the session remembers."""
    requested = request.args.get("zone")
    if due.find_zone(requested) is not None:
        session["zone"] = requested
    name = session.get("zone")
    return name if isinstance(name, str) and due.find_zone(name) is not None else due.UTC_NAME
