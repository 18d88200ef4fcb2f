"""Whether the simulations that pages name exist, at a cost that follows the number of pages."""

from __future__ import annotations

from collections.abc import Iterator

from quizserver.topics.page_file import parse_page_file
from quizserver.topics.question import ParsedQuestion
from quizserver.topics.simulation_links import check_simulations_exist
from tests.topics.content_files import FINE


class CountedFiles(frozenset[str]):
    """Files that count how often somebody goes through all of them."""

    passes = 0

    def __iter__(self) -> Iterator[str]:
        self.passes += 1
        return super().__iter__()


def question(path: str, simulation: str | None) -> ParsedQuestion:
    front = f"---\nsimulation: {simulation}\n---\n" if simulation else ""
    parsed = parse_page_file(path, (front + FINE).encode()).parsed
    assert isinstance(parsed, ParsedQuestion)
    return parsed


def test_a_simulation_is_looked_for_in_the_folder_of_the_page_alone() -> None:
    files = frozenset({"t/there.py", "t/sub/deep.py", "u/other.py", "t/q.md", "lone.py"})
    assert not list(check_simulations_exist(question("t/q.md", "there"), files))
    for name in ("deep", "other", "lone", "q"):
        (problem,) = check_simulations_exist(question("t/q.md", name), files)
        assert problem.code == "missing-simulation"
        assert f"t/{name}.py does not exist" in problem.message
        assert "there" in problem.hint
        (problem,) = check_simulations_exist(question("v/q.md", name), files)
        assert problem.hint == "Write that file."


def test_all_pages_are_checked_with_one_pass_over_the_files() -> None:
    pages = [question(f"t/q{n}.md", ("there", "missing", None)[n % 3]) for n in range(30)]
    files = CountedFiles({page.path for page in pages} | {"t/there.py"})
    problems = [problem for page in pages for problem in check_simulations_exist(page, files)]
    assert len(problems) == 10
    assert files.passes == 1
