"""A question's file becomes a question: ids that last, the key kept apart, everything rendered."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizserver.topics.model import Question
from quizserver.topics.question import parse_question, render_question
from tests.topics.content_files import PLAINEST


def render_text(text: str, path: str = "any-topic/anything.md") -> Question:
    draft = parse_question(path, text)
    assert draft.is_servable, draft.diagnostics
    return render_question(draft, topic=path.split("/")[0], rewrite=lambda _name, url: url)


def test_the_plainest_file_is_a_question_with_several_right_options() -> None:
    """No front matter at all: title, stem, four options, three of them right, two sections."""
    question = render_text(PLAINEST)
    assert (question.id, question.topic, question.title) == (
        "anything",
        "any-topic",
        "The late drop",
    )
    assert len(question.options) == 4
    assert len(question.right_ids) == 3
    assert question.multiple
    assert question.shuffle
    assert question.hints_html == ()
    assert "Three of them slow the start" in (question.explanation_html or "")
    assert "https://example.org/recipe" in (question.references_html or "")
    assert question.claims == ()
    assert question.simulation is None


def test_one_right_option_makes_a_single_choice() -> None:
    assert not render_text("# T\n\n- [x] a\n- [ ] b\n").multiple


def test_nothing_of_the_key_is_in_what_is_shown_before_an_answer() -> None:
    text = (
        "# T\n\nStem <!-- the key is Yes --> $x$\n\n"
        "- [x] Yes\n\n  > SECRET\n\n- [ ] No\n\nSECRET\n\n"
        "## Hint\n\nThink.\n\n### Answer\n\nSECRET\n\n## Unknwon\n\nSECRET\n\n# Answer\n\nSECRET\n"
    )
    question = render_text(text)
    shown = [question.title, question.stem_html, *question.hints_html]
    shown += [option.html + option.text + option.id for option in question.options]
    everything = "".join(shown)
    for telltale in ("SECRET", "[x]", "[ ]", "checked", "input", "key is"):
        assert telltale not in everything
    assert question.options[0].html == "Yes"


def test_what_prints_a_question_prints_no_key() -> None:
    """A log line or an error page that shows the value tells nothing."""
    question = render_text("# T\n\n- [x] Yes\n\n  > SECRET\n\n- [ ] No\n\n## Answer\n\nSECRET\n")
    for printed in (repr(question), repr(question.options)):
        assert "SECRET" not in printed
        assert "True" not in printed.replace("shuffle=True", "")


def test_front_matter_gives_every_field() -> None:
    question = render_text(
        "---\nid: my-id\ntitle: Another\ntags: [b, a, b]\nshuffle: false\n"
        "described: [[0, 1], [1, 1e-3]]\nclaims:\n"
        "  - {option: a, arm: x, shape: flat}\n"
        "  - {option: b, arm: y, shape: flat, quantifier: will, at-least: 0.9, over: {k: [1, 2]}}\n"
        "  - {arm: z, shape: steady-decrease, expect: supported}\n"
        "  - {arm: z, shape: ends-above, value: 0, expect: refuted}\n"
        "---\n# T\n\n- [x] a\n- [ ] b\n"
    )
    assert (question.id, question.title, question.tags, question.shuffle) == (
        "my-id",
        "Another",
        ("b", "a"),
        False,
    )
    assert question.described_curve == ((0.0, 1.0), (1.0, 0.001))
    assert question.simulation == "simulation"
    first, second, third, fourth = question.claims
    assert (first.expected, second.expected, third.expected) == (
        "supported",
        "refuted",
        "supported",
    )
    assert (first.quantifier, first.at_least, first.over, first.line) == ("could", 0.5, (), 8)
    assert (second.quantifier, second.at_least) == ("will", 0.9)
    assert [(sweep.knob, sweep.values) for sweep in second.over] == [("k", (1.0, 2.0))]
    assert (third.value, fourth.value, fourth.versus) == (None, 0.0, None)


def test_the_version_is_that_of_the_text_whatever_its_line_ends() -> None:
    question = render_text(PLAINEST)
    assert question.version == hashlib.sha256(PLAINEST.encode()).hexdigest()[:16]
    assert question.source == PLAINEST


def test_a_title_is_plain_text() -> None:
    assert (
        render_text("# Why `lr` & *not* $w_1$? {#why}\n\n- [x] a\n- [ ] b\n").title
        == "Why lr & not w_1?"
    )


def test_a_question_without_a_title_is_named_after_its_file() -> None:
    assert render_text("- [x] a\n- [ ] b\n", "t/late-drop.md").title == "Late drop"


def test_options_hold_formatting_code_and_formulas() -> None:
    question = render_text("# T\n\n- [x] **a** $x$ `c`\n- [ ] b\n\n  ```python\n  x = 1\n  ```\n")
    one, two = question.options
    assert one.html.startswith("<strong>a</strong> <math")
    assert one.text == "a x c"
    assert '<div class="highlight">' in two.html


def test_each_part_has_ids_of_its_own() -> None:
    question = render_text(
        "# T\n\nA[^1]\n\n- [x] a[^1]\n- [ ] b\n\n## Answer\n\nB[^1]\n\n[^1]: Note\n"
    )
    parts = [question.stem_html, question.options[0].html, question.explanation_html or ""]
    prefixes = ["q-anything-stem-", "q-anything-o1-", "q-anything-answer-"]
    for part, prefix in zip(parts, prefixes, strict=True):
        assert f'id="{prefix}fn-1"' in part
        assert f'href="#{prefix}fn-1"' in part


def test_a_definition_at_the_end_serves_every_part_that_uses_it_and_no_other() -> None:
    question = render_text(
        "# T\n\n[here][l]\n\n- [x] a\n- [ ] b\n\n"
        "## References\n\n[l]: https://example.org\n[^s]: SECRET\n\nx[^s]\n"
    )
    assert '<a href="https://example.org"' in question.stem_html
    assert "SECRET" not in question.stem_html
    assert "SECRET" in (question.references_html or "")


WORDS = st.lists(
    st.text(alphabet="abcdefg", min_size=1, max_size=6), min_size=2, max_size=6, unique=True
)


@given(WORDS, st.randoms(use_true_random=False))
def test_ids_do_not_change_when_options_are_put_in_another_order(
    words: list[str], random: object
) -> None:
    def written(order: list[str]) -> str:
        return "# T\n\n" + "".join(f"- [{'x' if w == words[0] else ' '}] {w}\n" for w in order)

    shuffled = list(words)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = render_text(written(words)), render_text(written(shuffled))
    assert {o.text: o.id for o in one.options} == {o.text: o.id for o in other.options}
    assert one.right_ids == other.right_ids


@given(st.text(alphabet="abc ", min_size=1).filter(str.strip))
def test_an_id_that_is_written_stays_when_a_typo_is_fixed(text: str) -> None:
    question = render_text(f"# T\n\n- [x] {text.strip()} {{#kept}}\n- [ ] z {{#other}}\n")
    assert [option.id for option in question.options] == ["kept", "other"]


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_the_checker_and_the_builder_see_unix_lines_only(newline: str) -> None:
    from quizserver.topics.source_text import decode_source

    assert decode_source(PLAINEST.replace("\n", newline).encode()).text == PLAINEST
