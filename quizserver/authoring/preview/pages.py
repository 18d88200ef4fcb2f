"""The preview's own pages, and what it adds to every other: a bar with errors, and live reload."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath

from flask import Blueprint, Flask, Response, abort, g, jsonify, render_template, request, url_for

from quizserver.accounts import store as people
from quizserver.accounts.current import Current
from quizserver.accounts.model import Person
from quizserver.accounts.passwords import hash_password
from quizserver.accounts.roles import store as roles
from quizserver.attempts.desk import Desk
from quizserver.authoring.preview import views
from quizserver.authoring.preview.excerpts import ProblemView, problem_views
from quizserver.authoring.preview.gate import HostGate
from quizserver.authoring.preview.model import content_flag
from quizserver.authoring.preview.revision import Revision
from quizserver.db.session import Database
from quizserver.progress.lesson import Shown, shown_blocks
from quizserver.settings import Settings
from quizserver.topics.model import Problem, Question, SimulationBlock, Topic

AUTHOR = "author@preview.example"
# Where a page may reload by itself: not where somebody types.
LIVE = {"preview", "attempts", "progress", None}


@dataclass(frozen=True, slots=True)
class Bar:
    """What stands above every page. ``scope`` is the topic whose problems it lists, if any."""

    revision: str
    live: bool
    scope: str | None
    problems: list[ProblemView]
    elsewhere: int
    author_url: str | None
    learner_url: str | None
    as_author: bool


def install(
    app: Flask, *, settings: Settings, database: Database, desk: Desk, current: Current
) -> None:
    """Turns ``app`` into a preview: everybody is its author, and the key is in sight.

    It belongs on an address of this machine: requests under another host's name are refused, so
    that no web page elsewhere can read it through a browser here.
    """
    app.wsgi_app = HostGate(app.wsgi_app)  # type: ignore[method-assign]
    author = _author(database)
    revision = Revision()
    flag = content_flag(settings.content, Settings().content)
    verify = "quizserver verify {} --update" + flag.replace("{", "{{").replace("}", "}}")
    # Macros that are imported without a context see globals alone.
    app.jinja_env.globals["previewing"] = True

    @app.before_request
    def arrive() -> None:
        # Before the page is made: if a file changes meanwhile, the page is one reload behind.
        g.preview_revision = revision.of(desk.library.snapshot())
        if request.endpoint not in {"static_files", "healthz"} and current.account() is None:
            current.sign_in(author)

    @app.context_processor
    def bar_of_the_page() -> dict[str, Bar]:
        return {"preview_bar": _bar(desk, settings)}

    blueprint = Blueprint("preview", __name__, url_prefix="/preview")

    @blueprint.get("/")
    def home() -> str:
        return render_template(
            "authoring/preview_home.html",
            rows=views.topic_rows(desk.library.snapshot(), verify),
            check=f"quizserver check{flag}",
        )

    @blueprint.get("/state.json")
    def state() -> Response:
        return jsonify(revision=g.preview_revision)

    @blueprint.get("/topics/<topic>", endpoint="topic")
    def show_topic(topic: str) -> str | tuple[str, int]:
        found = _topic(desk, topic)
        if found is None:
            return _unserved(topic)
        snapshot = desk.library.snapshot()
        blocks = shown_blocks(
            found,
            snapshot,
            question=lambda question: _keyed(snapshot.topics[question.topic], question),
            bench=lambda block: _bench(found, block),
        )
        return render_template(
            "authoring/preview_topic.html",
            topic=found,
            blocks=list(blocks),
            keyed=[_keyed(found, question) for question in found.questions],
            state=views.evidence_state(found, None, verify.format(found.id)),
            verify=verify.format(found.id),
        )

    @blueprint.get("/questions/<question>", endpoint="question")
    def show_question(question: str) -> str | tuple[str, int]:
        snapshot = desk.library.snapshot()
        found = snapshot.questions.get(question)
        if found is None:
            return _unserved(question)
        topic = snapshot.topics[found.topic]
        view = _keyed(topic, found)
        if found.simulation is not None:
            bench = desk.bench(topic, found.simulation, None, {}, url_for, found.described)
            pending = bench is None and not _broken(topic, found.simulation)
            view = replace(view, bench=bench, bench_pending=pending)
        return render_template("authoring/preview_question.html", q=view)

    def _keyed(topic: Topic, question: Question) -> views.KeyedQuestion:
        kept = question.path in desk.library.snapshot().kept
        return views.keyed_question(topic, question, kept=kept, command=verify.format(topic.id))

    def _bench(topic: Topic, block: SimulationBlock) -> Shown:
        bench = desk.bench(topic, block.simulation, block.arm, block.knobs, url_for)
        if bench is not None:
            return "bench", bench
        return ("missing" if _broken(topic, block.simulation) else "pending"), block.simulation

    def _broken(topic: Topic, simulation: str) -> bool:
        """Whether the simulation can't be used; else it is only being read."""
        path = f"{topic.folder.name}/{simulation}.py"
        problems = desk.library.snapshot().problems
        return simulation not in topic.simulations or any(p.path == path for p in problems)

    def _unserved(name: str) -> tuple[str, int]:
        """The page of what no good version is there of: why, if any file says it."""
        if not _about(desk, name):
            abort(404)
        return render_template("authoring/preview_unserved.html", name=name), 200

    app.register_blueprint(blueprint)


def _author(database: Database) -> Person:
    """The account that every visitor of the preview has, in its store of its own."""
    with database.write() as session:
        person = people.by_email(session, AUTHOR)
        if person is None:
            person = people.ensure_guest(session, people.new_visitor())
            hashed = hash_password(secrets.token_urlsafe())
            people.give_address(session, person.id, AUTHOR, hashed)
            roles.grant(session, person.id, "author", by=None, now=datetime.now(UTC))
    with database.read() as session:
        person = people.by_email(session, AUTHOR)
    assert person is not None
    return person


def _topic(desk: Desk, name: str) -> Topic | None:
    """The topic with this id or in this folder: problems name the folder."""
    topics = desk.library.snapshot().topics
    return topics.get(name) or next((t for t in topics.values() if t.folder.name == name), None)


def _bar(desk: Desk, settings: Settings) -> Bar:
    arguments = request.view_args or {}
    question, topic = arguments.get("question"), arguments.get("topic")
    problems = desk.library.snapshot().problems
    shown, scope = list(_lost(problems)), None
    author_url = learner_url = None
    if question is not None:
        found = desk.library.snapshot().questions.get(question)
        author_url = url_for("preview.question", question=question)
        if found is not None:
            learner_url = url_for("attempts.question", question=question)
            scope = found.path.split("/")[0]
            # What is wrong with the page in sight comes first.
            shown += sorted(_of(problems, scope), key=lambda p: p.path != found.path)
        else:
            shown += _about(desk, question)
    elif topic is not None:
        served = _topic(desk, topic)
        scope = served.folder.name if served is not None else topic
        author_url = url_for("preview.topic", topic=topic)
        if served is not None:
            learner_url = url_for("progress.topic", topic=served.id)
        shown += _of(problems, scope)
    elif request.endpoint == "preview.home":
        shown = list(problems)
    return Bar(
        revision=g.get("preview_revision", ""),
        # what a form has sent must not be sent again
        live=request.method == "GET" and request.blueprint in LIVE,
        scope=scope,
        problems=problem_views(shown, settings.content),
        elsewhere=len(problems) - len(shown),
        author_url=author_url,
        learner_url=learner_url,
        as_author=request.blueprint == "preview",
    )


def _of(problems: tuple[Problem, ...], folder: str) -> list[Problem]:
    return [problem for problem in problems if problem.path.split("/")[0] == folder]


def _lost(problems: tuple[Problem, ...]) -> Iterator[Problem]:
    """What is wrong with the content folder as a whole."""
    return (problem for problem in problems if problem.path == ".")


def _about(desk: Desk, name: str) -> list[Problem]:
    """The problems of a folder of this name, or of files that a page of this name would be in."""
    problems = desk.library.snapshot().problems
    return _of(problems, name) or [p for p in problems if PurePosixPath(p.path).stem == name]
