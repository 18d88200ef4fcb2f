"""After a wrong answer, no question that comes along tells of an option that was not chosen."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from flask import Flask

from quizserver.app import create_app
from quizserver.attempts.tried import offered_arms
from quizserver.evidence.record import Evidence, read_evidence
from quizserver.lab.model import Description
from quizserver.settings import Settings
from quizserver.start import migrate_store
from quizserver.topics.library import Library
from quizserver.topics.model import Question
from quizserver.topics.render import plain_text
from tests.flows.browser_client import Visitor

SHIPPED = Library(Settings().content).snapshot()
CASES = [
    (question.id, option)
    for question in SHIPPED.questions.values()
    for option in question.option_ids
    if option not in question.right_ids
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The application with the topics that come along."""
    data: Path = tmp_path_factory.mktemp("data")
    settings = replace(Settings(), data=data, limit_answers_client="10000/hour")
    migrate_store(settings)
    app = create_app(settings)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    yield app
    app.extensions["quizserver-close"]()


def recorded(question: Question) -> tuple[Evidence, Description]:
    evidence = read_evidence(SHIPPED.topics[question.topic].folder)
    assert evidence is not None
    assert question.simulation is not None
    return evidence, evidence.experiments[question.simulation].description


def offered(question: Question, chosen: str) -> frozenset[str]:
    evidence, description = recorded(question)
    return offered_arms(question, (chosen,), description, evidence)


def later_texts(question: Question, chosen: str) -> Iterator[str]:
    """The beginnings of what the page must not say yet."""
    htmls = [question.explanation_html, question.references_html]
    htmls += [option.feedback_html for option in question.options]
    for html in htmls:
        text = plain_text(html or "")
        if len(text) > 30:
            yield text[:60]
    evidence, _ = recorded(question)
    mine = [f for f in evidence.findings if f.question == question.id and f.option == chosen]
    own = {f.ensemble for f in mine} | {f.against for f in mine}
    own |= offered(question, chosen)
    for finding in evidence.findings:
        if finding.question == question.id and finding.option != chosen:
            yield from (
                {finding.sentence, evidence.ensemble_of(finding).sentence} - {""}
                if (finding.ensemble not in own)
                else ()
            )


@pytest.mark.parametrize(("name", "chosen"), CASES)
def test_a_wrong_answer_tells_of_what_was_chosen_alone(whole: Flask, name: str, chosen: str):
    question = SHIPPED.questions[name]
    visitor = Visitor(whole.test_client())
    visitor.answer(name, chosen)
    assert "Not quite" in visitor.text
    text = " ".join(unescape(visitor.text).split())
    said = "".join(plain_text(str(finding)) for finding in own_sentences(question, chosen))
    for later in later_texts(question, chosen):
        assert " ".join(later.split()) not in text or later in said, later
    assert visitor.page.count('class="verdict') >= 1
    assert "Missed" not in text
    assert "Rightly" not in text
    arms = offered(question, chosen)
    configs = re.findall(r'data-part="config">([^<]*)<', visitor.page)
    assert len(configs) == (1 if arms else 0)
    simulation = f"/simulations/{question.topic}/{question.simulation}"
    if arms:
        config = json.loads(configs[0])
        assert {arm["name"] for arm in config["arms"]} == arms
        assert "data-maps" not in visitor.page
        assert visitor.client.get(f"{simulation}/maps").status_code == 403
        curves = json.loads(visitor.open(f"{simulation}/recorded"))
        assert set(curves["arms"]) <= arms
    else:
        assert visitor.client.get(f"{simulation}/recorded").status_code == 403
        assert (
            "<svg"
            not in re.sub(r'<figure class="hero.*?</figure>', "", visitor.page)
            .split('class="outcomes')[-1]
            .split("</ol>")[0]
        )
    assert visitor.client.get(simulation).status_code == 403


def own_sentences(question: Question, chosen: str) -> Iterator[str]:
    evidence, _ = recorded(question)
    for finding in evidence.findings:
        if finding.question == question.id and finding.option == chosen:
            yield finding.sentence
            yield evidence.ensemble_of(finding).sentence


def test_some_questions_offer_a_bench_after_a_wrong_answer_and_some_do_not():
    offers = {
        (name, chosen): offered(question, chosen)
        for name, chosen in CASES
        for question in [SHIPPED.questions[name]]
    }
    assert any(offers.values())
    assert not all(offers.values())
