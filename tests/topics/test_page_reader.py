"""Large pages are read by a child with limits, small ones at once, and both in the same way."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from quizserver.topics import page_file, page_reader
from quizserver.topics.library import Library
from quizserver.topics.links import SiteMap
from quizserver.topics.page_file import UnrenderedPageError, parse_page_file, render_page
from quizserver.topics.page_reader import PageReader, ReadingLimits
from quizserver.topics.workspace import load_workspace
from tests.topics.content_files import FINE, PLAINEST, write_files

PARAGRAPH = "Some words of prose with *one* emphasis, [a link](https://example.org) and `code`.\n\n"
LARGE = PLAINEST.replace("## Answer\n", "## Answer\n\n" + PARAGRAPH * 300)
LESSON = "# A long lesson\n\n" + PARAGRAPH * 300
SITE = SiteMap(frozenset({"t/q.md", "t/lesson.md"}), {"t/q.md": "/questions/q"}, {"t": "t"})


@pytest.fixture(scope="module")
def reader() -> Iterator[PageReader]:
    reader = PageReader(ReadingLimits(cpu_seconds=30))
    yield reader
    reader.close()


def child_pid(reader: PageReader) -> int | None:
    process = reader._child._process
    return process.pid if process is not None and process.poll() is None else None


def test_a_small_page_needs_no_child() -> None:
    reader = PageReader()
    file = reader.read_page("t/q.md", PLAINEST.encode())
    assert file.parsed is not None
    reader.render_page(file.parsed, "t", SITE)
    assert child_pid(reader) is None


@pytest.mark.parametrize(
    ("path", "text"), [("t/q.md", LARGE), ("t/lesson.md", LESSON)], ids=["question", "lesson"]
)
def test_a_child_reads_and_renders_a_large_page_as_this_process_would(
    reader: PageReader, path: str, text: str
) -> None:
    file = reader.read_page(path, text.encode())
    assert child_pid(reader) not in (None, os.getpid())
    here = parse_page_file(path, text.encode())
    assert file == here
    assert file.parsed is not None
    assert here.parsed is not None
    there = reader.render_page(file.parsed, "t", SITE)
    expected = render_page(here.parsed, "t", SITE)
    assert there.page == expected.page
    assert there.resolved_urls == expected.resolved_urls
    assert getattr(there.page, "parsed", file.parsed) is file.parsed


def test_a_few_signs_that_take_long_go_to_the_child_too(reader: PageReader) -> None:
    intricate = f"# Title\n\n{'*a ' * 700}\n\n- [x] Yes\n- [ ] No\n"
    assert len(intricate) < page_reader.SMALL_BYTES
    assert page_reader._is_large(intricate.encode())
    assert not page_reader._is_large(FINE.encode())


def test_a_small_page_that_repeats_its_notes_goes_to_the_child_too(reader: PageReader) -> None:
    """It may take long, and become more HTML than a page may be."""
    table = "\n    ".join(["|a" * 60, "|:-:" * 60, *["|"] * 60])
    options = "".join(f"- [{'x' if n else ' '}] {n} [^n]\n\n" for n in range(10))
    text = f"# Title\n\nStem.\n\n{options}[^n]: As in\n\n    {table}\n"
    assert not page_reader._is_large(text.encode())
    parsed = parse_page_file("t/q.md", text.encode()).parsed
    assert parsed is not None
    asked: list[object] = []
    ask = reader._child.ask
    reader._child.ask = lambda job: asked.append(job) or ask(job)  # type: ignore[method-assign, func-returns-value]
    try:
        cached = reader.render_page(parsed, "t", SITE)
    finally:
        del reader._child.ask  # type: ignore[method-assign]
    assert len(asked) == 1
    assert cached.is_rendered, "with its size measured"


def test_an_unchanged_large_file_is_not_read_again(reader: PageReader) -> None:
    file = reader.read_page("t/q.md", LARGE.encode())
    again = reader.read_page("t/q.md", LARGE.encode(), (1, 2, 3, 4), file)
    assert again.parsed is file.parsed


def test_a_text_that_takes_too_long_says_where_and_is_not_tried_again() -> None:
    reader = PageReader(ReadingLimits(clock_seconds=0.001, least_clock_seconds=0))
    text = LESSON + f"\nThe costly one: {'*a ' * 200}\n"
    file = reader.read_page("t/lesson.md", text.encode())
    assert not file.is_servable
    (problem,) = file.diagnostics
    assert (problem.code, problem.line, problem.fatal) == ("too-slow", text.count("\n"), True)
    assert "takes more than" in problem.message
    assert child_pid(reader) is None, "the child was ended"
    started: list[object] = []
    reader._child.ask = started.append  # type: ignore[method-assign, assignment]
    assert reader.read_page("t/lesson.md", text.encode()) == file
    assert not started, "the same text is refused without a child"


def reader_whose_child_runs(
    statement: str, limits: ReadingLimits, monkeypatch: pytest.MonkeyPatch
) -> PageReader:
    """A reader whose child does this in place of reading a page."""
    code = (
        "from quizserver.topics import page_reader_process as process\n"
        f"def parse_page_file(*_):\n    {statement}\n"
        "process.parse_page_file = parse_page_file\nprocess.main()\n"
    )
    numbers = [str(limits.cpu_seconds), str(limits.memory_mb)]
    command = [sys.executable, "-c", code, *numbers]
    monkeypatch.setattr(page_reader, "_child_command", lambda _limits: command)
    return PageReader(limits)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("while True: pass", "takes more than 0 s"),
        ("bytearray(1 << 31)", "takes more than 1,024 MiB"),
        ("raise ValueError('a fault of ours')", "could not be read"),
        ("import os; os.abort()", "died"),
    ],
    ids=["time", "memory", "error", "death"],
)
def test_whatever_a_child_fails_of_is_a_problem_of_the_page(
    statement: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = reader_whose_child_runs(statement, ReadingLimits(cpu_seconds=0), monkeypatch)
    (problem,) = reader.read_page("t/lesson.md", LESSON.encode()).diagnostics
    reader.close()
    assert problem.code == "too-slow"
    assert reason in problem.message


def test_a_file_that_cannot_be_read_in_time_keeps_its_last_good_version(tmp_path: Path) -> None:
    write_files(tmp_path, {"t/q.md": PLAINEST})
    reader = PageReader(ReadingLimits(clock_seconds=0.001, least_clock_seconds=0))
    workspace = load_workspace(tmp_path)
    workspace = replace(workspace, _reader=reader).with_file("t/q.md", LARGE.encode())
    snapshot = workspace.build_snapshot()
    assert snapshot.questions["q"].source == PLAINEST
    assert snapshot.stale_paths == {"t/q.md"}
    assert [d.code for d in snapshot.diagnostics] == ["too-slow"]


def test_a_page_that_cannot_be_rendered_in_time_is_left_out_and_has_a_problem(
    tmp_path: Path,
) -> None:
    write_files(tmp_path, {"t/q.md": LARGE, "t/other.md": FINE})
    read_in_time = load_workspace(tmp_path)
    reader = PageReader(ReadingLimits(clock_seconds=0.001, least_clock_seconds=0))
    snapshot = replace(read_in_time, _reader=reader).build_snapshot()
    assert set(snapshot.questions) == {"other"}
    assert [(d.path, d.code) for d in snapshot.diagnostics] == [("t/q.md", "too-slow")]


def test_while_a_draft_is_read_others_are_checked_and_files_are_watched(tmp_path: Path) -> None:
    write_files(tmp_path, {"t/q.md": FINE})
    library = Library(tmp_path)
    entered, leave = threading.Event(), threading.Event()

    def read_page(path: str, data: bytes) -> object:
        entered.set()
        assert leave.wait(20)
        return parse_page_file(path, data)

    library._workspace.read_page = read_page  # type: ignore[method-assign, assignment]
    slow = threading.Thread(target=library.dry_run, args=("t/q.md", LARGE))
    slow.start()
    assert entered.wait(20)
    write_files(tmp_path, {"t/new.md": FINE})
    del library._workspace.read_page
    library.refresh()
    assert "new" in library.snapshot().questions
    assert library.dry_run("t/q.md", PLAINEST).page is not None
    leave.set()
    slow.join(20)
    assert not slow.is_alive()


def test_a_child_that_dies_is_replaced(reader: PageReader) -> None:
    reader.read_page("t/q.md", LARGE.encode())
    pid = child_pid(reader)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while child_pid(reader) is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert reader.read_page("t/q.md", (LARGE + "\nMore.\n").encode()).is_servable
    assert child_pid(reader) not in (None, pid)


def test_the_child_ends_when_it_has_had_no_work_for_a_while() -> None:
    reader = PageReader(ReadingLimits(idle_seconds=0.2))
    assert reader.read_page("t/q.md", LARGE.encode()).is_servable
    assert child_pid(reader) is not None
    deadline = time.monotonic() + 10
    while child_pid(reader) is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert child_pid(reader) is None


@pytest.mark.parametrize(
    ("path", "text"), [("t/q.md", PLAINEST), ("t/lesson.md", "# A\n\nWords.\n")]
)
def test_a_page_of_too_much_html_is_not_rendered_and_says_so(
    path: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_file, "MOST_HTML", 10)
    file = parse_page_file(path, text.encode())
    assert file.parsed is not None
    with pytest.raises(UnrenderedPageError, match="a page may be 10") as raised:
        render_page(file.parsed, "t", SITE)
    assert (raised.value.diagnostic.code, raised.value.diagnostic.fatal) == ("too-large", True)


def test_a_page_that_grows_too_large_in_the_child_is_refused_and_not_tried_again(
    reader: PageReader,
) -> None:
    """A definition over two lines is no definition to the scan, but one to the converter."""
    use = "[a]\n\n" * 300
    text = f'# Title\n\n[a]:\nhttps://example.org/ "{"t" * 16_000}"\n\n{use}'
    file = reader.read_page("t/lesson.md", text.encode())
    assert file.is_servable
    assert file.parsed is not None
    for _ in range(2):
        with pytest.raises(UnrenderedPageError, match="of HTML"):
            reader.render_page(file.parsed, "t", SITE)
    assert len(reader._failures) == 1
    assert child_pid(reader) is not None, "it did not die of it"
