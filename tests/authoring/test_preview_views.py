"""The preview's views of evidence: missing, stale, against the key, or in agreement."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from quizserver.authoring.preview.views import (
    EvidenceState,
    KeyedQuestion,
    evidence_state,
    keyed_question,
    load_recorded_evidence,
    preview_topic_rows,
)
from quizserver.settings import shipped_folder
from quizserver.topics.library import Library
from quizserver.topics.model import Question, Topic

COMMAND = "quizserver verify strange-loss --update"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a topic with its evidence, made to be fresh."""
    folder = tmp_path / "content" / "strange-loss"
    folder.mkdir(parents=True)
    for path in (shipped_folder("content") / "strange-loss").iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    return folder


def load_topic(folder: Path) -> Topic:
    return Library(folder.parent).snapshot().topics["strange-loss"]


def load_topic_with_fresh_evidence(folder: Path) -> Topic:
    """The topic with evidence that is not stale, whatever was last trained for it."""
    from quizserver.lab.fingerprint import ENGINE_VERSION, file_fingerprint

    path = folder / "evidence.json"
    recorded = json.loads(path.read_text())
    recorded["made_with"]["engine"] = ENGINE_VERSION
    for name, experiment in recorded["experiments"].items():
        experiment["description"]["fingerprint"] = file_fingerprint(folder / f"{name}.py")
    for finding in recorded["findings"]:
        finding["nudged"] = {"k": finding["k"], "changed": 0}
    path.write_text(json.dumps(recorded))
    return load_topic(folder)


def topic_state(topic: Topic, question_id: str | None) -> EvidenceState:
    return evidence_state(topic, load_recorded_evidence(topic), question_id, COMMAND)


def keyed(topic: Topic, question: Question) -> KeyedQuestion:
    recorded = load_recorded_evidence(topic)
    return keyed_question(topic, question, recorded, is_last_good=False, verify_command=COMMAND)


def test_evidence_that_agrees_is_said_to_with_its_seeds(folder: Path):
    state = topic_state(load_topic_with_fresh_evidence(folder), None)
    assert (state.tone, state.command) == ("good", None)
    assert "seeds 0 to 63" in state.sentence


def test_missing_evidence_names_the_command_that_records_it(folder: Path):
    (folder / "evidence.json").unlink()
    state = topic_state(load_topic(folder), None)
    assert (state.tone, state.command) == ("warn", COMMAND)
    assert "No evidence" in state.sentence


def test_stale_evidence_says_what_changed_and_names_the_command(folder: Path):
    load_topic_with_fresh_evidence(folder)
    with (folder / "simulation.py").open("a") as file:
        file.write("# changed\n")
    state = topic_state(load_topic(folder), None)
    assert (state.tone, state.command) == ("warn", COMMAND)
    assert "simulation.py changed" in state.sentence


def test_unreadable_evidence_is_reported_and_never_fails_a_page(folder: Path):
    (folder / "evidence.json").write_text("{")
    topic = load_topic(folder)
    state = topic_state(topic, None)
    assert (state.tone, state.command) == ("bad", COMMAND)
    view = keyed(topic, topic.questions[0])
    assert [option.evidence for option in view.options] == [()] * len(view.options)


def test_a_key_that_the_evidence_contradicts_is_shown_at_its_option(folder: Path):
    topic = load_topic_with_fresh_evidence(folder)
    question = next(q for q in topic.questions if q.claims)
    path = folder / Path(question.path).name
    right = next(o for o in question.options if o.right)
    text = path.read_text().split("\n")
    text[right.line - 1] = text[right.line - 1].replace("[x]", "[ ]")
    path.write_text("\n".join(text))
    recorded = json.loads((folder / "evidence.json").read_text())
    for finding in recorded["findings"]:
        if finding["option"] == right.id:
            finding["expected"] = "refuted"
    (folder / "evidence.json").write_text(json.dumps(recorded))
    topic = load_topic(folder)
    state = topic_state(topic, question.id)
    assert state.tone == "bad"
    assert "contradicts the key in 1 of" in state.sentence
    changed = next(q for q in topic.questions if q.id == question.id)
    view = keyed(topic, changed)
    (option,) = [o for o in view.options if o.disagreement]
    assert option.id == right.id
    assert option.disagreement is not None
    assert "The key says refuted, the evidence says supported" in option.disagreement


def record_nudged(folder: Path, option: str | None, nudged: dict[str, int] | None) -> None:
    """Makes ``nudged`` that of the first finding about ``option`` in the recorded evidence."""
    recorded = json.loads((folder / "evidence.json").read_text())
    finding = next(f for f in recorded["findings"] if f["option"] == option)
    finding["nudged"] = nudged
    (folder / "evidence.json").write_text(json.dumps(recorded))


def test_a_key_that_rests_on_a_knifes_edge_is_shown_at_its_option(folder: Path):
    topic = load_topic_with_fresh_evidence(folder)
    record_nudged(folder, "low-rate", {"k": 31, "changed": 40})
    state = topic_state(topic, "strange-loss")
    assert (state.tone, state.command) == ("bad", None)
    assert state.sentence.startswith("The key rests on a knife's edge in 1 of ")
    question = next(q for q in topic.questions if q.id == "strange-loss")
    (option,) = [o for o in keyed(topic, question).options if o.disagreement]
    assert option.id == "low-rate"
    assert "31 when draws change in their last place; 40 seeds" in str(option.disagreement)


def test_a_claim_of_no_option_on_a_knifes_edge_leaves_the_key_as_it_is(folder: Path):
    topic = load_topic_with_fresh_evidence(folder)
    record_nudged(folder, None, {"k": 31, "changed": 40})
    assert topic_state(topic, None).tone == "good"


def test_evidence_that_tells_no_edges_names_the_command_that_records_them(folder: Path):
    topic = load_topic_with_fresh_evidence(folder)
    record_nudged(folder, "low-rate", None)
    state = topic_state(topic, None)
    assert (state.tone, state.command) == ("warn", COMMAND)
    assert "knife's edge" in state.sentence


def test_every_claim_is_shown_in_words(folder: Path):
    topic = load_topic(folder)
    question = next(q for q in topic.questions if any(c.over for c in q.claims))
    view = keyed(topic, question)
    claim_texts = [text for option in view.options for text in option.claims]
    assert len(claim_texts) == sum(c.option is not None for c in question.claims)
    assert any("values of" in text for text in claim_texts)


def test_a_row_for_each_folder_even_one_that_is_not_served(folder: Path):
    (folder.parent / "Bad Name").mkdir()
    (folder.parent / "Bad Name" / "q.md").write_text("# Q\n\n- [x] A\n- [ ] B\n")
    (folder.parent / "empty").mkdir()
    (folder.parent / "empty" / "q.md").write_text("")
    snapshot = Library(folder.parent).snapshot()
    rows = {row.folder: row for row in preview_topic_rows(snapshot, "verify {}")}
    assert set(rows) == {"strange-loss", "Bad Name", "empty"}
    assert (rows["empty"].questions, str(rows["empty"].count)) == (0, "1 problem")
    without = replace(snapshot, topics={})
    assert {row.folder for row in preview_topic_rows(without, "verify {}")} == {"Bad Name", "empty"}
