"""The output of ``quizserver verify`` and ``quizserver simulate``, as text and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from quizserver.evidence.edges import find_edges
from quizserver.evidence.record import Evidence, Finding
from quizserver.kernel.recipe import source_version
from quizserver.lab.curve_text import format_exact
from quizserver.lab.phase_maps import PhaseMap
from quizserver.topics.model import Topic

if TYPE_CHECKING:
    from quizserver.lab.ensemble import Curves

_HEAD = ("question", "option", "arm", "shape", "claimed", "k of n", "95 % interval", "verdict", "")


def all_keys_hold(evidences: Iterable[Evidence]) -> bool:
    """Whether every claim's verdict agrees with the author's key, which rests on no edge."""
    return all(evidence.key_holds for evidence in evidences)


def report_json(evidences: Iterable[Evidence]) -> dict[str, Any]:
    """``{"topics": [{"topic", "seeds", "claims": [{"question", "option", "arm", …}]}]}``.

    ``seeds`` lists every seed; ``low`` and ``high`` are the Wilson interval of k of n; "nudged" is
    {"k", "changed"}, as in ``claims.NudgedCount``, "on_edge" whether that tells of an edge. A claim
    about pairs also has "versus", one beside a number "value", one about another series than the
    first "series". A topic with phase maps also has "maps": [{"simulation", "x", "y", "shape",
    "cells", "seeds", "most", "some"}], the last two in how many cells most of the seeds, or any at
    all, show the shape.
    """
    fields = (
        "question", "option", "arm", "shape", "k", "n", "low", "high", "verdict", "expected",
        "agrees", "on_edge",
    )  # fmt: skip
    return {
        "topics": [
            {
                "topic": evidence.topic,
                "seeds": list(evidence.seeds),
                "claims": [
                    {name: getattr(finding, name) for name in fields}
                    | {"nudged": finding.nudged and asdict(finding.nudged)}
                    | {
                        name: getattr(finding, name)
                        for name in ("versus", "value", "series")
                        if getattr(finding, name) is not None
                    }
                    for finding in evidence.findings
                ],
            }
            | ({"maps": maps} if (maps := _maps_json(evidence)) else {})
            for evidence in evidences
        ]
    }


def report_text(topic: Topic, evidence: Evidence) -> str:
    """The table, and the place of each claim whose count stands on a knife's edge."""
    return "\n".join([report_table(evidence), *map(str, find_edges(topic, evidence))])


def report_table(evidence: Evidence) -> str:
    """One line a claim, with a remark where the evidence contradicts it; then one line a map."""
    head = f"{evidence.topic}: seeds {evidence.first} to {evidence.last}"
    maps = [f"  {line}" for line in _map_lines(evidence)]
    if not evidence.findings:
        return "\n".join([head, "  no claims", *maps])
    rows = [_HEAD, *(_finding_row(finding) for finding in evidence.findings)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([head, *(f"  {line}".rstrip() for line in lines), *maps])


def _map_lines(evidence: Evidence) -> list[str]:
    """One line a phase map: in how many of its cells the shape is usual, and where it shows."""
    lines = []
    for name, experiment in evidence.experiments.items():
        for phase_map in experiment.maps:
            plane = phase_map.plane
            shape = plane.shape if plane.series is None else f"{plane.shape} ({plane.series})"
            most = phase_map.count_cells_with(_majority_count(phase_map))
            lines.append(
                f"{name}: map {plane.x} × {plane.y}, {shape}: most of {plane.replicas} seeds show "
                f"it in {most} of {plane.cell_count} cells, some in {phase_map.count_cells_with(1)}"
            )
    return lines


def _maps_json(evidence: Evidence) -> list[dict[str, Any]]:
    return [
        {
            "simulation": name,
            "x": phase_map.plane.x,
            "y": phase_map.plane.y,
            "shape": phase_map.plane.shape,
            "cells": phase_map.plane.cell_count,
            "seeds": list(phase_map.plane.seeds),
            "most": phase_map.count_cells_with(_majority_count(phase_map)),
            "some": phase_map.count_cells_with(1),
        }
        | ({} if phase_map.plane.series is None else {"series": phase_map.plane.series})
        for name, experiment in evidence.experiments.items()
        for phase_map in experiment.maps
    ]


def _majority_count(phase_map: PhaseMap) -> int:
    """More than half of the replicas."""
    return phase_map.plane.replicas // 2 + 1


def _finding_row(finding: Finding) -> tuple[str, ...]:
    return (
        finding.question,
        finding.option or "–",
        finding.ensemble if finding.against is None else f"{finding.ensemble} / {finding.against}",
        _shape_text(finding),
        f"{finding.quantifier}, {finding.at_least:.0%}",
        f"{finding.k} of {finding.n}",
        f"{finding.low:.3f} to {finding.high:.3f}",
        finding.verdict,
        _remark(finding),
    )


def _remark(finding: Finding) -> str:
    if not finding.agrees:
        return f"but the key says {finding.expected}"
    return "on a knife's edge" if finding.on_edge else ""


def _shape_text(finding: Finding) -> str:
    value = "" if finding.value is None else f" {format_exact(finding.value)}"
    return f"{finding.shape}{value}{'' if finding.series is None else f' ({finding.series})'}"


def curves_json(topic: str, arm: str, knobs: Mapping[str, float], curves: Curves) -> dict[str, Any]:
    """``{"topic", "arm", "knobs", "seeds", "backends", "x", "series": {name: [a list each]}}``.

    A list for each replica; numbers that are not finite become None (null). With "kernel", the
    kernel's version, where it trained any of them.
    """
    return {
        "topic": topic,
        "arm": arm,
        "knobs": dict(knobs),
        "seeds": list(curves.seeds),
        "backends": list(curves.backends),
        **({"kernel": source_version()} if "kernel" in curves.backends else {}),
        "x": curves.x.tolist(),
        "series": {
            name: [[v if math.isfinite(v) else None for v in row] for row in values.tolist()]
            for name, values in curves.series.items()
        },
    }
