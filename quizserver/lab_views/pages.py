"""The addresses of what a simulation comes with: its recorded curves, and its source."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from flask import Blueprint, Response, abort, render_template
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from quizserver.evidence.record import EvidenceError, read_evidence
from quizserver.lab.fingerprint import read_simulation_text
from quizserver.lab_views.recorded import recorded_arms_json
from quizserver.runs.access import SimulationAccess
from quizserver.runs.model import RunRefusedError
from quizserver.runs.pages import json_response


@dataclass(frozen=True, slots=True)
class SimulationPages:
    """The views of a simulation, for those who may use it."""

    access: SimulationAccess

    def show_recorded(self, topic: str, name: str) -> Response:
        """The recorded curves of the arms that are open to the visitor, as JSON; none where the
        evidence can't be read."""
        arms = self.access.visible_arms(topic, name)
        try:
            evidence = read_evidence(self.access.library.snapshot().topics[topic].folder)
        except EvidenceError:
            evidence = None
        return json_response(recorded_arms_json(evidence, name, arms))

    def show_source(self, topic: str, name: str) -> str:
        try:
            path = self.access.locate_simulation(topic, name, "source")
            text = read_simulation_text(path, errors="replace")
        except RunRefusedError as error:
            abort(error.status)
        except OSError as error:
            if error.errno != errno.EFBIG:
                abort(404)  # deleted since the topics were read
            text = f"# This file is not shown: {error.strerror}."
        return render_template(
            "runs/source.html",
            title=f"{name}.py",
            topic=self.access.library.snapshot().topics[topic],
            source_html=Markup(highlight(text, PythonLexer(), HtmlFormatter())),
            filename=path.name,
        )


def add_simulation_routes(blueprint: Blueprint, pages: SimulationPages) -> None:
    """Adds the addresses of ``pages`` to the blueprint ``runs``, whose handler answers refusals."""
    blueprint.add_url_rule("/simulations/<topic>/<name>/recorded", "recorded", pages.show_recorded)
    blueprint.add_url_rule("/simulations/<topic>/<name>", "source", pages.show_source)
