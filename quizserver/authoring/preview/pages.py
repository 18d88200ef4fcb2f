"""The preview's own pages, and what it adds to every other: a bar with errors, and live reload."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath

from flask import Blueprint, Flask, Response, abort, g, jsonify, render_template, request, url_for

from quizserver.accounts import roles_store as roles
from quizserver.accounts import store as people
from quizserver.accounts.current_user import CurrentUser
from quizserver.accounts.model import Person
from quizserver.accounts.passwords import hash_password
from quizserver.authoring.preview import views
from quizserver.authoring.preview.excerpts import DiagnosticExcerpt, diagnostic_excerpts
from quizserver.authoring.preview.host_check import HostCheck
from quizserver.authoring.preview.model import content_flag
from quizserver.authoring.preview.revision import RevisionCounter
from quizserver.db.session import Database
from quizserver.lab_views.bench_builder import BenchBuilder
from quizserver.progress.lesson_blocks import BlockView, view_lesson_blocks
from quizserver.settings import Settings
from quizserver.topics.library import Library
from quizserver.topics.model import Diagnostic, Question, SimulationBlock, Topic

AUTHOR_EMAIL = "author@preview.example"
# Where a page may reload by itself: not where somebody types.
RELOADING_BLUEPRINTS = {"preview", "attempts", "progress", None}


@dataclass(frozen=True, slots=True)
class PreviewBar:
    """What stands above every page. ``scope`` is the topic whose problems it lists, if any."""

    revision: str
    auto_reload: bool
    scope: str | None
    problems: list[DiagnosticExcerpt]
    elsewhere: int
    author_url: str | None
    learner_url: str | None
    as_author: bool


def install_preview(
    app: Flask,
    *,
    settings: Settings,
    database: Database,
    library: Library,
    benches: BenchBuilder,
    current: CurrentUser,
) -> None:
    """Turns ``app`` into a preview: everybody is its author, and the key is in sight.

    It belongs on an address of this machine: requests under another host's name are refused, so
    that no web page elsewhere can read it through a browser here.
    """
    app.wsgi_app = HostCheck(app.wsgi_app)  # type: ignore[method-assign]
    author = _ensure_author(database)
    revision = RevisionCounter()
    content_option = content_flag(settings.content, Settings().content)
    verify_template = "quizserver verify {} --update" + content_option.replace("{", "{{").replace(
        "}", "}}"
    )
    # Macros that are imported without a context see globals alone.
    app.jinja_env.globals["previewing"] = True

    @app.before_request
    def sign_in_visitor() -> None:
        # Before the page is made: if a file changes meanwhile, the page is one reload behind.
        g.preview_revision = revision.revision_of(library.snapshot())
        if request.endpoint not in {"static_files", "healthz"} and current.account() is None:
            current.sign_in(author)

    @app.context_processor
    def add_preview_bar() -> dict[str, PreviewBar]:
        return {"preview_bar": _build_bar(library, settings)}

    blueprint = Blueprint("preview", __name__, url_prefix="/preview")

    @blueprint.get("/")
    def home() -> str:
        return render_template(
            "authoring/preview_home.html",
            rows=views.preview_topic_rows(library.snapshot(), verify_template),
            check_command=f"quizserver check{content_option}",
        )

    @blueprint.get("/state.json")
    def state() -> Response:
        return jsonify(revision=g.preview_revision)

    @blueprint.get("/topics/<topic>", endpoint="topic")
    def show_topic(topic: str) -> str | tuple[str, int]:
        served_topic = _find_topic(library, topic)
        if served_topic is None:
            return _render_unserved(topic)
        snapshot = library.snapshot()
        blocks = view_lesson_blocks(
            served_topic,
            snapshot,
            view_question=lambda question: _keyed_question(
                snapshot.topics[question.topic], question
            ),
            view_bench=lambda block: _bench_block(served_topic, block),
        )
        return render_template(
            "authoring/preview_topic.html",
            topic=served_topic,
            blocks=list(blocks),
            keyed_questions=[
                _keyed_question(served_topic, question) for question in served_topic.questions
            ],
            state=views.evidence_state(served_topic, None, verify_template.format(served_topic.id)),
            verify=verify_template.format(served_topic.id),
        )

    @blueprint.get("/questions/<question>", endpoint="question")
    def show_question(question: str) -> str | tuple[str, int]:
        snapshot = library.snapshot()
        served_question = snapshot.questions.get(question)
        if served_question is None:
            return _render_unserved(question)
        topic = snapshot.topics[served_question.topic]
        view = _keyed_question(topic, served_question)
        if served_question.simulation is not None:
            bench = benches.build_bench(
                topic,
                served_question.simulation,
                url_for,
                described=served_question.described_curve,
            )
            pending = bench is None and not _is_unusable(topic, served_question.simulation)
            view = replace(view, bench=bench, bench_pending=pending)
        return render_template("authoring/preview_question.html", question=view)

    def _keyed_question(topic: Topic, question: Question) -> views.KeyedQuestion:
        is_last_good = question.path in library.snapshot().stale_paths
        return views.keyed_question(
            topic,
            question,
            is_last_good=is_last_good,
            verify_command=verify_template.format(topic.id),
        )

    def _bench_block(topic: Topic, block: SimulationBlock) -> BlockView:
        bench = benches.build_bench(
            topic, block.simulation, url_for, arm=block.arm, knobs=block.knobs
        )
        if bench is not None:
            return "bench", bench
        return ("missing" if _is_unusable(topic, block.simulation) else "pending"), block.simulation

    def _is_unusable(topic: Topic, simulation: str) -> bool:
        """Whether the simulation can't be used; else it is only being read."""
        path = f"{topic.folder.name}/{simulation}.py"
        problems = library.snapshot().diagnostics
        return simulation not in topic.simulations or any(p.path == path for p in problems)

    def _render_unserved(name: str) -> tuple[str, int]:
        """The page of what no good version is there of: why, if any file says it."""
        if not _problems_about(library, name):
            abort(404)
        return render_template("authoring/preview_unserved.html", name=name), 200

    app.register_blueprint(blueprint)


def _ensure_author(database: Database) -> Person:
    """The account that every visitor of the preview has, in its store of its own."""
    with database.write() as session:
        person = people.person_by_email(session, AUTHOR_EMAIL)
        if person is None:
            person = people.ensure_guest(session, people.new_visitor_token())
            password_hash = hash_password(secrets.token_urlsafe())
            people.register_account(session, person.id, AUTHOR_EMAIL, password_hash)
            roles.grant_role(session, person.id, "author", by=None, now=datetime.now(UTC))
    with database.read() as session:
        person = people.person_by_email(session, AUTHOR_EMAIL)
    assert person is not None
    return person


def _find_topic(library: Library, name: str) -> Topic | None:
    """The topic with this id or in this folder: problems name the folder."""
    snapshot = library.snapshot()
    return snapshot.topics.get(name) or snapshot.topic_in_folder(name)


def _build_bar(library: Library, settings: Settings) -> PreviewBar:
    arguments = request.view_args or {}
    question, topic = arguments.get("question"), arguments.get("topic")
    problems = library.snapshot().diagnostics
    listed, scope = list(_folder_problems(problems)), None
    author_url = learner_url = None
    if question is not None:
        served_question = library.snapshot().questions.get(question)
        author_url = url_for("preview.question", question=question)
        if served_question is not None:
            learner_url = url_for("attempts.question", question=question)
            scope = served_question.path.split("/")[0]
            # What is wrong with the page in sight comes first.
            listed += sorted(
                _problems_in(problems, scope), key=lambda p: p.path != served_question.path
            )
        else:
            listed += _problems_about(library, question)
    elif topic is not None:
        served_topic = _find_topic(library, topic)
        scope = served_topic.folder.name if served_topic is not None else topic
        author_url = url_for("preview.topic", topic=topic)
        if served_topic is not None:
            learner_url = url_for("progress.topic", topic=served_topic.id)
        listed += _problems_in(problems, scope)
    elif request.endpoint == "preview.home":
        listed = list(problems)
    return PreviewBar(
        revision=g.get("preview_revision", ""),
        # what a form has sent must not be sent again
        auto_reload=request.method == "GET" and request.blueprint in RELOADING_BLUEPRINTS,
        scope=scope,
        problems=diagnostic_excerpts(listed, settings.content),
        elsewhere=len(problems) - len(listed),
        author_url=author_url,
        learner_url=learner_url,
        as_author=request.blueprint == "preview",
    )


def _problems_in(problems: tuple[Diagnostic, ...], folder: str) -> list[Diagnostic]:
    return [problem for problem in problems if problem.folder == folder]


def _folder_problems(problems: tuple[Diagnostic, ...]) -> Iterator[Diagnostic]:
    """What is wrong with the content folder as a whole."""
    return (problem for problem in problems if problem.path == ".")


def _problems_about(library: Library, name: str) -> list[Diagnostic]:
    """The problems of a folder of this name, or of files that a page of this name would be in."""
    problems = library.snapshot().diagnostics
    return _problems_in(problems, name) or [
        p for p in problems if PurePosixPath(p.path).stem == name
    ]
