"""A stand for the pages' components: the real templates and scripts, a run service on strings.

What a page holds and what the run service answers is decided by the test, so that a dropped stream
or a full queue happens when the test wants it to, not when a machine is slow.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, abort, jsonify, render_template, request

import quizserver
from quizserver.lab.model import Map
from quizserver.lab.phase_maps import build_plane
from quizserver.lab_views.recorded import recorded_arms_json, recorded_replicas_json
from quizserver.web import fragments, security, static_files
from quizserver.web.languages import install_languages
from quizserver.web.moments import install_moments
from tests.browser.live_plans import LIVE_URLS, LivePlans
from tests.browser.stand_views import (
    DESCRIPTION,
    EVIDENCE,
    QUESTION,
    SIMULATION,
    STEADY,
    TOPIC,
    X,
    create_maps,
    create_question,
    create_recorded_arm,
    evidence_views,
)


def band(values: list[Any]) -> dict[str, list[Any]]:
    return {"median": values, "low": values, "high": values}


def event(name: str, data: Mapping[str, Any], number: int | None = None) -> str:
    head = f"id: {number}\n" if number is not None else ""
    return f"{head}event: {name}\ndata: {json.dumps(data)}\n\n"


def points(first: int, last: int, values: list[Any] = STEADY) -> str:
    """The event that brings the points ``first``…``last`` - 1; its number is ``last``."""
    done = {"done": last, "total": len(X), "seconds_left": 2.0}
    return event(
        "points", {"x": X[first:last], "series": {"loss": band(values[first:last])}} | done, last
    )


def cells(first: int, last: int, of: int = 9) -> str:
    """The event that brings the cells ``first``…``last`` - 1 of ``of``, each with its own count."""
    counts = {
        "cells": list(range(first, last)),
        "counts": [cell % 9 for cell in range(first, last)],
    }
    done = {"done": last, "total": of, "seconds_left": 40.0}
    return event("cells", counts | done, last)


def asked_map(asked: Mapping[str, Any], state: str) -> dict[str, Any]:
    """What the run service says of a map of 3 x 3 cells; a finished one has all its counts."""
    wanted = asked["map"]
    asks = build_plane(DESCRIPTION, Map(wanted["x"], wanted["y"], wanted["shape"]), side=3)
    cells = [[3 * row + at if state == "done" else None for at in range(3)] for row in range(3)]
    found = wanted | {"x_values": asks.x_values, "y_values": asks.y_values}
    run = {
        "state": state,
        "error": None,
        "sentence": "In 4 of 9 cells." if state == "done" else None,
    }
    return run | {"knobs": asked["knobs"], "map": found | {"n": 8, "counts": cells}}


END = event("end", {"state": "done", "error": None, "sentence": "The loss falls steadily."})
Answer = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]


def accept(_: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    run = {"id": "r", "state": "queued", "url": "/runs/r", "events": "/runs/r/events"}
    return 202, run | {"csv": "/runs/r.csv", "points_total": len(X)}


@dataclass
class Stand:
    """Set ``answer`` and ``stream`` before the page acts; look at what it asked for afterwards.

    ``own_runs`` are the visitor's that are under way, and ``begun`` is what the run's address says
    of the one that was begun before the page was opened.
    """

    url: str = ""
    answer: Answer = accept
    stream: Callable[[str | None], Iterator[str]] = lambda after: iter([points(0, 61), END])
    map_state: str = "queued"
    token: str = "the-token"
    asked: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    resumed_after: list[str | None] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    own_runs: list[dict[str, Any]] = field(default_factory=list)
    begun: dict[str, Any] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)
    live: LivePlans | None = None
    is_recorded: bool = True


def application(stand: Stand) -> Flask:
    folder = Path(quizserver.__file__).parent
    app = Flask("stand", template_folder=str(folder / "templates"), static_folder=None)
    app.secret_key = "stand"
    security.install_sessions(app, https=False)
    app.wsgi_app = security.SecurityHeaders(app.wsgi_app, https=False)  # type: ignore[method-assign]
    static_files.install_static_files(app)
    install_moments(app)
    install_languages(app)
    fragments.keep_fragments(app)
    app.jinja_env.globals["csrf_token"] = lambda: stand.token
    app.jinja_env.globals["report_text_max"] = lambda: 1000
    app.context_processor(lambda: {"learner": None})
    live_urls = LIVE_URLS if stand.live else None
    if stand.live:
        app.register_blueprint(stand.live.create_blueprint())
    names = ("attempts", "progress", "accounts", "reports")
    attempts, progress, accounts, reports = (Blueprint(name, name) for name in names)

    @attempts.get("/questions/<question>", endpoint="question")
    def show(question: str) -> str:
        view = create_question(
            question == "answered",
            int(request.args.get("hints", "0")),
            live_urls,
            is_recorded=stand.is_recorded,
        )
        return render_template("attempts/question.html", question=view, problems=(), reports=())

    @attempts.post("/questions/<question>/answer")
    def answer(question: str) -> tuple[str, int]:
        form = request.form.to_dict(flat=False)
        if "hint" in form:
            view = create_question(False, int(form["hints_seen"][0]) + 1)
            return render_template(
                "attempts/question.html", question=view, problems=(), reports=()
            ), 200
        if "option" not in form:
            view = replace(create_question(False), error="Choose at least one option.")
            return render_template(
                "attempts/question.html", question=view, problems=(), reports=()
            ), 422
        stand.answers.append(form)
        return "taken", 200

    @app.post("/runs")
    def start() -> tuple[Response, int]:
        stand.asked.append(request.get_json())
        stand.tokens.append(request.headers.get("X-CSRFToken"))
        status, body = stand.answer(stand.asked[-1])
        return jsonify(body), status

    @app.get("/runs/own")
    def own() -> Response:
        return jsonify(runs=stand.own_runs)

    @app.get("/runs/r/events")
    def events() -> Response:
        after = request.headers.get("Last-Event-ID") or request.args.get("after")
        stand.resumed_after.append(after)
        return Response(stand.stream(after), mimetype="text/event-stream")

    @app.get("/recorded")
    def recorded() -> Response:
        arm = request.args.get("replicas")
        if arm is not None:
            return jsonify(recorded_replicas_json(EVIDENCE, SIMULATION, arm))
        return jsonify(recorded_arms_json(EVIDENCE, SIMULATION))

    @app.get("/maps")
    def maps() -> str:
        return render_template("runs/maps.html", topic=TOPIC, maps=create_maps())

    @app.get("/arms/<arm>")
    def show_arm(arm: str) -> str:
        return render_template(
            "runs/arm.html",
            topic=TOPIC,
            description=DESCRIPTION,
            recorded=create_recorded_arm(arm) or abort(404),
        )

    @attempts.get("/questions/<question>/evidence/<int:number>", endpoint="evidence")
    def show_evidence(question: str, number: int) -> str:
        settings = [setting for group in evidence_views().values() for setting in group]
        return render_template(
            "attempts/evidence.html", question=QUESTION, topic=TOPIC, evidence=settings[number]
        )

    @app.post("/runs/r/stop")
    def stop() -> Response:
        stand.stopped.set()
        stand.own_runs.clear()
        return jsonify(state="stopped")

    @app.get("/runs/r")
    def whole() -> Response:
        if stand.begun:
            return jsonify(stand.begun)
        if "map" in stand.asked[-1] and stand.live:
            return jsonify(stand.live.stored_map(stand.asked[-1]))
        if "map" in stand.asked[-1]:
            return jsonify(asked_map(stand.asked[-1], stand.map_state))
        if stand.live:
            return jsonify(stand.live.stored_run(stand.asked[-1]))
        stored_run = {"x": X, "series": {"loss": band(STEADY)}, "state": "done", "error": None}
        return jsonify(
            stored_run | {"sentence": "From the store.", "replicas": {"loss": [STEADY] * 3}}
        )

    for name in ("home", "topic", "progress"):
        progress.add_url_rule(f"/{name}", name, lambda: "")
    reports.add_url_rule("/questions/<question>/report", "send", lambda question: "")
    accounts.add_url_rule("/sign-in", "sign_in", lambda: "")
    accounts.add_url_rule("/account", "account", lambda: "")
    for blueprint in (attempts, progress, accounts, reports):
        app.register_blueprint(blueprint)
    return app
