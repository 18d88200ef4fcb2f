"""A stand for the pages' components: the real templates and scripts, a run service on strings.

What a page holds and what the run service answers is decided by the test, so that a dropped stream
or a full queue happens when the test wants it to, not when a machine is slow.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, render_template, request
from werkzeug.serving import make_server

import quizserver
from quizserver.lab.model import Arm, Description, Knob, Map
from quizserver.lab.model import Axis as QuantityAxis
from quizserver.lab.phase_maps import build_plane, phase_map_from_counts
from quizserver.lab.shapes.single import SHAPES
from quizserver.lab_views.bench import shapes_config
from quizserver.lab_views.phase_map import map_view
from quizserver.web import security, static_files
from quizserver.web.charts import (
    ChartAxis,
    ChartCurve,
    DescribedCurve,
    draw_curve_chart,
    draw_described_chart,
)
from quizserver.web.languages import install_languages
from quizserver.web.moments import install_moments
from tests.browser.live_plans import LIVE_URLS, LivePlans

X = list(range(61))
FALL = [round(0.7 if x < 30 else 0.7 - 0.65 * (x - 30) / 30, 4) for x in X]
STEADY = [round(0.7 - 0.69 * x / 60, 4) for x in X]
DESCRIBED = ((0.0, 1.0), (0.5, 0.98), (0.7, 0.5), (1.0, 0.1))
TABLE = '<table><tr><td>rate</td><td align="right">0.3</td></tr></table>'
STEM = f"<p>Which of them could it be?</p>{TABLE}"
ARMS = [
    {"name": "healthy", "label": "healthy run", "help": "", "index": 0},
    {"name": "low-rate", "label": "learning rate × 0.2", "help": "", "index": 1},
]
ARMS.append({"name": "unseen", "label": "nobody recorded it", "help": "", "index": 2})
ARMS[2]["knobs"] = {"learning_rate": 1.0, "momentum": 0.0, "hidden": 64}
ARMS[0]["knobs"] = {"learning_rate": 0.3, "momentum": 0.0, "hidden": 64}
ARMS[1]["knobs"] = {"learning_rate": 0.06, "momentum": 0.0, "hidden": 64}


def knob(name: str, label: str, low: float, high: float, default: float, **more: Any) -> Any:
    base = {"scale": "linear", "unit": "", "integer": False, "help": "Help.", "choices": ()}
    return (
        {"name": name, "label": label, "low": low, "high": high, "default": default} | base | more
    )


KNOBS = [
    knob("learning_rate", "Learning rate", 0.001, 10, 0.3, scale="log"),
    knob("momentum", "Momentum", 0, 0.99, 0.0),
    knob("hidden", "Hidden units", 4, 256, 64, scale="log", integer=True),
    knob("unit", "Activation", 0, 2, 0, integer=True, choices=("tanh", "ReLU", "GELU")),
]
for arm in ARMS:
    arm["knobs"] = arm["knobs"] | {"unit": 0}
DESCRIPTION = Description(
    title="Simulation",
    summary="",
    knobs=tuple(Knob(**spec) for spec in KNOBS),
    arms=tuple(Arm(arm["name"], arm["label"], arm["knobs"]) for arm in ARMS),
    x=QuantityAxis("epoch"),
    series={"loss": QuantityAxis("loss", "nats")},
    points=len(X),
    fingerprint="f",
    maps=(
        Map("learning_rate", "momentum", "plateau-then-drop"),
        Map("learning_rate", "unit", "flat", arm="low-rate"),
    ),
)
# 12 x 12 cells and 12 x 3: more replicas show the shape the further up and to the right a cell is.
MAPS = [
    phase_map_from_counts(
        asked, {cell: sum(divmod(cell, 12)) % 9 for cell in range(asked.cell_count)}
    )
    for asked in (build_plane(DESCRIPTION, wanted, side=12) for wanted in DESCRIPTION.maps)
]


def curve(values: list[float], arm: int, label: str) -> ChartCurve:
    low, high = ([v * f for v in values] for f in (0.9, 1.1))
    return ChartCurve(X, values, low, high, [values, low], label, arm)


def band(values: list[float]) -> dict[str, list[float]]:
    return {"median": values, "low": values, "high": values}


RECORDED = {
    "low-rate": {"n": 64, "sentence": "It falls late.", **band(FALL)},
    "healthy": {"n": 64, "sentence": "It falls at once.", **band(STEADY)},
}


def bench_view(live_urls: Mapping[str, object] | None = None) -> SimpleNamespace:
    """The bench as a question's page has it, with the low-rate arm recorded."""
    views = [map_view(DESCRIPTION, found) for found in MAPS]
    config = {
        "maps": [view.config for view in views],
        **shapes_config(),
        "topic": "t",
        "simulation": "simulation",
        "runs_url": "/runs",
        "arms": ARMS,
        "knobs": KNOBS,
        "x": {"label": "epoch", "unit": "", "scale": "linear"},
        "series": {"loss": {"label": "loss", "unit": "nats", "scale": "linear"}},
        "points": len(X),
        "replicas": 32,
        "replicas_max": 64,
        "initial": {"arm": "low-rate", "knobs": ARMS[1]["knobs"]},
        "recorded": {"arm": "low-rate", "x": X, "median": FALL, "low": FALL, "high": FALL},
        "recorded_url": "/recorded",
        "described": [[60 * x, 0.7 * y] for x, y in DESCRIBED],
    }
    if live_urls is not None:
        config["live"] = live_urls
    chart = partial(
        draw_curve_chart,
        title="Loss",
        description="It falls late.",
        x=ChartAxis("epoch"),
        y=ChartAxis("loss", "nats"),
        curves=[curve(FALL, 1, "learning rate × 0.2")],
        described=DescribedCurve([(60 * x, 0.7 * y) for x, y in DESCRIBED]),
        size="bench",
    )
    return SimpleNamespace(
        config=json.dumps(config),
        title="Simulation",
        summary="",
        arms=ARMS,
        knobs=KNOBS,
        chart=lambda ident: chart(ident=ident),
        table=[(x, v, v, v) for x, v in zip(X, FALL, strict=True)],
        x_label="epoch",
        source_url="/source",
        whole=True,
        stale=None,
        maps=views,
        map_levels=range(9),
        shapes=[(name, shape.title) for name, shape in SHAPES.items()],
        series=[("loss", "loss")],
        live=live_urls is not None,
    )


def evidence_view(ident: str) -> SimpleNamespace:
    verdict = SimpleNamespace(
        word="supported",
        sign="✓",
        k=63,
        n=64,
        low=0.917,
        high=0.997,
        shape_title="Plateau, then drop",
        shape_words="stays high, then falls",
        quantifier_text="claimed for most of the seeds",
        unit="seeds",
    )
    svg = draw_curve_chart(
        ident=ident,
        title="Loss",
        description="It falls late.",
        x=ChartAxis("epoch"),
        y=ChartAxis("loss", "nats"),
        curves=[curve(FALL, 1, "learning rate × 0.2")],
        described=DescribedCurve([(60 * x, 0.7 * y) for x, y in DESCRIBED]),
    )
    return SimpleNamespace(
        arm="low-rate",
        arm_index=1,
        arm_label="learning rate × 0.2",
        svg=svg,
        verdicts=[verdict],
        setting_text="Learning rate 0.06 (healthy: 0.3)",
        sentence="The median stays at its start until epoch 30 and ends at 0.05.",
        is_drawn=True,
        tried=SimpleNamespace(
            knob="Learning rate",
            shape="Plateau, then drop",
            n=64,
            rows=[(f"{0.0012 * n:g}", 7 * n, n == 9) for n in range(1, 10)],
            unit="seeds",
        ),
        versus=(),
    )


def question_view(
    answered: bool, hints: int = 0, live_urls: Mapping[str, str] | None = None
) -> SimpleNamespace:
    """A question with two options and two hints, before or after its answer."""
    marks = ("right-chosen", "wrong-chosen") if answered else (None, None)
    options = [
        SimpleNamespace(
            id=name,
            html=text,
            checked=False,
            status=mark,
            feedback_html="<p>Because.</p>" if answered else None,
            evidence=[evidence_view(f"e-{name}")] if answered else (),
        )
        for name, text, mark in zip(("low", "high"), ("Too low", "Too high"), marks, strict=True)
    ]
    result = SimpleNamespace(
        right=False,
        sentence="You chose one wrong option.",
        number=1,
        answered_at=datetime(2026, 1, 2, tzinfo=UTC),
        explanation_html="<p>Why.</p>",
        references_html=None,
        rule_note=None,
    )
    return SimpleNamespace(
        id="q",
        topic="t",
        topic_title="Topic",
        title="A puzzle about a curve",
        stem_html=STEM,
        multiple=True,
        tags=(),
        figure_svg=draw_described_chart(
            ident="described", title="Loss", description="Late fall.", points=DESCRIBED
        ),
        options=options,
        version_code="v",
        number=1,
        answering=not answered,
        opened_token="1.seal",
        hints=["<p>Think of small steps.</p>", "<p>Think again.</p>"][:hints],
        hints_left=2 - hints,
        more_hints_url=f"/questions/q?hints={hints + 1}",
        again_url="/questions/q?again=1",
        counts=not answered,
        tried=None,
        embedded=False,
        experiment_url=None,
        error=None,
        result=result if answered else None,
        history=[
            SimpleNamespace(number=1, right=False, answered_at=datetime(2026, 1, 2, tzinfo=UTC))
        ]
        if answered
        else [],
        previous=None,
        next=None,
        bench=bench_view(live_urls) if answered else None,
        evidence_note=None,
        extra_evidence=(),
        problems=(),
    )


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


def application(stand: Stand) -> Flask:
    folder = Path(quizserver.__file__).parent
    app = Flask("stand", template_folder=str(folder / "templates"), static_folder=None)
    app.secret_key = "stand"
    security.install_sessions(app, https=False)
    app.wsgi_app = security.SecurityHeaders(app.wsgi_app, https=False)  # type: ignore[method-assign]
    static_files.install_static_files(app)
    install_moments(app)
    install_languages(app)
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
        view = question_view(question == "answered", int(request.args.get("hints", "0")), live_urls)
        return render_template("attempts/question.html", question=view, problems=(), reports=())

    @attempts.post("/questions/<question>/answer")
    def answer(question: str) -> tuple[str, int]:
        form = request.form.to_dict(flat=False)
        if "hint" in form:
            view = question_view(False, int(form["hints_seen"][0]) + 1)
            return render_template(
                "attempts/question.html", question=view, problems=(), reports=()
            ), 200
        if "option" not in form:
            view = question_view(False)
            view.error = "Choose at least one option."
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
        return jsonify(x=X, arms=RECORDED)

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


def serving(stand: Stand) -> Iterator[Stand]:
    """Serves a stand on a free port of this machine for as long as the generator is held."""
    server = make_server("127.0.0.1", 0, application(stand), threaded=True)
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    stand.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield stand
    finally:
        stand.stopped.set()
        server.shutdown()
        thread.join(5)
        server.server_close()
