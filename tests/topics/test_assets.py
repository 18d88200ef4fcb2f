"""Only images of the topic's own folder are served; never its markdown, code or evidence."""

from __future__ import annotations

from pathlib import Path

import pytest

from quizserver.topics.assets import MEDIA_TYPES, image_headers, image_in_topic
from quizserver.topics.library import Library
from quizserver.topics.model import Snapshot
from tests.topics.content_files import PLAINEST, write_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "content/t/q.md": PLAINEST,
        "content/t/a.png": "png",
        "content/t/img/b.SVG": "<svg/>",
        "content/t/evidence.json": "{}",
        "content/t/simulation.py": "",
        "content/t/.hidden.png": "png",
        "content/t/.git/c.png": "png",
        "content/u/d.png": "png",
        "content/u/q2.md": PLAINEST,
        "secret.png": "png",
        "secret.txt": "key",
    }
    write_files(tmp_path, files)
    (tmp_path / "content/t/out.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "content/t/disguised.png").symlink_to(tmp_path / "content/t/q.md")
    (tmp_path / "content/t/loop.png").symlink_to(tmp_path / "content/t/loop.png")
    (tmp_path / "content/t/inner.png").symlink_to(tmp_path / "content/t/a.png")
    (tmp_path / "content/t/out").symlink_to(tmp_path)
    return tmp_path / "content"


@pytest.fixture
def snapshot(folder: Path) -> Snapshot:
    return Library(folder).snapshot()


@pytest.mark.parametrize("name", ["a.png", "img/b.SVG", "inner.png"])
def test_images_of_the_folder_are_found(name: str, snapshot: Snapshot, folder: Path) -> None:
    path = image_in_topic(snapshot, "t", name)
    assert path is not None
    assert path.samefile(folder / "t" / name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "none.png",
        "q.md",
        "evidence.json",
        "simulation.py",
        ".hidden.png",
        ".git/c.png",
        "../u/d.png",
        "../../secret.png",
        "/etc/a.png",
        "img/../a.png",
        "img//b.SVG",
        "img\\b.SVG",
        "out.png",
        "out/secret.png",
        "disguised.png",
        "loop.png",
        "a.png\0.png",
        "a.png/",
        "img",
        "x" * 5000 + ".png",
    ],
)
def test_nothing_else_is(name: str, snapshot: Snapshot) -> None:
    assert image_in_topic(snapshot, "t", name) is None


def test_an_unknown_topic_has_no_files(snapshot: Snapshot) -> None:
    assert image_in_topic(snapshot, "none", "a.png") is None
    assert image_in_topic(snapshot, "..", "t/a.png") is None


def test_an_svg_that_is_opened_by_itself_may_run_nothing() -> None:
    headers = image_headers(Path("b.SVG"))
    assert headers["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert all(kind.startswith("image/") for kind in MEDIA_TYPES.values())
