"""The pages that a question's experiments have: of one setting, of an arm, of maps, of a bench."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest
from flask import Flask

from tests.flows.browser_client import Visitor
from tests.flows.tried_content import write_tried_content

pytestmark = pytest.mark.one_database
SIMULATION = "/simulations/numbers/simulation"


@pytest.fixture
def content(content: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_tried_content(content, monkeypatch)
    return content


@pytest.fixture
def reader(visitor: Visitor) -> Visitor:
    """Somebody to whom everything is shown."""
    visitor.answer("even", "two", "four")
    return visitor


def test_every_small_picture_leads_to_the_page_of_its_curves(reader: Visitor):
    page = reader.open("/questions/even")
    addresses = re.findall(r'class="small-chart"\s+href="([^"]+)"', page)
    assert len(addresses) == 4
    for address in addresses:
        setting = reader.open(address)
        assert '<svg class="plot"' in setting
        assert "SENTENCE-" in setting
    assert reader.client.get("/questions/even/evidence/4").status_code == 404
    assert reader.client.get("/questions/none/evidence/0").status_code == 404


def test_an_option_says_its_verdict_once_and_of_what(reader: Visitor):
    page = reader.open("/questions/even")
    own = page.split("Three")[1].split("<details")[0]
    assert re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", own)).count("supported · Flat: 61 of 64") == 1
    assert "✓" not in own
    assert "✗" not in own


def test_the_page_of_an_arm_has_every_number(reader: Visitor):
    page = reader.open(f"{SIMULATION}/arms/own")
    assert "ARM-OWN" in page
    assert page.count("<tr>") == 4
    assert reader.client.get(f"{SIMULATION}/arms/none").status_code == 404
    replicas = json.loads(reader.open(f"{SIMULATION}/recorded?replicas=own"))
    assert list(replicas) == ["replicas"]


def test_a_simulation_without_recorded_maps_offers_those_on_request(reader: Visitor):
    page = reader.open(f"{SIMULATION}/maps")
    assert "No map of this simulation is recorded" in page
    assert json.loads(unescape(re.search(r'data-maps="([^"]*)"', page)[1])) == []  # type: ignore[index]
    assert 'data-part="map-form"' in page


def test_the_page_of_a_bench_is_set_as_its_address_says(reader: Visitor):
    page = reader.open(f"{SIMULATION}/bench?arm=own&knob.rate=0.5&id=bench-3")
    config = json.loads(re.search(r'data-part="config">([^<]*)<', page)[1])  # type: ignore[index]
    assert config["initial"]["arm"] == "own"
    assert config["initial"]["knobs"]["rate"] == 0.5
    assert 'id="bench-3"' in page
    for wrong in (
        "id=x", "knob.none=1", "knob.rate=x", "knob.rate=1e9", "knob.fault=0.5", "arm=gone",
    ):  # fmt: skip
        assert reader.client.get(f"{SIMULATION}/bench?{wrong}").status_code == 404, wrong


def test_before_an_answer_none_of_these_pages_is_there(visitor: Visitor):
    visitor.open("/questions/even")
    for address in ("arms/own", "maps", "bench", "recorded?replicas=own"):
        assert visitor.client.get(f"{SIMULATION}/{address}").status_code == 403, address
    assert visitor.client.get("/questions/even/evidence/0").status_code == 404


def test_what_the_evidence_says_anew_is_shown_at_the_next_visit(reader: Visitor, content: Path):
    assert "SENTENCE-OWN" in reader.open("/questions/even")
    evidence = content / "numbers" / "evidence.json"
    evidence.write_text(evidence.read_text().replace("SENTENCE-OWN", "ANOTHER-SENTENCE"))
    page = reader.open("/questions/even")
    assert "ANOTHER-SENTENCE" in page
    assert "SENTENCE-OWN" not in page


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"arm": "own"', '"arm": "gone"'),
        ('"shape": "flat"', '"shape": "round"'),
        ('"median": [1, 0.5, 0.25]', '"median": [1, 0.5]'),
        ('"knobs"', '"nobs"'),
        ("}", ""),
    ],
)
def test_evidence_that_does_not_fit_together_takes_the_curves_alone_from_a_page(
    reader: Visitor, content: Path, old: str, new: str
):
    """As after a merge line by line, or while somebody copies the file."""
    evidence = content / "numbers" / "evidence.json"
    assert old in evidence.read_text()
    evidence.write_text(evidence.read_text().replace(old, new, 1))
    for address in ("/questions/even", "/topics/numbers", f"{SIMULATION}/bench"):
        reader.open(address)
        assert reader.status == 200, address
    reader.open("/questions/even")
    assert "have not been recorded yet" in reader.text
    assert "FEEDBACK-TWO" in reader.text
    assert reader.client.get("/questions/even/evidence/0").status_code == 404
    assert reader.client.get(f"{SIMULATION}/arms/own").status_code == 404


@pytest.mark.parametrize(
    ("setting", "is_there"),
    [
        ("arm: own", True),
        ("arm: gone", False),
        ("knobs: {rate: 0.0031415926535897933}", True),
        ("knobs: {rate: 99}", False),
        ("knobs: {width: 1}", False),
    ],
)
def test_a_bench_of_a_lesson_is_the_one_that_its_author_set_or_none(
    reader: Visitor, content: Path, app: Flask, setting: str, is_there: bool
):
    """Never the healthy run in its place; and its page is there where the lesson has it."""
    lesson = content / "numbers" / "lesson.md"
    lesson.write_text(f"# Numbers\n\n```simulation\nsimulation: simulation\n{setting}\n```\n")
    app.extensions["quizserver-library"].refresh()
    page = reader.open("/topics/numbers")
    addresses = re.findall(r'data-bench-page="([^"]*)"', page)
    assert len(addresses) == is_there
    assert ("Something belongs here that is not ready" in reader.text) != is_there
    for address in addresses:
        assert reader.client.get(unescape(address)).status_code == 200
