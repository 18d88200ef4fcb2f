"""The effort of a text: what is refused, where it says so, and that it is a matter of the text."""

from __future__ import annotations

from pathlib import Path

import pytest

from quizserver.topics.markdown import scan_markdown
from quizserver.topics.page_file import parse_page_file
from quizserver.topics.source_text import LARGEST_PAGE, MOST_LINES
from quizserver.topics.tangles import MOST_EFFORT, MOST_REPEATED, estimate_effort, find_tangle

SHIPPED = sorted((Path(__file__).parents[2] / "content").glob("*/*.md"))
PROSE = "some words of prose that go on until the end of their line and then a little further\n" * 5


def tangle_line(text: str) -> int | None:
    tangle = find_tangle(scan_markdown(text))
    return tangle.line if tangle is not None else None


def test_no_shipped_page_takes_more_than_a_fifth_of_what_it_may() -> None:
    efforts = {path.name: estimate_effort(path.read_text("utf-8")) for path in SHIPPED}
    assert len(efforts) > 20
    assert max(efforts.values()) < MOST_EFFORT / 5, efforts


def test_a_page_of_prose_may_be_as_large_as_a_page_may_be() -> None:
    text = "# Title\n\n" + (PROSE + "\n") * (LARGEST_PAGE // len(PROSE) - 20)
    assert len(text) > 0.9 * LARGEST_PAGE
    file = parse_page_file("t/lesson.md", text.encode())
    assert file.is_servable
    assert not file.diagnostics


def test_a_paragraph_of_signs_is_refused_at_its_first_line() -> None:
    text = f"# Title\n\nFine.\n\nAlso\n{'*' * 3000}\n\nFine.\n"
    assert tangle_line(text) == 5
    assert tangle_line(text.replace("*" * 3000, "*" * 300)) is None


def test_the_same_signs_in_a_code_block_or_in_many_paragraphs_are_fine() -> None:
    assert tangle_line(f"# Title\n\n```\n{'*' * 3000}\n```\n") is None
    assert tangle_line("# Title\n\n" + f"{'*' * 60}\n\n" * 40) is None


def test_a_paragraph_of_many_lines_is_refused_and_the_same_lines_apart_are_fine() -> None:
    assert tangle_line("# Title\n\n" + "word\n" * 1500) == 3
    assert tangle_line("# Title\n\n" + "word\n\n" * 1500) is None


def test_a_page_of_too_many_small_paragraphs_says_how_many_times_too_many() -> None:
    tangle = find_tangle(scan_markdown("# Title\n\n" + "word\n\n" * 6000))
    assert tangle is not None
    assert (tangle.code, tangle.line, tangle.fatal) == ("tangle", 1, True)
    assert "3.1 times" in tangle.message


def test_front_matter_counts_and_so_does_what_a_lesson_embeds() -> None:
    yaml = "knobs: {a: 1}\n" * 4000
    assert tangle_line(f"---\n{yaml}---\n\n# Title\n") == 1
    assert tangle_line(f"# Title\n\n```simulation\n{yaml}```\n") == 3
    assert tangle_line(f"# Title\n\n```text\n{yaml}```\n") is None


def test_hundreds_of_code_blocks_are_too_many_and_one_of_as_many_lines_is_not() -> None:
    assert tangle_line("# Title\n\n" + "```\nx = 1\n```\n\n" * 700) == 1
    assert tangle_line("# Title\n\n" + "```\nx = 1\n```\n\n" * 200) is None
    assert tangle_line(f"# Title\n\n```\n{'x = 1' * 700}\n```\n") is None


def test_a_tangle_is_not_parsed_and_cannot_be_served() -> None:
    file = parse_page_file("t/lesson.md", f"# Title\n\n{'[' * 3000}\n".encode())
    assert file.parsed is None
    assert not file.is_servable
    assert [d.code for d in file.diagnostics] == ["tangle"]


@pytest.mark.parametrize(("lines", "code"), [(MOST_LINES, "tangle"), (MOST_LINES + 2, "too-large")])
def test_a_page_of_too_many_lines_is_refused_before_it_is_scanned(lines: int, code: str) -> None:
    file = parse_page_file("t/lesson.md", ("# T\n\n" + "a\n" * (lines - 2)).encode())
    assert [d.code for d in file.diagnostics] == [code]
    assert not file.is_servable


@pytest.mark.parametrize("use", ["[a][Long  Link]", "![an image][long link]", "[long link]"])
def test_a_long_definition_that_is_used_often_is_refused_where_it_stands(use: str) -> None:
    definition = f'[long link]: https://example.org/ "{"t" * 1000}"'
    most = MOST_REPEATED // len(definition) + 1
    text = f"# Title\n\n{definition}\n\n" + f"{use}\n\n" * most
    assert tangle_line(text) is None
    assert tangle_line(f"{text}{use}\n") == 3
    assert tangle_line(f"{text}`{use}`\n") is None, "code uses no definition"


def test_many_links_that_are_used_once_are_fine() -> None:
    text = "".join(f"[l{n}]\n\n[l{n}]: https://example.org/{'x' * 300}\n\n" for n in range(400))
    assert len(text) > MOST_REPEATED
    assert tangle_line(f"# Title\n\n{text}") is None


def test_a_row_of_a_table_counts_as_all_of_its_cells() -> None:
    head = f"# Title\n\n{'|a' * 50}|\n{'|-' * 50}|\n"
    assert estimate_effort(head + "|\n" * 300) - estimate_effort(head) > 300 * 50 / 8
    assert tangle_line(head + "|\n" * 900) == 3
    assert tangle_line(head + "|\n" * 20) is None
