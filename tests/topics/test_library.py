"""The library always has a consistent snapshot: changes go live, broken files take nothing down."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from quizserver.confined.limits import Limits
from quizserver.evidence.claim_checks import (
    DescriptionOrError,
    PatientDescriber,
    create_claim_checker,
)
from quizserver.lab.catalog import SimulationCatalog
from quizserver.lab.model import ReadingEndedError, SimulationError
from quizserver.topics import library as library_module
from quizserver.topics.folder import FolderListing, list_folder
from quizserver.topics.library import Library
from tests.topics.content_files import PLAINEST, FakeDescriber, locations, write_files

OTHER = "# Other\n\n- [x] a\n- [ ] b\n"
CLAIMS = """\
---
claims:
  - {option: a, arm: helthy, shape: flat}
  - {option: b, arm: healthy, shape: flat}
---
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lesson = "# Lesson\n\nSee [it](q.md).\n\n```question\nr\n```\n"
    return write_files(tmp_path, {"t/q.md": PLAINEST, "t/r.md": OTHER, "t/lesson.md": lesson})


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.02)
    return holds()


def test_a_folder_becomes_topics(folder: Path) -> None:
    write_files(
        folder,
        {"t/simulation.py": "", "t/two_arms.py": "", "t/not-a-module.py": "", "u/s.md": OTHER},
    )
    snapshot = Library(folder).snapshot()
    topic = snapshot.topics["t"]
    assert topic.title == "Lesson"
    assert topic.summary == "See it."
    assert [q.id for q in topic.questions] == ["r", "q"], "those of the lesson first"
    assert set(snapshot.questions) == {"q", "r", "s"}
    assert set(topic.simulations) == {"simulation", "two_arms"}
    assert topic.simulations["simulation"] == folder / "t/simulation.py"
    assert (snapshot.topics["u"].title, snapshot.topics["u"].lesson) == ("U", None)
    assert snapshot.diagnostics == ()


def test_topics_come_in_the_order_their_lessons_say(tmp_path: Path) -> None:
    files = {f"{name}/q-{name}.md": OTHER for name in "abc"}
    files["c/lesson.md"] = "---\norder: 1\n---\n# C\n\ntext\n"
    files["b/lesson.md"] = "---\norder: 2\n---\n# B\n\ntext\n"
    assert list(Library(write_files(tmp_path, files)).snapshot().topics) == ["c", "b", "a"]


def test_links_between_files_are_lasting_addresses(folder: Path) -> None:
    lesson = Library(folder).snapshot().topics["t"].lesson
    assert lesson is not None
    assert 'href="/questions/q"' in lesson.blocks[0].html  # type: ignore[union-attr]


def test_a_link_follows_when_the_id_it_points_to_changes(folder: Path) -> None:
    library = Library(folder)
    write_files(folder, {"t/q.md": "---\nid: renamed\n---\n" + PLAINEST})
    library.refresh()
    lesson = library.snapshot().topics["t"].lesson
    assert lesson is not None
    assert 'href="/questions/renamed"' in lesson.blocks[0].html  # type: ignore[union-attr]


def test_only_what_changed_is_made_anew(folder: Path) -> None:
    library = Library(folder)
    before = library.snapshot()
    library.refresh()
    assert library.snapshot() is before
    write_files(folder, {"t/r.md": OTHER.replace("Other", "Changed")})
    library.refresh()
    after = library.snapshot()
    assert after.questions["r"].title == "Changed"
    assert after.questions["q"] is before.questions["q"]
    assert before.questions["r"].title == "Other", "a snapshot that a page holds does not change"


def test_a_file_that_is_saved_without_a_change_keeps_its_page(folder: Path) -> None:
    library = Library(folder)
    before = library.snapshot().questions["q"]
    write_files(folder, {"t/q.md": PLAINEST})
    library.refresh()
    assert library.snapshot().questions["q"] is before


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "# T\n\nhalf wri",
        b"\xff\xfe# T\n- [x] a\n- [ ] b\n",
        "---\nid: [\n---\n" + PLAINEST,
        PLAINEST + "\n```\n",
    ],
)
def test_a_broken_file_keeps_its_last_good_version_and_says_so(
    folder: Path, broken: str | bytes
) -> None:
    library = Library(folder)
    before = library.snapshot()
    write_files(folder, {"t/q.md": broken})
    library.refresh()
    after = library.snapshot()
    assert after.questions["q"] is before.questions["q"]
    assert after.questions["r"] is before.questions["r"]
    assert after.stale_paths == {"t/q.md"}
    hints = [problem.hint for problem in after.diagnostics if problem.path == "t/q.md"]
    assert any("Until then its last good version is served." in hint for hint in hints)
    write_files(folder, {"t/q.md": PLAINEST})
    library.refresh()
    assert library.snapshot().diagnostics == ()
    assert library.snapshot().stale_paths == frozenset()
    assert library.snapshot().questions["q"] == before.questions["q"]


def test_a_new_problem_is_logged_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Authors see it in the terminal that serves their files."""
    library = Library(folder)
    write_files(folder, {"t/q.md": "# T\n\nno options\n"})
    library.refresh()
    write_files(folder, {"t/r.md": OTHER + "\n[x](none.md)\n"})
    library.refresh()
    logged = [record.getMessage().split(": ")[0] for record in caplog.records]
    assert logged == ["t/q.md:1:3", "t/r.md:6:1", "t/r.md:6:5"]


def test_a_file_that_was_never_good_is_reported_and_not_served(tmp_path: Path) -> None:
    snapshot = Library(
        write_files(tmp_path, {"t/q.md": "# T\n\nno options\n", "t/r.md": OTHER})
    ).snapshot()
    assert set(snapshot.questions) == {"r"}
    assert locations(snapshot.diagnostics) == ["t/q.md:1:3 no-task-list"]
    assert snapshot.stale_paths == frozenset()


def test_a_file_that_may_not_be_read_keeps_its_last_good_version(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Library(folder)
    (folder / "t/q.md").chmod(0)  # root may read it all the same: refuse it to root as well

    def refuse(path: Path, *_mode: str) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    library.refresh()
    assert "q" in library.snapshot().questions
    assert locations(library.snapshot().diagnostics) == ["t/q.md:1:1 unreadable"]


def test_deleted_renamed_and_new_files_are_followed(folder: Path) -> None:
    library = Library(folder)
    (folder / "t/r.md").rename(folder / "t/renamed.md")
    (folder / "t/lesson.md").unlink()
    write_files(folder, {"u/new.md": OTHER})
    library.refresh()
    snapshot = library.snapshot()
    assert set(snapshot.questions) == {"q", "renamed", "new"}
    assert set(snapshot.topics) == {"t", "u"}
    assert snapshot.topics["t"].lesson is None
    (folder / "u/new.md").unlink()
    (folder / "u").rmdir()
    library.refresh()
    assert set(library.snapshot().topics) == {"t"}


def test_a_question_with_a_written_id_survives_the_renaming_of_its_file(folder: Path) -> None:
    write_files(folder, {"t/a.md": "---\nid: lasting\n---\n" + OTHER})
    library = Library(folder)
    (folder / "t/a.md").rename(folder / "t/b.md")
    library.refresh()
    assert library.snapshot().questions["lasting"].path == "t/b.md"


def test_hidden_files_and_editors_temporaries_do_not_count(folder: Path) -> None:
    names = [
        ".q.md",
        ".#q.md",
        "#q.md#",
        "q.md~",
        "~q.md",
        ".q.md.swp",
        "q.md.tmp",
        "4913",
        "q.md.bak",
        ".git/x.md",
        "__pycache__/x.md",
        "deep/er/x.md",
    ]
    write_files(folder, {f"t/{name}": "broken" for name in names} | {".hidden/q.md": "broken"})
    snapshot = Library(folder).snapshot()
    assert set(snapshot.questions) == {"q", "r"}
    assert snapshot.diagnostics == ()


def test_a_second_file_with_the_same_id_never_takes_the_good_question_down(folder: Path) -> None:
    library = Library(folder)
    good = library.snapshot().questions["q"]
    write_files(folder, {"a/first.md": "---\nid: q\n---\n" + OTHER})
    library.refresh()
    snapshot = library.snapshot()
    assert snapshot.questions["q"] == good
    assert locations(snapshot.diagnostics) == ["a/first.md:2:5 duplicate-question-id"]
    (folder / "t/q.md").unlink()
    library.refresh()
    assert library.snapshot().questions["q"].path == "a/first.md"
    write_files(folder, {"t/q.md": PLAINEST})
    library.refresh()
    assert library.snapshot().questions["q"].path == "a/first.md", "who has the id keeps it"
    assert locations(library.snapshot().diagnostics) == ["t/q.md:1:1 duplicate-question-id"]


def test_a_question_that_takes_anothers_id_stays_what_it_was(folder: Path) -> None:
    library = Library(folder)
    write_files(folder, {"t/r.md": "---\nid: q\n---\n" + OTHER})
    library.refresh()
    snapshot = library.snapshot()
    assert snapshot.questions["q"].path == "t/q.md"
    assert snapshot.questions["r"].path == "t/r.md"
    assert snapshot.stale_paths == {"t/r.md"}
    (folder / "t/q.md").unlink()
    library.refresh()
    assert library.snapshot().questions["q"].path == "t/r.md"
    assert "r" not in library.snapshot().questions


def test_what_a_broken_question_was_yields_to_a_good_file_with_its_id(folder: Path) -> None:
    library = Library(folder)
    write_files(
        folder, {"t/r.md": "---\nid: q\n---\n" + OTHER, "u/new.md": "---\nid: r\n---\n" + OTHER}
    )
    library.refresh()
    snapshot = library.snapshot()
    assert {i: q.path for i, q in snapshot.questions.items()} == {"q": "t/q.md", "r": "u/new.md"}
    assert snapshot.stale_paths == frozenset()


def test_two_questions_may_swap_their_ids(tmp_path: Path) -> None:
    def files(first: str, second: str) -> dict[str, str]:
        return {
            f"t/{n}.md": f"---\nid: {i}\n---\n{OTHER}" for n, i in (("a", first), ("b", second))
        }

    library = Library(write_files(tmp_path, files("one", "two")))
    write_files(tmp_path, files("two", "one"))
    library.refresh()
    assert {i: q.path for i, q in library.snapshot().questions.items()} == {
        "two": "t/a.md",
        "one": "t/b.md",
    }
    assert library.snapshot().diagnostics == ()


def test_links_that_lead_out_of_the_folder_are_not_followed(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    write_files(outside, {"x/secret.md": OTHER})
    inside = write_files(tmp_path / "inside", {"t/q.md": PLAINEST})
    (inside / "t/secret.md").symlink_to(outside / "x/secret.md")
    (inside / "u").symlink_to(outside / "x")
    (inside / "t/loop").symlink_to(inside / "t")
    snapshot = Library(inside).snapshot()
    assert set(snapshot.questions) == {"q"}
    assert locations(snapshot.diagnostics) == ["t/secret.md:1:1 link-outside", "u:1:1 link-outside"]


def test_a_missing_folder_is_a_problem_and_what_was_there_is_served(folder: Path) -> None:
    library = Library(folder / "none")
    assert locations(library.snapshot().diagnostics) == [".:1:1 no-content"]
    library = Library(folder)
    moved = folder.rename(folder.parent / "moved")
    library.refresh()
    assert set(library.snapshot().questions) == {"q", "r"}
    assert locations(library.snapshot().diagnostics) == [".:1:1 no-content"]
    moved.rename(folder)
    library.refresh()
    assert library.snapshot().diagnostics == ()


def test_pages_do_not_wait_for_the_catalog(folder: Path) -> None:
    """Describing a simulation may take seconds; meanwhile changes go live as ever."""
    description_began, go = threading.Event(), threading.Event()

    class Slow(FakeDescriber):
        def describe_many(self, paths: object) -> dict[Path, DescriptionOrError]:
            description_began.set()
            assert go.wait(10)
            return super().describe_many(paths)  # type: ignore[arg-type]

    write_files(folder, {"t/r.md": CLAIMS + OTHER, "t/simulation.py": ""})
    library = Library(folder, claim_checker=create_claim_checker(Slow()))
    assert not description_began.is_set(), "making a library asks nothing"
    assert "r" in library.snapshot().questions
    library.watch(0.05)
    try:
        assert description_began.wait(5)
        write_files(folder, {"t/q.md": PLAINEST.replace("late drop", "new title")})
        assert within(2, lambda: library.snapshot().questions["q"].title == "The new title")
        assert library.snapshot().diagnostics == ()
        go.set()
        assert within(
            2, lambda: locations(library.snapshot().diagnostics) == ["t/r.md:3:22 unknown-arm"]
        )
        write_files(folder, {"t/r.md": CLAIMS.replace("helthy", "healthy") + OTHER})
        assert within(3, lambda: library.snapshot().diagnostics == ())
    finally:
        go.set()
        library.close()


def test_what_is_known_is_told_before_a_simulation_that_never_ends_is_read(folder: Path) -> None:
    endless = folder / "e" / "simulation.py"
    endless_text = "import time\n\nwhile True:\n    time.sleep(9)\n"
    write_files(folder, {"e/q.md": CLAIMS, "e/simulation.py": endless_text})
    write_files(folder, {"t/q.md": CLAIMS, "t/simulation.py": "raise ValueError('no')\n"})
    catalog = SimulationCatalog(
        limits=Limits(memory_mb=96, seconds=30), on_read=lambda: library.check_claims_again()
    )
    library = Library(folder, claim_checker=create_claim_checker(PatientDescriber(catalog, 0.1)))
    library.watch(0.05)

    def found(path: str) -> bool:
        return any(place.startswith(path) for place in locations(library.snapshot().diagnostics))

    try:
        assert within(20, lambda: found("t/simulation.py:1:1 bad-simulation"))
        assert catalog.describe_if_ready(endless) is None, "it is over"
        assert not found("e/simulation.py")
    finally:
        library.close()


def test_a_simulation_that_breaks_is_reported_and_takes_no_question_down(folder: Path) -> None:
    write_files(folder, {"t/simulation.py": "x"})
    catalog = FakeDescriber(simulation=SimulationError("NameError: x", 3))
    library = Library(folder, claim_checker=create_claim_checker(catalog))
    library.check_claims()
    assert "t/simulation.py:3:1 bad-simulation" in locations(library.snapshot().diagnostics)
    assert set(library.snapshot().questions) == {"q", "r"}
    catalog.errors.clear()
    library.check_claims()
    assert library.snapshot().diagnostics == ()


def test_a_page_has_the_problem_of_its_simulation_before_and_after_the_folder_was_checked(
    folder: Path,
) -> None:
    """The editor, the list of pages and the topic's page tell the same, whoever looked first."""
    text = CLAIMS.replace("helthy", "healthy") + OTHER
    write_files(folder, {"t/r.md": text, "t/simulation.py": "x"})
    checker = create_claim_checker(
        FakeDescriber(simulation=ReadingEndedError("it used more than 512 MiB of memory", 1))
    )
    library = Library(folder, claim_checker=checker)
    seen = []
    for _ in range(2):
        dry_run = library.dry_run("t/r.md", text, checker)
        seen.append((dry_run.diagnostics, dry_run.elsewhere, dry_run.count.problems))
        library.check_claims()
    assert seen[0] == seen[1]
    assert locations(seen[0][0]) == ["t/r.md:2:1 unusable-simulation"]
    assert seen[0][1:] == ((), 1)
    listed = [d for d in library.snapshot().diagnostics if d.path == "t/r.md"]
    assert tuple(listed) == seen[0][0]


def test_a_change_is_live_after_three_listings_within_two_seconds(folder: Path) -> None:
    """A busy machine may take longer for a listing; the time between them is what is promised."""
    interval = inspect.signature(Library.watch).parameters["interval"].default
    assert 3 * interval < 2
    library = Library(folder)
    library.watch()
    try:
        write_files(folder, {"t/q.md": PLAINEST.replace("late drop", "new title")})
        assert within(20, lambda: library.snapshot().questions["q"].title == "The new title")
        (folder / "t/r.md").unlink()
        assert within(20, lambda: "r" not in library.snapshot().questions)
    finally:
        library.close()
    assert not any(thread.name.startswith("topics") for thread in threading.enumerate())


def test_a_folder_in_which_nothing_happens_is_looked_at_half_as_often(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []

    def record(*arguments: Any, **options: Any) -> FolderListing:
        looks.append(time.monotonic())
        return list_folder(*arguments, **options)

    library = Library(folder)
    monkeypatch.setattr(library_module, "list_folder", record)
    monkeypatch.setattr(library_module, "QUIET_SECONDS", 0.3)
    library.watch(0.1)
    try:
        assert within(5, lambda: len(looks) >= 7)
        later = looks[4:]  # the first four may be within the 0.3 s
        pauses = [after - before for before, after in pairwise(later)]
        assert min(pauses) >= 0.15
        write_files(folder, {"t/q.md": PLAINEST.replace("late drop", "new title")})
        assert within(2, lambda: library.snapshot().questions["q"].title == "The new title")
    finally:
        library.close()


def test_a_file_that_is_being_written_is_not_read_half_way(folder: Path) -> None:
    """While a file keeps growing, what was there before is served; then the whole of it is."""
    library = Library(folder)
    seen: set[str] = set()
    library.watch(0.2)
    try:
        with (folder / "t/q.md").open("w") as file:
            for line in PLAINEST.replace("late drop", "whole file").splitlines(keepends=True):
                file.write(line)
                file.flush()
                time.sleep(0.05)
                seen.update(locations(library.snapshot().diagnostics))
                seen.add(library.snapshot().questions["q"].title)
        assert within(2, lambda: library.snapshot().questions["q"].title == "The whole file")
    finally:
        library.close()
    assert seen == {"The late drop"}


def test_snapshots_are_whole_while_files_change(folder: Path) -> None:
    """Readers in other threads never see a topic without its questions, or an error."""
    library = Library(folder)
    faults: list[object] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            snapshot = library.snapshot()
            ids = {q.id for topic in snapshot.topics.values() for q in topic.questions}
            if ids != set(snapshot.questions) or "q" not in ids:
                faults.append(ids)
            time.sleep(0.001)

    readers = [threading.Thread(target=look) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(30):
        if number % 2:
            (folder / "t/r.md").unlink()
        write_files(
            folder,
            {"t/q.md": PLAINEST.replace("late", f"late {number}")}
            | ({} if number % 2 else {"t/r.md": OTHER}),
        )
        library.refresh()
    stop.set()
    for reader in readers:
        reader.join()
    assert faults == []


def test_two_hundred_unchanged_files_cost_little(tmp_path: Path) -> None:
    """A look at 200 files takes about 1 ms; ten times that would be felt by a busy server."""
    library = Library(write_files(tmp_path, {f"t/q{n}.md": PLAINEST for n in range(200)}))
    assert len(library.snapshot().questions) == 200
    times = []
    for _ in range(10):
        start = time.perf_counter()
        library.refresh()
        times.append(time.perf_counter() - start)
    assert min(times) < 0.010
