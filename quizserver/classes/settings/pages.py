"""What an instructor decides about a class: title, join code, topics with due dates, its end."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from quizserver.classes import due, store
from quizserver.classes.forms import TitleForm
from quizserver.classes.guards import Guards
from quizserver.classes.members import store as members
from quizserver.classes.model import Class
from quizserver.classes.settings import store as warnings
from quizserver.classes.settings.choice import Choice, ChoiceError, changed, mark, rows
from quizserver.db.session import Database
from quizserver.topics.library import Library


def add(blueprint: Blueprint, *, database: Database, library: Library, guards: Guards) -> None:
    """Adds the settings of a class and its deletion."""

    @blueprint.get("/classes/<int:class_id>/settings")
    def settings(class_id: int) -> tuple[str, int]:
        found = guards.instructor_of(class_id)
        return _page(found, TitleForm(formdata=None, data={"title": found.title}))

    @blueprint.post("/classes/<int:class_id>/title")
    def rename(class_id: int) -> AnyResponse | tuple[str, int]:
        found = guards.instructor_of(class_id)
        form = TitleForm()
        if not form.validate_on_submit():
            return _page(found, form)
        with database.write() as writing:
            store.rename(writing, class_id, form.title.data)
        flash("The class has its new title.")
        return redirect(url_for("classes.settings", class_id=class_id), 303)

    @blueprint.post("/classes/<int:class_id>/code")
    def change_code(class_id: int) -> AnyResponse:
        guards.instructor_of(class_id)
        wanted = request.form.get("do")
        if wanted not in ("close", "new"):
            abort(400)  # a code that learners hold is replaced only when somebody says so
        with database.write() as writing:
            if wanted == "close":
                store.close(writing, class_id)
                flash("Nobody can join now. Who is in the class stays in it.")
            else:
                store.new_code(writing, class_id)
                flash("The class has a new code. An older one lets nobody in any more.")
        return redirect(url_for("classes.settings", class_id=class_id, _anchor="code"), 303)

    @blueprint.post("/classes/<int:class_id>/topics")
    def choose_topics(class_id: int) -> AnyResponse | tuple[str, int]:
        found = guards.instructor_of(class_id)
        do = request.form.get("do")
        choice = Choice(
            seen=request.form.get("seen", ""),
            zone=request.form.get("zone", due.UTC_NAME),
            topics=request.form.getlist("topic"),
            dues=request.form.getlist("due"),
            add=request.form.get("add", "") if do == "add" else "",
            move=request.form.get("move", ""),
        )
        title = TitleForm(formdata=None, data={"title": found.title})
        try:
            with database.write() as writing:
                store.lock(writing, class_id)
                before = store.topics(writing, class_id)
                chosen = changed(choice, before, library.snapshot())
                store.set_topics(writing, class_id, chosen)
        except ChoiceError as error:
            return _page(found, title, choice=choice, errors=error.errors)
        if do == "clocks" and due.zone(request.form.get("clocks")) is not None:
            session["zone"] = request.form["clocks"]
        flash("The topics are saved.")
        moved = choice.add or choice.move.partition(":")[2]
        # The keyboard goes on at the topic that was moved.
        at = f"topic-{moved}" if moved in dict(chosen) else "topics"
        return redirect(url_for("classes.settings", class_id=class_id, _anchor=at), 303)

    @blueprint.route("/classes/<int:class_id>/delete", methods=["GET", "POST"])
    def delete(class_id: int) -> AnyResponse | tuple[str, int]:
        found = guards.instructor_of(class_id)
        with database.read() as reading:
            people = members.count(reading, class_id)
        form = TitleForm()
        if form.validate_on_submit() and form.title.data == found.title:
            with database.write() as writing:
                store.delete(writing, class_id)
            flash(f"The class {found.title} is deleted. Every answer is still its learner’s.")
            return redirect(url_for("classes.classes"), 303)
        if form.is_submitted():
            form.title.errors = ["That is not the title of this class."]
        page = render_template("classes/delete.html", room=found, form=form, people=people)
        return page, 422 if form.errors else 200

    def _page(
        found: Class,
        title: TitleForm,
        *,
        choice: Choice | None = None,
        errors: dict[str, str] | None = None,
    ) -> tuple[str, int]:
        snapshot, zone = library.snapshot(), choice.zone if choice is not None else _zone_name()
        with database.read() as reading:
            topics = store.topics(reading, found.id)
            lost = warnings.answered_elsewhere(reading, found.id, list(snapshot.questions))
        chosen = rows(topics, choice, errors or {}, snapshot, _where(zone))
        held = {row.topic for row in chosen}
        page = render_template(
            "classes/settings.html",
            room=found,
            form=title,
            rows=chosen,
            seen=mark(topics),
            fault=(errors or {}).get(""),
            others=[each for each in snapshot.topics.values() if each.id not in held],
            lost=lost,
            zone=zone,
            zones=due.zone_names(),
            zone_known="zone" in session,
            offset=due.told(datetime.now(UTC), _where(zone)),
        )
        return page, 422 if title.errors or errors else 200


def _zone_name() -> str:
    """The time zone that this browser's owner chose last, or chooses with this request."""
    asked = request.args.get("zone")
    if due.zone(asked) is not None:
        session["zone"] = asked
    name = session.get("zone")
    return name if isinstance(name, str) and due.zone(name) is not None else due.UTC_NAME


def _where(name: str) -> tzinfo:
    return due.zone(name) or UTC
