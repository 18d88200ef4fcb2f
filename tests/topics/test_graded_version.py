"""The digest by which two texts of a question are the same one: what is read and what is graded."""

from __future__ import annotations

import pytest

from quizserver.topics.model import Question
from quizserver.topics.question import (
    earlier_version,
    graded_version_of,
    parse_question,
    render_question,
)

TEXT = """\
---
described: [[0, 1], [1, 0.5]]
claims:
  - {option: two, arm: low, shape: flat}
---
# Which one is even?

Pick the [even][parity] numbers.

- [x] Two {#two}
  > FEEDBACK
- [ ] Three {#three}

## Hint

Halve them.

## Answer

EXPLANATION

## References

- [A book](https://example.org/book)

[parity]: https://example.org/parity
"""
THE_SAME = {
    "a claim": ("shape: flat}", "shape: flat}\n  - {option: three, arm: high, shape: flat}"),
    "no claims": ("claims:\n  - {option: two, arm: low, shape: flat}\n", ""),
    "a simulation": ("claims:", "simulation: other\nclaims:"),
    "tags": ("claims:", "tags: [parity]\nclaims:"),
    "the feedback": ("FEEDBACK", "Other feedback"),
    "the explanation": ("EXPLANATION", "Another one, with $x$"),
    "the references": ("A book", "Another book"),
    "a comment": ("Pick the", "<!-- easy -->\n\nPick the"),
    "the same number": ("[1, 0.5]", "[1.0, 5e-1]"),
}
ANOTHER = {
    "the title": ("Which one", "Which"),
    "the stem": ("Pick the", "Choose the"),
    "a link of the stem": ("org/parity", "org/oddness"),
    "an option": ("Three {", "Five {"),
    "an option's id": ("{#three}", "{#five}"),
    "one more option": ("- [ ] Three {#three}", "- [ ] Three {#three}\n- [ ] Five {#five}"),
    "the key": ("- [ ] Three", "- [x] Three"),
    "the hint": ("Halve", "Divide"),
    "the described curve": ("[1, 0.5]", "[1, 0.25]"),
}


def render_text(text: str) -> Question:
    parsed = parse_question("numbers/even.md", text)
    assert parsed.is_servable, parsed.diagnostics
    return render_question(parsed, topic="numbers", rewrite=lambda _name, url: url)


def changed(change: tuple[str, str]) -> Question:
    old, new = change
    assert TEXT.count(old) == 1
    return render_text(TEXT.replace(old, new))


@pytest.mark.parametrize("change", THE_SAME.values(), ids=THE_SAME)
def test_what_no_learner_reads_before_the_answer_leaves_it_the_same(change: tuple[str, str]):
    question = changed(change)
    assert question.graded_version == render_text(TEXT).graded_version
    assert question.version != render_text(TEXT).version


@pytest.mark.parametrize("change", ANOTHER.values(), ids=ANOTHER)
def test_what_is_read_or_graded_makes_another_one(change: tuple[str, str]):
    assert changed(change).graded_version != render_text(TEXT).graded_version


def test_a_stored_text_has_the_graded_version_that_it_had():
    question = render_text(TEXT)
    earlier = earlier_version(question, TEXT)
    assert earlier is not None
    assert graded_version_of(question.path, TEXT) == question.graded_version
    assert earlier.graded_version == question.graded_version


def test_a_stored_text_that_cannot_be_served_any_more_has_none():
    assert (
        graded_version_of("numbers/even.md", "# No option is right\n\n- [ ] a\n- [ ] b\n") is None
    )


def test_no_log_line_has_the_digest_by_which_keys_could_be_tried():
    question = render_text(TEXT)
    assert question.graded_version not in repr(question)
