"""A visitor's own runs that are under way, as a page that has lost them lists them. Pure."""

from __future__ import annotations

from typing import Any

from quizserver.lab.model import Description, lower_first
from quizserver.runs.model import Run
from quizserver.runs.requests import CurveRequest, MapRequest
from quizserver.translation import gettext, ngettext


def describe_own_run(
    run: Run, topic_title: str, description: Description | None, *, is_open: bool
) -> dict[str, Any]:
    """The run for its own visitor, ready for JSON.

    ``is_open`` says whether they may look at it, which anybody may stop who asked for it. Where it
    is not, or there is no ``description``, the title says no more than the topic's.
    """
    setting = _setting_text(run.request, description) if is_open and description else ""
    address = f"/runs/{run.id}"
    return {
        "kind": run.request.kind,
        "topic": run.request.topic,
        "simulation": getattr(run.request, "simulation", None),
        "title": f"{topic_title}: {setting}" if setting else topic_title,
        "is_open": is_open,
        "state": run.state,
        "points_done": run.points_done,
        "points_total": run.points_total,
        "url": address,
        "events": f"{address}/events",
        "csv": f"{address}.csv",
    }


def _setting_text(request: object, description: Description) -> str:
    """What a person would call the setting of curves or of a map; "" for other requests."""
    if isinstance(request, MapRequest):
        labels = {knob.name: lower_first(knob.label) for knob in description.knobs}
        plane = request.plane
        return gettext(
            "a map of %(x)s × %(y)s",
            x=labels.get(plane.x, plane.x),
            y=labels.get(plane.y, plane.y),
        )
    if not isinstance(request, CurveRequest):
        return ""
    arm = next((arm for arm in description.arms if arm.name == request.arm), description.arms[0])
    changes = [
        f"{knob.label} {knob.value_text(request.knobs[knob.name])}"
        for knob in description.knobs
        if knob.name in request.knobs and request.knobs[knob.name] != arm.knobs.get(knob.name)
    ]
    seeds = ngettext("%(num)s seed", "%(num)s seeds", request.replicas)
    return ", ".join([*(changes or [arm.label]), seeds])
