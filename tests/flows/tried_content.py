"""A question of three options with an experiment behind each, for the tests of its three states.

The option "three" has an arm of its own, "four" shares the setting of "two".
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from quizserver.evidence.record import Band, Ensemble, Evidence, Experiment, write_evidence
from quizserver.lab.catalog import SimulationCatalog
from quizserver.lab.model import Arm, Description
from tests.evidence.examples import example_evidence, example_finding
from tests.runs.examples import DESCRIPTION, write_simulation

SETTINGS = {"healthy": 0.1, "shared": 0.01, "own": 1.0}
DESCRIBED: Description = replace(
    DESCRIPTION,
    arms=tuple(
        Arm(name, f"ARM-{name.upper()}", {"rate": rate, "pause": 0.0, "fault": 0})
        for name, rate in SETTINGS.items()
    ),
)
OPTIONS = {"two": "shared", "three": "own", "four": "shared"}
CLAIMS = "".join(
    f"  - {{option: {option}, arm: {arm}, shape: flat}}\n" for option, arm in OPTIONS.items()
)
QUESTION = f"""\
---
claims:
{CLAIMS}  - {{arm: healthy, shape: flat, expect: supported}}
---
# Which one is even?

Pick the even numbers.

- [x] Two {{#two}}
  > FEEDBACK-TWO
- [ ] Three {{#three}}
  > FEEDBACK-THREE
- [x] Four {{#four}}

## Hint

Halve them. HINT-ONE

## Hint

Count in pairs. HINT-TWO

## Answer

EXPLANATION

## References

- REFERENCES
"""


def write_tried_content(content: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes ``even`` that question, in a topic whose evidence is recorded."""
    folder = content / "numbers"
    (folder / "even.md").write_text(QUESTION)
    write_simulation(content)
    write_evidence(recorded_evidence(), folder)
    monkeypatch.setattr(SimulationCatalog, "describe_if_ready", lambda self, path: DESCRIBED)


def recorded_evidence(sentence: str = "SENTENCE-{}") -> Evidence:
    """Evidence in which each option has a finding, and its arm a curve with this sentence."""
    values = (1.0, 0.5, 0.25)
    ensembles = {
        arm.name: Ensemble(
            arm.name,
            arm.knobs,
            64,
            {name: Band(values, values, values, ()) for name in DESCRIBED.series},
            sentence.format(arm.name.upper()),
        )
        for arm in DESCRIBED.arms
    }
    findings = tuple(
        example_finding("even", option, arm=arm, ensemble=arm, over={}, tried=(), k=60 + n)
        for n, (option, arm) in enumerate({**OPTIONS, None: "healthy"}.items())
    )
    experiment = Experiment(DESCRIBED, (0.0, 1.0, 2.0), ensembles)
    return example_evidence(
        topic="numbers", experiments={"simulation": experiment}, findings=findings
    )
