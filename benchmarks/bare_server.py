"""The web process of quizserver, with two bare pages beside it to measure its pages against.

``python -m benchmarks.bare_server`` serves quizserver's application, and below ``/bare`` the least
that a page with data takes in Flask and SQLAlchemy: four selects of Core and one template; and for
an answer one transaction with an attempt and a standing, durable. Both are answered by the same
process, and their tables are equal.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from flask import Flask, redirect, render_template, request
from jinja2 import DictLoader
from sqlalchemy.dialects.sqlite import insert
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wrappers import Response

from quizserver import web_process
from quizserver.db.session import Database
from quizserver.db.tables import attempt, member, metadata, person, question_version, standing
from quizserver.settings import load_settings

QUESTION, VERSION = "strange-loss", "v1"
OPTIONS = ("regularisation", "low-rate", "local-minima", "high-rate")

TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ question }}</title></head><body>
<h1>{{ question }}</h1>
<p>{{ person.visitor }} is in {{ classes | length }} classes and has answered
{{ standings | length }} questions.</p>
<ul>{% for option in options %}<li>{{ option }}</li>{% endfor %}</ul>
<ol>{% for row in attempts %}
<li>{{ row.answered_at.isoformat() }}: {{ row.chosen | join(", ") }},
{{ "right" if row.right else "wrong" }}</li>{% endfor %}</ol>
<form method="post"><button>Submit</button></form></body></html>
"""


def application() -> Flask:
    """quizserver's application, as a web process creates it, with the bare one mounted in it."""
    app = web_process.application()
    bare = create_bare_app(load_settings(os.environ).data / "bare.sqlite")
    app.wsgi_app = DispatcherMiddleware(  # type: ignore[method-assign]
        app.wsgi_app, {"/bare": bare.wsgi_app}
    )
    return app


def create_bare_app(path: Path) -> Flask:
    """An application with one page, ``/``, and one form, ``/answer``, on a database of its own."""
    app = Flask("bare")
    app.jinja_loader = DictLoader({"page.html": TEMPLATE})
    database = Database(f"sqlite:///{path}")
    metadata.create_all(database.engine)
    _insert_learner(database)

    @app.get("/")
    def show_page() -> str:
        with database.read() as session:
            learner = session.execute(sa.select(person).where(person.c.visitor == "ann")).one()
            classes = session.execute(
                sa.select(member.c.class_id).where(member.c.person_id == learner.id)
            ).all()
            standings = session.execute(
                sa.select(standing).where(standing.c.person_id == learner.id)
            ).all()
            attempts = session.execute(
                sa.select(attempt)
                .where(attempt.c.person_id == learner.id, attempt.c.question == QUESTION)
                .order_by(attempt.c.number)
                .limit(10)
            ).all()
        return render_template(
            "page.html",
            question=QUESTION,
            options=OPTIONS,
            person=learner,
            classes=classes,
            standings=standings,
            attempts=attempts,
        )

    @app.post("/answer")
    def take_answer() -> Response:
        chosen = request.form.getlist("option")
        _insert_answer(database, chosen)
        return redirect(request.script_root + "/", code=303)

    return app


def _insert_learner(database: Database) -> None:
    with database.write() as session:
        if session.scalar(sa.select(person.c.id)) is not None:
            return
        now = datetime.now(UTC)
        session.execute(sa.insert(person).values(id=1, visitor="ann", created_at=now))
        session.execute(
            sa.insert(question_version).values(
                question=QUESTION, version=VERSION, source="", first_answered_at=now
            )
        )


def _insert_answer(database: Database, chosen: list[str]) -> None:
    right, now = "low-rate" in chosen, datetime.now(UTC)
    with database.write() as session:
        number = 1 + (
            session.scalar(
                sa.select(standing.c.attempts).where(
                    standing.c.person_id == 1, standing.c.question == QUESTION
                )
            )
            or 0
        )
        session.execute(
            sa.insert(attempt).values(
                person_id=1,
                question=QUESTION,
                version=VERSION,
                number=number,
                shown=list(OPTIONS),
                chosen=chosen,
                right=right,
                mark=float(right),
                answered_at=now,
            )
        )
        marks = {"latest_mark": float(right), "latest_at": now, "attempts": number}
        row = insert(standing).values(
            person_id=1,
            question=QUESTION,
            first_mark=float(right),
            first_at=now,
            best_mark=float(right),
            **marks,
        )
        session.execute(
            row.on_conflict_do_update(
                index_elements=["person_id", "question"],
                set_=marks | {"best_mark": sa.func.max(standing.c.best_mark, float(right))},
            )
        )


if __name__ == "__main__":
    web_process.APPLICATION_TARGET = "benchmarks.bare_server:application"
    web_process.run_web_process()
