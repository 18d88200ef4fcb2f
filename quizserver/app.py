"""Puts the rooms together into one Flask application. Wiring only."""

from __future__ import annotations

import atexit
import logging
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa
from flask import Flask, Response, jsonify
from flask_limiter import Limiter
from flask_wtf.csrf import CSRFProtect
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from quizserver.accounts import pages as account_pages
from quizserver.accounts import roles_pages as role_pages
from quizserver.accounts.current_user import CurrentUser
from quizserver.attempts import pages as attempt_pages
from quizserver.attempts import store as attempts
from quizserver.attempts.access import AccessPolicy
from quizserver.attempts.experiments import create_experiment_recorder
from quizserver.attempts.form_tokens import FormTokens
from quizserver.attempts.service import QuestionService
from quizserver.authoring import pages as authoring_pages
from quizserver.authoring.preview import pages as preview_pages
from quizserver.authoring.preview.model import Preview
from quizserver.authoring.service import EditingService
from quizserver.authoring.verification import Verifications
from quizserver.classes import instructors_store as instructors
from quizserver.classes import members_store as members
from quizserver.classes import pages as class_pages
from quizserver.classes.items import pages as item_pages
from quizserver.classes.matrix import pages as matrix_pages
from quizserver.db.availability import BusyError, unavailable_reason
from quizserver.db.session import Database
from quizserver.evidence.claim_checks import create_claim_checker
from quizserver.evidence.record import recorded_description
from quizserver.lab.catalog import SimulationCatalog
from quizserver.lab_views.bench_builder import BenchBuilder
from quizserver.progress import pages as progress_pages
from quizserver.runs import pages as run_pages
from quizserver.runs.service import RunService
from quizserver.settings import Settings, secret_key
from quizserver.topics.library import Library
from quizserver.web import errors, security, static_files, urls
from quizserver.web.body_limiter import BodyLimiter

KIB = 1024


def create_app(settings: Settings, *, preview: Preview | None = None) -> Flask:
    """The whole application. The database must have been migrated already.

    With ``preview``, as its author needs it: nobody has to sign in, and the key is in sight.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    app = Flask(__name__, static_folder=None)
    key = secret_key(settings)
    app.config.update(
        SECRET_KEY=key,
        MAX_CONTENT_LENGTH=settings.body_kb * KIB,
        MAX_FORM_MEMORY_SIZE=settings.body_kb * KIB,
        RATELIMIT_HEADERS_ENABLED=True,
    )
    app.wsgi_app = BodyLimiter(  # type: ignore[method-assign]
        app.wsgi_app,
        max_concurrent=max(1, settings.web_threads // 3),
        bytes_max=settings.body_kb * KIB,
    )
    if settings.proxies:
        hops = settings.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    # A name that no page fills is a mistake, not an empty string.
    app.jinja_env.undefined = StrictUndefined
    urls.install_row_id_converter(app)
    security.install_security(app, https=settings.https)
    static_files.install_static_files(app)
    errors.install_error_pages(app, outage_reason=unavailable_reason)
    CSRFProtect(app)

    database = Database(settings.data_url)
    catalog = SimulationCatalog(recorded=recorded_description)
    library = Library(
        settings.content,
        claim_checker=create_claim_checker(catalog),
        only_topic=preview.only_topic if preview is not None else None,
    )
    library.watch(settings.content_poll_seconds)
    current = CurrentUser(app, database)
    runs = RunService(settings)
    access = AccessPolicy(database, library, current.learner_id)
    benches = BenchBuilder(catalog, settings.run_replicas_max)
    tokens = FormTokens(key)
    question_service = QuestionService(database, benches, tokens, current.learner_id)
    limiter = Limiter(current.visitor_token, app=app, storage_uri="memory://")

    app.register_blueprint(
        account_pages.create_accounts_blueprint(
            database=database,
            current=current,
            settings=settings,
            limiter=limiter,
            merge_guest=attempts.merge_guest_attempts,
            export_person=lambda session, person_id: (
                attempts.export_attempts(session, person_id)
                | members.export_memberships(session, person_id)
            ),
            sole_class_titles=lambda session, person_id: [
                learning_class.title
                for learning_class in instructors.classes_only_instructed_by(session, person_id)
            ],
        )
    )
    app.register_blueprint(role_pages.create_roles_blueprint(database=database, current=current))
    app.register_blueprint(
        run_pages.create_runs_blueprint(
            library=library,
            catalog=catalog,
            runs=runs,
            # an author may look at every curve
            may_use=access.may_use if preview is None else lambda _topic, _simulation: True,
            visitor=current.visitor_token,
            on_run=create_experiment_recorder(database, current.learner_id),
            limiter=limiter,
            settings=settings,
        )
    )
    app.register_blueprint(
        attempt_pages.create_attempts_blueprint(
            attempt_pages.QuestionPages(
                database, library, question_service, access, tokens, current
            ),
            limiter=limiter,
            settings=settings,
        )
    )
    app.register_blueprint(
        progress_pages.create_progress_blueprint(
            progress_pages.ProgressPages(library, question_service, access, benches, current)
        )
    )
    app.register_blueprint(
        class_pages.create_classes_blueprint(
            database=database,
            library=library,
            current=current,
            limiter=limiter,
            settings=settings,
        )
    )
    # What reads and computes beside the requests takes its share from all of them: two at a time.
    background_pool = ThreadPoolExecutor(2, thread_name_prefix="beside")
    for create_blueprint in (
        matrix_pages.create_matrix_blueprint,
        item_pages.create_items_blueprint,
    ):
        app.register_blueprint(
            create_blueprint(
                database=database, library=library, current=current, executor=background_pool
            )
        )
    verifications = Verifications(runs=runs, library=library)
    app.register_blueprint(
        authoring_pages.create_authoring_blueprint(
            database=database,
            editing=EditingService(
                database=database,
                library=library,
                catalog=catalog,
                content=settings.content,
                on_published=verifications.record_published_evidence,
            ),
            verifications=verifications,
            current=current,
            settings=settings,
        )
    )
    _add_health_check(app, database, library)
    if preview is not None:
        preview_pages.install_preview(
            app,
            settings=settings,
            database=database,
            library=library,
            benches=benches,
            current=current,
        )

    def close() -> None:
        library.close()
        runs.close()
        background_pool.shutdown(cancel_futures=True)
        database.dispose()

    app.extensions["quizserver-library"] = library
    app.extensions["quizserver-close"] = close
    atexit.register(close)
    return app


def _add_health_check(app: Flask, database: Database, library: Library) -> None:
    @app.get("/healthz")
    def healthz() -> Response | tuple[Response, int]:
        try:
            with database.read() as session:
                session.execute(sa.text("SELECT 1 FROM person WHERE 1 = 0"))
        except (sa.exc.SQLAlchemyError, BusyError):
            return jsonify(status="the database does not answer"), 503
        return jsonify(status="ok", topics=len(library.snapshot().topics))
