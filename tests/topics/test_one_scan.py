"""A file is scanned once on its way from the disk to its page."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from quizserver.topics import lesson, markdown, page_file, question
from quizserver.topics.links import SiteMap
from quizserver.topics.model import Question
from quizserver.topics.question import earlier_version
from quizserver.topics.workspace import load_workspace
from tests.topics.content_files import PLAINEST, write_files

SHIPPED = Path(__file__).parents[2] / "content"


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each text was scanned, whichever module asked for it."""
    counted: Counter[str] = Counter()
    scan_markdown = markdown.scan_markdown

    def counting_scan(text: str, *, front_matter: bool = True) -> markdown.MarkdownSource:
        counted[text] += 1
        return scan_markdown(text, front_matter=front_matter)

    for module in (markdown, page_file, question, lesson):
        monkeypatch.setattr(module, "scan_markdown", counting_scan)
    return counted


def test_each_shipped_file_is_scanned_once_from_the_disk_to_its_page(scans: Counter[str]) -> None:
    workspace = load_workspace(SHIPPED)
    workspace.diagnostics()
    snapshot = workspace.build_snapshot()
    texts = [page.text for page in workspace.parsed_pages()]
    assert len(texts) == len(snapshot.questions) + len(snapshot.topics) > 4
    assert scans == Counter(texts), "one scan of each file, and none of a part of it"
    assert set(scans.values()) == {1}


def test_a_changed_file_is_scanned_once_and_no_other_is_again(
    tmp_path: Path, scans: Counter[str]
) -> None:
    shutil.copytree(SHIPPED / "noiseless", tmp_path / "noiseless")
    workspace = load_workspace(tmp_path)
    workspace.build_snapshot()
    scans.clear()
    path = next(page.path for page in workspace.parsed_pages() if page.path.endswith("lesson.md"))
    changed = (tmp_path / path).read_text("utf-8") + "\nOne line more, with $x$.\n"
    overlay = workspace.with_file(path, changed.encode())
    overlay.diagnostics()
    overlay.build_snapshot()
    assert scans == Counter([changed])


def test_an_earlier_version_of_a_question_is_scanned_once(
    tmp_path: Path, scans: Counter[str]
) -> None:
    workspace = load_workspace(write_files(tmp_path, {"t/late-drop.md": PLAINEST}))
    present: Question = workspace.build_snapshot().questions["late-drop"]
    scans.clear()
    earlier_text = PLAINEST.replace("Mira", "Ada")
    earlier = earlier_version(present, earlier_text)
    assert earlier is not None
    assert "Ada" in earlier.stem_html
    assert scans == Counter([earlier_text])


def test_a_file_that_cannot_be_served_is_scanned_once_too(
    tmp_path: Path, scans: Counter[str]
) -> None:
    broken = "---\nid: a\n\n# T\n\n- [x] a\n"
    workspace = load_workspace(
        write_files(tmp_path, {"t/broken.md": broken, "t/bytes.md": b"# \xff\n- [x] a\n"})
    )
    assert {d.code for d in workspace.diagnostics()} >= {"open-front-matter", "not-utf-8"}
    assert workspace.site_map() != SiteMap()
    assert set(scans.values()) == {1}
