"""Watching: what changed is told once it has settled; outdated training is given up."""

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


class EndedError(Exception):
    """Stands for Ctrl-C in a loop that has no end."""


class Script:
    """A sleep that does something to the files each time, and ends the loop after the last."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        self.steps = list(steps)

    def __call__(self, seconds: float) -> None:
        assert seconds >= 0.1, "no busy loop"
        if not self.steps:
            raise EndedError
        self.steps.pop(0)()


def nothing() -> None: ...


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for topic in ("knots", "ropes"):
        made = tmp_path / topic
        made.mkdir()
        (made / f"{topic}-q.md").write_text(CLAIMING)
        (made / "simulation.py").write_text("# nothing trains in these tests\n")
    return tmp_path


def test_a_change_is_told_when_the_folder_looks_the_same_twice(folder: Path):
    script = Script(
        nothing,
        lambda: (folder / "ropes" / "a.md").write_text("one"),
        lambda: (folder / "ropes" / "a.md").write_text("one and two"),
        lambda: (folder / "knots" / "knots-q.md").unlink(),
        nothing,
    )
    watcher = FolderWatcher(folder, sleep=script)
    assert watcher.wait_for_changes() == {"ropes/a.md", "knots/knots-q.md"}
    assert script.steps == []
    with pytest.raises(EndedError):
        watcher.wait_for_changes()


def test_a_file_that_was_put_back_and_recorded_evidence_are_no_change(folder: Path):
    kept, away = folder / "ropes" / "ropes-q.md", folder / "ropes" / ".away"
    (folder / "knots" / "evidence.json").write_text("{}")
    script = Script(
        lambda: (folder / "knots" / "evidence.json").write_text("{} "),
        nothing,
        lambda: kept.write_text(CLAIMING + "\nmore\n"),
        nothing,
    )
    watcher = FolderWatcher(folder, sleep=script)
    assert watcher.wait_for_changes() == {"ropes/ropes-q.md"}
    assert not away.exists()


def test_a_folder_that_goes_away_is_waited_for(folder: Path):
    gone = folder.with_name("gone")
    script = Script(lambda: folder.rename(gone), nothing, lambda: gone.rename(folder), nothing)
    watcher = FolderWatcher(folder, sleep=script)
    assert "ropes/ropes-q.md" in watcher.wait_for_changes()
    assert "ropes/ropes-q.md" in watcher.wait_for_changes()


def test_only_text_and_python_concern_the_claims():
    assert affected_topics(["b/x.md", "a/s.py", "c/picture.png", "a/y.md"]) == ["a", "b"]


def test_checks_run_at_once_and_after_each_change(folder: Path):
    found: list[list[Diagnostic]] = [
        [],
        [Diagnostic(2, 1, "c", "Bad.", "Mend it.", path="ropes/a.md")],
        [],
    ]
    said: list[str] = []
    script = Script(
        lambda: (folder / "ropes" / "a.md").write_text("1"),
        nothing,
        lambda: (folder / "ropes" / "a.md").write_text("22"),
        nothing,
    )
    with pytest.raises(EndedError):
        watch_checks(lambda: found.pop(0), FolderWatcher(folder, sleep=script), said.append)
    assert found == []
    assert [line.partition("  ")[2].partition(" Watching")[0] for line in said] == [
        "no problems.",
        "",
        "1 problem.",
        "no problems.",
    ]
    assert said[1] == "ropes/a.md:2:1: Bad. Mend it."


class Trainer:
    """Stands for the training: tells what it was asked for, and may change files meanwhile."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.meanwhile: list[Callable[[], object]] = []
        self.fails = False

    def __call__(self, topic: Any, look: Callable[[int, int], None]) -> Any:
        self.asked.append(topic.id)
        if self.meanwhile:
            self.meanwhile.pop(0)()
        look(1, 2)
        if self.fails:
            raise VerificationFailedError("simulation.py:3: it failed")
        return SimpleNamespace(agrees=topic.id == "ropes")


def watch(folder: Path, trainer: Trainer, script: Script, topic: str | None = None) -> list[str]:
    said: list[str] = []
    watcher = FolderWatcher(folder, sleep=script)
    with pytest.raises(EndedError):
        VerificationLoop(folder, trainer, watcher, said.append).run_forever(topic)
    return [line.partition("  ")[2] for line in said]


def touch(folder: Path, topic: str) -> Callable[[], object]:
    def change() -> None:
        with (folder / topic / "simulation.py").open("a") as file:
            file.write("# more\n")

    return change


def test_every_topic_is_verified_once_then_only_those_that_change(folder: Path):
    trainer = Trainer()
    said = watch(folder, trainer, Script(nothing, touch(folder, "knots"), nothing))
    assert trainer.asked == ["knots", "ropes", "knots"]
    assert "ropes: the key agrees (0 s)." in said
    assert "knots: the evidence contradicts the key (0 s)." in said


def test_with_a_topic_the_others_are_left_alone(folder: Path):
    trainer = Trainer()
    watch(
        folder,
        trainer,
        Script(touch(folder, "knots"), nothing, touch(folder, "ropes"), nothing),
        topic="ropes",
    )
    assert trainer.asked == ["ropes", "ropes"]


def test_training_is_given_up_when_its_own_files_change_and_begun_again(folder: Path):
    trainer = Trainer()
    trainer.meanwhile = [touch(folder, "knots")]
    said = watch(folder, trainer, Script(nothing))
    assert trainer.asked == ["knots", "knots", "ropes"]
    assert "knots: changed meanwhile; beginning again." in said


def test_a_topic_that_changes_meanwhile_comes_next_and_waits_only_once(folder: Path):
    (folder / "sails").mkdir()
    (folder / "sails" / "sails-q.md").write_text(CLAIMING)
    (folder / "sails" / "simulation.py").write_text("# nothing\n")
    trainer = Trainer()
    trainer.meanwhile = [touch(folder, "sails")]
    said = watch(folder, trainer, Script(nothing))
    assert trainer.asked == ["knots", "sails", "ropes"]
    assert "knots: changed meanwhile; beginning again." not in said


def test_a_broken_file_and_a_failed_training_are_told_and_the_watch_goes_on(folder: Path):
    trainer = Trainer()
    trainer.fails = True
    broken = folder / "knots" / "knots-q.md"
    broken.write_text(CLAIMING.replace("[x]", "[ ]"))
    said = watch(folder, trainer, Script(lambda: broken.write_text(CLAIMING), nothing))
    assert trainer.asked == ["ropes", "knots"]
    assert "knots: fix these first." in said
    assert "ropes: simulation.py:3: it failed" in said


def test_a_topic_whose_claims_went_away_is_said_to_have_none(folder: Path):
    trainer = Trainer()
    plain = "# Which?\n\n- [x] A\n- [ ] B\n"
    script = Script(lambda: (folder / "knots" / "knots-q.md").write_text(plain), nothing)
    said = watch(folder, trainer, script)
    assert trainer.asked == ["knots", "ropes"]
    assert "knots: no claims to verify." in said
