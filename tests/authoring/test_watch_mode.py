"""Watching: changes are reported once files rest; a training with changed files is abandoned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from quizserver.authoring.folder_watcher import FolderWatcher, affected_topics
from quizserver.authoring.watch_mode import VerificationFailedError, VerificationLoop, watch_checks
from quizserver.topics.model import Diagnostic

CLAIMING = """\
---
claims:
  - {option: a, arm: one, shape: flat}
  - {option: b, arm: two, shape: flat}
---
# Which?

- [x] A {#a}
- [ ] B {#b}
"""


class ScriptEndedError(Exception):
    """Stands for Ctrl-C in an endless loop."""


class Script:
    """A sleep that does something to the files each time, and ends the loop after the last."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        self.steps = list(steps)

    def __call__(self, seconds: float) -> None:
        assert seconds >= 0.1, "no busy loop"
        if not self.steps:
            raise ScriptEndedError
        self.steps.pop(0)()


def change_nothing() -> None: ...


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for topic in ("knots", "ropes"):
        topic_folder = tmp_path / topic
        topic_folder.mkdir()
        (topic_folder / f"{topic}-q.md").write_text(CLAIMING)
        (topic_folder / "simulation.py").write_text("# nothing trains in these tests\n")
    return tmp_path


def test_a_change_is_reported_when_two_polls_see_the_same(folder: Path):
    script = Script(
        change_nothing,
        lambda: (folder / "ropes" / "a.md").write_text("one"),
        lambda: (folder / "ropes" / "a.md").write_text("one and two"),
        lambda: (folder / "knots" / "knots-q.md").unlink(),
        change_nothing,
    )
    watcher = FolderWatcher(folder, sleep=script)
    assert watcher.wait_for_changes() == {"ropes/a.md", "knots/knots-q.md"}
    assert script.steps == []
    with pytest.raises(ScriptEndedError):
        watcher.wait_for_changes()


def test_a_file_that_was_put_back_and_recorded_evidence_are_no_change(folder: Path):
    file, away = folder / "ropes" / "ropes-q.md", folder / "ropes" / ".away"
    (folder / "knots" / "evidence.json").write_text("{}")
    script = Script(
        lambda: (folder / "knots" / "evidence.json").write_text("{} "),
        change_nothing,
        lambda: file.write_text(CLAIMING + "\nmore\n"),
        change_nothing,
    )
    watcher = FolderWatcher(folder, sleep=script)
    assert watcher.wait_for_changes() == {"ropes/ropes-q.md"}
    assert not away.exists()


def test_a_folder_that_goes_away_is_waited_for(folder: Path):
    gone = folder.with_name("gone")
    script = Script(
        lambda: folder.rename(gone), change_nothing, lambda: gone.rename(folder), change_nothing
    )
    watcher = FolderWatcher(folder, sleep=script)
    assert "ropes/ropes-q.md" in watcher.wait_for_changes()
    assert "ropes/ropes-q.md" in watcher.wait_for_changes()


def test_only_text_and_python_concern_the_claims():
    assert affected_topics(["b/x.md", "a/s.py", "c/picture.png", "a/y.md"]) == ["a", "b"]


def test_checks_run_at_once_and_after_each_change(folder: Path):
    results: list[list[Diagnostic]] = [
        [],
        [Diagnostic(2, 1, "c", "Bad.", "Fix it.", path="ropes/a.md")],
        [],
    ]
    lines: list[str] = []
    script = Script(
        lambda: (folder / "ropes" / "a.md").write_text("1"),
        change_nothing,
        lambda: (folder / "ropes" / "a.md").write_text("22"),
        change_nothing,
    )
    with pytest.raises(ScriptEndedError):
        watch_checks(lambda: results.pop(0), FolderWatcher(folder, sleep=script), lines.append)
    assert results == []
    assert [line.partition("  ")[2].partition(" Watching")[0] for line in lines] == [
        "no problems.",
        "",
        "1 problem.",
        "no problems.",
    ]
    assert lines[1] == "ropes/a.md:2:1: Bad. Fix it."


class Trainer:
    """Stands for the training: records its topics, and may change files meanwhile."""

    def __init__(self) -> None:
        self.topics: list[str] = []
        self.meanwhile: list[Callable[[], object]] = []
        self.fails = False
        self.is_edge = False

    def __call__(self, topic: Any, on_progress: Callable[[int, int], None]) -> Any:
        self.topics.append(topic.id)
        if self.meanwhile:
            self.meanwhile.pop(0)()
        on_progress(1, 2)
        if self.fails:
            raise VerificationFailedError("simulation.py:3: it failed")
        agrees = topic.id == "ropes"
        return SimpleNamespace(agrees=agrees, key_holds=agrees and not self.is_edge)


def watch_lines(
    folder: Path, trainer: Trainer, script: Script, topic: str | None = None
) -> list[str]:
    lines: list[str] = []
    watcher = FolderWatcher(folder, sleep=script)
    with pytest.raises(ScriptEndedError):
        VerificationLoop(folder, trainer, watcher, lines.append).run_forever(topic)
    return [line.partition("  ")[2] for line in lines]


def touch(folder: Path, topic: str) -> Callable[[], object]:
    def change() -> None:
        with (folder / topic / "simulation.py").open("a") as file:
            file.write("# more\n")

    return change


def test_every_topic_is_verified_once_then_only_those_that_change(folder: Path):
    trainer = Trainer()
    lines = watch_lines(
        folder, trainer, Script(change_nothing, touch(folder, "knots"), change_nothing)
    )
    assert trainer.topics == ["knots", "ropes", "knots"]
    assert "ropes: the key agrees (0 s)." in lines
    assert "knots: the evidence contradicts the key (0 s)." in lines


def test_a_key_that_rests_on_a_knifes_edge_is_said_so(folder: Path):
    trainer = Trainer()
    trainer.is_edge = True
    lines = watch_lines(folder, trainer, Script(change_nothing))
    assert "ropes: the key rests on a knife's edge (0 s)." in lines
    assert "knots: the evidence contradicts the key (0 s)." in lines


def test_with_a_topic_the_others_are_left_alone(folder: Path):
    trainer = Trainer()
    watch_lines(
        folder,
        trainer,
        Script(touch(folder, "knots"), change_nothing, touch(folder, "ropes"), change_nothing),
        topic="ropes",
    )
    assert trainer.topics == ["ropes", "ropes"]


def test_training_is_abandoned_when_its_own_files_change_and_begun_again(folder: Path):
    trainer = Trainer()
    trainer.meanwhile = [touch(folder, "knots")]
    lines = watch_lines(folder, trainer, Script(change_nothing))
    assert trainer.topics == ["knots", "knots", "ropes"]
    assert "knots: changed meanwhile; beginning again." in lines


def test_a_topic_that_changes_meanwhile_comes_next_and_waits_only_once(folder: Path):
    (folder / "sails").mkdir()
    (folder / "sails" / "sails-q.md").write_text(CLAIMING)
    (folder / "sails" / "simulation.py").write_text("# nothing\n")
    trainer = Trainer()
    trainer.meanwhile = [touch(folder, "sails")]
    lines = watch_lines(folder, trainer, Script(change_nothing))
    assert trainer.topics == ["knots", "sails", "ropes"]
    assert "knots: changed meanwhile; beginning again." not in lines


def test_a_broken_file_and_a_failed_training_are_reported_and_the_watch_goes_on(folder: Path):
    trainer = Trainer()
    trainer.fails = True
    broken = folder / "knots" / "knots-q.md"
    broken.write_text(CLAIMING.replace("[x]", "[ ]"))
    lines = watch_lines(
        folder, trainer, Script(lambda: broken.write_text(CLAIMING), change_nothing)
    )
    assert trainer.topics == ["ropes", "knots"]
    assert "knots: fix these first." in lines
    assert "ropes: simulation.py:3: it failed" in lines


def test_a_topic_whose_claims_were_removed_is_reported_to_have_none(folder: Path):
    trainer = Trainer()
    plain = "# Which?\n\n- [x] A\n- [ ] B\n"
    script = Script(lambda: (folder / "knots" / "knots-q.md").write_text(plain), change_nothing)
    lines = watch_lines(folder, trainer, script)
    assert trainer.topics == ["knots", "ropes"]
    assert "knots: no claims to verify." in lines
