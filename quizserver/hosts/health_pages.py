"""The addresses that a balancer or a service manager asks: alive, and ready to keep an answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Response, jsonify

from quizserver.hosts.readiness import Readiness

HEALTH_ENDPOINTS = frozenset({"health.alive", "health.ready", "health.healthz"})
"""They know no visitor: nobody is looked up and no cookie is set."""


@dataclass(frozen=True, slots=True)
class HealthPages:
    """The views; ``topic_count()`` is how many topics are served, and ``content_note()`` that they
    are not the current ones, if so."""

    readiness: Readiness
    topic_count: Callable[[], int]
    content_note: Callable[[], str | None]

    def show_alive(self) -> Response:
        """200 as long as the process answers at all: restart it when it does not."""
        return jsonify(status="alive")

    def show_ready(self) -> tuple[Response, int]:
        """200 when an answer sent now would be kept, else 503 with the reason."""
        reason = self.readiness.reason()
        if reason is not None:
            return jsonify(status="not ready", reason=reason), 503
        note = self.content_note()
        note_field = {"note": note} if note is not None else {}
        return jsonify(status="ok", topics=self.topic_count(), **note_field), 200


def create_health_blueprint(pages: HealthPages) -> Blueprint:
    """The blueprint ``health``; ``/healthz`` is the older address of ``/readyz``."""
    blueprint = Blueprint("health", __name__)
    blueprint.add_url_rule("/livez", "alive", pages.show_alive)
    blueprint.add_url_rule("/readyz", "ready", pages.show_ready)
    blueprint.add_url_rule("/healthz", "healthz", pages.show_ready)
    return blueprint
