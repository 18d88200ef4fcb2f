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
from quizserver.accounts.current import Current
from quizserver.accounts.roles import pages as role_pages
from quizserver.attempts import pages as attempt_pages
from quizserver.attempts import store as attempts
from quizserver.attempts.desk import Desk
from quizserver.attempts.experiments.journal import journal
from quizserver.authoring import pages as authoring_pages
from quizserver.authoring.preview import pages as preview_pages
from quizserver.authoring.preview.model import Preview
from quizserver.authoring.proving import Proving
from quizserver.authoring.workshop import Workshop
from quizserver.classes import pages as class_pages
from quizserver.classes.instructors import store as instructors
from quizserver.classes.items import pages as item_pages
from quizserver.classes.matrix import pages as matrix_pages
from quizserver.classes.members import store as members
from quizserver.db.guards import BusyError, unavailable
from quizserver.db.session import Database
from quizserver.lab.catalog import Catalog
from quizserver.progress import pages as progress_pages
from quizserver.runs import pages as run_pages
from quizserver.runs.service import Runs
from quizserver.settings import Settings, secret_key
from quizserver.topics.library import Library
from quizserver.web import errors, numbers, security, static_files
from quizserver.web.bodies import BodyGate

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
    app.wsgi_app = BodyGate(  # type: ignore[method-assign]
        app.wsgi_app,
        at_once=max(1, settings.web_threads // 3),
        bytes_max=settings.body_kb * KIB,
    )
    if settings.proxies:
        hops = settings.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    # A name that no page fills is a mistake, not an empty string.
    app.jinja_env.undefined = StrictUndefined
    numbers.install(app)
    security.install(app, https=settings.https)
    static_files.install(app)
    errors.install(app, unavailable=unavailable)
    CSRFProtect(app)

    database = Database(settings.data_url)
    catalog = Catalog()
    library = Library(
        settings.content, catalog=catalog, only=preview.only if preview is not None else None
    )
    library.watch(settings.content_poll_seconds)
    current = Current(app, database)
    runs = Runs(settings)
    desk = Desk(
        database=database,
        library=library,
        catalog=catalog,
        learner_id=current.learner_id,
        replicas_max=settings.run_replicas_max,
        secret=key,
    )
    limiter = Limiter(current.visitor, app=app, storage_uri="memory://")

    app.register_blueprint(
        account_pages.pages(
            database=database,
            current=current,
            settings=settings,
            limiter=limiter,
            absorb=attempts.absorb,
            export=lambda session, person_id: (
                attempts.export(session, person_id) | members.export(session, person_id)
            ),
            orphans=lambda session, person_id: [
                each.title for each in instructors.only_instructor_of(session, person_id)
            ],
        )
    )
    app.register_blueprint(role_pages.pages(database=database, current=current))
    app.register_blueprint(
        run_pages.pages(
            library=library,
            catalog=catalog,
            runs=runs,
            # an author may look at every curve
            may_use=desk.may_use if preview is None else lambda _topic, _simulation: True,
            visitor=current.visitor,
            ran=journal(database, current.learner_id),
            limiter=limiter,
            settings=settings,
        )
    )
    app.register_blueprint(
        attempt_pages.pages(
            database=database, desk=desk, current=current, limiter=limiter, settings=settings
        )
    )
    app.register_blueprint(progress_pages.pages(database=database, desk=desk, current=current))
    app.register_blueprint(
        class_pages.pages(
            database=database,
            library=library,
            current=current,
            limiter=limiter,
            settings=settings,
        )
    )
    # What reads and computes beside the requests takes its share from all of them: two at a time.
    beside = ThreadPoolExecutor(2, thread_name_prefix="beside")
    for room in (matrix_pages, item_pages):
        app.register_blueprint(
            room.pages(database=database, library=library, current=current, beside=beside)
        )
    proving = Proving(runs=runs, library=library)
    app.register_blueprint(
        authoring_pages.pages(
            database=database,
            workshop=Workshop(
                database=database,
                library=library,
                catalog=catalog,
                content=settings.content,
                published=proving.published,
            ),
            proving=proving,
            current=current,
            settings=settings,
        )
    )
    _add_health(app, database, library)
    if preview is not None:
        preview_pages.install(app, settings=settings, database=database, desk=desk, current=current)

    def close() -> None:
        library.close()
        runs.close()
        beside.shutdown(cancel_futures=True)
        database.dispose()

    app.extensions["quizserver-library"] = library
    app.extensions["quizserver-close"] = close
    atexit.register(close)
    return app


def _add_health(app: Flask, database: Database, library: Library) -> None:
    @app.get("/healthz")
    def healthz() -> Response | tuple[Response, int]:
        try:
            with database.read() as session:
                session.execute(sa.text("SELECT 1 FROM person WHERE 1 = 0"))
        except (sa.exc.SQLAlchemyError, BusyError):
            return jsonify(status="the database does not answer"), 503
        return jsonify(status="ok", topics=len(library.snapshot().topics))
