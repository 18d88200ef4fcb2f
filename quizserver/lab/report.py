"""What ``quizserver verify`` and ``quizserver simulate`` print, for people and for programs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from quizserver.lab.evidence import Evidence, Finding

if TYPE_CHECKING:
    from quizserver.lab.ensemble import Curves

_HEAD = ("question", "option", "arm", "shape", "claimed", "k of n", "95 % interval", "verdict", "")


def agrees(evidences: Iterable[Evidence]) -> bool:
    """Whether every claim came out as the author's key says."""
    return all(evidence.agrees for evidence in evidences)


def report_json(evidences: Iterable[Evidence]) -> dict[str, Any]:
    """``{"topics": [{"topic", "seeds", "claims": [{"question", "option", "arm", …}]}]}``.

    ``seeds`` lists every seed; ``low`` and ``high`` are the Wilson interval of k of n. A claim
    about pairs also has "versus", one about another series than the first "series".
    """
    fields = (
        "question", "option", "arm", "shape", "k", "n", "low", "high", "verdict", "expected",
        "agrees",
    )  # fmt: skip
    return {
        "topics": [
            {
                "topic": evidence.topic,
                "seeds": list(evidence.seeds),
                "claims": [
                    {name: getattr(finding, name) for name in fields}
                    | {
                        name: getattr(finding, name)
                        for name in ("versus", "series")
                        if getattr(finding, name) is not None
                    }
                    for finding in evidence.findings
                ],
            }
            for evidence in evidences
        ]
    }


def report_table(evidence: Evidence) -> str:
    """One line a claim; a claim that the evidence contradicts ends in a remark."""
    head = f"{evidence.topic}: seeds {evidence.first} to {evidence.last}"
    if not evidence.findings:
        return f"{head}\n  no claims"
    rows = [_HEAD, *(_row(finding) for finding in evidence.findings)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([head, *(f"  {line}".rstrip() for line in lines)])


def _row(finding: Finding) -> tuple[str, ...]:
    return (
        finding.question,
        finding.option or "–",
        finding.ensemble if finding.against is None else f"{finding.ensemble} / {finding.against}",
        finding.shape if finding.series is None else f"{finding.shape} ({finding.series})",
        f"{finding.quantifier}, {finding.at_least:.0%}",
        f"{finding.k} of {finding.n}",
        f"{finding.low:.3f} to {finding.high:.3f}",
        finding.verdict,
        "" if finding.agrees else f"but the key says {finding.expected}",
    )


def curves_json(topic: str, arm: str, knobs: Mapping[str, float], curves: Curves) -> dict[str, Any]:
    """``{"topic", "arm", "knobs", "seeds", "x", "series": {name: [one list a replica]}}``.

    Numbers that are not finite become None (null).
    """
    return {
        "topic": topic,
        "arm": arm,
        "knobs": dict(knobs),
        "seeds": list(curves.seeds),
        "x": curves.x.tolist(),
        "series": {
            name: [[v if math.isfinite(v) else None for v in row] for row in values.tolist()]
            for name, values in curves.series.items()
        },
    }
