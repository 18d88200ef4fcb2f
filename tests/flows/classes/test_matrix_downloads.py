"""The matrix and the attempts as downloads have the numbers of the page."""

from __future__ import annotations

import re

import pytest

from tests.flows.classes.matrix_visits import MatrixVisits, cell_text

pytestmark = pytest.mark.one_database


@pytest.mark.parametrize("show", ["first", "best", "latest"])
def test_the_exports_have_the_numbers_of_the_page(answered: MatrixVisits, show: str):
    page = answered.open_page(f"matrix?show={show}").page
    lines = {line["email"]: line for line in answered.read_csv(f"matrix.csv?show={show}")}
    learners = {
        learner["email"]: learner for learner in answered.read_json("matrix.json")["learners"]
    }
    assert lines.keys() == learners.keys() == {f"{n}@example.org" for n in ("ana", "bo", "cy")}
    rights = re.findall(r"<span data-right>(\d+)</span>", page)
    for email, learner in learners.items():
        line = lines[email]
        index = [
            learner["email"] for learner in answered.read_json("matrix.json")["learners"]
        ].index(email)
        assert rights[index] == line[f"right_{show}"] == str(learner["right"][show])
        for question in ("even", "sides"):
            shown = cell_text(page, answered.person_id(email), question)
            mark, times = line[f"{question} {show}"], line[f"{question} attempts"]
            cell = learner["questions"].get(question)
            if cell is None:
                assert (shown, mark, times) == ("–", "", "")
                continue
            assert shown.startswith(f"{'✓' if mark == '1' else '✗'} {times} ")
            assert (cell[show], cell["attempts"]) == (int(mark), int(times))
    assert lines["cy@example.org"]["name"] == "'=Cy"


def test_every_attempt_is_in_the_download_of_attempts(answered: MatrixVisits):
    lines, attempts = (
        answered.read_csv("attempts.csv"),
        answered.read_json("attempts.json")["attempts"],
    )
    assert [(entry["email"], entry["question"], entry["number"]) for entry in attempts] == [
        ("ana@example.org", "even", 1),
        ("ana@example.org", "even", 2),
        ("ana@example.org", "sides", 1),
        *(("bo@example.org", "even", number) for number in (1, 2, 3, 4)),
    ]
    assert [int(line["right"]) for line in lines] == [entry["right"] for entry in attempts]
    assert [line["chosen"].split() for line in lines] == [entry["chosen"] for entry in attempts]
    assert attempts[0]["chosen"] == ["four", "two"]
    assert sorted(attempts[0]["shown"]) == ["four", "three", "two"]
    assert attempts[0]["seconds"] is not None
