"""The HTTP interface of simulations: their source, and their recorded curves."""

from __future__ import annotations

import json
import shutil

import pytest
from flask.testing import FlaskClient

from quizserver.lab import fingerprint
from quizserver.settings import Settings
from tests.runs.runs_app import RunsApp


def test_the_source_is_shown_highlighted_and_escaped(
    runs_app: RunsApp, client: FlaskClient
) -> None:
    page = client.get("/simulations/numbers/simulation").text
    assert "simulation.py" in page
    assert "&lt;b&gt;A simulation&lt;/b&gt;" in page
    assert 'class="highlight"' in page
    assert "style=" not in page
    assert client.get("/simulations/numbers/unknown").status_code == 404
    runs_app.simulation_file.unlink()
    assert client.get("/simulations/numbers/simulation").status_code == 404
    assert client.get("/simulations/numbers/..%2F..%2Fsecret").status_code == 404


def test_the_source_of_a_file_that_is_too_large_is_not_read(
    runs_app: RunsApp, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "/simulations/numbers/simulation"
    monkeypatch.setattr(fingerprint, "FILE_MAX", runs_app.simulation_file.stat().st_size)
    assert client.get(address).status_code == 200
    monkeypatch.setattr(fingerprint, "FILE_MAX", runs_app.simulation_file.stat().st_size - 1)
    response = client.get(address)
    assert response.status_code == 200
    assert "This file is not shown: it has more than" in response.text
    assert "A simulation" not in response.text


def test_the_recorded_arms_are_what_the_evidence_has(
    runs_app: RunsApp, client: FlaskClient
) -> None:
    address = "/simulations/numbers/simulation/recorded"
    assert client.get(address).get_json() == {"x": [], "arms": {}}, "there is no evidence yet"
    evidence_file = Settings().content / "strange-loss" / "evidence.json"
    shutil.copy(evidence_file, runs_app.simulation_file.parent)
    data = client.get(address).get_json()
    experiment = json.loads(evidence_file.read_text())["experiments"]["simulation"]
    assert data["x"] == experiment["x"]
    for name, arm in data["arms"].items():
        loss = experiment["ensembles"][name]["series"]["loss"]
        assert arm["median"] == loss["median"]
        assert (arm["n"], arm["low"]) == (experiment["ensembles"][name]["n"], loss["low"])
    assert {"healthy", "low-rate"} <= data["arms"].keys()
    (runs_app.simulation_file.parent / "evidence.json").write_text("{")
    assert client.get(address).get_json() == {"x": [], "arms": {}}, "broken evidence is none"
