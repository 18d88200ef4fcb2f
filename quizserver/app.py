"""Creates the Flask application from the packages. Wiring only."""

from __future__ import annotations

import atexit
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from flask import Flask
from flask_limiter import Limiter
from jinja2 import StrictUndefined
from sqlalchemy.orm import Session
from werkzeug.middleware.proxy_fix import ProxyFix

from quizserver.accounts import pages as account_pages
from quizserver.accounts import roles_pages as role_pages
from quizserver.accounts.current_user import CurrentUser
from quizserver.accounts.model import Person
from quizserver.accounts.try_limits import TryLimits
from quizserver.administration import log_pages
from quizserver.attempts import pages as attempt_pages
from quizserver.attempts import store as attempts
from quizserver.attempts.access import AccessPolicy
from quizserver.attempts.experiments import create_experiment_recorder
from quizserver.attempts.form_tokens import FormTokens
from quizserver.attempts.service import QuestionService
from quizserver.authoring import pages as authoring_pages
from quizserver.authoring.files import PageRef
from quizserver.authoring.service import EditingService
from quizserver.authoring.verification import Verifications
from quizserver.classes import instructors_store as instructors
from quizserver.classes import members_store as members
from quizserver.classes import pages as class_pages
from quizserver.classes.items import pages as item_pages
from quizserver.classes.matrix import pages as matrix_pages
from quizserver.db.availability import unavailable_reason
from quizserver.db.session import Database
from quizserver.evidence.claim_checks import PatientDescriber, create_claim_checker
from quizserver.evidence.record import recorded_description
from quizserver.hosts import store as hosts
from quizserver.hosts.guards import install_key_guard
from quizserver.hosts.health_pages import HealthPages, create_health_blueprint
from quizserver.hosts.host import Host
from quizserver.hosts.machines_pages import MachinesPages, create_machines_blueprint
from quizserver.hosts.model import ProcessIdentity, identify_process
from quizserver.hosts.readiness import Readiness
from quizserver.lab.catalog import SimulationCatalog, reading_limits
from quizserver.lab_views import pages as simulation_pages
from quizserver.lab_views.bench_builder import BenchBuilder
from quizserver.progress import pages as progress_pages
from quizserver.reports import pages as report_pages
from quizserver.reports import store as reports
from quizserver.runs import pages as run_pages
from quizserver.runs import plan_pages
from quizserver.runs.access import WHOLE, SimulationAccess
from quizserver.runs.context import RunContext
from quizserver.runs.service import RunService
from quizserver.server_log import configure_logging
from quizserver.settings import Settings, secret_key
from quizserver.topics.library import Library
from quizserver.web import (
    compression,
    errors,
    fragments,
    languages,
    moments,
    security,
    security_log,
    shared_macros,
    static_files,
    text_guard,
    urls,
)
from quizserver.web.body_limiter import BodyLimiter
from quizserver.web.request_limits import create_limiter

if TYPE_CHECKING:
    from quizserver.authoring.preview.model import Preview

KIB = 1024
READING_PATIENCE = 3.0
"""Seconds that a check of all claims waits for simulations; it is repeated when more were read."""


@dataclass(frozen=True, slots=True)
class AppServices:
    """What the pages of several packages share in one application."""

    settings: Settings
    database: Database
    catalog: SimulationCatalog
    library: Library
    current: CurrentUser
    runs: RunService
    benches: BenchBuilder
    limiter: Limiter
    background_pool: ThreadPoolExecutor
    identity: ProcessIdentity
    host: Host

    def close(self) -> None:
        """Ends what runs beside the pages, and lets go of the whole application."""
        atexit.unregister(self.close)
        self.host.close()
        self.library.close()
        self.runs.close()
        self.background_pool.shutdown(cancel_futures=True)
        self.database.dispose()


def create_app(settings: Settings, *, preview: Preview | None = None) -> Flask:
    """The whole application. The database must have been migrated already.

    With ``preview`` it is an author's preview: nobody has to sign in, and the key is shown.
    """
    configure_logging()
    app = Flask(__name__, static_folder=None)
    _configure_app(app, settings)
    services = _create_services(app, settings, preview)
    _register_accounts(app, services)
    _register_questions(app, services, is_preview=preview is not None)
    _register_classes(app, services)
    _register_authoring(app, services)
    _register_hosts(app, services)
    if preview is not None:
        from quizserver.authoring.preview import pages as preview_pages

        preview_pages.install_preview(
            app,
            settings=settings,
            database=services.database,
            library=services.library,
            benches=services.benches,
            current=services.current,
        )
    app.wsgi_app = security.SecurityHeaders(  # type: ignore[method-assign]
        app.wsgi_app, https=settings.https, hsts_subdomains=settings.hsts_subdomains
    )
    app.extensions["quizserver-library"] = services.library
    app.extensions["quizserver-close"] = services.close
    atexit.register(services.close)
    return app


def _configure_app(app: Flask, settings: Settings) -> None:
    """Sets the limits, middleware, error pages and security headers of every request."""
    app.config.update(
        SECRET_KEY=secret_key(settings),
        MAX_CONTENT_LENGTH=settings.body_kb * KIB,
        MAX_FORM_MEMORY_SIZE=settings.body_kb * KIB,
        RATELIMIT_HEADERS_ENABLED=True,
        DEBUG=False,  # Flask would read it from a variable
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
    shared_macros.share_macros(app)
    fragments.keep_fragments(app)
    compression.install_compression(app)
    urls.install_row_id_converter(app)
    security.install_sessions(app, https=settings.https)
    static_files.install_static_files(app)
    languages.install_languages(app)
    moments.install_moments(app)
    error_pages = errors.ErrorPages(unavailable_reason, attempt_pages.question_address_of_request)
    errors.install_error_pages(app, error_pages)
    security_log.install_security_log(app)
    text_guard.install_text_guard(app)


def _create_services(app: Flask, settings: Settings, preview: Preview | None) -> AppServices:
    database = Database(settings.data_url)
    catalog = SimulationCatalog(
        recorded=recorded_description,
        limits=reading_limits(settings),
        on_read=lambda: library.check_claims_again(),
    )
    library = Library(
        settings.content,
        claim_checker=create_claim_checker(PatientDescriber(catalog, READING_PATIENCE)),
        only_topic=preview.only_topic if preview is not None else None,
    )
    library.watch(settings.content_poll_seconds)
    # Computes beside the requests and takes CPU time from them: two tasks at a time.
    background_pool = ThreadPoolExecutor(2, thread_name_prefix="beside")
    current = CurrentUser(app, database, background_pool)
    identity = identify_process(settings.data, app.config["SECRET_KEY"])
    return AppServices(
        settings=settings,
        database=database,
        catalog=catalog,
        library=library,
        current=current,
        runs=RunService(settings),
        benches=BenchBuilder(catalog, settings.run_replicas_max),
        limiter=create_limiter(app, current.visitor_token),
        background_pool=background_pool,
        identity=identity,
        host=Host(database, library, identity),
    )


def _register_accounts(app: Flask, services: AppServices) -> None:
    app.register_blueprint(
        account_pages.create_accounts_blueprint(
            account_pages.AccountPages(
                services.database,
                services.current,
                TryLimits.from_settings(
                    services.database, services.settings, app.config["SECRET_KEY"]
                ),
                merge_guest=_merge_guest,
                export_person=lambda session, person_id: (
                    attempts.export_attempts(session, person_id)
                    | reports.export_reports(session, person_id)
                    | members.export_memberships(session, person_id)
                ),
                sole_class_titles=lambda session, person_id: [
                    class_.title
                    for class_ in instructors.classes_only_instructed_by(session, person_id)
                ],
            )
        )
    )
    app.register_blueprint(
        role_pages.create_roles_blueprint(
            role_pages.RolesPages(services.database, services.current)
        )
    )
    app.register_blueprint(
        log_pages.create_log_blueprint(log_pages.LogPages(services.database, services.current))
    )


def _merge_guest(session: Session, guest_id: int, account_id: int) -> None:
    """Moves all that a guest did to an account."""
    attempts.merge_guest_attempts(session, guest_id, account_id)  # locks both first
    reports.merge_guest_reports(session, guest_id, account_id)


def _register_questions(app: Flask, services: AppServices, *, is_preview: bool) -> None:
    """Registers what learners use: questions, runs of their simulations, and progress."""
    database, library, current = services.database, services.library, services.current
    access = AccessPolicy(
        database, library, current.learner_id, services.benches.describe_simulation
    )
    tokens = FormTokens(app.config["SECRET_KEY"])
    question_service = QuestionService(database, services.benches, tokens, current.learner_id)
    simulation_access = SimulationAccess(
        library,
        # An author may look at every curve.
        find_grant=(lambda _topic, _simulation: WHOLE) if is_preview else access.simulation_grant,
    )
    run_context = RunContext(
        access=simulation_access,
        catalog=services.catalog,
        runs=services.runs,
        visitor_token=current.visitor_token,
        is_author=current.may_write,
        limit_key=current.limit_key,
        on_use=create_experiment_recorder(database, current.learner_id),
        settings=services.settings,
    )
    runs_blueprint = run_pages.create_runs_blueprint(
        run_pages.RunPages(run_context), limiter=services.limiter
    )
    simulation_pages.add_simulation_routes(
        runs_blueprint, simulation_pages.SimulationPages(simulation_access, services.benches)
    )
    app.register_blueprint(runs_blueprint)
    app.register_blueprint(
        plan_pages.create_plans_blueprint(
            plan_pages.PlanPages(run_context), limiter=services.limiter
        )
    )
    question_reports = report_pages.ReportPages(
        database, library, question_service, tokens, current
    )
    app.register_blueprint(
        report_pages.create_reports_blueprint(
            question_reports, limiter=services.limiter, settings=services.settings
        )
    )
    app.register_blueprint(
        attempt_pages.create_attempts_blueprint(
            attempt_pages.QuestionPages(
                database,
                library,
                question_service,
                access,
                tokens,
                current,
                services.host.require_current,
                behind_paths=lambda: services.host.differing,
                own_reports=question_reports.own_reports,
            ),
            limiter=services.limiter,
            settings=services.settings,
        )
    )
    app.register_blueprint(
        progress_pages.create_progress_blueprint(
            progress_pages.ProgressPages(
                library, question_service, access, services.benches, current
            )
        )
    )


def _register_classes(app: Flask, services: AppServices) -> None:
    app.register_blueprint(
        class_pages.create_classes_blueprint(
            database=services.database,
            library=services.library,
            current=services.current,
            limiter=services.limiter,
            settings=services.settings,
        )
    )
    for create_blueprint in (
        matrix_pages.create_matrix_blueprint,
        item_pages.create_items_blueprint,
    ):
        app.register_blueprint(
            create_blueprint(
                database=services.database,
                library=services.library,
                current=services.current,
                executor=services.background_pool,
            )
        )


def _register_authoring(app: Flask, services: AppServices) -> None:
    verifications = Verifications(runs=services.runs, library=services.library)

    def announce_published(ref: PageRef, person: Person) -> None:
        services.host.announce_page(ref.path, person.id)
        verifications.record_published_evidence(ref.topic)

    app.register_blueprint(
        authoring_pages.create_authoring_blueprint(
            database=services.database,
            editing=EditingService(
                database=services.database,
                library=services.library,
                catalog=services.catalog,
                content=services.settings.content,
                on_published=announce_published,
                behind_paths=lambda: services.host.differing,
            ),
            verifications=verifications,
            current=services.current,
            settings=services.settings,
        )
    )


def _register_hosts(app: Flask, services: AppServices) -> None:
    """Registers the addresses that say whether this process is alive, and ready."""
    library = services.library
    readiness = Readiness(
        services.database,
        keep_row=partial(_state_process, services.database, services.identity),
        render_page=partial(_render_first_pages, app, library),
        other_reason=services.host.unready_reason,
    )
    install_key_guard(app, services.host)
    app.register_blueprint(
        create_machines_blueprint(
            MachinesPages(
                services.database, library, services.identity, services.runs.workers.list_workers
            ),
            services.current,
        )
    )
    app.register_blueprint(
        create_health_blueprint(
            HealthPages(
                readiness, lambda: len(library.snapshot().topics), services.host.content_note
            )
        )
    )
    app.extensions["quizserver-readiness"] = readiness
    app.extensions["quizserver-host"] = services.host


def _state_process(database: Database, identity: ProcessIdentity) -> None:
    with database.write() as session:
        hosts.state_process(session, identity)


def _render_first_pages(app: Flask, library: Library) -> bool:
    """Renders the home page and one question for nobody in particular; whether both came out.

    Templates are compiled when they are rendered first, which takes a hundred times as long as
    rendering them again.
    """
    client = app.test_client(use_cookies=False)
    first_question = next(iter(library.snapshot().questions), None)
    addresses = ["/", *([f"/questions/{first_question}"] if first_question else [])]
    return all(client.get(address).status_code == 200 for address in addresses)
