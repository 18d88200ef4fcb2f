"""Evidence whose parts don't fit each other, as after a merge line by line, is no evidence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quizserver.evidence.record import FILE_NAME, EvidenceError, read_evidence, write_evidence
from tests.evidence.examples import fresh_topic

ENSEMBLE = "healthy rate=0.2"


def in_simulation(data: Any) -> Any:
    return data["experiments"]["simulation"]


FAULTS: dict[str, Callable[[Any], object]] = {
    "no values": lambda data: in_simulation(data)["x"].clear(),
    "not above 0": lambda data: in_simulation(data)["description"]["x"].update(scale="log"),
    "no arms": lambda data: in_simulation(data)["description"]["arms"].clear(),
    "not linear or log": lambda data: in_simulation(data)["description"]["x"].update(scale=[1]),
    "the arm 'healthy' has other knobs": lambda data: in_simulation(data)["description"]["arms"][
        0
    ].update(knobs=[1]),
    "is of the arm 'gone'": lambda data: in_simulation(data)["ensembles"][ENSEMBLE].update(
        arm="gone"
    ),
    "has other knobs": lambda data: in_simulation(data)["ensembles"][ENSEMBLE]["knobs"].clear(),
    "has other series": lambda data: in_simulation(data)["ensembles"][ENSEMBLE]["series"].clear(),
    "has not 3 points": lambda data: in_simulation(data)["ensembles"][ENSEMBLE]["series"]["loss"][
        "low"
    ].pop(),
    "has no replicas": lambda data: in_simulation(data)["ensembles"][ENSEMBLE].update(n=0),
    "no ensemble": lambda data: in_simulation(data)["ensembles"].pop(ENSEMBLE),
    "no simulation": lambda data: data["findings"][0].update(simulation="other"),
    'no shape "round"': lambda data: data["findings"][0].update(shape="round"),
    "no arm 'gone'": lambda data: data["findings"][0].update(arm="gone"),
    "no series 'gone'": lambda data: data["findings"][0].update(series="gone"),
    "no count": lambda data: data["findings"][0].update(k=65),
    "no interval": lambda data: data["findings"][0].update(high=1e308),
    "which its setting lacks": lambda data: in_simulation(data).update(
        maps=[
            {
                "plane": {
                    "x": "rate", "x_values": [0.1], "y": "width", "y_values": [1.0],
                    "setting": {"rate": 0.1}, "shape": "flat",
                },
                "counts": [[8]],
            }
        ]
    ),
    "a knob that the simulation has not": lambda data: data["findings"][0].update(
        over={"width": [1.0]}
    ),
    "lacks a knob": lambda data: data["findings"][0]["tried"][0]["knobs"].clear(),
    "between 0 and 64": lambda data: data["findings"][0]["tried"][0].update(k=65),
}  # fmt: skip


@pytest.mark.parametrize("words", FAULTS)
def test_what_does_not_fit_is_named_with_what_to_do(tmp_path: Path, words: str):
    _topic, evidence = fresh_topic(tmp_path)
    path = write_evidence(evidence, tmp_path)
    data = json.loads(path.read_text())
    FAULTS[words](data)
    path.write_text(json.dumps(data))
    with pytest.raises(EvidenceError) as caught:
        read_evidence(tmp_path)
    assert words in str(caught.value)
    assert "quizserver verify --update" in str(caught.value)


def test_a_file_that_cannot_be_reached_is_named(tmp_path: Path):
    (tmp_path / FILE_NAME).symlink_to(FILE_NAME)
    with pytest.raises(EvidenceError, match="cannot be read"):
        read_evidence(tmp_path)


def test_in_a_folder_that_is_a_file_by_now_there_is_none(tmp_path: Path):
    (tmp_path / "topic").write_text("")
    assert read_evidence(tmp_path / "topic") is None
