"""Every page of every topic that comes along opens, takes an answer and shows the evidence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from quizserver.app import create_app
from quizserver.evidence.record import read_evidence
from quizserver.settings import Settings
from quizserver.start import migrate_store
from quizserver.topics.library import Library
from tests.flows.browser_client import Visitor

pytestmark = pytest.mark.xdist_group("every page")  # one application reads all topics
SHIPPED = Library(Settings().content).snapshot()
QUESTIONS = sorted(SHIPPED.questions)
TOPICS = sorted(SHIPPED.topics)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The application with the topics that come along."""
    data: Path = tmp_path_factory.mktemp("data")
    settings = replace(Settings(), data=data)
    migrate_store(settings)
    app = create_app(settings)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    yield app
    app.extensions["quizserver-close"]()


def test_the_first_thing_that_a_newcomer_sees_is_the_puzzle_of_the_strange_loss(whole: Flask):
    visitor = Visitor(whole.test_client())
    visitor.open("/")
    welcome, topics = visitor.page.split('class="cards"')
    assert 'href="/questions/strange-loss"' in welcome
    assert "<svg" in welcome.split("<h1>")[1], "its curve stands beside the words"
    assert topics.index("/topics/strange-loss") == min(
        topics.index(f"/topics/{topic}") for topic in TOPICS
    )


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_opens(whole: Flask, topic: str):
    visitor = Visitor(whole.test_client())
    visitor.open(f"/topics/{topic}")
    assert visitor.status == 200
    assert SHIPPED.topics[topic].title in visitor.text


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_takes_the_right_answer_and_shows_its_evidence(whole: Flask, name: str):
    question = SHIPPED.questions[name]
    visitor = Visitor(whole.test_client())
    visitor.answer(name, *sorted(question.right_ids))
    assert visitor.status == 200
    assert "Right at the first try" in visitor.text
    options = len(question.options)
    assert visitor.page.count('class="verdict') >= options, "each option has its experiment"
    assert not re.search(r' (?:d|x|y|height)="[^"]*(?:nan|inf)', visitor.page)


@pytest.mark.parametrize("topic", TOPICS)
def test_every_part_of_an_open_lesson_has_an_id_and_a_name_of_its_own(whole: Flask, topic: str):
    visitor = Visitor(whole.test_client())
    for question in SHIPPED.topics[topic].questions:
        visitor.answer(question.id, *sorted(question.right_ids))
    visitor.open(f"/topics/{topic}")
    ids = re.findall(r'\bid="([^"]*)"', visitor.page)
    assert len(ids) == len(set(ids)), sorted({page_id for page_id in ids if ids.count(page_id) > 1})
    titles = re.findall(r'<h\d id="bench-\d+-title">(.*?)</h', visitor.page)
    assert len(titles) >= 2
    assert len(titles) == len(set(titles)), "two lab benches can be told apart"


@pytest.mark.parametrize("topic", TOPICS)
def test_the_evidence_of_a_topic_is_fresh_and_agrees_with_its_key(topic: str):
    shipped_topic = SHIPPED.topics[topic]
    evidence = read_evidence(shipped_topic.folder)
    assert evidence is not None
    assert evidence.stale_reason(shipped_topic) is None
    assert evidence.agrees


def test_nothing_is_wrong_with_the_topics_that_come_along():
    assert SHIPPED.diagnostics == ()
