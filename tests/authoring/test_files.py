"""Files are replaced as wholes, only while they hold what was seen, and by one writer at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from quizserver.authoring import disk
from quizserver.authoring import files as module
from quizserver.authoring.files import (
    ChangedError,
    ContentError,
    Files,
    PlaceError,
    digest,
    normal,
    place,
)

WHERE = place("numbers", "sides.md")


@pytest.fixture
def files(content: Path) -> Files:
    return Files(content)


def leftovers(content: Path) -> list[str]:
    return [path.name for path in content.rglob("*") if path.name.startswith(".")]


@pytest.mark.parametrize(
    "name",
    [
        "sides.py", "sides", ".sides.md", "Sides.md", "../sides.md", "a/b.md", "a b.md", "-a.md",
        "a--b.md", "a_b.md", "ä.md", "a.md\n", "a\0.md", ".md", "a.b.md", "a" * 81 + ".md", "a.MD",
        "con.txt", "simulation.py.md",
    ],
)  # fmt: skip
def test_only_plain_names_are_places(name: str):
    assert place("numbers", "third-way2.md").path == "numbers/third-way2.md"
    with pytest.raises(PlaceError):
        place("numbers", name)
    with pytest.raises(PlaceError):
        place(name.removesuffix(".md") if name.endswith("a.md\n") else f"{name}/", "sides.md")


def test_a_link_is_neither_read_nor_written(files: Files, content: Path, tmp_path: Path):
    outside = tmp_path / "outside.md"
    outside.write_text("# Outside\n")
    (content / "numbers/link.md").symlink_to(outside)
    where = place("numbers", "link.md")
    with pytest.raises(PlaceError):
        files.read(where)
    with pytest.raises(PlaceError):
        files.write(where, "# Mine\n", seen=digest("# Outside\n"))
    assert outside.read_text() == "# Outside\n"


def test_a_file_that_holds_something_else_is_not_replaced(files: Files, content: Path):
    before = (content / WHERE.path).read_text()
    with pytest.raises(ChangedError) as told:
        files.write(WHERE, "# Mine\n", seen=digest("what I saw"))
    assert told.value.text == before
    with pytest.raises(ChangedError):
        files.write(WHERE, "# Mine\n", seen=None)
    with pytest.raises(ChangedError):
        files.delete(WHERE, seen=digest("what I saw"))
    assert (content / WHERE.path).read_text() == before
    assert leftovers(content) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"\xef\xbb\xbf# Title\r\n\r\ntext\r\n", b"\xef\xbb\xbf# New\r\n\r\ntext\r\n"),
        (b"# Title\n\ntext", b"# New\n\ntext"),
        (b"# Title\r\n\r\ntext", b"# New\r\n\r\ntext"),
        (b"# Title\r\rtext\r", b"# New\r\rtext\r"),
        (b"# Title\n\r\ntext\n", b"# New\n\r\ntext\n"),
    ],
)
def test_a_file_keeps_its_line_ends_and_its_mark(
    files: Files, content: Path, before: bytes, after: bytes
):
    (content / WHERE.path).write_bytes(before)
    text = files.read(WHERE)
    assert text == "# Title\n\ntext\n", "newlines alone are no change"
    files.write(WHERE, "# New\n\ntext\n", seen=digest(text))
    assert (content / WHERE.path).read_bytes() == after


@pytest.mark.parametrize("data", [b"# \xff\n", b"# \0\n", b"x" * 300_000])
def test_what_can_not_be_shown_without_loss_is_left_to_the_disk(
    files: Files, content: Path, data: bytes
):
    (content / WHERE.path).write_bytes(data)
    with pytest.raises(ContentError):
        files.read(WHERE)
    with pytest.raises(ContentError):
        files.write(WHERE, "# Mine\n", seen=None)
    assert (content / WHERE.path).read_bytes() == data


def test_an_editor_that_saves_at_the_last_moment_is_not_overwritten(
    files: Files, content: Path, monkeypatch: pytest.MonkeyPatch
):
    """Between the comparison and the replacement, somebody saves without waiting for a turn."""
    path = content / WHERE.path
    before = path.read_text()
    exchange = disk.exchange

    def late(one: Path, other: Path) -> bool:
        if path.read_text() == before:
            path.write_text("# At the last moment\n")
        return exchange(one, other)

    monkeypatch.setattr(disk, "exchange", late)
    with pytest.raises(ChangedError) as told:
        files.write(WHERE, "# Mine\n", seen=digest(before))
    assert told.value.text == "# At the last moment\n"
    assert path.read_text() == "# At the last moment\n"
    assert leftovers(content) == []


def test_where_names_can_not_be_exchanged_a_file_is_replaced_all_the_same(
    files: Files, content: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(disk, "_renameat2", None)
    before = (content / WHERE.path).read_text()
    files.write(WHERE, "# Mine\n", seen=digest(before))
    assert (content / WHERE.path).read_text() == "# Mine\n"
    assert leftovers(content) == []


def test_a_reader_sees_the_old_text_or_the_new_one_and_never_a_part(files: Files, content: Path):
    path = content / WHERE.path
    texts = [f"# {letter}\n" + letter * 50_000 + "\n" for letter in "ab"]
    path.write_text(texts[0])
    seen: set[str] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(40):
        files.write(WHERE, texts[(turn + 1) % 2], seen=digest(texts[turn % 2]))
    done.set()
    reader.join()
    assert seen <= set(texts)


def test_of_two_processes_that_saw_the_same_text_one_writes(content: Path):
    path = content / WHERE.path
    code = f"""
import sys
from pathlib import Path
from quizserver.authoring.files import ChangedError, Files, digest, place
files, where = Files(Path({str(content)!r})), place("numbers", "sides.md")
seen = digest(files.read(where))
print("seen", flush=True)
sys.stdin.readline()
with files.turn():
    try:
        files.write(where, "# " + sys.argv[1] + "\\n", seen=seen)
        print("written")
    except ChangedError as error:
        print("changed:", error.text)
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(module.__file__).parents[2],
        )
        for name in ("one", "two")
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "seen\n"
    said = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        out, _ = process.communicate(timeout=60)
        said.append(out.strip())
    winner = path.read_text()
    assert winner in ("# one\n", "# two\n")
    assert sorted(said)[1] == "written"
    assert sorted(said)[0].startswith("changed:")
    assert winner.strip() in sorted(said)[0], "the other is told what the winner wrote"


def test_a_new_page_is_made_with_its_folder_and_goes_with_it(files: Files, content: Path):
    where = place("fresh", "lesson.md")
    files.write(where, "# Fresh\n", seen=None)
    assert (content / where.path).read_text() == "# Fresh\n"
    assert (content / where.path).stat().st_mode & 0o777 == 0o644
    files.delete(where, seen=digest("# Fresh\n"))
    assert not (content / "fresh").exists()


def test_a_folder_without_the_right_to_write_is_told(files: Files, content: Path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (content / "numbers").chmod(0o500)
    with pytest.raises(ContentError, match=r"numbers/sides\.md can't be written"):
        files.write(WHERE, "# Mine\n", seen=digest((content / WHERE.path).read_text()))
    (content / "numbers").chmod(0o700)


def test_a_file_that_is_read_only_is_not_replaced(
    files: Files, content: Path, monkeypatch: pytest.MonkeyPatch
):
    path = content / WHERE.path
    before = path.read_text()
    path.chmod(0o444)
    if os.geteuid() == 0:  # to whom every file seems writable
        monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(ContentError, match="read-only"):
        files.write(WHERE, "# Mine\n", seen=digest(before))
    with pytest.raises(ContentError, match="read-only"):
        files.delete(WHERE, seen=digest(before))
    assert path.read_text() == before
    assert leftovers(content) == []


def test_what_was_typed_keeps_its_spaces_and_gets_one_newline_at_the_end():
    assert normal("a  \r\n\tb\r\n\r\nc ") == "a  \n\tb\n\nc \n"
    assert normal("a\n\n") == "a\n\n"
    assert normal("") == ""
    assert normal("a\0\ud800b") == "a\ufffd?b\n"
