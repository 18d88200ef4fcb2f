"""Files are replaced as wholes, only while their text is the one seen, by one writer at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from quizserver import atomic_files
from quizserver.authoring import files as files_module
from quizserver.authoring.files import (
    ContentError,
    ContentFiles,
    FileChangedError,
    NotEditableError,
    normalise_text,
    page_ref,
    text_digest,
)

REF = page_ref("numbers", "sides.md")


@pytest.fixture
def files(content: Path) -> ContentFiles:
    return ContentFiles(content)


def temporary_files(content: Path) -> list[str]:
    return [path.name for path in content.rglob("*") if path.name.startswith(".")]


@pytest.mark.parametrize(
    "name",
    [
        "sides.py", "sides", ".sides.md", "Sides.md", "../sides.md", "a/b.md", "a b.md", "-a.md",
        "a--b.md", "a_b.md", "ä.md", "a.md\n", "a\0.md", ".md", "a.b.md", "a" * 81 + ".md", "a.MD",
        "con.txt", "simulation.py.md",
    ],
)  # fmt: skip
def test_only_safe_names_are_pages(name: str):
    assert page_ref("numbers", "third-way2.md").path == "numbers/third-way2.md"
    with pytest.raises(NotEditableError):
        page_ref("numbers", name)
    with pytest.raises(NotEditableError):
        page_ref(name.removesuffix(".md") if name.endswith("a.md\n") else f"{name}/", "sides.md")


def test_a_link_is_neither_read_nor_written(files: ContentFiles, content: Path, tmp_path: Path):
    outside = tmp_path / "outside.md"
    outside.write_text("# Outside\n")
    (content / "numbers/link.md").symlink_to(outside)
    ref = page_ref("numbers", "link.md")
    with pytest.raises(NotEditableError):
        files.read_page(ref)
    with pytest.raises(NotEditableError):
        files.write_page(ref, "# Mine\n", expected_digest=text_digest("# Outside\n"))
    assert outside.read_text() == "# Outside\n"


def test_a_file_that_holds_something_else_is_not_replaced(files: ContentFiles, content: Path):
    before = (content / REF.path).read_text()
    with pytest.raises(FileChangedError) as raised:
        files.write_page(REF, "# Mine\n", expected_digest=text_digest("what I saw"))
    assert raised.value.text == before
    with pytest.raises(FileChangedError):
        files.write_page(REF, "# Mine\n", expected_digest=None)
    with pytest.raises(FileChangedError):
        files.delete_page(REF, expected_digest=text_digest("what I saw"))
    assert (content / REF.path).read_text() == before
    assert temporary_files(content) == []


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
def test_a_file_keeps_its_line_endings_and_byte_order_mark(
    files: ContentFiles, content: Path, before: bytes, after: bytes
):
    (content / REF.path).write_bytes(before)
    text = files.read_page(REF)
    assert text == "# Title\n\ntext\n", "newlines alone are no change"
    files.write_page(REF, "# New\n\ntext\n", expected_digest=text_digest(text))
    assert (content / REF.path).read_bytes() == after


@pytest.mark.parametrize("data", [b"# \xff\n", b"# \0\n", b"x" * 300_000])
def test_what_can_not_be_shown_without_loss_is_left_to_the_disk(
    files: ContentFiles, content: Path, data: bytes
):
    (content / REF.path).write_bytes(data)
    with pytest.raises(ContentError):
        files.read_page(REF)
    with pytest.raises(ContentError):
        files.write_page(REF, "# Mine\n", expected_digest=None)
    assert (content / REF.path).read_bytes() == data


def test_an_editor_that_saves_at_the_last_moment_is_not_overwritten(
    files: ContentFiles, content: Path, monkeypatch: pytest.MonkeyPatch
):
    """Between the comparison and the replacement, an editor saves without taking the lock."""
    path = content / REF.path
    before = path.read_text()
    exchange_files = atomic_files.exchange_files

    def save_then_exchange(temporary: Path, file: Path) -> bool:
        if path.read_text() == before:
            path.write_text("# At the last moment\n")
        return exchange_files(temporary, file)

    monkeypatch.setattr(atomic_files, "exchange_files", save_then_exchange)
    with pytest.raises(FileChangedError) as raised:
        files.write_page(REF, "# Mine\n", expected_digest=text_digest(before))
    assert raised.value.text == "# At the last moment\n"
    assert path.read_text() == "# At the last moment\n"
    assert temporary_files(content) == []


def test_where_names_can_not_be_exchanged_a_file_is_replaced_all_the_same(
    files: ContentFiles, content: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(atomic_files, "_renameat2", None)
    before = (content / REF.path).read_text()
    files.write_page(REF, "# Mine\n", expected_digest=text_digest(before))
    assert (content / REF.path).read_text() == "# Mine\n"
    assert temporary_files(content) == []


def test_a_reader_sees_the_old_text_or_the_new_one_and_never_a_part(
    files: ContentFiles, content: Path
):
    path = content / REF.path
    texts = [f"# {letter}\n" + letter * 50_000 + "\n" for letter in "ab"]
    path.write_text(texts[0])
    texts_read: set[str] = set()
    done = threading.Event()

    def read_repeatedly() -> None:
        while not done.is_set():
            texts_read.add(path.read_text())

    reader = threading.Thread(target=read_repeatedly)
    reader.start()
    for turn in range(40):
        files.write_page(REF, texts[(turn + 1) % 2], expected_digest=text_digest(texts[turn % 2]))
    done.set()
    reader.join()
    assert texts_read <= set(texts)


def test_of_two_processes_that_saw_the_same_text_one_writes(content: Path):
    path = content / REF.path
    code = f"""
import sys
from pathlib import Path
from quizserver.authoring.files import ContentFiles, FileChangedError, page_ref, text_digest
files, ref = ContentFiles(Path({str(content)!r})), page_ref("numbers", "sides.md")
seen = text_digest(files.read_page(ref))
print("seen", flush=True)
sys.stdin.readline()
with files.write_lock():
    try:
        files.write_page(ref, "# " + sys.argv[1] + "\\n", expected_digest=seen)
        print("written")
    except FileChangedError as error:
        print("changed:", error.text)
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(files_module.__file__).parents[2],
        )
        for name in ("one", "two")
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "seen\n"
    outputs = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        out, _ = process.communicate(timeout=60)
        outputs.append(out.strip())
    winner = path.read_text()
    assert winner in ("# one\n", "# two\n")
    assert sorted(outputs)[1] == "written"
    assert sorted(outputs)[0].startswith("changed:")
    assert winner.strip() in sorted(outputs)[0], "the other gets the text that the winner wrote"


def test_a_new_page_is_made_with_its_folder_and_goes_with_it(files: ContentFiles, content: Path):
    ref = page_ref("fresh", "lesson.md")
    files.write_page(ref, "# Fresh\n", expected_digest=None)
    assert (content / ref.path).read_text() == "# Fresh\n"
    assert (content / ref.path).stat().st_mode & 0o777 == 0o644
    files.delete_page(ref, expected_digest=text_digest("# Fresh\n"))
    assert not (content / "fresh").exists()


def test_a_folder_without_the_right_to_write_is_reported(files: ContentFiles, content: Path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (content / "numbers").chmod(0o500)
    with pytest.raises(ContentError, match=r"numbers/sides\.md can't be written"):
        files.write_page(
            REF, "# Mine\n", expected_digest=text_digest((content / REF.path).read_text())
        )
    (content / "numbers").chmod(0o700)


def test_a_file_that_is_read_only_is_not_replaced(
    files: ContentFiles, content: Path, monkeypatch: pytest.MonkeyPatch
):
    path = content / REF.path
    before = path.read_text()
    path.chmod(0o444)
    if os.geteuid() == 0:  # to whom every file seems writable
        monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(ContentError, match="read-only"):
        files.write_page(REF, "# Mine\n", expected_digest=text_digest(before))
    with pytest.raises(ContentError, match="read-only"):
        files.delete_page(REF, expected_digest=text_digest(before))
    assert path.read_text() == before
    assert temporary_files(content) == []


def test_what_was_typed_keeps_its_spaces_and_gets_one_newline_at_the_end():
    assert normalise_text("a  \r\n\tb\r\n\r\nc ") == "a  \n\tb\n\nc \n"
    assert normalise_text("a\n\n") == "a\n\n"
    assert normalise_text("") == ""
    assert normalise_text("a\0\ud800b") == "a\ufffd?b\n"
