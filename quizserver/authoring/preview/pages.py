"""The preview's own pages, and what it adds to every other: a bar with errors, and live reload."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

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
from quizserver.hosts.health_pages import HEALTH_ENDPOINTS
from quizserver.lab_views.bench_builder import BenchBuilder
from quizserver.progress.lesson_blocks import BlockView, view_lesson_blocks
from quizserver.settings import Settings
from quizserver.topics.library import Library
from quizserver.topics.model import (
    Diagnostic,
    ProblemCount,
    Question,
    SimulationBlock,
    Snapshot,
    Topic,
    count_problems,
)

AUTHOR_EMAIL = "author@preview.example"
# Where a page may reload by itself: not where somebody types.
RELOADING_BLUEPRINTS = {"preview", "attempts", "progress", None}


def install_preview(
    app: Flask,
    *,
    settings: Settings,
    database: Database,
    library: Library,
    benches: BenchBuilder,
    current: CurrentUser,
) -> None:
    """Turns ``app`` into a preview: every visitor is its author, and the key is shown.

    It belongs on an address of this machine: requests under another host's name are refused, so
    that no web page elsewhere can read it through a browser here.
    """
    app.wsgi_app = HostCheck(app.wsgi_app)  # type: ignore[method-assign]
    hooks = PreviewHooks(
        library, settings.content, current, _ensure_author(database), RevisionCounter()
    )
    app.before_request(hooks.sign_in_visitor)
    app.context_processor(hooks.preview_context)
    # Macros that are imported without a context see globals alone.
    app.jinja_env.globals["previewing"] = True

    content_option = content_flag(settings.content, Settings().content)
    escaped_option = content_option.replace("{", "{{").replace("}", "}}")
    pages = PreviewPages(
        library,
        benches,
        verify_template="quizserver verify {} --update" + escaped_option,
        check_command=f"quizserver check{content_option}",
    )
    blueprint = Blueprint("preview", __name__, url_prefix="/preview")
    blueprint.add_url_rule("/", "home", pages.show_home)
    blueprint.add_url_rule("/state.json", "state", show_state)
    blueprint.add_url_rule("/topics/<topic>", "topic", pages.show_topic)
    blueprint.add_url_rule("/questions/<question>", "question", pages.show_question)
    app.register_blueprint(blueprint)


def show_state() -> Response:
    return jsonify(revision=g.preview_revision)


@dataclass(frozen=True, slots=True)
class PreviewPages:
    """The pages with the key in sight. ``verify_template`` is a command with ``{}`` for a topic."""

    library: Library
    benches: BenchBuilder
    verify_template: str
    check_command: str

    def show_home(self) -> str:
        return render_template(
            "authoring/preview_home.html",
            rows=views.preview_topic_rows(self.library.snapshot(), self.verify_template),
            check_command=self.check_command,
        )

    def show_topic(self, topic: str) -> str | tuple[str, int]:
        snapshot = self.library.snapshot()
        served_topic = _find_topic(snapshot, topic)
        if served_topic is None:
            return _render_unserved(snapshot, topic)
        recorded = views.load_recorded_evidence(served_topic)
        keyed_questions = {
            question.id: self._keyed_question(snapshot, question, recorded)
            for question in served_topic.questions
        }
        blocks = view_lesson_blocks(
            served_topic,
            snapshot,
            view_question=lambda question: (
                keyed_questions.get(question.id) or self._keyed_question(snapshot, question)
            ),
            view_bench=lambda block: self._bench_block(snapshot, served_topic, block),
        )
        verify_command = self.verify_template.format(served_topic.id)
        return render_template(
            "authoring/preview_topic.html",
            topic=served_topic,
            blocks=list(blocks),
            keyed_questions=list(keyed_questions.values()),
            state=views.evidence_state(served_topic, recorded, None, verify_command),
            verify_command=verify_command,
        )

    def show_question(self, question: str) -> str | tuple[str, int]:
        snapshot = self.library.snapshot()
        served_question = snapshot.questions.get(question)
        if served_question is None:
            return _render_unserved(snapshot, question)
        topic = snapshot.topics[served_question.topic]
        view = self._keyed_question(snapshot, served_question)
        if served_question.simulation is not None:
            bench = self.benches.defer_bench(
                topic,
                served_question.simulation,
                url_for,
                described=served_question.described_curve,
            )
            pending = bench is None and not _is_unusable(
                snapshot, topic, served_question.simulation
            )
            view = replace(view, bench=bench, bench_pending=pending)
        return render_template("authoring/preview_question.html", question=view)

    def _keyed_question(
        self,
        snapshot: Snapshot,
        question: Question,
        recorded: views.RecordedEvidence | None = None,
    ) -> views.KeyedQuestion:
        """The question with its key; ``recorded`` is the evidence of its topic if it is loaded."""
        topic = snapshot.topics[question.topic]
        return views.keyed_question(
            topic,
            question,
            recorded or views.load_recorded_evidence(topic),
            is_last_good=question.path in snapshot.stale_paths,
            verify_command=self.verify_template.format(topic.id),
        )

    def _bench_block(self, snapshot: Snapshot, topic: Topic, block: SimulationBlock) -> BlockView:
        bench = self.benches.defer_bench(
            topic, block.simulation, url_for, arm=block.arm, knobs=block.knobs
        )
        if bench is not None:
            return "bench", bench
        is_unusable = _is_unusable(snapshot, topic, block.simulation)
        return ("missing" if is_unusable else "pending"), block.simulation


def _is_unusable(snapshot: Snapshot, topic: Topic, simulation: str) -> bool:
    """Whether the simulation can't be used; otherwise it is still being read."""
    path = f"{topic.folder.name}/{simulation}.py"
    return simulation not in topic.simulations or any(
        problem.path == path for problem in snapshot.diagnostics
    )


def _render_unserved(snapshot: Snapshot, name: str) -> tuple[str, int]:
    """The page of a name that has no good version to show; 404 when no diagnostic concerns it."""
    if not _problems_about(snapshot, name):
        abort(404)
    return render_template("authoring/preview_unserved.html", name=name), 200


def _find_topic(snapshot: Snapshot, name: str) -> Topic | None:
    """The topic with this id or in this folder: diagnostics name the folder."""
    return snapshot.topics.get(name) or snapshot.topic_in_folder(name)


def _ensure_author(database: Database) -> Person:
    """The account that every visitor of the preview has, in the preview's own database."""
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


@dataclass(frozen=True, slots=True)
class PreviewHooks:
    """What the preview does at every request: signs the visitor in, and fills the bar."""

    library: Library
    content: Path
    current: CurrentUser
    author: Person
    revision: RevisionCounter

    def sign_in_visitor(self) -> None:
        # Before the page is rendered: if a file changes meanwhile, the page reloads once more.
        g.preview_revision = self.revision.revision_of(self.library.snapshot())
        if request.endpoint not in HEALTH_ENDPOINTS | {"static_files"}:
            self.current.act_as(self.author)

    def preview_context(self) -> dict[str, PreviewBar]:
        return {"preview_bar": _build_bar(self.library.snapshot(), self.content)}


@dataclass(frozen=True, slots=True)
class PreviewBar:
    """What stands above every page. ``scope`` is the topic whose problems it lists, if any."""

    revision: str
    auto_reload: bool
    scope: str | None
    count: ProblemCount
    problems: list[DiagnosticExcerpt]
    elsewhere: ProblemCount
    author_url: str | None
    learner_url: str | None
    as_author: bool


def _build_bar(snapshot: Snapshot, content: Path) -> PreviewBar:
    arguments = request.view_args or {}
    question, topic = arguments.get("question"), arguments.get("topic")
    problems = snapshot.diagnostics
    # Those of the content folder as a whole concern every page.
    listed, scope = snapshot.diagnostics_in_folder("."), None
    author_url = learner_url = None
    if question is not None:
        served_question = snapshot.questions.get(question)
        author_url = url_for("preview.question", question=question)
        if served_question is not None:
            learner_url = url_for("attempts.question", question=question)
            path = served_question.path
            scope = path.split("/")[0]
            # Problems of the page in sight come first.
            listed += sorted(snapshot.diagnostics_in_folder(scope), key=lambda p: p.path != path)
        else:
            listed += _problems_about(snapshot, question)
    elif topic is not None:
        served_topic = _find_topic(snapshot, topic)
        scope = served_topic.folder.name if served_topic is not None else topic
        author_url = url_for("preview.topic", topic=topic)
        if served_topic is not None:
            learner_url = url_for("progress.topic", topic=served_topic.id)
        listed += snapshot.diagnostics_in_folder(scope)
    elif request.endpoint == "preview.home":
        listed = list(problems)
    return PreviewBar(
        revision=g.get("preview_revision", ""),
        # A page that answers a form must not reload: the form would be sent once more.
        auto_reload=request.method == "GET" and request.blueprint in RELOADING_BLUEPRINTS,
        scope=scope,
        count=count_problems(listed),
        problems=diagnostic_excerpts(listed, content),
        elsewhere=count_problems(problem for problem in problems if problem not in listed),
        author_url=author_url,
        learner_url=learner_url,
        as_author=request.blueprint == "preview",
    )


def _problems_about(snapshot: Snapshot, name: str) -> list[Diagnostic]:
    """The problems of a folder of this name, or of files whose page would have this name."""
    return snapshot.diagnostics_in_folder(name) or [
        problem for problem in snapshot.diagnostics if PurePosixPath(problem.path).stem == name
    ]
