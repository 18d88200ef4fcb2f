"""Front matter is strict, and every complaint stands at its own line and column."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from quizserver.topics import yaml_nodes
from quizserver.topics.front_matter import (
    LessonFrontMatter,
    QuestionFrontMatter,
    SimulationEntry,
    check_front_matter,
    check_yaml,
)
from quizserver.topics.markdown import MarkdownSource, scan_markdown
from quizserver.topics.yaml_nodes import parse_yaml


def with_front_matter(yaml: str) -> MarkdownSource:
    return scan_markdown(f"---\n{yaml}\n---\n")


def front(yaml: str) -> QuestionFrontMatter:
    checked = check_front_matter(with_front_matter(yaml), QuestionFrontMatter)
    assert checked.diagnostics == ()
    assert checked.model is not None
    return checked.model


def locations(yaml: str) -> list[str]:
    checked = check_yaml(yaml, QuestionFrontMatter, line=2)
    return [
        f"{diagnostic.line}:{diagnostic.column} {diagnostic.code}"
        for diagnostic in checked.diagnostics
    ]


def test_everything_is_optional() -> None:
    for text in ("", "# only a comment", "~"):
        assert front(text) == QuestionFrontMatter()
    assert front("").shuffle is True


@pytest.mark.parametrize("number", ["1e-3", "0.001", "1.0e-3", ".001", "1E-3", "+1e-03"])
def test_a_thousandth_may_be_written_as_people_write_it(number: str) -> None:
    yaml = f"claims: [{{arm: a, shape: b, expect: supported, at-least: {number}}}]"
    assert front(yaml).claims[0].at_least == 0.001


@pytest.mark.parametrize(
    "word", ["no", "yes", "on", "off", "y", "n", "2024-01-01", "12:30", "0x1F", "1_000"]
)
def test_words_stay_words(word: str) -> None:
    assert front(f"title: {word}").title == word


def test_a_whole_number_may_stand_where_a_number_is_wanted() -> None:
    assert front("described: [[0, 1], [1, 0]]").described == [[0, 1], [1, 0]]


def test_the_values_of_a_sweep_are_kept_in_order() -> None:
    claim = front("claims: [{arm: a, shape: b, option: c, over: {x: [3, 1e-2], y: [1]}}]").claims[0]
    assert list(claim.over.items()) == [("x", [3, 0.01]), ("y", [1])]
    assert (claim.quantifier, claim.at_least, claim.expect) == ("could", 0.5, None)


@pytest.mark.parametrize(
    ("yaml", "expected"),
    [
        ("shuffle: 1", ["2:10 bad-value"]),
        ("shuffle: 'true'", ["2:10 bad-value"]),
        ("id:", []),
        ("id: ''", ["2:5 bad-value"]),
        ("id: 7", ["2:5 bad-value"]),
        ("id: 007", ["2:5 bad-value"]),
        ("tags:\n  - a\n  - true\n  - 1.5", ["4:5 bad-value", "5:5 bad-value"]),
        ("tags: {a: b}", ["2:7 bad-value"]),
        ("described: [[0, a], [1, .inf]]", ["2:17 bad-value", "2:25 bad-value"]),
        ("claims: yes", ["2:9 bad-value"]),
        ("claims:\n  - a\n  - arm: x\n    shape: 3", ["3:5 bad-value", "5:12 bad-value"]),
        ("claims: [{arm: a, shape: b, over: {x: 1}}]", ["2:39 bad-value"]),
        ("claims: [{arm: a, shape: b, over: {x: []}}]", ["2:39 bad-value"]),
        ("claims: [{arm: a, shape: b, at-least: 0}]", ["2:39 bad-value"]),
        ("claims: [{arm: a, shape: b, at_least: 1}]", ["2:29 unknown-key"]),
        ("a: 1\nb: 2", ["2:1 unknown-key", "3:1 unknown-key"]),
        ("tags: [a]\ntags: [b]\nshuffle: x", ["3:1 duplicate-key", "4:10 bad-value"]),
        ("claims:\n- {arm: a, arm: b, shape: c}", ["3:12 duplicate-key"]),
        ("[a]: b", ["2:1 bad-yaml"]),
        ("? {a: b}\n: c", ["2:3 bad-yaml"]),
        ("a: 'b", ["2:6 bad-yaml"]),
        ("a: &x 1\nb: *x", ["3:4 bad-yaml"]),
        ("a: !!python/name:os.system x", ["2:1 unknown-key"]),
        ("a: %b", ["2:4 bad-yaml"]),
        ("---\na: 1\n---\nb: 1", ["4:1 bad-yaml"]),
        ("just words", ["2:1 bad-yaml"]),
        ("[" * 5000, ["2:1 bad-yaml"]),
    ],
)
def test_each_complaint_has_its_place(yaml: str, expected: list[str]) -> None:
    assert locations(yaml) == expected


def test_an_unknown_key_spoils_nothing_else() -> None:
    checked = check_front_matter(with_front_matter("tgas: [a]\ntags: [b]"), QuestionFrontMatter)
    assert checked.model is not None
    assert checked.model.tags == ["b"]
    assert [(diagnostic.code, diagnostic.hint) for diagnostic in checked.diagnostics] == [
        ("unknown-key", 'Did you mean "tags"?')
    ]


def test_a_wrong_value_spoils_the_whole() -> None:
    assert check_front_matter(with_front_matter("tags: b"), QuestionFrontMatter).model is None


def test_lessons_and_simulation_blocks_have_keys_of_their_own() -> None:
    lesson = check_front_matter(with_front_matter("summary: s\norder: 2"), LessonFrontMatter).model
    assert lesson == LessonFrontMatter(summary="s", order=2)
    block = check_yaml("arm: a\nknobs: {rate: 1e-3}", SimulationEntry, line=9).model
    assert block == SimulationEntry(arm="a", knobs={"rate": 0.001})


@given(
    st.one_of(st.text(max_size=80), st.text(alphabet="a:-[]{}&*!|>'\"#\n ,?%@`~01.e", max_size=80))
)
def test_no_yaml_makes_the_reader_fail(text: str) -> None:
    lines = text.split("\n")
    for diagnostic in check_yaml(text, QuestionFrontMatter, line=1).diagnostics:
        assert 1 <= diagnostic.line <= len(lines) + 1
        assert diagnostic.column >= 1


YAML_TEXTS = st.one_of(
    st.text(max_size=80),
    st.text(alphabet="a:-[]{}&*!|>'\"#\n ,?%@`~01.e", max_size=80),
    st.lists(
        st.sampled_from(
            ["a: ", "- ", "\n", "\n  ", "x", "1e-3", "'it''s'", '"\\t"', "|\n  ", "[", "]", ", "]
        ),
        max_size=20,
    ).map("".join),
)


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML without libyaml")
@given(YAML_TEXTS)
@example("a: b: c")
@example("a:\n\t- b")
@example("a: [x, *y]")
@example("a: \ud800")
@example("a: b \t")
@example("? ")
@example("!")
@example("---")
@example("a: |2#b")
def test_libyaml_changes_nothing_but_the_time(text: str) -> None:
    """Values, places and complaints are those of the parser in Python."""
    quick = parse_yaml(text, line=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_nodes, "_QUICK_LOADERS", [])
        assert parse_yaml(text, line=3) == quick


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML without libyaml")
def test_what_is_right_is_read_by_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_nodes, "_Loader", None)
    assert parse_yaml("a: [1, no]\nb: {c: 1e-3}", line=1).data == {"a": [1, "no"], "b": {"c": 1e-3}}


def test_no_python_object_is_made() -> None:
    assert parse_yaml("a: !!python/object/apply:os.getcwd []", line=1).data == {"a": []}
