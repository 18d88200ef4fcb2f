"""The checker reports every problem with its code, its file, and the exact line and column."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quizserver.evidence.claim_checks import DescriptionOrError, create_claim_checker
from quizserver.lab.catalog import SimulationCatalog
from quizserver.lab.model import ReadingEndedError, SimulationError
from quizserver.topics.content_checks import check_content
from tests.topics.content_files import (
    CLAIMS,
    FINE,
    LIST,
    PLAINEST,
    FakeDescriber,
    check_files,
    locations,
    write_files,
)

LESSONS = {
    "no title": ("Text.\n", ["1:1 no-title"]),
    "a title that shows as nothing": ("# \u3164\n\nText.\n", ["1:1 no-title"]),
    "unknown question": ("# T\n\n```question\nlate-dorp\n```\n", ["4:1 unknown-question"]),
    "no question": ("# T\n\n```question\n```\n", ["3:1 empty-block"]),
    "in a list": ("# T\n\n- a\n\n  ```question\n  late-drop\n  ```\n", ["5:3 misplaced-block"]),
    "no end": ("# T\n\n```simulation\narm: healthy\n", ["3:1 open-fence"]),
    "bad YAML": ("# T\n\n```simulation\narm: [healthy\n```\n", ["4:14 bad-yaml"]),
    "unknown key": ("# T\n\n```simulation\narms: healthy\n```\n", ["4:1 unknown-key"]),
    "unknown arm": ("# T\n\n```simulation\narm: helthy\n```\n", ["4:6 unknown-arm"]),
    "unknown knob": ("# T\n\n```simulation\nknobs: {rat: 1}\n```\n", ["4:9 unknown-knob"]),
    "out of range": ("# T\n\n```simulation\nknobs:\n  rate: 20\n```\n", ["5:9 knob-out-of-range"]),
    "no number": ("# T\n\n```simulation\nknobs: {rate: fast}\n```\n", ["4:15 bad-value"]),
    "no such simulation": (
        "# T\n\n```simulation\nsimulation: simulatoin\n```\n",
        ["4:13 missing-simulation"],
    ),
    "front matter": (
        "---\nsumary: x\norder: first\n---\n# T\n",
        ["2:1 unknown-key", "3:8 bad-value"],
    ),
    "broken link": ("# T\n\nText\n[x](lat-drop.md)\n", ["4:5 broken-link"]),
}


@pytest.mark.parametrize("name", LESSONS)
def test_each_problem_of_a_lesson_is_reported_at_its_position(name: str, tmp_path: Path) -> None:
    text, expected = LESSONS[name]
    files = {"t/lesson.md": text, "t/late-drop.md": PLAINEST, "t/simulation.py": ""}
    diagnostics = locations(check_files(tmp_path, files))
    assert diagnostics == [f"t/lesson.md:{place}" for place in expected]


def test_a_plain_question_and_one_with_claims_have_no_problem(tmp_path: Path) -> None:
    files = {"t/anything.md": PLAINEST, "t/with-claims.md": CLAIMS, "t/simulation.py": ""}
    assert check_files(tmp_path, files) == []


def test_good_files_of_every_feature_have_no_problem(tmp_path: Path) -> None:
    question = """\
---
id: features
title: "Loss: a story"
tags: [loss, story]
shuffle: false
described: [[0, 1], [1e-1, 0.5], [1, 1e-3]]
---
# Ignored

Money: $5 and $6; a formula $w_1$; a note[^n]; ![A dot](img/dot.png); [lesson](lesson.md#start),
[other topic](../other/), [its question](../other/q.md), [question](/questions/features),
<b>bold</b>.

* [ ] One, which is about as long as the `code` of the other
* [x] `code` {#code}

  ```python
  - [x] not an option
  ```

  > Feedback with $x^2$.
* [ ] Three, with `code` that is as long as that of the first

[^n]: A note with a [link](https://example.org).

## Hint

Think.

## Hint 2

## Explanation:

### Hint

deeper headings belong to the answer

## References

[a][b]

[b]: <https://example.org>
"""
    question = question.replace("## Hint 2\n", "## Hint 2\n\nHarder.\n")
    block = "```simulation\narm: healthy\nknobs: {rate: 1e-3}\n```\n"
    lesson = f"# L {{#start}}\n\n```question\nfeatures\n```\n\n{block}"
    files = {
        "t/features.md": question,
        "t/lesson.md": lesson,
        "t/simulation.py": "",
        "t/img/dot.png": "png",
        "other/q.md": PLAINEST,
    }
    assert check_files(tmp_path, files) == []


def test_what_is_meant_is_guessed(tmp_path: Path) -> None:
    """ "Did you mean" names the nearest key, section, arm, shape, option, question and file."""
    text = (
        CLAIMS.replace("claims:", "shufle: true\nclaims:")
        .replace("arm: healthy", "arm: helthy")
        .replace("shape: flat", "shape: flatt, series: los")
        .replace("option: no-not-so", "option: no-not")
        + "\n## Anwser\n\n[x](lesosn.md)\n"
    )
    lesson = "# T\n\n```question\nqq\n```\n"
    files = {"t/q1.md": text, "t/qqq.md": PLAINEST, "t/lesson.md": lesson, "t/simulation.py": ""}
    hints = {problem.code: problem.hint for problem in check_files(tmp_path, files)}
    assert 'Did you mean "shuffle"?' in hints["unknown-key"]
    assert 'Did you mean "healthy"?' in hints["unknown-arm"]
    assert 'Did you mean "flat"?' in hints["unknown-shape"]
    assert 'Did you mean "loss"?' in hints["unknown-series"]
    assert 'Did you mean "no-not-so"?' in hints["unknown-option"]
    assert 'Did you mean "Answer"?' in hints["unknown-section"]
    assert 'Did you mean "lesson.md"?' in hints["broken-link"]
    assert 'Did you mean "qqq"?' in hints["unknown-question"]


def test_no_instead_of_false_is_explained(tmp_path: Path) -> None:
    [problem] = check_files(tmp_path, {"t/q.md": f"---\nshuffle: no\n---\n{FINE}"})
    assert problem.message == '"shuffle" must be true or false, not "no".'
    assert problem.hint == "Write false."


def test_every_problem_of_a_file_is_reported_at_once(tmp_path: Path) -> None:
    front = "---\nshuffle: maybe\nfoo: 1\n---\n"
    text = f"{front}# T $\\x{{$\n\n![](a.png) [b](c.md)\n\n- [] a\n- [y] a\n\n## Foo\n"
    codes = {problem.code for problem in check_files(tmp_path, {"t/q.md": text})}
    assert codes == {
        "bad-value",
        "unknown-key",
        "bad-formula",
        "no-alt-text",
        "broken-image",
        "broken-link",
        "malformed-box",
        "no-right-option",
        "duplicate-option",
        "unknown-section",
    }


def test_a_second_question_of_the_same_id_is_reported_with_the_first(tmp_path: Path) -> None:
    files = {"a/q.md": PLAINEST, "b/r.md": f"---\ntags: []\nid: q\n---\n{FINE}"}
    [problem] = check_files(tmp_path, files)
    assert locations([problem]) == ["b/r.md:3:5 duplicate-question-id"]
    assert "a/q.md" in problem.message


def test_a_file_name_that_is_no_id_is_reported_with_the_id_that_is_served(
    tmp_path: Path,
) -> None:
    [problem] = check_files(tmp_path, {"t/My Question.md": PLAINEST})
    assert locations([problem]) == ["t/My Question.md:1:1 bad-question-id"]
    assert "id: my-question" in problem.hint


def test_a_folder_name_that_is_no_id_is_reported(tmp_path: Path) -> None:
    [problem] = check_files(tmp_path, {"My Topic/q.md": PLAINEST})
    assert locations([problem]) == ["My Topic/q.md:1:1 bad-topic-id"]
    assert "Rename it to my-topic" in problem.hint


def test_a_page_whose_name_does_not_end_in_md_is_reported(tmp_path: Path) -> None:
    files = dict.fromkeys(("t/a.markdown", "t/b.md.txt", "t/notes.txt", "t/q.md"), PLAINEST)
    assert locations(check_files(tmp_path, files)) == [
        "t/a.markdown:1:1 not-md",
        "t/b.md.txt:1:1 not-md",
    ]


def test_a_file_outside_any_topic_is_reported(tmp_path: Path) -> None:
    files = {"stray.md": PLAINEST, "README.md": "About this folder.", "t/README.md": "About."}
    assert locations(check_files(tmp_path, files)) == ["stray.md:1:1 file-outside-topic"]


def test_a_simulation_that_cannot_be_imported_is_reported_at_its_line(tmp_path: Path) -> None:
    catalog = FakeDescriber(simulation=SimulationError("SyntaxError: invalid syntax", 7))
    of_page, problem = check_files(tmp_path, {"t/q.md": CLAIMS, "t/simulation.py": "x"}, catalog)
    assert locations([problem]) == ["t/simulation.py:7:1 bad-simulation"]
    assert locations([of_page]) == ["t/q.md:2:1 unusable-simulation"]
    assert "SyntaxError: invalid syntax" in problem.message
    assert "SyntaxError: invalid syntax" in of_page.message


def test_each_page_says_once_that_it_names_a_simulation_whose_reading_was_ended(
    tmp_path: Path,
) -> None:
    """Whoever sees the page alone, in the editor or the list, must not read that all is well."""
    catalog = FakeDescriber(other=ReadingEndedError("importing it took longer than 60 s", 2))
    block = "```simulation\nsimulation: other\n```\n"
    files = {
        "t/lesson.md": f"# T\n\n{block}\n{block}",
        "t/plain.md": PLAINEST,
        "t/q.md": CLAIMS.replace("claims:", "simulation: other\nclaims:"),
        "t/r.md": CLAIMS,
        "t/simulation.py": "",
        "t/other.py": "",
    }
    assert locations(check_files(tmp_path, files, catalog)) == [
        "t/lesson.md:4:13 unusable-simulation",
        "t/other.py:2:1 simulation-ended",
        "t/q.md:2:13 unusable-simulation",
    ]


def test_a_path_in_one_topic_has_no_simulation_of_another_read(tmp_path: Path) -> None:
    """Each may take as long as reading a file may."""
    files = {"a/q.md": CLAIMS, "a/simulation.py": "", "b/q.md": CLAIMS, "b/simulation.py": ""}
    write_files(tmp_path, files)
    for path, read in (("a", "a"), ("a/q.md", "a"), ("a/simulation.py", "a"), (".", "ab")):
        describer = FakeDescriber()
        checker = create_claim_checker(describer)
        check_content(tmp_path / path, content=tmp_path, claim_checker=checker)
        assert [p.parent.name for p in describer.described_paths] == list(read), path


def test_a_catalog_that_fails_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    class Failing(FakeDescriber):
        def describe_many(self, paths: object) -> dict[Path, object]:  # type: ignore[override]
            raise RuntimeError("boom")

    diagnostics = check_files(tmp_path, {"t/q.md": CLAIMS, "t/simulation.py": ""}, Failing())
    assert locations(diagnostics) == [
        "t/q.md:2:1 unusable-simulation",
        "t/simulation.py:1:1 bad-simulation",
    ]


def test_where_a_catalog_fails_for_one_simulation_no_other_is_blamed(tmp_path: Path) -> None:
    class Failing(FakeDescriber):
        def describe_many(self, paths: Iterable[Path]) -> dict[Path, DescriptionOrError]:
            paths = list(paths)
            if any(path.parent.name == "b" for path in paths):
                raise KeyError("ended")
            return super().describe_many(paths)

    files = {f"{topic}/{name}": "" for topic in "abc" for name in ("simulation.py",)}
    diagnostics = check_files(tmp_path, {**files, "a/q.md": CLAIMS}, Failing())
    assert locations(diagnostics) == ["b/simulation.py:1:1 bad-simulation"]
    assert "KeyError" in diagnostics[0].message


def test_without_a_catalog_claims_are_not_compared(tmp_path: Path) -> None:
    write_files(tmp_path, {"t/q.md": CLAIMS.replace("healthy", "helthy"), "t/simulation.py": ""})
    assert check_content(tmp_path, content=tmp_path, claim_checker=None) == []


def test_a_path_limits_what_is_reported_but_not_what_is_known(tmp_path: Path) -> None:
    linked = f"# T\n\n[a](../b/r.md) [b](../b/none.md)\n\n{LIST}"
    write_files(tmp_path, {"a/q.md": linked, "b/r.md": "", "b/s.md": PLAINEST})
    checker = create_claim_checker(FakeDescriber())
    of_a = check_content(tmp_path / "a", content=tmp_path, claim_checker=checker)
    assert locations(of_a) == ["a/q.md:3:20 broken-link"]
    assert check_content(tmp_path / "b/s.md", content=tmp_path, claim_checker=checker) == []
    outside = check_content(tmp_path / "b", content=tmp_path / "a", claim_checker=checker)
    assert locations(outside) == ["b/r.md:1:1 empty-file"]
    elsewhere = check_content(tmp_path, content=tmp_path / "a", claim_checker=checker)
    assert locations(elsewhere) == ["a/q.md:3:20 broken-link", "b/r.md:1:1 empty-file"]
    roundabout = tmp_path / "b" / ".." / "a"
    assert locations(
        check_content(roundabout, content=tmp_path, claim_checker=checker)
    ) == locations(of_a)
    [missing] = check_content(tmp_path / "c", content=tmp_path, claim_checker=checker)
    assert missing.code == "no-such-path"


def test_line_ends_and_marks_of_other_systems_do_not_move_places(tmp_path: Path) -> None:
    text = "\ufeff" + FINE.replace("Stem.", "[x](no.md)").replace("\n", "\r\n")
    assert locations(check_files(tmp_path, {"t/q.md": text})) == ["t/q.md:3:5 broken-link"]


PIECES = st.sampled_from(
    [
        "- [x] a",
        "- [ ] b",
        "* [X] c",
        "1. [] d",
        "# T",
        "## Hint",
        "## Answer",
        "---",
        "```",
        "~~~",
        "  > f",
        "> g",
        "$x$",
        "$$",
        "[^1]",
        "[^1]: n",
        "[a](b.md)",
        "![](c.png)",
        "[r][s]",
        "<!--",
        "-->",
        "<img src=x>",
        "{#id}",
        "{#I D}",
        "id: q",
        "claims:",
        "  - {arm: b}",
        "described: [[0]]",
        "\t",
        "    ",
        "\0",
        "é漢😀",
        "====",
        "[r]: http://x",
        "&lt;",
        "\\",
        "`",
    ]
)
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=12)), max_size=30).map("\n".join)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.one_of(TEXTS.map(str.encode), st.binary(max_size=200)))
def test_nothing_that_a_file_holds_makes_the_checker_fail(text: bytes, tmp_path: Path) -> None:
    """Whatever the bytes, there is an answer, and every place in it lies in the text."""
    files = {"t/q.md": text, "t/lesson.md": text, "t/simulation.py": ""}
    lines = text.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for problem in check_files(tmp_path, files):
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1


def test_the_real_catalog_tells_what_is_wrong_with_a_simulation(tmp_path: Path) -> None:
    """The lab's own catalog imports the file in a child process and gives the line."""
    files = {"t/q.md": CLAIMS, "t/simulation.py": "x = 1\nimport no_such_module\n"}
    write_files(tmp_path, files)
    _of_page, problem = check_content(
        tmp_path, content=tmp_path, claim_checker=create_claim_checker(SimulationCatalog())
    )
    assert locations([problem]) == ["t/simulation.py:2:1 bad-simulation"]
    assert "no_such_module" in problem.message
