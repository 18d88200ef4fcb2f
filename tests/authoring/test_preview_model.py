"""The scope of a preview: its content folder, its topic and its start address."""

from __future__ import annotations

from pathlib import Path

import pytest

from quizserver.authoring.preview.model import Preview, content_flag, locate_preview


@pytest.fixture
def topic(tmp_path: Path) -> Path:
    folder = tmp_path / "content" / "ropes"
    folder.mkdir(parents=True)
    (folder / "q.md").write_text("# Q")
    return folder


def test_a_path_inside_the_content_folder_is_seen_among_its_neighbours(topic: Path):
    content = topic.parent
    assert locate_preview(None, content) == (content, Preview())
    assert locate_preview(content, content) == (content, Preview())
    at_topic = Preview(start_path="/preview/topics/ropes")
    assert (
        locate_preview(topic, content)
        == locate_preview(topic / "q.md", content)
        == (content, at_topic)
    )


def test_a_path_outside_is_seen_by_itself(topic: Path, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    alone = Preview("ropes", "/preview/topics/ropes")
    assert locate_preview(topic, elsewhere) == locate_preview(topic / "q.md", elsewhere)
    assert locate_preview(topic, elsewhere) == (topic.parent, alone)
    assert locate_preview(topic.parent, elsewhere) == (topic.parent, Preview())
    assert Preview.from_environ(alone.to_environ()).only_topic == "ropes"
    assert Preview.from_environ(Preview().to_environ()).only_topic is None


def test_commands_name_the_folder_only_where_they_must(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert content_flag(tmp_path / "content", Path("content")) == ""
    assert content_flag(tmp_path / "my topics", tmp_path / "content") == " --content 'my topics'"
    assert content_flag(Path("/srv/q"), tmp_path / "content") == " --content /srv/q"
